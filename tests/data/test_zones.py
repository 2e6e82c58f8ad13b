"""Times of another zone than those of fit are told where a student or a teacher reads the calendar."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge

import skdistill
from skdistill import DistilledForecaster
from skdistill.networks import ITransformer, Linear
from skdistill.teachers import EnsembleTeacher, RegressorTeacher, TrainedTeacher

BERLIN = pd.date_range("2024-01-01", periods=240, freq="h", tz="Europe/Berlin")
HOURS = pd.DataFrame({"y": 1.0 * (BERLIN.hour == 8) + 0.1 * np.sin(np.arange(240))}, index=BERLIN)
MESSAGE = r"are (in|without).* and those of fit in Europe/Berlin: .*X\.tz_(convert|localize)\('Europe/Berlin'\)"


def make(student=Linear(time_features=True, last_rows=4), **changes):  # noqa: B008 - never fitted itself
    return DistilledForecaster(None, student, "response", context_length=24, prediction_length=6, **changes)


@pytest.fixture(scope="module")
def forecaster():
    return make().fit(HOURS)


def silently(function, *given):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the times of")
        return function(*given)


def test_another_zone_is_told_at_every_door(forecaster, tmp_path):
    utc, plain = HOURS.tz_convert("UTC"), HOURS.tz_localize(None)
    forecaster.save(tmp_path / "zones.skdistill")
    loaded = skdistill.load(tmp_path / "zones.skdistill")
    doors = [forecaster.predict, forecaster.backtest, forecaster.score, loaded.predict]
    for door in (*doors, lambda rows: forecaster.predict({"a": HOURS, "b": rows})):
        for rows in (utc, plain):
            with pytest.warns(UserWarning, match=MESSAGE):
                door(rows)
    with pytest.warns(UserWarning, match="frozen teacher labels are in UTC, and those of fit in Europe/Berlin"):
        DistilledForecaster(
            FrozenEstimator(forecaster), "linear", "response", context_length=24, prediction_length=6
        ).fit(utc)


def test_the_same_clock_and_students_without_a_calendar_are_not_told(forecaster):
    expected = silently(forecaster.predict, HOURS)
    np.testing.assert_array_equal(silently(forecaster.predict, HOURS.tz_convert("Europe/Paris")), expected)
    silently(make("linear").fit(HOURS).predict, HOURS.tz_convert("UTC"))
    days = HOURS.set_axis(pd.date_range("2024-01-01", periods=240))
    weekly = make(Linear(time_features=True)).fit(days)
    silently(weekly.predict, days.tz_localize("Europe/Berlin"))
    shops = make().fit({"a": HOURS, "b": HOURS.set_axis(BERLIN.tz_localize(None).tz_localize("Asia/Tokyo"))})
    silently(shops.predict, HOURS.tz_convert("Asia/Tokyo"))


def test_hours_as_periods_have_no_zone(forecaster):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Converting to Period")
        hours = [rows.set_axis(rows.index.to_period("h")) for rows in (HOURS, HOURS.tz_convert("UTC"))]
    for rows in hours:
        with pytest.warns(UserWarning, match=r"without a zone.*X\.to_timestamp\(\)\.tz_localize\('Europe/Berlin'\)"):
            forecaster.predict(rows)
    fitted = make().fit(hours[0])
    for rows in (HOURS, HOURS.tz_convert("UTC")):
        with pytest.warns(UserWarning, match="the times of X are in .*, and those of fit without a zone"):
            fitted.predict(rows)
    for rows in (hours[0], HOURS.tz_localize(None)):
        silently(fitted.predict, rows)
    days = HOURS.set_axis(pd.date_range("2024-01-01", periods=240, tz="Europe/Berlin"))
    daily = make(Linear(time_features=True)).fit(days)
    silently(daily.predict, days.set_axis(pd.period_range("2024-01-01", periods=240, freq="D")))


@pytest.mark.parametrize(
    ("teacher", "reads"),
    [
        (
            TrainedTeacher(ITransformer(4, n_heads=1, n_layers=1, feedforward_size=4), max_epochs=1, batch_size=256),
            True,
        ),
        (
            TrainedTeacher(
                ITransformer(4, n_heads=1, n_layers=1, feedforward_size=4, time_features=False), max_epochs=1
            ),
            False,
        ),
        (EnsembleTeacher([("own", "pretrained"), ("table", RegressorTeacher(Ridge(), n_folds=2))]), True),
        ("pretrained", False),
    ],
)
def test_a_teacher_that_reads_the_calendar_is_told_of_another_zone(teacher, reads):
    taught = make("linear").set_params(teacher=teacher, random_state=0).fit(HOURS[:200])
    rows = HOURS.tz_convert("UTC")
    for door in (taught.predict_teacher, lambda rows: taught.compare(rows[150:], n_resamples=2, alone=False)):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            door(rows)
        assert sum("and those of fit in Europe/Berlin" in str(one.message) for one in said) == reads
    silently(taught.predict, rows)
    silently(taught.predict_teacher, HOURS)


@pytest.mark.parametrize("step", ["h", "20min"])
@pytest.mark.parametrize(("zone", "day"), [("America/New_York", "2024-11-02"), ("Australia/Sydney", "2024-10-05")])
def test_advice_on_local_times_costs_no_hour(zone, day, step):
    moments = pd.date_range(day, periods=200, freq=step, tz="UTC").tz_convert(zone)
    local = pd.DataFrame({"load": np.sin(np.arange(200) / 4)}, moments.tz_localize(None))
    messages = []
    for table in (local, pd.concat({"u": local})):
        with pytest.raises(ValueError, match=f"the clock of {zone}") as error:
            make().fit(table)
        messages.append(str(error.value))
    call = f"tz_localize('{zone}', ambiguous='infer')"
    assert f"X.index = X.index.{call}." in messages[0]
    assert f"regularize(..., tz='{zone}', ambiguous='infer')." in messages[1]
    assert list(local.index.tz_localize(zone, ambiguous="infer")) == list(moments)


def test_a_doubled_hour_among_other_repeated_rows_is_the_one_that_is_told():
    hours = pd.date_range("2024-09-01", "2024-12-01", freq="h")
    night = pd.Timestamp("2024-10-27 02:00")
    index = hours.append(pd.DatetimeIndex([hours[107], night, hours[-9]])).sort_values()
    with pytest.raises(
        ValueError, match=rf"{hours[107]} at position .* the clock of Europe/Berlin shows {night} twice"
    ):
        make().fit(pd.DataFrame({"load": np.arange(len(index)) / 7}, index))
