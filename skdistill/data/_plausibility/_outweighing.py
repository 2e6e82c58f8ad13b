"""Windows in units of contexts that hardly vary, whose horizons are so far away that they decide what is learned."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows

__all__ = ["Outweighing"]

_TINY = 1e-2  # of the unit of a series; the unit of a window from which its horizon can be very many away
_OUTWEIGHS = 10.0  # times the number of all windows; squares of some that are larger decide what is learned
_BLOCK = 4096  # windows at once


@dataclass(frozen=True)
class Outweighing:
    """How far away the horizons are of windows whose own units are tiny. Those of several parts add up.

    Parameters
    ----------
    n_windows : int, default=0
        Number of all windows.
    squares : float, default=0.0
        Sum of the mean squares of the horizons of those with tiny units.
    farthest : float, default=0.0
        The largest of these mean squares.
    context : str, default=""
        The context before this horizon, in words.
    """

    n_windows: int = 0
    squares: float = 0.0
    farthest: float = 0.0
    context: str = ""

    @classmethod
    def of(cls, train: Windows, names: Sequence[str]) -> Outweighing:
        """Look at windows.

        Parameters
        ----------
        train : Windows
            The windows to learn from.
        names : sequence of str
            Names of their series.

        Returns
        -------
        found : Outweighing
            Nothing is far away where windows are not scaled by themselves.
        """
        if train.store.scaling.kind != "window" or not len(train):
            return cls(len(train))
        every, targets = torch.arange(len(train)), list(train.targets)
        units, own = train.local_units(every), train.store.units
        assert units is not None  # the kind of scaling
        assert own is not None
        relative = units.unit[:, targets] / own.unit[train.series_of(train.starts.cpu().numpy())][:, targets]
        tiny = every[torch.from_numpy((relative < _TINY).any(axis=1))]
        if not len(tiny):
            return cls(len(train))
        squares = np.concatenate(
            [
                np.nan_to_num(np.square(train.horizons(some).cpu().double().numpy())).mean(axis=(1, 2))
                for some in tiny.split(_BLOCK)
            ]
        )
        first = train.starts[tiny[[int(squares.argmax())]]].cpu().numpy()
        number = int(train.series_of(first)[0])
        last = int(first[0] - train.store.offsets[number]) + train.context_length - 1
        context = f"the context of {names[number]} that ends in row {last}"
        return cls(len(train), float(squares.sum()), float(squares.max()), context)

    def __add__(self, other: Outweighing) -> Outweighing:
        """Add other windows."""
        context = (self if self.farthest >= other.farthest else other).context
        n_windows, squares = self.n_windows + other.n_windows, self.squares + other.squares
        return Outweighing(n_windows, squares, max(self.farthest, other.farthest), context)

    def warn(self) -> None:
        """Warn if the windows with tiny units count for all others."""
        if self.squares > _OUTWEIGHS * self.n_windows:
            warnings.warn(
                f"{self.context} hardly varies, and what follows is about {self.farthest**0.5:.3g} of its units away: "
                f"with scaling='window', such windows outweigh all {self.n_windows} in squared errors. Take "
                "scaling='series' or 'global', a longer context_length, or write NaN where a value only repeats.",
                stacklevel=stacklevel_of_user(),
            )
