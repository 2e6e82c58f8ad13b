"""Callback for skorch that keeps an exponential average of the weights, which is validated and kept."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

__all__ = ["WeightAverage"]


class WeightAverage(Callback):
    """Average the weights over the batches; the average is validated and kept.

    After every training batch ``average = decay * average + (1 - decay) * weights``, starting from the weights after
    the first batch. Buffers, including the statistics of BatchNorm, are averaged in the same way, because the mean of a
    linear layer's output is linear in its weights. Training continues from the plain weights: they are stored after the
    last batch of an epoch and restored before the next epoch, so that validation, early stopping and checkpoints use
    the average. List it before the early stopping and the checkpoint.

    Parameters
    ----------
    decay : float
        Fraction of the average that is kept after each batch.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Start an average."""
        self.average_ = AveragedModel(net.module_, multi_avg_fn=get_ema_multi_avg_fn(self.decay), use_buffers=True)
        self.plain_: dict[str, Tensor] | None = None

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Restore the plain weights."""
        if self.plain_ is not None:
            net.module_.load_state_dict(self.plain_)
            self.plain_ = None

    def on_batch_begin(self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Set the average for validation."""
        if not training:
            self._show_average(net)

    def on_batch_end(self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Add the weights after a step to the average."""
        if training:
            self.average_.update_parameters(net.module_)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep the average in the net until the next epoch."""
        self._show_average(net)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep the average in the net, even if an epoch was interrupted."""
        self._show_average(net)

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint between two epochs.

        Returns
        -------
        state : dict
            The average with its count, and the plain weights.
        """
        return {"average": self.average_.state_dict(), "plain": self.plain_}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load the state of an earlier run, after :meth:`on_train_begin`.

        Parameters
        ----------
        state : dict
            Result of :meth:`state_dict`.
        """
        self.average_.load_state_dict(state["average"])
        self.plain_ = state["plain"]

    @torch.no_grad()
    def _show_average(self, net: NeuralNet) -> None:
        if self.plain_ is None and int(self.average_.n_averaged):
            self.plain_ = {name: value.detach().clone() for name, value in net.module_.state_dict().items()}
            net.module_.load_state_dict(self.average_.module.state_dict())
