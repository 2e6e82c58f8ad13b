"""A skorch callback that ends a training whose loss is no longer a number."""

from __future__ import annotations

import math
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback

__all__ = ["DivergedError", "DivergenceStop"]


class DivergedError(FloatingPointError):
    """A training whose loss is no longer a number: no later epoch could mend it."""


class DivergenceStop(Callback):
    """Stop after an epoch whose loss, on training or validation windows, is not finite.

    List it before whatever judges or keeps an epoch.

    Parameters
    ----------
    description : str
        What is being trained, for the message.
    lr : float
        Its learning rate, for the message.
    """

    def __init__(self, description: str, lr: float) -> None:
        self.description = description
        self.lr = lr

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Look at the epoch's losses.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.

        Raises
        ------
        DivergedError
            If one of them is not finite.
        """
        epoch = net.history[-1]
        for name in ("train_loss", "valid_loss"):
            if not math.isfinite(epoch.get(name, 0.0)):
                terms = [term for term in epoch if term.startswith("train_") and not math.isfinite(epoch[term])]
                raise DivergedError(
                    f"{self.description}: {name} is {epoch[name]} after epoch {epoch['epoch']}"
                    f"{' (' + ', '.join(terms) + ')' if terms else ''}. Lower lr ({self.lr:g}), bound the gradient "
                    f"(gradient_clip), or look at the weights of the loss terms."
                )
