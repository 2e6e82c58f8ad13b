"""Covariates that are mostly empty in rows so far, and were complete in ``fit``."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster, load

LENGTHS = {"context_length": 14, "prediction_length": 7}


def promotions():
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=107)
    promo = (rng.random(107) < 0.3) * 1.0
    rows = pd.DataFrame({"y": 5 + promo + rng.normal(size=107) / 9, "promo": promo}, index=days)
    return rows, rows.assign(promo=rows["promo"].where(rows["promo"] == 1))


@pytest.mark.parametrize("known", [["promo"], []])
def test_empty_cells_in_place_of_the_zeros_of_fit_are_told(known, tmp_path):
    """They were filled from the promotions around them, at every row without one."""
    rows, empty = promotions()
    forecaster = DistilledForecaster(None, "linear", "response", targets=["y"], known_covariates=known, **LENGTHS).fit(
        rows[:100]
    )
    forecaster.save(tmp_path / "student.skdistill")
    for one in (forecaster, load(tmp_path / "student.skdistill")):
        futures = [{"future": table[["promo"]][100:]} if known else {} for table in (rows, empty)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            one.predict(rows[:100], **futures[0])
        with pytest.warns(UserWarning, match="'promo' is missing in most rows of X, and in none of fit"):
            one.predict(empty[:100], **futures[1])


def test_empty_cells_that_fit_had_too_are_not_told_again(tmp_path):
    rows, empty = promotions()
    rows.loc[rows.index[5], "promo"] = np.nan
    forecaster = DistilledForecaster(None, "linear", "response", targets=["y"], **LENGTHS).fit(rows[:100])
    forecaster.save(tmp_path / "student.skdistill")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in (forecaster, load(tmp_path / "student.skdistill")):
            one.predict(empty[:100])
