"""skorch callbacks: term means, stopping with the best weights, progress."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from tqdm.auto import tqdm

__all__ = ["BestWeights", "EpochProgress", "StopTraining", "TermHistory"]


class TermHistory(Callback):
    """Record the epoch's mean of every loss term, and forget the batches."""

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Average the batches, weighted by their size.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        for name, total in net.term_sums_.items():
            net.history.record(f"train_{name}", float(total) / net.n_windows_)
        net.history[-1]["batches"] = []


class StopTraining(Exception):
    """Validation has not improved for long enough. A KeyboardInterrupt, in contrast, is always the user's."""


@dataclass(frozen=True)
class _Best:
    """What is known of the best epoch; one object, so that an interrupt finds all of it or none."""

    loss: float
    epoch: int
    weights: dict[str, Tensor]


class BestWeights(Callback):
    """Stop when validation no longer improves, and restore the best epoch's weights.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which training stops.

    Attributes
    ----------
    best_epoch_ : int or None
        The best epoch so far, counted from 1.
    misses_ : int
        Epochs since then.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget an earlier run.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        self.misses_ = 0
        self._best: _Best | None = None

    @property
    def best_epoch_(self) -> int | None:
        """The best epoch so far; None before the first has ended."""
        return None if self._best is None else self._best.epoch

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Compare the epoch with the best one.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.

        Raises
        ------
        StopTraining
            After ``patience`` epochs without a better one.
        """
        loss, epoch = float(net.history[-1]["valid_loss"]), int(net.history[-1]["epoch"])
        if loss < (float("inf") if self._best is None else self._best.loss):
            self.misses_, self._best = 0, _Best(loss, epoch, deepcopy(dict(net.module_.state_dict())))
            return
        self.misses_ += 1
        if self.misses_ >= self.patience:
            raise StopTraining

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Restore the best weights, also where an epoch was interrupted.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        if self._best is not None:
            net.module_.load_state_dict(self._best.weights)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must keep.

        Returns
        -------
        state : dict
            Plain values and tensors.
        """
        best = self._best
        return {"misses": self.misses_, "best": None if best is None else [best.loss, best.epoch, best.weights]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state of an earlier run, after :meth:`on_train_begin`.

        Parameters
        ----------
        state : dict
            What :meth:`state_dict` returned.
        """
        self.misses_, self._best = state["misses"], None if state["best"] is None else _Best(*state["best"])


class EpochProgress(Callback):
    """A progress bar over epochs.

    Parameters
    ----------
    max_epochs : int
        Epochs at the most.
    description : str
        What is being trained.
    """

    def __init__(self, max_epochs: int, description: str) -> None:
        self.max_epochs = max_epochs
        self.description = description

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the bar.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        self.bar_ = tqdm(total=self.max_epochs, initial=len(net.history), desc=self.description, unit="epoch")

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Advance the bar and show the errors.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        epoch = net.history[-1]
        self.bar_.set_postfix({key: f"{epoch[key]:.4f}" for key in ("train_loss", "valid_loss") if key in epoch})
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close the bar.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        self.bar_.close()
