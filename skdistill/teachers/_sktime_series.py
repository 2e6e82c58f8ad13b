"""One fit of a sktime forecaster per series, and forecasts from every origin of its rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.teachers._rolling_states import roll_states
from skdistill.teachers._sktime_rows import RowLabels, under_labels

__all__ = ["CannotRollError", "RolledSeries", "fill_forward", "roll_all", "roll_series", "simpler", "warn_of_simpler"]

_MOST_NAMED = 5
_NO_SEASON = {"sp": 1, "season_length": 1, "seasonal": None}


class CannotRollError(ValueError):
    """Raised if the state of a forecaster cannot be read, so that it cannot forecast from many origins of one fit."""


@dataclass(frozen=True)
class RolledSeries:
    """Forecasts from the origins of one series.

    Parameters
    ----------
    forecasts : float32 ndarray of shape (n_origins, prediction_length, n_targets)
        In original units.
    made_by : {"forecaster", "no season", "last value"}
        Who made them, the simplest one of the targets.
    reason : str
        Why it was not the forecaster; empty if it was.
    """

    forecasts: np.ndarray
    made_by: str
    reason: str


def roll_all(
    forecaster: Any,
    rows: Sequence[tuple[np.ndarray, RowLabels]],
    origins: Sequence[np.ndarray],
    n_steps: int,
    season: int,
    n_jobs: int | None,
) -> list[RolledSeries]:
    """Fit on each series, in parallel, and forecast from its origins.

    Parameters
    ----------
    forecaster : sktime forecaster
        Not fitted.
    rows : sequence of (ndarray of shape (n_timestamps, n_targets), RowLabels)
        The training rows of each series, NaN where missing.
    origins : sequence of ndarray of int
        Origins of each series, as numbers of rows before the horizons.
    n_steps : int
        Number of rows to forecast.
    season : int
        Rows of a season, from which gaps are filled; 1 means none.
    n_jobs : int or None
        Number of workers of joblib; None works in this process.

    Returns
    -------
    rolled : list of RolledSeries
        One per series.
    """
    tasks = (
        joblib.delayed(roll_series)(forecaster, values, labels, here, n_steps, season)
        for (values, labels), here in zip(rows, origins, strict=True)
    )
    return list(joblib.Parallel(n_jobs=n_jobs)(tasks))


def roll_series(
    forecaster: Any, values: np.ndarray, labels: RowLabels, origins: np.ndarray, n_steps: int, season: int
) -> RolledSeries:
    """Fit on each target of a series once, and forecast from its origins.

    Where the forecaster cannot be fitted, as on a series shorter than two seasons, it is tried without a season, and
    then the last value is repeated.

    Parameters
    ----------
    forecaster : sktime forecaster
        Not fitted.
    values : ndarray of shape (n_timestamps, n_targets)
        Rows, NaN where missing.
    labels : RowLabels
        Their labels.
    origins : ndarray of int of shape (n_origins,)
        Numbers of rows before the horizons.
    n_steps : int
        Number of rows to forecast.
    season : int
        Rows of a season, from which gaps are filled; 1 means none.

    Returns
    -------
    rolled : RolledSeries
        The forecasts; NaN from an origin before the first observed row.
    """
    parts = [_roll_target(forecaster, column, labels, origins, n_steps, season) for column in values.T]
    simplest = max(parts, key=lambda part: _KINDS.index(part[1]))
    forecasts = np.stack([part[0] for part in parts], axis=-1).astype(np.float32)
    return RolledSeries(forecasts, simplest[1], simplest[2])


_KINDS = ("forecaster", "no season", "last value")


def _roll_target(
    forecaster: Any, column: np.ndarray, labels: RowLabels, origins: np.ndarray, n_steps: int, season: int
) -> tuple[np.ndarray, str, str]:
    """Return the forecasts of one target, who made them, and why it was not the forecaster."""
    forecasts = np.full((len(origins), n_steps), np.nan)
    observed = ~np.isnan(column)
    if not observed.any():
        return forecasts, "last value", "no value is observed"
    n_before = int(np.argmax(observed))
    late = origins > n_before
    stop = max([len(column) - int(np.argmax(observed[::-1])), *origins[late]])  # no row is learned from that is filled
    filled = fill_forward(column[n_before:stop], season)
    labels = replace(labels, first=labels.first + n_before, stop=labels.first + stop)
    here = origins[late] - n_before
    reason = ""
    for kind, tried in simpler(forecaster):
        try:
            rolled = _fit_and_roll(tried, filled, labels, here, n_steps)
        except CannotRollError:
            raise
        except Exception as error:  # forecasters raise anything where a series is too short for them
            reason = reason or f"{type(error).__name__}: {error}"
            continue
        if np.isfinite(rolled).all():
            forecasts[late] = rolled
            return forecasts, kind, reason
        reason = reason or "its forecasts are not finite"
    forecasts[late] = filled[here - 1, None]
    return forecasts, "last value", reason


def simpler(forecaster: Any) -> Iterator[tuple[str, Any]]:
    """Yield a forecaster, and the forecaster without a season if it has one.

    Parameters
    ----------
    forecaster : sktime forecaster
        Not fitted.

    Yields
    ------
    kind : {"forecaster", "no season"}
        Which one.
    forecaster : sktime forecaster
        A copy.
    """
    yield "forecaster", clone(forecaster)
    params = forecaster.get_params(deep=False)
    less = {name: value for name, value in _NO_SEASON.items() if params.get(name, value) != value}
    if less:
        yield "no season", clone(forecaster).set_params(**less)


def _fit_and_roll(
    forecaster: Any, values: np.ndarray, labels: RowLabels, origins: np.ndarray, n_steps: int
) -> np.ndarray:
    steps = list(range(1, n_steps + 1))

    def ask(y: pd.Series | pd.DataFrame) -> np.ndarray:
        fitted = clone(forecaster).fit(y, fh=steps)
        rolled = roll_states(fitted, values, origins, n_steps)
        if rolled is None:
            raise CannotRollError(
                f"the sktime forecaster {type(forecaster).__name__} cannot be fitted once per series: its state at "
                "every row cannot be read. Use ThetaForecaster, ExponentialSmoothing, AutoETS, SARIMAX or a model of "
                'statsforecast without a pipeline around it, or SktimeTeacher(forecaster, fitting="window"), which '
                "fits it on every context."
            )
        return rolled

    with warnings.catch_warnings(record=True):  # thousands of fits repeat theirs
        return under_labels(ask, values[:, None], labels, {}, lambda rolled: bool(np.isfinite(rolled).all()))


def fill_forward(column: np.ndarray, season: int) -> np.ndarray:
    """Fill missing values from earlier rows only.

    Parameters
    ----------
    column : ndarray of shape (n_timestamps,)
        Values of one target, the first one observed.
    season : int
        Rows of a season; 1 means none.

    Returns
    -------
    filled : ndarray of the same shape
        A missing value is the one a season earlier, or the one before it in the first season.

    Examples
    --------
    >>> fill_forward(np.array([1.0, 2.0, np.nan, np.nan, np.nan]), season=2)
    array([1., 2., 1., 2., 1.])
    """
    filled = np.array(column, dtype=np.float64)
    for row in np.flatnonzero(np.isnan(filled)):
        filled[row] = filled[row - season] if row >= season else filled[row - 1]
    return filled


def warn_of_simpler(rolled: Sequence[RolledSeries], names: Sequence[str], name: str) -> None:
    """Warn of series that the forecaster could not be fitted on.

    Parameters
    ----------
    rolled : sequence of RolledSeries
        One per series.
    names : sequence of str
        What to call the series.
    name : str
        Name of the forecaster.
    """
    for kind, instead in (
        ("no season", "they are labeled by it without a season"),
        ("last value", "their last observed value is the label"),
    ):
        here = [number for number, one in enumerate(rolled) if one.made_by == kind]
        if not here:
            continue
        named = ", ".join(names[number] for number in here[:_MOST_NAMED])
        more = f" and {len(here) - _MOST_NAMED} more" if len(here) > _MOST_NAMED else ""
        warnings.warn(
            f"{name} of SktimeTeacher cannot be fitted on {len(here)} of {len(rolled)} series, and {instead}: "
            f"{named}{more}. The first reason is {rolled[here[0]].reason.rstrip('.')}.",
            stacklevel=stacklevel_of_user(),
        )
