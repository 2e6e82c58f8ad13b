"""Unwrap a model to a distilled forecaster and the pipeline steps before it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted

from skdistill.data._context_batch import ContextBatch
from skdistill.data._inputs import check_roles_unchanged, read_series
from skdistill.data._series import SeriesInput
from skdistill.data._spread import center_and_spread
from skdistill.data._transformer import differ, numbers_of, rows_depend
from skdistill.data._window_forecaster import WindowForecaster
from skdistill.losses._supervised import Supervised
from skdistill.networks._linear import Linear

__all__ = ["UnwrappedModel", "get_forecaster", "unwrap_model"]

_WITHOUT_TEACHER: dict[str, Any] = {
    "teacher": None,
    "windows_without_truth": False,
    "augmentation": None,
    "label_share": None,
    "max_labels": None,
    "label_seconds": None,
    "label_choice": "strided",
}


@dataclass(frozen=True)
class UnwrappedModel:
    """A distilled forecaster with the pipeline steps before it.

    Parameters
    ----------
    forecaster : DistilledForecaster
        The fitted forecaster.
    before : Pipeline or None
        The fitted steps before it.
    """

    forecaster: Any
    before: Any

    @property
    def invertible(self) -> bool:
        """Whether forecasts can be converted back to original units."""
        return self.before is None or hasattr(self.before, "inverse_transform")

    def check_inverse(self, X: Any) -> None:
        """Raise if forecasts cannot be converted back: the inverse changes nothing, or rows depend on others.

        Parameters
        ----------
        X : array, DataFrame, or list of them
            Series in original units.
        """
        if self.before is None or not self.invertible:
            return
        for one in X if isinstance(X, list | tuple) else [X]:
            if hasattr(one, "shape"):
                self._check_inverse(one)

    def _check_inverse(self, X: Any) -> None:
        there = numbers_of(self.before.transform(X))
        try:
            back = numbers_of(self.before.inverse_transform(there))
        except Exception as error:  # steps raise anything
            raise ValueError(
                "the steps before the forecaster must have an inverse_transform, for forecasts in original units, and "
                f"that of these fails: {error} Take the forecaster inside (skdistill.get_forecaster) and rows after "
                "these steps, in their units, or transformer= of DistilledForecaster."
            ) from error
        if there.ndim == back.ndim == 2 and there.shape[1] != back.shape[1]:
            raise ValueError(
                "the steps before the forecaster must keep the number of channels, for forecasts in original units; "
                f"they turn {back.shape[1]} into {there.shape[1]}. Take the forecaster inside "
                "(skdistill.get_forecaster) and rows after these steps, in their units."
            )
        given = numbers_of(X)
        if len(there) != len(given) or back.shape != there.shape:
            raise ValueError(
                "the steps before the forecaster must keep every row, and their inverse_transform the shape, for "
                f"forecasts in original units; they turn {given.shape} into {there.shape}, and this back into "
                f"{back.shape}, as dropna() of differences, or a sum without its axis, does. Take the forecaster "
                "inside (skdistill.get_forecaster) and rows after these steps, in their units."
            )
        if given.ndim < there.ndim:  # a Series, of which a step makes a table
            given = given[:, None]
        if given.ndim == there.ndim == 2 and given.shape[1] != there.shape[1]:
            raise ValueError(
                "the steps before the forecaster must keep the columns, for forecasts in original units; they turn "
                f"{given.shape[1]} into {there.shape[1]}, and which of them is forecast is not known. Leave columns "
                "out before the pipeline, or name the ones to forecast in targets=."
            )
        if given.shape != there.shape or given.dtype.kind not in "fiub":
            return
        if _are_close(back, there) and not _are_close(there, given) and not self._leaves(X, back):
            raise ValueError(
                "the steps before the forecaster must have an inverse_transform that returns what they were given, for "
                f"forecasts in original units; it changes nothing, and they turn {given.flat[0]:.6g} into "
                f"{there.flat[0]:.6g}. Set it, such as FunctionTransformer(np.log1p, np.expm1)."
            )
        if rows_depend(self.before, X, there, back):
            raise ValueError(
                "the steps before the forecaster must treat each row separately, for forecasts in original units; "
                "in them a row depends on the rows around it, as in differences, running sums and moving averages. "
                "Take the forecaster inside (skdistill.get_forecaster) and rows after these steps, in their units."
            )
        if there.ndim == 2 and there.shape[1] == self.forecaster.n_features_in_:
            self._check_channels(there, back)
            self._check_known(X, there)

    def _leaves(self, X: Any, rows: np.ndarray) -> bool:
        """Return whether the steps before the forecaster change nothing of some rows, as where they clip and round."""
        like = pd.DataFrame(rows, X.index, X.columns) if isinstance(X, pd.DataFrame) else rows
        return _are_close(numbers_of(self.before.transform(like)), rows)

    def _check_known(self, X: Any, there: np.ndarray) -> None:
        """Raise if known covariates after the steps depend on other channels, whose future is not known."""
        known = list(self.forecaster.roles_.known)
        if not known:
            return
        others = np.setdiff1d(np.arange(there.shape[1]), known)
        moved: Any
        if isinstance(X, pd.DataFrame):  # its columns keep their types: a step can round booleans otherwise
            moved = X.copy()
            for one in others:
                moved.isetitem(one, X.iloc[::-1, one].array)
        else:
            moved = np.array(X)
            moved[:, others] = moved[::-1, others]
        if differ(numbers_of(self.before.transform(moved))[:, known], there[:, known]):
            raise ValueError(
                "the steps before the forecaster must treat known covariates separately, because the other channels "
                f"are not known over the horizon; in them channel {known[0]} depends on others, as in a PCA. Take the "
                "forecaster inside (skdistill.get_forecaster) and rows after these steps, in their units."
            )

    def _check_channels(self, there: np.ndarray, back: np.ndarray) -> None:
        """Raise if some channels alone, or quantiles of one, cannot be converted back to original units."""
        targets, has_quantiles = list(self.forecaster.roles_.targets), self.forecaster.spec_.quantiles is not None
        for together in [[one] for one in targets] if has_quantiles else [targets]:
            alone = np.zeros(there.shape)
            alone[:, together] = there[:, together]
            if differ(np.asarray(self.before.inverse_transform(alone))[:, together], back[:, together]):
                raise ValueError(
                    "the steps before the forecaster must treat each channel separately, for quantiles and for "
                    f"forecasts of some channels in original units; in them channel {together[0]} depends on others, "
                    "as in a PCA. Take the forecaster inside (skdistill.get_forecaster) and rows after these steps, in "
                    "their units."
                )
        if not has_quantiles:
            return
        above = np.asarray(self.before.inverse_transform(there + np.nan_to_num(np.nanstd(there, axis=0))))
        falls = [one for one in targets if _falls(back[:, one], above[:, one])]
        if falls:
            raise ValueError(
                "the steps before the forecaster must rise with their input if there are quantiles, or upper quantiles "
                f"are below lower ones in original units; they fall in channel {falls[0]}. Multiply their output and "
                "the input of their inverse by -1, or take the forecaster inside (skdistill.get_forecaster)."
            )

    def transform(self, X: Any) -> Any:
        """Apply the steps before the forecaster to a series.

        Parameters
        ----------
        X : array, DataFrame or Series
            A series in original units.

        Returns
        -------
        X : array or DataFrame
            The series as passed to the forecaster.
        """
        if self.before is None:
            return X
        after = self.before.transform(X)
        if _has_levels(X) and not _has_levels(after):
            raise ValueError(
                "the steps before the forecaster must keep the index (series, time) of a panel, and they return "
                f"{type(after).__name__} without it: call set_output(transform='pandas') on the pipeline before fit."
            )
        return after

    def read(self, X: Any) -> SeriesInput:
        """Read rows in original units.

        Parameters
        ----------
        X : array, DataFrame, Series or panel
            The series.

        Returns
        -------
        given : SeriesInput
            With the forecaster's channels of numbers in its order, static columns left out.
        """
        if self.before is None:
            return read_series(self.forecaster, X, reset=False, allow_batch=False)
        given = read_series(BaseEstimator(), X, reset=True, allow_batch=False)  # steps take any names
        if self.forecaster.roles_.is_plain:
            return given
        numeric = self.forecaster.roles_.numeric
        names = given.series[0].columns
        columns = None if names is None else names[numeric]
        series = [replace(one, values=one.values[:, numeric], columns=columns) for one in given.series]
        return replace(given, series=series)

    def forecast(self, contexts: ContextBatch) -> np.ndarray:
        """Forecast windows in original units.

        Parameters
        ----------
        contexts : ContextBatch
            Windows in original units.

        Returns
        -------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets)
            Forecasts in original units, if the steps before the forecaster can be inverted.
        """
        return self.restore(self.forecaster.predictor_.forecast(self._transform_windows(contexts)))

    def forecast_quantiles(self, contexts: ContextBatch) -> np.ndarray:
        """Forecast quantiles of windows in original units.

        Parameters
        ----------
        contexts : ContextBatch
            Windows in original units.

        Returns
        -------
        quantiles : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Quantiles in original units, if the steps before the forecaster can be inverted.
        """
        quantiles = self.forecaster.predictor_.forecast_quantiles(self._transform_windows(contexts))
        return self.restore_quantiles(quantiles)

    def _transform_windows(self, contexts: ContextBatch) -> ContextBatch:
        """Apply the steps before the forecaster to every row of windows."""
        if self.before is None:
            return contexts
        values, future = contexts.values, contexts.future
        if future is not None:
            future = self._transform_future(future, values)
        return replace(contexts, values=self._transform_rows(values), future=future)

    def _transform_rows(self, values: np.ndarray) -> np.ndarray:
        """Apply the steps to rows (n_windows, n_rows, n_channels)."""
        rows = np.asarray(self.transform(values.reshape(-1, values.shape[-1])))
        assert_all_finite(rows, input_name="X after the steps of the pipeline")
        return rows.reshape(*values.shape[:2], -1)

    def _transform_future(self, future: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Apply the steps to known covariates of the horizon (n_windows, prediction_length, n_known), NaN if unknown.

        The other channels of these rows do not matter (``check_inverse``): they are those of the last row.
        """
        known, unknown = list(self.forecaster.spec_.known), np.isnan(future)
        rows = np.repeat(values[:, -1:], future.shape[1], axis=1).astype(np.float64)
        rows[..., known] = np.where(unknown, rows[..., known], future)
        return np.where(unknown, np.nan, self._transform_rows(rows)[..., known])

    def restore_quantiles(self, quantiles: np.ndarray) -> np.ndarray:
        """Invert the steps before the forecaster on quantiles.

        Parameters
        ----------
        quantiles : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Quantiles in the forecaster's units.

        Returns
        -------
        quantiles : ndarray of the same shape
            Quantiles in original units.
        """
        return np.moveaxis(self.restore(np.moveaxis(quantiles, -1, 0)), 0, -1)

    def restore(self, forecasts: np.ndarray) -> np.ndarray:
        """Invert the steps before the forecaster on forecasts.

        Parameters
        ----------
        forecasts : ndarray of shape (..., prediction_length, n_targets)
            Forecasts in the forecaster's units.

        Returns
        -------
        forecasts : ndarray of the same shape
            Forecasts in original units.
        """
        if self.before is None or not self.invertible:
            return forecasts
        targets = list(self.forecaster.roles_.targets)  # columns, which statics are, too
        full = np.zeros((*forecasts.shape[:-1], self.forecaster.n_features_in_))
        full[..., targets] = forecasts
        rows = np.asarray(self.before.inverse_transform(full.reshape(-1, full.shape[-1])))
        return rows.reshape(full.shape)[..., targets]

    def scale(self, X: Any = None) -> np.ndarray:
        """Return the scale of each target in original units, from the training rows.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or None, default=None
            Other rows, in original units, for targets that are constant in the training rows, which tell no scale.

        Returns
        -------
        scale : ndarray of shape (n_targets,)
            Standard deviations; behind steps of a pipeline, half the distance in original units of what lies one
            standard deviation above and below the mean, over several channels the root of the sum of squares.
        """
        scaling, targets = self.forecaster.scaling_, list(self.forecaster.targets_)
        scale = scaling.original_scale_[targets]
        constant = self._constant()
        if X is not None and constant.any():
            series = read_series(self.forecaster, self.transform(X), reset=False, allow_batch=False).series
            own = center_and_spread([one.values[:, targets] for one in series], lambda rows, *_: rows)[2]
            scale = np.where(constant, own, scale)
        if self.before is None or not self.invertible:
            return scale
        center = scaling.ordinary_row()[targets]
        return self._half_distance(*((center + sign * scale)[None] for sign in (-1.0, 0.0, 1.0)))[0]

    def _constant(self) -> np.ndarray:
        """Return which targets were constant in the training rows of all series together."""
        scaling, targets = self.forecaster.scaling_, list(self.forecaster.targets_)
        if scaling.constant_ is not None:
            return np.asarray(scaling.constant_[targets])
        one = scaling.series_units_ is not None and len(scaling.series_units_.center) == 1
        return scaling.series_units_.constant()[0, targets] if one else np.zeros(len(targets), dtype=bool)

    def scales(self, X: Any, rows: Sequence[int]) -> np.ndarray:
        """Return the scale of each target of each series in original units.

        Parameters
        ----------
        X : array, DataFrame, Series or panel
            The series in original units.
        rows : sequence of int
            How many rows of each, from its start, tell the scale of a series that ``fit`` has not seen.

        Returns
        -------
        scale : ndarray of shape (n_series, n_targets)
            Standard deviations of all training rows; or the unit of each series, where each has one and there are
            several, in ``fit`` or here. Where a target is constant in these rows, which tell no unit, those of all rows
            of X.
        """
        scaling, targets = self.forecaster.scaling_, list(self.forecaster.targets_)
        if scaling.series_units_ is None or max(len(scaling.series_units_.center), len(rows)) < 2:
            return np.tile(self.scale(X), (len(rows), 1))
        series = read_series(self.forecaster, self.transform(X), reset=False, allow_batch=False).series
        values = [one.values[:n] for one, n in zip(series, rows, strict=True)]
        units, _ = scaling.store_units(values, scaling.numbers_of([one.id for one in series]).tolist())
        told_none = np.flatnonzero(units.constant()[:, targets].any(axis=1))
        if len(told_none):
            own, _ = scaling.store_units([series[number].values for number in told_none], None)
            units.unit[told_none] = np.where(units.take(told_none).constant(), own.unit, units.unit[told_none])
        three = (scaling.to_original(units.center + sign * units.unit)[:, targets] for sign in (-1.0, 0.0, 1.0))
        return self._half_distance(*three)

    def _half_distance(self, low: np.ndarray, middle: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return how far rows lie apart in original units, moved in one channel after the other.

        Steps like a PCA mix channels, with signs of their own: moved at once, they would cancel out.
        """
        if self.before is None or not self.invertible:
            return np.abs(high - low) / 2
        alone = np.eye(low.shape[1], dtype=bool)
        ends = (self.restore(np.where(alone, end[:, None], middle[:, None])) for end in (low, high))
        bottom, top = ends
        return np.asarray(np.linalg.norm(top - bottom, axis=1) / 2)

    def refit(self, train: Any, **changes: Any) -> UnwrappedModel | None:
        """Fit the same model with other parameters, such as no teacher.

        Parameters
        ----------
        train : array, DataFrame, Series or None
            The training series in original units; None takes the series passed to ``fit``.
        **changes : object
            Parameters of the forecaster.

        Returns
        -------
        model : UnwrappedModel or None
            The new model; None if the training series is not available.

        Raises
        ------
        ValueError
            If it would be another model, because parameters were changed after ``fit``.
        """
        check_roles_unchanged(self.forecaster, "compare")
        self.forecaster._check_parts_unchanged("compare trains what fit did, without a teacher", but=["teacher"])
        seen = self.forecaster.training_series() if train is None else self.transform(train)
        if seen is None:
            return None
        again = copy.copy(self.forecaster).set_params(**changes)
        again._fit(seen, is_part=True, told=True)
        if again.targets_ != self.forecaster.targets_:
            raise ValueError(
                f"targets of {type(again).__name__} were the channels {self.forecaster.targets_} in fit and are "
                f"{again.targets_} now: fit again, or set targets back."
            )
        return UnwrappedModel(again, self.before)

    def without_teacher(self, train: Any) -> UnwrappedModel | None:
        """Train the same student without a teacher.

        Parameters
        ----------
        train : array, DataFrame, Series or None
            The training series in original units; None takes the series passed to ``fit``.

        Returns
        -------
        model : UnwrappedModel or None
            The same model with another student; None if the training series is not available.
        """
        return self.refit(train, **_WITHOUT_TEACHER)

    def exact_linear(self, train: Any, season: int) -> UnwrappedModel | None:
        """Solve for a linear student without a teacher.

        Parameters
        ----------
        train : array, DataFrame, Series or None
            The training series in original units; None takes the series passed to ``fit``.
        season : int
            Number of rows in a season; its mean is the level of a window.

        Returns
        -------
        model : UnwrappedModel or None
            The linear model; None if the training series is not available.
        """
        fits = season <= self.forecaster.spec_.context_length
        student = Linear(season=season if fits else 1, solver="exact")
        plain = {"quantiles": None, "calibration": None}
        return self.refit(train, **_WITHOUT_TEACHER, **plain, student=student, loss=Supervised(), verbose=0)


class _FittedSteps(Pipeline):
    """The steps of a fitted pipeline before its forecaster; a step that learns nothing has no sign of being fitted."""

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _are_close(some: np.ndarray, others: np.ndarray) -> bool:
    """Return whether values are equal up to rounding, in the units of each channel."""
    some, others = some.astype(np.float64), others.astype(np.float64)
    seen = np.isfinite(some) & np.isfinite(others)
    if not np.array_equal(np.where(seen, 0.0, some), np.where(seen, 0.0, others), equal_nan=True):
        return False
    rounding = 1e-12 * np.nanmax(np.abs(others), axis=0, initial=0.0)  # np.allclose of NumPy 1 takes a single one
    with np.errstate(invalid="ignore"):  # infinity less infinity
        return bool((np.abs(some - others) <= rounding + 1e-5 * np.abs(others))[seen].all())


def _falls(rows: np.ndarray, above: np.ndarray) -> bool:
    """Return whether a channel is lower where what it is converted from is higher."""
    return bool((above < rows - 1e-9 * np.nanmax(np.abs(rows), initial=0.0)).any())


def _has_levels(X: Any) -> bool:
    return isinstance(getattr(X, "index", None), pd.MultiIndex)


def unwrap_model(model: Any) -> UnwrappedModel:
    """Return the distilled forecaster inside a fitted model.

    Parameters
    ----------
    model : DistilledForecaster, Pipeline or fitted search
        The fitted model.

    Returns
    -------
    model : UnwrappedModel
        The forecaster and the steps before it.

    Raises
    ------
    TypeError
        If there is no distilled forecaster.
    """
    check_is_fitted(model)
    inner = getattr(model, "best_estimator_", model)
    before = None
    if hasattr(inner, "steps"):
        before = _FittedSteps(inner.steps[:-1]) if len(inner.steps) > 1 else None
        inner = inner.steps[-1][1]
        inner = getattr(inner, "best_estimator_", inner)
    if not isinstance(inner, WindowForecaster):
        raise TypeError(
            "the model must be a fitted DistilledForecaster, or a pipeline or search that ends in one; "
            f"got {type(inner).__name__}."
        )
    return UnwrappedModel(inner, before)


def get_forecaster(model: Any) -> Any:
    """Return the distilled forecaster inside a fitted pipeline or search.

    All methods of the forecaster, such as ``compare``, ``report``, ``export`` and ``save``, are then at hand. Behind
    other steps of a pipeline it reads and forecasts what these steps return, also in its files. In the units of the
    pipeline's input, :func:`skdistill.compare` and :func:`skdistill.plotting.write_report` take the pipeline itself.

    Parameters
    ----------
    model : DistilledForecaster, Pipeline or fitted search
        The fitted model.

    Returns
    -------
    forecaster : DistilledForecaster
        The fitted forecaster: the object in the pipeline, not a copy.

    Raises
    ------
    TypeError
        If there is no distilled forecaster.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdistill import DistilledForecaster, compare, get_forecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> series = make_multiseasonal(300, 1, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(None, "linear", "response", context_length=24, prediction_length=6)
    >>> pipeline = make_pipeline(StandardScaler(), forecaster).fit(series[:200])
    >>> get_forecaster(pipeline).count_parameters()
    150
    >>> comparison = compare({"student": pipeline}, series[176:], train=series[:200])
    """
    return unwrap_model(model).forecaster
