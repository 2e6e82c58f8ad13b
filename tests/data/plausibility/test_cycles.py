"""Days of the week that are counted from 0 in the history, and from 1 in the plan."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.datasets import to_long
from skdistill.sktime import SktimeDistilledForecaster

DAYS = pd.date_range("2024-01-01", periods=97)
LENGTHS = {"context_length": 28, "prediction_length": 7}
CYCLES = {
    "weekday": DAYS.dayofweek,
    "sine": np.sin((DAYS.dayofweek + 0.3) * 2 * np.pi / 7).to_numpy(),
    "day": np.arange(97) % 10,
    "promo": (np.arange(97) % 7 == 1) * 1.0,
}


def make_rows(name="weekday"):
    rng = np.random.default_rng(0)
    parts = {one: pd.DataFrame({"y": rng.normal(size=97), name: 1.0 * CYCLES[name]}, DAYS) for one in "ab"}
    return pd.concat(parts, names=["unique_id", "ds"])


def split(rows, plan=lambda values: values):
    """Return the rows so far and the plan, which is counted otherwise."""
    ahead = rows.index.get_level_values(1) >= DAYS[90]
    later = rows[ahead].drop(columns="y")
    return rows[~ahead], later.apply(plan)


def fit(rows):
    known = [one for one in rows.columns if one != "y"]
    return DistilledForecaster(None, "linear", "response", known_covariates=known, **LENGTHS).fit(rows)


def by_sktime(forecaster, rows, plan):
    told = SktimeDistilledForecaster(None, "linear", "response", **LENGTHS)
    told.fit(rows[["y"]], X=rows.drop(columns="y"), fh=range(1, 8)).predict(X=plan)


DOORS = {
    "predict": lambda forecaster, rows, plan: forecaster.predict(rows, plan),
    "one table": lambda forecaster, rows, plan: forecaster.predict(pd.concat([rows, plan])),
    "predict_table": lambda forecaster, rows, plan: forecaster.predict_table(to_long(rows), future=to_long(plan)),
    "stream": lambda forecaster, rows, plan: forecaster.stream(rows).predict(plan),
    "a stream of one": lambda forecaster, rows, plan: forecaster.stream(rows.loc["a"]).predict(plan.loc["a"]),
    "sktime": by_sktime,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_plan_that_counts_a_cycle_otherwise_is_told(door):
    """Each day was read as the one after it: values of both lie between 0 and 7."""
    rows, plan = split(make_rows(), lambda values: values + 1)
    with pytest.warns(
        UserWarning, match=r"weekday' counts 0 to 6 in 7 rows of .* 6 would come in step 1 .* it is 7\. Is"
    ):
        DOORS[door](fit(rows), rows, plan)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (lambda values: (values + 1) % 7, "6 would come in step 1 of the horizon; it is 0"),  # from Sunday
        (lambda values: values.where(np.arange(len(values)) % 7 > 1) + 1, "1 would come in step 3 of .* it is 2"),
    ],
)
def test_other_ways_of_counting_are_told(plan, told):
    rows, later = split(make_rows(), plan)
    with pytest.warns(UserWarning, match=f"weekday' counts 0 to 6 in 7 rows of .* {told}"):
        fit(rows).predict(rows, later)


@pytest.mark.parametrize(("n_rows", "plan"), [(90, [7.0]), (91, [7.0, 9.0, 11.0])])
def test_a_plan_beyond_the_cycle_is_told_unless_the_next_cycle_follows(n_rows, plan):
    rows = make_rows().loc["a"][:n_rows]
    options = {**LENGTHS, "prediction_length": len(plan), "known_covariates": ["weekday"]}
    forecaster = DistilledForecaster(None, "linear", "response", **options).fit(rows)
    with pytest.warns(UserWarning, match="weekday' counts 0 to 6 in 7 rows of"):
        forecaster.predict(rows, pd.DataFrame({"weekday": plan}, DAYS[n_rows : n_rows + len(plan)]))


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("weekday", lambda values: values),
        ("weekday", lambda values: values * np.nan),
        ("weekday", lambda values: values.where(np.arange(len(values)) % 7 < 1, 0)),  # some as expected
        ("promo", lambda values: 1 - values),
        ("day", lambda values: values),
        ("sine", lambda values: values.round(5)),  # as a file has it
        ("sine", lambda values: values.astype(np.float32)),
    ],
)
def test_other_plans_are_not_told(name, plan):
    rows, later = split(make_rows(name), plan)
    forecaster = fit(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(rows, later)


def hours(start):
    """Return hours of the day, with a horizon from a change of the clock on."""
    labels = pd.date_range(pd.Timestamp(start, tz="Europe/Berlin") - pd.Timedelta("10D"), periods=264, freq="h")
    return labels, labels.hour


def half_hours():
    labels = pd.date_range("2024-03-21", "2024-04-01", freq="30min", tz="Europe/Berlin", inclusive="left")
    return labels[2:], (labels.hour * 2 + labels.minute // 30)[2:]


def numbers(freq, start, field):
    labels = pd.date_range(end=start, periods=1110, freq=freq).append(pd.date_range(start, periods=9, freq=freq)[1:])
    return labels, field(labels)


def weekdays_without_a_holiday():
    days = pd.bdate_range("2024-03-04", periods=41).drop("2024-04-01")
    return pd.RangeIndex(40), days.dayofweek


@pytest.mark.parametrize(
    ("rows", "n_rows"),
    [
        (hours("2024-03-31 03:00"), 240),
        (hours("2023-10-29 01:00"), 242),
        ((hours("2024-03-31 03:00")[0].tz_convert("UTC"), hours("2024-03-31 03:00")[1]), 240),
        (half_hours(), 480),
        (numbers("W-MON", "2020-12-21", lambda labels: labels.isocalendar().week), 1110),  # then week 53
        (numbers("D", "2024-12-30", lambda labels: labels.dayofyear), 1110),  # then day 366
        (weekdays_without_a_holiday(), 20),
    ],
)
@pytest.mark.parametrize("length", [1, 4, 5])
def test_a_cycle_that_the_calendar_breaks_is_not_told(rows, n_rows, length):
    labels, values = rows
    frame = pd.DataFrame({"y": np.sin(np.arange(len(labels)) ** 2), "x": 1.0 * np.asarray(values)}, labels)
    options = {"known_covariates": ["x"], "context_length": 4, "prediction_length": length}
    forecaster = DistilledForecaster(None, "linear", "response", **options).fit(frame[:n_rows])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(frame[:n_rows], frame[["x"]][n_rows : n_rows + length])
    if length == 5:
        plan = frame[["x"]][n_rows : n_rows + length].copy()
        plan.iloc[[0, 3]] = np.nan
        with pytest.warns(UserWarning, match="have no known covariates") as found:
            forecaster.predict(frame[:n_rows], plan)
        assert len(found) == 1


@pytest.mark.parametrize("length", [1, 4])
def test_arrays_without_rows_of_holidays_are_not_told(length):
    _, values = weekdays_without_a_holiday()
    rows = np.stack([np.sin(np.arange(40) ** 2), 1.0 * values], axis=1)
    options = {"known_covariates": [1], "context_length": 4, "prediction_length": length}
    forecaster = DistilledForecaster(None, "linear", "response", **options).fit(rows[:20])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(rows[:20], rows[20 : 20 + length, 1:])


def test_a_plan_counted_otherwise_is_told_in_numbered_rows_and_hours():
    for period, labels in ((7, pd.RangeIndex(100)), (24, pd.date_range("2024-03-31", periods=100, freq="h"))):
        frame = pd.DataFrame({"y": np.sin(np.arange(100) ** 2), "x": np.arange(100.0) % period}, labels)
        options = {"known_covariates": ["x"], "context_length": 12, "prediction_length": 24}
        forecaster = DistilledForecaster(None, "linear", "response", **options).fit(frame[:76])
        with pytest.warns(UserWarning, match=rf"x' counts 0 to {period - 1} in {period} rows"):
            forecaster.predict(frame[:76], frame[["x"]][76:] + 1)
