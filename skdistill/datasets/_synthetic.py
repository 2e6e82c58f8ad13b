"""Synthetic series with several seasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from sklearn.utils import check_random_state

from skdistill._utils._checks import check_integer, check_real

__all__ = ["make_multiseasonal"]


def make_multiseasonal(
    n_timestamps: int = 5000,
    n_channels: int = 3,
    *,
    seasons: Sequence[int] = (24, 168),
    n_harmonics: int = 3,
    trend: float = 1.0,
    noise: float = 0.3,
    start: str = "2020-01-01",
    random_state: Any = None,
) -> pd.DataFrame:
    """Make an hourly series; its channels share seasons and have slow trends and correlated noise.

    Each channel is the sum of a level, a random walk, one wave of random shape per season (the amplitude of harmonic k
    is drawn from 0.5 / k to 1.5 / k), and autoregressive noise of order one with shocks that are correlated between
    channels.

    Parameters
    ----------
    n_timestamps : int, default=5000
        Number of rows.
    n_channels : int, default=3
        Number of columns.
    seasons : sequence of int, default=(24, 168)
        Number of rows of each season.
    n_harmonics : int, default=3
        Number of harmonics of a season.
    trend : float, default=1.0
        Standard deviation of the random walk's last value.
    noise : float, default=0.3
        Standard deviation of the noise.
    start : str, default="2020-01-01"
        First timestamp.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    frame : DataFrame of shape (n_timestamps, n_channels)
        The series, columns ``channel_0``, ..., hourly DatetimeIndex.

    Examples
    --------
    >>> from skdistill.datasets import make_multiseasonal
    >>> make_multiseasonal(100, 2, random_state=0).shape
    (100, 2)
    """
    check_integer(n_timestamps, "n_timestamps of make_multiseasonal")
    check_integer(n_channels, "n_channels of make_multiseasonal")
    check_integer(n_harmonics, "n_harmonics of make_multiseasonal", minimum=0)
    check_real(noise, "noise of make_multiseasonal", minimum=0.0)
    check_real(trend, "trend of make_multiseasonal")
    seasons = [check_integer(one, "seasons of make_multiseasonal") for one in seasons]
    generator = check_random_state(random_state)
    values = generator.normal(size=(1, n_channels)) + _walk(generator, n_timestamps, n_channels, trend)
    for season in seasons:
        values = values + _season(generator, n_timestamps, n_channels, season, n_harmonics)
    values = values + noise * _shocks(generator, n_timestamps, n_channels)
    index = pd.date_range(start, periods=n_timestamps, freq="h", name="time")
    return pd.DataFrame(values, index=index, columns=[f"channel_{number}" for number in range(n_channels)])


def _walk(generator: np.random.RandomState, n_timestamps: int, n_channels: int, size: float) -> np.ndarray:
    steps = generator.normal(size=(n_timestamps, n_channels)) / np.sqrt(n_timestamps)
    return size * np.cumsum(steps, axis=0)


def _season(
    generator: np.random.RandomState, n_timestamps: int, n_channels: int, length: int, n_harmonics: int
) -> np.ndarray:
    time = np.arange(n_timestamps)[:, None]
    season = np.zeros((n_timestamps, n_channels))
    for harmonic in range(1, n_harmonics + 1):
        phase = generator.uniform(0, 2 * np.pi, size=(1, n_channels))
        size = generator.uniform(0.5, 1.5, size=(1, n_channels)) / harmonic
        season += size * np.sin(2 * np.pi * harmonic * time / length + phase)
    return season


def _shocks(generator: np.random.RandomState, n_timestamps: int, n_channels: int, memory: float = 0.7) -> np.ndarray:
    common = generator.normal(size=(n_timestamps, 1))
    own = generator.normal(size=(n_timestamps, n_channels))
    shocks = np.sqrt(0.5) * (common + own) * np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], shocks, axis=0)
