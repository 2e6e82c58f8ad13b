"""What forecasts tell of rows so far when their plan is part of X, and of flags and plans written otherwise."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster

DAYS = pd.date_range("2024-01-01", periods=107)
RNG = np.random.default_rng(0)
ROWS = pd.concat(
    {
        shop: pd.DataFrame(
            {"y": RNG.normal(size=107), "promo": (RNG.random(107) < 0.3) * 1.0, "price": 5 + RNG.random(107)},
            index=DAYS,
        )
        for shop, one in zip("abc", RNG.random((3, 107)), strict=True)
    },
    names=["unique_id", "ds"],
).reset_index()
PAST, PLAN = ROWS["ds"] < "2024-04-10", ROWS["ds"] >= "2024-04-10"
TABLE = ROWS.assign(y=ROWS["y"].mask(PLAN))
LAST = PAST & (ROWS["ds"] >= "2024-03-01")


@pytest.fixture(scope="module")
def forecaster():
    settings = {"targets": ["y"], "known_covariates": ["promo", "price"], "context_length": 14, "prediction_length": 7}
    panel = ROWS[PAST].set_index(["unique_id", "ds"])
    return DistilledForecaster(None, "linear", "response", **settings).fit(panel)


CHANGES = {  # which rows, which column, what is done to it, what is told
    "cents so far": (LAST, "price", lambda one: 100 * one, "'price' of series 'a' .* in the last rows, and was"),
    "thousands so far": (LAST, "price", lambda one: one / 1000, "'price' of series 'a' .* in the last rows, and was"),
    "thousands in the plan": (PLAN, "price", lambda one: one / 1000, "'price' is 0.005.* in the horizon"),
    "no zeros so far": (LAST, "promo", lambda one: one.replace(0, np.nan), "'promo' is missing in most of the last"),
    "nothing so far": (LAST, "price", lambda one: np.nan, "'price' is missing in most of the last rows"),
    "percent so far": (LAST, "promo", lambda one: 100 * one, "'promo' is 100 in the last rows of X"),
    "percent": (LAST | PLAN, "promo", lambda one: 100 * one, "'promo' is 100 in the horizon"),
    "codes 1 and 2 so far": (LAST, "promo", lambda one: 1 + one, "'promo' is 2 in the last rows of X"),
    "codes 1 and 2 in the plan": (PLAN, "promo", lambda one: 1 + one, "'promo' is 2 in the horizon"),
    "-1 for true so far": (LAST, "promo", lambda one: -one, "'promo' is -1 in the last rows of X"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_rows_written_otherwise_than_in_fit_are_told(name, forecaster):
    """Rows of the plan, which follow in X, counted as the last rows."""
    where, column, change, told = CHANGES[name]
    table = TABLE.copy()
    table.loc[where, column] = change(TABLE.loc[where, column])
    with pytest.warns(UserWarning, match=f"covariate {told}"):
        forecaster.predict_table(table)


DAY_NUMBERS = ROWS["ds"].dt.dayofyear
SOUND = {
    "unchanged": lambda table: table,
    "a second kind of promotion": lambda table: table.assign(promo=table["promo"] + (table["promo"] * DAY_NUMBERS % 2)),
    "always a promotion": lambda table: table.assign(promo=1.0),
    "no promotion": lambda table: table.assign(promo=0.0),
    "half the price": lambda table: table.assign(price=table["price"] / 2),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_rows_are_not_told(name, forecaster):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict_table(SOUND[name](TABLE))
