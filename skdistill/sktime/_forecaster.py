"""SktimeDistilledForecaster: distillation as a forecaster of sktime."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from skdistill._partial_fit import obstacles
from skdistill._shorthand import expand_shorthands, resolve_student
from skdistill._utils._checks import check_boolean, check_integer
from skdistill._utils._choices import check_choice
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._augmentation import Augmentation
from skdistill.data._columns import find_columns
from skdistill.data._levels import interpolation_matrix
from skdistill.data._panel import find_labels, name_instance, split_panel
from skdistill.data._series_labels import check_columns
from skdistill.data._steps import Step
from skdistill.forecaster import DistilledForecaster
from skdistill.probabilistic._settings import DEFAULT_COVERAGE, at_levels
from skdistill.sktime._kept_rows import KeptRows, Series, ids_of
from skdistill.sktime._rollout import roll_out

__all__ = ["SktimeDistilledForecaster"]


class SktimeDistilledForecaster(BaseForecaster):
    """Train a small forecaster (student) to match a large one (teacher), as a forecaster of sktime.

    The same distillation as :class:`~skdistill.DistilledForecaster`, for sktime's ``y``, ``X`` and ``fh``, and for its
    pipelines, splitters, tuning and evaluation. The student is trained for the steps 1 to ``prediction_length``;
    ``predict`` accepts any ``fh`` among these steps. A panel or hierarchy trains one global student. To forecast a
    series that the student was not trained on, call ``pretrain`` on a panel and then ``fit``. A student that reads no
    covariates has ``capability:exogenous`` False.

    A column of ``X`` in ``fit`` and ``predict`` is a known covariate: it is read in the context and over the horizon,
    after the last requested step, too; rows that ``X`` lacks there, and NaN, are unknown. A column of ``X`` in ``fit``
    only is a past covariate, a part of the context. ``fit`` cannot see which is which, and trains for the convention of
    sktime, that ``predict`` gets all columns. If ``predict`` gets other ones, a student for these is trained once, on
    the rows of ``fit``, with a warning; name them in ``known_covariates`` to train it in ``fit``.

    Parameters
    ----------
    teacher : network, teacher, FrozenEstimator, list of them, str or None, default="pretrained"
        The teacher. ``"pretrained"`` is :class:`~skdistill.teachers.Pretrained`, whose weights come with the package. A
        network, or the short name of one, is trained with the settings of
        :class:`~skdistill.teachers.TrainedTeacher`; a fitted forecaster is passed in
        ``sklearn.frozen.FrozenEstimator``; a list is averaged; None trains the student on the truth only. Any sktime
        forecaster is passed in :class:`~skdistill.teachers.SktimeTeacher`.
    student : network or str, default="linear"
        The network of the student.
    loss : loss or str, default="response"
        The objective: one term, a sum, or a published method.
    context_length : int, default=336
        Number of past rows that a forecast is made from.
    prediction_length : int, default=96
        Number of rows to forecast. ``predict`` accepts any ``fh`` among them.
    known_covariates : "auto", list of str or int, or None, default="auto"
        Columns of ``X`` whose values over the horizon are known in advance, such as prices or holidays; ``predict``
        needs these values. None means that there are none, and ``"auto"`` that they are those of ``X`` in ``predict``;
        the rows of ``fit`` are then kept.
    covariates : {"error", "ignore"}, default="error"
        What happens to covariates that the student does not read: an error before training that names students that
        read them, or nothing. What it reads is never ignored.
    known_dropout : float, default=0.0
        Probability with which a known covariate of a training or validation window is unknown from a random step of the
        horizon on, so that one student serves every degree of knowledge. Quantiles are calibrated with all of it.
    quantiles : sequence of float or None, default=None
        Rising levels of the quantiles to forecast, such as ``(0.1, 0.5, 0.9)``. Quantiles cannot cross. If no term of
        the loss trains all quantiles, :class:`~skdistill.losses.Pinball` is added. None makes point forecasts only.
        ``predict_quantiles`` and ``predict_interval`` accept other levels, which are interpolated and extrapolated
        linearly in the normal score of the level, within ``bounds``. With None, ``capability:pred_int`` is False.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, if there are quantiles: the median, or a separate forecast trained by terms such as
        :class:`~skdistill.losses.Supervised` (which is added if there is none). The median of levels without 0.5 is
        such a forecast, too, for which absolute errors are added.
    calibration : {"conformal", "rolling"}, object of skdistill.probabilistic or None, default=None
        How quantiles are shifted after training, based on their errors on the validation windows.
    rollout : bool, default=False
        Whether an ``fh`` beyond ``prediction_length`` is forecast recursively, from earlier forecasts; with ``X``, pass
        its rows up to the last block to ``predict``. Later quantiles take earlier point forecasts for known, and are
        too narrow. False raises an error.
    refit_on_update : bool, default=False
        Whether ``update`` trains again on all rows so far; False only uses the new rows as context. A linear student
        without a teacher is updated exactly, as by :meth:`DistilledForecaster.partial_fit`, at a cost that does not
        grow with the number of earlier rows.
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
    validation_fraction : "auto", float or int, default="auto"
        Fraction of the rows, at the end, on which training stops early and candidates are chosen; an integer is a
        number of rows, 0 means none. ``"auto"`` is 0.2 if anything reads these rows, and 0 for an exact student with
        one penalty, without quantiles, without a teacher that is trained and without terms that mix steps, as
        ``MultiScale`` does, which so learns from all rows.
        Training targets end before the first validation row.
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
        Tuning then trains the teacher once per fold.
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
    forecaster_ : DistilledForecaster
        The fitted forecaster, with ``student_``, ``teacher_``, ``history_`` and ``compare``.
    cutoff : pandas.Index
        The last label so far.

    See Also
    --------
    skdistill.DistilledForecaster : The same, in the style of scikit-learn.
    skdistill.teachers.SktimeTeacher : Any sktime forecaster as teacher.

    Notes
    -----
    ``fit`` after ``pretrain`` trains nothing: it uses the new series as context, scaled like the pretraining panel. A
    second ``pretrain`` trains again on both panels. In-sample forecasts are not supported.

    NaN in ``y`` and ``X`` is a missing value. Series of a panel can be shorter than ``context_length``, down to one
    row: the rows before them are missing.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skdistill.networks import DLinear, MLP
    >>> from skdistill.sktime import SktimeDistilledForecaster
    >>> from skdistill.teachers import TrainedTeacher
    >>> forecaster = SktimeDistilledForecaster(
    ...     teacher=TrainedTeacher(MLP(hidden_size=8), lr=0.01), student=DLinear(), loss="response",
    ...     context_length=24, prediction_length=12, max_epochs=2, random_state=0,
    ... )
    >>> forecaster.fit(load_airline()).predict(fh=[1, 12]).index.astype(str).tolist()
    ['1961-01', '1961-12']
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": "skdistill developers",
        "maintainers": "skdistill developers",
        "python_dependencies": ["torch", "skorch"],
        "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": True,
        "capability:exogenous": True,  # False for an instance with a student that reads no covariates
        "capability:categorical_in_X": False,
        "capability:insample": False,
        "capability:missing_values": True,
        "capability:non_contiguous_X": False,  # a rollout needs every row
        "capability:pred_int": True,  # False for an instance without quantiles
        "capability:pred_int:insample": False,
        "capability:pretrain": True,
        "capability:random_state": True,
        "capability:unequal_length": True,
        "capability:update": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": False,
    }
    _config: ClassVar[dict[str, Any]] = {"remember_data": False}  # contexts are stored here instead

    def __init__(
        self,
        teacher: Any = "pretrained",
        student: Any = "linear",
        loss: Any = "response",
        *,
        context_length: int = 336,
        prediction_length: int = 96,
        known_covariates: str | Sequence[str | int] | None = "auto",
        covariates: str = "error",
        known_dropout: float = 0.0,
        quantiles: Sequence[float] | None = None,
        point_forecast: str = "median",
        calibration: Any = None,
        rollout: bool = False,
        refit_on_update: bool = False,
        transformer: Any = None,
        scaling: str = "auto",
        bounds: tuple[float | None, float | None] | None = None,
        series_weight: Any = "windows",
        min_observed: int | None = None,
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
        self.known_covariates = known_covariates
        self.covariates = covariates
        self.known_dropout = known_dropout
        self.quantiles = quantiles
        self.point_forecast = point_forecast
        self.calibration = calibration
        self.rollout = rollout
        self.refit_on_update = refit_on_update
        self.transformer = transformer
        self.scaling = scaling
        self.bounds = bounds
        self.series_weight = series_weight
        self.min_observed = min_observed
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
        super().__init__()
        self.set_tags(**{"capability:pred_int": quantiles is not None})
        self.set_tags(**{"capability:exogenous": covariates == "ignore" or _reads_covariates(student)})
        self._y = self._X = None  # sktime fills them where a user sets remember_data=True

    def set_params(self, **params: Any) -> SktimeDistilledForecaster:
        """Set parameters, nested ones by ``teacher__``, ``student__`` and ``loss__``.

        A short name (``loss="timedistill"``) is expanded when a nested parameter follows.

        Parameters
        ----------
        **params : object
            Parameters by name.

        Returns
        -------
        self : SktimeDistilledForecaster
            This forecaster.
        """
        return super().set_params(**expand_shorthands(self, params))

    def predict_interval(self, fh: Any = None, X: Any = None, coverage: Any = DEFAULT_COVERAGE) -> pd.DataFrame:
        """Forecast intervals, if there are quantiles.

        Parameters
        ----------
        fh : ForecastingHorizon, int or list of int, default=None
            The requested steps; None takes those of ``fit``.
        X : sktime's series, panel or hierarchy, default=None
            Known covariates over the horizon.
        coverage : float or list of float, default=0.8
            Nominal coverage of the intervals.

        Returns
        -------
        intervals : DataFrame
            Columns of variable, coverage, and ``lower`` or ``upper``.

        Raises
        ------
        NotImplementedError
            If the forecaster has no quantiles.
        """
        self._check_has_quantiles("prediction intervals")
        return super().predict_interval(fh=fh, X=X, coverage=coverage)

    def predict_quantiles(self, fh: Any = None, X: Any = None, alpha: Any = None) -> pd.DataFrame:
        """Forecast quantiles, if there are any.

        Parameters
        ----------
        fh : ForecastingHorizon, int or list of int, default=None
            The requested steps; None takes those of ``fit``.
        X : sktime's series, panel or hierarchy, default=None
            Known covariates over the horizon.
        alpha : float or list of float, default=None
            Requested levels; None takes 0.05 and 0.95. Between and beyond the levels of ``quantiles``, quantiles are
            interpolated and extrapolated as for a normal distribution.

        Returns
        -------
        quantiles : DataFrame
            Columns of variable and level.

        Raises
        ------
        NotImplementedError
            If the forecaster has no quantiles.
        """
        self._check_has_quantiles("quantile predictions")
        return super().predict_quantiles(fh=fh, X=X, alpha=alpha)

    def _check_has_quantiles(self, asked: str) -> None:
        if not self.get_tag("capability:pred_int"):
            raise NotImplementedError(
                f"{type(self).__name__} makes {asked} from quantiles, and quantiles=None makes point forecasts only: "
                f"set "
                "quantiles=(0.1, 0.5, 0.9), and fit again."
            )

    # -- methods called by sktime, after its checks and conversions -------------------------------------

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> SktimeDistilledForecaster:
        series = self._read(y, X, fh)
        if self._is_pretrained():
            self._check_pretrained(series, y.shape[1])
            self.__dict__.pop("_panel", None)
        else:
            self._check_windows(series)
            self._covariates = _columns_of(X)
            self.forecaster_ = self._train(series, y.shape[1])
        self._columns = y.columns
        self._others: dict[tuple[int, ...], DistilledForecaster] = {}  # for other columns of X at predict
        self._kept = KeptRows(y.shape[1], y.index.names)
        self._kept.add(self.forecaster_, series, keep_all=self.refit_on_update)
        return self

    def _pretrain(self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: Any = None) -> SktimeDistilledForecaster:
        series = self._read(y, X, None)
        self._covariates = _columns_of(X)
        self._pretrain_on(series, y.shape[1])
        return self

    def _pretrain_update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: Any = None
    ) -> SktimeDistilledForecaster:
        if not hasattr(self, "_panel"):
            raise NotImplementedError(
                "SktimeDistilledForecaster cannot be pretrained again after fit or clone: the earlier panel is gone, "
                "and would be forgotten. Call pretrain on a forecaster after reset(), with all series in one panel."
            )
        new = self._read(y, X, None)
        self._check_pretrained(new, y.shape[1])
        # of two series of one name, the later one keeps it; a longer id is never that of a series of fit
        n_known = len(self._panel)
        earlier = {(*key, "earlier", n_known) if key in new else key: rows for key, rows in self._panel.items()}
        self._pretrain_on({**earlier, **new}, y.shape[1])
        return self

    def _pretrain_on(self, series: Series, n_targets: int) -> None:
        self._check_windows(series)
        self.forecaster_ = self._train(series, n_targets)
        self._panel = series  # kept until fit, for a second call of pretrain

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> pd.DataFrame:
        steps = self._steps_of(fh)
        return self._kept.label(self._forecast(steps, X, with_quantiles=False), steps, self._columns)

    def _predict_quantiles(self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: list[float]) -> pd.DataFrame:
        steps = self._steps_of(fh)
        levels = self.forecaster_.spec_.quantiles
        assert levels is not None  # _check_has_quantiles
        if len(levels) == 1 and list(alpha) != list(levels):
            raise ValueError(
                f"alpha must be {levels[0]:g}, the only level among quantiles of {type(self).__name__}; got {alpha!r}. "
                "Fit with two levels or more, from which others are interpolated."
            )
        quantiles = self._forecast(steps, X, with_quantiles=True)
        found = at_levels(quantiles, interpolation_matrix(levels, alpha))
        asked = self.forecaster_.scaling_.clip(found)  # what is extrapolated can be beyond the bounds again
        columns = pd.MultiIndex.from_product([self._get_varnames(), alpha])
        return self._kept.label(asked.reshape(*asked.shape[:2], -1), steps, columns)

    def _forecast(self, steps: list[np.ndarray], X: pd.DataFrame | None, *, with_quantiles: bool) -> np.ndarray:
        n_steps = max(int(one.max()) for one in steps)
        return roll_out(self._forecaster_for(X), self._kept, X, n_steps, with_quantiles=with_quantiles)

    def _steps_of(self, fh: ForecastingHorizon) -> list[np.ndarray]:
        """Return the number of steps for every series; raise if steps are not supported."""
        kept = self._kept
        steps = [self._count_steps(fh, rows.index, kept.steps[key]) for key, rows in kept.rows.items()]
        self._check_horizon(max(int(one.max()) for one in steps))
        if min(int(one.min()) for one in steps) < 1:
            raise NotImplementedError(f"{type(self).__name__} can not perform in-sample prediction. Found fh {fh}.")
        return steps

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> SktimeDistilledForecaster:
        if X is None and (names := self._kept.covariates):
            raise ValueError(
                f"X is missing in update: fit had the covariates {names}, which are part of the context; pass "
                "update(y, X)."
            )
        self._check_name(y)
        self._kept.add(self.forecaster_, self._read(y, X, None), keep_all=self.refit_on_update)
        if update_params and self.refit_on_update and not self._is_pretrained():
            self._learn()
        return self

    def _check_name(self, y: pd.DataFrame) -> None:
        """Raise if a single column has another name than in fit; of several, names are checked with the rows."""
        before, now = (pd.Index([str(name) for name in columns]) for columns in (self._columns, y.columns))
        if len(before) == len(now) == 1 and not (_are_numbered(before) or _are_numbered(now)):
            check_columns(before, now, name="y")

    def _learn(self) -> None:
        """Train on all rows; if exact updates are possible, only process the new rows."""
        kept = self._kept
        self._others = {}
        if hasattr(self, "_seen"):
            self._seen = dict(kept.rows)  # later updates may be context only
        misses = any(bool(rows.isna().any(axis=None)) for rows in kept.rows.values())
        if not kept.is_single or misses or obstacles(self.forecaster_, is_panel=False):
            self.forecaster_ = self._train(kept.rows, kept.n_targets)
            return
        self.forecaster_ = self.forecaster_.catch_up(kept.rows[()])

    # -- fitting -----------------------------------------------------------------------------

    def _read(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> Series:
        """Check the input before training, and split the panel into series."""
        check_integer(self.context_length, "context_length of SktimeDistilledForecaster", minimum=1)
        check_integer(self.prediction_length, "prediction_length of SktimeDistilledForecaster", minimum=1)
        check_boolean(self.rollout, "rollout of SktimeDistilledForecaster")
        check_boolean(self.refit_on_update, "refit_on_update of SktimeDistilledForecaster")
        series = split_panel(y, X, self._kept.steps if hasattr(self, "_kept") else None)
        if fh is not None:
            self._check_horizon(max(int(self._count_steps(fh, rows.index).max()) for rows in series.values()))
        return series

    def _is_pretrained(self) -> bool:
        return "forecaster_" in getattr(self, "_pretrained_attrs", ())

    def _check_windows(self, series: Series) -> None:
        """Raise where no series holds a window; the short ones among others are told of in ``fit``."""
        if self.min_observed is not None:
            return
        reach = self.context_length + self.prediction_length
        key, rows = max(series.items(), key=lambda one: len(one[1]))
        if len(series) == 1 and len(rows) < reach:
            raise ValueError(
                f"{name_instance(key)} is too short: a window needs context_length + prediction_length = "
                f"{self.context_length} + {self.prediction_length} = {reach} rows; got {len(rows)}. Give more rows, or "
                "smaller lengths."
            )

    def _check_pretrained(self, series: Series, n_targets: int) -> None:
        known = (len(self.forecaster_.targets_), self.forecaster_.n_features_in_)
        n_channels = next(iter(series.values())).shape[1]
        if (n_targets, n_channels) != known:
            raise ValueError(
                f"y and X must have as many columns as in pretrain, {known[0]} and {known[1] - known[0]}; "
                f"got {n_targets} and {n_channels - n_targets}."
            )
        names = self.forecaster_.series_labels_.columns, next(iter(series.values())).columns
        for name, part in (("y", slice(n_targets)), ("X", slice(n_targets, None))):
            before, now = (pd.Index([one.removeprefix(f"{name}:") for one in each[part]]) for each in names)
            has_names = not (_are_numbered(before) or _are_numbered(now))
            if has_names or set(before) == set(now):  # without names, columns are taken by position, in their order
                check_columns(before, now, name=name, where="pretrain")

    def _train(self, series: Series, n_targets: int) -> DistilledForecaster:
        """Train a student for the convention that ``predict`` gets all columns of X, or those that are named."""
        self.__dict__.pop("_seen", None)
        first = next(iter(series.values()))
        known = self._known_columns(first, n_targets)
        if self._is_auto() and known:
            self._seen = series
        return self._train_for(series, n_targets, known)

    def _is_auto(self) -> bool:
        return isinstance(self.known_covariates, str)

    def _train_for(self, series: Series, n_targets: int, known: list[int], **changes: Any) -> DistilledForecaster:
        """Train a student with these columns as known covariates."""
        params = self.get_params(deep=False) | changes
        own = ("rollout", "refit_on_update", "known_covariates")
        first = next(iter(series.values()))
        forecaster = DistilledForecaster(
            **{name: value for name, value in params.items() if name not in own},
            targets=None if n_targets == first.shape[1] else list(range(n_targets)),
            known_covariates=known or None,
        )
        if list(series) == [()]:
            return forecaster.fit(first)
        return forecaster.fit(dict(zip(ids_of(series), series.values(), strict=True)))

    def _known_columns(self, rows: pd.DataFrame, n_targets: int) -> list[int]:
        """Return the positions of the known covariates among the columns of y and X."""
        if self.known_covariates is None:
            return []
        if isinstance(self.known_covariates, str):
            check_choice(self.known_covariates, ("auto",), f"known_covariates of {type(self).__name__}")
            reads = resolve_student(self.student).reads_known
            return list(range(n_targets, rows.shape[1])) if reads else []
        names = self._covariates
        if not len(names):
            raise ValueError(
                f"known_covariates of {type(self).__name__} names columns of X, and fit got no X: pass fit(y, X=X), or "
                f"set known_covariates=None; got {self.known_covariates!r}."
            )
        places = find_columns(self.known_covariates, names, len(names), "known_covariates", type(self).__name__)
        return [n_targets + place for place in places]

    # -- forecasting -------------------------------------------------------------------------

    def _forecaster_for(self, X: pd.DataFrame | None) -> DistilledForecaster:
        """Return the student whose known covariates are the columns of X at predict; train it if there is none."""
        names, n_targets = self._kept.covariates, self._kept.n_targets
        given = set() if X is None else {str(column) for column in X.columns}
        if unknown := sorted(given - set(names)):
            warnings.warn(
                f"X at predict has the columns {unknown}, which X in fit did not have: they are not read. Leave them "
                "out, or fit with them.",
                stacklevel=stacklevel_of_user(),
            )
        known = tuple(n_targets + place for place, name in enumerate(names) if name in given)
        network = resolve_student(self.student)
        whole = len(known) == len(names) or not hasattr(self, "_seen") or not network.reads_past
        if not self._is_auto() or whole:
            return self.forecaster_
        if known not in self._others:
            named = [one for one, name in zip(self._covariates, names, strict=True) if name in given]
            lacking = [name for place, name in enumerate(names) if n_targets + place not in known]
            warnings.warn(
                f"X in fit had the columns {lacking}, and X at predict lacks them: they are past covariates, and a "
                f"student that reads them so is trained now, once. Set known_covariates={named or None} to train it in "
                "fit.",
                stacklevel=stacklevel_of_user(),
            )
            changes = {} if known else {"known_dropout": 0.0}
            self._others[known] = self._train_for(self._seen, n_targets, list(known), **changes)
        return self._others[known]

    def _count_steps(self, fh: ForecastingHorizon, index: pd.Index, step: Step | None = None) -> np.ndarray:
        """Return the number of steps from the end of a series to the last requested step."""
        values = fh.to_pandas()
        if fh.is_relative and pd.api.types.is_integer_dtype(values.dtype):
            return values.to_numpy(dtype=np.int64)
        wanted = fh.to_absolute_index(index[-1:] if fh.is_relative else self._cutoff)
        if wanted.min() <= index[-1]:
            raise NotImplementedError(f"{type(self).__name__} can not perform in-sample prediction. Found fh {fh}.")
        return find_labels(index, wanted, step)

    def _check_horizon(self, n_steps: int) -> None:
        if n_steps > self.prediction_length and not self.rollout:
            raise ValueError(
                f"max(fh)={n_steps} exceeds the steps that {type(self).__name__} is trained for "
                f"(prediction_length={self.prediction_length}). Either use a smaller fh (<= {self.prediction_length}), "
                "a larger prediction_length, or rollout=True, which continues from its own forecasts."
            )

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return small settings for sktime's checks.

        Parameters
        ----------
        parameter_set : str, default="default"
            Ignored; there is only one list.

        Returns
        -------
        params : list of dict
            Keyword arguments of the constructor.
        """
        from skdistill.losses._supervised import Supervised
        from skdistill.networks._dlinear import DLinear
        from skdistill.networks._linear import Linear
        from skdistill.teachers._trained import TrainedTeacher

        tiny = {
            "context_length": 4,
            "prediction_length": 5,
            "validation_fraction": 0,
            "max_epochs": 1,
            "device": "cpu",
            "random_state": 0,
        }
        small = DLinear(kernel_size=3)
        return [
            {**tiny, "teacher": None, "student": Linear(), "loss": Supervised()},
            {**tiny, "teacher": TrainedTeacher(small, max_epochs=1), "student": small, "loss": "response"},
            {
                **tiny,
                "teacher": None,
                "student": Linear(),
                "loss": Supervised(),
                "prediction_length": 2,
                "rollout": True,
                "refit_on_update": True,
            },
            {**tiny, "teacher": None, "student": small, "loss": "quantiledistill", "quantiles": (0.1, 0.5, 0.9)},
        ]


def _columns_of(X: pd.DataFrame | None) -> pd.Index:
    """Return the names of the covariates, of any type."""
    return pd.Index([]) if X is None else X.columns


def _reads_covariates(student: Any) -> bool:
    """Return whether a student reads some covariate; an invalid student is reported by ``fit``."""
    try:
        network = resolve_student(student)
    except (TypeError, ValueError):
        return True
    return network.reads_past or network.reads_known


def _are_numbered(columns: pd.Index) -> bool:
    """Return whether columns have no names: pandas numbers them."""
    return list(columns) == [str(number) for number in range(len(columns))]
