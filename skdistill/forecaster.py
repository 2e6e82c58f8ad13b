"""DistilledForecaster: series in, forecasts out, scikit-learn style."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdistill._backtest import backtest, backtest_quantiles, count_origins, mean_squared_error
from skdistill._base import BaseDistilled
from skdistill._distillation import dry_run
from skdistill._shorthand import resolve_loss
from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._augmentation import Augmentation
from skdistill.data._context_batch import ContextBatch, ContextCutter
from skdistill.data._inputs import Series, read_series
from skdistill.data._scaling import Scaling, warn_of_unlike_scales
from skdistill.data._windows import SeriesStore, TrainingWindows, count_validation_rows, split_windows
from skdistill.deploy._saveable import saveable
from skdistill.labeling._cache import LabelCache
from skdistill.labeling._estimate import LabelingEstimate
from skdistill.labeling._run import Labeling
from skdistill.probabilistic._calibration import quantile_errors, resolve_calibration
from skdistill.probabilistic._settings import at_levels
from skdistill.teachers._given import holds_given_labels

__all__ = ["DistilledForecaster"]

_MOST_NAMED = 5  # series that a warning lists


def _check_updatable(forecaster: DistilledForecaster) -> bool:
    from skdistill._partial_fit import check_updatable

    return check_updatable(forecaster)


@saveable
class DistilledForecaster(BaseDistilled):
    """Teach a small forecaster to do what a heavy one does.

    ``fit`` trains the teacher (where it needs training), asks it once for its forecast of every
    training window, and trains the student on the truth and on those labels. ``predict`` runs the
    student alone. Channels are standardized inside by the training rows; numbers leave in the
    units they came in.

    Parameters
    ----------
    teacher : network, teacher, FrozenEstimator, list of them, str or None, default="itransformer"
        Who teaches. A network or short name is trained here with the settings of
        :class:`~skdistill.teachers.TrainedTeacher`; a fitted forecaster comes in
        ``sklearn.frozen.FrozenEstimator``; a list is averaged; None trains the student on the
        truth alone.
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
        term that trains them all gets :class:`~skdistill.losses.Pinball` beside its own. None forecasts a point alone.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, where there are quantiles: the quantile in the middle, or a forecast of its own
        that terms such as :class:`~skdistill.losses.Supervised` train (which is added where there is none).
    calibration : {"conformal", "rolling"}, object of skdistill.probabilistic._calibration or None, default=None
        How quantiles are shifted after training, by their errors on the validation windows.
    transformer : scikit-learn transformer or None, default=None
        Applied to the channels before the standardization and inverted on forecasts, as
        ``TransformedTargetRegressor`` does. Must treat each channel by itself.
    validation_fraction : float or int, default=0.2
        Share of the rows, at the end, that serve early stopping; a whole number counts rows, 0
        means none. Training targets end before the first of them.
    windows_without_truth : bool, default=False
        Whether windows whose horizon reaches past the training rows join the training, on the
        teacher's labels alone.
    augmentation : Augmentation or None, default=None
        Perturbed copies of the training rows, whose windows join the training on the teacher's labels
        alone, such as ``skdistill.data._augmentation.Augmentation()``; None adds none.
    max_epochs : int, default=100
        Most epochs to train the student.
    batch_size : int, default=32
        Windows of a training batch.
    lr : float, default=0.01
        Learning rate of the first epoch.
    patience : int or None, default=5
        Epochs without a better validation error before training stops; None never stops early. The
        best epoch's weights are restored either way.
    optimizer : {"adam", "adamw", "sgd"}, default="adam"
        The optimizer.
    lr_schedule : {"halving", "constant", "cosine"} or callable, default="halving"
        Factor of ``lr`` by epoch, counted from 0.
    gradient_clip : float or None, default=None
        Largest norm of the gradient; None leaves it.
    weight_averaging : float or None, default=None
        Decay, in (0, 1), of an exponential average of the student's weights over the batches, such as .99; the
        average, BatchNorm's statistics included, is what validation judges and what the student gets. None
        keeps the plain weights.
    feature_storage : {"stored", "recompute"}, default="stored"
        Whether the teacher's features are kept with the labels, or computed anew for every batch
        (slow, but takes no room).
    label_budget : float, default=8.0
        Most GiB that labels may take, in memory or on disk; more stops ``fit`` before the teacher is trained.
    memory : str, Path, joblib.Memory or None, default=None
        A folder for labels, fitted teachers and checkpoints, shared by fits that differ in loss
        and student only; an interrupted or killed ``fit`` goes on from there. Needs a
        ``random_state``. None keeps nothing after ``fit``.
    n_jobs : int or None, default=None
        Workers that label at once, through joblib (so also on a Dask cluster, under
        ``joblib.parallel_config("dask")``). It pays for teachers that keep one core busy; torch
        networks use all cores by themselves. None labels in this process.
    device : str, default="auto"
        Where to train: ``"cpu"``, ``"cuda"``, ``"cuda:1"``; ``"auto"`` takes a GPU where there is one.
        Forecasts are made on the CPU.
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
        for name in ("student_", "_moments", "_seen", "_train"):  # an old student does not fit the new scaling
            self.__dict__.pop(name, None)
        given = read_series(self, X, reset=True, allow_batch=False)
        self.targets_ = self._find_targets(given.series[0])
        self._distill(self._make_windows(given.series))
        self._train = X
        return self

    def estimate_labeling(self, X: Any, *, n_samples: int = 32) -> LabelingEstimate:
        """Say how long labeling would take and how large the labels would be: a dry run of ``fit``.

        A few windows, spread over the series, are labeled; nothing is kept, and the forecaster stays as it is.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or a list of them
            The series that ``fit`` would get.
        n_samples : int, default=32
            Windows to label.

        Returns
        -------
        estimate : LabelingEstimate
            Windows, seconds and bytes; printed, a sentence.

        Raises
        ------
        ValueError
            If there is no teacher, or ``fit`` would raise.
        """
        check_integer(n_samples, "n_samples of estimate_labeling")
        copy = clone(self)
        copy._check_parameters()
        teacher = copy._resolve_teacher()
        if teacher is None:
            raise ValueError("teacher of DistilledForecaster is None: there is nothing to label.")
        given = read_series(copy, X, reset=True, allow_batch=False)
        copy.targets_ = copy._find_targets(given.series[0])
        return dry_run(
            copy._make_windows(given.series),
            teacher=teacher,
            loss=resolve_loss(self.loss),
            settings=self._settings(),
            labeling=Labeling(LabelCache(None), self.label_budget, self.feature_storage),
            n_samples=n_samples,
        )

    @available_if(lambda self: _check_updatable(self))
    def partial_fit(self, X: Any, y: Any = None, *, forget: int = 0) -> DistilledForecaster:
        """Take in new rows, and let old ones go, exactly: the student is that of a fit to all rows that remain.

        For ``Linear`` students that are solved exactly, without a teacher and with ``validation_fraction=0``;
        other forecasters do not have this method, and the error says what stands in the way. The
        moments of the windows are updated, so the cost does not grow with the rows seen before; they
        stay with the forecaster, pickles included.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame or Series
            Rows that follow those seen so far, or the first ones.
        y : None, default=None
            Ignored, present for API consistency.
        forget : int, default=0
            Rows to forget at the start, for a window that slides.

        Returns
        -------
        self : DistilledForecaster
            The updated forecaster.

        Raises
        ------
        ValueError
            If the rows do not follow, as far as the index of a DataFrame tells, or too few would remain. The
            forecaster stays as it was.
        """
        from skdistill._partial_fit import add_rows

        self._check_parameters()
        add_rows(self, X, forget)
        return self

    def _check_parameters(self) -> None:
        check_integer(self.context_length, "context_length of DistilledForecaster", minimum=1)
        check_integer(self.prediction_length, "prediction_length of DistilledForecaster", minimum=1)
        self._check_distillation_parameters()
        if self.transformer is not None and not hasattr(self.transformer, "inverse_transform"):
            raise TypeError(
                "transformer of DistilledForecaster must have inverse_transform, to bring forecasts back to original "
                f"units; got {self.transformer!r}. Put it before the forecaster in a Pipeline instead."
            )
        if self.windows_without_truth and self.teacher is None:
            warnings.warn(
                "windows_without_truth has no effect with teacher=None: nobody labels them.",
                stacklevel=stacklevel_of_user(),
            )
        if self.augmentation is not None:
            if not isinstance(self.augmentation, Augmentation):
                raise TypeError(
                    "augmentation of DistilledForecaster must be a skdistill.data._augmentation.Augmentation or None; "
                    f"got {self.augmentation!r}."
                )
            self.augmentation.check()
            if holds_given_labels(self.teacher):
                raise ValueError(
                    "augmentation of DistilledForecaster needs a teacher that reads the perturbed rows; got "
                    "GivenLabels, which holds the forecasts of the rows as they were. Set augmentation=None."
                )
            if self.teacher is None:
                warnings.warn(
                    "augmentation has no effect with teacher=None: nobody labels the copies.",
                    stacklevel=stacklevel_of_user(),
                )

    def _find_targets(self, series: Series) -> tuple[int, ...]:
        n_channels = series.values.shape[1]
        if self.targets is None:
            return tuple(range(n_channels))
        if isinstance(self.targets, str | int | np.integer):
            raise TypeError(
                "targets of DistilledForecaster must be a list of column names or positions; got the "
                f"{type(self.targets).__name__} {self.targets!r}: write targets=[{self.targets!r}]."
            )
        names = [] if series.columns is None else list(series.columns)
        positions = []
        for target in self.targets:
            if target in names:
                positions.append(names.index(target))
            elif isinstance(target, int | np.integer) and 0 <= target < n_channels:
                positions.append(int(target))
            elif isinstance(target, str) and names:
                check_choice(target, [str(name) for name in names], "targets of DistilledForecaster")
            else:
                raise ValueError(
                    "targets of DistilledForecaster must name columns of X or be positions from 0 to "
                    f"{n_channels - 1}; got {target!r}" + ("." if names else ", and X has no column names.")
                )
        if not positions or len(set(positions)) < len(positions):
            raise ValueError(f"targets of DistilledForecaster must name each column once; got {self.targets!r}.")
        return tuple(positions)

    def _make_windows(self, series: list[Series]) -> TrainingWindows:
        held_out = [min(len(one), count_validation_rows(len(one), self.validation_fraction)) for one in series]
        self._check_rows(series, held_out)
        targets = None if self.targets is None else self.targets_
        known = [one.values[: len(one) - rows] for one, rows in zip(series, held_out, strict=True)]
        self._tell_short_ones(series, known)
        if self.transformer is None:
            warn_of_unlike_scales(known)
        self.scaling_ = Scaling(self.transformer, targets).fit(known)
        copies = [] if self.augmentation is None or self.teacher is None else self.augmentation.copies(series, held_out)
        store = SeriesStore.from_series([*series, *copies], self.scaling_, padding=self.prediction_length)
        if self.augmentation is not None and copies:
            self.augmentation.perturb(store, len(series), self._augment_seed())
        return split_windows(
            store,
            context_length=self.context_length,
            prediction_length=self.prediction_length,
            targets=self.targets_,
            validation_rows=[*held_out, *[0] * len(copies)],
            windows_without_truth=self.windows_without_truth,
            n_without_truth=len(copies),
        )

    def _tell_short_ones(self, series: list[Series], known: list[np.ndarray]) -> None:
        """Warn of the series of which no training window can be cut."""
        reach = self.context_length + (0 if self.windows_without_truth else self.prediction_length)
        short = [number for number, rows in enumerate(known) if len(rows) < reach]
        if not short:
            return
        named = [f"X[{number}] ({len(known[number])} of {len(series[number])} rows)" for number in short[:_MOST_NAMED]]
        more = f" and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
        warnings.warn(
            f"{len(short)} of {len(series)} series have too few training rows for a window of {reach}: no training "
            f"window comes from {', '.join(named)}{more}. Leave them out, or take a smaller context_length, "
            "prediction_length or validation_fraction.",
            stacklevel=stacklevel_of_user(),
        )

    def _check_rows(self, series: list[Series], held_out: list[int]) -> None:
        """Raise unless some series has a training window and, where asked for, a validation window."""
        reach = self.context_length + self.prediction_length
        trainable = [len(one) - rows for one, rows in zip(series, held_out, strict=True)]
        if max(trainable) < reach:
            longest = int(np.argmax(trainable))
            raise ValueError(
                f"X has too few rows: a training window needs context_length + prediction_length = "
                f"{self.context_length} + {self.prediction_length} = {reach} training rows, and the longest series has "
                f"{max(trainable[longest], 0)} (n_samples={len(series[longest])} less {held_out[longest]} validation "
                f"rows). Give more rows, or a smaller context_length, prediction_length or validation_fraction."
            )
        if any(held_out) and max(held_out) < self.prediction_length:
            raise ValueError(
                f"validation_fraction of DistilledForecaster leaves {max(held_out)} validation rows, but one "
                f"validation window needs prediction_length = {self.prediction_length}. Raise it to at least "
                f"{self.prediction_length} rows, or set it to 0 to train without early stopping."
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
            self._check_context(given.batch.shape[1], "each window of X")
            return self.predictor_.forecast(ContextBatch(given.batch))
        return given.map(lambda one: self._predict_one(one, self.predictor_.forecast))

    def predict_quantiles(self, X: Any, quantiles: Sequence[float] | None = None) -> Any:
        """Forecast quantiles of the ``prediction_length`` rows that follow.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, 3-D array, or list
            As :meth:`predict` takes it.
        quantiles : sequence of float or None, default=None
            Levels, rising, between the outermost of those that were fitted; others are interpolated (linear in
            the level's normal score). None gives those that were fitted.

        Returns
        -------
        quantiles : ndarray of shape (prediction_length, n_targets, n_quantiles), DataFrame, 4-D ndarray or list
            In original units, in the form of ``X``; a DataFrame's columns have the levels ``channel`` and
            ``quantile``.

        Raises
        ------
        ValueError
            If the forecaster was fitted without quantiles, or for levels beyond them.
        """
        check_is_fitted(self)
        levels, matrix = self._asked(quantiles)
        return self._predict_around(X, matrix, [float(level) for level in levels], "quantile")

    def predict_interval(self, X: Any, coverage: float = 0.8) -> Any:
        """Forecast an interval for the ``prediction_length`` rows that follow.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, 3-D array, or list
            As :meth:`predict` takes it.
        coverage : float, default=0.8
            Share of what happens that is to lie inside, as much of the rest below as above.

        Returns
        -------
        interval : ndarray of shape (prediction_length, n_targets, 2), DataFrame, 4-D ndarray or list
            Lower and upper end in original units, in the form of ``X``; a DataFrame's columns have the levels
            ``channel`` and ``bound``.

        Raises
        ------
        ValueError
            If the forecaster was fitted without quantiles, or without those that the coverage needs.
        """
        check_is_fitted(self)
        return self._predict_around(X, self._interval(coverage), ["lower", "upper"], "bound")

    def _predict_around(self, X: Any, matrix: np.ndarray | None, labels: list[Any], name: str) -> Any:
        """Forecast quantiles, mapped to those asked for, in the form of X."""
        given = read_series(self, X, reset=False, allow_batch=True)
        if given.batch is not None:
            self._check_context(given.batch.shape[1], "each window of X")
            return at_levels(self.predictor_.forecast_quantiles(ContextBatch(given.batch)), matrix)

        def forecast(series: Series) -> Any:
            contexts = self._latest(series, self.predictor_.reads_calendar)
            quantiles = at_levels(self.predictor_.forecast_quantiles(contexts)[0], matrix)
            return series.wrap_quantiles(quantiles, self.targets_, labels, name)

        return given.map(forecast)

    def calibrate(self, X: Any) -> DistilledForecaster:
        """Calibrate the quantiles on another series: every stride-1 window of it.

        With ``calibration="conformal"`` its windows replace those of validation, so that rows that served nothing else
        may be kept for it; with ``"rolling"`` they follow those known so far, of which the last ones count.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            Series of at least ``context_length + prediction_length`` rows.

        Returns
        -------
        self : DistilledForecaster
            The forecaster, its ``calibration_`` renewed.

        Raises
        ------
        ValueError
            If ``calibration`` is None, or there are too few windows.
        """
        check_is_fitted(self)
        levels = self._fitted_levels("calibrate")
        calibration = resolve_calibration(self.calibration)
        if calibration is None:
            raise ValueError("calibrate needs calibration='conformal' or 'rolling' of DistilledForecaster; got None.")
        given = read_series(self, X, reset=False, allow_batch=False)
        for one in given.series:
            count_origins(one, self.spec_)
        windows = split_windows(
            SeriesStore.from_series(given.series, self.scaling_, padding=self.spec_.prediction_length),
            context_length=self.spec_.context_length,
            prediction_length=self.spec_.prediction_length,
            targets=self.targets_,
            validation_rows=[0] * len(given.series),
        )
        errors = quantile_errors(self.student_, self.spec_, windows.train)
        self.calibration_ = calibration.fit_errors(errors, levels, getattr(self, "calibration_", None))
        return self

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
        check_is_fitted(self)
        if self.teacher_ is None:
            raise ValueError(
                "predict_teacher needs a teacher, and this forecaster was fitted with teacher=None, or loaded from a "
                "file without its teacher: save(path, teacher=True) keeps one that is a network."
            )
        given = read_series(self, X, reset=False, allow_batch=False)
        n_series = len(given.series)
        forecasts = [
            self._predict_one(
                one,
                partial(self.predictor_.forecast_teacher, self.teacher_, number=number, n_series=n_series),
                with_time=True,
            )
            for number, one in enumerate(given.series)
        ]
        return forecasts if given.is_list else forecasts[0]

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

    def backtest(self, X: Any, step: int = 1) -> Any:
        """Forecast from every origin of a series, as if time rolled on.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            A series of at least ``context_length + prediction_length`` rows.
        step : int, default=1
            Rows between one origin and the next.

        Returns
        -------
        forecasts : ndarray of shape (n_origins, prediction_length, n_targets), DataFrame or list
            Forecasts in original units; number k starts at row ``context_length + k * step`` and
            ends within ``X``. A DataFrame has the levels ``origin`` (label of the first row
            forecast) and the time of each row.
        """
        check_is_fitted(self)
        check_integer(step, "step of backtest", minimum=1)
        given = read_series(self, X, reset=False, allow_batch=False)
        return given.map(lambda one: backtest(self.predictor_, one, step))

    def backtest_quantiles(self, X: Any, step: int = 1) -> Any:
        """Forecast quantiles from every origin of a series, as if time rolled on.

        With ``calibration="rolling"``, offsets follow: those of an origin come from the last windows whose truth was
        known there, the series' own among them, so that ``X`` should follow the rows that were calibrated on. The
        forecaster itself stays as it is.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            A series of at least ``context_length + prediction_length`` rows.
        step : int, default=1
            Rows between one origin and the next.

        Returns
        -------
        quantiles : ndarray of shape (n_origins, prediction_length, n_targets, n_quantiles) or list
            Quantiles in original units, at the levels that were fitted; number k starts at row ``context_length +
            k * step``.
        """
        check_is_fitted(self)
        self._fitted_levels("backtest_quantiles")
        check_integer(step, "step of backtest_quantiles", minimum=1)
        given = read_series(self, X, reset=False, allow_batch=False)
        calibration = getattr(self, "calibration_", None)
        return given.map(lambda one: backtest_quantiles(self.predictor_, calibration, one, step))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the MSE over every stride-1 window of a series, in original units.

        It depends on ``context_length``, which decides how many rows can be scored: to tune that,
        use ``RollingOriginSplit.scorer``.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            Series of at least ``context_length + prediction_length`` rows.
        y : None, default=None
            Ignored, present for API consistency.
        sample_weight : None, default=None
            Ignored, present for API consistency.

        Returns
        -------
        score : float
            Minus the mean squared error over windows, steps and targets.
        """
        check_is_fitted(self)
        given = read_series(self, X, reset=False, allow_batch=False)
        return -mean_squared_error(self.predictor_, given.series)

    def compare(self, X: Any, **options: Any) -> Any:
        """Compare teacher, student, the student without a teacher, and baselines on a series.

        Parameters
        ----------
        X : array, DataFrame, Series, or list
            A test series that ``fit`` has not seen; its first ``context_length`` rows may be the
            last ones of the training series.
        **options : object
            Passed to :func:`skdistill.compare`.

        Returns
        -------
        comparison : Comparison
            A table; printing it says the ratios in words.
        """
        from skdistill.comparison._compare import compare

        return compare({"student": self}, X, **options)

    def report(self, X: Any, path: Any, *, train: Any = None, title: str | None = None) -> Any:
        """Write a self-contained page about this forecaster: comparison, plots, windows, settings.

        Needs matplotlib: ``pip install 'skdistill[plot]'``.

        Parameters
        ----------
        X : array, DataFrame, Series, or a list of them
            A test series that ``fit`` has not seen; its first ``context_length`` rows may be the
            last ones of the training series.
        path : str or Path
            The HTML file to write; an existing one is replaced.
        train : array, DataFrame or None, default=None
            The training series, for the rows of the comparison that need it; None takes the one that
            ``fit`` saw.
        title : str or None, default=None
            Heading of the page.

        Returns
        -------
        path : Path
            The file.
        """
        from skdistill.plotting._report import write_report

        return write_report(self, X, path, train=train, title=title)

    def _predict_one(
        self, series: Series, forecast: Callable[[ContextBatch], np.ndarray], *, with_time: bool | None = None
    ) -> Any:
        contexts = self._latest(series, self.predictor_.reads_calendar if with_time is None else with_time)
        return series.wrap_forecast(forecast(contexts)[0], self.targets_)

    def _latest(self, series: Series, with_time: bool) -> ContextBatch:
        self._check_context(len(series), "X")
        return ContextCutter([series], self.spec_.context_length, with_time).latest()

    def _check_context(self, n_rows: int, name: str) -> None:
        if n_rows < self.spec_.context_length:
            raise ValueError(
                f"{name} must have at least context_length = {self.spec_.context_length} rows to forecast from; "
                f"got n_samples={n_rows}."
            )

    # -- scikit-learn ------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Leave the training series behind: it is kept by reference for ``compare`` only."""
        state = dict(super().__getstate__())
        state.pop("_train", None)
        return state

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn what this estimator takes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.non_deterministic = False
        return tags
