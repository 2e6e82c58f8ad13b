"""Series of two exports, of which one has other units."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster

DAYS = pd.date_range("2024-01-01", periods=80)


def fit(values, price=None):
    rows = pd.DataFrame({"sales": values, "price": 9.0 + np.arange(80) % 3 if price is None else price}, DAYS)
    DistilledForecaster(
        None, "linear", "response", targets=["sales"], known_covariates=["price"], context_length=7, prediction_length=2
    ).fit(rows)


SALES = 10 + 3 * np.sin(np.arange(80))
LATE = np.arange(80) >= 40


@pytest.mark.parametrize("factor", [1000, 1 / 1000, 100])
def test_values_in_other_units_from_some_row_on_are_told(factor):
    with pytest.warns(
        UserWarning, match=r"all values of 'sales' of .* times those before, from 2024-02-10 00:00:00 on"
    ):
        fit(np.where(LATE, factor * SALES, SALES))


def test_a_price_in_cents_from_some_row_on_is_told():
    price = 9.0 + np.arange(80) % 3
    with pytest.warns(UserWarning, match="all values of 'price' of .* are 100 times those before"):
        fit(SALES, np.where(LATE, 100 * price, price))


@pytest.mark.parametrize(
    "values",
    [
        SALES,
        SALES * np.where(LATE, 9, 1),
        np.exp(np.arange(80) / 10),
        np.where(LATE, SALES, 0),
        1000.0**LATE * (SALES - 10),
    ],
)
def test_other_series_are_not_told(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(values)
