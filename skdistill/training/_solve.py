"""Check and solve the solvable part of networks that declare one."""

from __future__ import annotations

import warnings

from torch import nn

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._training_windows import TrainingWindows
from skdistill.losses._base import BaseLoss
from skdistill.losses._objective import needs_branches
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._quantile_head import point_module
from skdistill.training._batches import LabelSource
from skdistill.training._exact_fit import solve_part
from skdistill.training._exactness import quadratic_part, why_not_exact
from skdistill.training._train import TrainingResult

__all__ = ["check_solvable", "prepare_network", "solve_network"]


def check_solvable(
    network: BaseNetwork,
    spec: NetworkSpec,
    loss: BaseLoss,
    *,
    has_teacher: bool,
    windows: TrainingWindows,
    weighted_labels: bool = False,
) -> None:
    """Raise if a part of the network must be solved exactly but cannot be; called before any training.

    Parameters
    ----------
    network : BaseNetwork
        The network.
    spec : NetworkSpec
        The problem it will be built for.
    loss : BaseLoss
        The objective.
    has_teacher : bool
        Whether there will be labels.
    windows : TrainingWindows
        The windows it will be fitted on.
    weighted_labels : bool, default=False
        Whether labels count by window.

    Raises
    ------
    ValueError
        The message gives the reason and what to do about it.
    """
    part = network.solvable_part(spec)
    if part is None:
        return
    if not part.is_whole:
        loss = quadratic_part(loss, windows, has_teacher=has_teacher, weighted_labels=weighted_labels)
    reason = why_not_exact(part, loss, has_teacher=has_teacher, windows=windows, weighted_labels=weighted_labels)
    if reason is not None and (part.solver == "exact" or part.is_searched or part.is_tied):
        exact = f"solver='exact' of {part.owner}"
        several = f"{part.owner} with several penalties or weights, or with weights that steps share,"
        what = exact if part.solver == "exact" else several
        raise ValueError(f"{what} is not possible: {reason}")


def solve_network(
    network: BaseNetwork,
    module: nn.Module,
    spec: NetworkSpec,
    windows: TrainingWindows,
    *,
    loss: BaseLoss,
    labels: LabelSource | None,
) -> TrainingResult | None:
    """Solve a network that consists only of its solvable part, if every term is quadratic.

    Parameters
    ----------
    network : BaseNetwork
        The network.
    module : torch.nn.Module
        The module built from it; it gets the solution.
    spec : NetworkSpec
        What it was built for.
    windows : TrainingWindows
        Training and validation windows.
    loss : BaseLoss
        The objective.
    labels : LabelSource or None
        The teacher's labels of the training windows.

    Returns
    -------
    result : TrainingResult or None
        None if the network must be trained instead.
    """
    part = network.solvable_part(spec)
    if part is None or not part.is_whole or part.solver == "gradient":
        return None
    weighted = labels is not None and labels.weight is not None
    reason = why_not_exact(part, loss, has_teacher=labels is not None, windows=windows, weighted_labels=weighted)
    if reason is not None:
        if spec.quantiles is not None:
            reason = (
                "quantiles are trained. student=MLP(linear_skip=Linear(), batch_norm=False) solves "
                "for a linear map first, and trains quantiles on top of it."
            )
        told = f"{part.owner} is trained by gradient descent, not solved exactly: {reason}"
        warnings.warn(told, stacklevel=stacklevel_of_user())
        return None
    return solve_part(part, part.of(point_module(module)), spec, windows, loss=loss, labels=labels)


def prepare_network(
    network: BaseNetwork,
    module: nn.Module,
    spec: NetworkSpec,
    windows: TrainingWindows,
    *,
    loss: BaseLoss,
    labels: LabelSource | None,
) -> None:
    """Prepare a module for training: solve and freeze its solvable part, and drop what the loss does not read.

    Parameters
    ----------
    network : BaseNetwork
        The network.
    module : torch.nn.Module
        The module built from it.
    spec : NetworkSpec
        What it was built for.
    windows : TrainingWindows
        Training and validation windows.
    loss : BaseLoss
        The objective; its quadratic terms are used for the part.
    labels : LabelSource or None
        The teacher's labels of the training windows.
    """
    module = point_module(module)
    network.prepare(module, reads_branches=needs_branches(loss))
    part = network.solvable_part(spec)
    if part is not None and not part.is_whole:
        weighted = labels is not None and labels.weight is not None
        quadratic = quadratic_part(loss, windows, has_teacher=labels is not None, weighted_labels=weighted)
        solve_part(part, part.of(module).requires_grad_(False), spec, windows, loss=quadratic, labels=labels)
