"""Train a module on windows and an objective, with skorch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from skorch.callbacks import GradientNormClipping, LRScheduler
from skorch.helper import predefined_split
from torch import Tensor, nn

from skdistill._utils._memory import is_out_of_memory
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.losses._base import BaseLoss
from skdistill.losses._inputs import LossShapes
from skdistill.losses._objective import build_objective
from skdistill.losses._warm_up import WarmUpModule
from skdistill.networks._base import NetworkSpec
from skdistill.networks._custom_network import own_module
from skdistill.training._batches import BatchLoader, LabelSource, WindowDataset
from skdistill.training._callbacks import BestWeights, EpochProgress, StopTraining, TermHistory
from skdistill.training._checkpoint import ResumableCheckpoint, plain_record
from skdistill.training._device import resolve_device
from skdistill.training._divergence import DivergedError, DivergenceStop
from skdistill.training._lazy_imports import import_lazy_parts
from skdistill.training._net import DistillationNet
from skdistill.training._precision import warn_of_slow_precision
from skdistill.training._settings import TrainingSettings, lr_factor, make_optimizer_class
from skdistill.training._weight_average import WeightAverage

__all__ = ["TrainingResult", "loss_shapes", "train_network", "warn_of_neighbors"]

# Windows, truth and labels are moved to the GPU as a whole if they need at most this fraction of its free memory.
_DEVICE_SHARE = 0.5


@dataclass(frozen=True)
class TrainingResult:
    """Result of a training run, in addition to the trained module.

    Parameters
    ----------
    history : list of dict
        One entry per epoch: ``train_loss``, ``train_<term>``, ``valid_loss``, ``lr``, ``dur``.
    best_epoch : int or None
        The epoch, counted from 1, from which the module's weights are taken; None without validation.
    interrupted : bool
        Whether the user stopped it.
    solved : object or None, default=None
        What an exact solution is continued from, with later windows.
    """

    history: list[dict[str, Any]]
    best_epoch: int | None
    interrupted: bool
    solved: Any = None


def _warn_of_chance(forecast: Tensor, again: Tensor, name: str) -> None:
    """Warn if a network in evaluation mode answers the same window in two ways."""
    if not torch.allclose(forecast, again, rtol=1e-3, atol=1e-3, equal_nan=True):
        warnings.warn(
            f"{name} forecasts the same window in two ways, also in evaluation mode: predict will change from call to "
            "call. Take nn.Dropout, or dropout(..., training=self.training), and draw nothing at random in forecasts.",
            stacklevel=stacklevel_of_user(),
        )


def warn_of_neighbors(alone: Tensor, beside: Tensor, name: str) -> None:
    """Warn if a network in evaluation mode answers a window otherwise beside another window.

    Parameters
    ----------
    alone, beside : Tensor of shape (2, prediction_length, n_targets)
        Its forecasts of two windows, each alone, and of both in a batch.
    name : str
        What to call the network.
    """
    if not torch.allclose(alone, beside, rtol=1e-3, atol=1e-3, equal_nan=True):
        warnings.warn(
            f"{name} forecasts a window otherwise when others are beside it, also in evaluation mode: predict of one "
            "window will differ from that of a batch. Compute nothing over the first axis (the windows), and let "
            "BatchNorm track running statistics.",
            stacklevel=stacklevel_of_user(),
        )


def loss_shapes(module: nn.Module, spec: NetworkSpec, windows: Windows, labels: LabelSource | None) -> LossShapes:
    """Determine the shapes that loss terms need, from one window.

    Parameters
    ----------
    module : Module
        The network to train.
    spec : NetworkSpec
        What it was built for.
    windows : Windows
        The training windows.
    labels : LabelSource or None
        The teacher's labels.

    Returns
    -------
    shapes : LossShapes
        Widths of forecasts and features.
    """
    ends = torch.tensor([0, len(windows) - 1])
    both, targets = WindowDataset(windows, spec, labels).batch(ends)
    first, last = ({name: value[place] for name, value in both.items()} for place in (slice(1), slice(1, None)))
    device = next(iter(module.parameters())).device
    was_training = module.training
    with torch.no_grad():
        module.eval()
        output, again, other, beside = (
            module(**{name: value.to(device) for name, value in given.items()}) for given in (first, first, last, both)
        )
    module.train(was_training)
    own = type(own_module(module)).__name__
    _warn_of_chance(output.forecast, again.forecast, own)
    warn_of_neighbors(torch.cat([again.forecast, other.forecast]), beside.forecast, own)
    if output.features is not None and tuple(output.features.shape[:-1]) != (1, spec.n_targets):
        raise ValueError(
            f"features of a network must have shape (n_windows, n_targets, D), one vector for each target; of 1 window "
            f"with {spec.n_targets} targets, {type(own_module(module)).__name__} returned "
            f"{tuple(output.features.shape)}."
        )
    teacher_features = targets.get("teacher_features")
    scaling, channels = windows.store.scaling, list(spec.targets)
    return LossShapes(
        prediction_length=spec.prediction_length,
        n_targets=spec.n_targets,
        student_feature_size=None if output.features is None else output.features.shape[-1],
        teacher_feature_shape=None if teacher_features is None else tuple(teacher_features.shape[2:]),
        branch_sizes=getattr(module, "branch_sizes", None),
        context_length=spec.context_length,
        targets=None if spec.all_targets else spec.targets,
        center=tuple(scaling.mean_[channels].tolist()),
        scale=tuple(scaling.scale_[channels].tolist()),
        quantiles=None if output.quantiles is None else spec.quantiles,
        teacher_quantiles=None if labels is None else labels.take(ends[:1]).quantile_levels,
    )


def train_network(
    module: nn.Module,
    spec: NetworkSpec,
    windows: TrainingWindows,
    *,
    loss: BaseLoss,
    settings: TrainingSettings,
    labels: LabelSource | None = None,
    checkpoint: Path | None = None,
    description: str = "training",
    goes_on: bool = False,
) -> TrainingResult:
    """Train a module in place; call it under ``seeded`` to make it repeatable.

    Parameters
    ----------
    module : Module
        The network; afterwards it has the weights of the best epoch.
    spec : NetworkSpec
        What it was built for.
    windows : TrainingWindows
        Training windows, and validation windows for early stopping.
    loss : BaseLoss
        The objective.
    settings : TrainingSettings
        Learning rate, epochs, batches and the like.
    labels : LabelSource or None, default=None
        The teacher's labels of the training windows; None trains on the truth only.
    checkpoint : Path or None, default=None
        A file from which a stopped run continues.
    description : str, default="training"
        Name of the progress bar.
    goes_on : bool, default=False
        Whether an earlier training is continued, in which terms of the loss have warmed up.

    Returns
    -------
    result : TrainingResult
        The history, and whether the user interrupted.
    """
    import_lazy_parts()
    device = resolve_device(settings.device)
    warn_of_slow_precision(settings.precision, device)
    train = windows.train if labels is not None else windows.known_train
    objective = build_objective(loss, loss_shapes(module, spec, train, labels), has_teacher=labels is not None)
    for one in objective.modules() if goes_on else ():
        if isinstance(one, WarmUpModule):
            one.batches.fill_(one.n_batches)
    train, validation, labels = _place(train, windows.validation, labels, device)
    reads_masks = any(getattr(one, "reads_context_mask", False) for one in objective.modules())
    dataset = WindowDataset(train, spec, labels, context_masks=reads_masks)
    held_out = None if validation is None else WindowDataset(validation, spec)
    stopper = None if held_out is None else BestWeights(settings.patience or settings.max_epochs)
    net = DistillationNet(
        module,
        criterion=objective,
        optimizer=make_optimizer_class(settings),
        optimizer__fused=True,
        lr=settings.lr,
        max_epochs=settings.max_epochs,
        batch_size=settings.batch_size,
        iterator_train=BatchLoader,
        iterator_train__shuffle=True,
        iterator_train__n_windows=settings.windows_per_epoch,
        iterator_valid=BatchLoader,
        iterator_valid__batch_size=max(256, settings.batch_size),
        train_split=None if held_out is None else predefined_split(held_out),
        callbacks=_callbacks(settings, len(objective.constant_lr_groups()), stopper, checkpoint, description),
        device=device,
        verbose=int(settings.verbose > 1),
        quantile_levels=spec.quantiles or (),
        precision=settings.precision,
    )
    try:
        interrupted = _run(net, dataset, settings.max_epochs, stopper)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(
            f"{description} ran out of memory on {device} with batches of {settings.batch_size} windows. Take a "
            f"smaller batch_size, such as {max(1, settings.batch_size // 2)}, or a smaller network."
        ) from error
    history = [_without_bookkeeping(epoch) for epoch in net.history if "dur" in epoch]
    best_epoch = None if stopper is None else stopper.best_epoch_
    return TrainingResult(history=history, best_epoch=best_epoch, interrupted=interrupted)


def _without_bookkeeping(epoch: dict[str, Any]) -> dict[str, Any]:
    """Copy the record of an epoch without skorch's internal entries."""
    record = plain_record(epoch)
    return {key: value for key, value in record.items() if not key.endswith(("_batch_count", "_loss_best"))}


def _callbacks(
    settings: TrainingSettings,
    n_constant: int,
    stopper: BestWeights | None,
    checkpoint: Path | None,
    description: str,
) -> list[tuple[str, Any]]:
    """Return the callbacks in the order in which they must run."""
    callbacks: list[tuple[str, Any]] = [("terms", TermHistory())]
    callbacks.append(("divergence", DivergenceStop(description, settings.lr)))
    if settings.weight_averaging is not None:
        callbacks.append(("average", WeightAverage(settings.weight_averaging)))
    if settings.gradient_clip is not None:
        callbacks.append(("clip", GradientNormClipping(settings.gradient_clip)))
    if settings.verbose == 1:
        callbacks.append(("progress", EpochProgress(settings.max_epochs, description)))
    factors = [lr_factor(settings), *[_unchanged] * n_constant]  # one per parameter group; the net's own group is first
    callbacks.append(("schedule", LRScheduler("LambdaLR", lr_lambda=factors, event_name="lr")))
    if stopper is not None:
        callbacks.append(("stopper", stopper))
    if checkpoint is not None:
        callbacks.append(("checkpoint", ResumableCheckpoint(checkpoint)))
    return callbacks


def _unchanged(epoch: int) -> float:
    return 1.0


def _run(net: DistillationNet, dataset: WindowDataset, max_epochs: int, stopper: BestWeights | None) -> bool:
    """Run skorch's loop for the remaining epochs; return whether the user interrupted it."""
    net.initialize()
    net.notify("on_train_begin", X=dataset, y=None)
    interrupted = False
    try:
        net.fit_loop(dataset, epochs=max_epochs - len(net.history))
    except StopTraining:
        pass
    except KeyboardInterrupt:
        interrupted = True
    except DivergedError as error:
        if stopper is None or stopper.best_model_weights_ is None:
            raise
        warnings.warn(
            f"{error} The weights of epoch {stopper.best_epoch_}, the best so far, are kept.",
            stacklevel=stacklevel_of_user(),
        )
    net.notify("on_train_end", X=dataset, y=None)
    return interrupted


def _place(
    train: Windows, validation: Windows | None, labels: LabelSource | None, device: torch.device
) -> tuple[Windows, Windows | None, LabelSource | None]:
    """Move windows and labels to the GPU if they fit, so that batches are gathered there."""
    if device.type != "cuda":
        return train, validation, labels
    budget = _DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]
    values = train.store.values
    budget -= values.numel() * values.element_size()
    if budget > 0:
        train = train.to(device)
        validation = None if validation is None else validation.to(device)
    if labels is not None and getattr(labels, "nbytes", float("inf")) <= budget:
        labels = labels.to(device)  # type: ignore[attr-defined]
    return train, validation, labels
