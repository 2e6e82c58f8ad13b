"""Compare teacher, student, student without teacher, and baselines on the same windows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skdistill._predictor import blocks
from skdistill._rolled import seasonal_difference
from skdistill._unwrap import UnwrappedModel, unwrap_model
from skdistill._utils._checks import check_boolean, check_integer
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.comparison._bootstrap import LEAST_BLOCKS, block_bootstrap_means, count_blocks
from skdistill.comparison._forecasts import Around, ModelForecasts, StudentForecasts, TeacherForecasts
from skdistill.comparison._latency import median_seconds
from skdistill.comparison._naive import find_seasons
from skdistill.comparison._problem import Forecast, Problem
from skdistill.comparison._result import Comparison, RowResult, add_unknown_row, make_comparison
from skdistill.data._kept_series import ChangedSeriesError
from skdistill.data._plausibility._outliers import find_outliers, warn_of_outliers
from skdistill.data._rows_of_fit import (
    count_windows_of_fit,
    find_trained,
    read_training_rows,
    rows_before_series,
    rows_of_fit,
)
from skdistill.data._season import seasons_of_series
from skdistill.data._series import Series
from skdistill.data._series_weight import check_series_weight, weights_of_series, weights_of_windows
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
    season: int | Sequence[int] | None = None,
    series_weight: Any = None,
    n_resamples: int = 1000,
    block_length: int | None = None,
    batch_size: int = 256,
    random_state: int = 0,
) -> Comparison:
    """Compare fitted forecasters with their teachers, with the same students without a teacher, and with baselines.

    Baselines are always included: the *last value*, *drift* (the line through the ends of the context), the *seasonal
    naive* forecast of every plausible season, and *exact linear*, a linear student
    (:class:`~skdistill.networks.Linear`) solved in closed form without a teacher. The latter is often hard to beat,
    even for large models. Every row forecasts the same stride-1 windows of ``X``; ``bounds=`` clips the forecasts of
    teachers like those of their students, *exact linear* by the bounds of the first, and no other baseline. Errors are
    reported standardized (each channel divided by the standard deviation of the training rows, the scale of published
    tables; or by the unit of its series, of the first context if ``fit`` has found none, where ``scaling`` gives every
    series its own and ``fit`` or ``X`` has several; where a target is constant in these rows, by that of all rows of
    ``X``) and in original units. Behind other steps of a pipeline, and for units of series behind a ``transformer``,
    the scale is half the distance in original units of what lies one such deviation or unit above and below the mean;
    where steps mix channels, as a PCA of all, the root of the sum of these squares.

    Errors are means over windows, of the mean of each over its observed true values: missing ones (NaN) are left out,
    and so is a channel of a window whose context has no observed value of it. Series of a panel that are too short for
    a window are left out, with a warning.

    Parameters
    ----------
    forecasters : dict of str to fitted forecaster
        A fitted ``DistilledForecaster``, a ``Pipeline`` ending in one, or a search with a ``best_estimator_``; or a
        list of them that differ only in ``random_state``, whose errors are averaged. What all rows share is taken from
        the first: scale and weights of errors, and settings and rows of *exact linear*; rows before and the unit of
        MASE from the first that keeps its training rows.
    X : array, DataFrame, Series or panel
        A test series not used in ``fit``, or many; the first ``context_length`` rows can be the last training rows.
        A warning counts the windows whose true values were rows of ``fit``, by label and value: a series in which a
        value was revised since is taken for another one.
    train : array, DataFrame, Series or None, default=None
        The training series, for the students without a teacher. None takes the series passed to ``fit``, which a
        forecaster keeps by reference and never pickles. If it was changed in place after ``fit``, the rows of the table
        that need it are NaN, with a warning.
        Behind other steps of a pipeline, only a series given here, in original units, counts as rows before
        (``season``), as unit of MASE and for the warning of rows of ``fit``, which kept what the steps made of it.
    alone : bool, default=True
        Whether to train each student again as with ``teacher=None``, with the training parameters (``max_epochs``,
        ``lr``, ``validation_fraction``, ...) that it has now. With ``validation_fraction="auto"``, an exact
        student, here and in the row *exact linear*, then learns also from the rows that a trained teacher, or a term
        that mixes steps, holds out.
    season : int, sequence of int or None, default=None
        Number of rows in a season for the seasonal-naive rows, the first one for MASE, too. None takes every plausible
        season of the step for which there are enough rows before each forecast (a day and a week for hourly data, a
        week and a year for daily data); where the step tells none, or too long ones, the one with the smallest error on
        the training rows of all series together. Training rows of the same id or labels count as rows before.
    series_weight : {"windows", "equal"}, mapping of id to float, or None, default=None
        What each series of a panel counts in the errors, except in quantile scores. ``"windows"`` counts every window
        alike, ``"equal"`` every series; a mapping gives each series its weight. None takes that of the first
        forecaster.
    n_resamples : int, default=1000
        Number of resamples of the block bootstrap.
    block_length : int or None, default=None
        Number of windows of a bootstrap block; None takes twice the prediction length or one season, whichever is
        longer. With fewer than two blocks in all, standard errors are NaN, with a warning.
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
        are those of its outermost levels. A row that does not cover these levels has no values. A rolling calibration
        stays what it is now; ``backtest_quantiles`` moves it along a series. For a panel there are
        ``mase`` (absolute error divided by the mean absolute seasonal difference of the training rows of its series,
        or of its first context; series without such a difference are left out), ``wql`` (the sum of the quantile losses
        in original units, divided by the sum of absolute true values; a point forecast stands for every quantile) and
        ``share_best``, the share of series in which the row has the smallest MSE. ``comparison.per_series`` has the
        errors of each series, ``comparison.differences`` every pair of rows; ``comparison.summary()`` returns the
        findings as sentences and names the best baseline.

    Raises
    ------
    TypeError
        If ``forecasters`` is not a dict.
    ValueError
        If forecasters differ in ``prediction_length`` or targets, ``X`` is too short, or names of rows clash.

    Examples
    --------
    >>> from skdistill import DistilledForecaster, compare
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.networks import DLinear
    >>> from skdistill.teachers import TrainedTeacher
    >>> series = make_multiseasonal(n_timestamps=400, n_channels=2, seasons=(24,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     teacher=TrainedTeacher("dlinear", lr=0.01), student=DLinear(), loss="response", context_length=48,
    ...     prediction_length=12, max_epochs=2, random_state=0,
    ... ).fit(series[:300])
    >>> table = compare({"DLinear": forecaster}, series[252:])
    >>> list(table.index)
    ['DLinear', 'DLinear: teacher', 'DLinear: alone', 'exact linear',
     'seasonal naive', 'seasonal naive 168', 'last value', 'drift']
    """
    check_integer(n_resamples, "n_resamples of compare", minimum=2)
    check_integer(batch_size, "batch_size of compare")
    check_boolean(alone, "alone of compare")
    if not isinstance(forecasters, Mapping):
        kind = type(forecasters).__name__
        raise TypeError(
            f"forecasters of compare must be a dict from names to fitted forecasters; got {kind}. One model: "
            "{'student': f}; several seeds of one model: {'student': [f0, f1]}."
        )
    models = {name: [unwrap_model(one) for one in _as_list(value)] for name, value in forecasters.items()}
    if not models:
        raise ValueError("forecasters of compare must name at least one fitted forecaster; got an empty dict.")
    for name, members in models.items():
        _check_seeds(name, members)
    problem = Problem.of([member for members in models.values() for member in members], X)
    warn_of_outliers(find_outliers(problem.series, judges=problem.scalings), judged=True)
    levels = next(
        (one.forecaster.spec_.quantiles for (one, *_) in models.values() if one.forecaster.spec_.quantiles), None
    )
    weight = _series_weight(series_weight, next(iter(models.values()))[0].forecaster, problem)
    weights = weights_of_windows(weight, problem.numbers)
    if weights is not None and not weights.any():
        raise ValueError(
            f"series_weight of compare counts none of the {problem.n_windows} test windows: the series with a weight "
            "above 0 have no window of context_length + prediction_length rows with an observed truth. Give them more "
            "rows, or give the others a weight."
        )
    problem = replace(problem, levels=levels, weights=weights)
    rows: list[_Row] = []
    for name, members in models.items():
        rows += _model_rows(name, members, problem, X, train, alone=alone, only=len(models) == 1)
    first = next(iter(models.values()))[0]
    of_fit = [_read_training_rows(member, None, problem) for members in models.values() for member in members]
    given = [] if train is None else [_read_training_rows(first, train, problem)]
    found = [find_trained(problem.series, rows) for rows in [*given, *of_fit] if rows is not None]
    _warn_of_training_rows(problem, found)
    trained = found[0] if found else [None] * len(problem.series)
    history = [
        rows_before_series(one, known, problem.targets) for one, known in zip(problem.series, trained, strict=True)
    ]
    problem = replace(problem, history=history)
    seasons = _choose_seasons(problem, season, trained)
    rows += _linear_row(first, problem, X, train, seasons[0])
    rows += _baseline_rows(problem, seasons)
    _check_names(rows)
    if problem.is_panel:
        problem = replace(problem, mase_unit=_mase_unit(problem, trained, seasons[0]))
    if block_length is None:
        block_length = max(2 * problem.prediction_length, seasons[0])
    n_blocks = count_blocks(problem.counted_lengths, check_integer(block_length, "block_length of compare"))
    results = [result for row in rows if row.runs and (result := _try_to_measure(row, problem, batch_size)) is not None]
    means = block_bootstrap_means(
        np.stack([result.squared for result in results]),
        problem.lengths,
        weights=problem.weights,
        block_length=block_length,
        n_resamples=n_resamples,
        random_state=random_state,
    )
    if n_blocks < LEAST_BLOCKS:
        _warn_of_few_windows(problem.n_windows, block_length)
        means = np.full_like(means, np.nan)
    facts = {
        "n_windows": problem.n_windows,
        "block_length": int(block_length),
        "n_blocks": n_blocks,
        "n_resamples": int(n_resamples),
        "season": seasons[0],
        "seasons": seasons,
        "seasons_too_long": _seasons_too_long(problem) if season is None else [],
        "n_series": len(problem.lengths),
        "n_series_left_out": len(problem.series) - len(problem.lengths),
        "n_windows_unobserved": problem.n_unobserved,
        "batch_size": min(batch_size, problem.n_windows),
        **({} if levels is None else {"quantile_levels": levels}),
    }
    table = make_comparison(results, means, facts, problem.panel)
    for row in rows:
        if not row.runs:
            add_unknown_row(table, row.name, row.role, "the training series was changed after fit: pass train=")
    return table


def _warn_of_few_windows(n_windows: int, block_length: int) -> None:
    """Warn that nothing is known of the noise of a comparison."""
    warnings.warn(
        f"the noise of differences is unknown: the {n_windows} windows of compare make fewer than two blocks of "
        f"{block_length}, so standard errors are NaN. Give more rows, or a smaller block_length.",
        stacklevel=stacklevel_of_user(),
    )


def _check_names(rows: Sequence[_Row]) -> None:
    """Raise if a forecaster has the name of a row that is always there, or that another forecaster brings."""
    names = [row.name for row in rows]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"a forecaster of compare must not be named {twice!r}, as another row is: rename it.")


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _check_seeds(name: str, members: Sequence[UnwrappedModel]) -> None:
    """Raise if models whose errors are averaged differ in more than their seed."""
    first, *others = ([_settings(one) for one in members]) or [{}]
    for other in others:
        for key in {**first, **other}:
            values = first.get(key, "nothing"), other.get(key, "nothing")
            if values[0] != values[1]:
                raise ValueError(
                    f"the list {name!r} of compare is averaged and must differ only in random_state; {key} is "
                    f"{values[0]!r} and {values[1]!r}. Give each a name of its own."
                )


def _settings(model: UnwrappedModel) -> dict[str, Any]:
    """Return the parameters that have plain values, and the types of others; also those of the steps before."""
    free = ("random_state", "memory", "n_jobs", "verbose", "device")
    steps = {} if model.before is None else model.before.get_params(deep=True)
    return {
        key: _plain(value)
        for key, value in {**model.forecaster.get_params(deep=True), **steps}.items()
        if key.rpartition("__")[2] not in free
    }


def _plain(value: Any) -> Any:
    """Return plain values, also in lists and dicts, and the names of the types of others."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic | np.ndarray | pd.Index | pd.Series):
        return _plain(value.tolist())
    return value if value is None or isinstance(value, str | bool | int | float) else type(value).__name__


def _model_rows(
    name: str, members: list[UnwrappedModel], problem: Problem, X: Any, train: Any, *, alone: bool, only: bool
) -> list[_Row]:
    """Return the rows of one model: the student, its teacher, and the student without a teacher."""
    prefix = "" if only and name == "student" else f"{name}: "
    first = members[0].forecaster
    students = [StudentForecasts(one, problem, X) for one in members]
    rows = [_Row(name, "student", _runs(students), first.count_parameters(), around=_together(students))]
    if first.teacher_ is None:
        return rows
    teachers = [TeacherForecasts(one, problem, X) for one in members]
    parameters, around = first.teacher_.count_parameters(), _together(teachers)
    rows.append(_Row(f"{prefix}teacher", "teacher", _runs(teachers), parameters, name, around))
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
    students = [StudentForecasts(one, problem, X) for one in without_teacher]
    return [*rows, replace(own, runs=_runs(students), around=_together(students))]


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
    runs = _runs([StudentForecasts(linear, problem, X)])
    return [replace(row, runs=runs, parameters=linear.forecaster.count_parameters())]


def _tell_left_out(row: _Row) -> None:
    warnings.warn(
        f"the row {row.name!r} is left out: the training series is not available (pickles lack it, and refresh and "
        "partial_fit of a panel keep none). Pass it: compare(..., train=X_train).",
        stacklevel=stacklevel_of_user(),
    )


def _unknown(row: _Row, error: ChangedSeriesError) -> _Row:
    """Warn that a row cannot forecast, and why its numbers are NaN."""
    warnings.warn(f"the row {row.name!r} has no numbers: {error}", stacklevel=stacklevel_of_user())
    return row


def _runs(seeds: Sequence[ModelForecasts]) -> list[Forecast]:
    return [model.forecast for model in seeds]


def _together(seeds: Sequence[ModelForecasts]) -> list[Around] | None:
    """Return what forecasts the quantiles of each seed, or None if any seed has none."""
    around = [model.around() for model in seeds]
    return None if any(one is None for one in around) else [one for one in around if one is not None]


def _baseline_rows(problem: Problem, seasons: list[int]) -> list[_Row]:
    """Return what needs no fit; the usual season has the plain name."""
    names = ["seasonal naive", *(f"seasonal naive {season}" for season in seasons[1:])]
    runs = {name: problem.naive(season) for name, season in zip(names, seasons, strict=True)}
    runs |= {"last value": problem.last_value(), "drift": problem.drift()}
    return [_Row(name, "baseline", [run], 0) for name, run in runs.items()]


def _warn_of_training_rows(problem: Problem, found: Sequence[Sequence[Series | None]]) -> None:
    """Warn if true values that are compared are among rows of ``fit``, found for each series and model."""
    n_seen = 0
    for number, one in enumerate(problem.series if found else []):
        seen = np.any([rows_of_fit(one, each[number], problem.targets) for each in found], axis=0)
        n_seen += count_windows_of_fit(seen, problem.starts[problem.numbers == number], problem.prediction_length)
    if n_seen:
        warnings.warn(
            f"{n_seen} of {problem.n_windows} windows of compare have true values that fit was given: their errors are "
            "not those on new rows. Only the context before the first forecast may be rows of fit.",
            stacklevel=stacklevel_of_user(),
        )


def _choose_seasons(
    problem: Problem, season: int | Sequence[int] | None, trained: Sequence[Series | None]
) -> list[int]:
    """List the seasons of the seasonal-naive rows, the usual one first."""
    most = problem.known_rows
    if season is not None:
        given = [season] if isinstance(season, int | np.integer) or not isinstance(season, Sequence) else list(season)
        if not given:
            raise ValueError(f"season of compare must name at least one season; got {season!r}.")
        for one in given:
            check_integer(one, "season of compare")
            if one > most:
                raise ValueError(
                    f"season of compare must be at most the {most} rows before the first forecast; got {one}."
                )
        return list(dict.fromkeys(int(one) for one in given))
    known = [seen if one is None else one for seen, one in zip(problem.series, trained, strict=True)]
    longest = max(problem.series, key=len)
    return find_seasons(
        [one.values[:, problem.targets] for one in known],
        longest.index,
        max_season=most,
        prediction_length=problem.prediction_length,
        step=longest.step,
    )


def _seasons_too_long(problem: Problem) -> list[int]:
    """List the plausible seasons of the step for which some forecast has too few rows before it."""
    longest = max(problem.series, key=len)
    return [season for season in seasons_of_series(longest.index, longest.step) or () if season > problem.known_rows]


def _mase_unit(problem: Problem, trained: Sequence[Series | None], season: int) -> np.ndarray:
    """Return the mean absolute seasonal difference of each series and target; NaN where there is none."""
    units = []
    for one, known in zip(problem.series, trained, strict=True):
        rows = one.values[: problem.context_length] if known is None else known.values
        unit = seasonal_difference(rows[:, problem.targets], season)
        units.append(np.where(unit > 0, unit, np.nan))
    return np.stack(units)


def _read_training_rows(model: UnwrappedModel, train: Any, problem: Problem) -> list[Series] | None:
    """Return the training series, given or passed to ``fit``; None if they are gone, were changed or transformed."""
    if model.before is None:
        series = read_training_rows(model.forecaster, train)
    elif train is None:
        return None  # fit kept what the steps before made of them
    else:
        series = model.read(train if model.invertible else model.transform(train)).series
    own = list(model.forecaster.targets_)
    if series is None or own == problem.targets:
        return series
    return [_with_targets(one, own, problem.targets) for one in series]


def _with_targets(series: Series, own: list[int], targets: list[int]) -> Series:
    """Return a series with its targets, and nothing else, where another model has them: it has other channels."""
    values = np.full((len(series), max(targets) + 1), np.nan)
    values[:, targets] = series.values[:, own]
    return replace(series, values=values, columns=None)


def _try_to_measure(row: _Row, problem: Problem, batch_size: int) -> RowResult | None:
    """Measure a row; leave it out with a warning if given labels do not cover the windows, or it answers NaN."""
    try:
        result = _measure(row, problem, batch_size)
    except NoLabelError as error:
        warn_left_out(f"the row {row.name!r}", error)
        return None
    n_spoiled = int(np.isnan(result.squared).sum())
    if not n_spoiled:
        return result
    what = (
        f"the forecasts of {row.name!r} are NaN in {n_spoiled} of {problem.n_windows} windows whose context is observed"
    )
    if row.role == "student":
        raise ValueError(f"{what}: its training diverged, or its network does not take missing values. Fit it again.")
    warnings.warn(f"{what}: the row is left out.", stacklevel=stacklevel_of_user())
    return None


def _measure(row: _Row, problem: Problem, batch_size: int) -> RowResult:
    """Forecast all windows in blocks, and time the first run."""
    n_runs, n_windows = len(row.runs), problem.n_windows
    squared, scaled = np.zeros((n_runs, n_windows)), np.zeros((n_runs, n_windows))
    weights = np.ones(n_windows) if problem.weights is None else problem.weights
    absolute, original, absolute_original = (np.zeros(n_runs) for _ in range(3))
    scores, n_scored = np.zeros(3), 0  # summed over true values and runs
    losses, size = 0.0, 0.0  # in original units
    for block in blocks(n_windows):
        windows = np.arange(block.start, block.stop)
        truth, scale = problem.truth(windows), problem.scale_of(windows)
        observed = ~np.isnan(truth)
        for number, run in enumerate(row.runs):
            if row.around is None:
                error = run(windows) - truth
                losses += _loss_of_point(error[observed], problem.levels)
            else:
                point, quantiles = row.around[number](windows)
                error = point - truth
                found = observed.sum() * _score(truth, quantiles, problem, scale)
                scores += found[:3]
                losses += found[3]
                n_scored += int(observed.sum())
            size += float(np.abs(truth[observed]).sum())
            squared[number, windows] = _mean_of_windows(np.square(error / scale), observed)
            own = weights[windows]
            absolute[number] += (own * _mean_of_windows(np.abs(error / scale), observed)).sum()
            original[number] += (own * _mean_of_windows(np.square(error), observed)).sum()
            absolute_original[number] += (own * _mean_of_windows(np.abs(error), observed)).sum()
            if problem.mase_unit is not None:
                unit = problem.mase_unit[problem.numbers[windows]][:, None]
                scaled[number, windows] = _mean_of_windows(np.abs(error) / unit, observed)
    one, many = np.arange(1), np.arange(min(batch_size, n_windows))
    return RowResult(
        name=row.name,
        role=row.role,
        of=row.of,
        squared=squared.mean(axis=0),
        by_seed=(squared * weights).mean(axis=1),
        mae=float(absolute.mean()) / n_windows,
        mse_original=float(original.mean()) / n_windows,
        mae_original=float(absolute_original.mean()) / n_windows,
        parameters=row.parameters,
        seconds_one=median_seconds(lambda: row.runs[0](one)),
        seconds_batch=median_seconds(lambda: row.runs[0](many)),
        scores=None if row.around is None else tuple(scores / n_scored),
        scaled=None if problem.mase_unit is None else scaled.mean(axis=0),
        wql=float(losses / size) if problem.is_panel and size else None,
        weights=problem.weights,
    )


def _series_weight(series_weight: Any, forecaster: Any, problem: Problem) -> np.ndarray | None:
    """Return what each test series counts; None if every window counts alike."""
    given = getattr(forecaster, "series_weight", "windows") if series_weight is None else series_weight
    check_series_weight(given, "compare")
    return weights_of_series(given, [one.id for one in problem.series], "compare")


def _mean_of_windows(values: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Average each window over its observed true values."""
    if observed.all():
        return values.mean(axis=(1, 2))
    return np.where(observed, values, 0.0).sum(axis=(1, 2)) / observed.sum(axis=(1, 2))


def _loss_of_point(error: np.ndarray, levels: Sequence[float] | None) -> float:
    """Sum the quantile losses of point forecasts that stand for the quantiles of every level."""
    level = 0.5 if levels is None else float(np.mean(levels))
    return float(2 * (level * np.maximum(-error, 0) + (1 - level) * np.maximum(error, 0)).sum())


def _score(truth: np.ndarray, quantiles: np.ndarray, problem: Problem, scale: np.ndarray) -> np.ndarray:
    """Score a block: CRPS, coverage, width; and the CRPS in original units."""
    assert problem.levels is not None
    found: QuantileScores = quantile_scores(truth, quantiles, problem.levels, scale=scale)
    original = quantile_scores(truth, quantiles, problem.levels).crps if problem.is_panel else 0.0
    return np.array([found.crps, found.coverage, found.width, original])
