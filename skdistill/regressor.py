"""DistilledRegressor: distillation on tables of windows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, validate_data

from skdistill._base import BaseDistilled
from skdistill._parameter_checks import warn_of_idle_settings
from skdistill._shorthand import resolve_loss
from skdistill._utils._checks import check_integer
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils._usual_modes import with_gradients
from skdistill._utils.numpy_student import fill_masked, read_numbers
from skdistill._validation_share import validation_share, warn_of_unread_rows
from skdistill.data._bounds import check_bounds, clip, warn_outside
from skdistill.data._context_batch import ContextBatch
from skdistill.data._plausibility._one_value import varies, warn_of_one_value
from skdistill.data._plausibility._outliers import find_outliers_of_windows, warn_of_outliers
from skdistill.data._roles import Roles
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._series_labels import SeriesLabels, check_columns
from skdistill.data._spread import center_and_spread, settle_constants
from skdistill.data._statics import Statics, warn_of_static_units
from skdistill.data._store import SeriesStore
from skdistill.data._tables import check_has_no_times
from skdistill.data._target_units import TargetUnits
from skdistill.data._training_windows import TrainingWindows, judged
from skdistill.data._validation_rows import count_validation_rows
from skdistill.data._windows import Windows
from skdistill.deploy._saveable import saveable
from skdistill.losses._objective import reads_labels
from skdistill.probabilistic._settings import at_levels
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._reads_series import find_reads_series, find_untrained
from skdistill.teachers._teacher_name import teacher_name

__all__ = ["DistilledRegressor"]


@saveable
class DistilledRegressor(RegressorMixin, BaseDistilled):
    """Distill a teacher into a student on a table of windows.

    It is meant for tools that reduce forecasting to a table: each row of ``X`` is a context, each row of ``y`` contains
    the values that followed it. Lengths and channels are inferred from the shapes. Rows must be in time order, because
    the last ones are used for validation. Values are standardized internally (one mean and scale per channel, from
    contexts and targets of the training rows), and predictions are returned in the units of ``y``.

    Targets in other units than their contexts (a scaler of ``X`` or of ``y`` alone, as in
    ``TransformedTargetRegressor``; logarithms or differences as ``y``) are noticed where the targets do not continue
    their contexts or vary more than four times as far, and brought to the units of the contexts by a line through the
    level of each context. Such a regressor is saved, but not exported.

    Predictions are computed in float64, so that the forecast of a row does not depend on the other rows.

    Parameters
    ----------
    teacher : network, teacher, FrozenEstimator, list of them, str or None, default="pretrained"
        The teacher. ``"pretrained"`` is :class:`~skdistill.teachers.Pretrained`, whose weights come with the package. A
        network, or the short name of one, is trained with the settings of
        :class:`~skdistill.teachers.TrainedTeacher`; a fitted forecaster is passed in
        ``sklearn.frozen.FrozenEstimator``; a list is averaged; None trains the student on the truth only.
    student : network or str, default="linear"
        The network of the student.
    loss : loss or str, default="response"
        The objective: one term, a sum, or a published method.
    n_covariates : int, default=0
        Number of columns at the end of a 2-D ``X`` that are no rows of the context but covariates of the window, such
        as known prices over the horizon; the student must read static covariates, as ``"linear"`` and ``"mlp"`` do.
    quantiles : sequence of float or None, default=None
        Rising levels of the quantiles to forecast, such as ``(0.1, 0.5, 0.9)``. Quantiles cannot cross. If no term of
        the loss trains all quantiles, :class:`~skdistill.losses.Pinball` is added. None makes point forecasts only.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, if there are quantiles: the median, or a separate forecast trained by terms such as
        :class:`~skdistill.losses.Supervised` (which is added if there is none). The median of levels without 0.5 is
        such a forecast, too, for which absolute errors are added.
    calibration : {"conformal", "rolling"}, object of skdistill.probabilistic or None, default=None
        How quantiles are shifted after training, based on their errors on the validation windows.
    bounds : tuple of (float or None, float or None), or None, default=None
        Lowest and highest forecast, in original units, such as ``(0, None)`` for sales: forecasts and quantiles beyond
        are clipped, here and in every export. None leaves a side open.
    validation_fraction : "auto", float or int, default="auto"
        Fraction of the rows, at the end, on which training stops early and candidates are chosen; an integer is a
        number of rows, 0 means none. ``"auto"`` is 0.2 if anything reads these rows, and 0 for an exact student with
        one penalty, without quantiles, without a teacher that is trained and without terms that mix steps, as
        ``MultiScale`` does, which so learns from all rows.
    max_epochs : int, default=100
        Maximum number of epochs to train the student.
    batch_size : int, default=32
        Number of windows of a training batch.
    lr : float, default=0.01
        Learning rate in the first epoch.
    patience : int or None, default=5
        Number of epochs without a better validation error before training stops; None never stops early. The weights of
        the best epoch are restored in any case.
    optimizer : {"adam", "adamw", "sgd"}, default="adam"
        The optimizer.
    lr_schedule : {"halving", "constant", "cosine"} or callable, default="halving"
        Factor of ``lr`` by epoch, counted from 0.
    gradient_clip : float or None, default=None
        Maximum norm of the gradient; None does not limit it.
    weight_averaging : float or None, default=None
        Decay, in (0, 1), of an exponential average of the student's weights over the batches, such as 0.99. The
        average, including the statistics of BatchNorm, is validated and becomes the student's weights. None uses the
        plain weights.
    windows_per_epoch : int or None, default=None
        Number of windows of an epoch of the student, drawn anew for each epoch by ``random_state``, each at most once;
        None, or a number above that of the training windows, takes all. For millions of windows: validation, early
        stopping and ``lr_schedule`` follow epochs.
    training_precision : {"float32", "bfloat16"}, default="float32"
        Arithmetic of the student's network in training: ``"bfloat16"`` computes its products in bfloat16 (autocast),
        which pays for wide networks and large batches on a processor or GPU that has such arithmetic. Weights, loss,
        validation and forecasts stay in float32.
    feature_storage : {"stored", "recompute"}, default="stored"
        Whether the teacher's features are stored with the labels, or computed again for every batch (slow, but needs no
        storage).
    label_budget : float, default=8.0
        Maximum size of the labels in GiB, in memory or on disk; if they need more, ``fit`` raises before the teacher is
        trained.
    label_share : float or None, default=None
        Share of the training windows, in (0, 1], that the teacher labels: terms of the loss that read labels apply to
        these windows, terms that read the truth to all. With ``memory``, a larger share later labels only what is new.
        None labels all windows.
    max_labels : int or None, default=None
        Instead of ``label_share``, the maximum number of windows to label.
    label_seconds : float or None, default=None
        Instead of ``label_share``, time for labeling: as many windows as the teacher labels in it, by its rate on a few
        windows. The rate depends on the machine; ``memory`` keeps it, so that later fits label the same windows.
    label_choice : {"strided", "random", "covering", "disagreement"}, default="strided"
        Which windows are labeled, if not all: spread evenly over series and time; drawn at random; alike many for every
        combination of series, season and level; or those in which an exact linear student, fitted to the truth, is
        farthest from it.
    memory : str, Path, Memory, joblib.Memory or None, default=None
        A folder for labels, fitted teachers and checkpoints. It is shared by fits that differ only in loss and student,
        and an interrupted ``fit`` continues from it. It needs a ``random_state``. None stores nothing after ``fit``.
    n_jobs : int or None, default=None
        Number of workers that label in parallel, through joblib (also on a Dask cluster, with
        ``joblib.parallel_config("dask")``). It helps with teachers that use one core; torch networks already use all
        cores. None labels in this process.
    device : str, default="auto"
        Device to train on: ``"cpu"``, ``"cuda"``, ``"cuda:1"``; ``"auto"`` takes a GPU if there is one. Forecasts are
        made on the CPU.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers; with the same seed, results are bit-identical on one machine.
    verbose : int, default=0
        0 shows nothing, 1 progress bars, 2 one line per epoch.

    Attributes
    ----------
    student_ : torch.nn.Module
        The trained student, in float64.
    teacher_ : teacher or None
        The fitted teacher.
    provenance_ : list of dict
        Where the labels came from: ``teacher``, ``source``, ``revision``, ``license`` and ``training_data`` of each
        teacher; empty if the loss reads no labels. Saved files, exports and reports have it, too.
    history_ : list of dict
        One entry per epoch of the student.
    predictor_ : Predictor
        Maps contexts to forecasts of the student; used by every method that forecasts.
    calibration_ : FittedCalibration or None
        Offsets of the quantiles, by step, channel and level.
    spec_ : NetworkSpec
        The problem that the student was built for.
    scaling_ : Scaling
        Mean and scale of every channel.
    n_features_in_ : int
        Length of a context and number of covariates, for 2-D ``X``.
    series_labels_ : SeriesLabels
        Columns of ``X`` in ``fit``, if their names are not text; every later table is checked against them.

    See Also
    --------
    skdistill.DistilledForecaster : The same distillation on whole series.

    Notes
    -----
    Neighboring rows of a table of windows overlap. The last rows are used for validation, but the table does not show
    whether the targets of earlier rows overlap with them. If this matters, leave out ``prediction_length`` rows of the
    table in between.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import DistilledRegressor
    >>> from skdistill.networks import MLP, DLinear
    >>> from skdistill.teachers import TrainedTeacher
    >>> windows = np.lib.stride_tricks.sliding_window_view(np.sin(np.arange(200) / 5), 20)
    >>> regressor = DistilledRegressor(
    ...     TrainedTeacher(MLP(8), lr=0.01), DLinear(), "response", max_epochs=3, random_state=0
    ... )
    >>> regressor.fit(windows[:, :16], windows[:, 16:]).predict(windows[:5, :16]).shape
    (5, 4)
    """

    _dtype = "float64"
    _covariate_units: tuple[tuple[float, ...], tuple[float, ...]]  # mean and spread of the covariates
    _covariate_ranges: tuple[tuple[float, float], ...]  # their smallest and largest values

    def __init__(
        self,
        teacher: Any = "pretrained",
        student: Any = "linear",
        loss: Any = "response",
        *,
        n_covariates: int = 0,
        quantiles: Sequence[float] | None = None,
        point_forecast: str = "median",
        calibration: Any = None,
        bounds: tuple[float | None, float | None] | None = None,
        validation_fraction: Any = "auto",
        max_epochs: int = 100,
        batch_size: int = 32,
        lr: float = 0.01,
        patience: int | None = 5,
        optimizer: str = "adam",
        lr_schedule: Any = "halving",
        gradient_clip: float | None = None,
        weight_averaging: float | None = None,
        windows_per_epoch: int | None = None,
        training_precision: str = "float32",
        feature_storage: str = "stored",
        label_budget: float = 8.0,
        label_share: float | None = None,
        max_labels: int | None = None,
        label_seconds: float | None = None,
        label_choice: str = "strided",
        memory: Any = None,
        n_jobs: int | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.teacher = teacher
        self.student = student
        self.loss = loss
        self.n_covariates = n_covariates
        self.quantiles = quantiles
        self.point_forecast = point_forecast
        self.calibration = calibration
        self.bounds = bounds
        self.validation_fraction = validation_fraction
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.patience = patience
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.gradient_clip = gradient_clip
        self.weight_averaging = weight_averaging
        self.windows_per_epoch = windows_per_epoch
        self.training_precision = training_precision
        self.feature_storage = feature_storage
        self.label_budget = label_budget
        self.label_share = label_share
        self.max_labels = max_labels
        self.label_seconds = label_seconds
        self.label_choice = label_choice
        self.memory = memory
        self.n_jobs = n_jobs
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @with_gradients
    def fit(self, X: Any, y: Any) -> DistilledRegressor:
        """Train the teacher where it needs it, label once, and train the student.

        Parameters
        ----------
        X : array of shape (n_windows, context_length) or (n_windows, context_length, n_channels)
            Contexts, in time order.
        y : array of shape (n_windows,), (n_windows, prediction_length) or (..., n_channels)
            The values that followed each context; 3-D if ``X`` is 3-D.

        Returns
        -------
        self : DistilledRegressor
            The fitted regressor.

        Raises
        ------
        ValueError, TypeError
            If parameters or the table are invalid; raised before anything is trained.
        """
        self._check_parameters()
        check_integer(self.n_covariates, f"n_covariates of {type(self).__name__}", minimum=0)
        self._check_reads_no_series(self._resolve_teacher())
        self.__dict__.pop("student_", None)  # an old student does not fit the new scaling
        try:
            windows = self._windows_to_fit(X, y)
            is_exact = self._distill(windows)
            self._warn_of_foreign_labels()
            self._warn_of_hidden_swing(windows, "take DistilledForecaster, with scaling='window'")
            self.student_ = self.student_.double()
        except BaseException:  # an interrupt between two attributes: half of a fit is none
            self.__dict__.pop("student_", None)
            raise
        if is_exact:
            warn_of_idle_settings(self)
            warn_of_unread_rows(self)
            self._warn_of_few_windows(len(windows.known_train), of_table=True)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Forecast the values after each context.

        Parameters
        ----------
        X : array of shape (n_windows, context_length) or (n_windows, context_length, n_channels)
            Contexts.

        Returns
        -------
        y : float64 ndarray
            Forecasts, in the shape of the ``y`` passed to ``fit``.
        """
        contexts = self._read_contexts(X)
        return self._shaped(self.predictor_.forecast(contexts), contexts)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination of the forecasts.

        Parameters
        ----------
        X : array of shape (n_windows, context_length) or (n_windows, context_length, n_channels)
            Contexts.
        y : array of shape (n_windows,), (n_windows, prediction_length) or (..., n_channels)
            The values that followed each context, in the shape of the ``y`` passed to ``fit``.
        sample_weight : array of shape (n_windows,) or None, default=None
            What each window counts, at least 0; None weighs them equally.

        Returns
        -------
        score : float
            The mean over the steps, and channels, of R², at most 1; higher is better.

        Raises
        ------
        TypeError, ValueError
            If a value of ``y`` is missing or a time, or a weight is below 0.
        """
        check_has_no_times(y, "y")
        if sample_weight is not None:
            sample_weight = read_numbers(sample_weight, "sample_weight of score", finite=True)
            if sample_weight.shape != (len(X),) or (sample_weight < 0).any() or not sample_weight.any():
                raise ValueError(
                    f"sample_weight of score must be {len(X)} numbers of at least 0, one per window, and not all 0; "
                    f"got shape {sample_weight.shape} and a least weight of {sample_weight.min(initial=0.0):g}."
                )
        truth = _read_targets(y)
        if np.ndim(truth) < 3:
            score = super().score(X, truth, sample_weight)
        else:
            forecast = self.predict(X)
            if np.shape(truth) != forecast.shape:
                raise ValueError(
                    f"y of score must have shape {forecast.shape}, as forecasts have; got {np.shape(truth)}."
                )
            flat = (len(forecast), -1)
            score = r2_score(np.reshape(truth, flat), forecast.reshape(flat), sample_weight=sample_weight)
        judged = _as_cube(np.asarray(truth, dtype=np.float64))
        if sample_weight is not None:
            judged = np.where(sample_weight[:, None, None] > 0, judged, np.nan)
        warn_of_outliers(find_outliers_of_windows(judged, "y"), judged=True, of_table=True)
        self._warn_of_truth_outside(judged)
        return float(score)

    def predict_teacher(self, X: Any) -> np.ndarray:
        """Forecast with the teacher, to look at what the student learned from; ``bounds`` do not clip it.

        Parameters
        ----------
        X : array of shape (n_windows, context_length) or (n_windows, context_length, n_channels)
            Contexts.

        Returns
        -------
        y : float64 ndarray
            The teacher's forecasts, in the shape of the ``y`` passed to ``fit``.

        Raises
        ------
        ValueError
            If there is no teacher.
        """
        teacher = self._fitted_teacher()
        contexts = self._read_contexts(X)
        return self._shaped(self.predictor_.forecast_teacher(teacher, contexts), contexts, bounded=False)

    def _predict_around(
        self, X: Any, future: Any, matrix: np.ndarray | None, labels: list[Any], name: str
    ) -> np.ndarray:
        """Forecast quantiles, mapped to the requested levels."""
        if future is not None:
            raise TypeError(f"{type(self).__name__} takes no future: known covariates are columns of X.")
        contexts = self._read_contexts(X)
        return at_levels(self._shaped(self.predictor_.forecast_quantiles(contexts), contexts), matrix)

    def _read_contexts(self, X: Any) -> ContextBatch:
        """Check a table and add its axes of length and channel."""
        check_is_fitted(self)
        check_has_no_times(X, "X")
        self._check_columns(X)
        X = validate_data(self, fill_masked(X), reset=False, dtype=np.float64, allow_nd=True)
        self._check_length(X)
        contexts = self._context_batch(X)
        self._tell_covariates(contexts)
        return contexts

    def _tell_covariates(self, contexts: ContextBatch) -> None:
        """Warn of covariates far outside those of ``fit``, as in other units."""
        if contexts.static is None or not len(contexts.static):
            return
        first = self.n_features_in_ - self.n_covariates
        names = getattr(self, "feature_names_in_", range(self.n_features_in_))[first:]
        statics = Statics(tuple(names), *(np.array(one) for one in self._covariate_units))
        ranges = getattr(self, "_covariate_ranges", ())
        warn_of_static_units(contexts.static, statics, ranges, lambda row: f"row {row} of X", of_table=True)

    def _context_batch(self, X: np.ndarray) -> ContextBatch:
        """Split columns of a table into contexts and standardized covariates."""
        if not self.n_covariates:
            return ContextBatch(_as_cube(X))
        center, unit = (np.array(one) for one in self._covariate_units)
        return ContextBatch(_as_cube(X[:, : -self.n_covariates]), static=(X[:, -self.n_covariates :] - center) / unit)

    @property
    def _roles_of_table(self) -> Roles | None:
        """Roles of the values of a window and of its covariates, for exported files; None without covariates."""
        if not self.spec_.n_static:
            return None
        center, unit = (np.array(one) for one in self._covariate_units)
        static = tuple(range(1, 1 + len(center)))
        return Roles(1 + len(center), (0,), static=static, static_center=center, static_unit=unit)

    def _shaped(self, forecasts: np.ndarray, contexts: ContextBatch, *, bounded: bool = True) -> np.ndarray:
        """Bring forecasts to the units of ``y``, and drop the axes that it did not have."""
        units = self._target_units()
        if units is not None:  # bounds are in the units of y
            forecasts = units.restore(forecasts, contexts.values)
            forecasts = clip(forecasts, self._target_bounds) if bounded else forecasts
        if self._target_ndim == 3:
            return forecasts
        return forecasts[:, :, 0] if self._target_ndim == 2 else forecasts[:, 0, 0]

    def _check_columns(self, X: Any) -> None:
        """Compare column names of any type with those of ``fit``; scikit-learn compares names that are text."""
        labels = getattr(self, "series_labels_", None)
        if labels is not None and isinstance(X, pd.DataFrame) and X.shape[1] == self.n_features_in_:
            check_columns(labels.columns, X.columns)

    def _check_table(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        check_has_no_times(X, "X")
        check_has_no_times(y, "y")
        self.__dict__.pop("series_labels_", None)
        if isinstance(X, pd.DataFrame) and not all(isinstance(name, str) for name in X.columns):
            self.series_labels_ = SeriesLabels(X.columns)
        X, y = fill_masked(X), _read_targets(y)
        floats = (np.float64, np.float32)
        if 3 in (getattr(X, "ndim", 2), getattr(y, "ndim", 2)):
            options = {"dtype": floats, "allow_nd": True}
            X, y = validate_data(self, X, y, validate_separately=(options, options))
            check_consistent_length(X, y)
            if X.ndim != 3 or y.ndim != 3 or X.shape[2] != y.shape[2]:
                raise ValueError(
                    "X and y must both have shape (n_windows, length, n_channels), with the same channels; "
                    f"got {X.shape} and {y.shape}."
                )
        else:
            X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=floats)
        if self.n_covariates and (X.ndim == 3 or X.shape[1] <= self.n_covariates):
            raise ValueError(
                f"n_covariates of {type(self).__name__} = {self.n_covariates} needs a 2-D X with more columns; "
                f"got shape {X.shape}."
            )
        if len(X) < 2:
            raise ValueError(f"{type(self).__name__} needs at least 2 windows to fit; got n_samples={len(X)}.")
        return X, y

    def _check_length(self, X: np.ndarray) -> None:
        expected = (self.spec_.context_length + self.n_covariates, self.spec_.n_channels)
        if _as_cube(X).shape[1:] != expected:
            raise ValueError(
                f"X must have shape (n_windows, {expected[0]}, {expected[1]}) as in fit (a single channel may be left "
                f"out); got {X.shape}."
            )

    def _check_reads_no_series(self, teacher: BaseTeacher | None) -> None:
        """Raise if a teacher, or a member, is fitted on series: a table of windows has none."""
        found = find_reads_series(teacher)
        if found is not None:
            raise ValueError(
                f"the teacher {teacher_name(found)} is fitted on the rows of each series, and {type(self).__name__} "
                'gets a table of windows, whose rows are no series: set fitting="window", which fits it on every '
                "context, or use DistilledForecaster."
            )

    def _validation_share(self, X: np.ndarray, y: np.ndarray) -> float | int:
        return validation_share(self, X.shape[1] - self.n_covariates, y.shape[1] if y.ndim > 1 else 1)

    def _windows_to_fit(self, X: Any, y: Any) -> TrainingWindows:
        X, y = self._check_table(X, y)
        self._target_ndim = y.ndim
        n_windows = len(X)
        share = self._validation_share(X, y)
        n_validation = count_validation_rows(n_windows, share)
        n_train = n_windows - n_validation
        if share and not n_validation:
            raise ValueError(
                f"validation_fraction of {type(self).__name__} = {share} leaves none of the {n_windows} rows of X to "
                "validate on: give more rows, a larger fraction, or 0 to train without early stopping."
            )
        if n_train < 1:
            raise ValueError(
                f"validation_fraction of {type(self).__name__} = {self.validation_fraction} leaves none of the "
                f"{n_windows} rows of X to train on: take fewer rows, or a fraction."
            )
        if self.n_covariates:
            covariates = X[:n_train, -self.n_covariates :]
            self._covariate_units = _units_of(covariates)
            ends = (covariates.min(axis=0).tolist(), covariates.max(axis=0).tolist())
            self._covariate_ranges = tuple(zip(*ends, strict=True))
            places = range(X.shape[1] - self.n_covariates, X.shape[1])
            warn_of_one_value([f"column {one}" for one in places if not varies([X[:n_train, one]])])
        else:
            for name in ("_covariate_units", "_covariate_ranges"):  # those of an earlier fit
                self.__dict__.pop(name, None)
        given = self._context_batch(X)
        contexts, horizons = given.values, _as_cube(y)
        self._warn_of_outliers(X, contexts, horizons)
        n_channels = contexts.shape[2]
        units = TargetUnits.find(contexts[:n_train], horizons[:n_train])
        self._target_lines = None if units is None else units.lines
        self._are_foreign = units is not None and units.are_others(horizons, contexts)
        horizons = horizons if units is None else units.to_contexts(horizons, contexts)
        rows = np.concatenate([contexts, horizons], axis=1)
        bounds = check_bounds(self.bounds, type(self).__name__)
        self._target_bounds = None if units is None else bounds
        warn_outside([_as_cube(y)[:n_train].reshape(-1, n_channels)], bounds, ["y"], type(self).__name__)
        scaling = Scaling(bounds=bounds if units is None else None).fit([rows[:n_train].reshape(-1, n_channels)])
        windows = _windows_of(contexts, horizons, scaling, given.static)
        validation = judged(windows.take(slice(n_train, None))) if n_validation else None
        return TrainingWindows(windows.take(slice(n_train)), validation)

    def _warn_of_foreign_labels(self) -> None:
        """Warn if targets do not continue their contexts, but labels of a teacher that learned nothing from y do."""
        teacher = find_untrained(self._resolve_teacher())
        if not self._are_foreign or teacher is None or not reads_labels(self.teacher, resolve_loss(self.loss)):
            return
        warnings.warn(
            f"the values of y do not continue the rows of X, and {teacher_name(teacher)} does not learn from y: its "
            "labels count as continuations of X. If the last columns of X are covariates, say so by n_covariates= of "
            f"{type(self).__name__}; if X and y are scaled apart, scale neither; or take teacher=None.",
            stacklevel=stacklevel_of_user(),
        )

    def _warn_of_outliers(self, X: np.ndarray, contexts: np.ndarray, horizons: np.ndarray) -> None:
        """Warn of values that decide what is learned; each covariate has units of its own."""
        found = find_outliers_of_windows(contexts, "X") + find_outliers_of_windows(horizons, "y")
        for column in range(X.shape[1] - self.n_covariates, X.shape[1]):
            found += find_outliers_of_windows(X[:, column, None, None], "X", column)
        warn_of_outliers(found, of_table=True)

    def _windows_to_calibrate(self, X: Any, y: Any) -> Windows:
        given = self._read_contexts(X)
        contexts = given.values
        expected = (len(contexts), self.spec_.prediction_length, self.spec_.n_targets)
        horizons = _as_cube(
            check_array(_read_targets(y), dtype=np.float64, ensure_2d=False, allow_nd=True, input_name="y")
        )
        if horizons.shape != expected:
            raise ValueError(
                f"y of calibrate must be the values that followed each context, {expected} as in fit (axes of length "
                f"1 may be "
                f"left out); got {np.shape(y)}."
            )
        warn_of_outliers(find_outliers_of_windows(horizons, "y"), calibrated=True, of_table=True)
        self._warn_of_truth_outside(horizons)
        units = self._target_units()
        horizons = horizons if units is None else units.to_contexts(horizons, contexts)
        return _windows_of(contexts, horizons, self.scaling_, given.static)

    def _warn_of_truth_outside(self, truth: np.ndarray) -> None:
        """Warn of values (n_windows, prediction_length, n_channels) beyond the bounds of the fitted student."""
        bounds = self.scaling_.bounds if self._target_units() is None else self._target_bounds
        warn_outside([truth.reshape(-1, truth.shape[2])], bounds, ["y"], type(self).__name__, what="values")

    def _target_units(self) -> TargetUnits | None:
        """Return the units of targets that were scaled apart from their contexts; None where they were not."""
        lines = getattr(self, "_target_lines", None)
        return None if lines is None else TargetUnits(lines)

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn what this estimator takes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.three_d_array = True
        tags.regressor_tags.poor_score = True
        return tags


def _as_cube(values: np.ndarray) -> np.ndarray:
    """Add the axes of length and channel to a table of one channel."""
    if values.ndim == 1:
        return values[:, None, None]
    return values[:, :, None] if values.ndim == 2 else values


def _units_of(covariates: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and spread of each covariate; a constant one has its level for a spread, or 1."""
    mean, spread, _, constant = center_and_spread([covariates], lambda rows, *_: rows)
    return tuple(mean.tolist()), tuple(settle_constants(mean, spread, constant, targets=()).tolist())


def _windows_of(
    contexts: np.ndarray, horizons: np.ndarray, scaling: Scaling, static: np.ndarray | None = None
) -> Windows:
    """Return the rows of a table as windows, each of a series of its own if they have covariates."""
    n_windows, context_length, n_channels = contexts.shape
    rows = np.concatenate([contexts, horizons], axis=1)
    store = SeriesStore.from_series([Series(rows.reshape(-1, n_channels))], scaling, padding=0)
    starts = torch.arange(n_windows) * rows.shape[1]
    if static is not None:
        store = replace(
            store,
            offsets=starts.numpy(),
            lengths=np.full(n_windows, rows.shape[1]),
            indexes=(None,) * n_windows,
            static=torch.from_numpy(static.astype(np.float32)),
        )
    return Windows(store, starts, context_length, horizons.shape[1], tuple(range(n_channels)))


def _read_targets(y: Any) -> Any:
    """Return targets with NaN where they are masked or None, as scikit-learn's checks take them."""
    y = fill_masked(y)
    if isinstance(y, list | tuple | np.ndarray) and np.asarray(y).dtype == object:
        return read_numbers(y, "y")
    return y
