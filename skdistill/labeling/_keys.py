"""The keys of what fits share: all that changes a result, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from skdistill._version import __version__
from skdistill.data._windows import TrainingWindows
from skdistill.teachers._base import BaseTeacher

__all__ = ["describe_windows", "environment", "is_unseeded"]


def is_unseeded(teacher: BaseTeacher) -> bool:
    """Say whether a teacher, or a member of it, draws its own seed.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher, as the user gave it.

    Returns
    -------
    unseeded : bool
        Whether some ``random_state`` is None.
    """
    params = teacher.get_params(deep=True)
    return any(name.split("__")[-1] == "random_state" and value is None for name, value in params.items())


def describe_windows(windows: TrainingWindows) -> tuple[Any, ...]:
    """List all of the data and the split that a label can depend on.

    Parameters
    ----------
    windows : TrainingWindows
        Training and validation windows.

    Returns
    -------
    parts : tuple
        What is to be digested.
    """
    train, store = windows.train, windows.train.store
    return (
        store.values,
        store.offsets,
        store.lengths,
        list(store.indexes),
        store.scaling,
        train.starts,
        train.known,
        None if windows.validation is None else windows.validation.starts,
        (train.context_length, train.prediction_length, train.targets),
    )


def environment() -> tuple[str, ...]:
    """List the versions that results depend on.

    Returns
    -------
    parts : tuple of str
        What is to be digested.
    """
    return (__version__, torch.__version__, np.__version__)
