"""DistilledForecaster: series in, forecasts out, scikit-learn style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skdistill._backtest import RollingMixin, count_origins
from skdistill._base import BaseDistilled
from skdistill._comparable import ComparableMixin
from skdistill._parameter_checks import check_series_parameters
from skdistill._partial_fit import UpdatableMixin
from skdistill._utils._checks import check_integer
from skdistill.data._augmentation import Augmentation
from skdistill.data._context_batch import ContextBatch, ContextCutter
from skdistill.data._fit_windows import FitWindows
from skdistill.data._inputs import Series, SeriesInput, read_series
from skdistill.data._targets import find_targets
from skdistill.data._windows import SeriesStore, TrainingWindows, Windows, split_windows
from skdistill.deploy._saveable import saveable
from skdistill.probabilistic._settings import at_levels

__all__ = ["DistilledForecaster"]


@saveable
class DistilledForecaster(RollingMixin, UpdatableMixin, ComparableMixin, BaseDistilled):
    """Teach a small forecaster to do what a heavy one does.

    ``fit`` trains the teacher (where it needs training), asks it once for its forecast of every
    training window, and trains the student on the truth and on those labels. ``predict`` runs the
    student alone. Channels are standardized inside by the training rows; numbers leave in the
    units they came in.

    ``fit`` keeps a reference to the series it was given, never a copy, because :meth:`compare` and :meth:`report`
    train other students on it; nothing else reads it. A change in place after ``fit`` alters no forecast, and they
    notice it. Pickles and saved files leave the series behind.

    Parameters
    ----------
    teacher : network, teacher, FrozenEstimator, list of them, str or None, default="itransformer"
        Who teaches. A network or short name is trained here with the settings of
        :class:`~skdistill.teachers.TrainedTeacher`; a fitted forecaster comes in ``sklearn.frozen.FrozenEstimator``;
        a list is averaged; None trains the student on the truth alone.
    student : network or str, default="mlp"
        The network that learns.
    loss : loss or str, default="timedistill"
        The objective: one term, a sum, or a published method.
    context_length : int, default=336
        Rows of the past that a forecast is made from.
    prediction_length : int, default=96
        Rows that are forecast.
    targets : list of str or int, or None, default=None
        Columns to forecast, by name or position; the others are past covariates. None means all.
    quantiles : sequence of float or None, default=None
        Levels of the quantiles to forecast, rising, such as ``(0.1, 0.5, 0.9)``. They cannot cross. A loss without a
        term that trains them all gets :class:`~skdistill.losses.Pinball` beside its own. None forecasts a point
        alone.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, where there are quantiles: the quantile in the middle, or a forecast of its own
        that terms such as :class:`~skdistill.losses.Supervised` train (which is added where there is none).
    calibration : {"conformal", "rolling"}, object of skdistill.probabilistic or None, default=None
        How quantiles are shifted after training, by their errors on the validation windows.
    transformer : scikit-learn transformer or None, default=None
        Applied to the channels before the standardization and inverted on forecasts, as
        ``TransformedTargetRegressor`` does. Must treat each channel by itself.
    scaling : {"auto", "global", "series", "window"}, default="auto"
        Whose center and unit standardize: ``"global"``, mean and standard deviation of each channel over all training
        rows; ``"series"``, mean and mean absolute seasonal difference of the training rows of each series, or of the
        context for a series that ``fit`` has not seen; ``"window"``, those of each context. ``"auto"`` is ``"series"``
        for a panel of several series, and ``"global"`` for one.
    min_observed : int or None, default=None
        Rows of a series that a training context must hold, so that short series count: rows before the series are
        missing. None means ``context_length`` for one series, and two seasons (at least 8 rows) for a panel.
    missing : {"nan", "raise"}, default="nan"
        What :meth:`predict` does with a context in which no value of a target is observed: forecast NaN, or raise.
    validation_fraction : float or int, default=0.2
        Share of the rows, at the end, that serve early stopping; a whole number counts rows, 0 means none. Training
        targets end before the first of them.
    windows_without_truth : bool, default=False
        Whether windows whose horizon reaches past the training rows join the training, on the teacher's labels alone.
    augmentation : Augmentation or None, default=None
        Perturbed copies of the training rows, whose windows join the training on the teacher's labels alone, such as
        ``skdistill.data.Augmentation()``; None adds none.
    max_epochs : int, default=100
        Most epochs to train the student.
    batch_size : int, default=32
        Windows of a training batch.
    lr : float, default=0.01
        Learning rate of the first epoch.
    patience : int or None, default=5
        Epochs without a better validation error before training stops; None never stops early. The best epoch's
        weights are restored either way.
    optimizer : {"adam", "adamw", "sgd"}, default="adam"
        The optimizer.
    lr_schedule : {"halving", "constant", "cosine"} or callable, default="halving"
        Factor of ``lr`` by epoch, counted from 0.
    gradient_clip : float or None, default=None
        Largest norm of the gradient; None leaves it.
    weight_averaging : float or None, default=None
        Decay, in (0, 1), of an exponential average of the student's weights over the batches, such as .99; the
        average, BatchNorm's statistics included, is what validation judges and what the student gets. None keeps the
        plain weights.
    feature_storage : {"stored", "recompute"}, default="stored"
        Whether the teacher's features are kept with the labels, or computed anew for every batch (slow, but takes no
        room).
    label_budget : float, default=8.0
        Most GiB that labels may take, in memory or on disk; more stops ``fit`` before the teacher is trained.
    memory : str, Path, Memory, joblib.Memory or None, default=None
        A folder for labels, fitted teachers and checkpoints, shared by fits that differ in loss and student only; an
        interrupted or killed ``fit`` goes on from there. Needs a ``random_state``. None keeps nothing after ``fit``.
    n_jobs : int or None, default=None
        Workers that label at once, through joblib (so also on a Dask cluster, under
        ``joblib.parallel_config("dask")``). It pays for teachers that keep one core busy; torch networks use all
        cores by themselves. None labels in this process.
    device : str, default="auto"
        Where to train: ``"cpu"``, ``"cuda"``, ``"cuda:1"``; ``"auto"`` takes a GPU where there is one. Forecasts are
        made on the CPU.
    random_state : int, RandomState instance or None, default=None
        Seed of everything random: same seed, same bits, on one machine.
    verbose : int, default=0
        0 nothing, 1 progress bars, 2 a line an epoch.

    Attributes
    ----------
    student_ : torch.nn.Module
        The trained student.
    teacher_ : teacher or None
        The fitted teacher; :meth:`predict_teacher` asks it.
    history_ : list of dict
        The student's epochs: ``train_loss``, one ``train_<term>`` for each loss term, ``valid_loss``
        (on the validation windows, standardized units: MSE, or the mean pinball loss of quantiles), ``lr`` and
        ``dur`` (seconds).
    predictor_ : Predictor
        The student from contexts to forecasts, which every method that forecasts asks.
    calibration_ : FittedCalibration or None
        Offsets of the quantiles, by step, channel and level.
    spec_ : NetworkSpec
        What the student was built for.
    scaling_ : Scaling
        Mean and scale of every channel, from the training rows.
    targets_ : tuple of int
        Positions of the forecast columns.
    n_features_in_ : int
        Number of channels.
    feature_names_in_ : ndarray of str
        Channel names, where the series was a DataFrame.
    series_labels_ : SeriesLabels
        Columns and steps of the index as ``fit`` saw them, which every later call compares with.

    See Also
    --------
    skdistill.compare : Teacher, student and baselines in one table.
    skdistill.teachers.TrainedTeacher : Settings of a teacher trained here.

    Notes
    -----
    The defaults are TimeDistill's (arXiv 2502.15016): Adam at .01 halved every epoch, batch 32,
    patience 5, up to 100 epochs.

    In a ``Pipeline``, scikit-learn does not undo what the steps before did: forecasts and scores
    are then in the transformed units. Use ``transformer=`` to get original units.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.networks import ITransformer, MLP
    >>> series = make_multiseasonal(n_timestamps=400, n_channels=2, seasons=(24,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     teacher=ITransformer(hidden_size=16, n_heads=2), student=MLP(hidden_size=16),
    ...     context_length=48, prediction_length=12, max_epochs=2, random_state=0,
    ... )
    >>> forecaster.fit(series[:300]).predict(series[300:350]).shape
    (12, 2)
    """

    def __init__(
        self,
        teacher: Any = "itransformer",
        student: Any = "mlp",
        loss: Any = "timedistill",
        *,
        context_length: int = 336,
        prediction_length: int = 96,
        targets: Sequence[str | int] | None = None,
        quantiles: Sequence[float] | None = None,
        point_forecast: str = "median",
        calibration: Any = None,
        transformer: BaseEstimator | None = None,
        scaling: str = "auto",
        min_observed: int | None = None,
        missing: str = "nan",
        validation_fraction: float = 0.2,
        windows_without_truth: bool = False,
        augmentation: Augmentation | None = None,
        max_epochs: int = 100,
        batch_size: int = 32,
        lr: float = 0.01,
        patience: int | None = 5,
        optimizer: str = "adam",
        lr_schedule: Any = "halving",
        gradient_clip: float | None = None,
        weight_averaging: float | None = None,
        feature_storage: str = "stored",
        label_budget: float = 8.0,
        memory: Any = None,
        n_jobs: int | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.teacher = teacher
        self.student = student
        self.loss = loss
        self.context_length = context_length
        self.prediction_length = prediction_length
        self.targets = targets
        self.quantiles = quantiles
        self.point_forecast = point_forecast
        self.calibration = calibration
        self.transformer = transformer
        self.scaling = scaling
        self.min_observed = min_observed
        self.missing = missing
        self.validation_fraction = validation_fraction
        self.windows_without_truth = windows_without_truth
        self.augmentation = augmentation
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.patience = patience
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.gradient_clip = gradient_clip
        self.weight_averaging = weight_averaging
        self.feature_storage = feature_storage
        self.label_budget = label_budget
        self.memory = memory
        self.n_jobs = n_jobs
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    # -- fitting -----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> DistilledForecaster:
        """Train the teacher where it needs it, label once, and train the student.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or a list of them
            The series: rows are time, in order; columns are channels. A 3-D array (n_series,
            n_timestamps, n_channels) is many series of one length.
        y : None, default=None
            Ignored, present for API consistency.

        Returns
        -------
        self : DistilledForecaster
            The fitted forecaster.

        Raises
        ------
        ValueError, TypeError
            On bad parameters or a bad series, before anything is trained.
        """
        self._check_parameters()
        self._forget_fit()
        given = read_series(self, X, reset=True, allow_batch=False)
        self._distill(self._cut(given))
        self._keep_for_comparing(X)
        self._keep_for_updates(given.series)
        return self

    def _forget_fit(self) -> None:
        """Drop the old student, which does not fit the new scaling, and what was kept with it."""
        for name in ("student_", "_kept", "_seen"):
            self.__dict__.pop(name, None)

    def _check_parameters(self) -> None:
        check_integer(self.context_length, "context_length of DistilledForecaster", minimum=1)
        check_integer(self.prediction_length, "prediction_length of DistilledForecaster", minimum=1)
        super()._check_parameters()
        check_series_parameters(self)

    def _windows_to_fit(self, X: Any, y: Any) -> TrainingWindows:
        return self._cut(read_series(self, X, reset=True, allow_batch=False))

    def _cut(self, given: SeriesInput) -> TrainingWindows:
        self.targets_ = find_targets(self.targets, given.series[0], type(self).__name__)
        return self._cutting(is_panel=given.is_panel).cut(given.series)

    def _cutting(self, *, is_panel: bool = False) -> FitWindows:
        """Say how windows are cut from series."""
        augmentation = None if self.teacher is None else self.augmentation
        return FitWindows(
            self.context_length,
            self.prediction_length,
            self.targets_,
            self.validation_fraction,
            windows_without_truth=self.windows_without_truth,
            transformer=self.transformer,
            all_targets=self.targets is None,
            scaling_kind=self.scaling,
            is_panel=is_panel,
            min_observed=self.min_observed,
            augmentation=augmentation,
            seed=None if augmentation is None else self._augment_seed(),
        )

    # -- forecasting -------------------------------------------------------------------------

    def predict(self, X: Any) -> Any:
        """Forecast the ``prediction_length`` rows that follow.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, 3-D array, or list
            A series of at least ``context_length`` rows (the last ones count), a batch of windows
            (n_windows, n_timestamps, n_channels), or a list of series.

        Returns
        -------
        forecast : ndarray of shape (prediction_length, n_targets), DataFrame, 3-D ndarray or list
            Forecasts in original units, in the form of ``X``; a DataFrame's index is carried on.
        """
        check_is_fitted(self)
        given = read_series(self, X, reset=False, allow_batch=True)
        if given.batch is not None:
            contexts = ContextBatch(given.batch)
            self._check_seen(contexts, None)
            return self.predictor_.forecast(contexts)
        if given.form is None:
            return given.map(lambda one: self._predict_one(one, self.predictor_.forecast))
        contexts = self._latest_of_all(given.series)
        forecasts = self.predictor_.forecast(contexts)
        pairs = zip(given.series, forecasts, strict=True)
        return given.put_together([one.wrap_forecast(forecast, self.targets_) for one, forecast in pairs])

    def _predict_around(self, X: Any, matrix: np.ndarray | None, labels: list[Any], name: str) -> Any:
        """Forecast quantiles, mapped to those asked for, in the form of X."""
        given = read_series(self, X, reset=False, allow_batch=True)
        if given.batch is not None:
            contexts = ContextBatch(given.batch)
            self._check_seen(contexts, None)
            return at_levels(self.predictor_.forecast_quantiles(contexts), matrix)

        def forecast(series: Series) -> Any:
            contexts = self._latest(series, self.predictor_.reads_calendar)
            quantiles = at_levels(self.predictor_.forecast_quantiles(contexts)[0], matrix)
            return series.wrap_quantiles(quantiles, self.targets_, labels, name)

        return given.map(forecast)

    def _windows_to_calibrate(self, X: Any, y: Any) -> Windows:
        series = read_series(self, X, reset=False, allow_batch=False).series
        for one in series:
            count_origins(one, self.spec_)
        return split_windows(
            SeriesStore.from_series(
                series,
                self.scaling_,
                padding=self.spec_.prediction_length,
                numbers=self.scaling_.numbers_of([one.id for one in series]).tolist(),
            ),
            context_length=self.spec_.context_length,
            prediction_length=self.spec_.prediction_length,
            targets=self.targets_,
            validation_rows=[0] * len(series),
        ).train

    def predict_teacher(self, X: Any) -> Any:
        """Forecast with the teacher, to look at what the student learned from.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            A series of at least ``context_length`` rows, or a list of series.

        Returns
        -------
        forecast : ndarray of shape (prediction_length, n_targets), DataFrame or list
            The teacher's forecasts in original units, in the form of ``X``.

        Raises
        ------
        ValueError
            If there is no teacher.
        """
        teacher = self._fitted_teacher()
        given = read_series(self, X, reset=False, allow_batch=False)
        ask = partial(self.predictor_.forecast_teacher, teacher, n_series=len(given.series))
        forecasts = [
            self._predict_one(one, partial(ask, number=number), with_time=True)
            for number, one in enumerate(given.series)
        ]
        return given.put_together(forecasts)

    def stream(self, recent: Any = None) -> Any:
        """Keep the last context and take in new rows one at a time.

        Parameters
        ----------
        recent : array of shape (n_timestamps, n_channels), DataFrame or None, default=None
            Rows to start from.

        Returns
        -------
        stream : Stream
            With ``append(row)`` and ``predict()``; see :class:`skdistill.deploy.Stream`.
        """
        from skdistill.deploy._stream import Stream

        return Stream(self, recent)

    def _predict_one(
        self, series: Series, forecast: Callable[[ContextBatch], np.ndarray], *, with_time: bool | None = None
    ) -> Any:
        contexts = self._latest(series, self.predictor_.reads_calendar if with_time is None else with_time)
        return series.wrap_forecast(forecast(contexts)[0], self.targets_)

    def _latest(self, series: Series, with_time: bool) -> ContextBatch:
        known = self.predictor_.known([series])
        contexts = ContextCutter([series], self.spec_.context_length, with_time, known).latest()
        self._check_seen(contexts, [series])
        return contexts

    def _latest_of_all(self, series: list[Series]) -> ContextBatch:
        """Cut the context that ends with each series."""
        contexts = self.predictor_.cutter(series).cut(range(len(series)), [len(one) for one in series])
        self._check_seen(contexts, series)
        return contexts

    def _check_seen(self, contexts: ContextBatch, series: list[Series] | None) -> None:
        """Raise, where that is asked for, if nothing of a target is observed in a context."""
        unseen = contexts.unseen(self.targets_) if self.missing == "raise" else None
        if unseen is None:
            return
        window, target = (int(axis[0]) for axis in np.nonzero(unseen))
        id_ = None if series is None else series[window].id
        name = f"window {window} of X" if id_ is None else f"series {id_!r}"
        raise ValueError(
            f"{name} has no observed value of target {self.targets_[target]} in its last {self.spec_.context_length} "
            "rows (context_length): there is nothing to forecast from. Give more rows, or set missing='nan', which "
            "forecasts NaN."
        )

    # -- scikit-learn ------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn what this estimator takes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.non_deterministic = False
        tags.input_tags.allow_nan = True  # NaN is missing
        return tags
