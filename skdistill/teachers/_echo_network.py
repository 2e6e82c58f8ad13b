"""Echo: a small pretrained network that forecasts any series from repetitions ("echoes") of its past.

Seasons are built into the network. From the autocorrelation of each context it picks the lags with the largest
similarity. Each lag gives five simple forecasts of the horizon, the echoes: the last cycle, the mean of several cycles,
the last cycle shifted to the current level, the mean profile at the level of the last cycle, and the last cycle with
the growth from the cycle before. A small transformer reads the context in patches, together with the errors of these
echoes within the context, and the echoes of the horizon in patches of 16 steps. Its outputs are a weight for each echo
and, for each of nine quantiles, a correction of the weighted mean. Seasons of any length therefore need no capacity of
the network, and any horizon is forecast in one pass with as many tokens as it needs.

Each window is scaled by the mean and the mean absolute deviation of its observed values, then by ``asinh``. NaN means
not observed. The patch size depends on the length of the context (8, 16, 32 or 64 rows), so that there are at most 32
patches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, rms_norm

__all__ = ["EchoAnswer", "EchoConfig", "EchoNetwork"]

_CALENDAR = (4, 5, 7, 10, 12, 14, 24, 28, 30, 48, 52, 60, 96, 120, 144, 168, 288, 336, 364, 365, 366, 672, 720)
_STEEP = 3.0  # beyond about this many mean deviations, scaled values grow as a logarithm
_HORIZON_PATCH = 16
_N_SLOT_FEATURES = 8
_N_WINDOW_FEATURES = 12


@dataclass(frozen=True)
class EchoConfig:
    """Sizes of the network.

    Parameters
    ----------
    hidden_size : int, default=96
        Width of a token.
    n_layers : int, default=2
        Number of layers of the transformer.
    n_heads : int, default=3
        Number of attention heads.
    feedforward_size : int, default=256
        Width of its feed-forward layers.
    n_lags : int, default=6
        Number of lags per window.
    n_cycles : int, default=6
        Maximum number of cycles in a mean echo; at least two.
    n_shown : int, default=3
        Number of lags whose errors are in the patches of the context.
    patch_sizes : tuple of int, default=(8, 16, 32, 64)
        Number of rows of a patch, by length of the context.
    context_lengths : tuple of int, default=(192, 320, 1024, 2048)
        Longest context of each patch size.
    max_lag : int, default=800
        Longest lag considered.
    max_horizon : int, default=720
        Longest horizon forecast in one pass.
    quantile_levels : tuple of float
        Levels of the quantiles.
    """

    hidden_size: int = 96
    n_layers: int = 2
    n_heads: int = 3
    feedforward_size: int = 256
    n_lags: int = 6
    n_cycles: int = 6
    n_shown: int = 3
    patch_sizes: tuple[int, ...] = (8, 16, 32, 64)
    context_lengths: tuple[int, ...] = (192, 320, 1024, 2048)
    max_lag: int = 800
    max_horizon: int = 720
    quantile_levels: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

    @property
    def n_echoes(self) -> int:
        """Number of echoes: five per lag, the last value and the mean."""
        return 5 * self.n_lags + 2

    def n_patches(self, n_rows: int) -> int:
        """Return the number of patches of a context.

        Parameters
        ----------
        n_rows : int
            Number of rows of the context.

        Returns
        -------
        n_patches : int
            Number of patches.
        """
        return -(-min(n_rows, self.context_lengths[-1]) // self.patch_sizes[self.scale_of(n_rows)])

    def scale_of(self, n_rows: int) -> int:
        """Return the index of the patch size of a context.

        Parameters
        ----------
        n_rows : int
            Number of rows of the context.

        Returns
        -------
        number : int
            Index in ``patch_sizes``; the last one for contexts that are too long.
        """
        fitting = [number for number, longest in enumerate(self.context_lengths) if n_rows <= longest]
        return fitting[0] if fitting else len(self.context_lengths) - 1


class EchoAnswer(NamedTuple):
    """Quantiles of the horizon in units of the window, and the units.

    Parameters
    ----------
    quantiles : Tensor of shape (n_series, n_quantiles, horizon)
        Quantiles in units after ``asinh``, not sorted.
    window : Window
        Scale and center of each series.
    noise : Tensor of shape (n_series, 1)
        Mean absolute error within the context of the last value or the best echo, whichever is smaller, in units after
        ``asinh``.
    """

    quantiles: Tensor
    window: Window
    noise: Tensor


class Window(NamedTuple):
    """Contexts, each in its own units.

    Parameters
    ----------
    values : Tensor of shape (n_series, n_rows)
        Values after ``asinh``, minus the last one; gaps are filled with the last value before them.
    observed : Tensor of shape (n_series, n_rows)
        1 where a value was observed, otherwise 0.
    center, spread, last : Tensor of shape (n_series, 1)
        Mean and mean absolute deviation in original units, and the last observed value after ``asinh``.
    """

    values: Tensor
    observed: Tensor
    center: Tensor
    spread: Tensor
    last: Tensor

    def enter(self, values: Tensor) -> Tensor:
        """Convert values (n_series, ...) to units of the window."""
        shape = (-1,) + (1,) * (values.ndim - 1)
        center, spread, last = (part.reshape(shape) for part in (self.center, self.spread, self.last))
        return _bend((values - center) / spread) - last

    def leave(self, values: Tensor) -> Tensor:
        """Convert values (n_series, ...) back to original units."""
        shape = (-1,) + (1,) * (values.ndim - 1)
        center, spread, last = (part.reshape(shape) for part in (self.center, self.spread, self.last))
        bent = (values + last).clamp(-4 * _STEEP, 4 * _STEEP)
        return _STEEP * torch.sinh(bent / _STEEP) * spread + center


class EchoNetwork(nn.Module):
    """The network.

    Parameters
    ----------
    config : EchoConfig
        Sizes of the network.
    """

    def __init__(self, config: EchoConfig) -> None:
        super().__init__()
        self.config = config
        width = config.hidden_size
        rows = [size * (2 + config.n_shown) for size in config.patch_sizes]
        self.context_inputs = nn.ModuleList(_Embedding(n_rows, 2 * width, width) for n_rows in rows)
        counts = [
            math.ceil(longest / size) for longest, size in zip(config.context_lengths, config.patch_sizes, strict=True)
        ]
        self.positions = nn.ParameterList(nn.Parameter(0.02 * torch.randn(count, width)) for count in counts)
        self.horizon_input = _Embedding(5 * config.n_lags * _HORIZON_PATCH + 16, 2 * width, width)
        self.window_input = _Embedding(config.n_lags * _N_SLOT_FEATURES + _N_WINDOW_FEATURES, 2 * width, width)
        self.layers = nn.ModuleList(
            _Layer(width, config.n_heads, config.feedforward_size) for _ in range(config.n_layers)
        )
        self.weigh = nn.Linear(width, config.n_echoes)
        self.add = nn.Linear(width, _HORIZON_PATCH * len(config.quantile_levels))
        nn.init.zeros_(self.weigh.weight)
        nn.init.zeros_(self.weigh.bias)
        with torch.no_grad():
            self.add.weight.mul_(0.1)
            spread = torch.tensor([2.4 * (level - 0.5) for level in config.quantile_levels])
            self.add.bias.copy_(spread[:, None].expand(-1, _HORIZON_PATCH).reshape(-1))

    def forward(self, context: Tensor, horizon: int) -> EchoAnswer:
        """Forecast.

        Parameters
        ----------
        context : Tensor of shape (n_series, n_rows)
            Past values, float32; NaN where not observed.
        horizon : int
            Number of steps to forecast.

        Returns
        -------
        answer : EchoAnswer
            Quantiles in units of the window.
        """
        config = self.config
        context = context[:, -config.context_lengths[-1] :]
        number = config.scale_of(context.shape[1])
        size = config.patch_sizes[number]
        padding = -context.shape[1] % size
        if padding:
            context = torch.cat([context.new_full((len(context), padding), math.nan), context], dim=1)
        with torch.no_grad(), torch.autocast(context.device.type, enabled=False):
            window = _window(context)
            lags = _pick_lags(window, config)
            shown, known = _past_errors(window, lags.lags[:, : config.n_shown])
            n_patches = -(-horizon // _HORIZON_PATCH)
            echoes, center = _echoes(window, lags.lags, n_patches * _HORIZON_PATCH, config.n_cycles)
            noise = _noise(window, shown, known)
            features = _features(window, lags, noise, center)
        patches = torch.cat([window.values[:, None], window.observed[:, None], shown], dim=1)
        patches = patches.unflatten(2, (-1, size)).transpose(1, 2).flatten(2)
        dtype = self.add.weight.dtype
        told = self.window_input(features.to(dtype))[:, None]
        tokens = self.context_inputs[number](patches.to(dtype)) + self.positions[number][-patches.shape[1] :] + told
        steps = echoes[:, :-2].unflatten(2, (n_patches, _HORIZON_PATCH)).transpose(1, 2).flatten(2)
        when = _clock(n_patches, context.device).expand(len(context), -1, -1)
        asked = self.horizon_input(torch.cat([steps, when], dim=2).to(dtype)) + told
        state = torch.cat([tokens, asked], dim=1)
        for layer in self.layers[:-1]:
            state = layer(state, 0)
        state = self.layers[-1](state, tokens.shape[1])
        state = rms_norm(state, state.shape[-1:])
        weights = self.weigh(state).float().softmax(dim=2)  # (n_series, n_patches, n_echoes)
        mixed = (weights.transpose(1, 2)[..., None] * echoes.unflatten(2, (n_patches, _HORIZON_PATCH))).sum(1)
        added = self.add(state).float().unflatten(2, (-1, _HORIZON_PATCH)).transpose(1, 2)
        quantiles = mixed[:, None] + noise.clamp_min(0.01)[..., None, None] * added
        return EchoAnswer(quantiles.flatten(2)[:, :, :horizon], window, noise)


class _Embedding(nn.Module):
    """Sum of a linear map and a small perceptron."""

    def __init__(self, n_inputs: int, hidden_size: int, n_outputs: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_inputs, hidden_size)
        self.output = nn.Linear(hidden_size, n_outputs)
        self.direct = nn.Linear(n_inputs, n_outputs)

    def forward(self, values: Tensor) -> Tensor:
        return self.output(relu(self.hidden(values))) + self.direct(values)


class _Layer(nn.Module):
    """Attention and a perceptron, each on the normalized state."""

    def __init__(self, width: int, n_heads: int, feedforward_size: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.ask = nn.Linear(width, width, bias=False)
        self.read = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, feedforward_size)
        self.down = nn.Linear(feedforward_size, width)
        self.norm_attention = nn.Parameter(torch.ones(width))
        self.norm_feedforward = nn.Parameter(torch.ones(width))
        with torch.no_grad():
            self.out.weight.mul_(0.3)
            self.down.weight.mul_(0.3)

    def forward(self, state: Tensor, first: int) -> Tensor:
        """Return the tokens from ``first`` on; only these are used as queries."""
        normal = rms_norm(state, state.shape[-1:], self.norm_attention)
        keys, values = self.read(normal).chunk(2, dim=2)
        questions = self.ask(normal[:, first:]) * (state.shape[2] / self.n_heads) ** -0.5
        asked = self._by_head(questions) @ self._by_head(keys).transpose(
            2, 3
        )  # few tokens: faster than fused attention
        asked = asked.softmax(dim=3).to(values.dtype) @ self._by_head(values)
        state = state[:, first:] + self.out(asked.transpose(1, 2).flatten(2))
        normal = rms_norm(state, state.shape[-1:], self.norm_feedforward)
        return state + self.down(relu(self.up(normal)))

    def _by_head(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(2, (self.n_heads, -1)).transpose(1, 2)


class _Lags(NamedTuple):
    """Lags of each window, best first, (n_series, n_lags), and their scores, each of that shape."""

    lags: Tensor
    level: Tensor
    change: Tensor
    score: Tensor
    overlap: Tensor


def _bend(values: Tensor) -> Tensor:
    return _STEEP * torch.asinh(values / _STEEP)


def _window(context: Tensor) -> Window:
    """Scale contexts by their observed values."""
    observed = torch.isfinite(context)
    count = observed.sum(dim=1, keepdim=True).clamp_min(1)
    anchor = _carry(torch.where(observed, context, 0.0), observed)[:, -1:]  # keeps precision at large levels
    values = torch.where(observed, context - anchor, 0.0)
    mean = values.sum(dim=1, keepdim=True) / count
    deviation = ((values - mean).abs() * observed).sum(dim=1, keepdim=True) / count
    tiny = 1e-6 * (anchor.abs() + mean.abs())
    spread = torch.where(deviation > tiny, deviation, tiny.clamp_min(1e-12))
    bent = _bend(torch.where(observed, (values - mean) / spread, 0.0))
    bent = _carry(bent, observed)
    last = bent[:, -1:].clone()
    return Window(bent - last, observed.to(bent.dtype), anchor + mean, spread, last)


def _carry(values: Tensor, observed: Tensor) -> Tensor:
    """Fill gaps with the last value before them; gaps before the first value with 0."""
    place = torch.arange(values.shape[1], device=values.device).expand_as(observed)
    latest = torch.where(observed, place, -1).cummax(dim=1).values
    return torch.where(latest >= 0, values.gather(1, latest.clamp_min(0)), 0.0)


def _pick_lags(window: Window, config: EchoConfig) -> _Lags:
    """Pick the lags of largest similarity, by level and by change; among equals, calendar lags come first."""
    observed = window.observed
    n_rows = observed.shape[1]
    time = torch.linspace(-1.0, 1.0, n_rows, device=observed.device)[None]
    count = observed.sum(dim=1, keepdim=True).clamp_min(1.0)
    values = (window.values - (window.values * observed).sum(1, keepdim=True) / count) * observed
    middle = (time - (time * observed).sum(1, keepdim=True) / count) * observed
    slope = (values * middle).sum(1, keepdim=True) / middle.square().sum(1, keepdim=True).clamp_min(1e-6)
    values = values - slope * middle
    both = observed[:, 1:] * observed[:, :-1]
    changes = (values[:, 1:] - values[:, :-1]) * both
    changes = changes - changes.sum(1, keepdim=True) / both.sum(1, keepdim=True).clamp_min(1.0) * both
    overlap = _autocorrelation(observed).round()
    level = _likeness(values, observed, overlap)
    change = _ratio(_autocorrelation(changes), _autocorrelation(both).round())
    change = torch.cat([change, change.new_zeros(len(change), 1)], dim=1)
    longest = max(2, min(n_rows - 1, config.max_lag))
    level, change, overlap = (_first(part, longest + 2) for part in (level, change, overlap))
    merit = 0.5 * (level + change) - 1.2 * overlap.clamp_min(1.0).rsqrt()
    known = torch.zeros(longest + 2, device=merit.device)
    known[[lag for lag in _CALENDAR if lag <= longest]] = 1.0
    inner = merit[:, 2:-1]
    peak = (inner >= merit[:, 1:-2]) & (inner >= merit[:, 3:])
    allowed = (peak | (known[2:-1] > 0)) & (overlap[:, 2:-1] >= 1.5)
    recent = 0.05 * torch.arange(2, longest + 1, device=merit.device) / count
    score = torch.where(allowed, inner + 0.08 * known[2:-1] - recent, -9.0)
    missing = config.n_lags - score.shape[1]
    if missing > 0:
        score = torch.cat([score, score.new_full((len(score), missing), -9.0)], dim=1)
    best, place = score.topk(config.n_lags, dim=1)
    lags = torch.where(best > -8.0, place + 2, 1)
    found = [part.gather(1, lags.clamp_max(part.shape[1] - 1)) for part in (level, change, overlap)]
    return _Lags(lags, found[0], found[1], torch.where(best > -8.0, best, -1.0), found[2])


def _first(values: Tensor, n_columns: int) -> Tensor:
    """Return the first columns, padded with zeros."""
    missing = n_columns - values.shape[1]
    return torch.cat([values, values.new_zeros(len(values), missing)], 1) if missing > 0 else values[:, :n_columns]


def _autocorrelation(values: Tensor) -> Tensor:
    """Return the sums of products of values at each lag, (n_series, n_steps)."""
    n_steps = values.shape[1]
    size = 1 << (2 * n_steps - 1).bit_length()
    spectrum = torch.fft.rfft(values, size)
    return torch.fft.irfft(spectrum.real.square() + spectrum.imag.square(), size)[:, :n_steps]


def _likeness(values: Tensor, observed: Tensor, overlap: Tensor) -> Tensor:
    """Score the mean squared change over each lag: 1 means no change, 0 as large as noise, -1 larger or unknown."""
    n_steps = values.shape[1]
    size = 1 << (2 * n_steps - 1).bit_length()
    series, squares, mask = (torch.fft.rfft(part, size) for part in (values, values.square(), observed))
    power = series.real.square() + series.imag.square()
    ends = squares.real * mask.real + squares.imag * mask.imag  # the squares at both ends of each pair
    changes = 2 * torch.fft.irfft(ends - power, size)[:, :n_steps]
    spread = values.square().sum(1, keepdim=True) / observed.sum(1, keepdim=True).clamp_min(1.0)
    mean = changes / overlap.clamp_min(1.0)
    return (1.0 - mean / (2.0 * spread).clamp_min(1e-9)).clamp(-1.0, 1.0)


def _ratio(products: Tensor, overlap: Tensor) -> Tensor:
    """Divide mean products by the one at lag 0, which gives values in [-1, 1]."""
    mean = products / overlap.clamp_min(1.0)
    return (mean / mean[:, :1].clamp_min(1e-9)).clamp(-1.0, 1.0)


def _past_errors(window: Window, lags: Tensor) -> tuple[Tensor, Tensor]:
    """Return the errors of each lag's echo within the context, (n_series, n_lags, n_rows), and their mask."""
    n_rows = window.values.shape[1]
    place = torch.arange(n_rows, device=lags.device) - lags[..., None]
    before = place.clamp_min(0).flatten(1)
    known = window.observed.gather(1, before).view(place.shape) * (place >= 0) * window.observed[:, None]
    return (window.values[:, None] - window.values.gather(1, before).view(place.shape)) * known, known


def _echoes(window: Window, lags: Tensor, horizon: int, n_cycles: int) -> tuple[Tensor, Tensor]:
    """Return the echoes of the horizon, (n_series, 5 * n_lags + 2, horizon), and the mean of the context."""
    n_rows = window.values.shape[1]
    steps = torch.arange(horizon, device=lags.device) % lags[..., None]  # (n_series, n_lags, horizon)
    sums, counts = _running(window)
    total = weight = about = torch.zeros_like(steps, dtype=window.values.dtype)
    for cycle in range(1, n_cycles + 1):
        place = n_rows - cycle * lags[..., None] + steps
        first, end = ((n_rows - part * lags).clamp_min(0) for part in (cycle, cycle - 1))
        level = _mean_between(sums, counts, first, end)[..., None]
        inside = place.clamp_min(0).flatten(1)
        seen = window.observed.gather(1, inside).view(place.shape) * (place >= 0)
        values = window.values.gather(1, inside).view(place.shape)
        if cycle == 1:
            now, last = level, values * (place >= 0)
        if cycle == 2:
            growth = (now - level) * (first > 0)[..., None]
        total, weight, about = total + values * seen, weight + seen, about + (values - level) * seen
    mean = torch.where(weight > 0, total / weight.clamp_min(1.0), last)
    profile = torch.where(weight > 0, now + about / weight.clamp_min(1.0), last)
    ahead = 1 + torch.arange(horizon, device=lags.device) // lags[..., None]
    grown = last + (growth * ahead.clamp_max(3)).clamp(-2.0, 2.0)
    before = (n_rows - 1 - lags).clamp_min(0)
    moved = last - window.values.gather(1, before)[..., None]
    count = window.observed.sum(1, keepdim=True).clamp_min(1.0)
    center = (window.values * window.observed).sum(1, keepdim=True) / count
    flat = center.new_zeros(len(center), 1, horizon)
    return torch.cat([last, mean, moved, profile, grown, flat, flat + center[..., None]], dim=1), center


def _noise(window: Window, shown: Tensor, known: Tensor) -> Tensor:
    """Return the smaller mean absolute error of the naive forecast and the best echo, (n_series, 1)."""
    both = window.observed[:, 1:] * window.observed[:, :-1]
    change = ((window.values[:, 1:] - window.values[:, :-1]).abs() * both).sum(1, keepdim=True)
    naive = change / both.sum(1, keepdim=True).clamp_min(1.0)
    count = known.sum(dim=2)
    echo = shown.abs().sum(dim=2) / count.clamp_min(1)
    echo = torch.where(count >= 3, echo, math.inf).amin(dim=1, keepdim=True)
    return torch.minimum(torch.where(naive > 0, naive, 1.0), echo).clamp(1e-3, 3.0)


def _features(window: Window, lags: _Lags, noise: Tensor, center: Tensor) -> Tensor:
    """Return window-level features: lags and their scores, length, noise and share of zeros."""
    values, observed = window.values, window.observed
    n_rows = values.shape[1]
    count = observed.sum(1, keepdim=True).clamp_min(1.0)
    length = n_rows - torch.argmax(observed, dim=1, keepdim=True)
    cycles = torch.log(length / lags.lags)
    steps = torch.arange(n_rows, device=values.device)
    since = n_rows - lags.lags
    sums, counts = _running(window)
    now = _mean_between(sums, counts, since.clamp_min(0), torch.full_like(since, n_rows))
    earlier = _mean_between(sums, counts, (n_rows - 2 * lags.lags).clamp_min(0), since.clamp_min(0))
    by_lag = torch.stack(
        [
            torch.log(lags.lags.float()) / 3.0,
            lags.level,
            lags.change,
            lags.score,
            lags.overlap.clamp_min(1.0).rsqrt(),
            cycles / 3.0,
            now,
            now - earlier,
        ],
        dim=2,
    )
    lowest = torch.where(observed > 0, values, math.inf).amin(1, keepdim=True)
    highest = torch.where(observed > 0, values, -math.inf).amax(1, keepdim=True)
    lowest, highest = (torch.where(torch.isfinite(part), part, 0.0) for part in (lowest, highest))
    at_lowest = ((values <= lowest + 1e-6) * observed).sum(1, keepdim=True) / count
    nought = _bend((-window.center / window.spread).clamp(-20.0, 20.0)) - window.last
    change = (values[:, 1:] - values[:, :-1]) * observed[:, 1:]
    stuck = ((change.abs() < 1e-6) * observed[:, 1:]).sum(1, keepdim=True) / count
    late = (values * observed * (steps >= n_rows * 3 / 4)).sum(1, keepdim=True) / (
        (observed * (steps >= n_rows * 3 / 4)).sum(1, keepdim=True).clamp_min(1.0)
    )
    of_window = torch.cat(
        [
            torch.log(length) / 4.0,
            torch.log(noise),
            center,
            window.last,
            lowest,
            highest,
            at_lowest,
            nought / 3.0,
            stuck,
            late,
            count / n_rows,
            change.square().mean(1, keepdim=True).clamp_min(1e-8).log() / 4.0,
        ],
        dim=1,
    )
    return torch.cat([by_lag.flatten(1), of_window], dim=1)


def _running(window: Window) -> tuple[Tensor, Tensor]:
    """Return the sum and the count of observed values before each row, (n_series, n_rows + 1) each."""
    start = window.values.new_zeros(len(window.values), 1)
    sums = (window.values * window.observed).cumsum(1)
    return torch.cat([start, sums], dim=1), torch.cat([start, window.observed.cumsum(1)], dim=1)


def _mean_between(sums: Tensor, counts: Tensor, first: Tensor, end: Tensor) -> Tensor:
    """Return the mean of observed values from row ``first`` to ``end``, from running sums."""
    count = counts.gather(1, end) - counts.gather(1, first)
    return (sums.gather(1, end) - sums.gather(1, first)) / count.clamp_min(1.0)


def _clock(n_patches: int, device: torch.device) -> Tensor:
    """Return features of the distance of each patch of the horizon, (n_patches, 16)."""
    ahead = torch.log1p(torch.arange(n_patches, device=device, dtype=torch.float32))
    turns = ahead[:, None] * torch.tensor([0.35, 0.7, 1.4, 2.8, 5.6, 11.2, 22.4, 44.8], device=device)
    return torch.cat([torch.sin(turns), torch.cos(turns)], dim=1)
