"""Details of a comparison: errors by step, scale and window, and spectra of teacher, student and truth."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill._unwrap import unwrap_model
from skdistill._utils._checks import check_boolean, check_integer
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import read_numbers
from skdistill.comparison._forecasts import StudentForecasts, TeacherForecasts
from skdistill.comparison._problem import Problem
from skdistill.data._plausibility._outliers import find_outliers, warn_of_outliers
from skdistill.teachers._given import NoLabelError, warn_left_out

__all__ = ["RollingForecasts", "error_by_scale", "error_by_step", "period_spectra", "rolling_forecasts", "win_rates"]


@dataclass(frozen=True)
class RollingForecasts:
    """The truth and several forecasts of the same windows, standardized as by :func:`compare`.

    Parameters
    ----------
    truth : ndarray of shape (n_windows, prediction_length, n_targets)
        True values; NaN where they are missing, which errors leave out.
    forecasts : dict of str to ndarray of the same shape
        Forecasts by name.
    channels : list
        Names or positions of the targets; empty if none are needed.
    series, starts : ndarray of int of shape (n_windows,) or None, default=None
        Which series each window is of, and the row of its first true value there.
    """

    truth: np.ndarray
    forecasts: Mapping[str, np.ndarray]
    channels: list[Any]
    series: np.ndarray | None = None
    starts: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Read the numbers, and raise if forecasts are not those of the truth."""
        if not isinstance(self.forecasts, Mapping) or not self.forecasts:
            got = "none" if isinstance(self.forecasts, Mapping) else type(self.forecasts).__name__
            raise ValueError(f"forecasts must be a dict from names to arrays, with at least one; got {got}.")
        object.__setattr__(self, "truth", read_numbers(self.truth, "truth"))
        read = {name: read_numbers(one, f"forecasts {name!r}") for name, one in self.forecasts.items()}
        object.__setattr__(self, "forecasts", read)
        if np.ndim(self.truth) != 3 or len(self.channels) not in (0, np.shape(self.truth)[2]):
            raise ValueError(
                "truth must have the shape (n_windows, prediction_length, n_targets), with one of channels for each "
                f"target; got {np.shape(self.truth)} and {len(self.channels)} channels."
            )
        if not self.truth.size:
            raise ValueError(f"truth must have at least one window, step and target; got the shape {self.truth.shape}.")
        observed = ~np.isnan(self.truth)
        for name, one in self.forecasts.items():
            if np.shape(one) != np.shape(self.truth):
                raise ValueError(
                    f"forecasts {name!r} must have the shape of truth, {np.shape(self.truth)}; got {np.shape(one)}."
                )
            if np.isnan(one)[observed].any():
                raise ValueError(f"forecasts {name!r} must not be NaN where the true value is observed.")


def rolling_forecasts(
    estimator: Any, X: Any, *, train: Any = None, alone: bool = False, step: int = 1
) -> RollingForecasts:
    """Forecast the windows of a series with student and teacher, and optionally the student without a teacher.

    What is computed from them, and drawn, counts every window alike, whatever ``series_weight`` is.

    Parameters
    ----------
    estimator : DistilledForecaster, Pipeline or fitted search
        The fitted estimator.
    X : array, DataFrame or Series
        A series: context rows, then rows to forecast.
    train : array, DataFrame or None, default=None
        The training series, for ``alone``; None takes the series passed to ``fit``. Without ``alone``, a warning says
        that it has no effect.
    alone : bool, default=False
        Whether to train the student again without a teacher.
    step : int, default=1
        Number of rows between one window of a series and the next; the first of each series is always there.

    Returns
    -------
    forecasts : RollingForecasts
        ``"student"``, ``"teacher"`` if there is one, and ``"alone"`` if requested.

    Raises
    ------
    ValueError
        If X is too short, or the training series is not available.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.comparison import rolling_forecasts, win_rates
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.teachers import Theta
    >>> series = make_multiseasonal(300, 1, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     Theta(season=12), "linear", "response", context_length=24, prediction_length=6, random_state=0
    ... ).fit(series[:200])
    >>> rolled = rolling_forecasts(forecaster, series[176:], step=6)
    >>> rolled.truth.shape, sorted(rolled.forecasts)
    ((16, 6, 1), ['student', 'teacher'])
    """
    check_integer(step, "step of rolling_forecasts")
    check_boolean(alone, "alone of rolling_forecasts")
    if train is not None and not alone:
        warnings.warn(
            "train of rolling_forecasts has no effect without alone=True: it trains the student without a teacher.",
            stacklevel=stacklevel_of_user(),
        )
    model = unwrap_model(estimator)
    problem = Problem.of([model], X)
    warn_of_outliers(find_outliers(problem.series, judges=problem.scalings), judged=True)
    runs = {"student": StudentForecasts(model, problem, X).forecast}
    if model.forecaster.teacher_ is not None:
        runs["teacher"] = TeacherForecasts(model, problem, X).forecast
    if alone:
        without_teacher = model.without_teacher(train)
        if without_teacher is None:
            raise ValueError(
                "the student without a teacher needs the training series, which pickles lack, and which refresh and "
                "partial_fit of a panel do not keep: pass train=."
            )
        runs["alone"] = StudentForecasts(without_teacher, problem, X).forecast
    forecasts = {}
    firsts = problem.starts[np.searchsorted(problem.numbers, problem.numbers)]
    windows = np.flatnonzero((problem.starts - firsts) % step == 0)
    blocks = np.array_split(windows, -(-len(windows) // 1024))
    scale = np.concatenate([problem.scale_of(block) for block in blocks])
    for name, run in runs.items():
        try:
            forecasts[name] = np.concatenate([run(block) for block in blocks]) / scale
        except NoLabelError as error:
            warn_left_out(f"{name!r} of rolling_forecasts", error)
    return RollingForecasts(
        truth=np.concatenate([problem.truth(block) for block in blocks]) / scale,
        forecasts=forecasts,
        channels=[problem.series[0].name_of(target) for target in problem.targets],
        series=problem.numbers[windows],
        starts=problem.starts[windows],
    )


def error_by_step(rolled: RollingForecasts) -> pd.DataFrame:
    """Compute the MSE at every step of the horizon.

    Parameters
    ----------
    rolled : RollingForecasts
        Truth and forecasts.

    Returns
    -------
    errors : DataFrame of shape (prediction_length, n_forecasts)
        Standardized MSE; the index counts steps from 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.comparison import RollingForecasts, error_by_step
    >>> truth = np.array([1.0, -1.0, 1.0, -1.0]).reshape(1, 4, 1)
    >>> rolled = RollingForecasts(truth, {"student": 0.5 * truth, "teacher": 0.0 * truth}, ["load"])
    >>> error_by_step(rolled)["student"].tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    errors = {name: np.nanmean(np.square(one - rolled.truth), axis=(0, 2)) for name, one in rolled.forecasts.items()}
    index = pd.RangeIndex(1, rolled.truth.shape[1] + 1, name="step")
    return pd.DataFrame(errors, index=index)


def error_by_scale(rolled: RollingForecasts, n_scales: int = 4, pooling_window: int = 2) -> pd.DataFrame:
    """Compute the MSE at several resolutions, as in TimeDistill's multi-scale comparison.

    Parameters
    ----------
    rolled : RollingForecasts
        Truth and forecasts.
    n_scales : int, default=4
        Number of scales, including the original one; scales without a step are left out.
    pooling_window : int, default=2
        Number of steps averaged into one step of the next scale.

    Returns
    -------
    errors : DataFrame of shape (n_scales, n_forecasts)
        Standardized MSE; the index is the number of averaged steps. Averages over a missing true value are left out.

    References
    ----------
    TimeDistill (arXiv 2502.15016), preliminary study of multi-scale patterns.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.comparison import RollingForecasts, error_by_scale
    >>> truth = np.array([1.0, -1.0, 1.0, -1.0]).reshape(1, 4, 1)
    >>> rolled = RollingForecasts(truth, {"student": 0.5 * truth, "teacher": 0.0 * truth}, ["load"])
    >>> error_by_scale(rolled, n_scales=2)["student"].tolist()  # averages of two steps are all 0
    [0.25, 0.0]
    """
    check_integer(n_scales, "n_scales of error_by_scale")
    check_integer(pooling_window, "pooling_window of error_by_scale", minimum=2)
    differences = {name: one - rolled.truth for name, one in rolled.forecasts.items()}
    rows, steps = [], []
    for scale in range(n_scales):
        rows.append({name: float(np.nanmean(np.square(one))) for name, one in differences.items()})
        steps.append(pooling_window**scale)
        if next(iter(differences.values())).shape[1] < pooling_window:
            break
        differences = {name: _pool(one, pooling_window) for name, one in differences.items()}
    return pd.DataFrame(rows, index=pd.Index(steps, name="steps averaged"))


def _pool(values: np.ndarray, window: int) -> np.ndarray:
    length = values.shape[1] // window
    return values[:, : length * window].reshape(len(values), length, window, -1).mean(axis=2)


def period_spectra(rolled: RollingForecasts) -> pd.DataFrame:
    """Average the amplitudes of truth and forecasts over windows, as in TimeDistill's multi-period comparison.

    Parameters
    ----------
    rolled : RollingForecasts
        Truth and forecasts.

    Returns
    -------
    amplitudes : DataFrame of shape (prediction_length // 2, 1 + n_forecasts)
        Mean amplitude of the real FFT over time, per step; the index is the season in steps, longest first;
        the constant is left out. The first column is the truth. Windows with a missing true value are left out.

    Raises
    ------
    ValueError
        If a forecast is called "truth".

    References
    ----------
    TimeDistill (arXiv 2502.15016), preliminary study of multi-period patterns.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.comparison import RollingForecasts, period_spectra
    >>> truth = np.array([1.0, -1.0, 1.0, -1.0]).reshape(1, 4, 1)
    >>> rolled = RollingForecasts(truth, {"student": 0.5 * truth, "teacher": 0.0 * truth}, ["load"])
    >>> period_spectra(rolled)["student"].round(2).to_dict()  # by season
    {4.0: 0.0, 2.0: 0.5}
    """
    if "truth" in rolled.forecasts:
        raise ValueError("period_spectra has a column 'truth': a forecast must have another name.")
    length = rolled.truth.shape[1]
    frequencies = np.arange(1, length // 2 + 1)
    whole = ~np.isnan(rolled.truth).any(axis=(1, 2))
    parts = {name: one[whole] for name, one in {"truth": rolled.truth, **rolled.forecasts}.items()}
    amplitudes = {
        name: np.abs(np.fft.rfft(one, axis=1))[:, 1:].mean(axis=(0, 2)) / length for name, one in parts.items()
    }
    return pd.DataFrame(amplitudes, index=pd.Index(length / frequencies, name="season"))


def win_rates(rolled: RollingForecasts, row: str = "student", other: str = "teacher") -> pd.Series:
    """Compute the share of windows in which one forecast has a smaller MSE than another.

    Parameters
    ----------
    rolled : RollingForecasts
        Truth and forecasts.
    row : str, default="student"
        Name of the forecast whose wins are counted.
    other : str, default="teacher"
        Name of the forecast it is compared with.

    Returns
    -------
    rates : Series
        One share per channel, and ``"all"`` for the error over all channels. A tie counts as half.

    Raises
    ------
    ValueError
        If there is no forecast of that name, or channels have no names.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.comparison import RollingForecasts, win_rates
    >>> truth = np.array([1.0, -1.0, 1.0, -1.0]).reshape(1, 4, 1)
    >>> rolled = RollingForecasts(truth, {"student": 0.5 * truth, "teacher": 0.0 * truth}, ["load"])
    >>> win_rates(rolled).to_dict()
    {'load': 1.0, 'all': 1.0}
    """
    for name in (row, other):
        if name not in rolled.forecasts:
            raise ValueError(f"win_rates needs forecasts of {name!r}; there are {sorted(rolled.forecasts)}.")
    if not rolled.channels:
        raise ValueError("win_rates needs channels, a name for each target; got none.")
    squares = [np.square(rolled.forecasts[name] - rolled.truth) for name in (row, other)]
    ours, theirs = (np.column_stack([_mean_of_windows(one, 1), _mean_of_windows(one, (1, 2))]) for one in squares)
    wins = np.where(np.isnan(ours), np.nan, (ours < theirs) + 0.5 * (ours == theirs))
    share = np.nanmean(wins, axis=0)
    return pd.Series(share, index=[*rolled.channels, "all"], name=f"{row} beats {other}")


def _mean_of_windows(squares: np.ndarray, axis: int | tuple[int, int]) -> np.ndarray:
    """Average over what is observed; NaN where nothing is."""
    observed = (~np.isnan(squares)).sum(axis=axis)
    return np.where(observed > 0, np.nansum(squares, axis=axis) / np.maximum(observed, 1), np.nan)
