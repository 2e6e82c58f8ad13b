"""Exact updating: new rows, and rows to forget, for students that are solved from moments."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd

from skdistill._shorthand import resolve_loss, resolve_student
from skdistill._utils._checks import check_integer
from skdistill.data._index_checks import check_time_index
from skdistill.data._inputs import Series, read_series
from skdistill.data._scaling import Scaling
from skdistill.data._steps import continue_index
from skdistill.networks._base import NetworkSpec
from skdistill.networks._linear import Linear
from skdistill.training._exact_fit import quadratic_terms, solve_from_moments
from skdistill.training._rolling import RollingMoments

__all__ = ["add_rows", "check_updatable"]


def add_rows(forecaster: Any, X: Any, forget: int) -> None:
    """Let rows enter and leave, and solve anew.

    Parameters
    ----------
    forecaster : DistilledForecaster
        Fitted or not; gets the new student.
    X : array of shape (n_timestamps, n_channels), DataFrame or Series
        Rows that follow those it has seen.
    forget : int
        Rows to forget at the start.
    """
    network = resolve_student(forecaster.student)
    check_integer(forget, "forget of partial_fit", minimum=0)
    rolling, seen = _seen_so_far(forecaster)
    series = read_series(forecaster, X, reset=rolling is None, allow_batch=False)
    if series.is_list or len(series.series) != 1:
        raise ValueError("partial_fit takes one series; got a list. Fit all of them anew with fit.")
    new = series.series[0]
    if rolling is None or seen is None:
        if forget:
            raise ValueError(f"forget of partial_fit must be 0 before any rows were seen; got {forget}.")
        forecaster.targets_ = forecaster._find_targets(new)
        forecaster._check_rows(series.series, [0])
        rolling = RollingMoments(new.values, forecaster.context_length, forecaster.prediction_length)
        index, columns = new.index, new.columns
    else:
        index, columns = _join_labels(seen, new), seen.columns
        rolling = copy.copy(rolling)  # which replaces its arrays: what was seen stays as it is if anything raises
        rolling.append(new.values)
    if forget:
        rolling.forget(forget)
        index = None if index is None else index[forget:]
    assert isinstance(network, Linear)  # check_updatable
    _solve(forecaster, network, rolling)
    forecaster._seen = Series(rolling.rows, index, columns)
    forecaster._train = rolling.rows if columns is None else pd.DataFrame(rolling.rows, index, columns)


def check_updatable(forecaster: Any) -> bool:
    """Raise unless new rows can be taken in exactly.

    Parameters
    ----------
    forecaster : DistilledForecaster
        With its parameters.

    Returns
    -------
    updatable : bool
        True, always.
    """
    network = resolve_student(forecaster.student)
    loss = resolve_loss(forecaster.loss)
    obstacles = {
        "a student that is solved exactly: student=Linear()": not isinstance(network, Linear)
        or network.solver == "gradient",
        "one penalty and no weight_grid": isinstance(network, Linear)
        and (len(network.penalties()) > 1 or bool(network.weight_grid)),
        "teacher=None: a teacher that was trained on other rows gives other labels": forecaster.teacher is not None,
        "validation_fraction=0: all rows count": bool(forecaster.validation_fraction),
        "transformer=None": forecaster.transformer is not None,
        "quantiles=None: quantiles are trained": forecaster.quantiles is not None,
        "a loss whose terms without a teacher are quadratic": isinstance(
            quadratic_terms(loss, forecaster.prediction_length, has_teacher=False), str
        ),
    }
    missing = [need for need, lacking in obstacles.items() if lacking]
    if missing:
        raise ValueError(f"partial_fit is exact, and needs {'; '.join(missing)}. Otherwise call fit with all rows.")
    return True


def _seen_so_far(forecaster: Any) -> tuple[RollingMoments | None, Series | None]:
    """Return moments and rows seen so far; after a plain fit they are taken from its series."""
    rolling = getattr(forecaster, "_moments", None)
    if rolling is not None or not hasattr(forecaster, "student_"):
        return rolling, getattr(forecaster, "_seen", None)
    train = getattr(forecaster, "_train", None)
    if train is None:
        raise ValueError(
            "partial_fit needs the rows that fit has seen, which are never pickled: call fit with all rows, or start "
            "with partial_fit, whose moments are pickled."
        )
    given = read_series(forecaster, train, reset=False, allow_batch=False).series
    if len(given) != 1:
        raise ValueError("partial_fit goes on with one series, but fit saw several: fit all of them anew.")
    rolling = RollingMoments(given[0].values, forecaster.context_length, forecaster.prediction_length)
    return rolling, given[0]


def _join_labels(seen: Series, new: Series) -> pd.Index | None:
    """Return the labels of all rows; raise where the new ones do not continue those seen."""
    if seen.index is None:
        return None
    if new.index is None or _is_default(new.index):
        ahead = continue_index(seen.index, len(new))
        return seen.index.append(ahead) if ahead.dtype == seen.index.dtype else None
    joined = seen.index.append(new.index)
    try:
        check_time_index(joined)
        wrong = None
    except ValueError as error:
        wrong = error
    if wrong or (joined.dtype == object and new.index.dtype != seen.index.dtype):
        raise ValueError(
            f"X of partial_fit must follow the rows seen so far, which end at {seen.index[-1]} ({seen.index.dtype}); "
            f"got labels from {new.index[0]} to {new.index[-1]} ({new.index.dtype}). Give the rows that come next, or "
            "all rows to fit."
        ) from wrong
    return joined


def _is_default(index: pd.Index) -> bool:
    """Say whether pandas made the index up: row numbers from 0, which tell nothing about what came before."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def _solve(forecaster: Any, network: Linear, rolling: RollingMoments) -> None:
    targets = forecaster.targets_
    spec = NetworkSpec(forecaster.context_length, forecaster.prediction_length, rolling.rows.shape[1], targets)
    module, part = network.build(spec), network.solvable_part(spec)
    scaling = Scaling(None, None if forecaster.targets is None else targets).fit([rolling.rows])
    moments = rolling.standardized(np.asarray(scaling.mean_), np.asarray(scaling.scale_))
    loss = resolve_loss(forecaster.loss)
    result = solve_from_moments(part, module, spec, [moments[target] for target in targets], loss)
    forecaster.student_, forecaster.spec_, forecaster.teacher_ = module.eval(), spec, None
    forecaster.scaling_, forecaster.history_, forecaster._moments = scaling, result.history, rolling
