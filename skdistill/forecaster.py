"""DistilledForecaster: distillation of forecasters in the style of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skdistill._backtest import RollingMixin, count_origins
from skdistill._base import BaseDistilled
from skdistill._comparable import ComparableMixin
from skdistill._forecasting import ForecastingMixin
from skdistill._parameter_checks import check_series_parameters, warn_of_idle_settings
from skdistill._partial_fit import UpdatableMixin
from skdistill._refresh import RefreshMixin
from skdistill._shorthand import resolve_loss, resolve_student
from skdistill._utils._checks import check_integer
from skdistill._utils._ignored_y import warn_of_ignored_y
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils._usual_modes import with_gradients
from skdistill._validation_share import validation_share, warn_of_unread_rows
from skdistill.data._augmentation import Augmentation
from skdistill.data._bounds import check_bounds, warn_of_truth_outside
from skdistill.data._fit_windows import FitWindows
from skdistill.data._inputs import read_series
from skdistill.data._plausibility._outliers import find_outliers, warn_of_outliers
from skdistill.data._plausibility._short_series import warn_of_short_series
from skdistill.data._roles import find_roles
from skdistill.data._rows_of_fit import count_windows_of_fit, find_trained, read_training_rows, rows_of_fit
from skdistill.data._series import Series, SeriesInput
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import TrainingWindows, split_windows
from skdistill.data._vintages import LOST, Vintages, lost_vintages
from skdistill.data._windows import Windows
from skdistill.deploy._saveable import saveable
from skdistill.losses._objective import reads_labels
from skdistill.networks._reads import kinds_read
from skdistill.teachers._given import cut_labeled, holds_given_labels

__all__ = ["DistilledForecaster"]


@saveable
class DistilledForecaster(ForecastingMixin, RollingMixin, RefreshMixin, UpdatableMixin, ComparableMixin, BaseDistilled):
    """Train a small forecaster (student) to match a large one (teacher).

    ``fit`` trains the teacher (if it needs training), computes its forecast of every training window once, and trains
    the student on the truth and on these labels. ``predict`` runs only the student. Channels are standardized
    internally by the training rows; forecasts are returned in the original units.

    ``fit`` keeps a reference to the series, because :meth:`compare` and :meth:`report` train other students on it, and
    :meth:`refresh` goes on from its last rows. If it is changed in place after ``fit``, forecasts do not change, these
    methods detect it, and :meth:`calibrate` cannot tell of rows that were trained on. Where :meth:`partial_fit` can go
    on from one series, a copy is kept, too. Pickles and saved files do not include the series.

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
    context_length : int, default=336
        Number of past rows that a forecast is made from. One series of a few hundred rows needs a shorter context: with
        hardly more windows than rows in a context, an exact student follows their noise, and ``fit`` warns.
    prediction_length : int, default=96
        Number of rows to forecast.
    targets : list of str or int, or None, default=None
        Columns to forecast, by name, or by position where no name is a number. None means all that are neither known
        nor static covariates.
    known_covariates : list of str or int, or None, default=None
        Columns whose values over the horizon are known in advance, such as prices or holidays; ``predict`` takes these
        values. None means that there are none.
    static_covariates : list of str or int, or None, default=None
        Columns with one value per series, such as the type of a shop. All columns without a role are past covariates.
        Text and categories of covariates are encoded.
    covariates : {"error", "ignore"}, default="error"
        What happens to covariates that the student does not read: an error before training that names students that
        read them, or nothing. What it reads is never ignored.
    known_dropout : float, default=0.0
        Probability with which a known covariate of a training or validation window is unknown from a random step of the
        horizon on, so that one student serves every degree of knowledge. Quantiles are calibrated with all of it.
    vintages : Vintages or None, default=None
        Known covariates that are forecasts themselves, with the time at which each value was issued: see
        :class:`~skdistill.data.Vintages`. Every forecast reads what had been issued until then.
    window_step : int, default=1
        Number of rows between training windows, counted back from the end of the series (with known covariates, from
        the last observed target, if the rows of a horizon follow it): 24 takes windows that start at the hour at which
        a forecast after the last row starts. Rows are counted, not hours of a clock: in local times, windows before a
        clock change start an hour earlier or later. ``calibrate`` takes such windows, too; ``score`` and ``compare``
        judge windows at all hours; ``backtest(X, step=24)`` forecasts from one of them.
    quantiles : sequence of float or None, default=None
        Rising levels of the quantiles to forecast, such as ``(0.1, 0.5, 0.9)``. Quantiles cannot cross. If no term of
        the loss trains all quantiles, :class:`~skdistill.losses.Pinball` is added. None makes point forecasts only.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, if there are quantiles: the median, or a separate forecast trained by terms such as
        :class:`~skdistill.losses.Supervised` (which is added if there is none). The median of levels without 0.5 is
        such a forecast, too, for which absolute errors are added.
    calibration : {"conformal", "rolling"}, object of skdistill.probabilistic or None, default=None
        How quantiles are shifted after training, based on their errors on the validation windows.
    transformer : scikit-learn transformer or None, default=None
        Applied to the channels before the standardization and inverted on forecasts, as ``TransformedTargetRegressor``
        does. It must treat each channel and each row separately.
    scaling : {"auto", "global", "series", "window"}, default="auto"
        Whose center and unit standardize: ``"global"``, mean and standard deviation of each channel over all training
        rows; ``"series"``, mean and mean absolute seasonal difference of the training rows of each series;
        ``"window"``, mean of the last season of each context and mean absolute seasonal difference in it, which
        ``"series"`` takes, too, in forecasts of a series that has no id (as a single frame or array), whose id ``fit``
        has not seen, or whose targets were all constant in it (one that was constant beside others that were not keeps
        its level as unit: take ``"window"`` if it may move). Where a context, or the training rows of a series, are no
        more than a season, one row counts as a season; after a context that is scaled by itself and has one value,
        once or always, forecasts are this value. Covariates have mean and standard deviation of the same rows (the
        whole context); those that are 0 and 1 only, over all training rows. ``"auto"`` is ``"series"`` for a panel of
        several series, and ``"global"`` for one.
    bounds : tuple of (float or None, float or None), or None, default=None
        Lowest and highest forecast, in original units, such as ``(0, None)`` for sales: forecasts and quantiles beyond
        are clipped, here and in every export. None leaves a side open.
    series_weight : {"windows", "equal"} or mapping of id to float, default="windows"
        What each series of a panel counts in the loss, in the choice of the best epoch and in ``compare``, in scaled
        units. ``"windows"`` counts every window alike, so long series count by their length; ``"equal"`` every series;
        a mapping gives each series its weight, and can hold others. A series shares its weight among its windows.
    min_observed : int or None, default=None
        Rows of a series that a training context must hold, so that short series count: rows before the series are
        missing. None means ``context_length`` for one series, and two seasons (at least 8 rows) for a panel.
    missing : {"nan", "raise"}, default="nan"
        What :meth:`predict` does with a context in which no value of a target is observed: forecast NaN, or raise.
        :meth:`backtest` and exported files forecast NaN in any case.
    validation_fraction : "auto", float or int, default="auto"
        Fraction of the rows, at the end, on which training stops early and candidates are chosen; an integer is a
        number of rows, 0 means none. ``"auto"`` is 0.2 if anything reads these rows, and 0 for an exact student with
        one penalty, without quantiles, without a teacher that is trained and without terms that mix steps, as
        ``MultiScale`` does, which so learns from all rows.
        Training targets end before the first validation row. A target that leaves the one value that it had in the
        training rows does not validate where it does, because there is no unit for it; with units of series
        (``scaling``), neither do the other targets of these windows.
    windows_without_truth : bool, default=False
        Whether to also train on windows with a horizon that extends beyond the training rows, or has no true value in a
        gap, on the teacher's labels only. No target of a validation row is read for them, but known covariates and
        calendar features of validation rows are, at the steps of the horizon that they belong to; rows after the series
        are unknown. Windows without any true value in the context are left out in any case.
    augmentation : Augmentation or None, default=None
        Perturbed copies of the training rows, such as ``skdistill.data.Augmentation()``; their windows are added to the
        training, on the teacher's labels only. None adds no copies.
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
        The trained student. Forecasts follow changes of its weights; change single ones under ``torch.no_grad()``.
    teacher_ : teacher or None
        The fitted teacher, used by :meth:`predict_teacher`.
    provenance_ : list of dict
        Where the labels came from: ``teacher``, ``source``, ``revision``, ``license`` and ``training_data`` of each
        teacher; empty if the loss reads no labels. Saved files, exports and reports have it, too.
    history_ : list of dict
        One entry per epoch of the student: ``train_loss``, one ``train_<term>`` for each loss term, ``valid_loss`` (on
        the validation windows, in standardized units: MSE, or the mean pinball loss of quantiles; of the network
        itself, also after constant contexts, where forecasts are their level), ``lr`` and ``dur`` (seconds). An
        exact student has one entry per candidate, such as a penalty, with ``penalty`` and ``chosen`` instead of ``lr``,
        and training losses of the chosen one alone.
    predictor_ : Predictor
        Maps contexts to forecasts of the student; used by every method that forecasts.
    calibration_ : FittedCalibration or None
        Offsets of the quantiles, by step, channel and level.
    spec_ : NetworkSpec
        The problem that the student was built for.
    scaling_ : Scaling
        Mean and scale of every channel, from the training rows.
    targets_ : tuple of int
        Channels to forecast; with neither static covariates nor categories, channels are the columns of X.
    roles_ : Roles
        Roles of the columns, and the channels that they become.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Their names, if X was a DataFrame and all of them are text.
    series_labels_ : SeriesLabels
        Columns and steps of the index in ``fit``; every later call is checked against them.

    See Also
    --------
    skdistill.compare : Teacher, student and baselines in one table.
    skdistill.teachers.TrainedTeacher : Settings of a teacher trained in ``fit``.

    Notes
    -----
    Without arguments, an exact linear student learns from the truth and from the pretrained teacher of the package,
    with equal weights: of the single fits that the user guide compares, the best on validation rows. Settings of
    students that are trained by gradient descent are those of TimeDistill (arXiv 2502.15016): Adam with learning rate
    0.01 halved every epoch, batch size 32, patience 5, up to 100 epochs; an exact student reads none of them, and a
    warning names those that were set. :mod:`skdistill.recipes` has the published
    settings of whole methods.

    In a ``Pipeline``, scikit-learn does not invert the earlier steps, so forecasts and scores are in transformed units.
    Nor does it apply them to ``future=`` and ``vintages=``: give these in the units after the steps. Use
    ``transformer=`` to give and get original units.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> series = make_multiseasonal(n_timestamps=400, n_channels=2, seasons=(24,), random_state=0)
    >>> forecaster = DistilledForecaster(context_length=48, prediction_length=12).fit(series[:300])
    >>> forecaster.predict(series[300:350]).shape
    (12, 2)

    A teacher that is trained on the series, and a student with the published loss:

    >>> from skdistill.networks import ITransformer, MLP
    >>> from skdistill.teachers import TrainedTeacher
    >>> forecaster = DistilledForecaster(
    ...     teacher=TrainedTeacher(ITransformer(hidden_size=16, n_heads=2), lr=0.001), student=MLP(hidden_size=16),
    ...     loss="timedistill", context_length=48, prediction_length=12, max_epochs=2, random_state=0,
    ... )
    >>> forecaster.fit(series[:300]).predict(series[300:350]).shape
    (12, 2)
    """

    def __init__(
        self,
        teacher: Any = "pretrained",
        student: Any = "linear",
        loss: Any = "response",
        *,
        context_length: int = 336,
        prediction_length: int = 96,
        targets: Sequence[str | int] | None = None,
        known_covariates: Sequence[str | int] | None = None,
        static_covariates: Sequence[str | int] | None = None,
        covariates: str = "error",
        known_dropout: float = 0.0,
        vintages: Vintages | None = None,
        window_step: int = 1,
        quantiles: Sequence[float] | None = None,
        point_forecast: str = "median",
        calibration: Any = None,
        transformer: BaseEstimator | None = None,
        scaling: str = "auto",
        bounds: tuple[float | None, float | None] | None = None,
        series_weight: Any = "windows",
        min_observed: int | None = None,
        missing: str = "nan",
        validation_fraction: Any = "auto",
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
        self.context_length = context_length
        self.prediction_length = prediction_length
        self.targets = targets
        self.known_covariates = known_covariates
        self.static_covariates = static_covariates
        self.covariates = covariates
        self.known_dropout = known_dropout
        self.vintages = vintages
        self.window_step = window_step
        self.quantiles = quantiles
        self.point_forecast = point_forecast
        self.calibration = calibration
        self.transformer = transformer
        self.scaling = scaling
        self.bounds = bounds
        self.series_weight = series_weight
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

    # -- fitting -----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> DistilledForecaster:
        """Train the teacher if it needs training, label the windows once, and train the student.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or a list of them
            The series: rows are time steps in order, columns are channels. A 3-D array (n_series, n_timestamps,
            n_channels) is many series of equal length. Series of a list or a 3-D array have no ids, so that later
            calls take each for a new one. Rows of NaN before the first value of a series count as its rows, also for
            ``min_observed`` and in ``score``: give short series as they are, in a list or a panel, not padded to one
            length. Windows that end in rows without a target, such as rows of the horizon with known covariates, count
            by the steps that are observed: in validation, or in training where there is none.
        y : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.

        Returns
        -------
        self : DistilledForecaster
            The fitted forecaster.

        Raises
        ------
        ValueError, TypeError
            If parameters or the series are invalid; raised before anything is trained.
        """
        warn_of_ignored_y(y, "DistilledForecaster.fit")
        if self._fit(X):
            warn_of_idle_settings(self)
            warn_of_unread_rows(self)
        return self

    @with_gradients
    def _fit(self, X: Any, *, is_part: bool = False, told: bool = False) -> bool:
        """Fit, also where the package chose the settings; return whether the student was solved exactly.

        ``is_part`` says that it is a part of other work, which an interrupt ends, too, ``told`` that the user was told
        of these rows and settings.
        """
        self._check_parameters()
        self._forget_fit()
        try:
            with warnings.catch_warnings(action="ignore") if told else nullcontext():
                given = read_series(self, X, reset=True, allow_batch=False)
                windows = self._cut(given)
            is_exact = self._distill(windows, told=told, is_part=is_part)
            self._keep_for_comparing(X)
            self._keep_for_updates(given.series)
        except BaseException:  # an interrupt between two attributes: half of a fit is none
            self._forget_fit()
            raise
        if not is_part:
            self._warn_of_hidden_swing(windows, "set scaling='window'")
            if is_exact:
                self._warn_of_few_windows(len(windows.known_train))
        return is_exact

    def _forget_fit(self) -> None:
        """Drop the old student and its related attributes, which do not fit the new scaling."""
        of_updates = ("_kept", "_seen", "_recent", "_most_zeros", "_solved", "_parts", "_numbers")
        for name in ("student_", "n_series_", *of_updates):  # scale_out.fit sets the number of series
            self.__dict__.pop(name, None)

    def _check_parameters(self) -> None:
        check_integer(self.context_length, "context_length of DistilledForecaster", minimum=1)
        check_integer(self.prediction_length, "prediction_length of DistilledForecaster", minimum=1)
        super()._check_parameters()
        check_series_parameters(self)

    def _windows_to_fit(self, X: Any, y: Any) -> TrainingWindows:
        warn_of_ignored_y(y, "DistilledForecaster.estimate_labeling")
        return self._cut(read_series(self, X, reset=True, allow_batch=False))

    def _cut(self, given: SeriesInput) -> TrainingWindows:
        if not hasattr(self, "roles_"):  # a candidate of a search, whose parameters are positions of channels, no names
            self.roles_ = find_roles(self, None, given.series[0].values.shape[1], {})
        self.targets_ = self.roles_.target_channels
        cutting = self._cutting(is_panel=given.is_panel)
        if self.min_observed is None and given.is_panel and holds_given_labels(self.teacher):
            return cut_labeled(cutting, given.series, self._resolve_teacher())
        return cutting.cut(given.series)

    def _cutting(self, *, is_panel: bool = False) -> FitWindows:
        """Return how windows are built from series."""
        has_labels, roles = reads_labels(self.teacher, resolve_loss(self.loss)), self.roles_
        augmentation = self.augmentation if has_labels else None
        return FitWindows(
            self.context_length,
            self.prediction_length,
            self.targets_,
            self._validation_share(),
            windows_without_truth=self.windows_without_truth and has_labels,
            transformer=self.transformer,
            all_targets=self.targets is None and len(self.targets_) == roles.n_channels,
            scaling_kind=self.scaling,
            is_panel=is_panel,
            min_observed=self.min_observed,
            bounds=check_bounds(self.bounds, type(self).__name__),
            series_weight=self.series_weight,
            augmentation=augmentation,
            seed=None if augmentation is None and not self.known_dropout else self._augment_seed(),
            known=roles.known_channels,
            known_groups=roles.known_groups,
            known_dropout=self.known_dropout,
            window_step=self.window_step,
            reads=kinds_read(resolve_student(self.student)),
        )

    def _validation_share(self, n_known: int | None = None) -> float | int:
        """Return the fraction or number of rows to hold out; by default for the known channels of ``roles_``."""
        n_known = len(self.roles_.known_channels) if n_known is None else n_known
        return validation_share(self, self.context_length, self.prediction_length, n_known=n_known)

    # -- calibrating -------------------------------------------------------------------------

    def _windows_to_calibrate(self, X: Any, y: Any) -> Windows:
        warn_of_ignored_y(y, "DistilledForecaster.calibrate", "calibrates quantiles of")
        if lost_vintages(self):
            raise ValueError(LOST)
        series = read_series(self, X, reset=False, allow_batch=False).series
        count_origins(max(series, key=len), self.spec_)
        warn_of_short_series(series, self.spec_.context_length + self.spec_.prediction_length, "calibrate")
        warn_of_outliers(find_outliers(series, self.scaling_.transformer_), calibrated=True)
        warn_of_truth_outside(series, self.targets_, self.scaling_.bounds, "DistilledForecaster")
        windows = split_windows(
            SeriesStore.from_series(
                series,
                self.scaling_,
                padding=self.spec_.prediction_length,
                numbers=self.scaling_.numbers_of([one.id for one in series]).tolist(),
                known=self.roles_.known_channels,
            ),
            context_length=self.spec_.context_length,
            prediction_length=self.spec_.prediction_length,
            targets=self.targets_,
            validation_rows=[0] * len(series),
            window_step=self.window_step,
            origins=self._cutting().origins(series),
        ).train
        if not len(windows):
            raise ValueError(
                f"calibrate needs a window among those that window_step = {self.window_step} takes, counted back from "
                "the end of each series; X has none: give more rows."
            )
        self._warn_of_training_rows(series, windows)
        return windows

    def _warn_of_training_rows(self, series: list[Series], windows: Windows) -> None:
        """Warn if quantiles are calibrated on true values that the student was trained on."""
        n_seen, first = 0, windows.starts.numpy()
        numbers = windows.series_of(first)
        for number, trained in enumerate(find_trained(series, read_training_rows(self))):
            one, starts = series[number], first[numbers == number]
            if trained is None or not len(starts):
                continue
            starts = starts - windows.store.offsets[number] + self.spec_.context_length
            n_rows = len(trained) - self._cutting().held_out([trained])[0]
            seen = rows_of_fit(one, trained, self.targets_, n_rows)
            n_seen += count_windows_of_fit(seen, starts, self.spec_.prediction_length)
        if n_seen:
            warnings.warn(
                f"{n_seen} of {len(windows)} windows of calibrate have true values that fit trained on: errors there "
                "are smaller than on new rows, and so the quantiles too narrow. Calibrate on rows fit did not get.",
                stacklevel=stacklevel_of_user(),
            )

    # -- scikit-learn ------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        """Declare to scikit-learn the input that this estimator takes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.non_deterministic = False
        tags.input_tags.allow_nan = True  # NaN is missing
        return tags
