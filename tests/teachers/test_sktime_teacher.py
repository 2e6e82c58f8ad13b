import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.ets import AutoETS
from sktime.forecasting.ltsf import LTSFDLinearForecaster
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.trend import TrendForecaster

from skdistill import Memory
from skdistill.core import resolve_teacher
from skdistill.networks import Linear
from skdistill.sktime import SktimeDistilledForecaster
from skdistill.teachers import SktimeTeacher

pytestmark = pytest.mark.filterwarnings("ignore:The default of config:FutureWarning", "ignore::UserWarning")

FRAME = make_frame(48, 1)
STEPS = [1, 2, 3, 4]


def fit(teacher, frame=FRAME, **changes):
    return make_forecaster(**{"teacher": teacher, "student": Linear(), "validation_fraction": 0, **changes}).fit(frame)


def reduce(strategy="recursive"):
    return make_reduction(LinearRegression(), window_length=6, strategy=strategy)


class CountingNaive(NaiveForecaster):
    """Naive, with a line in a file for every fit."""

    def __init__(self, log="", sp=1):
        self.log = log
        super().__init__(sp=sp)

    def _fit(self, y, X, fh):
        with open(self.log, "a") as stream:
            stream.write(f"{len(y)}\n")
        return super()._fit(y, X, fh)


# -- what the labels are -----------------------------------------------------------------------------


def auto_ets(**settings):
    pytest.importorskip("statsmodels", reason="sktime's AutoETS needs statsmodels")
    return AutoETS(**settings)


@pytest.mark.parametrize("make", [lambda: auto_ets(error="add", trend="add"), TrendForecaster, reduce])
def test_a_label_of_a_window_is_the_forecast_of_a_copy_fitted_on_its_context(make):
    forecaster = fit(SktimeTeacher(make()), FRAME.iloc[:20])
    context = FRAME.iloc[20:32]  # of rows that fit has not seen
    expected = make().fit(context["c0"], fh=STEPS).predict()
    np.testing.assert_allclose(forecaster.predict_teacher(context)["c0"], expected, rtol=1e-4)


@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_a_reduction_fitted_once_applies_its_regressor_to_every_context(strategy):
    forecaster = fit(SktimeTeacher(reduce(strategy), fitting="once"))
    rows = np.lib.stride_tricks.sliding_window_view(FRAME["c0"].to_numpy(), 10)
    model = LinearRegression().fit(*((rows[:, :6], rows[:, 6:]) if strategy == "direct" else one_step(FRAME["c0"])))
    context = FRAME.iloc[10:22]
    last = context["c0"].to_numpy()[-6:]
    expected = model.predict(last[None])[0] if strategy == "direct" else roll(model, last)
    tolerance = 1e-4 if strategy == "recursive" else 0.05  # sktime's direct steps each have windows of their own
    np.testing.assert_allclose(forecaster.predict_teacher(context)["c0"], expected, rtol=tolerance)


def one_step(y):
    rows = np.lib.stride_tricks.sliding_window_view(y.to_numpy(), 7)
    return rows[:, :6], rows[:, 6]


def roll(model, last):
    for _ in STEPS:
        last = np.append(last, model.predict(last[None, -6:]))
    return last[6:]


def test_a_deep_forecaster_of_sktime_teaches_from_the_context():
    deep = LTSFDLinearForecaster(seq_len=8, pred_len=4, num_epochs=3, batch_size=4)
    forecaster = fit(SktimeTeacher(deep, fitting="once"))
    fitted = forecaster.teacher_.fitted_[0]
    first, second = (forecaster.predict_teacher(FRAME.iloc[start : start + 12]) for start in (0, 5))
    assert not np.allclose(first, second)
    by_hand = pd.Series(FRAME["c0"].to_numpy()[:12], index=pd.date_range(FRAME.index[-1], periods=13, freq="h")[1:])
    expected = fitted.update(by_hand, update_params=False).predict(fh=STEPS)
    np.testing.assert_allclose(first.to_numpy().ravel(), np.ravel(expected), rtol=1e-4)


@pytest.mark.slow
def test_every_target_is_labeled_and_covariates_are_not_shown():
    frame = make_frame(40, 3)
    forecaster = fit(SktimeTeacher(NaiveForecaster()), frame, targets=["c2", "c0"])
    forecast = forecaster.predict_teacher(frame)
    np.testing.assert_allclose(forecast.iloc[0], frame[["c2", "c0"]].iloc[-1], rtol=1e-5)


def test_each_series_of_several_has_its_own_fit():
    series = [make_frame(40, 1), make_frame(40, 1, seed=1) * 10]
    teacher = fit(SktimeTeacher(reduce(), fitting="once"), series).teacher_
    coefficients = [one.get_fitted_params()["estimator__intercept"] for one in teacher.fitted_]
    assert coefficients[0] != coefficients[1]


@pytest.mark.slow
def test_each_series_is_answered_by_its_own_fit():
    series = [make_frame(40, 1), make_frame(40, 1, seed=1) * 10]
    both = fit(SktimeTeacher(reduce(), fitting="once"), series)
    alone = fit(SktimeTeacher(reduce(), fitting="once"), series[1])
    found, expected = both.predict_teacher(series)[1], alone.predict_teacher(series[1])
    pd.testing.assert_frame_equal(found, expected, rtol=1e-3)
    assert np.abs(found - alone.predict_teacher(series)[1]).max().max() < 1e-2  # a single fit answers any series


def test_fitted_once_series_that_fit_did_not_see_are_refused():
    series = [make_frame(40, 1), make_frame(40, 1, seed=1) * 10]
    forecaster = fit(SktimeTeacher(reduce(), fitting="once"), series)
    several = r'list of the 2 series of fit, in their order.*got {}( series)?.*fitting="window"'
    with pytest.raises(ValueError, match=several.format(1)):
        forecaster.predict_teacher(series[1])
    with pytest.raises(ValueError, match=several.format(3)):
        forecaster.predict_teacher([*series, series[0]])
    with pytest.raises(ValueError, match=several.format(3)):
        forecaster.compare([*series, series[0]], alone=False, n_resamples=3)
    panel = dict(zip("ab", series, strict=True))
    forecaster = fit(SktimeTeacher(reduce(), fitting="once"), panel)
    expected = forecaster.predict_teacher(panel)
    for names in ("ba", "b"):  # by id, in any order
        found = forecaster.predict_teacher({name: panel[name] for name in names})
        pd.testing.assert_frame_equal(found["b"], expected["b"], rtol=1e-5)
    with pytest.raises(ValueError, match=several.format("'c'")):
        forecaster.predict_teacher({"a": series[0], "c": series[1]})


@pytest.mark.slow
def test_arrays_and_time_zones_do_too():
    assert fit(SktimeTeacher(NaiveForecaster(sp=4)), make_series(40, 1)).predict_teacher(make_series(40, 1)).shape == (
        4,
        1,
    )
    local = FRAME.tz_localize("Europe/Berlin")
    forecast = fit(SktimeTeacher(reduce(), fitting="once"), local).predict_teacher(local)
    assert forecast.index[0] == local.index[-1] + pd.Timedelta("1h")


def test_a_forecaster_of_differences_is_refused():
    pytest.importorskip("statsmodels")
    from sktime.forecasting.sarimax import SARIMAX

    teacher = SktimeTeacher(SARIMAX(order=(1, 1, 0), simple_differencing=True), fitting="series")
    with pytest.raises(ValueError, match="SARIMAX forecasts differences in place of values"):
        fit(teacher)


# -- leaks -------------------------------------------------------------------------------------------


def test_fitted_once_sees_no_validation_row(tmp_path):
    log = tmp_path / "log"
    fit(SktimeTeacher(CountingNaive(str(log)), fitting="once"), validation_fraction=10)
    assert log.read_text().split() == ["38"]


def test_fitted_once_sees_no_row_of_a_horizon_after_the_last_observed_one(tmp_path):
    log = tmp_path / "log"
    frame = make_frame(48, 2)
    frame.iloc[-3:, 0] = np.nan
    roles = {"targets": ["c0"], "known_covariates": ["c1"]}
    fit(SktimeTeacher(CountingNaive(str(log)), fitting="once"), frame, validation_fraction=0, **roles)
    assert log.read_text().split() == [str(len(frame) - 3)]


@pytest.mark.parametrize("frozen", [False, True])
def test_a_label_holds_nothing_of_the_rows_after_its_context(frozen):
    naive = NaiveForecaster()  # under its own labels, sktime answers in sample: the row before each step
    teacher = FrozenEstimator(naive.fit(FRAME["c0"], fh=STEPS)) if frozen else SktimeTeacher(naive, fitting="once")
    forecaster = fit(teacher)
    for end in (12, 30, 48):
        context = FRAME.iloc[end - 12 : end]
        np.testing.assert_allclose(forecaster.predict_teacher(context), context.iloc[[-1] * 4], rtol=1e-5)


def test_fitted_per_window_sees_the_context_only(tmp_path):
    log = tmp_path / "log"
    fit(SktimeTeacher(CountingNaive(str(log))), FRAME.iloc[:24])
    lengths = log.read_text().split()
    assert set(lengths) == {"12"}
    assert len(lengths) >= 24 - 12 - 4 + 1


# -- frozen ------------------------------------------------------------------------------------------


def test_a_frozen_forecaster_teaches_as_it_is(tmp_path):
    log = tmp_path / "log"
    fitted = CountingNaive(str(log)).fit(FRAME["c0"].iloc[:20], fh=STEPS)
    forecaster = fit(FrozenEstimator(fitted))
    assert isinstance(forecaster.teacher_, SktimeTeacher)
    assert len(log.read_text().split()) == 1
    np.testing.assert_allclose(forecaster.predict_teacher(FRAME), FRAME.iloc[[-1] * 4], rtol=1e-5)
    assert fitted.cutoff[0] == FRAME.index[19]  # copies were updated


def test_a_frozen_pretrained_student_of_ours_teaches_another():
    panel = pd.concat({"a": make_frame(40, 1), "b": make_frame(40, 1, seed=1)}, names=["series", "time"])
    ours = SktimeDistilledForecaster(
        None, Linear(), "response", context_length=12, prediction_length=4, validation_fraction=0, random_state=0
    ).pretrain(panel)
    forecaster = fit(FrozenEstimator(ours))
    expected = ours.forecaster_.predict(FRAME["c0"].rename("y"))
    np.testing.assert_allclose(forecaster.predict_teacher(FRAME)["c0"], expected, rtol=1e-4)


# -- workers, memory ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_workers_label_the_same():
    teacher = SktimeTeacher(NaiveForecaster(sp=3))
    alone, together = fit(teacher), fit(teacher, n_jobs=2)
    np.testing.assert_array_equal(alone.predict(FRAME), together.predict(FRAME))


@pytest.mark.slow
def test_labels_are_kept_for_the_next_fit(tmp_path):
    log, memory = tmp_path / "log", Memory(tmp_path / "memory", allow_pickle=True)
    teacher = SktimeTeacher(CountingNaive(str(log)), fitting="once")
    fit(teacher, memory=memory)
    fit(teacher, memory=memory, loss="response")
    assert len(log.read_text().split()) == 1
    fit(SktimeTeacher(CountingNaive(str(log), sp=2), fitting="once"), memory=memory)
    assert len(log.read_text().split()) == 2


def test_one_sktime_forecaster_distilled_inside_sktime():
    student = SktimeDistilledForecaster(
        SktimeTeacher(reduce(), fitting="once"),
        Linear(),
        "response",
        context_length=12,
        prediction_length=4,
        validation_fraction=0,
        random_state=0,
    )
    forecast = student.clone().set_params(teacher__forecaster__window_length=8).fit(FRAME["c0"]).predict(fh=STEPS)
    assert np.abs(forecast - FRAME["c0"].mean()).max() < 2  # a wave of amplitude 1


# -- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [TrendForecaster, auto_ets])
def test_a_forecaster_that_no_context_moves_is_refused(make):
    forecaster = make()
    with pytest.raises(ValueError, match=r'same after any context.*fitting="window"'):
        fit(SktimeTeacher(forecaster, fitting="once"))
    with pytest.raises(ValueError, match=r"same after any context"):
        fit(FrozenEstimator(forecaster.clone().fit(FRAME["c0"], fh=STEPS)))


def test_bad_parameters():
    with pytest.raises(ValueError, match="fitting of SktimeTeacher must be one of 'window', 'once'"):
        fit(SktimeTeacher(NaiveForecaster(), fitting="never"))
    with pytest.raises(TypeError, match="must be a sktime forecaster"):
        fit(SktimeTeacher(LinearRegression()))
    with pytest.raises(ValueError, match="is frozen and not fitted"):
        fit(FrozenEstimator(NaiveForecaster()))
    with pytest.raises(ValueError, match="was fitted on 1 columns, but there are 2 targets"):
        fit(FrozenEstimator(NaiveForecaster().fit(FRAME)), make_frame(40, 2))
    with pytest.raises(TypeError, match="bare sktime forecaster NaiveForecaster: give SktimeTeacher"):
        resolve_teacher(NaiveForecaster())


def test_a_forecast_that_is_not_finite_is_told_with_its_place():
    with pytest.raises(ValueError, match="gives no finite forecast after 2024-01-01 11:00"):
        fit(SktimeTeacher(Silent()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "make", [lambda: SktimeTeacher(NaiveForecaster(sp=6)), lambda: SktimeTeacher(reduce(), fitting="once")]
)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_sktimes_note_on_its_coming_default_is_not_repeated(make, n_channels):
    teacher = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        fit(teacher, make_frame(48, n_channels))
    assert [str(one.message) for one in caught if "remember_data" in str(one.message)] == []


def test_other_warnings_of_a_forecaster_are_shown():
    with pytest.warns(FutureWarning, match="something else will change"):
        fit(SktimeTeacher(Changing()))


class Changing(NaiveForecaster):
    """Announces a change."""

    def _predict(self, fh=None, X=None):
        warnings.warn("something else will change", FutureWarning, stacklevel=2)
        return super()._predict(fh, X)


class Silent(NaiveForecaster):
    """Forecasts nothing."""

    def _predict(self, fh=None, X=None):
        return super()._predict(fh, X) * np.nan
