"""SquareRoot: a transformer that every saved and exported student keeps."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import validate_data

from skdistill._utils.numpy_student import fill_masked, signed_root, signed_square
from skdistill.data._tables import check_has_no_times

__all__ = ["SquareRoot"]


class SquareRoot(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """The square root of the absolute value, with the sign of the value.

    As ``transformer=`` of a forecaster it suits counts and other series that are never negative and vary more where
    they are higher. A student that is trained on square roots forecasts less than the mean and is nearer to the median.
    Unlike other transformers it is part of exported students. There is nothing to fit.

    See Also
    --------
    skdistill.DistilledForecasterCV : Tries it for panels without negative values.

    References
    ----------
    Bartlett (1936), The square root transformation in analysis of variance; Box and Cox (1964), An analysis of
    transformations.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.data import SquareRoot
    >>> root = SquareRoot().fit_transform(np.array([[9.0], [0.0], [-4.0]]))
    >>> root.ravel()
    array([ 3.,  0., -2.])
    >>> SquareRoot().inverse_transform(root).ravel()
    array([ 9.,  0., -4.])
    """

    def __init__(self) -> None:
        """There are no parameters."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the values.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            The values, NaN where missing.
        y : None, default=None
            Ignored, present for API consistency.

        Returns
        -------
        self : SquareRoot
            This transformer.
        """
        check_has_no_times(X, "X")
        validate_data(self, fill_masked(X), dtype=np.float64, ensure_all_finite="allow-nan")
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Take roots.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            The values.

        Returns
        -------
        roots : float64 ndarray of the same shape
            Roots with the signs of the values.
        """
        return signed_root(self._read(X))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Take squares.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Roots.

        Returns
        -------
        values : float64 ndarray of the same shape
            Squares with the signs of the roots.
        """
        return signed_square(self._read(X))

    def _read(self, X: Any) -> np.ndarray:
        """Convert to an array, and let scikit-learn complain about a shape."""
        check_has_no_times(X, "X")
        X = fill_masked(X)
        values = np.asarray(X)
        is_real = values.dtype.kind in "fiub"
        if is_real and values.ndim == 2 and values.shape[1] == getattr(self, "n_features_in_", values.shape[1]):
            return values.astype(np.float64, copy=False)
        checked: np.ndarray = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return checked

    def __sklearn_tags__(self) -> Any:
        """Declare that nothing is fitted and that values can be missing."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.allow_nan = True
        return tags
