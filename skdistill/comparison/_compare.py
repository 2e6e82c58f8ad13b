"""Teacher, student, the same student alone, and baselines, on the same windows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skdistill._checks import check_integer
from skdistill._series import Series, read_series
from skdistill.comparison._bootstrap import block_bootstrap_means
from skdistill.comparison._latency import median_seconds
from skdistill.comparison._naive import find_period, seasonal_naive
from skdistill.comparison._result import Comparison, make_comparison
from skdistill.windows import SeriesStore, Windows

__all__ = ["compare"]

_BLOCK = 512  # windows that are forecast at once


@dataclass
class _Row:
    """One row of the table: who forecasts, and how."""

    name: str
    role: str
    forecast: Callable[[np.ndarray], np.ndarray]  # numbers of windows -> forecasts in original units
    parameters: int | None
    reference: str | None = None
    runs: list[Callable[[np.ndarray], np.ndarray]] = field(default_factory=list)


def compare(
    forecasters: Mapping[str, Any],
    X: Any,
    train: Any = None,
    *,
    alone: bool = True,
    period: int | None = None,
    n_resamples: int = 1000,
    block_length: int | None = None,
    batch_size: int = 256,
    random_state: int = 0,
) -> Comparison:
    """Compare fitted forecasters with their teachers, with themselves untaught, and with naive forecasts.

    Every row forecasts the same stride-1 windows of ``X``. Errors come standardised (each channel
    divided by the standard deviation of the training rows, the scale of published tables) and in
    original units.

    Parameters
    ----------
    forecasters : dict of str to fitted forecaster
        Fitted ``DistilledForecaster``, ``Pipeline`` ending in one, or search with a ``best_estimator_``;
        or a list of them that differ in ``random_state`` only, whose errors are averaged.
    X : array, DataFrame, Series, or a list of them
        A test series that ``fit`` has not seen; its first ``context_length`` rows may be the last
        training rows.
    train : array, DataFrame, Series or None, default=None
        The training series, for the student alone; None takes the one ``fit`` saw, which a
        forecaster keeps by reference and never pickles.
    alone : bool, default=True
        Whether to train each student once more without a teacher.
    period : int or None, default=None
        Rows of a season for the seasonal-naive row; None takes the calendar's (a day of hours, a
        week of days) or else the one that errs least on the training series.
    n_resamples : int, default=1000
        Resamples of the block bootstrap.
    block_length : int or None, default=None
        Windows of a bootstrap block; None takes twice the prediction length or one season,
        whichever is longer.
    batch_size : int, default=256
        Windows of the batch that is timed.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    comparison : Comparison
        A DataFrame, one row a model: ``mse`` and ``mae`` (standardised), ``mse_original`` and
        ``mae_original``, ``parameters``, ``ms_per_window`` (a single window), ``ms_per_batch`` (a
        batch of ``batch_size``), ``difference`` (its MSE minus the first student's) with its
        ``standard_error``, ``seed_spread`` (standard deviation of the MSE over seeds) and
        ``in_words``. ``comparison.differences`` has every pair of rows, ``comparison.summary()`` the
        findings in sentences.

    Raises
    ------
    ValueError
        If forecasters differ in ``prediction_length`` or targets, or ``X`` is too short.

    Examples
    --------
    >>> from skdistill import DistilledForecaster, compare
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.networks import DLinear
    >>> series = make_multiseasonal(n_timestamps=400, n_channels=2, periods=(24,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     teacher="dlinear", student=DLinear(), loss="response", context_length=48, prediction_length=12,
    ...     max_epochs=2, random_state=0,
    ... ).fit(series[:300])
    >>> table = compare({"DLinear": forecaster}, series[252:])
    >>> list(table.index)
    ['DLinear', 'DLinear: teacher', 'DLinear: alone', 'seasonal naive']
    """
    check_integer(n_resamples, "n_resamples of compare", minimum=2)
    check_integer(batch_size, "batch_size of compare")
    models = {name: [_open(one) for one in _as_list(value)] for name, value in forecasters.items()}
    if not models:
        raise ValueError("forecasters of compare must name at least one fitted forecaster; got an empty dict.")
    problem = _Problem.of([member for members in models.values() for member in members], X)
    rows: list[_Row] = []
    for name, members in models.items():
        rows += _rows_of(name, members, problem, train, alone, single=len(models) == 1)
    period = _choose_period(problem, period, models, train)
    rows.append(_naive_row(problem, period))
    block_length = max(2 * problem.prediction_length, period) if block_length is None else block_length
    errors = [_errors(row, problem) for row in rows]
    return make_comparison(
        names=[row.name for row in rows],
        roles=[row.role for row in rows],
        references=[row.reference for row in rows],
        errors=errors,
        means=block_bootstrap_means(
            np.stack([e.squared for e in errors]),
            problem.lengths,
            block_length=block_length,
            n_resamples=n_resamples,
            random_state=random_state,
        ),
        parameters=[row.parameters for row in rows],
        seconds=[_time(row, problem, batch_size) for row in rows],
        facts={
            "n_windows": problem.n_windows,
            "block_length": int(block_length),
            "n_resamples": int(n_resamples),
            "period": int(period),
            "batch_size": min(batch_size, problem.n_windows),
        },
    )
