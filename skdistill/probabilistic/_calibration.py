"""Conformal calibration: quantiles shifted, step by step, until they cover what happened after training."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from torch import nn

from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill._utils._doc_link import DocLink
from skdistill.data._windows import Windows
from skdistill.fused.numpy_student import order_outwards
from skdistill.networks._base import NetworkSpec
from skdistill.networks._inputs import network_inputs

__all__ = [
    "CALIBRATIONS",
    "BaseCalibration",
    "FittedCalibration",
    "RollingConformal",
    "SplitConformal",
    "conformal_offsets",
    "resolve_calibration",
    "shift_quantiles",
]

_MOST_VALUES = 1 << 28  # errors that are kept at once (1 GiB); beyond, windows are thinned out evenly
_BATCH = 256


def conformal_offsets(errors: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return what each quantile must be shifted by to cover its share of some windows, and one window more.

    For n errors e (truth minus quantile) of a level tau above one half, the ``ceil((n + 1) tau)``-th smallest; below
    one half, likewise from the other side, the ``floor((n + 1) tau)``-th smallest. Where the n windows and the next
    one are exchangeable, the truth then stays below an upper quantile with a probability of at least tau, and below a
    lower one of at most tau. The median is left as it is.

    Parameters
    ----------
    errors : ndarray of shape (n_windows, ..., n_quantiles)
        Truth minus quantile.
    levels : sequence of float
        Levels of the quantiles.

    Returns
    -------
    offsets : ndarray of shape (..., n_quantiles)
        To be added to the quantiles.

    Raises
    ------
    ValueError
        If there are too few windows for the outermost levels.

    Examples
    --------
    >>> import numpy as np
    >>> conformal_offsets(np.arange(1.0, 10.0)[:, None], (0.9,))  # the 9th of 9: ceil(10 * 0.9)
    array([9.])
    """
    check_enough(len(errors), levels)
    ranks = [_rank(len(errors), level) for level in levels]
    ordered = np.partition(errors, sorted({rank - 1 for rank in ranks if rank}), axis=0)
    offsets = [
        np.zeros_like(ordered[0, ..., 0]) if not rank else ordered[rank - 1, ..., n] for n, rank in enumerate(ranks)
    ]
    return np.stack(offsets, axis=-1)


def check_enough(n_windows: int, levels: Sequence[float], name: str = "calibration") -> None:
    """Raise if there are too few windows to calibrate some levels.

    Parameters
    ----------
    n_windows : int
        Windows to calibrate on.
    levels : sequence of float
        Levels of the quantiles.
    name : str, default="calibration"
        Parameter and owner, for the message.
    """
    outermost, needed = _most_demanding(levels)
    if n_windows < needed:
        raise ValueError(
            f"{name} needs at least {needed} windows with a known truth to calibrate the level {outermost:g}; got "
            f"{n_windows} of them. Raise validation_fraction, or ask for quantiles nearer to the median."
        )


def _most_demanding(levels: Sequence[float]) -> tuple[float, int]:
    """Return the outermost level, and the windows it takes to calibrate it."""
    outermost = max(levels, key=lambda level: max(level, 1.0 - level))
    share = max(outermost, 1.0 - outermost)
    return outermost, math.ceil(round(share / (1.0 - share), 6))


def _rank(n_windows: int, level: float) -> int:
    """Return the rank, from 1, of the error that an offset is; 0 for the median."""
    if abs(level - 0.5) < 1e-9:
        return 0
    if level > 0.5:
        return math.ceil(round((n_windows + 1) * level, 6))
    return math.floor(round((n_windows + 1) * level, 6))


class BaseCalibration(DocLink, BaseEstimator, abc.ABC):
    """What ``calibration=`` takes: a rule by which errors of known windows become offsets of quantiles."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raise if a parameter is out of its range; called before any training."""

    def check_windows(self, n_windows: int, levels: Sequence[float], name: str = "calibration") -> None:
        """Raise if there are too few windows for some levels; called before any training.

        Parameters
        ----------
        n_windows : int
            Windows to calibrate on.
        levels : sequence of float
            Levels of the quantiles.
        name : str, default="calibration"
            Parameter and owner, for the message.
        """
        check_enough(n_windows, levels, name)

    @abc.abstractmethod
    def fit_errors(self, errors: np.ndarray, levels: Sequence[float], before: FittedCalibration | None) -> Any:
        """Turn errors into offsets.

        Parameters
        ----------
        errors : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Truth minus quantile, in standardized units, oldest window first.
        levels : sequence of float
            Levels of the quantiles.
        before : FittedCalibration or None
            What an earlier call gave.

        Returns
        -------
        calibration : FittedCalibration
            The offsets.
        """


@dataclass(frozen=True)
class FittedCalibration:
    """Offsets of quantiles, by step, channel and level.

    Parameters
    ----------
    offsets : ndarray of shape (prediction_length, n_targets, n_quantiles)
        What is added to the student's quantiles, in standardized units.
    n_windows : int
        Windows that they come from.
    errors : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles) or None, default=None
        The errors of these windows, oldest first, where later ones will follow.
    """

    offsets: np.ndarray
    n_windows: int
    errors: np.ndarray | None = None

    def rolling_offsets(self, errors: np.ndarray, levels: Sequence[float], step: int) -> np.ndarray:
        """Return the offsets for each of the windows that follow, each from what was known at its origin.

        Parameters
        ----------
        errors : ndarray of shape (n_origins, prediction_length, n_targets, n_quantiles)
            Truth minus quantile of the windows that follow, ``step`` rows between their origins. The truth of step h
            is known h rows later.
        levels : sequence of float
            Levels of the quantiles.
        step : int
            Rows between origins.

        Returns
        -------
        offsets : ndarray of shape (n_origins, prediction_length, n_targets, n_quantiles)
            From the last ``n_windows`` errors that were known at each origin.
        """
        assert self.errors is not None  # a rolling calibration
        n_known, n_origins = len(self.errors), len(errors)
        offsets = np.zeros_like(errors)
        for number in range(errors.shape[1]):
            both = np.concatenate([self.errors[:, number], errors[:, number]])
            last_known = n_known + np.arange(n_origins) - 1 - number // step
            rows = np.maximum(last_known, n_known - 1)  # before, the calibration's own windows are all there is
            for position, level in enumerate(levels):
                if rank := _rank(n_known, level):
                    share = (rank - 1) / max(n_known - 1, 1)
                    rolled = pd.DataFrame(both[..., position]).rolling(n_known).quantile(share, interpolation="nearest")
                    offsets[:, number, :, position] = rolled.to_numpy()[rows]
        return offsets


class SplitConformal(BaseCalibration):
    """Split conformal calibration, a step, channel and level at a time.

    Each quantile is shifted by a number that the windows it is calibrated on give it (see
    :func:`conformal_offsets`), the validation windows at first. Between the levels tau and 1 - tau then lies at least
    a share 1 - 2 tau of what happens, where those windows and the ones to come are exchangeable.

    See Also
    --------
    skdistill.probabilistic._calibration.RollingConformal : Offsets from the last windows only, which follow a drift.

    Notes
    -----
    What is guaranteed, and what is not: exchangeable windows are covered, whatever student and series. Windows of a
    series are not exchangeable: neighbors overlap, so that n of them tell less than n would, and a series drifts.
    The validation windows have also chosen the student's best epoch, which makes their errors a little smaller than
    those of fresh ones. The guarantee holds for each step and channel on average over windows, not given a window, and
    not for all steps of a window at once.

    References
    ----------
    Romano, Patterson and Candes (2019), Conformalized quantile regression (arXiv 1905.03222).

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.probabilistic._calibration import SplitConformal
    >>> DistilledForecaster(quantiles=(0.1, 0.5, 0.9), calibration=SplitConformal()).calibration
    SplitConformal()
    """

    def __init__(self) -> None:  # spelled out for scikit-learn, which reads its signature
        pass

    def check(self) -> None:
        """Raise if a parameter is out of its range; there is none."""

    def fit_errors(
        self, errors: np.ndarray, levels: Sequence[float], before: FittedCalibration | None
    ) -> FittedCalibration:
        """Turn errors into offsets."""
        return FittedCalibration(conformal_offsets(errors, levels).astype(np.float64), len(errors))


class RollingConformal(BaseCalibration):
    """Conformal calibration on the last windows only, for series that drift.

    Offsets come from the last ``n_windows`` whose truth is known: those of validation at first, and later ones as
    ``calibrate`` or ``backtest_quantiles`` meets them.

    Parameters
    ----------
    n_windows : int, default=500
        Windows to keep: fewer follow a drift faster, and tell less of the outer quantiles.

    See Also
    --------
    skdistill.probabilistic._calibration.SplitConformal : What is guaranteed, and what is not.

    Notes
    -----
    Exchangeability is asked of the last windows and the next one only; under drift, coverage is off by as much as the
    errors' distribution moves within ``n_windows``.

    Examples
    --------
    >>> from skdistill.probabilistic._calibration import RollingConformal
    >>> RollingConformal(n_windows=200)
    RollingConformal(n_windows=200)
    """

    def __init__(self, n_windows: int = 500) -> None:
        self.n_windows = n_windows

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        check_integer(self.n_windows, "n_windows of RollingConformal")

    def check_windows(self, n_windows: int, levels: Sequence[float], name: str = "calibration") -> None:
        """Raise if there are too few windows for some levels, or too few of them are kept."""
        outermost, needed = _most_demanding(levels)
        if self.n_windows < needed:
            raise ValueError(
                f"n_windows of RollingConformal must be at least {needed} to calibrate the level {outermost:g}; got "
                f"{self.n_windows}. Raise it, or ask for quantiles nearer to the median."
            )
        check_enough(n_windows, levels, name)

    def fit_errors(
        self, errors: np.ndarray, levels: Sequence[float], before: FittedCalibration | None
    ) -> FittedCalibration:
        """Turn errors into offsets.

        Returns
        -------
        calibration : FittedCalibration
            The offsets, and the errors that later ones will follow.
        """
        if before is not None and before.errors is not None:
            errors = np.concatenate([before.errors, errors])
        self.check_windows(len(errors), levels)
        kept = np.ascontiguousarray(errors[-self.n_windows :])
        return FittedCalibration(conformal_offsets(kept, levels).astype(np.float64), len(kept), kept)


CALIBRATIONS: dict[str, type[BaseCalibration]] = {"conformal": SplitConformal, "rolling": RollingConformal}


def resolve_calibration(calibration: Any) -> BaseCalibration | None:
    """Turn ``calibration=`` into a parameter object.

    Parameters
    ----------
    calibration : calibration, str or None
        What the user gave.

    Returns
    -------
    calibration : BaseCalibration or None
        The object; None calibrates nothing.

    Raises
    ------
    TypeError, ValueError
        If it is no calibration, or a parameter is out of its range.

    Examples
    --------
    >>> resolve_calibration("rolling")
    RollingConformal()
    """
    if calibration is None:
        return None
    if isinstance(calibration, str):
        return CALIBRATIONS[check_choice(calibration, sorted(CALIBRATIONS), "calibration")]()
    if not isinstance(calibration, BaseCalibration):
        raise TypeError(
            f"calibration must be {', '.join(map(repr, sorted(CALIBRATIONS)))}, an object of skdistill.probabilistic "
            f"or None; got {calibration!r}."
        )
    calibration.check()
    return calibration


def shift_quantiles(quantiles: np.ndarray, offsets: np.ndarray | None, levels: Sequence[float]) -> np.ndarray:
    """Add offsets to quantiles, and set those that have then crossed their neighbor towards the median to it.

    Parameters
    ----------
    quantiles : ndarray of shape (..., n_quantiles)
        Quantiles, rising.
    offsets : ndarray that broadcasts to that shape, or None
        What to add; None leaves the quantiles.
    levels : sequence of float
        Levels of the quantiles.

    Returns
    -------
    quantiles : ndarray of the same shape
        Not falling along the last axis.

    Examples
    --------
    >>> import numpy as np
    >>> shift_quantiles(np.array([-1.0, 0.0, 1.0]), np.array([-1.0, 0.0, -2.0]), (0.1, 0.5, 0.9))
    array([-2.,  0.,  0.])
    """
    if offsets is None:
        return quantiles
    n_lower = sum(level < 0.5 for level in levels)
    return order_outwards(quantiles + offsets, n_lower, 0.5 in levels)


def quantile_errors(module: nn.Module, spec: NetworkSpec, windows: Windows) -> np.ndarray:
    """Measure by how much the truth of windows exceeds a student's quantiles.

    Parameters
    ----------
    module : torch.nn.Module
        The trained student, on the CPU.
    spec : NetworkSpec
        What it was built for, with ``quantiles``.
    windows : Windows
        Windows whose truth is known. Where errors would take more than 1 GiB, they are thinned out evenly.

    Returns
    -------
    errors : float32 ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
        Truth minus quantile, in standardized units.
    """
    assert spec.quantiles is not None
    most = max(1, _MOST_VALUES // (spec.prediction_length * spec.n_targets * len(spec.quantiles)))
    numbers = torch.arange(len(windows))[:: -(-len(windows) // most)]
    dtype, parts = next(module.parameters()).dtype, []
    for batch in numbers.split(_BATCH):
        inputs = network_inputs(spec, windows.contexts(batch), torch.device("cpu"))
        with torch.inference_mode():
            quantiles = module(**{name: one.to(dtype) for name, one in inputs.items()}).quantiles
        parts.append((windows.horizons(batch).unsqueeze(-1) - quantiles).float().numpy())
    return np.concatenate(parts)
