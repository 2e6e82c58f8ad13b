"""The pretrained student of the package, which needs no fit, judged beside the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skdistill._utils.pretrained_student import MAX_HORIZON, ArrayStudent
from skdistill.data._bounds import Bounds, clip
from skdistill.selection._folds import Fold
from skdistill.selection._judge import Judge, Problem

__all__ = ["ZeroShot", "judge_zero_shot"]

_ROWS_READ = 512  # of a context, at least; more if a candidate reads more
_BLOCK = 256  # windows forecast at once


@dataclass(frozen=True)
class ZeroShot:
    """Errors of the pretrained student.

    Parameters
    ----------
    errors : list of ndarray of shape (n_origins,), or None
        The error of each horizon, for every fold; None if it was not judged.
    reason : str
        Why it was not judged, empty otherwise.
    """

    errors: list[np.ndarray] | None
    reason: str = ""


def judge_zero_shot(problem: Problem, folds: Sequence[Fold], longest: int, bounds: Bounds | None) -> ZeroShot:
    """Judge the pretrained student on the horizons of all folds.

    Parameters
    ----------
    problem : Problem
        The series.
    folds : sequence of Fold
        The folds.
    longest : int
        Number of rows that the longest context of a candidate has.
    bounds : tuple of (float or None, float or None), or None
        Lowest and highest forecast.

    Returns
    -------
    zero_shot : ZeroShot
        Its errors, or the reason why there are none.
    """
    if problem.prediction_length > MAX_HORIZON:
        return ZeroShot(None, f"it forecasts at most {MAX_HORIZON} steps in one pass")
    student, n_rows = ArrayStudent.load(), max(longest, _ROWS_READ)
    errors = []
    for fold in folds:
        forecasts = _forecast(student, problem, fold, n_rows)
        errors.append(Judge(problem, fold).errors_of(clip(forecasts, bounds)))
    return ZeroShot(errors)


def _forecast(student: ArrayStudent, problem: Problem, fold: Fold, n_rows: int) -> np.ndarray:
    """Forecast the horizons of a fold, (n_origins, prediction_length, n_targets); contexts of one length together."""
    numbers, origins = fold.places
    lengths = np.minimum(origins, n_rows)
    forecasts = np.empty((len(numbers), problem.prediction_length, len(problem.targets)))
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        for some in np.array_split(places, -(-len(places) // _BLOCK)):
            ends = zip(numbers[some], origins[some], strict=True)
            past = [
                problem.given.series[number].values[end - length : end, list(problem.targets)] for number, end in ends
            ]
            forecasts[some] = student.predict(np.stack(past), problem.prediction_length)
    return forecasts
