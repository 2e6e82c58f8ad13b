"""Rows that are yet to come and hold 0 are told; those of a closed day, or of intermittent demand, are not."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skdistill import DistilledForecaster
from skdistill.data._plausibility._zeros_at_end import count_zeros_at_end, warn_of_zeros_at_end
from skdistill.data._series import Series


def rows(n_zeros, *others):
    values = 5.0 + np.sin(np.arange(60.0))
    values[list(others)] = 0.0
    return np.concatenate([values, np.zeros(n_zeros)])[:, None]


@pytest.mark.parametrize(
    ("parts", "n_rows"),
    [
        ([rows(14)], 14),
        ([rows(14), rows(14)[10:]], 14),
        ([rows(14), rows(3)], 3),
        ([rows(14), rows(0)], 0),
        ([rows(2)], 0),  # Christmas
        ([rows(14, *range(20, 24))], 14),
        ([rows(14, *range(20, 25))], 0),  # closed before
        ([rows(14, *range(20, 25)), rows(14, *range(30, 33))], 14),  # not together
        ([rows(40)], 0),  # closed for good
        ([np.zeros((40, 1))], 0),
        ([np.r_[rows(14)[:-1], [[np.nan]]]], 0),
    ],
)
def test_count_zeros_at_end(parts, n_rows):
    assert count_zeros_at_end(parts) == n_rows


def test_updates_tell_of_rows_yet_to_come():
    series = 5 + np.random.default_rng(0).random((80, 1))
    series[76:] = 0
    forecaster = DistilledForecaster(None, "linear", "response", context_length=6, prediction_length=2)
    with pytest.warns(UserWarning, match="the last 4 rows of X hold nothing but 0"):
        forecaster.partial_fit(series)
    with pytest.warns(UserWarning, match="the last 4 rows of X hold nothing but 0"):
        clone(forecaster).partial_fit(series[:40]).partial_fit(series[40:])
    with pytest.warns(UserWarning, match="the last 4 rows of X hold nothing but 0"):
        clone(forecaster).fit(series[:76]).refresh(series[76:])


def panel_of(*parts):
    days = pd.date_range("2024-01-01", periods=74)
    return {name: pd.DataFrame(one, days[: len(one)], ["y"]) for name, one in zip("abc", parts, strict=False)}


@pytest.mark.parametrize(
    ("panel", "told"),
    [
        (panel_of(rows(14), rows(14), rows(0)), "of every series that ends last"),  # one closed before
        (panel_of(rows(14), np.r_[rows(8), np.full((6, 1), np.nan)]), "of every series that ends last"),
        (panel_of(np.r_[rows(8), np.full((6, 1), np.nan)]), "of X"),  # a plan follows
        (panel_of(rows(14), rows(0), rows(0)), None),
        (panel_of(rows(14), rows(14), rows(14) + 1), None),
    ],
)
def test_series_that_end_before_and_plans_do_not_hide_rows_yet_to_come(panel, told):
    series = [Series(one.to_numpy(), one.index) for one in panel.values()]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_zeros_at_end(series, [0])
    assert [f"rows {told} hold nothing but 0" in str(one.message) for one in caught] == [True] * (told is not None)


def test_hours_that_are_closed_again_are_no_rows_yet_to_come(recwarn):
    """The rows that refresh keeps are few: of those of fit, it knows how long nothing was before."""
    hours = np.arange(24 * 30)
    office = np.where((hours % 24 > 7) & (hours % 24 < 18) & (hours // 24 % 7 < 5), 5.0 + hours % 3, 0.0)[:, None]
    forecaster = DistilledForecaster(None, "linear", "response", context_length=8, prediction_length=4)
    forecaster.fit(office[: 24 * 10])
    for end in range(24 * 10, 24 * 20, 12):
        forecaster.refresh(office[end : end + 12])
    assert not [one for one in recwarn if "hold nothing but 0" in str(one.message)]
    closed = np.zeros((3 * 62 + 24, 1))
    with pytest.warns(UserWarning, match=r"the last \d+ rows of X hold nothing but 0"):
        clone(forecaster).fit(office[: 24 * 11 + 18]).refresh(closed)
