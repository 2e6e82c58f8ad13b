"""Covariates with zeros in some rows, and empty cells in place of them in others."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.data._plausibility._empty_stretches import find_empty_stretch

SETTINGS = {"targets": ["y"], "known_covariates": ["promo"], "context_length": 14, "prediction_length": 7}


def shops(n_series=3, n_rows=200):
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=n_rows)
    promo = (rng.random((n_series, n_rows)) < 0.25) * 1.0
    rows = {f"s{k}": pd.DataFrame({"y": 5 + one + rng.normal(size=n_rows), "promo": one}, index=days)
            for k, one in enumerate(promo)}  # fmt: skip
    return pd.concat(rows, names=["series", "time"])


def blank(panel, where):
    return panel.assign(promo=panel["promo"].mask(where & (panel["promo"] == 0)))


def fit(panel):
    return DistilledForecaster(None, "linear", "response", **SETTINGS).fit(panel)


@pytest.mark.parametrize("part", ["first rows", "last rows", "one series"])
def test_empty_cells_for_zeros_in_a_part_of_the_rows_are_told(part):
    """They were filled from the promotions around them, and less than half of all rows were empty."""
    panel = shops()
    days = panel.index.get_level_values("time")
    where = {
        "first rows": days < "2024-03-20", "last rows": days >= "2024-04-20",
        "one series": panel.index.get_level_values("series") == "s1",
    }[part]  # fmt: skip
    series, day = blank(panel, where)["promo"].isna().idxmax()
    with pytest.warns(UserWarning, match=f"'promo' of series '{series}' has gaps .* none is 0, .* {day} on, .*write 0"):
        fit(blank(panel, where))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(panel)
        fit(panel.where(blank(panel, where).notna().all(axis=1)))  # rows without promotion are missing as a whole
        fit(panel.assign(promo=panel["promo"].mask(where & (np.random.default_rng(1).random(len(panel)) < 0.6))))


def test_empty_cells_for_a_word_for_none_are_told():
    panel = blank(shops(), shops().index.get_level_values("time") >= "2024-04-20")
    words = panel.assign(promo=panel["promo"].map({1.0: "sale", 0.0: "none"}))
    with pytest.warns(UserWarning, match="'promo.*has gaps between values"):
        fit(words)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5])
def test_gaps_by_chance_are_not_told(share):
    rng = np.random.default_rng(2)
    lengths = np.full(20, 200)
    for on in (0.05, 0.25, 0.45):
        flags = (rng.random(4000) < on) * 1.0
        amounts = flags * rng.gamma(2, 3, size=4000)
        month = np.arange(4000) % 200 < 60
        for values in (flags, 1 - flags, amounts, rng.normal(size=4000), np.repeat(flags[::20], 20)):
            assert find_empty_stretch(np.where(rng.random(4000) < share, np.nan, values), lengths) is None
            assert find_empty_stretch(np.where(month & (rng.random(4000) < 0.6), np.nan, values), lengths) is None
