"""Callback for skorch that stops training if the loss is not finite."""

from __future__ import annotations

import math
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback

__all__ = ["DivergedError", "DivergenceStop"]


class DivergedError(FloatingPointError):
    """Raised if the loss of a training is not finite; later epochs cannot repair it."""


class DivergenceStop(Callback):
    """Stop after an epoch if its loss on training or validation windows is not finite.

    List it before callbacks that compare or store epochs.

    Parameters
    ----------
    description : str
        Name of what is trained, for the message.
    lr : float
        Learning rate, for the message.
    """

    def __init__(self, description: str, lr: float) -> None:
        self.description = description
        self.lr = lr

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Check the losses of the epoch.

        Raises
        ------
        DivergedError
            If one of the losses is not finite.
        """
        epoch = net.history[-1]
        for name in ("train_loss", "valid_loss"):
            if not math.isfinite(epoch.get(name, 0.0)):
                terms = [term for term in epoch if term.startswith("train_") and not math.isfinite(epoch[term])]
                raise DivergedError(
                    f"{self.description}: {name} is {epoch[name]} after epoch {epoch['epoch']}"
                    f"{' (' + ', '.join(terms) + ')' if terms else ''}. Lower lr ({self.lr:g}), bound the gradient "
                    f"(gradient_clip), or check the weights of the loss terms."
                )
