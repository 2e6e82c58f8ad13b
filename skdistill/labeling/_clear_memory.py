"""Clear the cache folder that fits share."""

from __future__ import annotations

import warnings
from typing import Any

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.labeling._cache import LabelCache

__all__ = ["clear_memory"]


def clear_memory(memory: Any) -> None:
    """Delete all labels, fitted teachers, students and checkpoints stored in ``memory``.

    Nothing else in the folder is touched. Do not call it while a ``fit`` uses the folder.

    Parameters
    ----------
    memory : str, Path, Memory or joblib.Memory
        Value of the parameter ``memory`` of the estimators. If there is no such folder, a warning says so.

    Raises
    ------
    ValueError
        If it is None.
    OSError
        If something cannot be deleted.

    Examples
    --------
    >>> import tempfile
    >>> from skdistill import clear_memory
    >>> clear_memory(tempfile.mkdtemp())  # nothing was kept there: nothing happens
    """
    cache = LabelCache(memory)
    if cache.folder is None:
        raise ValueError("memory of clear_memory must be a folder; got None, which keeps nothing.")
    if not cache.folder.parent.is_dir():
        warnings.warn(
            f"clear_memory has nothing to delete: there is no folder {str(cache.folder.parent)!r}.",
            stacklevel=stacklevel_of_user(),
        )
    cache.clear()
