"""Clear the cache folder that fits share."""

from __future__ import annotations

from typing import Any

from skdistill.labeling._cache import LabelCache

__all__ = ["clear_memory"]


def clear_memory(memory: Any) -> None:
    """Delete all labels, fitted teachers, students and checkpoints stored in ``memory``.

    Nothing else in the folder is touched. Do not call it while a ``fit`` uses the folder.

    Parameters
    ----------
    memory : str, Path, Memory or joblib.Memory
        Value of the parameter ``memory`` of the estimators.

    Examples
    --------
    >>> import tempfile
    >>> from skdistill import clear_memory
    >>> clear_memory(tempfile.mkdtemp())  # nothing was kept there: nothing happens
    """
    LabelCache(memory).clear()
