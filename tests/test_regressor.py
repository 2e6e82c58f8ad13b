"""DistilledRegressor: what it shares with the forecaster beyond fit and predict."""

import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_series
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, PowerTransformer, RobustScaler, StandardScaler
from sktime.forecasting.naive import NaiveForecaster

from skdistill import DistilledRegressor, load
from skdistill.losses import Supervised
from skdistill.networks import MLP, DLinear, Linear
from skdistill.teachers import SktimeTeacher, TrainedTeacher

LEVELS = (0.1, 0.5, 0.9)


def make_table(n_windows=200, n_channels=1, seed=0):
    rows = make_series(n_windows + 15, n_channels, seed)
    windows = np.lib.stride_tricks.sliding_window_view(rows, 16, axis=0).transpose(0, 2, 1)
    return windows[:, :12], windows[:, 12:]


def make_regressor(**changes):
    settings = {"teacher": LastValueTeacher(), "student": DLinear(3), "loss": "response", "max_epochs": 1}
    return DistilledRegressor(**{**settings, "device": "cpu", "random_state": 0, **changes})


def test_the_teacher_forecasts_in_the_shape_of_y():
    X, y = make_table(n_channels=2)
    answer = make_regressor().fit(X, y).predict_teacher(X[:7])
    np.testing.assert_allclose(answer, np.repeat(X[:7, -1:], 4, axis=1), rtol=1e-5)
    flat = make_regressor().fit(X[..., 0], y[..., 0])
    np.testing.assert_allclose(flat.predict_teacher(X[:7, :, 0]), answer[..., 0], rtol=1e-5)
    single = make_regressor().fit(X[..., 0], y[:, 0, 0])
    np.testing.assert_allclose(single.predict_teacher(X[:7, :, 0]), X[:7, -1, 0], rtol=1e-5)
    assert answer.dtype == np.float64


def test_without_a_teacher_there_is_none_to_ask_and_nothing_to_label():
    X, y = make_table()
    regressor = make_regressor(teacher=None, student=Linear()).fit(X, y)
    with pytest.raises(
        ValueError, match="predict_teacher needs a teacher, and this DistilledRegressor was fitted with"
    ):
        regressor.predict_teacher(X)
    with pytest.raises(ValueError, match="teacher of DistilledRegressor is None: there is nothing to label"):
        regressor.estimate_labeling(X, y)


def test_labeling_is_estimated_without_fitting():
    X, y = make_table(200)
    regressor = make_regressor(validation_fraction=0.25)
    estimate = regressor.estimate_labeling(X, y, n_samples=8)
    assert estimate.n_windows == 150
    assert not hasattr(regressor, "n_features_in_")


def test_calibrating_on_a_table_covers_its_windows():
    X, y = make_table(400)
    test_X, test_y = make_table(300, seed=1)
    regressor = make_regressor(quantiles=LEVELS, calibration="conformal").fit(X[..., 0], y[..., 0])
    before = regressor.predict_interval(test_X[..., 0])
    truth = test_y[..., 0] + np.random.default_rng(0).normal(size=(300, 4))
    after = regressor.calibrate(test_X[..., 0], truth).predict_interval(test_X[..., 0])
    inside = [((truth >= one[..., 0]) & (truth <= one[..., 1])).mean() for one in (before, after)]
    assert inside[0] < 0.7
    assert 0.8 <= inside[1] < 0.81  # ranks of 300 windows, step by step


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one, "dlinear"]], ids=["alone", "in a list"])
def test_teachers_of_whole_series_are_refused_as_a_table_has_none(wrap):
    teacher = wrap(SktimeTeacher(NaiveForecaster(), fitting="once"))
    with pytest.raises(ValueError, match=r"SktimeTeacher.* is fitted on the rows of each series, and DistilledRegress"):
        DistilledRegressor(teacher).fit(np.ones((5, 4)), np.ones((5, 2)))


def test_a_table_of_another_shape_is_refused():
    X, y = make_table(300)
    regressor = make_regressor(quantiles=LEVELS, calibration="conformal").fit(X, y)
    with pytest.raises(ValueError, match=r"must be the values that followed each context, \(300, 4, 1\)"):
        regressor.calibrate(X, y[:, :3])
    with pytest.raises(ValueError, match="calibrate needs calibration='conformal' or 'rolling' of DistilledRegressor"):
        make_regressor(quantiles=LEVELS).fit(X, y).calibrate(X, y)


# -- X and y scaled apart ------------------------------------------------------------------------


def make_level(kind, n_rows=900):
    generator, time = np.random.default_rng(7), np.arange(n_rows)
    if kind == "walk":
        return 5000 + 20 * np.cumsum(generator.normal(size=n_rows))
    if kind == "season":
        return 300 + 40 * np.sin(2 * np.pi * time / 12) + 3 * generator.normal(size=n_rows)
    if kind == "noise":
        return generator.normal(size=n_rows)
    return 50 + 0.5 * time + generator.normal(size=n_rows)


def cut(values, context_length=18, prediction_length=5):
    windows = np.lib.stride_tricks.sliding_window_view(values, context_length + prediction_length)
    return windows[:, :context_length], windows[:, context_length:]


def root_mean_squared(model, X, y):
    split = int(0.7 * len(X))
    forecast = model.fit(X[:split], y[:split]).predict(X[split + 5 :])
    return np.sqrt(np.square(forecast - y[split + 5 :]).mean())


@pytest.mark.parametrize(("given", "told"), [(40, "train"), (10**6, "train"), (1e-9, "validate"), (0.02, "validate")])
def test_validation_and_training_have_rows(given, told):
    with pytest.raises(ValueError, match=f"= {given} leaves none of the 40 rows of X to {told} on"):
        make_regressor(validation_fraction=given).fit(np.ones((40, 8)), np.ones((40, 2)))


def linear_regressor():  # without validation rows, to see as many rows as a ridge regression
    student = Linear(individual=True)
    return DistilledRegressor(None, student, "response", validation_fraction=0, random_state=0, device="cpu")


APART = {
    "y standard": lambda one: TransformedTargetRegressor(one, transformer=StandardScaler()),
    "y robust": lambda one: TransformedTargetRegressor(one, transformer=RobustScaler()),
    "y log": lambda one: TransformedTargetRegressor(one, func=np.log, inverse_func=np.exp, check_inverse=False),
    "y negative": lambda one: TransformedTargetRegressor(one, func=np.negative, inverse_func=np.negative),
    "X standard": lambda one: make_pipeline(StandardScaler(), one),
    "X to [0, 1]": lambda one: make_pipeline(MinMaxScaler(), one),
    "X in thousands": lambda one: make_pipeline(FunctionTransformer(lambda X: X / 1000), one),
    "X and y": lambda one: make_pipeline(MinMaxScaler(), TransformedTargetRegressor(one, transformer=StandardScaler())),
}


@pytest.mark.parametrize("how", APART)
@pytest.mark.parametrize("kind", ["walk", "season"])
def test_tables_scaled_apart_are_forecast_as_well_as_by_a_ridge_regression(kind, how):
    X, y = cut(make_level(kind))
    ridge = root_mean_squared(APART[how](Ridge()), X, y)
    plain = root_mean_squared(linear_regressor(), X, y)
    assert root_mean_squared(APART[how](linear_regressor()), X, y) < 1.25 * max(ridge, plain)


@pytest.mark.parametrize("kind", ["walk", "season"])
def test_changes_as_targets_are_forecast_as_well_as_by_a_ridge_regression(kind):
    X, y = cut(make_level(kind))
    changes = y - X[:, -1:]
    ridge = root_mean_squared(make_pipeline(StandardScaler(), Ridge()), X, changes)
    assert root_mean_squared(linear_regressor(), X, changes) < 1.25 * ridge


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("kind", ["season", "waves"])
def test_steps_that_are_transformed_separately_are_forecast_as_well_as_by_a_ridge_regression(kind, standardize):
    time = np.arange(600)
    waves = np.exp(np.sin(time / 6) + 0.2 * np.random.default_rng(5).normal(size=600))
    X, y = cut(waves if kind == "waves" else make_level(kind, 600))

    def error(one):
        power = PowerTransformer(standardize=standardize)  # one power and, where wanted, unit for each step
        return root_mean_squared(TransformedTargetRegressor(one, transformer=power), X, y)

    assert error(linear_regressor()) < 1.25 * error(Ridge(0.01))


def test_a_step_of_another_unit_is_told_apart(tmp_path):
    X, y = cut(make_level("season"))
    units = np.array([0.02, 3.0, 50.0, 0.4, 1.0])
    plain = linear_regressor().fit(X, (y - 300) / 20)
    regressor = linear_regressor().fit(X, (y - 300) * units)
    np.testing.assert_allclose(regressor.predict(X) / units, plain.predict(X) * 20, atol=0.5)
    regressor.save(tmp_path / "steps.skdistill")
    np.testing.assert_array_equal(load(tmp_path / "steps.skdistill").predict(X[:5]), regressor.predict(X[:5]))


@pytest.mark.parametrize("student", [Linear(individual=True), MLP(8, batch_norm=False)])
def test_targets_are_in_larger_units_as_in_smaller_ones(student):
    shocks, returns = np.random.default_rng(0).normal(size=400), np.zeros(400)
    for row in range(3, 400):
        returns[row] = 0.6 * returns[row - 3] + shocks[row]  # the last row says nothing of the first step
    X, y = cut(returns)
    regressor = DistilledRegressor(None, student, "response", max_epochs=3, random_state=0, device="cpu")
    smaller, larger, much_larger = (regressor.fit(X, unit * y).predict(X) / unit for unit in (1e-4, 10.0, 1e4))
    np.testing.assert_allclose(larger, smaller, atol=1e-3)
    np.testing.assert_allclose(much_larger, smaller, atol=1e-3)
    assert np.corrcoef(larger[:, 0], y[:, 0])[0, 1] > 0.3


def test_a_student_trained_by_gradient_bears_a_scaler_of_its_targets():
    X, y = cut(make_level("season"))
    student = DistilledRegressor(None, MLP(32), "response", max_epochs=15, random_state=0, device="cpu")
    plain = root_mean_squared(student, X, y)
    assert root_mean_squared(APART["y standard"](student), X, y) < 1.5 * plain


@pytest.mark.parametrize("kind", ["walk", "season", "noise", "trend"])
def test_targets_that_continue_their_contexts_are_left_as_they_are(kind):
    X, y = cut(make_level(kind))
    assert linear_regressor().fit(X, y)._target_lines is None


def test_one_channel_apart_leaves_the_others():
    X, y = (np.stack([one, -one], axis=2) for one in cut(make_level("season")))
    plain = linear_regressor().fit(X, y).predict(X[:9])
    other = y.copy()
    other[..., 1] = y[..., 1] / 50 + 8
    forecast = linear_regressor().fit(X, other).predict(X[:9])
    np.testing.assert_allclose(forecast[..., 0], plain[..., 0], rtol=1e-4)
    np.testing.assert_allclose(forecast[..., 1], plain[..., 1] / 50 + 8, rtol=0.02)


def test_tables_scaled_apart_with_quantiles_saved_and_not_exported(tmp_path):
    X, y = cut(make_level("walk"))
    scaled = (y - 4000) / 100
    settings = {"max_epochs": 3, "quantiles": LEVELS, "calibration": "conformal", "random_state": 0, "device": "cpu"}
    regressor = DistilledRegressor(None, DLinear(3), "response", **settings).fit(X[:600], scaled[:600])
    low, high = np.moveaxis(regressor.calibrate(X[600:], scaled[600:]).predict_interval(X[600:]), -1, 0)
    assert ((scaled[600:] >= low) & (scaled[600:] <= high)).mean() >= 0.8
    assert (low <= high).all()
    assert (high - low).mean() < scaled.std()
    regressor.save(tmp_path / "apart.skdistill")
    np.testing.assert_array_equal(load(tmp_path / "apart.skdistill").predict(X[:5]), regressor.predict(X[:5]))
    with pytest.raises(ValueError, match=r"X and y were scaled apart cannot be exported.*standardizes by itself"):
        regressor.export(tmp_path / "apart.npz")


NAMES = {
    "numbers": pd.Index([9, 8, 7, 6, 5, 4]),
    "default": None,
    "text": pd.Index(list("abcdef")),
    "levels": pd.MultiIndex.from_product([["lag"], range(6)]),
    "times": pd.date_range("2024-01-01", periods=6, freq="h"),
}


def table_of(names):
    windows = np.lib.stride_tricks.sliding_window_view(make_series(60, 1)[:, 0], 8)
    return pd.DataFrame(windows[:, :6], columns=names), windows[:, 6:]


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_columns_in_another_order_are_refused_whatever_their_names_are(names, tmp_path):
    X, y = table_of(names)
    regressor = DistilledRegressor(None, "linear", "response").fit(X, y)
    expected = regressor.predict(X)
    regressor.save(tmp_path / "student.skdistill")
    for one in (regressor, load(tmp_path / "student.skdistill")):
        np.testing.assert_array_equal(one.predict(X), expected)
        for call in (one.predict, lambda X, one=one: one.score(X, y)):
            with pytest.raises(ValueError, match=r"in their order|in the same order"):
                call(X.iloc[:, ::-1])
    with pytest.raises(ValueError, match=r"y of score must have shape \(\d+, \d+\), as forecasts have"):
        regressor.score(X, np.asarray(y)[:, :, None])
    if names is not None and names is not NAMES["text"]:
        with pytest.raises(ValueError, match=r"must have the columns of fit|should match"):
            regressor.predict(X.set_axis(X.columns[:-1].append(X.columns[:1]), axis=1))


@pytest.mark.parametrize("place", ["X", "y", "X of predict", "y of calibrate"])
def test_masked_entries_of_a_table_are_missing(place):
    X, y = (np.array(one) for one in table_of(None))
    masked = np.ma.masked_greater(y if place[0] == "y" else X, np.quantile(X, 0.9))
    regressor = DistilledRegressor(
        None, "linear", "response", quantiles=(0.1, 0.9), calibration="conformal", max_epochs=1, random_state=0
    )
    calls = {
        "X": lambda: regressor.fit(masked, y),
        "y": lambda: regressor.fit(X, masked),
        "X of predict": lambda: regressor.fit(X, y).predict(masked),
        "y of calibrate": lambda: regressor.fit(X, y).calibrate(X, masked),
    }
    with pytest.raises(ValueError, match="NaN"):
        calls[place]()


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_times_in_tables_of_other_libraries_are_no_numbers(library):
    frame, y = table_of(list("abcdef"))
    module = pytest.importorskip(library)

    def convert(one):
        return module.from_pandas(one) if library == "polars" else module.Table.from_pandas(one)

    timed = frame.assign(a=pd.date_range("2024-01-01", periods=len(frame)))
    with pytest.raises(ValueError, match="'a' is a time"):
        DistilledRegressor(None, "linear", "response").fit(convert(timed), y)
    fitted = DistilledRegressor(None, "linear", "response").fit(convert(frame), y)
    np.testing.assert_array_equal(fitted.predict(convert(frame)), fitted.predict(frame))


def test_score_of_several_channels_is_the_mean_over_steps_and_channels():
    rng = np.random.default_rng(0)
    rows = np.cumsum(rng.normal(size=(70, 2)), axis=0)
    windows = np.lib.stride_tricks.sliding_window_view(rows, 11, axis=0).transpose(0, 2, 1)
    X, y, weight = windows[:, :8], windows[:, 8:], rng.random(60)
    regressor = DistilledRegressor(None, "linear", "response").fit(X, y)
    forecast = regressor.predict(X)
    of_each = [
        r2_score(y[:, step, channel], forecast[:, step, channel], sample_weight=weight)
        for step in range(3)
        for channel in range(2)
    ]
    assert regressor.score(X, y, weight) == pytest.approx(np.mean(of_each))
    with pytest.raises(
        ValueError, match=r"y of score must have shape \(60, 3, 2\), as forecasts have; got \(60, 3, 1\)"
    ):
        regressor.score(X, y[:, :, :1])


def test_labels_that_continue_a_table_whose_targets_do_not_are_told():
    contexts, y = cut(make_level("season", 300))
    weather = cut(np.random.default_rng(1).normal(size=300))[0]
    untrained = DistilledRegressor([LastValueTeacher(), LastValueTeacher()], "linear", "response", random_state=0)
    with pytest.warns(UserWarning, match=r"LastValueTeacher does not learn from y.*say so by n_covariates="):
        untrained.fit(np.hstack([contexts, weather]), y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        untrained.fit(contexts, y)
        clone(untrained).set_params(teacher=None).fit(np.hstack([contexts, weather]), y)


SCALED = {
    "standardized": lambda X, y: (X, (y - y.mean()) / y.std()),
    "differences": lambda X, y: (X, np.diff(np.hstack([X[:, -1:], y]), axis=1)),
    "logarithms": lambda X, y: (X, np.log(y)),
    "falling": lambda X, y: (X, 200.0 - y),
}


@pytest.mark.parametrize("name", SCALED)
def test_a_rate_of_growth_is_no_scaler(name):
    rows = 10 * np.exp(np.arange(300) / 80) + np.random.default_rng(0).normal(size=300)
    X, y = np.split(np.lib.stride_tricks.sliding_window_view(rows, 14), [12], axis=1)
    untrained = DistilledRegressor(LastValueTeacher(), "linear", "response", random_state=0)
    with pytest.warns(UserWarning, match="do not continue the rows of X"):
        untrained.fit(*SCALED[name](X, y))
    unread = clone(untrained).set_params(loss=Supervised())
    trained = clone(untrained).set_params(teacher=TrainedTeacher("dlinear", max_epochs=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        untrained.fit(X, y)
        warnings.simplefilter("ignore")  # of so few updates, of a teacher that is not read
        warnings.filterwarnings("error", message=".* do not continue the rows of X")
        for one in (unread, trained):
            one.fit(*SCALED[name](X, y))
