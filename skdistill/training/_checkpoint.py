"""Checkpoints: one file from which a stopped training run continues with the same results."""

from __future__ import annotations

import logging
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from skorch.history import History

from skdistill._utils._plain_files import NotPlainError, read_plain, write_plain
from skdistill.training._callbacks import BestWeights
from skdistill.training._weight_average import WeightAverage

__all__ = ["ResumableCheckpoint", "plain_record"]

logger = logging.getLogger("skdistill")


class ResumableCheckpoint(Callback):
    """Write the whole state of training after every epoch, and start from it if it exists.

    The file holds numbers and JSON with a checksum, no pickle. List the callback after the scheduler, the early
    stopping and the weights' average, whose state it keeps.

    Parameters
    ----------
    path : Path
        The file; it appears whole or not at all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Take up the state of an earlier run; a file that cannot be read in full is reported and ignored."""
        self.writes_ = True
        fresh = None
        try:
            state = read_plain(self.path)
            fresh = deepcopy(self._state(net))
            for name in ("schedulers", "callbacks"):
                if set(state[name]) != set(fresh[name]):
                    raise ValueError(f"its {name} are those of another training")
            self._restore(net, state)
        except FileNotFoundError:
            return
        except Exception as error:
            if fresh is not None:
                self._restore(net, fresh)
            logger.warning("checkpoint %s cannot be read (%s): training starts from the first epoch", self.path, error)
            return
        logger.info("training continues after epoch %d of checkpoint %s", len(net.history), self.path)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Write the state."""
        if not self.writes_:
            return
        try:
            write_plain(self.path, self._state(net), durable=False)
        except NotPlainError as error:
            self.writes_ = False
            logger.warning("training leaves no checkpoint: of its state, %s", error)

    def _state(self, net: NeuralNet) -> dict[str, Any]:
        callbacks = dict(net.callbacks_)
        kept = (WeightAverage, BestWeights)
        return {
            "module": dict(net.module_.state_dict()),
            "criterion": dict(net.criterion_.state_dict()),
            "optimizer": net.optimizer_.state_dict(),
            "history": [plain_record(epoch) for epoch in net.history],
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "schedulers": {n: c.lr_scheduler_.state_dict() for n, c in callbacks.items() if isinstance(c, LRScheduler)},
            "callbacks": {n: c.state_dict() for n, c in callbacks.items() if isinstance(c, kept)},
        }

    def _restore(self, net: NeuralNet, state: dict[str, Any]) -> None:
        callbacks = dict(net.callbacks_)
        net.module_.load_state_dict(state["module"])
        net.criterion_.load_state_dict(state["criterion"])
        net.optimizer_.load_state_dict(state["optimizer"])
        for name, scheduler in state["schedulers"].items():
            callbacks[name].lr_scheduler_.load_state_dict(scheduler)
        for name, own in state["callbacks"].items():
            callbacks[name].load_state_dict(own)
        net.history = History({**epoch, "batches": []} for epoch in state["history"])
        torch.set_rng_state(state["rng"])
        if state["cuda_rng"]:
            torch.cuda.set_rng_state_all(state["cuda_rng"])


def plain_record(epoch: dict[str, Any]) -> dict[str, Any]:
    """Copy an epoch's record without its batches, with Python numbers; NumPy numbers cannot be read back.

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
