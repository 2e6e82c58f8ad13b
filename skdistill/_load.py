"""Load estimators that ``save`` wrote."""

from __future__ import annotations

import os
from typing import Any

from sklearn.base import BaseEstimator

from skdistill import forecaster, regressor  # noqa: F401 (their classes register themselves as saveable)
from skdistill.deploy._save import read_file
from skdistill.networks._base import BaseNetwork

__all__ = ["load"]


def load(
    path: str | os.PathLike[str], *, student: BaseNetwork | None = None, transformer: BaseEstimator | None = None
) -> Any:
    """Load an estimator that ``save`` wrote.

    No code from the file is run: it contains numbers, and names of classes of this package and of scikit-learn's
    scalers. A file with sizes that do not match its numbers is rejected. ``memory`` is never restored.

    Parameters
    ----------
    path : str or Path
        The file.
    student : network or None, default=None
        The student's network, for files that contain only its weights because its class is not part of this package.
        One that fits the weights but forecasts otherwise than that of ``fit`` raises an error.
    transformer : fitted transformer or None, default=None
        The fitted ``transformer``, for files that only describe it.

    Returns
    -------
    estimator : DistilledForecaster or DistilledRegressor
        The fitted estimator. Parameters that could not be saved have the value ``<not saved: ...>``, with a warning.

    Raises
    ------
    SavedFileError
        A ValueError: if the file is damaged (even by one bit), newer, or not written by ``save``. Every problem with
        the content of a file raises this error.
    OSError
        If the file does not exist or cannot be read.
    ImportError
        If the student needs a library that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdistill import DistilledForecaster, load
    >>> from skdistill.datasets import make_multiseasonal
    >>> series = make_multiseasonal(200, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     None, "linear", "response", context_length=24, prediction_length=6
    ... ).fit(series)
    >>> path = Path(tempfile.mkdtemp()) / "student.skdistill"
    >>> forecaster.save(path)
    >>> load(path).predict(series).shape
    (6, 2)
    """
    return read_file(path, student=student, transformer=transformer)
