"""What a network declares of itself that is a linear map, which training can then solve exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

__all__ = ["SolvablePart"]


@dataclass(frozen=True, eq=False)
class SolvablePart:
    """A part of a network that is one linear map of each window: forecast = W (x - m) + b + m.

    A network declares it in :meth:`~skdistill.core.BaseNetwork.solvable_part`; training solves for W and b. The
    module of the part holds them as its parameters ``weight``, of shape (prediction_length, n_rows), and ``bias``, of
    shape (prediction_length,), each with a first axis for the targets where every channel has a map of its own.

    Parameters
    ----------
    owner : str
        Name of the network whose parameters these are, for messages.
    n_rows : int
        Last rows of a context that the map reads.
    level : ndarray of shape (n_rows,) or None, default=None
        Weights of the level m of a window, which sum to one; None subtracts nothing.
    mask : ndarray of bool of shape (prediction_length, n_rows) or None, default=None
        Entries of W that may differ from 0; None means all of them.
    individual : bool, default=False
        Whether every channel has a map of its own.
    intercept : bool, default=True
        Whether there is a b.
    penalties : tuple of float, default=(0.0,)
        Ridge penalties to choose among.
    penalty_on : {"weights", "forecast"}, default="weights"
        What is penalized.
    weight_grid : dict of str to sequence of float, default={}
        Weights to try for terms of the loss, by their names.
    selection : {"validation", "blocks"}, default="validation"
        What decides among several candidates.
    solver : {"auto", "exact", "gradient"}, default="auto"
        Whether the part is solved where it can be, must be solved, or is trained.
    module : str, default=""
        Name of the sub-module that is the part; an empty string means that the network is nothing else.
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

    @property
    def is_whole(self) -> bool:
        """Whether the network has no other part."""
        return not self.module

    @property
    def is_searched(self) -> bool:
        """Whether there are several penalties or weights to choose among."""
        return len(self.penalties) > 1 or bool(self.weight_grid)

    def of(self, module: nn.Module) -> nn.Module:
        """Return the part of a module that the network built.

        Parameters
        ----------
        module : torch.nn.Module
            What the network built.

        Returns
        -------
        part : torch.nn.Module
            The sub-module, or the module itself.
        """
        return module.get_submodule(self.module)
