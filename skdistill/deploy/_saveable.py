"""Registry of the estimators that can be saved."""

from __future__ import annotations

from typing import TypeVar

from sklearn.base import BaseEstimator

__all__ = ["SAVEABLE", "saveable"]

SAVEABLE: dict[str, type[BaseEstimator]] = {}

Estimator = TypeVar("Estimator", bound=type[BaseEstimator])


def saveable(estimator_class: Estimator) -> Estimator:
    """Register a class of estimators that ``save`` and ``load`` support.

    Parameters
    ----------
    estimator_class : type
        The class; subclasses are not included.

    Returns
    -------
    estimator_class : type
        The same class.
    """
    SAVEABLE[estimator_class.__name__] = estimator_class
    return estimator_class
