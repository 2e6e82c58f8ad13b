"""Inputs of a linear map with covariates: rows relative to their level, covariates, levels and calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["DesignSizes", "LinearDesign"]

_HOURS, _DAYS = 24, 7
_HOURS_OF_WEEK = 168
_N_HARMONICS = 2  # pairs of sine and cosine over the year
_CALENDARS = {1: 12, 2: 2 * _N_HARMONICS, 3: 7 + 2 * _N_HARMONICS}  # inputs by number of calendar features


def _calendar_size(n_time_features: int) -> int:
    """Return the number of inputs that tell the time of the first horizon row.

    Month for monthly rows; time of the year for weekly ones, with day of the week for daily ones, and hour of the week
    for faster ones.
    """
    return _CALENDARS.get(n_time_features, _HOURS_OF_WEEK + 2 * _N_HARMONICS) if n_time_features else 0


def _product_size(n_time_features: int) -> int:
    """Return the number of calendar inputs that are multiplied by static covariates: hour and day, not both at once."""
    whole = _calendar_size(n_time_features)
    return whole if whole < _HOURS_OF_WEEK else whole - _HOURS_OF_WEEK + _HOURS + _DAYS


@dataclass(frozen=True)
class DesignSizes:
    """Numbers of inputs of each kind.

    Parameters
    ----------
    n_rows : int
        Rows of the target's own context.
    past_rows : int
        Rows of the context of each covariate.
    prediction_length : int
        Rows of the horizon.
    covariates, known : tuple of int
        Channels that are read in the context, and over the horizon.
    n_static : int
        Static covariates.
    has_level : bool
        Whether rows are relative to a level, which is then an input, too.
    n_time_features : int
        Calendar features of a row; 0 if the calendar is not read.
    static_season : int, default=0
        Rows at the end of the target's own context whose products with static covariates are inputs.
    """

    n_rows: int
    past_rows: int
    prediction_length: int
    covariates: tuple[int, ...]
    known: tuple[int, ...]
    n_static: int
    has_level: bool
    n_time_features: int
    static_season: int = 0

    @property
    def calendar(self) -> int:
        """Inputs of the calendar."""
        return _calendar_size(self.n_time_features)

    def parts(self) -> dict[str, slice]:
        """Return where the inputs of each kind are.

        Returns
        -------
        parts : dict of str to slice
            ``own`` and ``past`` rows, ``future`` rows, ``level`` of the target and ``levels`` of covariates,
            ``static`` and their products with the level, with the last season and with the calendar, ``calendar``.
        """
        sizes = {
            "own": self.n_rows,
            "past": self.past_rows * len(self.covariates),
            "future": self.prediction_length * len(self.known),
            "level": int(self.has_level and not self.is_plain),
            "levels": len(self.covariates) * self.has_level,
            "static": self.n_static,
            "static_level": self.n_static * self.has_level,
            "static_season": self.n_static * self.static_season,
            "static_calendar": self.n_static * _product_size(self.n_time_features) * (self.static_season > 0),
            "calendar": self.calendar,
        }
        parts, first = {}, 0
        for name, size in sizes.items():
            parts[name] = slice(first, first + size)
            first += size
        return parts

    @property
    def n_inputs(self) -> int:
        """Number of all inputs."""
        return self.parts()["calendar"].stop

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but the rows of the target."""
        return not (self.covariates or self.n_static or self.calendar)

    def channels(self) -> np.ndarray:
        """Return which inputs are rows of a channel less their level, or products with them.

        Returns
        -------
        channels : ndarray of int of shape (n_inputs,)
            0 for the target, from 1 on for covariates, and -1 for other inputs.
        """
        parts, channels = self.parts(), np.full(self.n_inputs, -1)
        channels[parts["own"]] = channels[parts["static_season"]] = 0
        channels[parts["past"]] = np.repeat(1 + np.arange(len(self.covariates)), self.past_rows)
        known = [1 + self.covariates.index(channel) for channel in self.known]
        channels[parts["future"]] = np.repeat(np.array(known, dtype=int), self.prediction_length)
        return channels

    def band(self, width: int | None) -> np.ndarray:
        """Return which inputs a step may read, if it reads known covariates only near it.

        Parameters
        ----------
        width : int or None
            Largest distance, in rows; None does not limit it.

        Returns
        -------
        mask : ndarray of bool of shape (prediction_length, n_inputs)
            True where it may.
        """
        mask = np.ones((self.prediction_length, self.n_inputs), dtype=bool)
        if width is not None and self.known:
            steps = np.arange(self.prediction_length)
            near = np.abs(steps[:, None] - steps) <= width
            mask[:, self.parts()["future"]] = np.tile(near, len(self.known))
        return mask

    def ties(self) -> np.ndarray:
        """Return the numbers of the weights that steps share: of each known covariate, one for each distance.

        Returns
        -------
        ties : ndarray of int of shape (prediction_length, n_inputs)
            -1 for inputs with a weight of each step.
        """
        ties = np.full((self.prediction_length, self.n_inputs), -1)
        steps, n_distances = np.arange(self.prediction_length), 2 * self.prediction_length - 1
        distance = steps - steps[:, None] + self.prediction_length - 1
        numbers = [distance + number * n_distances for number in range(len(self.known))]
        ties[:, self.parts()["future"]] = np.concatenate(numbers, axis=1)
        return ties


class LinearDesign(nn.Module):
    """Computes the inputs of the map of every target.

    For a target with context x and level m, covariates z with levels l (of the same rows) and known values f over the
    horizon: x - m, z - l, f - l, m, l, the static covariates s, s m, products of s with the last season of x - m and
    with the calendar of the first horizon row, and this calendar.

    Parameters
    ----------
    sizes : DesignSizes
        Numbers of inputs.
    targets : list of int
        Channels to forecast.
    level : Tensor of shape (n_rows,) or None
        Weights of the rows in a level.
    """

    level: Tensor | None

    def __init__(self, sizes: DesignSizes, targets: list[int], level: Tensor | None) -> None:
        super().__init__()
        self.sizes = sizes
        self.targets = targets
        self.covariates = list(sizes.covariates)
        self.known = [sizes.covariates.index(channel) for channel in sizes.known]
        self.register_buffer("level", level, persistent=False)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Compute inputs.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Standardized contexts.
        context_time : Tensor or None, default=None
            Ignored.
        decoder_time : Tensor or None, default=None
            Calendar features from the first horizon row on.
        future : Tensor of shape (n_windows, prediction_length, n_known) or None, default=None
            Known covariates over the horizon.
        static : Tensor of shape (n_windows, n_static) or None, default=None
            Static covariates.

        Returns
        -------
        inputs : Tensor of shape (n_windows, n_targets, n_inputs)
            Inputs of the map of each target.
        level : Tensor of shape (n_windows, n_targets, 1)
            Level of each target, which is added to the map's output.
        """
        rows = context[:, -self.sizes.n_rows :].transpose(1, 2)
        own, others = rows[:, self.targets], rows[:, self.covariates]
        level, levels = self._level_of(own), self._level_of(others)
        shared = [(others - levels)[:, :, others.shape[-1] - self.sizes.past_rows :].flatten(1)]
        if future is not None and self.known:
            shared.append((future.transpose(1, 2) - levels[:, self.known]).flatten(1))
        after = [levels.flatten(1)] if self.level is not None else []
        own_level = [level] if self.level is not None else []
        products = []
        if static is not None and self.sizes.n_static:
            after.append(static)
            products = [static[:, None] * level] if self.level is not None else []
            if self.sizes.static_season:
                products.append(_products(static[:, None], (own - level)[:, :, -self.sizes.static_season :]))
        calendar = [_calendar(decoder_time)] if decoder_time is not None and self.sizes.calendar else []
        if calendar and static is not None and self.sizes.static_season and self.sizes.n_static:
            calendar.insert(0, _products(static, _separate(calendar[0])))
        parts = [own - level, *self._each(shared), *own_level, *self._each(after), *products, *self._each(calendar)]
        return torch.cat(parts, dim=-1), level

    def _level_of(self, rows: Tensor) -> Tensor:
        """Return the level of channels (n_windows, n, n_rows)."""
        if self.level is None:
            return rows.new_zeros((*rows.shape[:2], 1))
        return rows @ self.level[:, None]  # onnxruntime multiplies transposed rows by a vector wrongly

    def _each(self, parts: list[Tensor]) -> list[Tensor]:
        """Repeat inputs that all targets share."""
        return [part.unsqueeze(1).expand(-1, len(self.targets), -1) for part in parts]


def _products(static: Tensor, others: Tensor) -> Tensor:
    """Return all products of static covariates (..., n_static) and other inputs (..., n), static by static."""
    return (static.unsqueeze(-1) * others.unsqueeze(-2)).flatten(-2)


def _separate(calendar: Tensor) -> Tensor:
    """Replace the hour of the week by hour of the day and day of the week."""
    if calendar.shape[-1] < _HOURS_OF_WEEK:
        return calendar
    week = calendar[:, :_HOURS_OF_WEEK].reshape(-1, _DAYS, _HOURS)
    hour, day = week.sum(dim=1) * _DAYS**-0.5, week.sum(dim=2) * _HOURS**-0.5  # each has a mean square of 1
    return torch.cat([hour, day, calendar[:, _HOURS_OF_WEEK:]], dim=-1)


def _calendar(time: Tensor) -> Tensor:
    """Return inputs that tell the time of the first row, from its calendar features in [-0.5, 0.5].

    Their mean square is 1, like that of standardized rows, so that a penalty shrinks them alike.
    """
    first = time[:, 0] + 0.5
    n_features = first.shape[-1]
    if n_features == 1:
        return _one_hot(first[:, 0] * 11, 12)
    harmonics = _harmonics(first[:, -1])
    if n_features == 2:
        return harmonics
    weekday = first[:, -3] * 6
    if n_features == 3:
        return torch.cat([_one_hot(weekday, 7), harmonics], dim=-1)
    return torch.cat([_one_hot(24 * weekday.round() + first[:, -4] * 23, _HOURS_OF_WEEK), harmonics], dim=-1)


def _one_hot(values: Tensor, size: int) -> Tensor:
    return (values.round().unsqueeze(-1) == torch.arange(size, device=values.device)).to(values.dtype) * size**0.5


def _harmonics(share: Tensor) -> Tensor:
    """Return sines and cosines of a share of the year."""
    angles = 2 * torch.pi * share.unsqueeze(-1) * torch.arange(1, _N_HARMONICS + 1, device=share.device)
    return torch.cat([angles.sin(), angles.cos()], dim=-1) * 2**0.5
