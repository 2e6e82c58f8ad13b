"""Fit a teacher, or load it from the cache, where it is stored as numbers and JSON, never as code."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sklearn.base import clone

from skdistill._utils._atomic import write_atomically
from skdistill._utils._document import SavedFileError
from skdistill._utils._plain_files import NotPlainError, pack, place_of, read_plain, unpack
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.labeling._checkpoints import drop_checkpoints
from skdistill.labeling._kept_words import keep_words, noted_words, read_words, tell_words
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._teacher_name import teacher_name

__all__ = ["CHECKPOINTS", "fit_teacher", "read_teacher"]

logger = logging.getLogger("skdistill")

_FILE = "teacher.safetensors"
CHECKPOINTS = "teacher-checkpoint"  # what their names start with


def read_teacher(
    teacher: BaseTeacher, windows: TrainingWindows, folder: Path, *, allow_pickle: bool, tell: bool = False
) -> BaseTeacher | None:
    """Return the fitted teacher stored by an earlier fit, and tell what that told; or None.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher, settled but not fitted.
    windows : TrainingWindows
        The windows it would be fitted on.
    folder : Path
        The entry.
    allow_pickle : bool
        Whether to load pickles.
    tell : bool, default=False
        Whether to log a file that cannot be read.

    Returns
    -------
    teacher : BaseTeacher or None
        A fitted copy.
    """
    if not teacher.keeps_what_fit_learned:
        return teacher.fit(windows)
    path = folder / _FILE
    try:
        words = read_words(folder)
        kept = clone(teacher).restore_fitted(read_plain(path, allow_pickle=allow_pickle))
    except FileNotFoundError:
        return None
    except Exception as error:
        if tell:
            logger.warning("the teacher kept in %s cannot be read (%s) and is fitted again", path, error)
        return None
    tell_words(words)
    return kept


def fit_teacher(
    teacher: BaseTeacher,
    windows: TrainingWindows,
    folder: Path,
    *,
    allow_pickle: bool,
    check: Callable[[BaseTeacher], object],
) -> BaseTeacher:
    """Fit a teacher and store it for later fits, with what they are to be told.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher, settled but not fitted.
    windows : TrainingWindows
        The windows it is fitted on.
    folder : Path
        The entry, held by this process.
    allow_pickle : bool
        Whether to pickle values that are not plain.
    check : callable
        What else looks at the fitted teacher, and may warn.

    Returns
    -------
    teacher : BaseTeacher
        The fitted teacher.
    """
    like = clone(teacher)
    with noted_words() as words:
        teacher = teacher.fit(windows, folder / f"{CHECKPOINTS}.safetensors")
        check(teacher)
    try:
        data = pack(teacher.fitted_state(), allow_pickle=allow_pickle, place=place_of(folder / _FILE))
        _check_restored(lambda: like.restore_fitted(unpack(data, allow_pickle=allow_pickle)), teacher, windows)
    except Exception as error:
        _warn_not_kept(teacher, error)
    else:
        keep_words(folder, words)
        write_atomically(folder / _FILE, data)
    drop_checkpoints(folder, CHECKPOINTS)
    return teacher


def _check_restored(restore: Callable[[], BaseTeacher], teacher: BaseTeacher, windows: TrainingWindows) -> None:
    """Raise unless a teacher restored from the file labels a window like the fitted teacher."""
    contexts = windows.train.contexts(windows.train.starts.new_zeros(1))
    with torch.inference_mode():
        restored = restore().label_training(contexts)
        expected = teacher.label_training(contexts)
        if not _same(restored, expected) and _same(teacher.label_training(contexts), expected):
            raise SavedFileError("the result of fitted_state does not reproduce its labels.")


def _same(one: Labels, other: Labels) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("forecast", "features", "quantiles")]
    return all(a is b or (a is not None and b is not None and torch.equal(a, b)) for a, b in pairs)


def _warn_not_kept(teacher: BaseTeacher, error: Exception) -> None:
    way_out: Any = "Your own class can override fitted_state and restore_fitted"
    if isinstance(error, NotPlainError):
        way_out += "; memory=skdistill.Memory(folder, allow_pickle=True) pickles it, and reading a pickle runs code"
    warnings.warn(
        f"the fitted teacher {teacher_name(teacher)} is not stored in memory=, only its labels are, and the next fit "
        f"fits it again: {str(error).rstrip('.')}. {way_out}.",
        stacklevel=stacklevel_of_user(),
    )
