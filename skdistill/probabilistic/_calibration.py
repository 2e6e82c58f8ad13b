"""Conformal calibration: shift the quantiles of each step so that they cover the true values of held-out windows."""

from __future__ import annotations

import abc
import math
import warnings
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
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils._usual_modes import inference
from skdistill._utils.numpy_student import order_outwards, read_numbers
from skdistill.data._levels import check_quantiles
from skdistill.data._windows import Windows
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

_MOST_VALUES = 1 << 28  # maximum number of errors (1 GiB); with more, windows are subsampled evenly, with a warning
_BATCH = 256


def conformal_offsets(errors: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return the offsets with which each quantile covers its share of the given windows and one more window.

    The errors e are truth minus quantile in n windows. For a level tau above 0.5, the offset is the
    ``ceil((n + 1) tau)``-th smallest error; for a level below 0.5, the ``floor((n + 1) tau)``-th smallest. If the n
    windows and the next one are exchangeable, the truth is then below an upper quantile with probability at least tau,
    and below a lower quantile with probability at most tau. The median is not changed.

    Parameters
    ----------
    errors : ndarray of shape (n_windows, ..., n_quantiles)
        Truth minus quantile.
    levels : sequence of float
        Levels of the quantiles.

    Returns
    -------
    offsets : ndarray of shape (..., n_quantiles)
        Offsets to add to the quantiles.

    Raises
    ------
    ValueError
        If there are too few windows for the outermost levels, an error is missing, or shapes or levels do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> conformal_offsets(np.arange(1.0, 10.0)[:, None], (0.9,))  # the 9th of 9: ceil(10 * 0.9)
    array([9.])
    """
    errors = read_numbers(errors, "errors of conformal_offsets", finite=True)
    levels = check_quantiles(levels, "levels of conformal_offsets")
    if errors.ndim < 2 or errors.shape[-1] != len(levels):
        raise ValueError(
            f"errors of conformal_offsets must have a first axis of windows and a last one for {len(levels)} levels; "
            f"got shape {errors.shape}."
        )
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
        Number of windows to calibrate on.
    levels : sequence of float
        Levels of the quantiles.
    name : str, default="calibration"
        Parameter and owner, for error messages.
    """
    outermost, needed = _most_demanding(levels)
    if n_windows < needed:
        raise ValueError(
            f"{name} needs at least {needed} windows with a known truth to calibrate the level {outermost:g}; got "
            f"{n_windows} of them. Calibrate on more rows, or request quantiles closer to the median."
        )


def _most_demanding(levels: Sequence[float]) -> tuple[float, int]:
    """Return the outermost level, and the number of windows needed to calibrate it."""
    outermost = max(levels, key=lambda level: max(level, 1.0 - level))
    share = max(outermost, 1.0 - outermost)
    return outermost, math.ceil(round(share / (1.0 - share), 6))


def _rank(n_windows: int, level: float) -> int:
    """Return the rank, from 1, of the error used as the offset; 0 for the median."""
    if abs(level - 0.5) < 1e-9:
        return 0
    if level > 0.5:
        return math.ceil(round((n_windows + 1) * level, 6))
    return math.floor(round((n_windows + 1) * level, 6))


class BaseCalibration(DocLink, BaseEstimator, abc.ABC):
    """Base class of calibrations: rules that compute offsets of quantiles from errors of known windows."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raise if a parameter is out of its range; called before any training."""

    def check_windows(self, n_windows: int, levels: Sequence[float], name: str = "calibration") -> None:
        """Raise if there are too few windows for some levels; called before any training.

        Parameters
        ----------
        n_windows : int
            Number of windows to calibrate on.
        levels : sequence of float
            Levels of the quantiles.
        name : str, default="calibration"
            Parameter and owner, for error messages.
        """
        check_enough(n_windows, levels, name)

    @property
    def n_last(self) -> int | None:
        """Number of the last windows that offsets depend on; None for all."""
        return None

    @abc.abstractmethod
    def fit_errors(self, errors: np.ndarray, levels: Sequence[float], before: FittedCalibration | None) -> Any:
        """Compute offsets from errors.

        Parameters
        ----------
        errors : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Truth minus quantile, in standardized units, oldest window first.
        levels : sequence of float
            Levels of the quantiles.
        before : FittedCalibration or None
            Result of an earlier call.

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
        Offsets added to the student's quantiles, in standardized units.
    n_windows : int
        Number of windows that they were computed from.
    errors : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles) or None, default=None
        The errors of these windows, oldest first, if later errors will be added.
    """

    offsets: np.ndarray
    n_windows: int
    errors: np.ndarray | None = None

    def rolling_offsets(
        self, errors: np.ndarray, levels: Sequence[float], step: int, most: int | None = None
    ) -> np.ndarray:
        """Return the offsets for each of the following windows, from the errors known at its origin.

        Parameters
        ----------
        errors : ndarray of shape (n_origins, prediction_length, n_targets, n_quantiles)
            Truth minus quantile of the following windows, with ``step`` rows between their origins. The truth of step h
            is known h rows later; NaN where it is missing.
        levels : sequence of float
            Levels of the quantiles.
        step : int
            Number of rows between origins.
        most : int or None, default=None
            How many errors to keep, as in ``calibrate``; None keeps as many as there are.

        Returns
        -------
        offsets : ndarray of shape (n_origins, prediction_length, n_targets, n_quantiles)
            Offsets from the last ``most`` errors known at each origin.
        """
        assert self.errors is not None  # a rolling calibration
        errors = read_numbers(errors, "errors of rolling_offsets")
        levels = check_quantiles(levels, "levels of rolling_offsets")
        check_integer(step, "step of rolling_offsets")
        if most is not None:
            check_integer(most, "most of rolling_offsets")
        if errors.shape[1:] != self.errors.shape[1:] or errors.shape[-1] != len(levels):
            raise ValueError(
                f"errors of rolling_offsets must have the shape (n_origins, *{self.errors.shape[1:]}), with a last "
                f"axis for {len(levels)} levels; got {errors.shape}."
            )
        n_known, n_origins = len(self.errors), len(errors)
        most = n_known if most is None else max(most, n_known)
        offsets = np.zeros_like(errors)
        for number in range(errors.shape[1]):
            both = np.concatenate([self.errors[:, number], errors[:, number]])
            last_known = n_known + np.arange(n_origins) - 1 - number // step
            rows = np.maximum(last_known, n_known - 1)  # before that, only the windows of the calibration are known
            observed = ~np.isnan(both).any(axis=(1, 2))
            both, rows = both[observed], observed.cumsum()[rows] - 1  # the last errors that are known in full
            for row in np.unique(rows[rows < most - 1]):  # fewer than that are known
                offsets[rows == row, number] = conformal_offsets(both[: row + 1], levels)
            full = rows >= most - 1
            for position, level in enumerate(levels):
                if (rank := _rank(most, level)) and full.any():
                    share = (rank - 1) / max(most - 1, 1)
                    rolled = pd.DataFrame(both[..., position]).rolling(most).quantile(share, interpolation="nearest")
                    offsets[full, number, :, position] = rolled.to_numpy()[rows[full]]
        return offsets


class SplitConformal(BaseCalibration):
    """Split conformal calibration, separately for each step, channel and level.

    Each quantile is shifted by an offset computed from calibration windows (see :func:`conformal_offsets`); initially
    these are the validation windows. If the calibration windows and future windows are exchangeable, at least a share 1
    - 2 tau of the true values lies between the levels tau and 1 - tau.

    See Also
    --------
    skdistill.probabilistic._calibration.RollingConformal : Offsets from the last windows only, which follow a drift.

    Notes
    -----
    What is guaranteed and what is not: exchangeable windows are covered, for any student and series. The windows of a
    series are not exchangeable: neighbors overlap, so n of them carry less information than n independent windows, and
    a series can drift. The validation windows also chose the student's best epoch, so their errors are a little smaller
    than those of new windows. The guarantee holds for each step and channel on average over windows, not conditional on
    a window, and not for all steps of a window jointly. A context that is constant and scaled by itself (with
    ``scaling="window"``, or of a new series) shows no unit: forecast and quantiles are its level, of width 0, which no
    calibration widens.

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

    def __init__(self) -> None:  # explicit, because scikit-learn reads the signature
        pass

    def check(self) -> None:
        """Do nothing, as there are no parameters."""

    def fit_errors(
        self, errors: np.ndarray, levels: Sequence[float], before: FittedCalibration | None
    ) -> FittedCalibration:
        """Compute offsets from errors."""
        return FittedCalibration(conformal_offsets(errors, levels).astype(np.float64), len(errors))


class RollingConformal(BaseCalibration):
    """Conformal calibration on the last windows only, for series that drift.

    Offsets are computed from the last ``n_windows`` windows of known truth. Initially these are validation windows;
    ``calibrate`` and ``backtest_quantiles`` add later ones.

    Parameters
    ----------
    n_windows : int, default=500
        Number of windows to keep: of several series, the last ones in time, or, where labels are no times, those
        nearest to the end of their series. Fewer follow a drift faster, but estimate outer quantiles less precisely.

    See Also
    --------
    skdistill.probabilistic._calibration.SplitConformal : What is guaranteed and what is not.

    Notes
    -----
    Only the last windows and the next one need to be exchangeable. Under drift, the error of the coverage depends on
    how much the distribution of the errors changes within ``n_windows``.

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

    @property
    def n_last(self) -> int | None:
        """Number of windows that are kept."""
        return self.n_windows

    def check_windows(self, n_windows: int, levels: Sequence[float], name: str = "calibration") -> None:
        """Raise if there are too few windows for some levels, or too few are kept."""
        outermost, needed = _most_demanding(levels)
        if self.n_windows < needed:
            raise ValueError(
                f"n_windows of RollingConformal must be at least {needed} to calibrate the level {outermost:g}; got "
                f"{self.n_windows}. Raise it, or request quantiles closer to the median."
            )
        check_enough(n_windows, levels, name)

    def fit_errors(
        self, errors: np.ndarray, levels: Sequence[float], before: FittedCalibration | None
    ) -> FittedCalibration:
        """Compute offsets from errors.

        Returns
        -------
        calibration : FittedCalibration
            The offsets, and the errors to which later errors are added.
        """
        errors = read_numbers(errors, "errors of fit_errors")
        if before is not None and before.errors is not None:
            errors = np.concatenate([before.errors, errors])
        self.check_windows(len(errors), levels)
        kept = np.ascontiguousarray(errors[-self.n_windows :])
        return FittedCalibration(conformal_offsets(kept, levels).astype(np.float64), len(kept), kept)


CALIBRATIONS: dict[str, type[BaseCalibration]] = {"conformal": SplitConformal, "rolling": RollingConformal}


def resolve_calibration(calibration: Any) -> BaseCalibration | None:
    """Convert ``calibration`` to a parameter object.

    Parameters
    ----------
    calibration : calibration, str or None
        Value of the parameter.

    Returns
    -------
    calibration : BaseCalibration or None
        The object; None means no calibration.

    Raises
    ------
    TypeError, ValueError
        If it is not a calibration, or a parameter is out of its range.

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
    """Add offsets to quantiles; a quantile that then crosses its neighbor towards the median is set to it.

    Parameters
    ----------
    quantiles : ndarray of shape (..., n_quantiles)
        Quantiles, rising.
    offsets : ndarray that broadcasts to that shape, or None
        Offsets to add; None leaves the quantiles unchanged.
    levels : sequence of float
        Levels of the quantiles.

    Returns
    -------
    quantiles : ndarray of the same shape
        The quantiles, non-decreasing along the last axis.

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


def quantile_errors(module: nn.Module, spec: NetworkSpec, windows: Windows, calibration: BaseCalibration) -> np.ndarray:
    """Compute the errors (truth minus quantile) of a student's quantiles that a calibration reads.

    Parameters
    ----------
    module : torch.nn.Module
        The trained student, on the CPU.
    spec : NetworkSpec
        The problem it was built for, with ``quantiles``.
    windows : Windows
        Windows whose truth is known in full, oldest first. If the errors would take more than 1 GiB, the windows are
        subsampled evenly, with a warning.
    calibration : BaseCalibration
        The calibration, which may read the last windows alone.

    Returns
    -------
    errors : float32 ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
        Truth minus quantile, in standardized units.
    """
    assert spec.quantiles is not None
    most = max(1, _MOST_VALUES // (spec.prediction_length * spec.n_targets * len(spec.quantiles)))
    n_read = min(len(windows), calibration.n_last or len(windows))
    every = -(-n_read // most)
    if every > 1:
        warnings.warn(
            f"calibration reads one of every {every} of {n_read} windows: the errors of {most} windows of "
            f"{spec.prediction_length} steps, {spec.n_targets} targets and {len(spec.quantiles)} levels take "
            f"1 GiB. Neighboring windows tell much the same; give fewer rows, quantiles or steps "
            "to read all.",
            stacklevel=stacklevel_of_user(),
        )
    numbers = torch.arange(len(windows) - 1, len(windows) - 1 - n_read, -every).flip(0)  # with the newest
    dtype, parts = next(module.parameters()).dtype, []
    for batch in numbers.split(_BATCH):
        inputs = network_inputs(spec, windows.contexts(batch), torch.device("cpu"))
        with inference():
            quantiles = module(**{name: one.to(dtype) for name, one in inputs.items()}).quantiles
        parts.append((windows.horizons(batch).unsqueeze(-1) - quantiles).float().numpy())
    return np.concatenate(parts)
