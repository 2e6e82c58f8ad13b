"""A fitted forecaster as teacher: any estimator with ``predict`` on windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skdistill._unwrap import unwrap_model
from skdistill.data._context_batch import ContextBatch
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._precede import labels_of_context
from skdistill.data._series_labels import SeriesLabels, same_columns
from skdistill.data._statics import Statics
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._window_forecaster import WindowForecaster
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._provenance import FIELDS, Entry

__all__ = ["FrozenTeacher"]


class FrozenTeacher(BaseTeacher):
    """Teacher that labels with the ``predict`` of a fitted forecaster, in original units.

    ``DistilledForecaster(teacher=FrozenEstimator(fitted))`` creates it automatically. The wrapped estimator is either a
    forecaster, whose ``predict`` maps windows (n_windows, context_length, n_channels) to forecasts (n_windows,
    prediction_length, n_targets), or a regressor on tables, which forecasts every channel separately: (n_windows *
    n_channels, context_length) to (..., prediction_length). A forecaster of this package that was fitted with
    ``quantiles`` passes them on, reads the calendar of the series, and can forecast more targets than requested. It
    must have been fitted on the same columns in the same order. The steps of a pipeline before the forecaster are
    undone on its forecasts. A forecaster with a shorter ``context_length`` gets the last rows.

    A forecaster that was fitted on rows of a test fold leaks them into the student. The estimator is not copied: if it
    is fitted again later, ``predict_teacher``, ``compare`` and ``refresh`` of students that it has taught ask it as it
    is then.

    Parameters
    ----------
    estimator : sklearn.frozen.FrozenEstimator
        The fitted estimator in scikit-learn's wrapper, which keeps it fitted through ``clone``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import Ridge
    >>> from skdistill.teachers import FrozenTeacher
    >>> table = np.random.default_rng(0).normal(size=(50, 10))
    >>> ridge = Ridge().fit(table[:, :8], table[:, 8:])
    >>> FrozenTeacher(FrozenEstimator(ridge))
    FrozenTeacher(estimator=FrozenEstimator(estimator=Ridge()))
    """

    reads_validation = False
    keeps_what_fit_learned = False
    scale_free: bool = True
    source: str | None = "fitted before"

    def __init__(self, estimator: FrozenEstimator) -> None:
        self.estimator = estimator

    @property
    def reads_known(self) -> bool:  # type: ignore[override]
        """Whether it is a forecaster of this package that was fitted with known covariates."""
        spec = getattr(self._distilled(), "spec_", None)  # check refuses what is not fitted
        return spec is not None and bool(spec.known)

    @property
    def reads_static(self) -> bool:  # type: ignore[override]
        """Whether it is a forecaster of this package that was fitted with static covariates."""
        spec = getattr(self._distilled(), "spec_", None)
        return spec is not None and spec.n_static > 0

    @property
    def reads_calendar(self) -> bool:  # type: ignore[override]
        """Whether it is a forecaster of this package whose student reads the calendar."""
        ours = self._distilled()
        return ours is not None and ours.spec_.n_time_features > 0

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the estimator is not fitted, needs longer contexts or forecasts other channels."""
        if not isinstance(self.estimator, FrozenEstimator):
            raise TypeError(
                f"estimator of FrozenTeacher must be a FrozenEstimator; got {type(self.estimator).__name__}. "
                "Wrap it: sklearn.frozen.FrozenEstimator(fitted)."
            )
        if hasattr(self._inner, "cutoff"):
            raise TypeError(
                f"a sktime forecaster ({type(self._inner).__name__}) forecasts after its own cutoff, not after any "
                "window: give it as SktimeTeacher(FrozenEstimator(fitted)), or unfitted as SktimeTeacher(forecaster)."
            )
        check_is_fitted(self._inner)
        if self._is_composite() and not is_regressor(self._inner) and not unwrap_model(self._inner).invertible:
            raise ValueError(
                "a pipeline labels in original units, and a step of this one has no inverse_transform: freeze only the "
                "forecaster, or use its transformer= parameter."
            )
        needed = self._own_context_length()
        if needed is not None and needed > spec.context_length:
            raise ValueError(
                f"the teacher {type(self._inner).__name__} needs contexts of {needed} rows, but context_length is "
                f"{spec.context_length}: raise context_length to at least {needed}."
            )
        if n_covariates := getattr(self._inner, "n_covariates", 0):
            raise ValueError(
                f"the frozen teacher {type(self._inner).__name__} reads {n_covariates} covariates in the last columns "
                "of its table, and windows of series hold none there: freeze a regressor with n_covariates=0, or a "
                "DistilledForecaster with known_covariates."
            )
        ours = self._distilled()
        if ours is not None:
            _check_channels(ours, spec)

    def probe(self, windows: TrainingWindows) -> Labels:
        """Compare the names of the columns, and label one window.

        Raises
        ------
        ValueError
            If a forecaster of this package was fitted on columns with other names or in another order.
        """
        ours = self._distilled()
        if ours is not None:
            _check_names(self._own_columns(), windows.train.store.columns)
            if ours.spec_.n_static:
                _check_statics(ours.roles_.statics, windows.train.store.scaling.statics_)
            store = windows.train.store
            getattr(ours, "series_labels_", SeriesLabels()).warn_of_others(
                store.indexes,
                store.steps,
                lambda number: f"series {number} of {len(store.indexes)} that the frozen teacher labels",
                with_calendar=self.reads_calendar,
            )
        return super().probe(windows)

    def label(self, contexts: Contexts) -> Labels:
        """Forecast in original units and standardize the forecasts.

        Returns
        -------
        labels : Labels
            Forecasts without features; with quantiles if the estimator has them.
        """
        original = contexts.original()
        by_table = is_regressor(self._inner)
        if self._is_composite() and not by_table:
            unwrap_model(self._inner).check_inverse(original[0])
        forecast = self._predict_table(original, contexts) if by_table else self._predict(original, contexts)
        if forecast.ndim == 2 and len(forecast) == len(original):
            forecast = forecast[:, :, None]
        places = self._places(contexts)
        forecast = forecast if places is None else forecast[..., places]
        point = torch.from_numpy(np.ascontiguousarray(contexts.forecasts_to_standard(forecast)))
        levels = self._levels()
        if levels is None:
            return Labels(point)
        quantiles = self._predict_quantiles(original, contexts).transpose(0, 3, 1, 2)
        quantiles = quantiles if places is None else quantiles[..., places]
        standard = contexts.quantiles_to_standard(quantiles)
        return Labels(point, None, torch.from_numpy(np.ascontiguousarray(standard)), levels)

    def provenance(self) -> list[Entry]:
        """Say what the estimator is, and where the labels came from that it was distilled from."""
        own = {"teacher": type(self._inner).__name__, "source": self.source}
        entry = {name: own.get(name) for name in FIELDS}
        of_sklearn = hasattr(self._inner, "__sklearn_tags__")  # forecasters of sktime are refused only by fit
        ours = self._distilled() if of_sklearn and not is_regressor(self._inner) else None
        return [entry, *getattr(ours, "provenance_", [])]

    def count_parameters(self) -> int | None:
        """Return the number of parameters of the wrapped student, if it is a student of skdistill."""
        counter = getattr(self._inner, "count_parameters", None)
        return None if counter is None else counter()

    @property
    def _inner(self) -> Any:
        return self.estimator.estimator

    def _is_composite(self) -> bool:
        """Return whether a pipeline or a search wraps the forecaster."""
        return hasattr(self._inner, "steps") or hasattr(self._inner, "best_estimator_")

    def _distilled(self) -> Any:
        """Return the skdistill forecaster inside; None for other forecasters and regressors."""
        if is_regressor(self._inner):
            return None
        forecaster = unwrap_model(self._inner).forecaster if self._is_composite() else self._inner
        return forecaster if isinstance(forecaster, WindowForecaster) else None

    def _own_columns(self) -> pd.Index | None:
        """Return the channels of a skdistill forecaster; for a pipeline, the columns that its first step was given."""
        if self._is_composite():
            names = getattr(self._inner, "feature_names_in_", None)
            return None if names is None else pd.Index(names)
        roles = getattr(self._inner, "roles_", None)
        if roles is not None and not roles.is_plain:
            return roles.channel_names
        return getattr(self._inner, "series_labels_", SeriesLabels()).columns

    def _places(self, contexts: Contexts) -> list[int] | None:
        """Return the positions of the targets among the forecast channels; None if no selection is needed."""
        ours, targets = self._distilled(), contexts.scaling.targets
        if ours is None:
            return None
        asked = range(contexts.values.shape[-1]) if targets is None else targets
        return [ours.targets_.index(target) for target in asked]

    def _row_labels(self, contexts: Contexts) -> list[pd.Index | None] | None:
        """Return the time labels of each context's rows, for a skdistill forecaster that reads the calendar."""
        ours = self._distilled()
        if ours is None or not ours.spec_.n_time_features:
            return None
        length = contexts.values.shape[1]
        found: list[pd.Index | None] = []
        for number, origin in zip(contexts.series, contexts.origins, strict=True):
            index = contexts.indexes[number]
            step = None if index is None else contexts.step_of(int(number))
            found.append(None if index is None else labels_of_context(index, int(origin), length, step))
        return found

    def _own_context_length(self) -> int | None:
        if is_regressor(self._inner):
            return getattr(self._inner, "n_features_in_", None)
        forecaster = unwrap_model(self._inner).forecaster if self._is_composite() else self._inner
        return getattr(forecaster, "context_length", None)

    def _levels(self) -> tuple[float, ...] | None:
        """Return the quantile levels that a skdistill estimator was fitted with."""
        model = self._inner
        if self._is_composite() and not is_regressor(model):
            model = unwrap_model(model).forecaster
        return getattr(getattr(model, "spec_", None), "quantiles", None)

    def _predict_quantiles(self, original: np.ndarray, contexts: Contexts) -> np.ndarray:
        """Return quantiles in original units, (n_windows, prediction_length, n_targets, n_quantiles)."""
        if is_regressor(self._inner):
            table = self._table(original, contexts)
            quantiles = np.asarray(self._inner.predict_quantiles(table)).reshape(
                len(table), -1, len(self._levels() or ())
            )
            return quantiles.reshape(len(original), -1, *quantiles.shape[1:]).transpose(0, 2, 1, 3)
        return unwrap_model(self._inner).forecast_quantiles(self._batch(original, contexts))

    def _recent(self, original: np.ndarray) -> np.ndarray:
        """Keep the last rows that the estimator reads."""
        needed = self._own_context_length() or original.shape[1]
        return original[:, original.shape[1] - needed :]

    def _predict(self, original: np.ndarray, contexts: Contexts) -> np.ndarray:
        if self._distilled() is not None:
            return unwrap_model(self._inner).forecast(self._batch(original, contexts))
        return np.asarray(self.estimator.predict(self._recent(original)))

    def _batch(self, original: np.ndarray, contexts: Contexts) -> ContextBatch:
        """Return contexts for a skdistill forecaster, with time labels if it reads the calendar."""
        indexes = self._row_labels(contexts)
        steps = None if indexes is None else [contexts.step_of(int(number)) for number in contexts.series]
        model = unwrap_model(self._inner)
        inner = model.forecaster
        ours, static = inner.spec_, None
        recent = self._recent(original)
        if model.before is None and contexts.observed is not None:  # steps before need not take missing values
            recent = _with_gaps(recent, contexts.observed[:, -recent.shape[1] :].cpu().numpy())
        if contexts.static is not None and ours.n_static:
            units = contexts.scaling.statics_
            assert units is not None  # probe
            static = inner.roles_.standardized_static(units.restore(contexts.static.cpu().numpy()))
        return ContextBatch(
            recent,
            indexes,
            steps,
            self._numbers(contexts),
            future=contexts.original_future() if ours.known else None,
            static=static,
        )

    def _numbers(self, contexts: Contexts) -> np.ndarray | None:
        """Find the series of windows among those that the teacher was fitted on, by their ids."""
        scaling = unwrap_model(self._inner).forecaster.scaling_
        if scaling.kind != "series" or not contexts.ids:
            return None
        return scaling.numbers_of([contexts.ids[number] for number in contexts.series])

    def _table(self, original: np.ndarray, contexts: Contexts) -> np.ndarray:
        """Reshape the target channels to rows of a table, window by window."""
        targets = contexts.scaling.targets
        recent = self._recent(original)
        recent = recent if targets is None else recent[..., list(targets)]
        return recent.transpose(0, 2, 1).reshape(-1, recent.shape[1])

    def _predict_table(self, original: np.ndarray, contexts: Contexts) -> np.ndarray:
        table = self._table(original, contexts)
        forecast = np.asarray(self.estimator.predict(table))
        return forecast.reshape(len(original), len(table) // len(original), -1).transpose(0, 2, 1)


def _with_gaps(values: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Write NaN where a value is missing; a channel of which nothing is observed in a context stays filled."""
    return np.where(~observed & observed.any(axis=1, keepdims=True), np.nan, values)


def _check_channels(forecaster: Any, spec: NetworkSpec) -> None:
    """Raise if a skdistill forecaster was fitted on other channels or does not forecast every target."""
    own = forecaster.spec_
    if own.n_channels != spec.n_channels:
        raise ValueError(
            f"the frozen teacher was fitted on {own.n_channels} channels, and X has {spec.n_channels}: pass "
            "the same ones (targets= says which to forecast), or fit the teacher on the channels of X."
        )
    if own.known not in ((), spec.known) or own.n_static not in (0, spec.n_static):
        raise ValueError(
            f"the frozen teacher reads the known covariates {list(own.known)} (channels) and {own.n_static} static "
            f"ones; got {list(spec.known)} and {spec.n_static}. Set known_covariates and static_covariates as for the "
            "teacher."
        )
    missing = [target for target in spec.targets if target not in forecaster.targets_]
    if missing:
        raise ValueError(
            f"targets must be among the columns that the frozen teacher forecasts, {list(forecaster.targets_)} by "
            f"position; got {list(spec.targets)}, of which it does not forecast {missing}. Fit the teacher with these "
            "targets (targets=None forecasts all), or leave them out."
        )


def _check_names(own: pd.Index | None, given: pd.Index | None) -> None:
    """Raise if named columns differ or are in another order; the name of a single column does not matter."""
    if own is None or given is None or len(given) < 2:
        return
    if all(isinstance(name, str) for name in given):  # SktimeDistilledForecaster names the columns
        bare = [name.removeprefix("y:").removeprefix("X:") for name in given]
        if len(bare) == len(own) and all(name in ("y", str(one)) for name, one in zip(bare, own, strict=True)):
            return
    if not same_columns(own, given):
        raise ValueError(
            f"X must have the columns that the frozen teacher was fitted on, {list(own)}, in this order; got "
            f"{list(given)}. Reorder them, X[{list(own)}], or rename them; arrays (X.to_numpy()) are taken by position."
        )


def _check_statics(own: Statics | None, given: Statics | None) -> None:
    """Raise if static covariates are others, or in another order, or come without units."""
    if own is None or given is None:
        raise ValueError(
            "the frozen teacher reads static covariates of series, and there are none with names and units here: give "
            "a panel with static_covariates, to a DistilledForecaster."
        )
    if own.names is not None and given.names is not None and own.names != given.names:
        raise ValueError(
            f"static_covariates must be those of the frozen teacher, {list(own.names)}, in this order and with these "
            f"categories; got {list(given.names)}."
        )
