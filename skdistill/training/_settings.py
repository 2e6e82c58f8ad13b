"""Training settings shared by teachers and students."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch

from skdistill._utils._changed_parameters import changed_parameters
from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._training_windows import TrainingWindows
from skdistill.training._device import resolve_device

__all__ = ["TrainingSettings", "lr_factor", "make_optimizer_class", "warn_of_unread_patience"]

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
PRECISIONS = ("float32", "bfloat16")
LR_SCHEDULES = ("halving", "constant", "cosine")
_MOST_CHECKED = 10_000  # epochs of a schedule that is a function


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training run; see ``DistilledForecaster`` for their meaning.

    Parameters
    ----------
    lr : float
        Learning rate in the first epoch.
    max_epochs : int
        Maximum number of epochs.
    batch_size : int
        Number of windows of a batch.
    patience : int or None
        Number of epochs without a better validation error before training stops; None never stops early.
    optimizer : str
        Name of the optimizer.
    lr_schedule : str or callable
        Factor of ``lr`` by epoch, counted from 0.
    gradient_clip : float or None
        Maximum norm of the gradient.
    device : str
        Device to train on.
    verbose : int
        0 shows nothing, 1 a progress bar, 2 one line per epoch.
    weight_averaging : float or None, default=None
        Decay of the exponential average of the weights; None uses no average.
    windows_per_epoch : int or None, default=None
        Number of windows drawn for each epoch; None takes all.
    precision : {"float32", "bfloat16"}, default="float32"
        Arithmetic of the network in training.
    """

    lr: float
    max_epochs: int
    batch_size: int
    patience: int | None
    optimizer: str
    lr_schedule: str | Callable[[int], float]
    gradient_clip: float | None
    device: str
    verbose: int
    weight_averaging: float | None = None
    windows_per_epoch: int | None = None
    precision: str = "float32"

    def check(self, owner: str) -> None:
        """Raise if a setting is out of its range.

        Parameters
        ----------
        owner : str
            Name of the owner of the settings, for error messages.
        """
        check_real(self.lr, f"lr of {owner}", minimum=0.0, include_minimum=False)
        check_integer(self.max_epochs, f"max_epochs of {owner}", minimum=1)
        check_integer(self.batch_size, f"batch_size of {owner}", minimum=1)
        if self.patience is not None:
            check_integer(self.patience, f"patience of {owner}", minimum=1)
        if self.windows_per_epoch is not None:
            check_integer(self.windows_per_epoch, f"windows_per_epoch of {owner}", minimum=1)
        check_choice(self.precision, PRECISIONS, f"training_precision of {owner}")
        check_choice(self.optimizer, OPTIMIZERS, f"optimizer of {owner}")
        if not callable(self.lr_schedule):
            check_choice(self.lr_schedule, LR_SCHEDULES, f"lr_schedule of {owner}")
        elif isinstance(self.lr_schedule, FunctionType):  # an object may count its calls
            for epoch in range(min(self.max_epochs, _MOST_CHECKED)):
                check_real(self.lr_schedule(epoch), f"lr_schedule of {owner}, in epoch {epoch}", minimum=0.0)
        if not isinstance(self.verbose, int):
            raise TypeError(f"verbose of {owner} must be 0, 1 or 2; got {self.verbose!r}.")
        if self.gradient_clip is not None:
            check_real(self.gradient_clip, f"gradient_clip of {owner}", minimum=0.0, include_minimum=False)
        if self.weight_averaging is not None:
            check_real(
                self.weight_averaging,
                f"weight_averaging of {owner}",
                minimum=0.0,
                include_minimum=False,
                maximum=1.0,
                include_maximum=False,
            )
        resolve_device(self.device)


def warn_of_unread_patience(owner: Any, windows: TrainingWindows) -> None:
    """Warn of a patience that was set where no validation windows can stop training.

    Parameters
    ----------
    owner : estimator or teacher
        What is trained; it has a parameter ``patience``.
    windows : TrainingWindows
        Training and validation windows.
    """
    told = changed_parameters(owner, ["patience"])
    if told and owner.patience is not None and windows.validation is None:
        warnings.warn(
            f"{told[0]} of {type(owner).__name__} has no effect: there are no validation rows, on which training could "
            "stop early. Set validation_fraction of the forecaster, or leave it out.",
            stacklevel=stacklevel_of_user(),
        )


def make_optimizer_class(settings: TrainingSettings) -> type[torch.optim.Optimizer]:
    """Return the optimizer class of a name.

    Parameters
    ----------
    settings : TrainingSettings
        Checked settings.

    Returns
    -------
    optimizer : type
        A class of ``torch.optim``.
    """
    return OPTIMIZERS[settings.optimizer]


def lr_factor(settings: TrainingSettings) -> Callable[[int], float]:
    """Return the factor of the learning rate by epoch.

    Parameters
    ----------
    settings : TrainingSettings
        Checked settings.

    Returns
    -------
    factor : callable
        Function from the epoch, counted from 0, to a factor.
    """
    if callable(self_schedule := settings.lr_schedule):
        return self_schedule
    if self_schedule == "halving":
        return lambda epoch: 0.5**epoch
    if self_schedule == "cosine":
        return lambda epoch: 0.5 * (1.0 + math.cos(math.pi * epoch / settings.max_epochs))
    return lambda epoch: 1.0
