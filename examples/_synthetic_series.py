"""Synthetic series to pretrain the small foundation model on.

There are three kinds of series. *Calendar*: seasons of random shape with calendar periods (mostly the hours of a day),
different weekdays, drifting amplitudes, and an autocorrelated level. *Wandering*: random walks with volatility
clusters, slow mean reversion, or added noise. *Smooth*: sums and products of paths with power-law spectra, trends and
seasons of any period. All series have noise; some have a regime change or outliers, or are transformed to be
positive. Series are drawn in batches.
"""

from __future__ import annotations

import numpy as np

KINDS = {"calendar": 0.5, "wandering": 0.25, "smooth": 0.25}
# a short period, a long period that is a multiple of it, and the probability of the pair
CALENDARS = np.array(
    [(24, 168, 0.55), (48, 336, 0.08), (7, 28, 0.1), (12, 24, 0.08), (96, 192, 0.07), (4, 52, 0.06), (10, 60, 0.06)]
)
N_HARMONICS = 8


def make_series(n_series: int, length: int, generator: np.random.Generator, kind: str | None = None) -> np.ndarray:
    """Generate standardized float32 series of shape (n_series, length), of all kinds unless one is named."""
    shares = list(KINDS.values()) if kind is None else [float(name == kind) for name in KINDS]
    counts = generator.multinomial(n_series, shares)
    makers = (calendar, wandering, smooth)
    parts = [make(int(n), np.arange(length), generator) for make, n in zip(makers, counts, strict=True)]
    series = np.concatenate(parts)
    series = change_regime(series, generator)
    noise = lognormal(-2.0, 1.0, n_series, generator) * some(0.7, n_series, generator)
    series += noise * generator.standard_t(5, (n_series, length))
    series += some(0.1, n_series, generator) * outliers(n_series, length, generator)
    bent = unit_variance(np.exp(generator.uniform(0.2, 0.8, (n_series, 1)) * unit_variance(series)))
    series = np.where(some(0.15, n_series, generator), bent, unit_variance(series))
    return generator.permutation(series.astype(np.float32))


# -- kinds ---------------------------------------------------------------------------------------


def calendar(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Add seasons of a short and a long period, an autocorrelated level, and sometimes a trend."""
    chosen = CALENDARS[generator.choice(len(CALENDARS), n_series, p=CALENDARS[:, 2] / CALENDARS[:, 2].sum())]
    short, long = chosen[:, :1], chosen[:, 1:2]
    weekly = some(0.4, n_series, generator)
    season = unit_variance(profile(time / short + generator.random((n_series, 1)), generator))
    depth = generator.uniform(0.0, 0.8, (n_series, 1)) * weekly
    part_of_week = profile(time / long + generator.random((n_series, 1)), generator, smooth=1.0)
    season = season * (1.0 + depth * unit_variance(part_of_week))
    season = season * np.exp(
        lognormal(-1.5, 0.7, n_series, generator) * unit_variance(power_law(season.shape, 2.0, generator))
    )
    level = lognormal(-0.3, 0.8, n_series, generator) * unit_variance(memory(season.shape, generator))
    slow = some(0.4, n_series, generator) * lognormal(-0.8, 0.7, n_series, generator)
    level = level + slow * unit_variance(power_law(season.shape, generator.uniform(1.5, 2.5, (n_series, 1)), generator))
    trend = some(0.2, n_series, generator) * lognormal(-1.0, 0.7, n_series, generator)
    week = weekly * lognormal(-0.8, 0.6, n_series, generator) * unit_variance(part_of_week)
    total = season + week + level + trend * unit_variance(trends(n_series, time, generator))
    louder = np.exp(0.5 * np.clip(season, -2, 2) * some(0.3, n_series, generator))  # noise that depends on the season
    return total + louder * lognormal(-1.5, 0.8, n_series, generator) * generator.normal(size=total.shape)


def wandering(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Sum shocks that persist or decay slowly; sometimes add a drift or noise."""
    shape = (n_series, len(time))
    volatility = np.exp(some(0.5, n_series, generator) * 0.7 * unit_variance(power_law(shape, 1.5, generator)))
    shocks = volatility * np.where(
        some(0.5, n_series, generator), generator.normal(size=shape), generator.standard_t(4, shape)
    )
    walk = unit_variance(shocks.cumsum(axis=1))
    drift = some(0.25, n_series, generator) * generator.normal(size=(n_series, 1)) * np.linspace(-1, 1, len(time))
    back = unit_variance(memory(shape, generator))
    forgets = some(0.25, n_series, generator)
    noise = some(0.2, n_series, generator) * lognormal(-2.0, 0.7, n_series, generator)
    return np.where(forgets, back, walk + drift) + noise * generator.normal(size=shape)


def smooth(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Add and multiply rough to smooth paths, trends, and seasons of any period."""
    shape = (n_series, len(time))
    paths = [unit_variance(power_law(shape, generator.uniform(0.5, 3.0, (n_series, 1)), generator)) for _ in range(2)]
    period = np.exp(generator.uniform(np.log(3.0), np.log(250.0), (n_series, 1)))
    season = unit_variance(profile(time / period + generator.random((n_series, 1)), generator))
    weights = [
        lognormal(0.0, 0.8, n_series, generator) * some(chance, n_series, generator) for chance in (0.7, 0.6, 0.4)
    ]
    total = weights[0] * paths[0] + weights[1] * season + weights[2] * unit_variance(trends(n_series, time, generator))
    factor = np.where(some(0.3, n_series, generator), 1.0 + 0.7 * paths[1], 1.0)
    return total * factor + lognormal(-1.0, 0.7, n_series, generator) * some(0.5, n_series, generator) * paths[1]


# -- parts ---------------------------------------------------------------------------------------


def profile(phase: np.ndarray, generator: np.random.Generator, smooth: float | None = None) -> np.ndarray:
    """Return waves of random shape with period 1 in the phase, which has shape (n_series, length)."""
    order = np.arange(1, N_HARMONICS + 1)
    decay = generator.uniform(0.3, 2.0, (len(phase), 1)) if smooth is None else np.full((len(phase), 1), smooth)
    size = generator.normal(size=(2, len(phase), N_HARMONICS)) / order**decay
    size *= order <= generator.integers(1, N_HARMONICS + 1, (len(phase), 1))
    weights = size[0] + 1j * size[1]
    turn = np.exp(-2j * np.pi * phase)
    wave = np.zeros_like(turn)
    for number in reversed(range(N_HARMONICS)):  # Horner's rule
        wave = (wave + weights[:, number, None]) * turn
    return wave.real


def trends(n_series: int, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mix linear, bent and saturating trends."""
    unit = np.linspace(0.0, 1.0, len(time))[None]
    line = generator.normal(size=(n_series, 1)) * unit
    bend = generator.normal(size=(n_series, 1)) * np.maximum(unit - generator.random((n_series, 1)), 0.0)
    growth = generator.normal(size=(n_series, 1)) / (1 + np.exp(-10 * (unit - generator.random((n_series, 1)))))
    return line + bend * some(0.4, n_series, generator) + growth * some(0.3, n_series, generator)


def power_law(shape: tuple[int, int], power: float | np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Generate paths with spectrum frequency ** -power."""
    frequency = np.maximum(np.arange(shape[1] + 1), 1)  # double length, so that ends differ
    return colored(shape, frequency ** (-np.asarray(power) / 2), generator)


def memory(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Generate paths with exponential decay times from one step to a few hundred."""
    keep = np.exp(-1.0 / np.exp(generator.uniform(np.log(1.0), np.log(300.0), (shape[0], 1))))
    angle = np.pi * np.arange(shape[1] + 1) / shape[1]
    return colored(shape, 1 / np.sqrt(1 + keep**2 - 2 * keep * np.cos(angle)), generator)


def colored(shape: tuple[int, int], size: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Generate paths with Fourier coefficients of the given size."""
    random = generator.normal(size=(2, shape[0], shape[1] + 1))
    return np.fft.irfft(size * (random[0] + 1j * random[1]), axis=1)[:, : shape[1]]


def change_regime(series: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Shift the level or rescale one series in six from a random time on."""
    n_series, length = series.shape
    series = unit_variance(series)
    after = (np.arange(length) >= length * generator.random((n_series, 1))) * some(1 / 6, n_series, generator)
    shift, stretch = generator.normal(size=(2, n_series, 1))
    return series * np.exp(0.5 * stretch * after) + shift * after


def outliers(n_series: int, length: int, generator: np.random.Generator) -> np.ndarray:
    """Generate rare spikes."""
    return 4.0 * generator.normal(size=(n_series, length)) * (generator.random((n_series, length)) < 0.01)


# -- helpers -------------------------------------------------------------------------------------


def unit_variance(values: np.ndarray) -> np.ndarray:
    """Standardize each series; constant series stay constant."""
    centered = values - values.mean(axis=1, keepdims=True)
    scale = centered.std(axis=1, keepdims=True)
    return centered / np.where(scale > 1e-9, scale, 1.0)


def lognormal(mean: float, spread: float, n_series: int, generator: np.random.Generator) -> np.ndarray:
    """Draw a positive size for each series, of shape (n_series, 1)."""
    return generator.lognormal(mean, spread, (n_series, 1))


def some(chance: float, n_series: int, generator: np.random.Generator) -> np.ndarray:
    """Choose a random subset of the series, as a mask of shape (n_series, 1)."""
    return generator.random((n_series, 1)) < chance
