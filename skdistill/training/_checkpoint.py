"""One file from which a killed training run goes on, epoch for epoch as if never stopped."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.history import History

from skdistill.training._weight_average import WeightAverage

__all__ = ["ResumableCheckpoint", "plain_record"]

logger = logging.getLogger("skdistill")


class ResumableCheckpoint(Callback):
    """Write the whole state of training after every epoch, and start from it where it exists.

    List it after the scheduler, the early stopping and the weights' average, whose state it keeps.

    Parameters
    ----------
    path : Path
        The file; written to a temporary file first and then moved, so it is never half-written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Take up the state of an earlier run; an unreadable file is reported and ignored.

        Parameters
        ----------
        net : NeuralNet
            The initialized net.
        **kwargs : object
            Ignored.
        """
        if not self.path.exists():
            return
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            self._restore(net, state)
        except Exception as error:
            logger.warning("checkpoint %s cannot be read (%s): training starts from the first epoch", self.path, error)
            return
        logger.info("training goes on after epoch %d of checkpoint %s", len(net.history), self.path)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Write the state.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **kwargs : object
            Ignored.
        """
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        torch.save(self._state(net), temporary)
        os.replace(temporary, self.path)

    def _state(self, net: NeuralNet) -> dict[str, Any]:
        callbacks = dict(net.callbacks_)
        return {
            "module": net.module_.state_dict(),
            "criterion": net.criterion_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "history": [plain_record(epoch) for epoch in net.history],
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "schedulers": {n: c.lr_scheduler_.state_dict() for n, c in callbacks.items() if isinstance(c, LRScheduler)},
            "averages": {n: c.state_dict() for n, c in callbacks.items() if isinstance(c, WeightAverage)},
            "stoppers": {n: _stopper_state(c) for n, c in callbacks.items() if isinstance(c, EarlyStopping)},
        }

    def _restore(self, net: NeuralNet, state: dict[str, Any]) -> None:
        callbacks = dict(net.callbacks_)
        net.module_.load_state_dict(state["module"])
        net.criterion_.load_state_dict(state["criterion"])
        net.optimizer_.load_state_dict(state["optimizer"])
        for name, scheduler in state["schedulers"].items():
            callbacks[name].lr_scheduler_.load_state_dict(scheduler)
        for name, average in state["averages"].items():
            callbacks[name].load_state_dict(average)
        for name, stopper in state["stoppers"].items():
            for attribute, value in stopper.items():
                setattr(callbacks[name], attribute, value)
        net.history = History({**epoch, "batches": []} for epoch in state["history"])
        torch.set_rng_state(state["rng"])
        if state["cuda_rng"]:
            torch.cuda.set_rng_state_all(state["cuda_rng"])


def plain_record(epoch: dict[str, Any]) -> dict[str, Any]:
    """Copy an epoch's record without its batches, with Python's numbers: NumPy's are refused when a file is read.

    Parameters
    ----------
    epoch : dict
        An epoch of skorch's history.

    Returns
    -------
    record : dict
        The copy.
    """
    return {
        key: getattr(value, "item", lambda value=value: value)() for key, value in epoch.items() if key != "batches"
    }


def _stopper_state(stopper: EarlyStopping) -> dict[str, Any]:
    return {
        "misses_": stopper.misses_,
        "dynamic_threshold_": float(stopper.dynamic_threshold_),
        "best_model_weights_": stopper.best_model_weights_,
        "best_epoch_": stopper.best_epoch_,
    }
