"""Candidates: a student, with or without a teacher, at a context length."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from skdistill._parameter_checks import default_training, warn_of_idle_settings
from skdistill._shorthand import resolve_loss, resolve_student
from skdistill._utils._changed_parameters import changed_parameters
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._season import seasons_of_series
from skdistill.data._series import Series
from skdistill.forecaster import DistilledForecaster
from skdistill.losses._base import BaseLoss, LossSum
from skdistill.losses._objective import needs_teacher
from skdistill.losses._response import Response
from skdistill.losses._supervised import Supervised
from skdistill.losses._teacher_forecast import TeacherForecast
from skdistill.networks._base import BaseNetwork
from skdistill.networks._linear import Linear
from skdistill.networks._mlp import MLP

__all__ = [
    "PENALTIES",
    "TEACHER_WEIGHTS",
    "Candidate",
    "StudentChoice",
    "default_context_lengths",
    "names_of_teacher_weight",
    "read_students",
    "warn_of_replaced",
]

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
TEACHER_WEIGHTS = (0.3, 1.0, 3.0)
_MULTIPLES = (1, 2, 3, 4, 7, 14, 21, 28, 53)  # of a season: weeks, and a year of weeks
_NO_SEASON = 8  # rows that stand for a season where there is none
_LONGEST = 768
_MOST_CONTEXTS = 5
_APART = 1.3  # smallest ratio of two context lengths
_UPDATES = 2500  # batches that train a network in one fit
_MOST_EPOCHS = 8
_MOST_QUANTILE_EPOCHS = 100
_FEWEST_BATCHES = 8  # of an epoch that trains quantiles
_QUANTILE_WIDTH = 32  # of the network on top of an exact student, for quantiles
_SQUARES = 0.05  # weight of the squared errors, for which the linear part of an MLP is solved


@dataclass(frozen=True)
class StudentChoice:
    """A student to try, from the simplest to the most complex.

    Parameters
    ----------
    name : str
        Its name in ``cv_results_``.
    rank : int
        Its place, from 0.
    forecaster : DistilledForecaster
        Its network, loss and settings of training.
    on_linear : bool, default=False
        Whether it is built on the best exact student before it.
    is_own : bool, default=False
        Whether the user chose its loss and settings of training.
    may_be_individual : bool, default=False
        Whether it is also tried with a linear map for every target, where there are several.
    """

    name: str
    rank: int
    forecaster: DistilledForecaster
    on_linear: bool = False
    is_own: bool = False
    may_be_individual: bool = False

    @property
    def network(self) -> BaseNetwork:
        """The network of the student."""
        return resolve_student(self.forecaster.student)

    @property
    def is_individual(self) -> bool:
        """Whether the user gave it a linear map for every target."""
        params = self.network.get_params()
        return any(bool(params.get(name)) for name in ("individual", "linear_skip__individual"))

    @property
    def is_exact(self) -> bool:
        """Whether it is solved exactly for every penalty at once."""
        return isinstance(self.network, Linear) and self.network.solver != "gradient"

    @property
    def reads_labels(self) -> bool:
        """Whether a term of its loss reads labels, so that it learns something else with a teacher."""
        return needs_teacher(resolve_loss(self.forecaster.loss))

    @property
    def judged_by_folds(self) -> list[str]:
        """Parameters of the network that say how an exact student chooses, which folds do in a search."""
        return ["selection"] if self.is_exact and "selection" in self.network.get_params(deep=False) else []

    @property
    def unselected(self) -> BaseNetwork:
        """The network without these parameters, of which :func:`warn_of_replaced` tells."""
        return clone(self.network).set_params(**dict.fromkeys(self.judged_by_folds, "validation"))


@dataclass(frozen=True)
class Candidate:
    """One row of ``cv_results_``.

    Parameters
    ----------
    student : StudentChoice
        The student.
    teacher : str or None
        Name of the teacher; None trains on the truth alone.
    context_length : int
        Number of rows that a forecast is made from.
    scaling : str
        What standardizes.
    penalty : float or None, default=None
        Ridge penalty of an exact student, or of the one that a student is built on.
    teacher_weight : float or None, default=None
        Weight of the teacher's forecast in the loss.
    n_memory : int, default=0
        Number of rows that the teacher should read, if the student reads fewer.
    transformer : transformer or None, default=None
        Applied before the scaling.
    settings : dict, default={}
        Other parameters of an exact network that it was judged with: which known covariates a step reads, and weights
        of the loss terms that the user wants tried.
    individual : bool, default=False
        Whether every target has its own linear map; otherwise all share one.
    """

    student: StudentChoice
    teacher: str | None
    context_length: int
    scaling: str
    penalty: float | None = None
    teacher_weight: float | None = None
    n_memory: int = field(default=0, compare=False)
    transformer: BaseEstimator | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    individual: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """What ``cv_results_`` and ``best_params_`` tell of it."""
        return {
            "student": self.student.name,
            "teacher": self.teacher,
            "context_length": self.context_length,
            "scaling": self.scaling,
            "transformer": self.transformer,
            "individual": self.individual or self.student.is_individual,
            "penalty": self.penalty,
            "teacher_weight": self.teacher_weight,
            **self.settings,
        }

    @property
    def simplicity(self) -> tuple[float, ...]:
        """Sorts candidates from the simplest to the most complex."""
        penalty = 0.0 if self.penalty is None else -self.penalty
        weight, is_transformed = self.teacher_weight or 0.0, self.transformer is not None
        is_taught = self.teacher is not None
        return (self.student.rank, self.individual, is_taught, self.context_length, penalty, weight, is_transformed)

    def describe(self) -> str:
        """Return a few words for the explanation."""
        words = [f"{self.student.name} with context_length={self.context_length}"]
        if self.transformer is not None:
            words.append(f"transformer={self.transformer!r}")
        if self.params["individual"]:
            words.append("a map for every target")
        if self.penalty is not None:
            words.append(f"penalty={self.penalty:g}")
        words += [f"{name}={value!r}" for name, value in self.settings.items()]
        if self.teacher is None:
            words.append("no teacher")
        else:
            weight = "" if self.teacher_weight is None else f" at weight {self.teacher_weight:g}"
            words.append(f"the teacher {self.teacher}{weight}")
        return ", ".join(words)

    def with_student(self, student: StudentChoice) -> Candidate:
        """Return the candidate with another student, and a map for every target only if that one may have it."""
        return replace(self, student=student, individual=self.individual and student.may_be_individual)

    def settle(
        self,
        *,
        penalty: float | None,
        teacher_weight: float | None,
        settings: Mapping[str, Any] | None = None,
    ) -> Candidate:
        """Return the candidate with a penalty, a weight of the teacher and other settings of its network."""
        return replace(self, penalty=penalty, teacher_weight=teacher_weight, settings=settings or {})

    @property
    def reading(self) -> dict[str, Any]:
        """Which known covariates a step reads: the settings that hold for any loss."""
        return {name: value for name, value in self.settings.items() if name != "weight_grid"}

    def build(self, teacher: Any, n_windows: int | None = None, **common: Any) -> DistilledForecaster:
        """Return the forecaster of this candidate, not fitted.

        Parameters
        ----------
        teacher : object
            Value of the parameter ``teacher``.
        n_windows : int or None, default=None
            Number of training windows, which limits the epochs of the built-in networks.
        **common : object
            Parameters that all candidates share.

        Returns
        -------
        forecaster : DistilledForecaster
            The forecaster.
        """
        forecaster = clone(self.student.forecaster)
        changes: dict[str, Any] = {
            "teacher": teacher,
            "context_length": self.n_rows,
            "scaling": self.scaling,
            "transformer": self.transformer,
            "student": self._network(),
        }
        if self.teacher_weight is not None:
            changes["loss"] = _with_teacher_weight(forecaster.loss, self.teacher_weight)
        trains_quantiles = self.student.is_exact and common.get("quantiles") is not None
        if trains_quantiles:  # no exact solution has quantiles: they are trained on top of it
            changes["student"] = self._below_quantiles(changes["student"])
        elif self.student.is_exact and not self.student.is_own:  # nothing reads the settings that networks need
            changes |= default_training(type(forecaster))
        if n_windows is not None and trains_quantiles:
            changes["batch_size"] = int(np.clip(n_windows // _FEWEST_BATCHES, 16, forecaster.batch_size))
            changes["max_epochs"] = _epochs(n_windows, changes["batch_size"], _MOST_QUANTILE_EPOCHS)
        elif n_windows is not None and self.student.on_linear:
            half = forecaster.batch_size // 2
            if n_windows * _MOST_EPOCHS >= _UPDATES * half:  # as many updates from half the windows each
                changes["batch_size"] = half
            batch_size = changes.get("batch_size", forecaster.batch_size)
            changes["max_epochs"] = _epochs(n_windows, batch_size, _MOST_EPOCHS)
        return forecaster.set_params(**changes | common)

    @property
    def n_rows(self) -> int:
        """Number of rows of a context: more than ``context_length`` if the teacher reads more than the student."""
        reads_last = "last_rows" in self.student.network.get_params()
        return max(self.context_length, self.n_memory if reads_last else 0)

    def _network(self) -> BaseNetwork:
        network = self._penalized()
        if self.n_rows == self.context_length:
            return network
        nested = [name for name in ("linear_skip__last_rows",) if name in network.get_params()]
        return network.set_params(**dict.fromkeys(["last_rows", *nested], self.context_length))

    def _below_quantiles(self, linear: BaseNetwork) -> BaseNetwork:
        """Return a small network that starts from an exact map, which stays as it is."""
        last_rows = None if self.n_rows == self.context_length else self.context_length
        network = MLP(_QUANTILE_WIDTH, batch_norm=False, decomposition=False, last_rows=last_rows)
        return network.set_params(linear_skip=linear)

    def _penalized(self) -> BaseNetwork:
        network = clone(self.student.network)
        if self.individual and not self.student.on_linear:
            network.set_params(individual=True)
        if self.penalty is None:
            return network
        if self.student.on_linear:
            linear = Linear(penalty=self.penalty, individual=self.individual, **self.settings)
            return network.set_params(linear_skip=linear)
        return network.set_params(**{"penalty": self.penalty, "weight_grid": None, **self.settings})


def _epochs(n_windows: int, batch_size: int, most: int) -> int:
    """Return the number of epochs that gives enough updates."""
    return int(np.clip(_UPDATES // max(1, n_windows // batch_size), 1, most))


def _with_teacher_weight(loss: Any, weight: float) -> Any:
    """Return the loss with another weight of the teacher's forecast, if it has that weight."""
    loss = clone(resolve_loss(loss))
    return loss.set_params(**dict.fromkeys(names_of_teacher_weight(loss), weight))


def names_of_teacher_weight(loss: BaseLoss) -> list[str]:
    """Return the parameters of a loss that are the weight of the term ``"prediction"``.

    Parameters
    ----------
    loss : LossTerm or LossSum
        The loss.

    Returns
    -------
    names : list of str
        Empty if it has no such parameter.
    """
    params = loss.get_params()
    return [name for name in ("prediction_weight", "prediction__weight") if name in params]


def read_students(students: Any) -> list[StudentChoice]:
    """Convert the parameter ``students``.

    Parameters
    ----------
    students : sequence of str, network or DistilledForecaster
        ``"linear"`` and ``"mlp"`` are the built-in students.

    Returns
    -------
    choices : list of StudentChoice
        In the same order.
    """
    if isinstance(students, str | BaseNetwork | DistilledForecaster):
        students = [students]
    if not isinstance(students, list | tuple) or not len(students):
        raise TypeError(
            "students of DistilledForecasterCV must be a list of students, from the simplest to the most complex, such "
            f"as ['linear', 'mlp']; got {students!r}."
        )
    choices = [_read_student(one, rank) for rank, one in enumerate(students)]
    names = [one.name for one in choices]
    return [
        replace(one, name=f"{one.name}-{rank}") if names.count(one.name) > 1 else one
        for rank, one in enumerate(choices)
    ]


# Parameters of a student that the search sets: the same for all candidates, or tried by itself.
_OF_SEARCH = (
    *("teacher", "context_length", "prediction_length", "targets", "known_covariates", "static_covariates"),
    *("covariates", "scaling", "transformer", "bounds", "min_observed", "missing", "quantiles", "calibration"),
    *("label_share", "max_labels", "label_seconds", "label_choice", "label_budget", "memory", "device", "random_state"),
)


def warn_of_replaced(search: Any) -> None:
    """Warn of settings of students that the search replaces by its own.

    Parameters
    ----------
    search : DistilledForecasterCV
        With its parameters.
    """
    students, own = search.students, search.get_params(deep=False)
    for choice in read_students(students):
        told = changed_parameters(choice.network, choice.judged_by_folds)
        if told:
            warnings.warn(
                f"{told[0]} of {type(choice.network).__name__} has no effect in DistilledForecasterCV, whose folds "
                "choose among penalties, weights and bands: leave it out.",
                stacklevel=stacklevel_of_user(),
            )
    defaults = {name: one.default for name, one in signature(DistilledForecaster).parameters.items()}
    for one in students if isinstance(students, list | tuple) else [students]:
        if not isinstance(one, DistilledForecaster):
            continue
        given = one.get_params(deep=False)
        lost = [
            f"{name}={given[name]!r}"
            for name in _OF_SEARCH
            if given[name] is not None
            and repr(given[name]) not in (repr(defaults[name]), repr(own.get(name)))
            and not (name == "random_state" and own[name] is not None)
        ]
        if lost:
            warnings.warn(
                f"DistilledForecasterCV replaces {', '.join(lost)} of a student by its own setting, the same for all "
                "candidates: a student keeps only its network, loss and settings of training. Set it on the search: "
                "teachers, context_lengths and the other parameters of the same name.",
                stacklevel=stacklevel_of_user(),
            )
        if search.quantiles is None and _read_student(one, 0).is_exact:  # quantiles are trained on top of it
            warn_of_idle_settings(one)


def _read_student(student: Any, rank: int) -> StudentChoice:
    if isinstance(student, DistilledForecaster):
        if student.vintages is not None:
            raise ValueError(
                "vintages of a student of DistilledForecasterCV must be None: candidates are judged on horizons whose "
                "known covariates are those of X, not what was known of them at each origin. Search without vintages, "
                "and fit search.candidate(index).set_params(vintages=...)."
            )
        name = type(resolve_student(student.student)).__name__.lower()
        return StudentChoice(name, rank, clone(student), is_own=True)
    if student == "linear":
        network = Linear(penalty=PENALTIES, weight_grid={"prediction": TEACHER_WEIGHTS})
        return StudentChoice("linear", rank, _trained(network), may_be_individual=True)
    if student == "mlp":
        small = MLP(128, n_layers=2, batch_norm=False, dropout=0.2, decomposition=False)
        forecaster = _trained(small).set_params(loss=_absolute_errors())
        return StudentChoice("mlp", rank, forecaster, on_linear=True, may_be_individual=True)
    other = resolve_student(student)
    return StudentChoice(type(other).__name__.lower(), rank, _trained(other))


def _trained(network: BaseNetwork) -> DistilledForecaster:
    """Return a forecaster with the settings of training that built-in students have."""
    return DistilledForecaster(
        None,
        network,
        Response(),
        validation_fraction=0,
        batch_size=256,
        lr=1e-3,
        lr_schedule="cosine",
        max_epochs=_MOST_EPOCHS,
        patience=None,
        weight_averaging=0.99,
    )


def _absolute_errors() -> LossSum:
    """Return the mean absolute errors to truth and teacher, and the squares for which a linear part is solved."""
    return LossSum(
        [
            ("supervised", Supervised(loss="mae")),
            ("prediction", TeacherForecast(loss="mae")),
            ("supervised_squares", Supervised(_SQUARES)),
            ("prediction_squares", TeacherForecast(_SQUARES)),
        ]
    )


def default_context_lengths(series: list[Series], n_rows: int, prediction_length: int) -> list[int]:
    """Return context lengths to try: multiples of the season; of one series, a longer season, too.

    Parameters
    ----------
    series : list of Series
        The series; the step of the first tells the season.
    n_rows : int
        Number of rows of a typical series in the first fold.
    prediction_length : int
        Number of rows of a forecast.

    Returns
    -------
    lengths : list of int
        At most six, rising, and at least one.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skdistill.data._inputs import Series
    >>> hourly = Series(np.zeros((5000, 1)), pd.date_range("2024-01-01", periods=5000, freq="h"))
    >>> default_context_lengths([hourly], 4000, 48)
    [96, 168, 336, 504, 672]
    """
    one = series[0]
    seasons = seasons_of_series(one.index, one.step)
    base = seasons[0] if seasons else _NO_SEASON
    room = n_rows - prediction_length
    if len(series) == 1:
        room //= 2
    possible = [base * multiple for multiple in _MULTIPLES if base * multiple <= min(room, _LONGEST)]
    possible = [length for length in possible if length >= min(prediction_length, possible[-1])]
    chosen: list[int] = []
    for length in reversed(possible):
        if not chosen or chosen[-1] >= _APART * length:
            chosen.append(length)
    chosen = chosen[:_MOST_CONTEXTS] or [max(1, min(room, base))]
    if len(series) > 1:
        return sorted(chosen)
    most = min(n_rows - prediction_length - max(prediction_length, base) + 1, _LONGEST)
    whole = [season for season in seasons or [] if max(chosen) < season <= most]  # a naive forecast could read it
    return sorted([*chosen, *whole[-1:]])
