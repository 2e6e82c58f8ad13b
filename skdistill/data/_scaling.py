"""Between the units a series came in and the standardized units networks are trained in."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.preprocessing import StandardScaler

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["Scaling", "warn_of_unlike_scales"]

_BLOCK_ROWS = 1 << 16
_N_TRIED = 17  # values between the ends of a channel on which a transformer is tried
_LIKE = 30.0  # series whose spreads differ by more hardly learn together: squared errors differ by its square


class Scaling(BaseEstimator):
    """A transformer of the user's choice, then standardization of each channel.

    Parameters
    ----------
    transformer : scikit-learn transformer or None, default=None
        Applied before the standardization and inverted on forecasts; must treat each channel by
        itself, keep their number, and have ``inverse_transform``.
    targets : tuple of int or None, default=None
        The channels that forecasts hold; None means all.

    Attributes
    ----------
    transformer_ : transformer or None
        The fitted copy.
    mean_, scale_ : ndarray of shape (n_channels,)
        Mean and standard deviation of the transformed training rows; a constant channel has
        scale 1.
    original_scale_ : ndarray of shape (n_channels,)
        Standard deviation of the training rows in original units, in which errors are compared.

    Examples
    --------
    >>> import numpy as np
    >>> scaling = Scaling().fit([np.array([[0.0], [2.0]])])
    >>> scaling.standardize(np.array([[3.0]]))
    array([[2.]], dtype=float32)
    """

    def __init__(self, transformer: BaseEstimator | None = None, targets: tuple[int, ...] | None = None) -> None:
        self.transformer = transformer
        self.targets = targets

    def fit(self, rows: Sequence[np.ndarray]) -> Scaling:
        """Learn from the training rows of every series.

        Parameters
        ----------
        rows : sequence of ndarray of shape (n_timestamps, n_channels)
            Training rows, in original units.

        Returns
        -------
        self : Scaling
            The fitted scaling.

        Raises
        ------
        ValueError
            If the transformer turns a value into NaN or infinity.
        """
        self.transformer_ = None
        if self.transformer is not None:
            self.transformer_ = clone(self.transformer).fit(rows[0] if len(rows) == 1 else np.concatenate(rows))
        scaler, original = StandardScaler(), StandardScaler()
        for number, part in enumerate(rows):
            place = "X" if len(rows) == 1 else f"X[{number}]"
            for first in range(0, len(part), _BLOCK_ROWS):
                block = part[first : first + _BLOCK_ROWS]
                scaler.partial_fit(self._transform_checked(block, place, first))
                original.partial_fit(block)
        self.mean_, self.scale_, self.original_scale_ = scaler.mean_, scaler.scale_, original.scale_
        return self

    def standardize(self, rows: np.ndarray, dtype: str = "float32") -> np.ndarray:
        """Bring rows to standardized units.

        Parameters
        ----------
        rows : ndarray of shape (..., n_channels)
            Rows in original units.
        dtype : {"float32", "float64"}, default="float32"
            What the standardized rows are rounded to.

        Returns
        -------
        values : ndarray of that type and of the same shape
            Standardized rows.

        Raises
        ------
        ValueError
            If the transformer turns a value into NaN or infinity.
        """
        return self._standardized(self._transform_checked(rows), dtype)

    def standardize_into(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Standardize many rows into memory that exists, a block at a time.

        Parameters
        ----------
        rows : ndarray of shape (n_timestamps, n_channels)
            Rows in original units.
        out : float32 ndarray of the same shape
            Where the standardized rows go.
        """
        for first in range(0, len(rows), _BLOCK_ROWS):
            block = slice(first, first + _BLOCK_ROWS)
            out[block] = self._standardized(self._transform_checked(rows[block], "its series", first))

    def to_original(self, values: np.ndarray) -> np.ndarray:
        """Undo the standardization of values with every channel.

        Parameters
        ----------
        values : ndarray of shape (..., n_channels)
            Standardized values.

        Returns
        -------
        rows : float64 ndarray of the same shape
            The values in original units.
        """
        rows = values * self.scale_ + self.mean_
        if self.transformer_ is None:
            return rows
        flat = self.transformer_.inverse_transform(rows.reshape(-1, rows.shape[-1]))
        return np.asarray(flat, dtype=np.float64).reshape(rows.shape)

    def forecasts_to_original(self, forecasts: np.ndarray) -> np.ndarray:
        """Undo the standardization of forecasts, which hold the target channels only.

        Parameters
        ----------
        forecasts : ndarray of shape (..., n_targets)
            Standardized forecasts.

        Returns
        -------
        forecasts : float64 ndarray of the same shape
            Forecasts in original units.
        """
        if self.transformer_ is None:
            return forecasts * self._of_targets(self.scale_) + self._of_targets(self.mean_)
        return self._of_targets(self.to_original(self._all_channels(forecasts)))

    def quantiles_to_original(self, quantiles: np.ndarray) -> np.ndarray:
        """Undo the standardization of quantiles, level by level.

        Parameters
        ----------
        quantiles : ndarray of shape (..., n_targets, n_quantiles)
            Standardized quantiles.

        Returns
        -------
        quantiles : float64 ndarray of the same shape
            Quantiles in original units.
        """
        return np.moveaxis(self.forecasts_to_original(np.moveaxis(quantiles, -1, 0)), 0, -1)

    def check_rises(self, values: np.ndarray, owner: str) -> None:
        """Raise if the transformer turns the order of values around, which would make quantiles cross.

        Parameters
        ----------
        values : ndarray of shape (n_timestamps, n_channels)
            Standardized values; the transformer is tried between their smallest and their largest.
        owner : str
            The estimator, for the message.

        Raises
        ------
        ValueError
            If it falls somewhere in a target channel.
        """
        if self.transformer_ is None:
            return
        ends = values.min(axis=0), values.max(axis=0)
        rows = self._of_targets(self.to_original(np.linspace(*ends, _N_TRIED, dtype=np.float64)))
        falls = (np.diff(rows, axis=0) < -1e-9 * np.abs(rows).max(axis=0)).any(axis=0)
        if falls.any():
            channel = np.arange(len(falls)) if self.targets is None else np.array(self.targets)
            raise ValueError(
                f"transformer of {owner} must rise with its input where quantiles are asked for, or the upper ones "
                f"come out below the lower ones; got {self.transformer_!r}, which falls in channel "
                f"{channel[falls][0]}. Multiply its output and the input of its inverse by -1, take another, or set "
                "quantiles=None."
            )

    def forecasts_to_standard(self, forecasts: np.ndarray) -> np.ndarray:
        """Standardize forecasts in original units, which hold the target channels only.

        Parameters
        ----------
        forecasts : ndarray of shape (..., n_targets)
            Forecasts in original units.

        Returns
        -------
        forecasts : float32 ndarray of the same shape
            Standardized forecasts.
        """
        if self.transformer_ is None:
            scaled = (forecasts - self._of_targets(self.mean_)) / self._of_targets(self.scale_)
            return scaled.astype(np.float32)
        middle = self.to_original(np.zeros((1, len(self.mean_))))[0]
        rows = self._all_channels(forecasts, fill=middle)
        return self._of_targets(self._standardized(self._transform(rows)))  # a store of labels finds what is not finite

    def _standardized(self, transformed: np.ndarray, dtype: str = "float32") -> np.ndarray:
        return ((transformed - self.mean_) / self.scale_).astype(dtype, copy=False)

    def _transform_checked(self, rows: np.ndarray, place: str = "X", first: int = 0) -> np.ndarray:
        """Transform rows, the first of them row ``first`` of ``place``, or raise where that is not finite."""
        transformed = self._transform(rows)
        if self.transformer_ is None or np.isfinite(transformed).all():
            return transformed
        where = tuple(int(axis[0]) for axis in np.nonzero(~np.isfinite(transformed)))
        *window, row, channel = where
        if window:
            place = f"the {rows.shape[-2]} context rows of window {window[0]}"
        raise ValueError(
            f"transformer must turn every value into a finite one; got {self.transformer_!r}, which turns "
            f"{rows[where]:g} in channel {channel}, row {first + row} of {place}, into {transformed[where]:g}: the "
            "value lies outside what it can take. Change or leave out such values, or take another transformer or None."
        )

    def _transform(self, rows: np.ndarray) -> np.ndarray:
        if self.transformer_ is None:
            return rows
        flat = self.transformer_.transform(rows.reshape(-1, rows.shape[-1]))
        return np.asarray(flat, dtype=np.float64).reshape(rows.shape)

    def _of_targets(self, values: np.ndarray) -> np.ndarray:
        return values if self.targets is None else values[..., list(self.targets)]

    def _all_channels(self, forecasts: np.ndarray, fill: np.ndarray | float = 0.0) -> np.ndarray:
        """Place target channels among the others, which hold an ordinary value."""
        if self.targets is None:
            return forecasts
        full = np.zeros((*forecasts.shape[:-1], len(self.mean_))) + fill
        full[..., list(self.targets)] = forecasts
        return full


def warn_of_unlike_scales(rows: Sequence[np.ndarray]) -> None:
    """Warn where series that are standardized together differ so much in spread that small ones hardly count.

    Parameters
    ----------
    rows : sequence of ndarray of shape (n_timestamps, n_channels)
        Training rows of every series, in original units.
    """
    if len(rows) < 2:
        return
    spreads = np.stack([part.std(axis=0, dtype=np.float64) if len(part) else np.zeros(part.shape[1]) for part in rows])
    smallest = np.where(spreads > 0, spreads, np.inf).min(axis=0)
    ratios = spreads.max(axis=0) / smallest
    channel = int(ratios.argmax())
    if ratios[channel] > _LIKE:
        column = spreads[:, channel]
        large, small = int(column.argmax()), int(np.where(column > 0, column, np.inf).argmin())
        warnings.warn(
            f"the series of X differ in scale: the standard deviation of channel {channel} is {column[large]:.3g} in "
            f"X[{large}] and {column[small]:.3g} in X[{small}]. They are standardized together: small ones hardly "
            "count. Divide each by its own standard deviation before fit and predict, and multiply forecasts by it.",
            stacklevel=stacklevel_of_user(),
        )
