"""Reading the pretrained student of the package."""

from __future__ import annotations

import os

from skdistill._utils.pretrained_student import SHIPPED_STUDENT, PretrainedStudent

__all__ = ["load_pretrained_student"]


def load_pretrained_student(path: str | os.PathLike[str] = SHIPPED_STUDENT) -> PretrainedStudent:
    """Return the student of the package, which forecasts any series without ``fit``, with NumPy alone.

    It was distilled from :class:`~skdistill.teachers.Pretrained` on synthetic series only.

    Parameters
    ----------
    path : str or Path
        A file with other weights, as written by ``examples/pretrain/student.py``; by default the weights of the
        package.

    Returns
    -------
    student : PretrainedStudent
        Object with ``predict(X, prediction_length)`` and ``predict_quantiles(X, prediction_length)``.

    Raises
    ------
    ValueError
        If the file is damaged or has another version.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import load_pretrained_student
    >>> student = load_pretrained_student()
    >>> student.predict(np.ones((30, 2)), 3).shape
    (3, 2)
    """
    return PretrainedStudent.load(path)
