"""Augmentation: perturbed copies of the training rows, which a teacher labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._doc_link import DocLink
from skdistill.data._series import Series
from skdistill.data._store import SeriesStore

__all__ = ["Augmentation"]


class Augmentation(DocLink, BaseEstimator):
    """Add mixed, scaled and jittered copies of the training rows; the teacher labels their windows.

    ``DistilledForecaster(augmentation=Augmentation())`` adds the windows of each copy to the training. A perturbed
    context has no true future, so terms that read the truth leave these windows out, and a trained teacher is not
    trained on them; it only labels them. In standardized units, a copy of the rows x is

    ``(1 + s(t)) * ((1 - m(t)) * x(t) + m(t) * x(t + shift)) + jitter * noise(t)``

    with s in [-scale, scale] and m in [0, mix], each a piecewise linear function through independent uniform values
    every ``knot_distance`` rows, a random circular shift, and standard normal noise. Calendar features stay those of x.
    What is missing in x is missing in its copies, and a value is not mixed with a missing one. What was known ahead of
    a row, by :class:`~skdistill.data.Vintages`, is perturbed as that row is.

    Parameters
    ----------
    n_copies : int, default=1
        Number of copies of the training rows; each adds as many windows and labels as the original rows.
    jitter : float, default=0.05
        Standard deviation of the noise, in the units of ``scaling``: standard deviations of the channel for
        ``"global"`` (of all series together); for ``"series"`` and ``"window"``, in each series, mean absolute seasonal
        differences of a target and standard deviations of a covariate.
    scale : float, default=0.1
        Maximum relative change of the values.
    mix : float, default=0.2
        Maximum share of another time of the same series.
    knot_distance : int, default=168
        Number of rows between independent values of s and m.
    random_state : int or None, default=None
        Seed; None derives one from the forecaster's.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.data import Augmentation
    >>> from skdistill.teachers import TrainedTeacher
    >>> series = make_multiseasonal(300, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     TrainedTeacher("dlinear", lr=0.01), "dlinear", "response", augmentation=Augmentation(mix=0.0),
    ...     context_length=24, prediction_length=6, max_epochs=1, random_state=0,
    ... ).fit(series)
    """

    def __init__(
        self,
        n_copies: int = 1,
        *,
        jitter: float = 0.05,
        scale: float = 0.1,
        mix: float = 0.2,
        knot_distance: int = 168,
        random_state: int | None = None,
    ) -> None:
        self.n_copies = n_copies
        self.jitter = jitter
        self.scale = scale
        self.mix = mix
        self.knot_distance = knot_distance
        self.random_state = random_state

    def check(self) -> None:
        """Raise if a parameter is out of its range; called before any training."""
        check_integer(self.n_copies, "n_copies of Augmentation")
        check_real(self.jitter, "jitter of Augmentation", minimum=0.0)
        check_real(self.scale, "scale of Augmentation", minimum=0.0, maximum=1.0)
        check_real(self.mix, "mix of Augmentation", minimum=0.0, maximum=1.0)
        check_integer(self.knot_distance, "knot_distance of Augmentation")
        if self.random_state is not None:
            check_integer(self.random_state, "random_state of Augmentation", minimum=0)

    def copies(self, series: Sequence[Series], held_out: Sequence[int]) -> list[Series]:
        """Copy the training rows of series, without perturbing them.

        Parameters
        ----------
        series : sequence of Series
            The series, in original units.
        held_out : sequence of int
            Number of validation rows at the end of each series; these are not copied.

        Returns
        -------
        copies : list of Series
            All series, ``n_copies`` times.
        """
        cut = []
        for one, rows in zip(series, held_out, strict=True):
            stop = len(one) - rows
            if stop < 1:  # it is used for validation only
                continue
            cut.append(replace(one, values=one.values[:stop], index=None if one.index is None else one.index[:stop]))
        return cut * self.n_copies

    def perturb(self, store: SeriesStore, first: int, seed: int) -> None:
        """Perturb the last series of a store in place.

        Parameters
        ----------
        store : SeriesStore
            Standardized series.
        first : int
            Number of the first series to perturb.
        seed : int
            Seed, if ``random_state`` is None.
        """
        generator = np.random.default_rng(seed if self.random_state is None else self.random_state)
        for offset, length in zip(store.offsets[first:], store.lengths[first:], strict=True):
            rows = store.values[offset : offset + length]
            drawn = self._draw(rows, generator)
            rows.copy_(drawn.apply(rows, torch.arange(length), range(rows.shape[1])))
            if store.ahead is not None:
                drawn.apply_ahead(store.ahead[offset : offset + length], store.known)

    def _draw(self, rows: Tensor, generator: np.random.Generator) -> _Perturbation:
        """Draw how the rows of a series are perturbed."""
        n_rows = len(rows)
        share = self._broken_line(n_rows, 0.0, self.mix, generator)
        shift = int(generator.integers(n_rows))
        factor = 1.0 + self._broken_line(n_rows, -self.scale, self.scale, generator)
        noise = torch.from_numpy(generator.standard_normal(rows.shape, dtype=np.float32))
        return _Perturbation(share, rows.roll(-shift, dims=0), factor, self.jitter * noise)

    def _broken_line(self, n_rows: int, low: float, high: float, generator: np.random.Generator) -> Tensor:
        """Return a piecewise linear function through random values every ``knot_distance`` rows, (n_rows, 1)."""
        knots = generator.uniform(low, high, math.ceil(n_rows / self.knot_distance) + 1)
        line = np.interp(np.arange(n_rows) / self.knot_distance, np.arange(len(knots)), knots)
        return torch.from_numpy(line.astype(np.float32))[:, None]


@dataclass(frozen=True)
class _Perturbation:
    """How every row of a series is perturbed.

    Parameters
    ----------
    share : Tensor of shape (n_rows, 1)
        Share of the other row.
    other : Tensor of shape (n_rows, n_channels)
        The row that each row is mixed with.
    factor : Tensor of shape (n_rows, 1)
        What each row is multiplied by.
    noise : Tensor of shape (n_rows, n_channels)
        What is added.
    """

    share: Tensor
    other: Tensor
    factor: Tensor
    noise: Tensor

    def apply(self, values: Tensor, rows: Tensor, channels: Sequence[int]) -> Tensor:
        """Perturb values of some channels, (..., n_channels), each as its row, (...), is perturbed."""
        places = list(channels)
        share, other = self.share[rows], self.other[rows][..., places]
        mixed = (1.0 - share) * values + share * torch.where(torch.isnan(other), values, other)
        return self.factor[rows] * mixed + self.noise[rows][..., places]

    def apply_ahead(self, ahead: Tensor, channels: Sequence[int]) -> None:
        """Perturb, in place, what was known at every row about the rows from there on, (n_rows, n_steps, n_known)."""
        rows = torch.arange(len(ahead))[:, None] + torch.arange(ahead.shape[1])
        inside = rows < len(ahead)  # what is known about later rows is not read
        ahead[inside] = self.apply(ahead[inside], rows[inside], channels)
