"""Base class of the estimators: parameters of the distillation, their checks, and its start."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skdistill._distillation import Distilled, distill, dry_run
from skdistill._parameter_checks import check_distillation_parameters, warn_of_unread_labels
from skdistill._predictor import Predictor
from skdistill._shorthand import expand_shorthands, resolve_loss, resolve_student
from skdistill._utils._checks import check_integer
from skdistill._utils._doc_link import DocLink
from skdistill._utils._interrupts import noticed_interrupts
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._scaling import Scaling
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._vintages import lost_vintages
from skdistill.labeling._cache import LabelCache
from skdistill.labeling._estimate import LabelingEstimate
from skdistill.labeling._label_choice import LabelChoice
from skdistill.labeling._run import Labeling
from skdistill.losses._objective import check_loss, reads_labels
from skdistill.networks._base import NetworkSpec
from skdistill.networks._reads import check_reads
from skdistill.probabilistic._settings import ProbabilisticMixin
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._blind import warn_of_blind_teachers
from skdistill.teachers._provenance import warn_of_license
from skdistill.teachers._resolve import resolve_teacher
from skdistill.training._batches import LabelSource
from skdistill.training._device import count_parameters
from skdistill.training._few_windows import warn_of_few_windows
from skdistill.training._hidden_swing import warn_of_hidden_swing
from skdistill.training._settings import TrainingSettings, warn_of_unread_patience

__all__ = ["BaseDistilled"]


class BaseDistilled(ProbabilisticMixin, DocLink, BaseEstimator):
    """Base class of the estimators; a subclass lists the parameters in its ``__init__``."""

    teacher: Any
    student: Any
    loss: Any
    bounds: tuple[float | None, float | None] | None
    validation_fraction: Any
    max_epochs: int
    batch_size: int
    lr: float
    patience: int | None
    optimizer: str
    lr_schedule: Any
    gradient_clip: float | None
    weight_averaging: float | None
    windows_per_epoch: int | None
    training_precision: str
    feature_storage: str
    label_budget: float
    label_share: float | None
    max_labels: int | None
    label_seconds: float | None
    label_choice: str
    memory: Any
    n_jobs: int | None
    device: str
    random_state: Any
    verbose: int

    student_: nn.Module
    teacher_: BaseTeacher | None
    history_: list[dict[str, Any]]
    spec_: NetworkSpec
    scaling_: Scaling
    provenance_: list[dict[str, str | None]]

    _dtype: str = "float32"  # type in which forecasts are computed
    _keeps_solved: bool = False  # whether an exact student can be continued
    _solved: Any = None

    @property
    def predictor_(self) -> Predictor:
        """The student in original units, used by all methods that forecast."""
        check_is_fitted(self)
        return self._predictor()

    def _predictor(self) -> Predictor:
        """Return ``predictor_`` of an estimator that is known to be fitted, which saves the time of the check."""
        roles = getattr(self, "roles_", None)
        known = () if roles is None else roles.known_channels
        return Predictor(
            self.student_,
            self.spec_,
            self.scaling_,
            self._offsets(),
            self._dtype,
            known=known,
            lacks_vintages=lost_vintages(self),
        )

    def set_params(self, **params: Any) -> BaseDistilled:
        """Set parameters, nested ones by ``teacher__``, ``student__`` and ``loss__``.

        A short name (``loss="timedistill"``) is expanded when a nested parameter follows.

        Parameters
        ----------
        **params : object
            Parameters by name.

        Returns
        -------
        self : estimator
            This estimator.
        """
        return super().set_params(**expand_shorthands(self, params))

    def count_parameters(self) -> int:
        """Return the number of parameters of the student.

        Returns
        -------
        n_parameters : int
            Number of parameters.
        """
        check_is_fitted(self)
        return count_parameters(self.student_)

    def estimate_labeling(self, X: Any, y: Any = None, *, n_samples: int = 32) -> LabelingEstimate:
        """Estimate how long labeling would take and how large the labels would be; a dry run of ``fit``.

        A few windows, spread over the training windows, are labeled. Nothing is stored, and the estimator does not
        change.

        Parameters
        ----------
        X : array, DataFrame, Series, or a list of them
            Input as for ``fit``.
        y : array or None, default=None
            Input as for ``fit``; a forecaster ignores it, with a warning.
        n_samples : int, default=32
            Number of windows to label.

        Returns
        -------
        estimate : LabelingEstimate
            Number of windows, seconds and bytes; it prints as a sentence.

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
            raise ValueError(f"teacher of {type(self).__name__} is None: there is nothing to label.")
        return dry_run(
            copy._windows_to_fit(X, y),
            teacher=teacher,
            loss=resolve_loss(self.loss),
            settings=self._settings(),
            labeling=self._labeling(None),
            n_samples=n_samples,
        )

    def save(self, path: str | os.PathLike[str], *, teacher: bool = False) -> None:
        """Save the fitted estimator to one file; loading it runs no code.

        The file contains weights as safetensors and everything else as JSON, with a checksum; read it with
        :func:`skdistill.load`. Parameters that can only be pickled are described but not saved, ``memory`` is left out,
        and a student of your own class is saved as weights, for ``load(path, student=...)``.

        Parameters
        ----------
        path : str or Path
            The file; it appears complete or not at all.
        teacher : bool, default=False
            Whether to also save the weights of a teacher that is a network.
        """
        from skdistill.deploy._save import save

        save(self, path, teacher=teacher)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        precision: str = "float32",
        tolerance: float | None = None,
        data: Any = None,
    ) -> Any:
        """Export the student for another runtime, in original units and for any number of windows.

        The exported model is compared with the student before the file is written. Input: ``context``, float32 of shape
        (batch, context_length, n_channels); for a student with known covariates also ``future``, of shape (batch,
        prediction_length, n_known), and with static ones (as of a regressor) ``static``, of shape (batch, n_static),
        standardized: less ``static_center``, divided by ``static_unit`` of the file's ``roles``, 0 where missing.
        Output: ``forecast``, of shape (batch, prediction_length, n_targets), and ``quantiles``, with one more axis, if
        the student has them (calibrated if the student is). A file does not hold ``vintages``: ``future`` is what was
        known at each origin.

        Parameters
        ----------
        path : str or Path
            The file; its suffix determines the format: ``.onnx``; ``.npz`` for :class:`~skdistill.deploy.NumpyStudent`;
            ``.pt2`` for ``torch.export.load``; ``.h`` for compilers of C.
        precision : {"float32", "bfloat16", "int8"}, default="float32"
            Type that the weights are rounded to: all three for ``.npz``, float32 and int8 for ``.onnx`` and ``.h``.
        tolerance : float or None, default=None
            Largest difference that rounding may make, in standard deviations of a channel (with ``scaling="series"`` or
            ``"window"``, in units of the series or window); None allows any.
        data : array of shape (n_timestamps, n_channels), DataFrame or None, default=None
            A series on which to measure the error before and after rounding, in at most 512 windows; one with an id,
            such as ``panel.loc[["shop 1"]]``, has the units of that series.

        Returns
        -------
        report : ExportReport
            Size, largest difference from the student and through rounding, and errors on ``data``.

        Raises
        ------
        ValueError
            If the student cannot be exported to such a file, or rounding costs more than ``tolerance``.
        """
        from skdistill.deploy._export import export

        return export(self, path, precision=precision, tolerance=tolerance, data=data)

    def _check_parameters(self) -> None:
        """Raise if a parameter is invalid; estimators with more parameters add their checks."""
        check_distillation_parameters(self)
        self._check_probabilistic_parameters()
        self._settings().check(type(self).__name__)
        student, loss = resolve_student(self.student), resolve_loss(self.loss)
        self._resolve_teacher()
        check_loss(loss)
        warn_of_unread_labels(self, student, loss)

    def _windows_to_fit(self, X: Any, y: Any) -> TrainingWindows:
        """Check and convert the input of ``fit``; set the attributes known before training."""
        raise NotImplementedError

    def _fitted_teacher(self) -> BaseTeacher:
        """Return the fitted teacher, or raise if there is none."""
        check_is_fitted(self)
        if self.teacher_ is None:
            raise ValueError(
                f"predict_teacher needs a teacher, and this {type(self).__name__} was fitted with teacher=None, or "
                "with a loss that reads no labels, for which no teacher is trained (loss='response' reads some), or "
                "loaded from a file without its teacher: save(path, teacher=True) saves a teacher that is a network."
            )
        return self.teacher_

    def _resolve_teacher(self) -> BaseTeacher | None:
        return None if self.teacher is None else resolve_teacher(self.teacher)

    def _settings(self) -> TrainingSettings:
        return TrainingSettings(
            lr=self.lr,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            patience=self.patience,
            optimizer=self.optimizer,
            lr_schedule=self.lr_schedule,
            gradient_clip=self.gradient_clip,
            device=self.device,
            verbose=self.verbose,
            weight_averaging=self.weight_averaging,
            windows_per_epoch=self.windows_per_epoch,
            precision=self.training_precision,
        )

    def _labeling(self, memory: Any) -> Labeling:
        """Return which windows are labeled, and where labels are stored."""
        choice = LabelChoice(
            self.label_share, self.max_labels, self.label_seconds, self.label_choice, owner=type(self).__name__
        )
        return Labeling(LabelCache(memory), self.label_budget, self.feature_storage, self.n_jobs, choice)

    def _seeds(self) -> tuple[int, int] | None:
        """Derive the seeds of teacher and student."""
        if self.random_state is None:
            return None
        teacher, student = check_random_state(self.random_state).randint(2**31 - 1, size=2)
        return int(teacher), int(student)

    def _augment_seed(self) -> int:
        """Derive the seed of the augmentation."""
        return int(check_random_state(self.random_state).randint(2**31 - 1, size=3)[2])

    def _distill(
        self, windows: TrainingWindows, labels: LabelSource | None = None, *, told: bool = False, is_part: bool = False
    ) -> bool:
        """Run the distillation, with the labels that are there already; return whether the student was solved.

        ``told`` says that the user was told of what student and teacher do not read, ``is_part`` that the student is
        one of many that are judged: an interrupt then ends all, and none is used as it is.
        """
        self._check_transformer_rises(windows)
        self._check_calibration_windows(windows)
        teacher, loss = self._resolve_teacher(), resolve_loss(self.loss)
        read = teacher if reads_labels(teacher, loss) else None  # the student learns from its labels
        if read is not None:
            warn_of_license(read.provenance())
        if getattr(self, "covariates", "error") == "error":
            check_reads(resolve_student(self.student), windows.train)
            if read is not None and not told:
                warn_of_blind_teachers([read], windows.train, of_table=bool(getattr(self, "n_covariates", 0)))
        with noticed_interrupts() as was_interrupted:
            result = distill(
                windows,
                teacher=teacher,
                student=resolve_student(self.student),
                loss=loss,
                settings=self._settings(),
                labeling=self._labeling(self.memory),
                seeds=self._seeds(),
                quantiles=self._levels(),
                point_forecast=self.point_forecast,
                labels=labels,
                told=told,
            )
            if was_interrupted() and not result.interrupted:
                raise KeyboardInterrupt("fit was interrupted, and a library suppressed it")
        if result.interrupted and not result.history:
            raise KeyboardInterrupt("fit was interrupted before the student finished its first epoch")
        if result.interrupted and is_part:
            raise KeyboardInterrupt("the training of a student that was to be compared with others was interrupted")
        if not (result.is_exact or told):
            warn_of_unread_patience(self, windows)
        self._take_on(
            student_=result.student,
            scaling_=windows.train.store.scaling,
            spec_=result.spec,
            teacher_=result.teacher,
            provenance_=[] if read is None else read.provenance(),
            history_=result.history,
            _solved=result.solved if self._keeps_solved else None,
        )
        self._calibrate_on_validation(windows)
        if result.interrupted:
            self._report_interrupt(result)
        return result.is_exact

    def _warn_of_hidden_swing(self, windows: TrainingWindows, way_out: str) -> None:
        """Warn if a trend hides what windows do from a student that is trained; another one is solved exactly."""
        student = resolve_student(self.student)
        if student.solvable_part(self.spec_) is None:
            way_out += ", or take student='linear', which is solved exactly"
            warn_of_hidden_swing(self.student_, self.spec_, windows.train, type(student).__name__, way_out)

    def _warn_of_few_windows(self, n_windows: int, *, of_table: bool = False) -> None:
        """Warn if a student was solved from too few windows for its weights."""
        part = resolve_student(self.student).solvable_part(self.spec_)
        if part is not None:
            warn_of_few_windows(part, self.spec_, n_windows, of_table=of_table)

    def _take_on(self, *, without: Sequence[str] = (), **attributes: Any) -> None:
        """Set attributes and delete others in one step, so that an interrupt finds all of the old or all of the new."""
        kept = {name: value for name, value in vars(self).items() if name not in without}
        self.__dict__ = {**kept, **attributes}

    def _report_interrupt(self, result: Distilled) -> None:
        in_use = "the last weights are in use"
        if result.best_epoch:
            error = result.history[result.best_epoch - 1]["valid_loss"]
            in_use = f"the best student so far (epoch {result.best_epoch}, validation error {error:.4g}) is in use"
        warnings.warn(
            f"fit was interrupted after {len(result.history)} epochs of the student: {in_use}. With memory= and "
            "random_state= the next fit continues from here.",
            ConvergenceWarning,
            stacklevel=stacklevel_of_user(),
        )

    def _sk_visual_block_(self) -> Any:
        """Show teacher, student and loss in parallel in scikit-learn's HTML diagram."""
        from sklearn.utils._repr_html.estimator import _VisualBlock

        parts = {
            "teacher": resolve_student(self.teacher) if isinstance(self.teacher, str) else self.teacher,
            "student": resolve_student(self.student),
            "loss": resolve_loss(self.loss),
        }
        shown = {name: part for name, part in parts.items() if part is not None}
        return _VisualBlock(
            "parallel",
            list(shown.values()),
            names=[f"{name}: {type(part).__name__}" for name, part in shown.items()],
            name_details=[str(part) for part in shown.values()],
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a student."""
        return hasattr(self, "student_")
