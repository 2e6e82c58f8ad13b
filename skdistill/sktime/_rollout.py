"""Forecasts of an sktime forecaster from its latest rows: one block, or several, each from the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._context_batch import ContextBatch
from skdistill.data._finite import without_infinity
from skdistill.data._panel import covariates_of, name_instance
from skdistill.data._plausibility._plans import tell_future
from skdistill.data._plausibility._told_of_rows import tell_of_rows
from skdistill.data._precede import precede_index
from skdistill.data._series import Series, SeriesInput
from skdistill.data._steps import Step, continue_index
from skdistill.forecaster import DistilledForecaster
from skdistill.sktime._kept_rows import KeptRows, Key, ids_of


def roll_out(
    forecaster: DistilledForecaster, kept: KeptRows, X: pd.DataFrame | None, n_steps: int, *, with_quantiles: bool
) -> np.ndarray:
    """Forecast every series, with a rollout where the steps exceed the forecaster's.

    Parameters
    ----------
    forecaster : DistilledForecaster
        The fitted forecaster.
    kept : KeptRows
        The latest rows.
    X : DataFrame or None
        Covariates of the horizon, as sktime gives them.
    n_steps : int
        Number of steps.
    with_quantiles : bool
        Whether quantiles are returned; those of later blocks treat the earlier point forecasts as known.

    Returns
    -------
    forecasts : ndarray of shape (n_series, n_steps or more, n_targets), and one axis of levels for quantiles
        In original units.

    Raises
    ------
    ValueError
        If X lacks a covariate, a series or a row.
    """
    n_rows, length, predictor = forecaster.context_length, forecaster.prediction_length, forecaster.predictor_
    steps = [kept.steps[key] for key in kept.rows]
    recent = [rows.iloc[-n_rows:] for rows in kept.rows.values()]
    contexts = np.stack([_padded(rows.to_numpy(dtype=np.float64), n_rows) for rows in recent])
    indexes = [_preceded(rows.index, n_rows, step) for rows, step in zip(recent, steps, strict=True)]
    numbers = predictor.scaling.numbers_of(ids_of(kept.rows)) if predictor.scaling.kind == "series" else None
    blocks: list[np.ndarray] = []
    quantiles: list[np.ndarray] = []
    given = SeriesInput([])
    if len(forecaster.targets_) < forecaster.roles_.n_channels:  # there are covariates
        given = _rows_so_far(kept, contexts[:, n_rows:], indexes)
        tell_of_rows(forecaster, given)
    while True:
        ahead = [continue_index(index, length, step=step) for index, step in zip(indexes, steps, strict=True)]
        future = _read_future(forecaster, kept, X, ahead, n_steps - length * len(blocks))
        if future is not None:
            tell_future(forecaster.roles_, given, future)
        batch = ContextBatch(contexts, indexes, steps, numbers, future=future)
        if with_quantiles:
            quantiles.append(predictor.forecast_quantiles(batch))
        blocks.append(predictor.forecast(batch))
        if length * len(blocks) >= n_steps:
            return np.concatenate(quantiles or blocks, axis=1)
        passed = np.concatenate([blocks[-1], _read_passed(kept, X, ahead)], axis=2)
        contexts = np.concatenate([contexts, passed], axis=1)
        indexes = [index.append(later) for index, later in zip(indexes, ahead, strict=True)]
        given = _rows_so_far(kept, contexts[:, n_rows:], indexes) if future is not None else given


def _read_future(
    forecaster: DistilledForecaster, kept: KeptRows, X: pd.DataFrame | None, labels: list[pd.Index], n_needed: int
) -> np.ndarray | None:
    """Read the known covariates over the horizon, (n_series, prediction_length, n_known), NaN where unknown."""
    channels = forecaster.spec_.known
    if not channels:
        return None
    names = [kept.channels[channel].removeprefix("X:") for channel in channels]
    given = [] if X is None else [str(column) for column in X.columns]
    if X is None or not set(names) <= set(given):
        raise ValueError(
            f"X at predict must have the known covariates {names} of the rows that are forecast, {labels[0][0]} to "
            f"{labels[0][min(n_needed, len(labels[0])) - 1]}; got {'no X' if X is None else given}."
        )
    X = X.iloc[:, [given.index(name) for name in names]]
    found = []
    for key, index in zip(kept.rows, labels, strict=True):
        one = _rows_of(X, key)
        absent = index[:n_needed][~index[:n_needed].isin(one.index)]
        if len(absent):
            raise ValueError(
                f"X at predict lacks the row {absent[0]} of {name_instance(key)}: the known covariates {names} are "
                "read at every step up to the last one requested. Add the row, NaN where a value is unknown."
            )
        values = one.reindex(index).to_numpy(dtype=np.float64)
        found.append(without_infinity(values, index, one.columns, "X at predict"))
    return np.stack(found)


def _rows_so_far(kept: KeptRows, passed: np.ndarray, indexes: list[pd.Index]) -> SeriesInput:
    """Return the series up to a block: their rows, and those that were forecast before it, with their labels."""
    given = []
    for (key, rows), id, ahead, index in zip(kept.rows.items(), ids_of(kept.rows), passed, indexes, strict=True):
        labels = rows.index.append(index[len(index) - len(ahead) :])
        values = np.concatenate([rows.to_numpy(dtype=np.float64), ahead])
        given.append(Series(values, labels, step=kept.steps[key], id=id if key else None))
    return SeriesInput(given)


def _read_passed(kept: KeptRows, X: pd.DataFrame | None, labels: list[pd.Index]) -> np.ndarray:
    """Read the covariates of rows that were forecast, (n_series, n_rows, n_covariates)."""
    names = kept.covariates
    if not names:
        return np.empty((len(labels), len(labels[0]), 0))
    X = None if X is None else covariates_of(X, names)
    found = []
    for key, index in zip(kept.rows, labels, strict=True):
        one = None if X is None else _rows_of(X, key)
        if one is None or not index.isin(one.index).all():
            raise ValueError(
                f"a rollout beyond prediction_length={len(index)} needs X at predict for the rows that it forecasts on "
                f"from, {index[0]} to {index[-1]}."
            )
        values = one.loc[index].to_numpy(dtype=np.float64)
        found.append(without_infinity(values, index, one.columns, "X at predict"))
    return np.stack(found)


def _rows_of(X: pd.DataFrame, key: Key) -> pd.DataFrame:
    """Return the rows of a series in X at predict."""
    if not key:
        return X
    try:
        rows: Any = X.xs(key, level=list(range(len(key))))
    except KeyError:
        raise ValueError(
            f"X at predict lacks {name_instance(key)}, which fit or update had: every series is forecast. Give its "
            "rows, NaN where a value is unknown."
        ) from None
    return rows


def _padded(rows: np.ndarray, n_rows: int) -> np.ndarray:
    """Return rows with missing ones before them."""
    n_before = max(0, n_rows - len(rows))
    return np.pad(rows, ((n_before, 0), (0, 0)), constant_values=np.nan)


def _preceded(index: pd.Index, n_rows: int, step: Step | None) -> pd.Index:
    """Return labels with those before them, where a calendar has such."""
    n_before = max(0, n_rows - len(index))
    if not n_before or not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return index
    return precede_index(index, n_before, step).append(index)
