"""Errors of naive forecasts on the horizons on which candidates are judged."""

from __future__ import annotations

import numpy as np

from skdistill.comparison._naive import last_value, seasonal_naive
from skdistill.data._context_batch import ContextCutter
from skdistill.data._season import seasons_of_series
from skdistill.selection._folds import Fold
from skdistill.selection._judge import Judge, Problem

__all__ = ["judge_naive"]

_MOST_VALUES = 20_000_000  # of the contexts in one block


def judge_naive(problem: Problem, folds: list[Fold]) -> dict[str, list[np.ndarray]]:
    """Return the errors of the last value and of the value one season before, for every season of the step.

    Parameters
    ----------
    problem : Problem
        The series.
    folds : list of Fold
        The rows.

    Returns
    -------
    errors : dict of str to list of ndarray
        For every forecast with enough rows before each origin (in a panel, before half of them), and every fold, the
        error of each horizon.
    """
    series = problem.given.series
    origins = np.concatenate([fold.places[1] for fold in folds])
    least = np.median(origins) if len(series) > 1 else origins.min()  # a short series of a panel repeats what it has
    seasons = seasons_of_series(series[0].index, series[0].step) or [problem.season]
    names = {"last value": 1} | {f"seasonal naive {one}": one for one in seasons if one > 1}
    kept = {name: one for name, one in names.items() if one <= least}
    return {name: [_errors(problem, fold, season) for fold in folds] for name, season in kept.items()}


def _errors(problem: Problem, fold: Fold, season: int) -> np.ndarray:
    judge, (numbers, origins) = Judge(problem, fold), fold.places
    length = max(2 * season, problem.shortest or 0)  # earlier rows fill gaps
    cutter = ContextCutter(problem.given.series, length, with_time=False)
    each = max(1, _MOST_VALUES // (length * problem.given.series[0].values.shape[1]))
    forecasts = []
    for start in range(0, len(numbers), each):
        contexts = cutter.cut(numbers[start : start + each], origins[start : start + each])
        rows = contexts.values[..., list(problem.targets)]
        if season == 1:
            forecasts.append(last_value(rows, problem.prediction_length))
        else:
            forecasts.append(seasonal_naive(rows, season, problem.prediction_length))
    return judge.errors_of(np.concatenate(forecasts))
