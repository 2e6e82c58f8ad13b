"""Scaling between original units and the standardized units of networks."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone

from skdistill._utils.numpy_student import fill_missing, find_ids, settle_constant, show_unit
from skdistill.data._bounds import Bounds, clip
from skdistill.data._covariate_units import CovariateUnits
from skdistill.data._local_scale import LocalUnits, series_units, window_units
from skdistill.data._scaling_checks import (
    FAR,
    check_near,
    seen_channels,
    units_told,
    warn_of_rounding,
    warn_of_unlike_scales,
)
from skdistill.data._spread import BLOCK_ROWS, center_and_spread, settle_constants
from skdistill.data._square_root import SquareRoot
from skdistill.data._statics import Statics
from skdistill.data._transformer import check_transformer_kept, invert, transform, transform_checked

__all__ = ["SCALINGS", "Scaling", "StandardizedContexts"]

SCALINGS = ("auto", "global", "series", "window")

_TOLD_APART = 4 * float(np.finfo(np.float32).eps)  # in units of a series


@dataclass(frozen=True)
class StandardizedContexts:
    """Contexts in the units of a student.

    Parameters
    ----------
    values : float32 ndarray of shape (n_windows, n_timestamps, n_channels)
        Standardized, missing values filled.
    units : LocalUnits or None
        Units of each window, if series or windows are scaled separately.
    observed : ndarray of bool of the same shape, or None
        Observed values; None if nothing is missing.
    """

    values: np.ndarray
    units: LocalUnits | None = None
    observed: np.ndarray | None = None


class Scaling(BaseEstimator):
    """An optional transformer, then standardization of each channel: by all rows, by series, or by window.

    Parameters
    ----------
    transformer : scikit-learn transformer or None, default=None
        Applied before the standardization and inverted on forecasts. It must treat each channel and each row
        separately, keep the number of channels, and have ``inverse_transform``.
    targets : tuple of int or None, default=None
        The channels of forecasts; None means all.
    kind : {"global", "series", "window"}, default="global"
        What centers and units are computed from: mean and standard deviation of all training rows; the training rows of
        each series, or the context for a series not in ``fit``; or each context. The unit of a series or context is
        that of :func:`~skdistill.data._local_scale.window_units`.
    season : int, default=1
        Number of rows in a season, for the unit of series and windows and for filling gaps.
    bounds : tuple of (float or None, float or None), or None, default=None
        Lowest and highest forecast, in original units; None leaves a side open.

    Attributes
    ----------
    transformer_ : transformer or None
        The fitted copy.
    mean_, scale_ : ndarray of shape (n_channels,)
        Mean and standard deviation of the transformed training rows; a constant channel has scale 1, or less among
        small targets, or, as a covariate, its level if that is larger. They are 0 and 1 if series or windows are scaled
        separately.
    original_scale_ : ndarray of shape (n_channels,)
        Standard deviation of the training rows in original units, in which errors are compared.
    constant_ : ndarray of bool of shape (n_channels,) or None
        Channels whose training values are equal up to rounding, so that ``scale_`` tells nothing, for
        ``kind="global"``.
    missing_ : ndarray of bool of shape (n_channels,)
        Channels in which a training value was missing.
    ids_ : list of hashable
        Ids of the training series with units of their own; empty if they have no ids.
    series_units_ : LocalUnits or None
        Center and unit of each of these series, after the transformer; None for ``kind="global"``. A series without
        an observed training value in some channel has none (see :func:`units_told`).
    covariates_ : CovariateUnits or None
        How channels that are no targets are scaled if series or windows are scaled separately; None otherwise.
    seen_ : ndarray of bool of shape (n_channels,) or None
        Channels with an observed training value in some series, which a series must have to have units of its own.
    statics_ : Statics or None
        Units of static covariates, which the series have standardized already; None if there are none.

    Examples
    --------
    >>> import numpy as np
    >>> scaling = Scaling().fit([np.array([[0.0], [2.0]])])
    >>> scaling.standardize(np.array([[3.0]]))
    array([[2.]], dtype=float32)
    """

    ids_: Sequence[Hashable] = ()
    series_units_: LocalUnits | None = None
    covariates_: CovariateUnits | None = None
    statics_: Statics | None = None
    seen_: np.ndarray | None = None
    constant_: np.ndarray | None = None

    def __init__(
        self,
        transformer: BaseEstimator | None = None,
        targets: tuple[int, ...] | None = None,
        *,
        kind: str = "global",
        season: int = 1,
        bounds: Bounds | None = None,
    ) -> None:
        self.transformer = transformer
        self.targets = targets
        self.kind = kind
        self.season = season
        self.bounds = bounds

    def fit(self, rows: Sequence[np.ndarray], ids: Sequence[Hashable] | None = None) -> Scaling:
        """Fit on the training rows of every series.

        Parameters
        ----------
        rows : sequence of ndarray of shape (n_timestamps, n_channels)
            Training rows, in original units.
        ids : sequence of hashable or None, default=None
            Ids of the series, used later to find their units.

        Returns
        -------
        self : Scaling
            The fitted scaling.

        Raises
        ------
        ValueError
            If the transformer maps a value to NaN or infinity, or the square of a value or spread overflows in float64.
        """
        self.ids_ = [] if ids is None else list(ids)
        self.missing_ = np.logical_or.reduce([np.isnan(part).any(axis=0) for part in rows])
        self.transformer_ = None
        if self.transformer is not None:
            self.transformer_ = clone(self.transformer).fit(rows[0] if len(rows) == 1 else np.concatenate(rows))
            check_transformer_kept(self.transformer_, rows)
        self.mean_, self.scale_, self.original_scale_, constant = center_and_spread(rows, self._transform_checked)
        if self.kind == "global":
            warn_of_rounding(self.mean_[None], np.where(constant, np.inf, self.scale_)[None], rows)
        self.scale_ = settle_constants(self.mean_, self.scale_, constant, self.targets)
        self.series_units_ = self.covariates_ = None
        self.constant_ = constant if self.kind == "global" else None
        if self.kind != "global":
            parts = [self._transform(part) for part in rows]
            self.series_units_ = series_units(parts, self.season)
            warn_of_rounding(self.series_units_.center, self.series_units_.unit, rows)
            if self.targets is not None and len(self.targets) < len(self.mean_):
                self.covariates_ = CovariateUnits.of(rows, self.targets, self.mean_, self.scale_)
                self.series_units_ = self.covariates_.of_series(parts, self.series_units_)
            self.mean_, self.scale_ = np.zeros_like(self.mean_), np.ones_like(self.scale_)
            seen = np.stack([seen_channels(part) for part in rows])
            self.seen_ = np.asarray(seen.any(axis=0))
            self._keep_told(units_told(rows, self.seen_))
        return self

    @property
    def saw_missing(self) -> bool:
        """Whether a training value was missing."""
        return bool(self.missing_.any())

    @property
    def saw_missing_targets(self) -> bool:
        """Whether a training value of a target was missing."""
        targets = slice(None) if self.targets is None else list(self.targets)
        return bool(self.missing_[targets].any())

    @property
    def takes_roots(self) -> bool:
        """Whether the transformer is SquareRoot, which other runtimes have."""
        return isinstance(self.transformer_, SquareRoot)

    @property
    def is_portable(self) -> bool:
        """Whether other runtimes can compute all of it."""
        return self.transformer_ is None or self.takes_roots

    def _keep_told(self, told: np.ndarray) -> None:
        """Drop the units of series whose training rows tell none; they are scaled like series not in ``fit``."""
        assert self.series_units_ is not None
        self.ids_ = [one for one, is_told in zip(self.ids_, told, strict=True) if is_told] if self.ids_ else []
        if told.any():  # otherwise no number refers to the table
            self.series_units_ = self.series_units_.take(told)

    def places_of(self, ids: Sequence[Hashable | None]) -> np.ndarray:
        """Return the numbers of series in ``fit``.

        Parameters
        ----------
        ids : sequence of hashable
            Ids of the series.

        Returns
        -------
        numbers : ndarray of int of shape (n_series,)
            -1 for series not in ``fit``.
        """
        return find_ids(ids, {one: number for number, one in enumerate(self.ids_)})

    def numbers_of(self, ids: Sequence[Hashable | None]) -> np.ndarray:
        """Return the numbers of series in ``fit`` whose units serve new rows.

        Parameters
        ----------
        ids : sequence of hashable
            Ids of the series.

        Returns
        -------
        numbers : ndarray of int of shape (n_series,)
            -1 for series not in ``fit``, and for those whose targets were all constant in it: they have shown no unit,
            and are scaled by their context from now on.
        """
        places = self.places_of(ids)
        return places if self.series_units_ is None else np.where(self._shown(places), places, -1)

    def series_shown(self) -> np.ndarray:
        """Return which series in ``fit`` have units that serve new rows, as :meth:`numbers_of` says.

        Returns
        -------
        shown : ndarray of bool of shape (n_series,)
            In the order of ``ids_``.
        """
        return self._shown(np.arange(len(self.ids_)))

    def _shown(self, places: np.ndarray) -> np.ndarray:
        assert self.series_units_ is not None  # the callers
        units = self._local(self.series_units_.take(places))
        return show_unit(units.center, units.unit)

    def with_series(self, rows: Sequence[np.ndarray], ids: Sequence[Hashable]) -> Scaling:
        """Return this scaling with units for more series; those of earlier series stay.

        Parameters
        ----------
        rows : sequence of ndarray of shape (n_timestamps, n_channels)
            Rows of the new series, in original units.
        ids : sequence of hashable
            Their ids.

        Returns
        -------
        scaling : Scaling
            A copy, or this scaling if there are no more series.
        """
        if not ids:
            return self
        if self.kind == "global":
            self._compare_scales(rows, ids)
        more = copy.copy(self)
        more.ids_ = [*self.ids_, *ids]
        if self.series_units_ is not None:
            parts = [self._transform(part) for part in rows]
            units = series_units(parts, self.season)
            warn_of_rounding(units.center, units.unit, rows)
            own = units if self.covariates_ is None else self.covariates_.of_series(parts, units)
            both = [(self.series_units_.center, own.center), (self.series_units_.unit, own.unit)]
            more.series_units_ = LocalUnits(*(np.concatenate(pair) for pair in both))
        return more

    def _compare_scales(self, rows: Sequence[np.ndarray], ids: Sequence[Hashable]) -> None:
        """Warn if more series differ in scale from those that the units were found on."""
        parts = [self._transform(part) for part in rows]
        unit = np.zeros_like(self.scale_) if self.constant_ is None else np.where(self.constant_, 0.0, self.scale_)
        of_fit = np.stack([self.mean_ - unit, self.mean_ + unit])
        names = [*(f"series {one!r}" for one in ids), "those of fit together"]
        warn_of_unlike_scales([*parts, of_fit], names, transformed=self.transformer_ is not None)

    def _own_units(self, series: Sequence[np.ndarray]) -> LocalUnits:
        """Return the units of series from their own rows, in original units."""
        parts = [self._transform(rows) for rows in series]
        own = series_units(parts, self.season)
        return own if self.covariates_ is None else self.covariates_.of_series(parts, own)

    def store_units(
        self, series: Sequence[np.ndarray], numbers: Sequence[int] | None
    ) -> tuple[LocalUnits | None, np.ndarray | None]:
        """Return the units of series, and which series have additional units by window.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timestamps, n_channels)
            Values in original units.
        numbers : sequence of int or None
            Number of each series in ``fit``, -1 for other series; None means that all are.

        Returns
        -------
        units : LocalUnits or None
            Units of each series; None for ``kind="global"``.
        by_window : ndarray of bool of shape (n_series,) or None
            None if no series has units by window.
        """
        if self.series_units_ is None:
            return None, None
        known = np.full(len(series), -1) if numbers is None else np.asarray(numbers)
        center, unit = self.series_units_.center[known], self.series_units_.unit[known]
        unseen = np.flatnonzero(known < 0)
        if len(unseen):
            own = self._own_units([series[int(number)] for number in unseen])
            center[unseen], unit[unseen] = own.center, own.unit
        by_window = known < 0 if self.kind == "series" else np.ones(len(series), dtype=bool)
        return LocalUnits(center, unit), by_window if by_window.any() else None

    def standardize_contexts(
        self, contexts: np.ndarray, series: np.ndarray | None = None, dtype: str = "float32"
    ) -> StandardizedContexts:
        """Convert contexts to the units of the student, and fill missing values.

        Parameters
        ----------
        contexts : ndarray of shape (n_windows, n_timestamps, n_channels)
            Contexts in original units, NaN where missing.
        series : ndarray of int of shape (n_windows,) or None, default=None
            Number of the training series of each context, -1 for series not in ``fit``; None means -1.
        dtype : {"float32", "float64"}, default="float32"
            Type of the values.

        Returns
        -------
        contexts : StandardizedContexts
            Values, units and mask.
        """
        missing = np.isnan(contexts)
        observed = ~missing if missing.any() else None
        if self.kind == "global":
            values = self.standardize(contexts, dtype)
            return StandardizedContexts(fill_missing(values, self.season), None, observed)
        transformed = self._transform_checked(contexts)
        units = self._units(transformed, series)
        values = fill_missing(units.standardize(transformed), self.season).astype(dtype)
        return StandardizedContexts(values, units, observed)

    def _units(self, transformed: np.ndarray, series: np.ndarray | None) -> LocalUnits:
        if self.kind == "window" or series is None or self.series_units_ is None:
            return self.inner_units(transformed)
        units, unseen = self.series_units_.take(series), (series < 0) | ~self._shown(series)
        if unseen.any():
            own = self.inner_units(transformed[unseen])
            units.center[unseen], units.unit[unseen] = own.center, own.unit
        return units

    def inner_units(self, windows: np.ndarray, outer: LocalUnits | None = None) -> LocalUnits:
        """Compute center and unit of windows, for targets and covariates.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, n_timestamps, n_channels)
            Transformed values, NaN where missing.
        outer : LocalUnits or None, default=None
            Units by which they are standardized already, those of their series; windows that are constant, or vary by
            less of these than float32 tells apart, show no unit and take these.

        Returns
        -------
        units : LocalUnits
            The units.
        """
        units, varies = window_units(windows, self.season)
        if outer is not None:  # the level of a constant window is a distance from its series here, which may be tiny
            shows_none = ~varies | (units.unit < _TOLD_APART)
            units = LocalUnits(units.center, np.where(shows_none, 1.0, units.unit))
        return units if self.covariates_ is None else self.covariates_.of_windows(windows, units, outer)

    def known_to_standard(
        self, values: np.ndarray, channels: tuple[int, ...], units: LocalUnits | None = None, dtype: str = "float32"
    ) -> np.ndarray:
        """Standardize values of some channels, such as known covariates over a horizon.

        Parameters
        ----------
        values : ndarray of shape (n_windows, n_timestamps, n_known)
            In original units, NaN where missing.
        channels : tuple of int
            Their channels.
        units : LocalUnits or None, default=None
            Units of each window, for all channels, if windows are scaled separately.
        dtype : {"float32", "float64"}, default="float32"
            Type of the result.

        Returns
        -------
        values : ndarray of that type and of the same shape
            Standardized.
        """
        places = list(channels)
        if self.transformer_ is not None:
            full = np.zeros((*values.shape[:-1], len(self.mean_))) + self.ordinary_row()
            full[..., places] = values
            values = self._transform(full)[..., places]
        if units is not None:
            return units.of_channels(places).standardize(values).astype(dtype)
        return ((values - self.mean_[places]) / self.scale_[places]).astype(dtype)

    def known_to_original(
        self, values: np.ndarray, channels: tuple[int, ...], units: LocalUnits | None = None
    ) -> np.ndarray:
        """Undo :meth:`known_to_standard`.

        Parameters
        ----------
        values : ndarray of shape (n_windows, n_timestamps, n_known)
            Standardized.
        channels : tuple of int
            Their channels.
        units : LocalUnits or None, default=None
            Units of each window, for all channels, if windows are scaled separately.

        Returns
        -------
        values : float64 ndarray of the same shape
            In original units.
        """
        places = list(channels)
        if units is not None:
            rows = units.of_channels(places).restore(values)
        else:
            rows = values * self.scale_[places] + self.mean_[places]
        if self.transformer_ is None:
            return rows
        full = np.zeros((*rows.shape[:-1], len(self.mean_))) + self._transform(self.ordinary_row()[None])[0]
        full[..., places] = rows
        return invert(self.transformer_, full)[..., places]

    def standardize(self, rows: np.ndarray, dtype: str = "float32") -> np.ndarray:
        """Convert rows to standardized units.

        Parameters
        ----------
        rows : ndarray of shape (..., n_channels)
            Rows in original units.
        dtype : {"float32", "float64"}, default="float32"
            Type of the standardized rows.

        Returns
        -------
        values : ndarray of that type and of the same shape
            Standardized rows.

        Raises
        ------
        ValueError
            If the transformer maps a value to NaN or infinity.
        """
        return self._standardized(self._transform_checked(rows), dtype)

    def standardize_into(
        self, rows: np.ndarray, out: np.ndarray, units: LocalUnits | None = None, name: str = "its series"
    ) -> None:
        """Standardize many rows into given memory, in blocks.

        Parameters
        ----------
        rows : ndarray of shape (n_timestamps, n_channels)
            Rows in original units.
        out : float32 ndarray of the same shape
            Output for the standardized rows; NaN stays NaN.
        units : LocalUnits or None, default=None
            Units of this series, if it has its own; or of each row, for rows of several series.
        name : str, default="its series"
            Name of the series, for error messages.
        """
        for first in range(0, len(rows), BLOCK_ROWS):
            block = slice(first, first + BLOCK_ROWS)
            transformed = self._transform_checked(rows[block], name, first)
            if units is None:
                standard = self._standardized(transformed, "float64")
            else:
                own = slice(None) if len(units) == 1 else block
                standard = (transformed - units.center[own]) / units.unit[own]
            check_near(standard, rows[block], first, name)
            out[block] = standard

    def explain_overflow(self, contexts: np.ndarray, series: np.ndarray | None = None) -> str | None:
        """Describe a context value that is too large for networks.

        Parameters
        ----------
        contexts : ndarray of shape (n_windows, n_timestamps, n_channels)
            Contexts in original units.
        series : ndarray of int of shape (n_windows,) or None, default=None
            Number of the training series of each context, -1 for series not in ``fit``; None means -1.

        Returns
        -------
        reason : str or None
            Explanation and remedy; None if no value is too large.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            rows = self._transform(np.asarray(contexts, dtype=np.float64))
            is_global = self.kind == "global"
            standard = self._standardized(rows, "float64") if is_global else self._units(rows, series).standardize(rows)
            sizes = np.abs(np.nan_to_num(standard))
        window, row, channel = np.unravel_index(int(sizes.argmax()), sizes.shape)
        if not sizes[window, row, channel] > FAR:
            return None
        return (
            f"the forecast of window {window} is not finite: its context has {contexts[window, row, channel]:g} in row "
            f"{row}, channel {channel}, which is {sizes[window, row, channel]:.3g} standard deviations from the "
            "training rows, beyond what float32 can compute with. Write NaN where a value is missing, or clip it."
        )

    def to_original(self, values: np.ndarray) -> np.ndarray:
        """Invert the standardization of values with all channels.

        Parameters
        ----------
        values : ndarray of shape (..., n_channels)
            Standardized values.

        Returns
        -------
        rows : float64 ndarray of the same shape
            The values in original units.
        """
        return invert(self.transformer_, values * self.scale_ + self.mean_)

    def clip(self, forecasts: np.ndarray) -> np.ndarray:
        """Clip forecasts of a student, or their quantiles, to the bounds.

        Parameters
        ----------
        forecasts : ndarray
            Values in original units.

        Returns
        -------
        forecasts : ndarray of the same shape
            The same array if there are no bounds.
        """
        return clip(forecasts, self.bounds)

    def forecasts_to_original(self, forecasts: np.ndarray, units: LocalUnits | None = None) -> np.ndarray:
        """Invert the standardization of forecasts, which have only the target channels.

        Parameters
        ----------
        forecasts : ndarray of shape (..., n_targets)
            Standardized forecasts.
        units : LocalUnits or None, default=None
            Units of each window, for all channels, if windows are scaled separately; ``forecasts`` then has shape
            (n_windows, prediction_length, n_targets).

        Returns
        -------
        forecasts : float64 ndarray of the same shape
            Forecasts in original units.
        """
        if units is not None:
            forecasts = self._local(units).restore(forecasts)
        elif self.transformer_ is None:
            return forecasts * self._of_targets(self.scale_) + self._of_targets(self.mean_)
        if self.transformer_ is None:
            return forecasts
        return self._of_targets(self.to_original(self._all_channels(forecasts)))

    def quantiles_to_original(self, quantiles: np.ndarray, units: LocalUnits | None = None) -> np.ndarray:
        """Invert the standardization of quantiles, level by level.

        Parameters
        ----------
        quantiles : ndarray of shape (..., n_targets, n_quantiles)
            Standardized quantiles.
        units : LocalUnits or None, default=None
            Units of each window, if windows are scaled separately.

        Returns
        -------
        quantiles : float64 ndarray of the same shape
            Quantiles in original units.
        """
        if units is None:
            return np.moveaxis(self.forecasts_to_original(np.moveaxis(quantiles, -1, 0)), 0, -1)
        levels = [self.forecasts_to_original(quantiles[..., k], units) for k in range(quantiles.shape[-1])]
        return np.stack(levels, axis=-1)

    def settle(self, answers: np.ndarray, contexts: np.ndarray, units: LocalUnits | None) -> np.ndarray:
        """Set forecasts of a student after constant contexts, which show no unit, to the level of the context.

        Parameters
        ----------
        answers : ndarray of shape (n_windows, prediction_length, n_targets) or with an axis of quantiles more
            In original units.
        contexts : ndarray of shape (n_windows, n_timestamps, n_channels)
            Contexts in original units, NaN where missing.
        units : LocalUnits or None
            Units of each window; None if all share one standardization, which shows a unit.

        Returns
        -------
        answers : ndarray of the same shape
            The same array if no context is constant.
        """
        if units is None:
            return answers
        center, unit = (self._of_targets(one)[:, None] for one in (units.center, units.unit))
        level, unit = settle_constant(self._of_targets(contexts), center, unit)
        if unit.all():
            return answers
        if answers.ndim > level.ndim:
            level, unit = level[..., None], unit[..., None]
        return np.where(unit == 0, level, answers)

    def forecasts_to_standard(self, forecasts: np.ndarray, units: LocalUnits | None = None) -> np.ndarray:
        """Standardize forecasts in original units, which have only the target channels.

        Parameters
        ----------
        forecasts : ndarray of shape (..., n_targets)
            Forecasts in original units.
        units : LocalUnits or None, default=None
            Units of each window, if windows are scaled separately.

        Returns
        -------
        forecasts : float32 ndarray of the same shape
            Standardized forecasts.
        """
        if units is not None:
            rows = forecasts
            if self.transformer_ is not None:
                rows = self._of_targets(self._transform(self._all_channels(forecasts, fill=self.ordinary_row())))
            return self._local(units).standardize(rows).astype(np.float32)
        if self.transformer_ is None:
            scaled = (forecasts - self._of_targets(self.mean_)) / self._of_targets(self.scale_)
            return scaled.astype(np.float32)
        rows = self._all_channels(forecasts, fill=self.ordinary_row())
        return self._of_targets(self._standardized(self._transform(rows)))  # the label store checks the result

    def ordinary_row(self) -> np.ndarray:
        """Return a value of every channel that is valid for the transformer.

        Returns
        -------
        row : ndarray of shape (n_channels,)
            The mean of the training rows, or the center of the first series, in original units.
        """
        if self.series_units_ is None:
            return self.to_original(np.zeros((1, len(self.mean_))))[0]
        return self.to_original(self.series_units_.center[:1])[0]

    def _local(self, units: LocalUnits) -> LocalUnits:
        return units if self.targets is None else units.of_channels(list(self.targets))

    def _standardized(self, transformed: np.ndarray, dtype: str = "float32") -> np.ndarray:
        return ((transformed - self.mean_) / self.scale_).astype(dtype, copy=False)

    def _transform_checked(self, rows: np.ndarray, place: str = "X", first: int = 0) -> np.ndarray:
        return transform_checked(self.transformer_, rows, place, first)

    def _transform(self, rows: np.ndarray) -> np.ndarray:
        return transform(self.transformer_, rows)

    def _of_targets(self, values: np.ndarray) -> np.ndarray:
        return values if self.targets is None else values[..., list(self.targets)]

    def _all_channels(self, forecasts: np.ndarray, fill: np.ndarray | float = 0.0) -> np.ndarray:
        """Insert target channels among the other channels, which get a default value."""
        if self.targets is None:
            return forecasts
        full = np.zeros((*forecasts.shape[:-1], len(self.mean_))) + fill
        full[..., list(self.targets)] = forecasts
        return full
