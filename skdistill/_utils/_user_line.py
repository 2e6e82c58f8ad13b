"""Stack level of warnings, so that they point to the user's line."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

__all__ = ["stacklevel_of_user"]

_INSIDE = (str(Path(__file__).parents[1]) + os.sep, contextlib.__file__)  # of contexts that decorate our functions


def stacklevel_of_user() -> int:
    """Return the number of frames from the caller to the first frame outside the package and its decorators.

    Like ``skip_file_prefixes`` of ``warnings.warn``, which exists in Python 3.12 and later.

    Returns
    -------
    stacklevel : int
        For ``warnings.warn`` in the calling function.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    return level
