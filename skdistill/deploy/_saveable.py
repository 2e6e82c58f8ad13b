"""The estimators that files may hold: each registers itself."""

from __future__ import annotations

from typing import TypeVar

from sklearn.base import BaseEstimator

__all__ = ["SAVEABLE", "saveable"]

SAVEABLE: dict[str, type[BaseEstimator]] = {}

Estimator = TypeVar("Estimator", bound=type[BaseEstimator])


def saveable(estimator_class: Estimator) -> Estimator:
    """Register a class of estimators that ``save`` may write, and ``load`` may make.

    Parameters
    ----------
    estimator_class : type
        The class; its subclasses are not meant.

    Returns
    -------
    estimator_class : type
        The same.
    """
    SAVEABLE[estimator_class.__name__] = estimator_class
    return estimator_class
