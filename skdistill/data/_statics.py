"""Units of static covariates, so that a forecaster that was fitted before can read those of other series."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

__all__ = ["Statics"]


@dataclass(frozen=True)
class Statics:
    """Names and units of the static numbers of series.

    Parameters
    ----------
    names : tuple of hashable or None
        A name for each number; None if columns have no names.
    center, unit : ndarray of shape (n_static,)
        By which they are standardized.

    Examples
    --------
    >>> import numpy as np
    >>> Statics(("size",), np.array([10.0]), np.array([2.0])).restore(np.array([[1.5]]))
    array([[13.]])
    """

    names: tuple[Hashable, ...] | None
    center: np.ndarray
    unit: np.ndarray

    def restore(self, standard: np.ndarray) -> np.ndarray:
        """Return static numbers in original units.

        Parameters
        ----------
        standard : ndarray of shape (..., n_static)
            Standardized.

        Returns
        -------
        numbers : ndarray of the same shape
            The numbers; the mean over series where one is missing.
        """
        return standard * self.unit + self.center
