"""Reading a pickled estimator whose model folders have moved since."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

import joblib
from sklearn.base import BaseEstimator

__all__ = ["known_folders", "load_with_folders"]

_known: ContextVar[tuple[str, ...]] = ContextVar("known folders", default=())


def load_with_folders(path: Path, like: BaseEstimator) -> BaseEstimator:
    """Read a pickled estimator, whose folders may have moved to where an estimator with the same contents has them.

    Parameters
    ----------
    path : Path
        The file that joblib wrote.
    like : BaseEstimator
        An estimator whose key is the same: its parameters differ by no more than where folders are.

    Returns
    -------
    estimator : BaseEstimator
        What was pickled, with the folders of ``like`` in its parameters.
    """
    named = like.get_params(deep=True).items()
    folders = {name: one for name, one in named if isinstance(one, str | Path) and Path(one).expanduser().is_dir()}
    token = _known.set(tuple(dict.fromkeys(str(Path(one).expanduser().absolute()) for one in folders.values())))
    try:
        estimator = joblib.load(path)
    finally:
        _known.reset(token)
    return estimator.set_params(**folders)


def known_folders() -> tuple[str, ...]:
    """Return the folders among which :func:`load_with_folders` lets a pickle look for one that is gone.

    Returns
    -------
    folders : tuple of str
        Absolute paths; none outside of it.
    """
    return _known.get()
