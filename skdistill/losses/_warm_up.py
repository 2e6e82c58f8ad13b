"""Warm-up: a term whose weight grows from 0 over the first batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_integer
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes

__all__ = ["WarmUp", "WarmUpModule"]


class WarmUp(LossTerm):
    """A loss term whose weight rises linearly over the first training batches.

    Batch b = 1, 2, ... counts ``min(1, b / n_batches)`` of the term. Only training batches are counted; checkpoints
    store the count, and ``refresh`` goes on with the full weight.

    Parameters
    ----------
    term : LossTerm
        The term; its parameters are set as ``term__weight`` and so on.
    n_batches : int, default=1000
        Number of batches until the full weight; 1 disables the warm-up.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import TeacherForecast, WarmUp
    >>> term = WarmUp(TeacherForecast(), n_batches=4).build(LossShapes(prediction_length=1, n_targets=1))
    >>> zeros, ones = torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    >>> [float(term(LossInputs(zeros, None, truth=zeros, teacher_forecast=ones))) for batch in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(self, term: LossTerm, *, n_batches: int = 1000) -> None:
        self.term = term
        self.n_batches = n_batches

    @property
    def requires(self) -> frozenset[str]:  # type: ignore[override]
        """What the wrapped term reads."""
        return self.term.requires

    @property
    def prefers(self) -> frozenset[str]:  # type: ignore[override]
        """What the wrapped term reads if it exists."""
        return self.term.prefers

    @property
    def weight(self) -> float:  # type: ignore[override]
        """The full weight, which is the weight of the wrapped term."""
        return self.term.weight

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        if not isinstance(self.term, LossTerm):
            raise TypeError(f"term of WarmUp must be a single loss term; got {self.term!r}.")
        self.term.check()
        check_integer(self.n_batches, "n_batches of WarmUp")

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the scaled term."""
        return WarmUpModule(self.term.build(shapes), self.n_batches)

    def compares_windows(self, n_targets: int) -> list[str]:
        """Return the parameters of the wrapped term that compare windows."""
        return [f"term__{name}" for name in self.term.compares_windows(n_targets)]

    def named_terms(self) -> list[tuple[str, LossTerm]]:
        """Return this term under the name of the wrapped term."""
        return [(self.term.named_terms()[0][0], self)]


class WarmUpModule(nn.Module):
    """The module of :class:`WarmUp`.

    Parameters
    ----------
    inner : torch.nn.Module
        The built term.
    n_batches : int
        Number of batches until the full weight.
    """

    batches: Tensor

    def __init__(self, inner: nn.Module, n_batches: int) -> None:
        super().__init__()
        self.inner = inner
        self.n_batches = n_batches
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: LossInputs) -> Tensor:
        """Compute the scaled term.

        Parameters
        ----------
        inputs : LossInputs
            One batch.

        Returns
        -------
        term : Tensor
            A scalar.
        """
        return self.inner(inputs) * self.next_share()

    def next_share(self) -> Tensor:
        """Count a batch, in training, and return how much of the term it counts.

        Returns
        -------
        share : Tensor
            A scalar in [0, 1].
        """
        if self.training:
            self.batches += 1
        return (self.batches / self.n_batches).clamp(max=1.0)
