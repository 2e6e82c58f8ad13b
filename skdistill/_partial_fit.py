"""Exact updating: new rows, and rows to forget, for students that are solved from moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistill._checks import check_integer
from skdistill._scaling import Scaling
from skdistill._series import read_series
from skdistill._shorthand import resolve_loss, resolve_student
from skdistill.networks import Linear, NetworkSpec
from skdistill.training._exact_fit import quadratic_terms, solve_from_moments
from skdistill.training._rolling import RollingMoments

if TYPE_CHECKING:
    from skdistill.forecaster import DistilledForecaster

__all__ = ["add_rows", "check_updatable"]


def add_rows(forecaster: DistilledForecaster, X: Any, forget: int) -> None:
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
    rolling = _rolling_so_far(forecaster)
    series = read_series(forecaster, X, reset=rolling is None, allow_batch=False)
    if series.is_list or len(series.series) != 1:
        raise ValueError("partial_fit takes one series; got a list. Fit all of them anew with fit.")
    rows = series.series[0].values
    if rolling is None:
        if forget:
            raise ValueError(f"forget of partial_fit must be 0 before any rows were seen; got {forget}.")
        forecaster.targets_ = forecaster._find_targets(series.series[0])
        forecaster._check_rows(series.series, [0])
        rolling = RollingMoments(rows, forecaster.context_length, forecaster.prediction_length)
    else:
        rolling.append(rows)
    if forget:
        rolling.forget(forget)
    assert isinstance(network, Linear)  # check_updatable
    _solve(forecaster, network, rolling)


def check_updatable(forecaster: DistilledForecaster) -> bool:
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


def _rolling_so_far(forecaster: DistilledForecaster) -> RollingMoments | None:
    """Return the moments of the rows seen so far; after a plain fit they are taken from its series."""
    rolling = getattr(forecaster, "_moments", None)
    if rolling is not None or not hasattr(forecaster, "student_"):
        return rolling
    train = getattr(forecaster, "_train", None)
    if train is None:
        raise ValueError(
            "partial_fit needs the rows that fit has seen, which are never pickled: call fit with all rows, or start "
            "with partial_fit, whose moments are pickled."
        )
    seen = read_series(forecaster, train, reset=False, allow_batch=False)
    if len(seen.series) != 1:
        raise ValueError("partial_fit goes on with one series, but fit saw several: fit all of them anew.")
    return RollingMoments(seen.series[0].values, forecaster.context_length, forecaster.prediction_length)


def _solve(forecaster: DistilledForecaster, network: Linear, rolling: RollingMoments) -> None:
    targets = forecaster.targets_
    spec = NetworkSpec(forecaster.context_length, forecaster.prediction_length, rolling.rows.shape[1], targets)
    module = network.build(spec)
    scaling = Scaling(None, None if forecaster.targets is None else targets).fit([rolling.rows])
    moments = rolling.standardised(np.asarray(scaling.mean_), np.asarray(scaling.scale_))
    loss = resolve_loss(forecaster.loss)
    result = solve_from_moments(network, module, spec, [moments[target] for target in targets], loss)
    forecaster.student_, forecaster.spec_, forecaster.teacher_ = module.eval(), spec, None
    forecaster.scaling_, forecaster.history_, forecaster._moments = scaling, result.history, rolling
    forecaster._train = rolling.rows
