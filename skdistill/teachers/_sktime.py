"""Any forecaster of sktime as teacher."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skdistill._utils._choices import check_choice
from skdistill.data._labels import Labels
from skdistill.data._levels import check_quantiles
from skdistill.data._steps import Step, find_step
from skdistill.data._windows import Contexts, TrainingWindows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._sktime_labels import label_forms

__all__ = ["SktimeTeacher", "is_sktime_forecaster"]

_NOTE = "The default of config ``remember_data``"


class SktimeTeacher(BaseTeacher):
    """Teacher that labels with ``fit``, ``update`` and ``predict`` of a sktime forecaster, in original units.

    The forecaster gets the context of a window, with its time labels, as ``y``; it gets no covariates. Windows are
    labeled one by one. Statistical forecasters, which are fast to fit and model a single series, are fitted on every
    context (``fitting="window"``). Forecasters that learn across time (reduction to a regressor, deep networks) are
    fitted once on the training rows (``fitting="once"``), and a copy gets every context by
    ``update(y, update_params=False)``. The estimator's ``n_jobs`` distributes the windows over workers.

    Parameters
    ----------
    forecaster : sktime forecaster, or FrozenEstimator around one
        The forecaster. A fitted forecaster in ``sklearn.frozen.FrozenEstimator`` is used as it is, and gets each
        context by ``update``; a pretrained one gets each context by ``fit``. A forecaster fitted on rows of a test fold
        leaks them.
    fitting : {"window", "once"}, default="window"
        Whether a copy is fitted on every context, or one copy on the training rows of each series, which then labels
        the series at the same position in the list. Ignored for a frozen forecaster.
    quantiles : sequence of float or None, default=None
        Rising levels of the quantiles to request from the forecaster; it needs ``capability:pred_int``. None requests
        no quantiles.

    Attributes
    ----------
    fitted_ : list of sktime forecaster
        The fitted forecaster of each series, if ``fitting="once"``; with a single series, it labels any series. None
        for a series without training windows, for which every context is fitted.

    See Also
    --------
    skdistill.teachers.GivenLabels : Forecasts made elsewhere.

    Notes
    -----
    A fitted forecaster gets every context with labels that follow its own last row: with earlier labels, many
    forecasters of sktime predict in sample, from rows after the context. It therefore uses the order of the context but
    not its calendar. If a forecaster has a season or a calendar in its parameters, fit it per window. A forecaster with
    the same forecast after any context raises an error.

    Examples
    --------
    >>> import numpy as np
    >>> from sktime.forecasting.naive import NaiveForecaster
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.teachers import SktimeTeacher
    >>> wave = 10 + np.sin(np.arange(80) * np.pi / 6)[:, None]
    >>> teacher = SktimeTeacher(NaiveForecaster(strategy="last", sp=12))
    >>> forecaster = DistilledForecaster(
    ...     teacher, "dlinear", "response", context_length=24, prediction_length=12, max_epochs=1, random_state=0,
    ... ).fit(wave)
    >>> bool(np.allclose(forecaster.predict_teacher(wave), wave[-12:], atol=1e-5))
    True
    """

    def __init__(self, forecaster: Any, *, fitting: str = "window", quantiles: Sequence[float] | None = None) -> None:
        self.forecaster = forecaster
        self.fitting = fitting
        self.quantiles = quantiles

    def check(self, spec: NetworkSpec) -> None:
        """Raise if there is no sktime forecaster, or a frozen one that is not fitted."""
        check_choice(self.fitting, ("window", "once"), "fitting of SktimeTeacher")
        inner = self.forecaster.estimator if self._is_frozen else self.forecaster
        if isinstance(inner, type) or not is_sktime_forecaster(inner):
            raise TypeError(
                "forecaster of SktimeTeacher must be a sktime forecaster, or a fitted one in "
                f"sklearn.frozen.FrozenEstimator; got {inner!r}."
            )
        if self._is_frozen and inner.state == "new":
            raise ValueError(
                f"forecaster of SktimeTeacher is frozen and not fitted: fit {type(inner).__name__} before, or pass it "
                "without FrozenEstimator to have it fitted here."
            )
        if self._levels is not None and not inner.get_tag("capability:pred_int"):
            raise ValueError(
                f"quantiles of SktimeTeacher need a forecaster with capability:pred_int, and {type(inner).__name__} "
                "has none. Leave them out, or wrap it: sktime's NaiveVariance, ConformalIntervals or BaggingForecaster."
            )
        names = _fitted_columns(inner) if self._is_frozen else None
        if names is not None and len(names) != spec.n_targets:
            raise ValueError(
                f"forecaster of SktimeTeacher was fitted on {len(names)} columns, but there are "
                f"{spec.n_targets} targets."
            )

    def probe(self, windows: TrainingWindows) -> Labels:
        """Label one window, so that a forecaster that fails does so before anything is trained.

        Returns
        -------
        labels : Labels
            Labels of the first training window; zeros if the forecaster is not fitted yet.
        """
        self._learn_shape(windows)
        if self._is_frozen or self.fitting == "window":
            self._check_heeds(windows)
            return super().probe(windows)
        zeros = torch.zeros(1, self.prediction_length_, len(windows.train.targets))
        if self._levels is None:
            return Labels(zeros)
        return Labels(zeros, None, zeros[:, None].repeat(1, len(self._levels), 1, 1), self._levels)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> SktimeTeacher:
        """Fit on the training rows of each series, if ``fitting="once"``.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows; validation rows are not used.
        checkpoint : Path or None, default=None
            Not used.

        Raises
        ------
        ValueError
            If the fitted forecaster ignores the context.
        """
        self._learn_shape(windows)
        if not self._is_frozen and self.fitting == "once":
            with _quiet():
                self.fitted_ = [None if one is None else self._fit_once(*one) for one in _training_rows(windows)]
        self._check_heeds(windows)
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Forecast after each context and standardize the forecasts.

        Returns
        -------
        labels : Labels
            Forecasts without features; quantiles if requested.

        Raises
        ------
        ValueError
            If a forecast is not finite, or the series are not those that the forecasters were fitted on.
        """
        self._check_series(len(contexts.indexes))
        answers = [
            self._forecast(values, _Labels.of(contexts, window)) for window, values in enumerate(_of_targets(contexts))
        ]
        forecasts = np.stack([forecast for forecast, _ in answers])
        if not np.isfinite(forecasts).all():
            window = int(np.argwhere(~np.isfinite(forecasts))[0, 0])
            raise ValueError(
                f"the sktime forecaster {self._name} gives no finite forecast after "
                f"{_Labels.of(contexts, window).last}: a teacher must label every window."
            )
        point = torch.from_numpy(np.ascontiguousarray(contexts.forecasts_to_standard(forecasts)))
        if self._levels is None:
            return Labels(point)
        quantiles = np.stack([one for _, one in answers]).transpose(0, 3, 1, 2)
        standard = contexts.quantiles_to_standard(quantiles)
        return Labels(point, None, torch.from_numpy(np.ascontiguousarray(standard)), self._levels)

    def __sklearn_clone__(self) -> SktimeTeacher:
        """Return an unfitted copy, without sktime's warning at every construction of a forecaster."""
        with _quiet():
            return type(self)(clone(self.forecaster, safe=False), fitting=self.fitting, quantiles=self.quantiles)

    @property
    def _levels(self) -> tuple[float, ...] | None:
        return None if self.quantiles is None else check_quantiles(self.quantiles, "quantiles of SktimeTeacher")

    @property
    def _is_frozen(self) -> bool:
        return isinstance(self.forecaster, FrozenEstimator)

    @property
    def _name(self) -> str:
        return type(self.forecaster.estimator if self._is_frozen else self.forecaster).__name__

    def _learn_shape(self, windows: TrainingWindows) -> None:
        self.prediction_length_ = windows.train.prediction_length

    def _steps(self) -> list[int]:
        return list(range(1, self.prediction_length_ + 1))

    def _fitted(self, series: int) -> Any:
        """Return the fitted forecaster, or None if each context is fitted."""
        if self._is_frozen:
            return self.forecaster.estimator
        if self.fitting == "window":
            return None
        return self.fitted_[series if len(self.fitted_) > 1 else 0]

    def _check_series(self, n_given: int) -> None:
        """Raise if the number of series differs from the number of fitted forecasters."""
        if self._is_frozen or self.fitting == "window" or len(self.fitted_) == 1:
            return
        n_needed = max(number for number, one in enumerate(self.fitted_) if one is not None) + 1
        if not n_needed <= n_given <= len(self.fitted_):
            raise ValueError(
                f"X must be a list of the {n_needed} series of fit, in their order, each of which has a forecaster "
                f"where fitting of SktimeTeacher is 'once'; got {n_given} series. Give all of them, or use "
                'SktimeTeacher(forecaster, fitting="window"), which labels any series.'
            )

    def _fit_once(self, values: np.ndarray, labels: _Labels) -> Any:
        """Fit on the rows of a series, with the first form of labels that the forecaster accepts."""

        def fit(y: pd.Series | pd.DataFrame) -> Any:
            forecaster = clone(self.forecaster).fit(y, fh=self._steps())
            forecaster.predict(fh=self._steps())
            return forecaster

        return self._under_labels(fit, values, labels, lambda forecaster: True)

    def _forecast(self, values: np.ndarray, labels: _Labels) -> tuple[np.ndarray, np.ndarray]:
        """Forecast the rows after a context, (prediction_length, n_targets), and quantiles with one axis more."""
        fitted = self._fitted(labels.series)

        def forecast(y: pd.Series | pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
            return self._ask(y, fitted)

        if fitted is not None and fitted.state != "pretrained":  # its own labels continue
            return forecast(_as_series(values, labels.positions))
        return self._under_labels(forecast, values, labels, lambda answer: bool(np.isfinite(answer[0]).all()))

    def _under_labels(
        self,
        ask: Callable[[pd.Series | pd.DataFrame], Any],
        values: np.ndarray,
        labels: _Labels,
        is_good: Callable[[Any], bool],
    ) -> Any:
        """Try the forms of labels in order, and remember the one that works."""
        known = self.__dict__.setdefault("_forms", {})
        kind = (type(labels.index), labels.step)
        forms = sorted(labels.forms(), key=lambda form: form[0] != known.get(kind))  # first what worked before
        failed: list[Exception] = []
        answers = []
        for name, form in forms:
            try:
                answer = ask(_as_series(values, form))
            except Exception as error:  # forecasters raise anything for labels they do not accept
                failed.append(error)
                continue
            if is_good(answer):
                known[kind] = name
                return answer
            answers.append(answer)
        if answers:
            return answers[0]
        raise failed[0]

    def __getstate__(self) -> dict[str, Any]:
        """Drop the remembered form of labels."""
        state = dict(super().__getstate__())
        state.pop("_forms", None)
        return state

    def _ask(self, y: pd.Series | pd.DataFrame, fitted: Any) -> tuple[np.ndarray, np.ndarray]:
        with _quiet():
            if fitted is None:
                forecaster = clone(self.forecaster).fit(y, fh=self._steps())
            elif fitted.state == "pretrained":
                forecaster = deepcopy(fitted).fit(y, fh=self._steps())
            else:
                forecaster = deepcopy(fitted).update(_follow(fitted, y), update_params=False)
            forecast = np.asarray(forecaster.predict(fh=self._steps()), dtype=np.float64)
            forecast = forecast.reshape(self.prediction_length_, -1)
            if self._levels is None:
                return forecast, forecast[..., None]
            answer = forecaster.predict_quantiles(fh=self._steps(), alpha=list(self._levels))
        return forecast, np.asarray(answer, dtype=np.float64).reshape(*forecast.shape, len(self._levels))

    def _check_heeds(self, windows: TrainingWindows) -> None:
        """Raise if a fitted forecaster makes the same forecast after any context."""
        train = windows.train
        contexts = train.contexts(train.starts.new_zeros(1))
        series = int(contexts.series[0])
        fitted = self._fitted(series)
        if fitted is None or fitted.state == "pretrained":
            return
        rows, labels = _of_targets(contexts)[0], _Labels.of(contexts, 0)
        other = rows[::-1] + np.linspace(1.0, 2.0, len(rows))[:, None] * (1.0 + np.abs(rows).max())
        first, second = (self._forecast(values, labels)[0] for values in (rows, other))
        if np.array_equal(first, second):
            raise ValueError(
                f"the sktime forecaster {self._name} forecasts the same after any context: update(y, "
                "update_params=False) has no effect on it, so it cannot be fitted once. Use "
                'SktimeTeacher(forecaster, fitting="window"), which fits it on every context.'
            )


def _follow(fitted: Any, y: pd.Series | pd.DataFrame) -> pd.Series | pd.DataFrame:
    """Label a context with the fitted names and the labels after the last fitted row."""
    from sktime.forecasting.base import ForecastingHorizon

    labels = ForecastingHorizon(range(1, len(y) + 1)).to_absolute_index(fitted.cutoff)
    names = _fitted_columns(fitted)
    if isinstance(y, pd.DataFrame):
        return y.set_axis(labels, axis=0) if names is None else y.set_axis(labels, axis=0).set_axis(names, axis=1)
    return y.set_axis(labels) if names is None else y.set_axis(labels).rename(names[0])


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress sktime's warning on a future default, which every fit repeats.

    A warnings filter does not work: sktime adds its own filter before it, which shows every FutureWarning.
    """
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_others(message: Warning | str, *details: Any, **more: Any) -> None:
            if not str(message).startswith(_NOTE):
                show(message, *details, **more)

        warnings.filterwarnings("ignore", message=_NOTE, category=FutureWarning)
        warnings.showwarning = show_others
        yield


def is_sktime_forecaster(estimator: Any) -> bool:
    """Return whether an object is a forecaster of sktime, without importing sktime.

    Parameters
    ----------
    estimator : object
        Any object.

    Returns
    -------
    answer : bool
        Whether it has the methods of a sktime forecaster.
    """
    return hasattr(estimator, "update_predict") and hasattr(estimator, "cutoff")


def _fitted_columns(forecaster: Any) -> list[Any] | None:
    """Return the columns of the y that a forecaster was fitted on, if sktime stored them."""
    names = getattr(forecaster, "_y_metadata", {}).get("feature_names")
    return None if names is None or forecaster.state != "fitted" else list(names)


def _of_targets(contexts: Contexts) -> np.ndarray:
    targets = contexts.scaling.targets
    original = contexts.original()
    return original if targets is None else original[..., list(targets)]


@dataclass(frozen=True)
class _Labels:
    """The labels of some rows of a series, in all forms."""

    series: int
    index: pd.Index | None
    step: Step | None
    first: int
    stop: int

    @classmethod
    def of(cls, contexts: Contexts, window: int) -> _Labels:
        series, origin = int(contexts.series[window]), int(contexts.origins[window])
        index = contexts.indexes[series]
        step = contexts.step_of(series)
        step = find_step(index) if step is None and index is not None else step
        return cls(series, index, step, origin - contexts.values.shape[1], origin)

    @property
    def positions(self) -> pd.RangeIndex:
        return pd.RangeIndex(self.first, self.stop)

    @property
    def last(self) -> Any:
        return self.stop - 1 if self.index is None else self.index[self.stop - 1]

    def forms(self) -> Iterator[tuple[str, pd.Index]]:
        return label_forms(self.index, self.step, self.first, self.stop)


def _as_series(values: np.ndarray, index: pd.Index) -> pd.Series | pd.DataFrame:
    if values.shape[1] == 1:
        return pd.Series(values[:, 0], index=index)
    return pd.DataFrame(values, index=index)


def _training_rows(windows: TrainingWindows) -> list[tuple[np.ndarray, _Labels] | None]:
    """Return the rows of each series that training windows use; None if there are none."""
    train, store = windows.train, windows.train.store
    starts = train.starts if train.known is None else train.starts[train.known]
    ends = starts.cpu().numpy() + train.context_length + train.prediction_length
    numbers = train.series_of(starts.cpu().numpy())
    found: list[tuple[np.ndarray, _Labels] | None] = []
    for number, (offset, index) in enumerate(zip(store.offsets, store.indexes, strict=True)):
        here = ends[numbers == number]
        if not len(here):
            found.append(None)
            continue
        n_rows = int(here.max() - offset)
        original = store.original(number, n_rows)
        step = store.steps[number] if number < len(store.steps) else None
        found.append((original[:, list(train.targets)], _Labels(number, index, step, 0, n_rows)))
    return found
