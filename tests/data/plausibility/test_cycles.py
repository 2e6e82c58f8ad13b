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
