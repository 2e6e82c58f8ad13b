"""A fitted forecaster as teacher: which channel a label is of, and what the forecaster may read."""

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import make_forecaster, make_series
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdistill import DistilledRegressor, compare
from skdistill.data._context_batch import ContextBatch
from skdistill.losses import Supervised
from skdistill.networks import ITransformer, Linear
from skdistill.sktime import SktimeDistilledForecaster
from skdistill.teachers import EnsembleTeacher, FrozenTeacher

pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")

STEPS = np.arange(200)
FRAME = pd.DataFrame(
    {"a": np.sin(STEPS / 3) + 100, "b": np.sin(STEPS / 5)}, index=pd.date_range("2024", periods=200, freq="h")
)
LEVELS = (0.1, 0.5, 0.9)


def fit(teacher=None, frame=FRAME, **changes):
    settings = {"teacher": teacher, "student": Linear(), "loss": "response", "max_epochs": 1, **changes}
    return make_forecaster(**settings).fit(frame)


def in_pipeline(forecaster):
    return make_pipeline(StandardScaler().set_output(transform="pandas"), forecaster).fit(FRAME)


# -- which channel a label is of ---------------------------------------------------------------------


@pytest.mark.parametrize("targets", [["b", "a"], ["b"], ["a"], None])
@pytest.mark.parametrize("before", [lambda one: one, in_pipeline])
def test_labels_are_of_the_targets_of_the_student(targets, before):
    heavy = before(fit())
    labels = fit(FrozenEstimator(heavy), targets=targets).predict_teacher(FRAME)
    expected = fit().predict(FRAME)[targets or ["a", "b"]]
    pd.testing.assert_frame_equal(labels, expected, rtol=1e-3, atol=1e-2, check_freq=False)


def test_quantiles_are_of_the_targets_of_the_student():
    heavy = fit(student="dlinear", quantiles=LEVELS, loss=Supervised())
    forecaster = fit(FrozenEstimator(heavy), targets=["b"])
    contexts = ContextBatch(FRAME.to_numpy()[None, -12:], [FRAME.index[-12:]]).standardized(
        forecaster.scaling_, 4, with_time=False
    )
    quantiles = forecaster.teacher_.label(contexts).quantiles.numpy()
    found = forecaster.scaling_.forecasts_to_original(quantiles)[0, ..., 0].T
    np.testing.assert_allclose(found, heavy.predict_quantiles(FRAME)["b"], rtol=1e-3, atol=1e-3)


def test_a_target_that_the_teacher_does_not_forecast_is_refused():
    heavy = fit(targets=["a"])
    with pytest.raises(ValueError, match=r"among the columns that the frozen teacher forecasts, \[0\].*got \[1\]"):
        fit(FrozenEstimator(heavy), targets=["b"])


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"fitted on 1 channels, and X has 2: pass the same"):
        fit(FrozenEstimator(fit(frame=FRAME[["a"]])))


@pytest.mark.parametrize(
    "wrap", [FrozenEstimator, lambda one: EnsembleTeacher([("one", FrozenTeacher(FrozenEstimator(one)))])]
)
@pytest.mark.parametrize("frame", [FRAME[["b", "a"]], FRAME.set_axis(["c", "d"], axis=1)])
def test_columns_of_another_order_or_name_are_refused(wrap, frame):
    with pytest.raises(ValueError, match=r"fitted on, \['a', 'b'\], in this order; got .*X\[\['a', 'b'\]\]"):
        fit(wrap(fit()), frame)


def test_without_names_channels_are_taken_by_position():
    heavy = fit()
    labels = fit(FrozenEstimator(heavy), FRAME.to_numpy()).predict_teacher(FRAME.to_numpy())
    np.testing.assert_allclose(labels, heavy.predict(FRAME), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("freq", "n_told"), [("D", 0), ("24h", 0), ("h", 1)])
def test_rows_of_another_step_are_told_as_by_predict(recwarn, freq, n_told):
    days, other = (pd.date_range("2024-01-01", periods=len(FRAME), freq=one) for one in ("D", freq))
    fit(FrozenEstimator(fit(frame=FRAME.set_axis(days))), FRAME.set_axis(other))
    assert sum("frozen teacher labels have the step" in str(one.message) for one in recwarn) == n_told


# -- the calendar ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [lambda one: one, in_pipeline])
@pytest.mark.parametrize("quantiles", [None, LEVELS])
def test_a_forecaster_that_reads_the_calendar_teaches(before, quantiles):
    loss = "response" if quantiles is None else Supervised()
    heavy = before(
        make_forecaster(teacher=None, student=ITransformer(8, n_heads=2), loss=loss, quantiles=quantiles).fit(FRAME)
    )
    labels = fit(FrozenEstimator(heavy), context_length=16).predict_teacher(FRAME)
    expected = heavy.predict(FRAME)
    if before is in_pipeline:
        expected = heavy[0].inverse_transform(expected)
    np.testing.assert_allclose(labels, expected, rtol=1e-4, atol=1e-3)


def test_without_a_calendar_the_error_names_what_is_missing():
    heavy = make_forecaster(teacher=None, student=ITransformer(8, n_heads=2)).fit(FRAME)
    with pytest.raises(ValueError, match="DatetimeIndex"):
        fit(FrozenEstimator(heavy), FRAME.to_numpy())


def test_the_calendar_before_a_short_series_is_that_of_predict():
    panel = pd.concat(
        {"long": FRAME[["a"]], "short": FRAME[["b"]][:19].rename(columns={"b": "a"})}, names=["id", "time"]
    )
    settings = {"student": Linear(time_features=True), "loss": Supervised(), "validation_fraction": 0}
    heavy = make_forecaster(teacher=None, **settings).fit(panel)
    forecaster = make_forecaster(teacher=FrozenEstimator(heavy), **{**settings, "loss": "response"}, min_observed=5)
    forecaster.fit(panel)
    train = forecaster._windows_to_fit(panel, None).train
    cut = train.contexts(torch.tensor([len(train) - 11]))
    assert (cut.series[0], cut.origins[0]) == (1, 5)
    labels = forecaster.teacher_.label_training(cut).forecast.numpy()
    expected = heavy.predict(panel.loc[["short"]].iloc[:5])
    np.testing.assert_allclose(cut.forecasts_to_original(labels)[0], expected, rtol=1e-4)


@pytest.mark.parametrize("covariate", [False, True])
def test_inside_sktime_the_names_are_those_without_the_prefix(covariate):
    names = list(FRAME.columns)
    heavy = fit(targets=names[:1] if covariate else None)
    student = SktimeDistilledForecaster(
        teacher=FrozenEstimator(heavy), student=Linear(), loss="response", context_length=12, prediction_length=4
    )
    y, X = (FRAME[names[:1]], FRAME[names[1:]]) if covariate else (FRAME, None)
    student.fit(y, X)
    forecast = student.predict([1], X if X is None else X.iloc[-1:].set_axis(X.index[-1:] + X.index.freq))
    assert abs(forecast.iloc[0, 0] - 100) < 5


@pytest.mark.parametrize("scaling", ["series", "global"])
def test_a_forecaster_of_a_panel_labels_known_series_in_their_units(scaling):
    index = pd.date_range("2024-01-01", periods=120, freq="h", name="time")
    panel = {
        name: pd.DataFrame(make_series(120, 1, seed) * 10.0**seed, index, ["load"]) for seed, name in enumerate("abc")
    }
    teacher = make_forecaster(teacher=None, student="mlp", scaling="series").fit({name: panel[name] for name in "ab"})
    forecaster = make_forecaster(teacher=FrozenEstimator(teacher), scaling=scaling).fit(panel)
    expected = teacher.predict(panel)
    for name, forecast in forecaster.predict_teacher(panel).items():
        np.testing.assert_allclose(forecast, expected[name], rtol=1e-4)
    cut = forecaster._windows_to_fit(panel, None).train.contexts(torch.tensor([0]))
    labels = forecaster.teacher_.label_training(cut)
    first = teacher.predict({"a": panel["a"].iloc[: cut.origins[0]]})["a"]
    np.testing.assert_allclose(cut.forecasts_to_original(labels.forecast.numpy())[0], first, rtol=1e-4)


def test_gaps_are_missing_for_a_forecaster_too():
    frame = FRAME[["a"]] - 100
    frame.iloc[190:196] = np.nan
    teacher = fit(frame=frame, scaling="window")
    forecaster = fit(FrozenEstimator(teacher), frame, scaling="global")
    np.testing.assert_allclose(forecaster.predict_teacher(frame), teacher.predict(frame), rtol=1e-4)


def make_sized_panel(sizes, with_visits=True):
    """Make series with a static size, and a promo in words."""
    generator, parts = np.random.default_rng(0), {}
    for name, size in sizes.items():
        promo = generator.random(60) < 0.4
        columns = {"sales": 10 * size + 4 * promo + generator.normal(size=60), "promo": np.where(promo, "yes", "no")}
        more = {"visits": generator.normal(size=60)} if with_visits else {}
        parts[name] = pd.DataFrame({**columns, **more, "size": float(size)}, pd.date_range("2024-01-01", periods=60))
    return pd.concat(parts, names=["shop", "time"])


@pytest.mark.parametrize("with_visits", [True, False])
def test_static_covariates_and_categories_are_read_in_the_units_of_the_teacher(with_visits):
    """The sizes of the student's series have another mean and spread."""
    roles = {"targets": ["sales"], "known_covariates": ["promo"], "static_covariates": ["size"]}
    theirs = make_sized_panel({"a": 0, "b": 1, "c": 3}, with_visits)
    ours = make_sized_panel({"x": 10, "y": 11}, with_visits)
    settings = {**roles, "student": Linear(season=7), "loss": Supervised(), "scaling": "window"}
    teacher = make_forecaster(teacher=None, **settings).fit(theirs)
    past, plan = ours.groupby(level=0).head(56), ours.groupby(level=0).tail(4)[["promo"]]
    student = make_forecaster(teacher=FrozenEstimator(teacher), **{**settings, "loss": "response"}).fit(past)
    told = student.predict_teacher(past, future=plan)
    np.testing.assert_allclose(told, teacher.predict(past, future=plan), atol=1e-4)
    with pytest.raises(ValueError, match=r"promo=yes \(else no\).*got .*promo=yes \(else maybe\)"):
        clone(student).fit(past.replace({"promo": {"no": "maybe"}}))
    other, others = ours.rename(columns={"size": "rooms"}), clone(student).set_params(static_covariates=["rooms"])
    with pytest.raises(ValueError, match="static_covariates must be those of the frozen teacher, \\['size'\\]"):
        others.fit(other)


def test_a_regressor_with_covariates_of_its_own_is_refused():
    """It would take the last rows of a longer context for its covariates."""
    table = np.random.default_rng(0).normal(size=(40, 18))
    regressor = DistilledRegressor(None, Linear(), Supervised(), n_covariates=2).fit(table[:, :14], table[:, 14:])
    with pytest.raises(ValueError, match="reads 2 covariates in the last columns of its table"):
        make_forecaster(teacher=FrozenEstimator(regressor), context_length=14).fit(make_series())


def test_a_pipeline_whose_inverse_changes_nothing_does_not_teach():
    series = 10.0 + make_series()
    pipeline = make_pipeline(FunctionTransformer(np.log1p), make_forecaster(teacher=None)).fit(series)
    with pytest.raises(ValueError, match=r"forecasts in original units; it changes nothing, and they turn"):
        make_forecaster(teacher=FrozenEstimator(pipeline)).fit(series)


def test_a_pipeline_whose_step_cannot_go_back_is_named():
    series = 10.0 + make_series()
    pipeline = make_pipeline(SimpleImputer(), make_forecaster(teacher=None)).fit(series)
    with pytest.raises(ValueError, match=r"an inverse_transform, .*of these fails: .*add_indicator"):
        compare({"student": pipeline}, series, series)


def test_a_pipeline_of_differences_neither_teaches_nor_is_compared():
    series = 10.0 + make_series()
    differences = FunctionTransformer(lambda x: np.diff(x, axis=0, prepend=x[:1]), lambda x: np.cumsum(x, axis=0))
    pipeline = make_pipeline(differences.set_params(check_inverse=False), make_forecaster(teacher=None)).fit(series)
    with pytest.raises(ValueError, match="the steps before the forecaster must treat each row separately"):
        make_forecaster(teacher=FrozenEstimator(pipeline)).fit(series)
    with pytest.raises(ValueError, match="the steps before the forecaster must treat each row separately"):
        compare({"student": pipeline}, series, series)


@pytest.mark.parametrize(
    ("there", "back"),
    [(lambda x: np.diff(x, axis=0), lambda x: np.cumsum(x, axis=0)), (lambda x: x - 1.0, lambda x: np.ravel(x + 1.0))],
)
def test_a_pipeline_that_loses_rows_or_their_shape_neither_teaches_nor_is_compared(there, back):
    series = 10.0 + make_series()
    step = FunctionTransformer(there, back, check_inverse=False)
    pipeline = make_pipeline(step, make_forecaster(teacher=None)).fit(series)
    with pytest.raises(ValueError, match=r"must keep every row, and their inverse_transform the shape.*back into"):
        make_forecaster(teacher=FrozenEstimator(pipeline)).fit(series)
    with pytest.raises(ValueError, match=r"must keep every row, and their inverse_transform the shape.*back into"):
        compare({"student": pipeline}, series, series)


KNOWN = {"known_covariates": ["b"], "prediction_length": 4}


def test_a_pipeline_reads_known_covariates_of_the_horizon_in_its_own_units():
    frame = FRAME.assign(b=50 + 20 * np.random.default_rng(0).random(200))
    frame["a"] += frame["b"]
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), make_forecaster(teacher=None, **KNOWN))
    student = fit(FrozenEstimator(pipeline.fit(frame)), frame, **KNOWN)
    plan = pd.DataFrame({"b": [60.0, 51.0, np.nan, 66.0]})
    scaler, inner = pipeline
    within = plan.assign(b=(plan["b"] - scaler.mean_[1]) / scaler.scale_[1])
    expected = inner.predict(scaler.transform(frame), future=within)["a"] * scaler.scale_[0] + scaler.mean_[0]
    np.testing.assert_allclose(student.predict_teacher(frame, future=plan)["a"], expected, rtol=1e-5)


def test_a_pipeline_that_mixes_known_covariates_with_targets_neither_teaches_nor_is_compared():
    def mix(x, sign=1.0):
        return x @ np.array([[1.0, sign], [0.0, 1.0]])  # the second channel depends on the first

    steps = FunctionTransformer(mix, mix, inv_kw_args={"sign": -1.0})
    series, known = make_series(), {"known_covariates": [1], "student": Linear()}
    pipeline = make_pipeline(steps, make_forecaster(teacher=None, **known)).fit(series)
    with pytest.raises(ValueError, match=r"must treat known covariates separately.*channel 1 depends on others"):
        make_forecaster(teacher=FrozenEstimator(pipeline), **known).fit(series)
    with pytest.raises(ValueError, match=r"must treat known covariates separately.*channel 1 depends on others"):
        compare({"student": pipeline}, series, series)
