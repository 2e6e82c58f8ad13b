"""A skorch callback that keeps an exponential average of the weights, and has it judged and kept."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

__all__ = ["WeightAverage"]


class WeightAverage(Callback):
    """Average the weights over the batches; the average is what is validated and what stays.

    After every training batch ``average = decay * average + (1 - decay) * weights``, starting from the weights after
    the first one. Buffers, BatchNorm's statistics among them, are averaged alike: the mean of a linear layer's
    output is linear in its weights. Training goes on from the plain weights: they are put aside when an epoch's
    batches are over and put back when the next one begins, so that validation, early stopping and checkpoints
    between the two see the average. List it before the stopper and the checkpoint.

    Parameters
    ----------
    decay : float
        Share of the average that a batch leaves.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Start an average.

        Parameters
        ----------
        net : NeuralNet
            The initialized net.
        **kwargs : object
            Ignored.
        """
        self.average_ = AveragedModel(net.module_, multi_avg_fn=get_ema_multi_avg_fn(self.decay), use_buffers=True)
        self.plain_: dict[str, Tensor] | None = None

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Go on from the plain weights.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        if self.plain_ is not None:
            net.module_.load_state_dict(self.plain_)
            self.plain_ = None

    def on_batch_begin(self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Show the average to validation.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        batch : object, default=None
            Ignored.
        training : bool, default=False
            Whether it is a training batch.
        **kwargs : object
            Ignored.
        """
        if not training:
            self._show_average(net)

    def on_batch_end(self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Take a step's weights into the average.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        batch : object, default=None
            Ignored.
        training : bool, default=False
            Whether it was a training batch.
        **kwargs : object
            Ignored.
        """
        if training:
            self.average_.update_parameters(net.module_)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Leave the average in the net until the next epoch.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        self._show_average(net)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Leave the average in the net, also where an epoch was interrupted.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        self._show_average(net)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint between two epochs must keep.

        Returns
        -------
        state : dict
            The average with its count, and the plain weights.
        """
        return {"average": self.average_.state_dict(), "plain": self.plain_}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state of an earlier run, after :meth:`on_train_begin`.

        Parameters
        ----------
        state : dict
            What :meth:`state_dict` returned.
        """
        self.average_.load_state_dict(state["average"])
        self.plain_ = state["plain"]

    @torch.no_grad()
    def _show_average(self, net: NeuralNet) -> None:
        if self.plain_ is None and int(self.average_.n_averaged):
            self.plain_ = {name: value.detach().clone() for name, value in net.module_.state_dict().items()}
            net.module_.load_state_dict(self.average_.module.state_dict())
