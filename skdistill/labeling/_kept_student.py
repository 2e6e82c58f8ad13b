"""Train a student, or load it from the cache entry of an equal fit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._atomic import write_atomically
from skdistill._utils._document import SavedFileError
from skdistill._utils._generators import untouched
from skdistill._utils._plain_files import NotPlainError, pack, place_of, read_plain, unpack
from skdistill.data._training_windows import TrainingWindows
from skdistill.labeling._checkpoints import drop_checkpoints
from skdistill.labeling._kept_words import keep_words, noted_words, read_words, tell_words
from skdistill.labeling._locks import entry_lock
from skdistill.networks._base import NetworkSpec
from skdistill.training._batches import WindowDataset
from skdistill.training._train import TrainingResult

__all__ = ["train_or_find"]

logger = logging.getLogger("skdistill")

_FILE = "student.safetensors"
_CHECKPOINT = "checkpoint.safetensors"


def train_or_find(
    module: nn.Module,
    folder: Path | None,
    train: Callable[[Path | None], TrainingResult],
    build: Callable[[], nn.Module],
    windows: TrainingWindows,
    spec: NetworkSpec,
    name: str,
) -> TrainingResult:
    """Train a module, or load the weights stored by an equal training.

    Parameters
    ----------
    module : torch.nn.Module
        The student, built and not trained; on the CPU and trained afterwards.
    folder : Path or None
        The entry; None stores nothing.
    train : callable
        Function of the checkpoint's file that trains ``module`` and returns the result.
    build : callable
        Builds the module again.
    windows : TrainingWindows
        The training windows.
    spec : NetworkSpec
        The problem it was built for.
    name : str
        Name of the student, for processes that wait.

    Returns
    -------
    result : TrainingResult
        Result of this training or of the earlier one.
    """
    if folder is None:
        result = train(None)
        module.cpu().eval()
        return result
    if (found := _read(module, folder, tell=False)) is not None:
        return found
    with entry_lock(folder, f"trains the student {name}"):
        if (found := _read(module, folder, tell=True)) is not None:
            return found
        with noted_words() as words:
            result = train(folder / _CHECKPOINT)
        module.cpu().eval()
        if not result.interrupted:
            keep_words(folder, words)
            _keep(module, result, folder, build, WindowDataset(windows.train, spec))
            drop_checkpoints(folder, _CHECKPOINT)
        return result


def _read(module: nn.Module, folder: Path, *, tell: bool) -> TrainingResult | None:
    try:
        words = read_words(folder)
        result = _restore(module, read_plain(folder / _FILE))
    except FileNotFoundError:
        return None
    except Exception as error:
        if tell:
            logger.warning("the student kept in %s cannot be read (%s) and is trained again", folder / _FILE, error)
        return None
    module.eval()
    drop_checkpoints(folder, _CHECKPOINT)
    tell_words(words)
    return result


def _restore(module: nn.Module, state: dict[str, Any]) -> TrainingResult:
    """Load all weights into a module, or raise."""
    own, weights = module.state_dict(), state["module"]
    if {name: one.shape for name, one in own.items()} != {name: one.shape for name, one in weights.items()}:
        raise SavedFileError("its weights are not those of the student.")
    module.load_state_dict(weights)
    return TrainingResult(history=state["history"], best_epoch=state["best_epoch"], interrupted=False)


def _keep(
    module: nn.Module, result: TrainingResult, folder: Path, build: Callable[[], nn.Module], dataset: WindowDataset
) -> None:
    """Store a student for equal fits, unless its weights do not reproduce its forecasts."""
    state = {"module": dict(module.state_dict()), "history": result.history, "best_epoch": result.best_epoch}
    try:
        data = pack(state, place=place_of(folder / _FILE))
        with untouched():
            twin = build().eval()
            _restore(twin, unpack(data))
            alike = _same(_ask(twin, dataset), _ask(module, dataset))
    except (NotPlainError, SavedFileError, AttributeError) as error:
        logger.info("the student is not stored in memory=: %s", error)
        return
    if not alike:
        logger.info("the student is not stored in memory=: its weights do not reproduce its forecasts")
        return
    write_atomically(folder / _FILE, data)


@torch.inference_mode()
def _ask(module: nn.Module, dataset: WindowDataset) -> list[Tensor]:
    inputs, _ = dataset.batch(torch.zeros(1, dtype=torch.int64))
    output = module(**inputs)
    return [one for one in (output.forecast, output.features, output.quantiles) if one is not None]


def _same(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))
