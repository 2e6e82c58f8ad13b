"""Compare teacher, student, student without teacher, and baselines on the same windows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill._predictor import blocks
from skdistill._unwrap import UnwrappedModel, unwrap_model
from skdistill._utils._checks import check_integer
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.comparison._bootstrap import block_bootstrap_means
from skdistill.comparison._forecasts import (
    Around,
    student_forecast,
    student_quantiles,
    teacher_forecast,
    teacher_quantiles,
)
from skdistill.comparison._latency import median_seconds
from skdistill.comparison._naive import find_season
from skdistill.comparison._problem import Forecast, Problem
from skdistill.comparison._result import Comparison, RowResult, add_unknown_row, make_comparison
from skdistill.data._inputs import read_series
from skdistill.data._kept_series import ChangedSeriesError
from skdistill.metrics import QuantileScores, quantile_scores
from skdistill.teachers._given import NoLabelError, warn_left_out

__all__ = ["compare"]


@dataclass(frozen=True)
class _Row:
    """One row of the table: its forecasts, one per seed; a row without forecasts is NaN."""

    name: str
    role: str
    runs: list[Forecast]
    parameters: int | None
    of: str | None = None  # the row of the student that this row belongs to
    around: list[Around] | None = None  # the same forecasts with quantiles


def compare(
    forecasters: Mapping[str, Any],
    X: Any,
    train: Any = None,
    *,
    alone: bool = True,
    season: int | None = None,
    n_resamples: int = 1000,
    block_length: int | None = None,
    batch_size: int = 256,
    random_state: int = 0,
) -> Comparison:
    """Compare fitted forecasters with their teachers, with the same students without a teacher, and with baselines.

    Two baselines are always included: a seasonal naive forecast, and *exact linear*, a linear student
    (:class:`~skdistill.networks.Linear`) solved in closed form without a teacher. The latter is often hard to beat,
    even for large models. Every row forecasts the same stride-1 windows of ``X``. Errors are reported standardized
    (each channel divided by the standard deviation of the training rows, the scale of published tables) and in original
    units.

    Parameters
    ----------
    forecasters : dict of str to fitted forecaster
        A fitted ``DistilledForecaster``, a ``Pipeline`` ending in one, or a search with a ``best_estimator_``; or a
        list of them that differ only in ``random_state``, whose errors are averaged.
    X : array, DataFrame, Series, or a list of them
        A test series not used in ``fit``; its first ``context_length`` rows can be the last training rows.
    train : array, DataFrame, Series or None, default=None
        The training series, for the students without a teacher. None takes the series passed to ``fit``, which a
        forecaster keeps by reference and never pickles. If it was changed in place after ``fit``, the rows of the table
        that need it are NaN, with a warning.
    alone : bool, default=True
        Whether to train each student again without a teacher.
    season : int or None, default=None
        Number of rows in a season for the seasonal-naive row. None takes the season of the calendar (a day for hourly
        data, a week for daily data), or else the season with the smallest error on the training series.
    n_resamples : int, default=1000
        Number of resamples of the block bootstrap.
    block_length : int or None, default=None
        Number of windows of a bootstrap block; None takes twice the prediction length or one season, whichever is
        longer.
    batch_size : int, default=256
        Number of windows of the batch used for timing.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    comparison : Comparison
        A DataFrame with one row per model: ``mse`` and ``mae`` (standardized), ``mse_original`` and ``mae_original``,
        ``crps``, ``coverage`` and ``width`` (standardized) if there are quantiles, ``parameters``, ``ms_per_window`` (a
        single window), ``ms_per_batch`` (a batch of ``batch_size``), ``difference`` (its MSE minus the first student's)
        with its ``standard_error``, ``seed_spread`` (standard deviation of the MSE over seeds) and ``in_words``. CRPS
        is the mean weighted quantile loss over the levels of the first forecaster with quantiles; coverage and width
        are those of its outermost levels. A row that does not cover these levels has no values.
        ``comparison.differences`` contains every pair of rows; ``comparison.summary()`` returns the findings as
        sentences.

    Raises
    ------
    TypeError
        If ``forecasters`` is not a dict.
    ValueError
        If forecasters differ in ``prediction_length`` or targets, or ``X`` is too short.

    Examples
    --------
    >>> from skdistill import DistilledForecaster, compare
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.networks import DLinear
    >>> series = make_multiseasonal(n_timestamps=400, n_channels=2, seasons=(24,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     teacher="dlinear", student=DLinear(), loss="response", context_length=48, prediction_length=12,
    ...     max_epochs=2, random_state=0,
    ... ).fit(series[:300])
    >>> table = compare({"DLinear": forecaster}, series[252:])
    >>> list(table.index)
    ['DLinear', 'DLinear: teacher', 'DLinear: alone', 'exact linear', 'seasonal naive']
    """
    check_integer(n_resamples, "n_resamples of compare", minimum=2)
    check_integer(batch_size, "batch_size of compare")
    if not isinstance(forecasters, Mapping):
        kind = type(forecasters).__name__
        raise TypeError(
            f"forecasters of compare must be a dict from names to fitted forecasters; got {kind}. One model: "
            "{'student': f}; several seeds of one model: {'student': [f0, f1]}."
        )
    models = {name: [unwrap_model(one) for one in _as_list(value)] for name, value in forecasters.items()}
    if not models:
        raise ValueError("forecasters of compare must name at least one fitted forecaster; got an empty dict.")
    problem = Problem.of([member for members in models.values() for member in members], X)
    levels = next(
        (one.forecaster.spec_.quantiles for (one, *_) in models.values() if one.forecaster.spec_.quantiles), None
    )
    problem = replace(problem, levels=levels)
    rows: list[_Row] = []
    for name, members in models.items():
        rows += _model_rows(name, members, problem, X, train, alone=alone, only=len(models) == 1)
    first = next(iter(models.values()))[0]
    season = _choose_season(problem, season, first, train)
    rows += _linear_row(first, problem, X, train, season)
    rows.append(_Row("seasonal naive", "baseline", [problem.naive(season)], 0))
    if block_length is None:
        block_length = max(2 * problem.prediction_length, season)
    measured = [row for row in rows if row.runs]
    results = [result for row in measured if (result := _try_to_measure(row, problem, batch_size)) is not None]
    means = block_bootstrap_means(
        np.stack([result.squared for result in results]),
        problem.lengths,
        block_length=check_integer(block_length, "block_length of compare"),
        n_resamples=n_resamples,
        random_state=random_state,
    )
    facts = {
        "n_windows": problem.n_windows,
        "block_length": int(block_length),
        "n_resamples": int(n_resamples),
        "season": int(season),
        "batch_size": min(batch_size, problem.n_windows),
        **({} if levels is None else {"quantile_levels": levels}),
    }
    table = make_comparison(results, means, facts)
    for row in rows:
        if not row.runs:
            add_unknown_row(table, row.name, row.role, "the training series was changed after fit: pass train=")
    return table


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _model_rows(
    name: str, members: list[UnwrappedModel], problem: Problem, X: Any, train: Any, *, alone: bool, only: bool
) -> list[_Row]:
    """Return the rows of one model: the student, its teacher, and the student without a teacher."""
    prefix = "" if only and name == "student" else f"{name}: "
    first = members[0].forecaster
    around = _together([student_quantiles(one, problem, X) for one in members])
    runs = [student_forecast(one, problem, X) for one in members]
    rows = [_Row(name, "student", runs, first.count_parameters(), around=around)]
    if first.teacher_ is None:
        return rows
    teachers = [teacher_forecast(one, problem, X) for one in members]
    around = _together([teacher_quantiles(one, problem, X) for one in members])
    rows.append(_Row(f"{prefix}teacher", "teacher", teachers, first.teacher_.count_parameters(), name, around))
    if not alone:
        return rows
    own = _Row(f"{prefix}alone", "student alone", [], first.count_parameters(), name)
    try:
        models = [one.without_teacher(train) for one in members]
    except ChangedSeriesError as error:
        return [*rows, _unknown(own, error)]
    without_teacher = [one for one in models if one is not None]
    if len(without_teacher) < len(members):
        _tell_left_out(own)
        return rows
    runs = [student_forecast(one, problem, X) for one in without_teacher]
    around = _together([student_quantiles(one, problem, X) for one in without_teacher])
    return [*rows, replace(own, runs=runs, around=around)]


def _linear_row(model: UnwrappedModel, problem: Problem, X: Any, train: Any, season: int) -> list[_Row]:
    """Return the exact linear student without a teacher, which is fast to fit."""
    row = _Row("exact linear", "exact linear", [], None)
    try:
        linear = model.exact_linear(train, season)
    except ChangedSeriesError as error:
        return [_unknown(row, error)]
    if linear is None:
        _tell_left_out(row)
        return []
    return [replace(row, runs=[student_forecast(linear, problem, X)], parameters=linear.forecaster.count_parameters())]


def _tell_left_out(row: _Row) -> None:
    warnings.warn(
        f"the row {row.name!r} is left out: the training series is not available (it is never pickled). Pass it: "
        "compare(..., train=X_train).",
        stacklevel=stacklevel_of_user(),
    )


def _unknown(row: _Row, error: ChangedSeriesError) -> _Row:
    """Warn that a row cannot forecast, and why its numbers are NaN."""
    warnings.warn(f"the row {row.name!r} has no numbers: {error}", stacklevel=stacklevel_of_user())
    return row


def _together(around: list[Around | None]) -> list[Around] | None:
    """Return the quantiles of all seeds, or None if any seed has none."""
    return None if any(one is None for one in around) else [one for one in around if one is not None]


def _choose_season(problem: Problem, season: int | None, model: UnwrappedModel, train: Any) -> int:
    shortest = int(problem.starts.min())
    if season is not None:
        check_integer(season, "season of compare")
        if season > shortest:
            raise ValueError(
                f"season of compare must be at most the {shortest} rows before the first forecast; got {season}."
            )
        return season
    seen = problem.series[0]
    values = seen.values
    known = None if model.before is not None else _training_rows(model, train)
    if known is not None:
        values = read_series(model.forecaster, known, reset=False, allow_batch=False).series[0].values
    return find_season(
        values[:, problem.targets],
        seen.index,
        max_season=shortest,
        prediction_length=problem.prediction_length,
        step=seen.step,
    )


def _training_rows(model: UnwrappedModel, train: Any) -> Any:
    """Return the given training series or the one passed to ``fit``; None if it is gone or was changed."""
    try:
        return model.forecaster.training_series() if train is None else train
    except ChangedSeriesError:  # reported by the rows trained on it
        return None


def _try_to_measure(row: _Row, problem: Problem, batch_size: int) -> RowResult | None:
    """Measure a row; leave it out with a warning if given labels do not cover the windows."""
    try:
        return _measure(row, problem, batch_size)
    except NoLabelError as error:
        warn_left_out(f"the row {row.name!r}", error)
        return None


def _measure(row: _Row, problem: Problem, batch_size: int) -> RowResult:
    """Forecast all windows in blocks, and time the first run."""
    squared = np.zeros((len(row.runs), problem.n_windows))
    absolute, original, absolute_original = (np.zeros(len(row.runs)) for _ in range(3))
    scores = np.zeros(3)  # summed over windows and runs
    for block in blocks(problem.n_windows):
        windows = np.arange(block.start, block.stop)
        truth = problem.truth(windows)
        for number, run in enumerate(row.runs):
            if row.around is None:
                error = run(windows) - truth
            else:
                point, quantiles = row.around[number](windows)
                error = point - truth
                scores += len(windows) * _score(truth, quantiles, problem)
            squared[number, windows] = np.square(error / problem.scale).mean(axis=(1, 2))
            absolute[number] += np.abs(error / problem.scale).mean(axis=(1, 2)).sum()
            original[number] += np.square(error).mean(axis=(1, 2)).sum()
            absolute_original[number] += np.abs(error).mean(axis=(1, 2)).sum()
    one, many = np.arange(1), np.arange(min(batch_size, problem.n_windows))
    return RowResult(
        name=row.name,
        role=row.role,
        of=row.of,
        squared=squared.mean(axis=0),
        by_seed=squared.mean(axis=1),
        mae=float(absolute.mean()) / problem.n_windows,
        mse_original=float(original.mean()) / problem.n_windows,
        mae_original=float(absolute_original.mean()) / problem.n_windows,
        parameters=row.parameters,
        seconds_one=median_seconds(lambda: row.runs[0](one)),
        seconds_batch=median_seconds(lambda: row.runs[0](many)),
        scores=None if row.around is None else tuple(scores / (len(row.runs) * problem.n_windows)),
    )


def _score(truth: np.ndarray, quantiles: np.ndarray, problem: Problem) -> np.ndarray:
    """Score a block: CRPS, coverage, width."""
    assert problem.levels is not None
    found: QuantileScores = quantile_scores(truth, quantiles, problem.levels, scale=problem.scale)
    return np.array([found.crps, found.coverage, found.width])
