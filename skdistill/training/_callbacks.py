"""Callbacks for skorch: means of loss terms, early stopping with the best weights, and progress."""

from __future__ import annotations

from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from tqdm.auto import tqdm

__all__ = ["BestWeights", "EpochProgress", "StopTraining", "TermHistory"]


class TermHistory(Callback):
    """Record the mean of every loss term in each epoch, and drop the records of the batches."""

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Average the batches, weighted by their size."""
        for name, total in net.term_sums_.items():
            net.history.record(f"train_{name}", float(total) / net.n_windows_)
        net.history[-1]["batches"] = []


class StopTraining(Exception):
    """Validation has not improved for long enough. A KeyboardInterrupt, in contrast, is always the user's."""


class BestWeights(EarlyStopping):
    """Stop when the validation error no longer improves, and restore the weights of the best epoch.

    Parameters
    ----------
    patience : int
        Number of epochs without improvement after which training stops.
    """

    def __init__(self, patience: int) -> None:
        super().__init__(
            monitor="valid_loss", patience=patience, threshold=0.0, threshold_mode="abs", load_best=True, sink=_no_sink
        )

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Compare the epoch with the best one.

        skorch stops by KeyboardInterrupt, as the user does; the count of epochs distinguishes them.

        Raises
        ------
        StopTraining
            After ``patience`` epochs without a better one.
        """
        try:
            super().on_epoch_end(net, **kwargs)
        except KeyboardInterrupt:
            if self.misses_ < self.patience:
                raise
            raise StopTraining from None

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Restore the best weights, unless training was interrupted before its first epoch."""
        if net.history:
            super().on_train_end(net, **kwargs)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must keep.

        Returns
        -------
        state : dict
            Plain values and tensors.
        """
        weights = self.best_model_weights_
        return {
            "misses_": self.misses_,
            "dynamic_threshold_": float(self.dynamic_threshold_),
            "best_model_weights_": None if weights is None else dict(weights),
            "best_epoch_": self.best_epoch_,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state of an earlier run, after ``on_train_begin``.

        Parameters
        ----------
        state : dict
            What :meth:`state_dict` returned.
        """
        for name, value in state.items():
            setattr(self, name, value)


class EpochProgress(Callback):
    """Progress bar over epochs.

    Parameters
    ----------
    max_epochs : int
        Maximum number of epochs.
    description : str
        Name of what is trained.
    """

    def __init__(self, max_epochs: int, description: str) -> None:
        self.max_epochs = max_epochs
        self.description = description

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=self.max_epochs, initial=len(net.history), desc=self.description, unit="epoch")

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Advance the bar and show the errors."""
        epoch = net.history[-1]
        self.bar_.set_postfix({key: f"{epoch[key]:.4f}" for key in ("train_loss", "valid_loss") if key in epoch})
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar_.close()


def _no_sink(text: str) -> None:
    """Ignore a message; the history contains the same information."""
