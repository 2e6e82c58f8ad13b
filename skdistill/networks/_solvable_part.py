"""The part of a network that is one linear map, which training can solve exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from torch import nn

__all__ = ["SolvablePart"]


@dataclass(frozen=True, eq=False)
class SolvablePart:
    """Part of a network that is one linear map of each window: forecast = W (x - m) + b + m.

    A network declares it in :meth:`~skdistill.core.BaseNetwork.solvable_part`; training solves for W and b. The module
    of the part holds them as its parameters ``weight``, of shape (prediction_length, n_rows), and ``bias``, of shape
    (prediction_length,), each with a first axis for the targets if every channel has its own map.

    Parameters
    ----------
    owner : str
        Name of the network that has these parameters, for error messages.
    n_rows : int
        Number of rows at the end of a context that the map reads.
    level : ndarray of shape (n_rows,) or None, default=None
        Weights of the rows in the level m of a window; they sum to one. None subtracts nothing.
    mask : ndarray of bool of shape (prediction_length, n_rows) or None, default=None
        Entries of W that can be nonzero; None means all of them.
    individual : bool, default=False
        Whether every channel has its own map.
    intercept : bool, default=True
        Whether there is an intercept b.
    penalties : tuple of float, default=(0.0,)
        Ridge penalties to choose among.
    penalty_on : {"weights", "forecast"}, default="weights"
        What is penalized.
    weight_grid : dict of str to sequence of float, default={}
        Weights to try for terms of the loss, by name.
    selection : {"validation", "blocks"}, default="validation"
        Criterion for choosing among several candidates.
    solver : {"auto", "exact", "gradient"}, default="auto"
        Whether the part is solved if possible, must be solved, or is trained.
    module : str, default=""
        Name of the sub-module that is the part; an empty string means the whole network.
    n_inputs : int, default=0
        Number of inputs of the map, if it reads more than rows: the module of the part then has a method ``design``,
        from the inputs of ``forward`` to inputs (n_windows, n_targets, n_inputs) and levels (n_windows, n_targets, 1),
        and W has this number of columns. 0 means that the inputs are ``n_rows`` rows.
    channels : ndarray of int of shape (n_inputs,) or None, default=None
        For inputs that are rows less their level, or products with them, the number of their channel, and -1 for other
        inputs: the penalty counts in units of the variance of a channel where that is small. None means one channel.
    other_masks : tuple of ndarray of bool or None, default=()
        Alternatives to ``mask`` to choose among; the module of the part then has a buffer ``mask``.
    ties : tuple of ndarray of int or None, default=()
        For each mask, the numbers of the weights that steps share, of the shape of the mask and -1 for others. Empty,
        or None for a mask, if they share none.
    """

    owner: str
    n_rows: int
    level: np.ndarray | None = None
    mask: np.ndarray | None = None
    individual: bool = False
    intercept: bool = True
    penalties: tuple[float, ...] = (0.0,)
    penalty_on: str = "weights"
    weight_grid: Mapping[str, Sequence[float]] = field(default_factory=dict)
    selection: str = "validation"
    solver: str = "auto"
    module: str = ""
    n_inputs: int = 0
    channels: np.ndarray | None = None
    other_masks: tuple[np.ndarray | None, ...] = ()
    ties: tuple[np.ndarray | None, ...] = ()

    @property
    def width(self) -> int:
        """Number of inputs of the map."""
        return self.n_inputs or self.n_rows

    @property
    def masks(self) -> tuple[np.ndarray | None, ...]:
        """All masks to choose among."""
        return (self.mask, *self.other_masks)

    @property
    def is_tied(self) -> bool:
        """Whether steps share weights, whatever is chosen."""
        return bool(self.ties) and all(one is not None for one in self.ties)

    @property
    def without_ties(self) -> SolvablePart:
        """The part with only those masks for which steps share no weights."""
        if not self.ties:
            return self
        masks = [mask for mask, ties in zip(self.masks, self.ties, strict=True) if ties is None]
        return replace(self, mask=masks[0], other_masks=tuple(masks[1:]), ties=())

    @property
    def is_whole(self) -> bool:
        """Whether the part is the whole network."""
        return not self.module

    @property
    def is_searched(self) -> bool:
        """Whether there are several penalties, weights or masks to choose from."""
        several = any(len(weights) > 1 for weights in self.weight_grid.values())
        return len(self.penalties) > 1 or several or bool(self.other_masks)

    def of(self, module: nn.Module) -> nn.Module:
        """Return the part of a built module.

        Parameters
        ----------
        module : torch.nn.Module
            Module that the network built.

        Returns
        -------
        part : torch.nn.Module
            The sub-module, or the module itself.
        """
        return module.get_submodule(self.module)
