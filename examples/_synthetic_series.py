"""Series that nobody measured: what the small foundation model is pretrained on.

Each series adds up a few of these and standardises the sum: seasons of random shape and period,
trends, smooth and rough random paths with power-law spectra, random walks, and noise; some change
their regime half way.
"""

from __future__ import annotations

import numpy as np

PERIODS = np.array([4, 5, 6, 7, 8, 10, 12, 14, 20, 24, 24, 24, 28, 30, 36, 48, 52, 60, 72, 84, 96, 120, 144, 168])


def make_series(n_series: int, length: int, generator: np.random.Generator) -> np.ndarray:
    """Make series of shape (n_series, length), float32, standardised."""
    time = np.arange(length)
    total = np.zeros((n_series, length))
    for part, chance in ((seasons, 0.75), (trends, 0.35), (coloured_noise, 0.75), (walks, 0.35)):
        share = generator.lognormal(0.0, 0.8, (n_series, 1)) * (generator.random((n_series, 1)) < chance)
        total += share * unit_variance(part(n_series, time, generator))
    total += unit_variance(total) * regime_changes(n_series, time, generator)
    noise = generator.lognormal(-2.0, 1.0, (n_series, 1)) * (generator.random((n_series, 1)) < 0.7)
    total += noise * generator.standard_t(5, (n_series, length))
    return unit_variance(total).astype(np.float32)


def unit_variance(values: np.ndarray) -> np.ndarray:
    """Standardise each series; a flat one stays flat."""
    centred = values - values.mean(axis=1, keepdims=True)
    scale = centred.std(axis=1, keepdims=True)
    return centred / np.where(scale > 1e-9, scale, 1.0)


def seasons(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Add up to three seasons, each a random profile whose size drifts slowly."""
    total = np.zeros((n_series, len(time)))
    for number in range(3):
        periods = generator.choice(PERIODS, n_series)
        jitter = np.where(generator.random(n_series) < 0.2, generator.uniform(0.8, 1.25, n_series), 1.0)
        phase = time[None] / (periods * jitter)[:, None] + generator.random((n_series, 1))
        harmonics = generator.integers(1, 7, n_series)
        wave = np.zeros_like(total)
        for order in range(1, 7):
            size = generator.normal(size=(2, n_series, 1)) / order ** generator.uniform(0.3, 1.5, (n_series, 1))
            size *= (order <= harmonics)[None, :, None]
            wave += size[0] * np.sin(2 * np.pi * order * phase) + size[1] * np.cos(2 * np.pi * order * phase)
        drift = np.exp(0.3 * generator.random((n_series, 1)) * unit_variance(spectrum(n_series, time, 3.0, generator)))
        keep = (generator.random((n_series, 1)) < (1.0, 0.4, 0.15)[number]) * generator.lognormal(0, 0.5, (n_series, 1))
        total += keep * unit_variance(wave) * drift
    return total


def trends(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mix lines, bends and saturating growth."""
    unit = np.linspace(0.0, 1.0, len(time))[None]
    line = generator.normal(size=(n_series, 1)) * unit
    bend = generator.normal(size=(n_series, 1)) * np.maximum(unit - generator.random((n_series, 1)), 0.0)
    growth = generator.normal(size=(n_series, 1)) / (1 + np.exp(-10 * (unit - generator.random((n_series, 1)))))
    return line + bend * (generator.random((n_series, 1)) < 0.4) + growth * (generator.random((n_series, 1)) < 0.3)


def spectrum(n_series: int, time: np.ndarray, power: float | np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Make random paths whose spectrum falls as frequency ** -power."""
    n_frequencies = len(time) + 1  # of paths twice as long, cut in half: they need not close on themselves
    frequency = np.maximum(np.arange(n_frequencies), 1)[None]
    size = frequency ** (-np.broadcast_to(np.asarray(power, dtype=float), (n_series, 1)) / 2)
    random = generator.normal(size=(n_series, n_frequencies)) + 1j * generator.normal(size=(n_series, n_frequencies))
    return np.fft.irfft(size * random, axis=1)[:, : len(time)]


def coloured_noise(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Make paths from rough (power 0.3) to smooth (power 2.5)."""
    return spectrum(n_series, time, generator.uniform(0.3, 2.5, (n_series, 1)), generator)


def walks(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Sum shocks that are forgotten slowly or never, their size in clusters."""
    volatility = np.exp(0.7 * unit_variance(spectrum(n_series, time, 1.5, generator)))
    steps = generator.standard_t(4, (n_series, len(time))) * volatility
    forget = np.where(generator.random(n_series) < 0.6, 1.0, 1.0 - 10.0 ** -generator.uniform(0.5, 2.5, n_series))
    path, state = np.empty_like(steps), np.zeros(n_series)
    for step in range(len(time)):
        state = forget * state + steps[:, step]
        path[:, step] = state
    return path


def regime_changes(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Shift the level or stretch the size from a random moment on, in one series out of six."""
    moment = generator.random((n_series, 1)) * len(time)
    after = (time[None] >= moment) * (generator.random((n_series, 1)) < 1 / 6)
    return after * generator.normal(0.0, 0.7, (n_series, 1))
