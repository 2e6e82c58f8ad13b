"""Synthetic series, on which the teacher in the package is pretrained.

Series are generated in groups of one *kind* and one *calendar* (pairs of periods, such as the hours of a day and the
days of a week). Most kinds combine a level, seasons and noise by addition or multiplication:

* *level*: random walks, lines, bends, saturating growth, steps, paths with power-law spectra, autoregressions;
* *seasons*: profiles of a whole period, smooth (few harmonics), sharp (white or slowly decaying spectra), plateaus or
  rare peaks; the profile of a day may depend on the weekday, and the size of a season may drift;
* *noise*: normal or heavy-tailed, of constant size or proportional to the level or the season; outliers.

Other kinds: Gaussian processes with sums of kernels (in the frequency domain), autoregressions and stochastic cycles,
random walks with clusters of volatility, counts, intermittent demand, bursts that decay (rivers), sums of finer series
(weeks of days, months of weeks). Then some series change their regime, are made positive, rounded, clipped, mixed with
others, or constant for a while. The training script adds missing values and short contexts.

``make_pool(generator, "long", n)`` generates series of 2,816 rows (for context 2,048 and horizon 720), ``"short"``
series of 416 rows: months, quarters, weeks, years.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

LENGTHS = {"long": 2816, "short": 416}
GROUP = 32

# kind: share of the groups
MIXTURE = {
    "long": {
        "hours": 0.34, "days": 0.14, "any_season": 0.07, "gaussian_process": 0.09, "wandering": 0.14,
        "cycles": 0.06, "counts": 0.05, "intermittent": 0.03, "bursts": 0.08,
    },
    "short": {
        "months": 0.26, "quarters": 0.10, "growing": 0.12, "weeks": 0.10, "years": 0.06, "days": 0.06,
        "any_season": 0.03, "gaussian_process": 0.04, "wandering": 0.05, "cycles": 0.04, "counts": 0.05,
        "intermittent": 0.05, "bursts": 0.03, "summed": 0.06,
    },
}  # fmt: skip
HOURS = (
    (24, 7, 0.6),
    (48, 7, 0.1),
    (96, 7, 0.08),
    (12, 7, 0.05),
    (144, 7, 0.04),
    (24, 5, 0.04),
    (60, 24, 0.04),
    (10, 6, 0.05),
)


def make_pool(generator: np.random.Generator, pool: str, n_series: int) -> np.ndarray:
    """Generate series of shape (n_series, rows of the pool), float32, with a standard deviation of about 1."""
    names, shares = zip(*MIXTURE[pool].items(), strict=True)
    shares_ = np.array(shares) / sum(shares)
    parts = []
    for _ in range(-(-n_series // GROUP)):
        kind = names[generator.choice(len(names), p=shares_)]
        parts.append(make_group(generator, kind, LENGTHS[pool]))
    return generator.permutation(np.concatenate(parts))[:n_series]


def make_group(generator: np.random.Generator, kind: str, length: int, n_series: int = GROUP) -> np.ndarray:
    """Generate series of one kind, (n_series, length), float32."""
    series = KINDS[kind](generator, n_series, length)
    if kind not in ("counts", "intermittent"):
        series = finish(generator, series, bent=kind not in ("bursts",))
    spread = np.abs(series - np.median(series, axis=1, keepdims=True)).mean(axis=1, keepdims=True)
    return (series / np.where(spread > 1e-9, spread, 1.0)).astype(np.float32)


# -- kinds ---------------------------------------------------------------------------------------


def hours(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Hours or shorter steps, with daily and weekly seasons, sharp or smooth, and slow yearly ones."""
    shares = np.array([share for *_, share in HOURS])
    short, per_long, _ = HOURS[g.choice(len(HOURS), p=shares / shares.sum())]
    table = weekly_table(g, n, short, per_long)
    season = look_up(g, table, length)
    season *= np.exp(size(g, n, -1.8, 0.7, 0.6) * unit(power_law(g, n, length, 2.0)))
    slow = size(g, n, -0.8, 0.8, 0.5) * unit(power_law(g, n, length, g.uniform(1.5, 3.0, (n, 1))))
    return put_together(g, season, level(g, n, length, steady=0.5) + slow, noise_size=(-1.9, 1.0))


def days(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Days, with weekly and yearly seasons, sometimes monthly ones, and special days of the year."""
    week = look_up(g, table_of(g, n, 7), length)
    week *= np.exp(size(g, n, -2.0, 0.7, 0.5) * unit(power_law(g, n, length, 2.0)))
    year = look_up(g, table_of(g, n, 365, smooth=0.85), length, period=365.25)
    month = look_up(g, table_of(g, n, 30), length, period=30.44)
    season = some(g, n, 0.85) * week + size(g, n, -0.4, 0.8, 0.75) * year + size(g, n, -1.0, 0.7, 0.12) * month
    holidays = look_up(g, rare(g, n, 365, 0.02), length, period=365.25)
    season = season + size(g, n, 0.0, 0.6, 0.25) * holidays
    return put_together(g, season, level(g, n, length), noise_size=(-0.9, 0.8))


def months(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Months, with a yearly season."""
    return plain_season(g, n, length, 12.0)


def quarters(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Quarters, with a yearly season."""
    return plain_season(g, n, length, 4.0)


def growing(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Months or quarters of a sharp season that is multiplied by a level with steady growth, as in tourism."""
    period = int(g.choice([12, 4], p=[0.6, 0.4]))
    season = look_up(g, table_of(g, n, period, smooth=0.25), length)
    years_ = np.arange(length) / period
    rate = g.normal(0.03, 0.05, (n, 1)) + 0.05 * unit(power_law(g, n, length, 2.0)) * some(g, n, 0.5)
    growth = np.cumsum(rate + np.zeros((n, length)), axis=1) / period
    growth = np.where(some(g, n, 0.3), np.log1p(np.maximum(g.uniform(0.02, 0.4, (n, 1)) * years_, 0.0)), growth)
    walk = size(g, n, -2.3, 0.7, 0.7) * g.normal(size=(n, length)).cumsum(axis=1) / np.sqrt(period)
    depth = np.exp(g.uniform(np.log(0.05), np.log(0.8), (n, 1)))
    noise = noise_of(g, n, length, season) * g.lognormal(-2.8, 0.7, (n, 1))
    return np.exp(np.clip(growth + walk + depth * season + noise, -6, 12))


def weeks(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Weeks, with a yearly season that is not a whole number of weeks long."""
    return plain_season(g, n, length, 52.18, smooth=0.6, seasonal=0.75)


def years(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """No season: levels, trends and noise."""
    return put_together(g, np.zeros((n, length)), level(g, n, length, quick=True), noise_size=(-1.5, 1.0))


def any_season(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """One or two seasons of any period."""
    longest = np.log(min(400.0, length / 3))
    first, second = (float(np.round(np.exp(g.uniform(np.log(2.5), longest)))) for _ in range(2))
    season = look_up(g, table_of(g, n, max(2, int(first))), length)
    season = season + size(g, n, -0.5, 0.7, 0.4) * look_up(g, table_of(g, n, max(2, int(second))), length)
    return put_together(g, season, level(g, n, length), noise_size=(-1.2, 1.0))


def gaussian_process(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Add and multiply draws of Gaussian processes with kernels of random scales: smooth, rough, periodic."""
    total = np.zeros((n, length))
    for _ in range(int(g.integers(1, 4))):
        choice = g.integers(0, 4)
        if choice == 0:
            part = power_law(g, n, length, g.uniform(0.5, 4.0, (n, 1)))
        elif choice == 1:  # a squared exponential of random scale
            scale = np.exp(g.uniform(np.log(2.0), np.log(length / 4), (n, 1)))
            frequency = np.arange(length + 1) / (2 * length)
            part = colored(g, n, length, np.exp(-((np.pi * frequency * scale) ** 2)) + 1e-6)
        elif choice == 2:  # periodic, with a shape that drifts
            period = int(np.exp(g.uniform(np.log(4.0), np.log(length / 4))))
            part = look_up(g, table_of(g, n, period, smooth=0.8), length)
            part = part * np.exp(size(g, n, -1.0, 0.7, 0.5) * unit(power_law(g, n, length, 2.5)))
        else:
            part = trends(g, n, length)
        part = unit(part) * g.lognormal(0.0, 0.7, (n, 1))
        total = np.where(some(g, n, 0.25), total * (1.0 + 0.5 * part), total + part)
    return total + size(g, n, -2.0, 1.0, 0.7) * spread_of(total) * g.normal(size=total.shape)


def wandering(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Random walks and similar processes, with clusters of volatility; sometimes with a drift, or noise added."""
    volatility = np.exp(some(g, n, 0.6) * 0.7 * unit(power_law(g, n, length, 1.5)))
    shocks = volatility * np.where(some(g, n, 0.5), g.normal(size=(n, length)), g.standard_t(4, (n, length)))
    shocks += size(g, n, -2.5, 0.8, 0.35) * np.sign(g.normal(size=(n, 1)))
    walk = unit(shocks.cumsum(axis=1))
    back = unit(memory(g, n, length))
    series = np.where(some(g, n, 0.25), back, walk)
    series = np.where(some(g, n, 0.2), np.exp(0.6 * series), series)
    return series + size(g, n, -2.5, 0.8, 0.25) * g.normal(size=series.shape)


def cycles(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Stochastic cycles and autoregressions of random order, added to a level."""
    total = np.zeros((n, length))
    for _ in range(int(g.integers(1, 4))):
        period = np.exp(g.uniform(np.log(2.5), np.log(length / 6)))
        keep = 1 - np.exp(g.uniform(np.log(0.002), np.log(0.3)))
        poly = [1.0, -2 * keep * np.cos(2 * np.pi / period), keep**2]
        shocks = g.normal(size=(n, length + 256)) if g.random() < 0.6 else g.standard_t(4, (n, length + 256))
        total += g.lognormal(0.0, 0.6, (n, 1)) * unit(lfilter([1.0], poly, shocks, axis=1)[:, 256:])
    return total + some(g, n, 0.5) * level(g, n, length) + size(g, n, -1.5, 0.8, 0.6) * g.normal(size=total.shape)


def counts(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Count events at a rate that has a level and seasons."""
    period = float(g.choice([7, 12, 24, 52, 4, 1], p=[0.3, 0.3, 0.2, 0.08, 0.05, 0.07]))
    season = look_up(g, table_of(g, n, max(2, int(period))), length) * some(g, n, 0.7 if period > 1 else 0.0)
    slow = 0.4 * unit(level(g, n, length)) * size(g, n, 0.0, 0.5, 0.8)
    rate = np.exp(g.uniform(np.log(0.3), np.log(300.0), (n, 1)) + size(g, n, -1.0, 0.6, 1.0) * season + slow)
    crowded = np.where(some(g, n, 0.6), g.gamma(np.exp(g.uniform(0, 4, (n, 1))), size=(n, length)), 1.0)
    crowded = crowded / np.maximum(crowded.mean(axis=1, keepdims=True), 1e-9)
    return g.poisson(np.minimum(rate * crowded, 1e6)).astype(float)


def intermittent(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Demand that is mostly zero: random sizes at random times, which become rarer or more frequent."""
    slow = unit(level(g, n, length)) * size(g, n, -0.7, 0.6, 0.6)
    period = int(g.choice([7, 12, 24]))
    season = look_up(g, table_of(g, n, period), length) * size(g, n, -0.7, 0.6, 0.4)
    chance = 1 / (1 + np.exp(-(g.uniform(-3.0, 0.5, (n, 1)) + slow + season)))
    sizes = 1 + np.where(
        some(g, n, 0.5), g.poisson(np.exp(g.uniform(-2, 2, (n, 1))), (n, length)), g.geometric(0.4, (n, length)) - 1
    )
    return (g.random((n, length)) < chance) * sizes.astype(float)


def bursts(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Series like river flow: bursts that occur by season and at random, and decay, over an autocorrelated base."""
    period = float(g.choice([365.25, 52.18, 12.0, 24.0, 168.0]))
    if period > length:
        period = 52.18
    season = look_up(g, table_of(g, n, max(2, int(period)), smooth=1.0), length, period=period)
    rate = np.exp(g.uniform(np.log(0.01), np.log(0.4), (n, 1)) + size(g, n, -0.3, 0.5, 0.8) * season)
    wet = g.random((n, length)) < np.minimum(rate, 0.9)
    rain = wet * g.lognormal(0.0, g.uniform(0.4, 1.2), (n, length)) * np.exp(0.5 * season * some(g, n, 0.5))
    quick, slow = np.exp(-1 / np.exp(g.uniform(0.0, 2.3))), np.exp(-1 / np.exp(g.uniform(1.8, 5.0)))
    flow = lfilter([1 - quick], [1, -quick], rain, axis=1)
    base = lfilter([1 - slow], [1, -slow], rain, axis=1)
    if g.random() < 0.5:
        flow = lfilter([1 - quick**2], [1, -(quick**2)], flow, axis=1)  # rises over some steps
    total = flow + g.lognormal(0.0, 0.7, (n, 1)) * base + 0.02
    total = total ** g.uniform(0.8, 1.5) * np.exp(size(g, n, -2.5, 0.7, 0.8) * g.normal(size=total.shape))
    return total + size(g, n, -2.0, 0.8, 0.4) * spread_of(total) * (1 + 0.5 * season)


def summed(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Averages of finer series: weeks of days, months of days, days of hours."""
    kind = str(
        g.choice(["days", "bursts", "hours", "wandering", "cycles", "counts"], p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    )
    factor = {"hours": 24, "cycles": int(g.integers(2, 13)), "wandering": int(g.integers(2, 31))}.get(
        kind, int(g.choice([7, 30]))
    )
    fine = KINDS[kind](g, n, factor * length)
    return fine.reshape(n, length, factor).mean(axis=2)


KINDS = {
    maker.__name__: maker
    for maker in (
        hours, days, months, quarters, growing, weeks, years, any_season, gaussian_process, wandering, cycles, counts,
        intermittent, bursts, summed,
    )
}  # fmt: skip


# -- combinations --------------------------------------------------------------------------------


def plain_season(
    g: np.random.Generator, n: int, length: int, period: float, smooth: float = 0.3, seasonal: float = 0.85
) -> np.ndarray:
    """One season on a level; its shape may change from cycle to cycle."""
    rows = max(2, int(period))
    season = look_up(g, table_of(g, n, rows, smooth=smooth), length, period=period)
    other = look_up(g, table_of(g, n, rows, smooth=smooth), length, period=period)
    turn = unit(power_law(g, n, length, 2.5)) * size(g, n, -1.2, 0.6, 0.3)
    season = season + turn * other
    season *= np.exp(size(g, n, -1.8, 0.7, 0.5) * unit(power_law(g, n, length, 2.2)))
    return put_together(g, some(g, n, seasonal) * season, level(g, n, length, quick=True), noise_size=(-1.3, 0.9))


def put_together(
    g: np.random.Generator, season: np.ndarray, base: np.ndarray, noise_size: tuple[float, float]
) -> np.ndarray:
    """Add or multiply level, season and noise."""
    n, length = season.shape
    weight = g.lognormal(0.0, 0.5, (n, 1))
    noise = noise_of(g, n, length, season) * g.lognormal(*noise_size, (n, 1))
    noise = np.where(
        some(g, n, 0.2), unit(lfilter([1.0], [1.0, -g.uniform(0.3, 0.95)], noise, axis=1)) * spread_of(noise), noise
    )
    added = weight * season + base + noise
    depth = g.lognormal(-1.3, 0.6, (n, 1))
    multiplied = np.exp(np.clip(depth * (weight * season + base + noise), -8, 8))
    grown = np.exp(np.clip(0.4 * base, -4, 4)) * np.maximum(1 + g.uniform(0.1, 0.6, (n, 1)) * (season + noise), 0.02)
    kind = g.choice(3, size=(n, 1), p=[0.45, 0.3, 0.25])
    return np.where(kind == 0, added, np.where(kind == 1, multiplied, grown))


def finish(g: np.random.Generator, series: np.ndarray, bent: bool) -> np.ndarray:
    """Change the regime of some series, add outliers, transform, clip, round, hold or mix them."""
    n, length = series.shape
    series = series / np.maximum(spread_of(series), 1e-9)
    after = np.arange(length) >= length * g.random((n, 1))
    series = series + some(g, n, 0.1) * after * g.normal(size=(n, 1)) * 1.5
    middle = np.median(series, axis=1, keepdims=True)
    series = middle + (series - middle) * np.exp(0.6 * g.normal(size=(n, 1)) * after * some(g, n, 0.08))
    rare_steps = g.random((n, length)) < 0.006
    series = series + some(g, n, 0.12) * rare_steps * g.standard_t(3, (n, length)) * 3.0
    if bent:
        series = np.where(some(g, n, 0.1), np.exp(g.uniform(0.2, 0.8, (n, 1)) * np.clip(unit(series), -6, 6)), series)
    if g.random() < 0.5:  # rounded to coarse or fine steps
        step = np.exp(g.uniform(np.log(0.005), np.log(0.5), (n, 1)))
        series = np.where(some(g, n, 0.25), np.round(series / step) * step, series)
    if g.random() < 0.3:  # a floor or a ceiling
        low = np.quantile(series, g.uniform(0.0, 0.4), axis=1, keepdims=True)
        series = np.where(some(g, n, 0.3), np.maximum(series, low), series)
    if g.random() < 0.2:  # constant for a while, like a stuck sensor
        start, long = g.integers(0, length, (n, 1)), g.integers(1, max(2, length // 16), (n, 1))
        stuck = (np.arange(length) >= start) & (np.arange(length) < start + long) & some(g, n, 0.3)
        series = np.where(stuck, np.take_along_axis(series, np.minimum(start, length - 1), axis=1), series)
    return series


# -- parts ---------------------------------------------------------------------------------------


def weekly_table(g: np.random.Generator, n: int, short: int, per_long: int) -> np.ndarray:
    """Profiles of a long period made of short ones that may differ, (n, short * per_long)."""
    work, rest = table_of(g, n, short), table_of(g, n, short)
    rest = np.where(some(g, n, 0.5), rest, work + 0.5 * rest)
    resting = np.zeros((n, per_long), bool)
    resting[:, -2:] = True
    resting ^= g.random((n, per_long)) < 0.06
    differs = some(g, n, 0.65)
    days_ = np.where((resting & differs)[:, :, None], rest[:, None], work[:, None])
    factor = np.exp(size(g, n, -1.6, 0.7, 0.6) * differs * g.normal(size=(n, per_long)))[:, :, None]
    shift = (size(g, n, -0.7, 0.7, 0.7) * differs * (g.normal(size=(n, per_long)) * 0.5 - resting))[:, :, None]
    each = size(g, n, -1.8, 0.7, 0.4)[:, :, None] * g.normal(size=(n, per_long, short)) * differs[:, :, None]
    return unit((days_ * factor + shift + each).reshape(n, -1))


def table_of(g: np.random.Generator, n: int, period: int, smooth: float = 0.45) -> np.ndarray:
    """Profiles of one period, standardized, (n, period): smooth, sharp, plateaus or peaks."""
    n_waves = period // 2 + 1
    order = np.arange(n_waves)
    is_smooth = some(g, n, smooth)
    decay = np.where(is_smooth, g.uniform(0.8, 2.5, (n, 1)), g.uniform(0.0, 1.0, (n, 1)))
    highest = np.where(is_smooth, g.integers(1, 6, (n, 1)), n_waves)
    weight = np.where((order > 0) & (order <= highest), 1.0 / np.maximum(order, 1) ** decay, 0.0)
    wave = np.fft.irfft(weight * (g.normal(size=(n, n_waves)) + 1j * g.normal(size=(n, n_waves))), period, axis=1)
    if period == 2:
        wave = wave + g.normal(size=(n, 1)) * np.array([1.0, -1.0])
    edges = (g.random((n, period)) < g.uniform(0.08, 0.4)).cumsum(axis=1)
    plateau = np.take_along_axis(g.normal(size=(n, period + 1)), edges, axis=1)
    peaks = rare(g, n, period, min(0.5, 1.5 / period + 0.04))
    kind = g.choice(3, size=(n, 1), p=[0.74, 0.16, 0.1])
    table = unit(np.where(is_smooth | (kind == 0), wave, np.where(kind == 1, plateau, peaks)))
    power = g.uniform(1.0, 2.0, (n, 1))  # pointed peaks, flat valleys
    pointed = unit(np.exp(np.clip(g.uniform(0.3, 1.0, (n, 1)) * table, -5, 5)))
    table = np.where(some(g, n, 0.3), unit(np.sign(table) * np.abs(table) ** power), table)
    return np.where(some(g, n, 0.3), pointed, table)


def rare(g: np.random.Generator, n: int, period: int, chance: float) -> np.ndarray:
    """Profiles that are zero except at some positions."""
    return (g.random((n, period)) < chance) * g.normal(size=(n, period)) * np.sign(g.normal(size=(n, 1)))


def look_up(g: np.random.Generator, table: np.ndarray, length: int, period: float | None = None) -> np.ndarray:
    """Repeat profiles from a random phase, (n, length)."""
    period = float(table.shape[1]) if period is None else period
    phase = np.arange(length) + np.floor(g.random((len(table), 1)) * period)
    place = np.minimum((phase % period) * (table.shape[1] / period), table.shape[1] - 1).astype(int)
    return np.take_along_axis(table, place, axis=1)


def level(g: np.random.Generator, n: int, length: int, *, steady: float = 0.3, quick: bool = False) -> np.ndarray:
    """Generate levels that wander, grow, bend, jump or are constant."""
    walk = unit(g.normal(size=(n, length)).cumsum(axis=1))
    path = unit(power_law(g, n, length, g.uniform(1.0, 3.0, (n, 1))))
    jumps = (g.random((n, length)) < g.uniform(0.5, 4.0, (n, 1)) / length) * g.normal(size=(n, length))
    growth = unit(trends(g, n, length))
    total = size(g, n, -0.6, 0.9, 0.4) * walk + size(g, n, -0.8, 0.9, 0.4) * path
    total += size(g, n, -0.3, 0.7, 0.2) * jumps.cumsum(axis=1) + size(g, n, -0.2, 0.8, 0.45) * growth
    total += size(g, n, -0.8, 0.8, 0.35) * unit(memory(g, n, length))
    if quick:  # as much movement in a short piece as others have in a long one
        total = total * np.where(some(g, n, 0.5), g.uniform(1.0, 5.0, (n, 1)), 1.0)
    return np.where(some(g, n, steady * 0.5), 0.05 * total, total)


def noise_of(g: np.random.Generator, n: int, length: int, season: np.ndarray) -> np.ndarray:
    """Noise of unit size, normal or heavy-tailed; sometimes larger with the season or in clusters."""
    noise = np.where(some(g, n, 0.65), g.normal(size=(n, length)), g.standard_t(4, (n, length)) / np.sqrt(2.0))
    louder = np.exp(0.5 * np.clip(season, -2, 2) * some(g, n, 0.3))
    clusters = np.exp(0.6 * unit(power_law(g, n, length, 1.5)) * some(g, n, 0.15))
    return noise * louder * clusters


def trends(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Mix lines, bends and saturating growth."""
    time = np.linspace(0.0, 1.0, length)[None]
    total = g.normal(size=(n, 1)) * time
    for _ in range(3):
        total = total + some(g, n, 0.35) * g.normal(size=(n, 1)) * 2 * np.maximum(time - g.random((n, 1)), 0.0)
    steep = g.uniform(5, 40, (n, 1))
    return total + some(g, n, 0.25) * g.normal(size=(n, 1)) / (1 + np.exp(-steep * (time - g.random((n, 1)))))


def power_law(g: np.random.Generator, n: int, length: int, power: float | np.ndarray) -> np.ndarray:
    """Generate paths whose spectrum falls as frequency ** -power."""
    return colored(g, n, length, np.maximum(np.arange(length + 1), 1) ** (-np.asarray(power) / 2))


def memory(g: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Generate autoregressive paths with memories of one to a few hundred steps."""
    keep = np.exp(-1.0 / np.exp(g.uniform(0.0, np.log(300.0), (n, 1))))
    angle = np.pi * np.arange(length + 1) / length
    return colored(g, n, length, 1 / np.sqrt(1 + keep**2 - 2 * keep * np.cos(angle)))


def colored(g: np.random.Generator, n: int, length: int, weight: np.ndarray) -> np.ndarray:
    """Generate paths with Fourier coefficients of the given size, twice as long, and return half of each."""
    random = g.standard_normal((n, length + 1), dtype=np.float32) + 1j * g.standard_normal(
        (n, length + 1), dtype=np.float32
    )
    return np.fft.irfft(weight * random, axis=1)[:, :length]


# -- helpers -------------------------------------------------------------------------------------


def unit(values: np.ndarray) -> np.ndarray:
    """Standardize each series; a constant one becomes zero."""
    centered = values - values.mean(axis=1, keepdims=True)
    spread = centered.std(axis=1, keepdims=True)
    return centered / np.where(spread > 1e-9, spread, 1.0)


def spread_of(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each series, (n, 1)."""
    return values.std(axis=1, keepdims=True)


def size(g: np.random.Generator, n: int, mean: float, spread: float, chance: float) -> np.ndarray:
    """Draw positive sizes, (n, 1); zero for series without this part."""
    return g.lognormal(mean, spread, (n, 1)) * some(g, n, chance)


def some(g: np.random.Generator, n: int, chance: float) -> np.ndarray:
    """Choose some of the series, bool (n, 1)."""
    return g.random((n, 1)) < chance
