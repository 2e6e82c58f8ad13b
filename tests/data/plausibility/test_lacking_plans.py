"""A plan that some series lack, as where it was joined by ids that are written otherwise."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.datasets import to_long
from skdistill.sktime import SktimeDistilledForecaster

DAYS = pd.date_range("2024-01-01", periods=67)
LENGTHS = {"context_length": 14, "prediction_length": 7}
RNG = np.random.default_rng(0)
ROWS = pd.concat(
    {one: pd.DataFrame({"y": RNG.normal(size=67), "promo": 1.0 * (RNG.random(67) < 0.4)}, DAYS) for one in "abc"},
    names=["unique_id", "ds"],
)
AHEAD = ROWS.index.get_level_values(1) >= DAYS[60]
PAST, PLAN = ROWS[~AHEAD], ROWS.loc[AHEAD, ["promo"]]
SHOPS = PLAN.index.get_level_values(0)
LACKING = PLAN.assign(promo=PLAN["promo"].where(SHOPS != "b"))


@pytest.fixture(scope="module")
def forecaster():
    return DistilledForecaster(None, "linear", "response", known_covariates=["promo"], **LENGTHS).fit(PAST)


def by_sktime(forecaster, plan):
    told = SktimeDistilledForecaster(None, "linear", "response", **LENGTHS)
    told.fit(PAST[["y"]], X=PAST[["promo"]], fh=range(1, 8)).predict(X=plan)


DOORS = {
    "predict": lambda forecaster, plan: forecaster.predict(PAST, plan),
    "one table": lambda forecaster, plan: forecaster.predict(pd.concat([PAST, plan])),
    "predict_table": lambda forecaster, plan: forecaster.predict_table(to_long(PAST), future=to_long(plan)),
    "stream": lambda forecaster, plan: forecaster.stream(PAST).predict(plan),
    "sktime": by_sktime,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_series_without_a_plan_that_others_have_is_told(door, forecaster):
    with pytest.warns(UserWarning, match=r"promo' has no value in the horizon of series 'b' \(1 of 3 series\), and is"):
        DOORS[door](forecaster, LACKING)


@pytest.mark.parametrize("plan", [PLAN, PLAN * np.nan, PLAN.assign(promo=PLAN["promo"].where(SHOPS == "a"))])
def test_other_plans_are_not_told(plan, forecaster):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(PAST, plan)
