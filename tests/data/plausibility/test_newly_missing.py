"""Covariates that are mostly empty in rows so far, and were complete in ``fit``."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster, load
from skdistill.sktime import SktimeDistilledForecaster

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
        with pytest.warns(UserWarning, match="'promo' is missing in most of the last rows of X, and in none of fit"):
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


@pytest.mark.parametrize("known", [["promo"], []])
def test_rows_that_are_missing_as_a_whole_are_not_told(known):
    """Readers insert them: no cell was left empty."""
    rows, _ = promotions()
    some = rows.copy()
    some[np.random.default_rng(1).random(107) < 0.6] = np.nan
    forecaster = DistilledForecaster(None, "linear", "response", targets=["y"], known_covariates=known, **LENGTHS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.fit(rows[:100])
        forecaster.predict(some[:100], **({"future": rows[["promo"]][100:]} if known else {}))
        forecaster.set_params(min_observed=2).fit(some[:100])


def test_a_batch_of_windows_tells_a_channel_by_its_number():
    rows, empty = promotions()
    forecaster = DistilledForecaster(None, "linear", "response", targets=[0], **LENGTHS).fit(rows[:100].to_numpy())
    windows = np.stack([one.to_numpy()[first : first + 14] for one in (rows, empty) for first in range(0, 80, 2)])
    with pytest.warns(UserWarning, match="the covariate 1 is missing in most of the last rows of X"):
        forecaster.predict(windows[40:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(windows[:40])


def test_one_covariate_is_named_by_its_own_name():
    rows, empty = promotions()
    more = {"shift": rows["promo"] * 0.5 + np.arange(107) % 3}
    forecaster = DistilledForecaster(None, "linear", "response", targets=["y"], **LENGTHS)
    forecaster.fit(rows.assign(**more)[:100])
    told = empty.assign(**more)[:100]
    told["shift"] = told["shift"].where(told["promo"].isna() | (np.arange(100) % 9 == 0))
    with pytest.warns(UserWarning, match="is missing in most of the last rows of X") as found:
        forecaster.predict(told)
    assert ["'promo'" in str(one.message) for one in found] == [True]


def test_sktime_tells_it_too():
    rows, empty = promotions()
    forecaster = SktimeDistilledForecaster(None, "linear", "response", context_length=28, prediction_length=7)
    forecaster.fit(rows[["y"]][:50], X=rows[["promo"]][:50], fh=range(1, 8))
    forecaster.update(rows[["y"]][50:78], X=empty[["promo"]][50:78], update_params=False)
    with pytest.warns(UserWarning, match="promo' is missing in most of the last rows of X"):
        forecaster.predict(X=rows[["promo"]][78:])


@pytest.mark.parametrize("as_stream", [False, True])
def test_empty_cells_of_the_last_rows_alone_are_told(as_stream):
    """A longer history with zeros hid them, and streams did not look."""
    rng, days = np.random.default_rng(1), pd.date_range("2024-01-01", periods=107)
    flags = {one: pd.DataFrame({"promo": (rng.random(107) < 0.3) * 1.0}, index=days) for one in "abc"}
    panel = {one: rows.assign(y=5 + rows["promo"] + rng.normal(size=107) / 9) for one, rows in flags.items()}
    forecaster = DistilledForecaster(
        None, "linear", "response", targets=["y"], known_covariates=["promo"], **LENGTHS
    ).fit({one: rows[:100] for one, rows in panel.items()})
    future = {one: rows[["promo"]][100:] for one, rows in panel.items()}

    def forecast(latest):
        if not as_stream:
            return forecaster.predict({one: pd.concat([panel[one][:70], latest[one]]) for one in panel}, future=future)
        stream = forecaster.stream({one: rows[:70] for one, rows in panel.items()})
        stream.extend(latest)
        return stream.predict(future=future)

    latest = {one: rows[70:100] for one, rows in panel.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast(latest)
    with pytest.warns(UserWarning, match="'promo' is missing in most of the last rows"):
        forecast({one: rows.assign(promo=rows["promo"].where(rows["promo"] == 1)) for one, rows in latest.items()})
    if as_stream:
        with pytest.warns(UserWarning, match="'promo' of series 'a' .* is 100 in the last rows"):
            forecast({one: rows.assign(promo=100.0) for one, rows in latest.items()})
