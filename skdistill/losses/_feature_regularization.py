"""Feature regularization: agreement between the hidden states of the two branches of a student, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_real
from skdistill._utils._choices import check_choice
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.losses._output_consistency import BRANCH_DISTANCES, branches_of

__all__ = ["FeatureRegularization", "layer_weights"]


def layer_weights(n_layers: int, decay: float) -> list[float]:
    """Return one weight per layer, which decays with the distance from the last layer.

    Parameters
    ----------
    n_layers : int
        Number of hidden states, in the order of the layers.
    decay : float
        Weight of a layer relative to the layer after it.

    Returns
    -------
    weights : list of float
        ``decay ** i`` for the i-th layer before the last.
    """
    return [decay ** (n_layers - 1 - position) for position in range(n_layers)]


class FeatureRegularization(LossTerm):
    """Distance between the hidden states of the two branches after every layer; the last layers count most.

    ``sum over layers, i counted from the last, of decay^i * distance(P_i time_i, Q_i text_i)``. The projections P_i and
    Q_i, one for each branch and layer, have no bias, train with the student at their own constant learning rate, and
    are dropped afterwards. Gradient flows into both branches.

    Parameters
    ----------
    weight : float, default=0.01
        Factor in the objective (lambda_2 in the paper).
    loss : {"mae", "mse", "smooth_l1"}, default="mae"
        The distance; smooth L1 changes from squared to absolute at 1.
    decay : float, default=0.8
        Weight of a layer relative to the layer after it.
    lr : float, default=1e-4
        Constant learning rate of the projections.

    References
    ----------
    CALF (arXiv 2403.07300), feature regularization loss.

    Examples
    --------
    >>> from skdistill.core import LossShapes
    >>> from skdistill.losses import FeatureRegularization
    >>> shapes = LossShapes(prediction_length=2, n_targets=1, branch_sizes=(4, 4, 4))
    >>> term = FeatureRegularization().build(shapes)
    >>> [round(weight, 2) for weight in term.weights], sum(p.numel() for p in term.parameters())
    ([0.64, 0.8, 1.0], 96)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"branches"})

    def __init__(self, weight: float = 0.01, *, loss: str = "mae", decay: float = 0.8, lr: float = 1e-4) -> None:
        self.weight = weight
        self.loss = loss
        self.decay = decay
        self.lr = lr

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_choice(self.loss, BRANCH_DISTANCES, "loss of FeatureRegularization")
        check_real(self.decay, "decay of FeatureRegularization", minimum=0.0, maximum=1.0)
        check_real(self.lr, "lr of FeatureRegularization", minimum=0.0, include_minimum=False)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term, with fresh projections.

        Returns
        -------
        module : torch.nn.Module
            From :class:`LossInputs` to a scalar; its ``constant_lr`` is the learning rate of its parameters.
        """
        if shapes.branch_sizes is None:
            raise ValueError("FeatureRegularization needs a network with two branches, such as CALF.")
        return FeatureRegularizationModule(self, shapes.branch_sizes)


class FeatureRegularizationModule(nn.Module):
    """The module of :class:`FeatureRegularization`.

    Parameters
    ----------
    term : FeatureRegularization
        The parameter object.
    sizes : tuple of int
        Width of each hidden state.
    """

    def __init__(self, term: FeatureRegularization, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.constant_lr = term.lr
        self.distance: Callable[..., Tensor] = BRANCH_DISTANCES[term.loss]
        self.weights = layer_weights(len(sizes), term.decay)
        self.time = nn.ModuleList(nn.Linear(size, size, bias=False) for size in sizes)
        self.text = nn.ModuleList(nn.Linear(size, size, bias=False) for size in sizes)

    def forward(self, inputs: LossInputs) -> Tensor:
        """Compute the term.

        Parameters
        ----------
        inputs : LossInputs
            One batch, with branches.

        Returns
        -------
        loss : Tensor
            A scalar.
        """
        branches = branches_of(inputs, "FeatureRegularization")
        layers = zip(self.weights, self.time, branches.time, self.text, branches.text, strict=True)
        terms = [weight * self.distance(p(time), q(text)) for weight, p, time, q, text in layers]
        return torch.stack(terms).sum()
