"""Any forecaster of sktime as teacher."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skdistill._utils._checks import check_n_jobs
from skdistill._utils._choices import check_choice
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._levels import check_quantiles
from skdistill.data._offsets import is_exact
from skdistill.data._training_windows import TrainingWindows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._fit_numbers import numbers_of_fit
from skdistill.teachers._provenance import FIELDS, Entry
from skdistill.teachers._sktime_labels import clock_changes
from skdistill.teachers._sktime_rows import RowLabels, as_series, quiet, training_rows, under_labels
from skdistill.teachers._sktime_series import roll_all, roll_series, simpler, warn_of_simpler

__all__ = ["SktimeTeacher", "is_sktime_forecaster"]


class SktimeTeacher(BaseTeacher):
    """Teacher that labels with a sktime forecaster, in original units.

    The forecaster gets rows of the targets, with their time labels, as ``y``. One with ``capability:exogenous`` gets
    known covariates as ``X``, in ``fit`` and for the horizon in ``predict`` (with ``fitting="window"`` or ``"once"``;
    gaps are filled); past covariates are not read. There are three ways to fit it:

    - ``fitting="series"``, for exponential smoothing, Theta and ARIMA, on panels above all: it is fitted once on the
      training rows of each series and target. Its state then moves forward through these rows with the fitted
      parameters, and it forecasts from every origin. Thousands of windows take seconds.
    - ``fitting="window"``, for any forecaster that is fast to fit: a copy is fitted on every context.
    - ``fitting="once"``, for forecasters that learn across time (reduction to a regressor, deep networks): one copy is
      fitted on the training rows of each series, and gets every context by ``update(y, update_params=False)``.

    Parameters
    ----------
    forecaster : sktime forecaster, or FrozenEstimator around one
        The forecaster. A fitted forecaster in ``sklearn.frozen.FrozenEstimator`` is used as it is, and gets each
        context by ``update``; a pretrained one gets each context by ``fit``. A forecaster fitted on rows of a test fold
        leaks them.
    fitting : {"window", "once", "series"}, default="window"
        What the forecaster is fitted on: every context, or the training rows of each series, as above. After
        ``"once"``, a copy labels the series of its id, or else the one at the same position in the list. Ignored for a
        frozen forecaster.
    quantiles : sequence of float or None, default=None
        Rising levels of the quantiles to request from the forecaster; it needs ``capability:pred_int``, and not
        ``fitting="series"``. None requests no quantiles.
    n_jobs : int or None, default=None
        Number of workers of joblib over which ``fitting="series"`` distributes the series; None takes the ``n_jobs`` of
        the estimator, which also distributes the windows of the other ways.

    Attributes
    ----------
    fitted_ : list of sktime forecaster
        The fitted forecaster of each series, if ``fitting="once"``; with a single series, it labels any series. None
        for a series without training windows, for which every context is fitted.
    forecasts_ : ndarray of shape (n_windows, prediction_length, n_targets)
        Forecasts of the training windows, if ``fitting="series"``.
    places_ : ndarray of int of shape (n_windows, 2)
        Series and origin of each of them.

    See Also
    --------
    skdistill.teachers.GivenLabels : Forecasts made elsewhere.

    Notes
    -----
    A fitted forecaster gets every context with labels that follow its own last row: with earlier labels, many
    forecasters of sktime predict in sample, from rows after the context. It therefore uses the order of the context but
    not its calendar. If a forecaster has a season or a calendar in its parameters, fit it per window. A forecaster with
    the same forecast after any context raises an error. One that was fitted on hours of a time zone counts them on its
    clock, also where that changes, which gives a warning.

    With ``fitting="series"``:

    - Labels of training windows depend on no row that is held out. The smoothing parameters, the initial state, the
      trend of Theta and the seasonal factors come from all training rows of the series. Everything else in a label
      depends on the rows before its horizon only, and these include rows before the context.
    - Gaps are filled from earlier rows of the series. Rows before the first observed one are left out, and rows after
      the last one, such as those of a horizon in ``X``, that are in no context.
    - A series too short for the season is labeled without a season, and one on which the forecaster fails by its last
      observed value; a warning names these series.
    - ``predict_teacher`` and ``compare`` have only contexts, and fit a copy on each.
    - Known are sktime's ThetaForecaster, ExponentialSmoothing, AutoETS, SARIMAX and UnobservedComponents, and its
      adapters of statsforecast. Other forecasters raise an error before anything is trained.

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

    One fit per series of a panel:

    >>> from sktime.forecasting.theta import ThetaForecaster
    >>> theta = SktimeTeacher(ThetaForecaster(sp=12), fitting="series")  # doctest: +SKIP
    >>> forecaster = DistilledForecaster(theta, loss="response", context_length=24).fit(panel)  # doctest: +SKIP
    """

    reads_validation = False
    labels_alone = True
    reads_static = False
    settings_of_quantiles: ClassVar[tuple[str, ...]] = ("quantiles",)

    def __init__(
        self,
        forecaster: Any,
        *,
        fitting: str = "window",
        quantiles: Sequence[float] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.forecaster = forecaster
        self.fitting = fitting
        self.quantiles = quantiles
        self.n_jobs = n_jobs

    @property
    def labels_in_parallel(self) -> bool:  # type: ignore[override]
        """Whether labeling windows is work for several workers."""
        return not self._rolls

    @property
    def reads_known(self) -> bool:  # type: ignore[override]
        """Whether the forecaster gets known covariates."""
        if self._rolls or (self._is_frozen and getattr(self.forecaster.estimator, "state", None) == "fitted"):
            return False
        get_tag = getattr(self._inner, "get_tag", None)  # check refuses what has none
        return get_tag is None or bool(get_tag("capability:exogenous"))

    @property
    def scale_free(self) -> bool:  # type: ignore[override]
        """Whether it is fitted on the rows of the context alone."""
        return self.fitting == "window" and not self._is_frozen

    @property
    def reads_series(self) -> bool:  # type: ignore[override]
        """Whether it is fitted on the rows of each series."""
        return self.fitting != "window" and not self._is_frozen

    def provenance(self) -> list[Entry]:
        """Say which forecaster of sktime labels."""
        known = {
            "teacher": type(self).__name__,
            "source": f"{type(self._inner).__module__.split('.')[0]}.{self._name}",
            "training_data": None if self._is_frozen else "the series of the student",
        }
        return [{name: known.get(name) for name in FIELDS}]

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the number of workers, where each window or one fit is computed in one process."""
        return {} if self.fitting == "series" else {"n_jobs": f"with fitting={self.fitting!r}, only with 'series'"}

    def check(self, spec: NetworkSpec) -> None:
        """Raise if there is no sktime forecaster, or a frozen one that is not fitted."""
        check_choice(self.fitting, ("window", "once", "series"), "fitting of SktimeTeacher")
        check_n_jobs(self.n_jobs, "n_jobs of SktimeTeacher")
        inner = self._inner
        if isinstance(inner, type) or not is_sktime_forecaster(inner):
            raise TypeError(
                "forecaster of SktimeTeacher must be a sktime forecaster, or a fitted one in "
                f"sklearn.frozen.FrozenEstimator; got {inner!r}."
            )
        if any(name.split("__")[-1] == "simple_differencing" and value for name, value in inner.get_params().items()):
            raise ValueError(
                f"forecaster of SktimeTeacher has simple_differencing=True: {type(inner).__name__} forecasts "
                "differences in place of values. Set it to False."
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
        if self._levels is not None and self._rolls:
            raise ValueError(
                "quantiles of SktimeTeacher need fitting='window' or 'once': with 'series' there are point forecasts "
                "only. For quantiles of the student, set calibration='conformal'."
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
        if self._is_frozen:
            self._warn_of_clock(windows.train.context_length + windows.train.prediction_length)
        if self._is_frozen or self.fitting == "window":
            self._check_heeds(windows)
            return super().probe(windows)
        if self._rolls:
            self._check_rolls(windows)
        zeros = torch.zeros(1, self.prediction_length_, len(windows.train.targets))
        if self._levels is None:
            return Labels(zeros)
        return Labels(zeros, None, zeros[:, None].repeat(1, len(self._levels), 1, 1), self._levels)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> SktimeTeacher:
        """Fit on the training rows of each series, unless ``fitting="window"``.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows; validation rows are not used.
        checkpoint : Path or None, default=None
            Not used.

        Raises
        ------
        ValueError
            If the fitted forecaster ignores the context, or its state cannot be read.
        """
        self._learn_shape(windows)
        if self._rolls:
            self._roll(windows)
            return self
        if not self._is_frozen and self.fitting == "once":
            rows = training_rows(windows)
            self.ids_ = tuple(windows.train.store.ids)
            with quiet():
                self.fitted_ = [
                    None if one is None else self._fit_once(*one, self._known_rows(windows, number, len(one[0])))
                    for number, one in enumerate(rows)
                ]
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
        places = self._places(contexts)
        rows = _of_targets(contexts)
        known = self._known(contexts)
        failed: list[str] = []
        answers = [
            self._forecast(
                *self._trim(contexts, window, values, fitted),
                known=None if known is None else known[window],
                fitted=fitted,
                failed=failed,
            )
            for window, (values, fitted) in enumerate(zip(rows, map(self._fitted, places), strict=True))
        ]
        forecasts = np.stack([forecast for forecast, _ in answers])
        if failed and not self.__dict__.get("_told_short"):  # compare asks for many blocks
            self._told_short = True
            self._warn_of_short_contexts(rows.shape[1], failed[0])
        if not np.isfinite(forecasts).all():
            window = int(np.argwhere(~np.isfinite(forecasts))[0, 0])
            raise ValueError(
                f"the sktime forecaster {self._name} gives no finite forecast after "
                f"{RowLabels.of(contexts, window).last}: a teacher must label every window."
            )
        point = torch.from_numpy(np.ascontiguousarray(contexts.forecasts_to_standard(forecasts)))
        if self._levels is None:
            return Labels(point)
        quantiles = np.stack([one for _, one in answers]).transpose(0, 3, 1, 2)
        standard = contexts.quantiles_to_standard(quantiles)
        return Labels(point, None, torch.from_numpy(np.ascontiguousarray(standard)), self._levels)

    def label_training(self, contexts: Contexts) -> Labels:
        """Label contexts of training windows; with ``fitting="series"``, from the fit of their series.

        Returns
        -------
        labels : Labels
            Forecasts without features; quantiles if requested.

        Raises
        ------
        ValueError
            If a context is none of a training window.
        """
        if not self._rolls:
            return self.label(contexts)
        wanted = _keys(np.stack([contexts.series, contexts.origins], axis=1))
        known = self._known_keys
        found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        if not np.array_equal(known[found], wanted):
            raise ValueError("SktimeTeacher with fitting='series' labels the windows of its fit only; got another one.")
        standard = contexts.forecasts_to_standard(self.forecasts_[found].astype(np.float64))
        return Labels(torch.from_numpy(np.nan_to_num(standard, nan=0.0)))

    def for_cache_key(self) -> SktimeTeacher:
        """Return a copy without the number of workers, which changes no label.

        Returns
        -------
        teacher : SktimeTeacher
            An unfitted copy.
        """
        return clone(self).set_params(n_jobs=None)

    def __sklearn_clone__(self) -> SktimeTeacher:
        """Return an unfitted copy, without sktime's warning at every construction of a forecaster."""
        with quiet():
            return type(self)(
                clone(self.forecaster, safe=False), fitting=self.fitting, quantiles=self.quantiles, n_jobs=self.n_jobs
            )

    @property
    def _levels(self) -> tuple[float, ...] | None:
        return None if self.quantiles is None else check_quantiles(self.quantiles, "quantiles of SktimeTeacher")

    @property
    def _is_frozen(self) -> bool:
        return isinstance(self.forecaster, FrozenEstimator)

    @property
    def _rolls(self) -> bool:
        return self.fitting == "series" and not self._is_frozen

    @property
    def _inner(self) -> Any:
        """The forecaster of sktime, without the wrapper of a frozen one."""
        return self.forecaster.estimator if self._is_frozen else self.forecaster

    @property
    def _name(self) -> str:
        return type(self._inner).__name__

    def _learn_shape(self, windows: TrainingWindows) -> None:
        self.prediction_length_ = windows.train.prediction_length

    def _steps(self) -> list[int]:
        return list(range(1, self.prediction_length_ + 1))

    def _fitted(self, series: int) -> Any:
        """Return the fitted forecaster, or None if each context is fitted."""
        if self._is_frozen:
            return self.forecaster.estimator
        if self.fitting != "once":
            return None
        return self.fitted_[series if len(self.fitted_) > 1 else 0]

    def _places(self, contexts: Contexts) -> np.ndarray:
        """Return the number of the fitted forecaster of each window, or raise if there is none."""
        if self._is_frozen or self.fitting != "once" or len(self.fitted_) == 1:
            return contexts.series
        numbers, n_given = numbers_of_fit(contexts, self.ids_), len(contexts.indexes)
        n_needed = max(number for number, one in enumerate(self.fitted_) if one is not None) + 1
        unknown = np.flatnonzero(numbers[contexts.series] < 0)
        if len(unknown) or (not (self.ids_ and contexts.ids) and not n_needed <= n_given <= len(self.fitted_)):
            got = repr(contexts.ids[contexts.series[unknown[0]]]) if len(unknown) else f"{n_given} series"
            raise ValueError(
                f"X must be a list of the {n_needed} series of fit, in their order, or a panel of their ids, each of "
                f"which has a forecaster where fitting of SktimeTeacher is 'once'; got {got}. Give those, or use "
                'SktimeTeacher(forecaster, fitting="window"), which labels any series.'
            )
        return numbers[contexts.series]

    def _known_rows(self, windows: TrainingWindows, series: int, n_rows: int) -> np.ndarray | None:
        """Return known covariates of the first rows of a series, (n_rows, n_known), with gaps filled."""
        store = windows.train.store
        if not store.known or not self.reads_known:
            return None
        rows = pd.DataFrame(store.original(series, n_rows)[:, list(store.known)])
        return rows.ffill().bfill().fillna(0.0).to_numpy()

    def _fit_once(self, values: np.ndarray, labels: RowLabels, known: np.ndarray | None) -> Any:
        """Fit on the rows of a series, with the first form of labels that the forecaster accepts."""
        horizon = self.prediction_length_

        def fit(y: pd.Series | pd.DataFrame) -> Any:
            X = None if known is None else _as_covariates(known, y.index)
            forecaster = clone(self.forecaster).fit(y, X=X, fh=self._steps())
            any_rows = None if known is None else np.repeat(known[-1:], horizon, axis=0)  # only tries the labels
            ahead = None if any_rows is None else _as_covariates(any_rows, _labels_after(forecaster, horizon))
            forecaster.predict(fh=self._steps(), X=ahead)
            return forecaster

        return under_labels(fit, values, labels, self._known_forms())

    @cached_property
    def _known_keys(self) -> np.ndarray:
        return _keys(self.places_)

    def _roll(self, windows: TrainingWindows) -> None:
        """Fit on each series, and forecast from the origins of its training windows."""
        train, store = windows.train, windows.train.store
        starts = train.starts.cpu().numpy()
        numbers = train.series_of(starts)
        origins = starts - store.offsets[numbers] + train.context_length
        order = np.lexsort((origins, numbers))
        self.__dict__.pop("_known_keys", None)
        self.places_ = np.stack([numbers, origins], axis=1)[order].astype(np.int64)
        rows = {labels.series: (values, labels) for values, labels in _given(windows)}
        bounds = np.searchsorted(self.places_[:, 0], list(rows), side="right")
        here = np.split(self.places_[:, 1], bounds[:-1])
        with quiet():
            rolled = roll_all(
                self.forecaster, list(rows.values()), here, self.prediction_length_, store.season or 1, self.n_jobs
            )
        self.forecasts_ = np.concatenate([one.forecasts for one in rolled])
        ids = [store.ids[number] if number < len(store.ids) else None for number in rows]
        names = [number if one is None else one for number, one in zip(rows, ids, strict=True)]
        warn_of_simpler(rolled, [f"series {name!r}" for name in names], self._name)

    def _check_rolls(self, windows: TrainingWindows) -> None:
        """Raise if the forecaster cannot be fitted on the longest series, or its state cannot be read."""
        values, labels = max(_given(windows), key=lambda one: len(one[0]))
        season = windows.train.store.season or 1
        with quiet():
            tried = roll_series(
                self.forecaster, values, labels, np.array([len(values)]), self.prediction_length_, season
            )
        if tried.made_by != "forecaster":
            raise ValueError(
                f"the sktime forecaster {self._name} cannot be fitted on the {len(values)} training rows of the "
                f"longest series: {tried.reason}"
            )

    def _trim(self, contexts: Contexts, window: int, values: np.ndarray, fitted: Any) -> tuple[np.ndarray, RowLabels]:
        """Leave out the rows of a context before the first observed one, as of a series that starts there."""
        labels = RowLabels.of(contexts, window)
        if contexts.observed is None or fitted is not None:
            return values, labels
        targets = contexts.scaling.targets
        observed = contexts.observed[window].cpu().numpy()
        observed = observed if targets is None else observed[:, list(targets)]
        n_before = int(np.argmax(observed.any(axis=1)))
        return values[n_before:], labels.without(n_before)

    def _known(self, contexts: Contexts) -> np.ndarray | None:
        """Return known covariates of context and horizon, (n_windows, context + prediction_length, n_known)."""
        if contexts.future is None or not self.reads_known:
            return None
        ahead = contexts.scaling.known_to_original(contexts.future.cpu().numpy(), contexts.known, contexts.units)
        return np.concatenate([contexts.original()[:, :, list(contexts.known)], ahead], axis=1)

    def _forecast(
        self, values: np.ndarray, labels: RowLabels, known: np.ndarray | None, fitted: Any, failed: list[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Forecast the rows after a context, (prediction_length, n_targets), and quantiles with one axis more.

        Where a forecaster of series fails on the context alone, the reason is added to ``failed``.
        """

        def forecast(y: pd.Series | pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
            return self._ask(y, fitted, known)

        if fitted is not None and fitted.state != "pretrained":  # its own labels continue
            return forecast(as_series(values, labels.positions))
        try:
            return under_labels(forecast, values, labels, self._known_forms(), _is_finite)
        except Exception as error:  # forecasters raise anything where a series is too short for them
            if not self._rolls:
                raise
            failed.append(str(error).partition("\n")[0])
            return self._forecast_simpler(values, labels)

    def _warn_of_short_contexts(self, n_rows: int, reason: str) -> None:
        """Warn that a forecaster of series is another one on contexts, which are all that is given here."""
        warnings.warn(
            f"the sktime forecaster {self._name} cannot be fitted on some contexts of {n_rows} rows alone ({reason}), "
            "and forecasts after them without a season, or their last value: these are not its labels in fit, which "
            "come from the rows of whole series. To see what it forecasts, take a context_length of two seasons or "
            "more.",
            stacklevel=stacklevel_of_user(),
        )

    def _forecast_simpler(self, values: np.ndarray, labels: RowLabels) -> tuple[np.ndarray, np.ndarray]:
        """Forecast without a season, or else repeat the last value, as for a series of the fit."""
        steps = self._steps()
        with quiet():
            kinds = list(simpler(self.forecaster))
        for kind, forecaster in kinds:
            if kind == "forecaster":
                continue

            def ask(y: pd.Series | pd.DataFrame, forecaster: Any = forecaster) -> tuple[np.ndarray, np.ndarray]:
                answer = np.asarray(clone(forecaster).fit(y, fh=steps).predict(fh=steps), dtype=np.float64)
                return answer.reshape(len(steps), -1), answer.reshape(len(steps), -1, 1)

            with suppress(Exception), quiet():
                answer = under_labels(ask, values, labels, {}, _is_finite)
                if _is_finite(answer):
                    return answer
        last = np.repeat(values[-1:], len(steps), axis=0)
        return last, last[..., None]

    def _known_forms(self) -> dict[Any, str]:
        return self.__dict__.setdefault("_forms", {})

    def __getstate__(self) -> dict[str, Any]:
        """Drop what follows from the rest: the form of labels that worked, the keys of the windows, what was told."""
        state = dict(super().__getstate__())
        for name in ("_forms", "_known_keys", "_told_short"):
            state.pop(name, None)
        return state

    def _ask(self, y: pd.Series | pd.DataFrame, fitted: Any, known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Forecast after ``y``; ``known`` ends with the known covariates of its rows and of the horizon."""
        horizon = self.prediction_length_
        with quiet():
            if fitted is not None and fitted.state != "pretrained":
                y = _follow(fitted, y)
            X = None if known is None else _as_covariates(known[-horizon - len(y) : -horizon], y.index)
            if fitted is None:
                forecaster = clone(self.forecaster).fit(y, X=X, fh=self._steps())
            elif fitted.state == "pretrained":
                forecaster = deepcopy(fitted).fit(y, X=X, fh=self._steps())
            else:
                forecaster = deepcopy(fitted).update(y, X=X, update_params=False)
            ahead = None if known is None else _as_covariates(known[-horizon:], _labels_after(forecaster, horizon))
            forecast = np.asarray(forecaster.predict(fh=self._steps(), X=ahead), dtype=np.float64)
            forecast = forecast.reshape(horizon, -1)
            if self._levels is None:
                return forecast, forecast[..., None]
            answer = forecaster.predict_quantiles(fh=self._steps(), X=ahead, alpha=list(self._levels))
        return forecast, np.asarray(answer, dtype=np.float64).reshape(*forecast.shape, len(self._levels))

    def _warn_of_clock(self, n_rows: int) -> None:
        """Warn if the clock of a frozen forecaster changes in its rows, or in those that it counts on."""
        fitted = self.forecaster.estimator
        if fitted.state != "fitted" or not isinstance(fitted.cutoff, pd.DatetimeIndex) or not len(fitted.cutoff):
            return
        cutoff, step = fitted.cutoff, getattr(fitted.cutoff, "freq", None)
        if cutoff.tz is None or step is None or not is_exact(step):
            return
        kept = getattr(fitted, "_y", None)  # None with remember_data=False: then any change within a year counts
        seen = getattr(kept, "index", cutoff)
        first = seen[0] if isinstance(seen, pd.DatetimeIndex) and seen.tz is not None else cutoff[0]
        if clock_changes(first if kept is not None else first - pd.Timedelta(days=366), cutoff[0] + n_rows * step):
            among = "in" if kept is not None else "perhaps in (remember_data=False keeps none of them)"
            warnings.warn(
                f"the clock of {cutoff.tz} changes {among} the rows on which the frozen {self._name} was fitted, or "
                f"within the {n_rows} rows (context and horizon) that it counts on from there. sktime counts rows on "
                "that clock, so that seasons can come out of step: fit it on y.tz_convert('UTC').",
                stacklevel=stacklevel_of_user(),
            )

    def _check_heeds(self, windows: TrainingWindows) -> None:
        """Raise if a fitted forecaster makes the same forecast after any context."""
        train = windows.train
        contexts = train.contexts(train.starts.new_zeros(1))
        series = int(contexts.series[0])
        fitted = self._fitted(series)
        if fitted is None or fitted.state == "pretrained":
            return
        rows, labels = _of_targets(contexts)[0], RowLabels.of(contexts, 0)
        every = self._known(contexts)
        known = None if every is None else every[0]
        other = rows[::-1] + np.linspace(1.0, 2.0, len(rows))[:, None] * (1.0 + np.abs(rows).max())
        first, second = (self._forecast(values, labels, known, fitted, [])[0] for values in (rows, other))
        if np.array_equal(first, second):
            raise ValueError(
                f"the sktime forecaster {self._name} forecasts the same after any context: update(y, "
                "update_params=False) has no effect on it, so it cannot be fitted once. Use "
                'SktimeTeacher(forecaster, fitting="window"), which fits it on every context.'
            )


def _follow(fitted: Any, y: pd.Series | pd.DataFrame) -> pd.Series | pd.DataFrame:
    """Label a context with the fitted names and the labels after the last fitted row."""
    labels = _labels_after(fitted, len(y))
    names = _fitted_columns(fitted)
    if isinstance(y, pd.DataFrame):
        return y.set_axis(labels, axis=0) if names is None else y.set_axis(labels, axis=0).set_axis(names, axis=1)
    return y.set_axis(labels) if names is None else y.set_axis(labels).rename(names[0])


def _labels_after(fitted: Any, n: int) -> pd.Index:
    """Return the labels of the rows after the last one that a forecaster has seen."""
    from sktime.forecasting.base import ForecastingHorizon

    return ForecastingHorizon(range(1, n + 1)).to_absolute_index(fitted.cutoff)


def _as_covariates(values: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """Return known covariates in a form of sktime."""
    return pd.DataFrame(values, index=index, columns=[f"known_{number}" for number in range(values.shape[1])])


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


def _is_finite(answer: tuple[np.ndarray, np.ndarray]) -> bool:
    return bool(np.isfinite(answer[0]).all())


def _keys(places: np.ndarray) -> np.ndarray:
    """Return one number per pair of series and origin, in their order."""
    return (places[:, 0].astype(np.int64) << 40) + places[:, 1]


def _given(windows: TrainingWindows) -> list[tuple[np.ndarray, RowLabels]]:
    """Return the rows of the series that have training windows."""
    return [one for one in training_rows(windows, with_unknown=True) if one is not None]


def _of_targets(contexts: Contexts) -> np.ndarray:
    targets = contexts.scaling.targets
    original = contexts.original()
    return original if targets is None else original[..., list(targets)]
