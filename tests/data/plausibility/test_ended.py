"""Covariates that end before the rows of all series do."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster

DAYS = pd.date_range("2024-01-01", periods=120)
LATE = DAYS >= "2024-03-20"


def shops(price=lambda days, rows: rows, n_series=3):
    rng = np.random.default_rng(0)
    rows = {one: pd.DataFrame({"y": rng.normal(size=120), "price": rng.random(120)}, index=DAYS) for one in "abc"}
    return {one: frame.assign(price=price(one, frame["price"])) for one, frame in list(rows.items())[:n_series]}


def fit(panel, **changes):
    settings = {"targets": ["y"], "context_length": 14, "prediction_length": 7} | changes
    return DistilledForecaster(None, "linear", "response", **settings).fit(panel)


@pytest.mark.parametrize("known", [["price"], []])
@pytest.mark.parametrize("n_series", [1, 3])
def test_a_covariate_that_newer_rows_of_all_series_lack_is_told(known, n_series):
    """As where newer exports name it otherwise; student and forecasts went on without it."""
    with pytest.warns(UserWarning, match="'price' has no value from 2024-03-20 00:00:00 on, in any series"):
        fit(shops(lambda _, rows: rows.mask(LATE), n_series), known_covariates=known)


SOUND = {
    "complete": lambda one, rows: rows,
    "ends in one series": lambda one, rows: rows.mask(LATE & (one == "a")),
    "starts late": lambda one, rows: rows.where(LATE),
    "not known for a week": lambda one, rows: rows.mask(DAYS[-8] < DAYS),
    "once a month": lambda one, rows: rows.where(DAYS.day == 1),
}


@pytest.mark.parametrize("name", SOUND)
def test_others_are_not_told(name):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*has no value from")
        fit(shops(SOUND[name]))


def test_rows_of_a_plan_are_left_out():
    panel = {one: rows.assign(y=rows["y"].mask(LATE)) for one, rows in shops().items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*has no value from")
        fit({one: rows.assign(price=rows["price"].where(DAYS < "2024-03-19")) for one, rows in panel.items()})
