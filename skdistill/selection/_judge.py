"""Fitting candidates on the training rows of a fold, and their errors on the horizons after them."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from torch import nn

from skdistill._distillation import settle_teacher
from skdistill._predictor import Predictor
from skdistill._shorthand import resolve_loss, resolve_student
from skdistill.data._context_batch import ContextCutter
from skdistill.data._local_scale import series_units
from skdistill.data._series import SeriesInput
from skdistill.data._training_windows import TrainingWindows
from skdistill.losses._base import BaseLoss
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._inputs import make_spec, with_covariates
from skdistill.networks._linear import Linear
from skdistill.networks._quantile_head import build_module
from skdistill.networks._solvable_part import SolvablePart
from skdistill.selection._candidates import Candidate, names_of_teacher_weight
from skdistill.selection._folds import Fold
from skdistill.selection._label_book import LabelBook, label_training, thin
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._probe import probe_teacher
from skdistill.training._batches import LabelSource
from skdistill.training._exact import Candidate as Point
from skdistill.training._exact_fit import solve_candidates
from skdistill.training._exactness import why_not_exact

__all__ = ["SCORINGS", "Judge", "Judged", "Problem", "judge", "judge_teacher"]

SCORINGS = ("mase", "msse")


@dataclass(frozen=True)
class Problem:
    """The series, and how forecasts of them are judged.

    Parameters
    ----------
    given : SeriesInput
        The whole series.
    targets : tuple of int
        The forecast channels.
    prediction_length : int
        Number of rows of a forecast.
    season : int
        Number of rows in a season, for the unit of the errors.
    scoring : {"mase", "msse"}
        Absolute or squared errors, in units of each channel of each series.
    every : int
        Distance of the origins of training windows.
    shortest : int or None, default=None
        Number of rows of the shortest context of a candidate. Only what every candidate can forecast is judged: targets
        with an observed value in these rows. None judges everything.
    label_every : int, default=1
        Distance of the origins of windows with labels that all folds share.
    staggered : bool, default=False
        Whether these origins are others in each series, as in many series that have few windows each.
    """

    given: SeriesInput
    targets: tuple[int, ...]
    prediction_length: int
    season: int
    scoring: str
    every: int = 1
    shortest: int | None = None
    label_every: int = 1
    staggered: bool = False

    @cached_property
    def misses_targets(self) -> bool:
        """Whether some value of a target is missing in some series."""
        return any(bool(np.isnan(one.values[:, list(self.targets)]).any()) for one in self.given.series)


@dataclass(frozen=True)
class Judged:
    """A candidate and its errors in one fold.

    Parameters
    ----------
    candidate : Candidate
        The candidate.
    errors : ndarray of shape (n_origins,)
        Mean error of each horizon; NaN where nothing of it is observed.
    fit_seconds, score_seconds : float
        Time of the fit and of the forecasts.
    is_solved : bool, default=False
        Whether the student was solved exactly.
    """

    candidate: Candidate
    errors: np.ndarray
    fit_seconds: float
    score_seconds: float
    is_solved: bool = False


def judge(problem: Problem, fold: Fold, candidate: Candidate, forecaster: Any, book: LabelBook | None) -> list[Judged]:
    """Fit a candidate on a fold and judge it.

    Parameters
    ----------
    problem : Problem
        The series.
    fold : Fold
        The rows.
    candidate : Candidate
        The candidate; an exact student without a penalty is judged at every penalty and weight of the teacher.
    forecaster : DistilledForecaster
        Its forecaster, not fitted.
    book : LabelBook or None
        Labels of its teacher, if it needs no training.

    Returns
    -------
    judged : list of Judged
        One entry for every penalty and weight.
    """
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the last fit, on all rows, tells the same
        forecaster._check_parameters()
        windows = forecaster._cut(fold.training_rows(problem.given))
        every = problem.every if book is None else problem.label_every
        windows, labels = with_labels(windows, every, book, fold.numbers, fold.starts, staggered=problem.staggered)
        if candidate.student.is_exact and candidate.penalty is None:
            fitted, is_solved = _solve(problem, candidate, forecaster, windows, labels), True
        else:
            is_solved = forecaster._distill(windows, labels, is_part=True)
            fitted = [(candidate, forecaster.predictor_)]
    seconds = (time.perf_counter() - start) / len(fitted)
    judges = Judge(problem, fold)
    judged = []
    for one, predictor in fitted:
        start = time.perf_counter()
        errors = judges.errors(predictor)
        judged.append(Judged(one, errors, seconds, time.perf_counter() - start, is_solved))
    return judged


def judge_teacher(problem: Problem, fold: Fold, forecaster: Any, teacher: BaseTeacher) -> np.ndarray:
    """Return the errors of a teacher that needs no training.

    Parameters
    ----------
    problem : Problem
        The series.
    fold : Fold
        The rows.
    forecaster : DistilledForecaster
        Forecaster of a candidate with this teacher, not fitted.
    teacher : BaseTeacher
        The teacher, with a seed and a device.

    Returns
    -------
    errors : ndarray of shape (n_origins,)
        Mean error of each horizon; NaN where nothing of it is observed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the last fit, on all rows, tells the same
        forecaster._check_parameters()
        windows = forecaster._cut(fold.training_rows(problem.given))
    spec = make_spec(resolve_student(forecaster.student), windows.train)
    teacher.check(with_covariates(spec, windows.train))
    probe_teacher(teacher, windows)  # it compares columns
    known = windows.train.store.known
    predictor = Predictor(nn.Identity(), spec, windows.train.store.scaling, known=known)
    series = problem.given.series
    cutter = ContextCutter(
        series,
        spec.context_length,
        with_time=True,
        known=predictor.numbers_of(series),
        known_channels=known,
        prediction_length=spec.prediction_length,
    )
    forecasts = predictor.forecast_teacher(teacher.fit(windows), cutter.cut(*fold.places))
    return Judge(problem, fold).errors_of(predictor.scaling.clip(forecasts))  # as those of students


def with_labels(
    windows: TrainingWindows,
    every: int,
    book: LabelBook | None,
    numbers: np.ndarray,
    first_rows: np.ndarray,
    *,
    staggered: bool = False,
) -> tuple[TrainingWindows, LabelSource | None]:
    """Thin the training windows, and look up their labels.

    Parameters
    ----------
    windows : TrainingWindows
        Windows of parts of the series.
    every : int
        Distance of the origins to keep.
    book : LabelBook or None
        Labels, if there are any.
    numbers, first_rows : ndarray of int of shape (n_series,)
        Number of each of their series among all, and the row at which it starts.
    staggered : bool, default=False
        Whether other origins are kept in each series.

    Returns
    -------
    windows : TrainingWindows
        The thinned windows.
    labels : LabelSource or None
        Their labels.
    """
    windows = replace(windows, train=thin(windows.train, every, first_rows, numbers if staggered else None))
    return windows, None if book is None else book.for_windows(windows.train, numbers, first_rows)


def _solve(
    problem: Problem, candidate: Candidate, forecaster: Any, windows: TrainingWindows, labels: LabelSource | None
) -> list[tuple[Candidate, Predictor]]:
    network, loss = resolve_student(forecaster.student), resolve_loss(forecaster.loss)
    spec = make_spec(network, windows.train)
    network.check(spec)
    part = network.solvable_part(spec)
    assert part is not None  # StudentChoice.is_exact
    one_point = replace(
        part,
        penalties=part.penalties[:1],
        weight_grid={},
        mask=part.masks[-1],
        other_masks=(),
        ties=part.ties[-1:] if part.is_tied else (),
    )
    _check_exact(one_point, loss, windows, has_teacher=forecaster.teacher is not None)
    if labels is None and forecaster.teacher is not None:
        teacher = settle_teacher(forecaster.teacher, (forecaster._seeds() or (0, 0))[0], forecaster._settings())
        labels = label_training(forecaster, windows, teacher, loss)
    if labels is not None and labels.weight is not None:
        _check_exact(one_point, loss, windows, has_teacher=True, weighted_labels=True)
    if labels is None:
        of_teacher = {
            name for name, term in loss.named_terms() if any(need.startswith("teacher") for need in term.requires)
        }
        part = replace(part, weight_grid={k: v for k, v in part.weight_grid.items() if k not in of_teacher})
    if problem.misses_targets and not part.is_tied:  # in all folds alike
        part = part.without_ties
    module = build_module(network, spec)
    scaling = windows.train.store.scaling
    solved = solve_candidates(part, module, spec, windows.train, loss=loss, labels=labels)
    return [
        (
            candidate.settle(
                penalty=point.penalty,
                teacher_weight=None if labels is None else point.weights.get("prediction"),
                settings=_settings(network, spec, part, point, loss),
            ),
            Predictor(fitted, spec, scaling),
        )
        for point, fitted in solved
    ]


def _settings(
    network: BaseNetwork, spec: NetworkSpec, part: SolvablePart, point: Point, loss: BaseLoss
) -> dict[str, Any]:
    """Return the parameters of a network that make it what was solved, beside penalty and weight of the teacher."""
    settings: dict[str, Any] = {}
    if len(part.masks) > 1:
        ties = part.ties or (None,) * len(part.masks)
        assert isinstance(network, Linear)  # StudentChoice.is_exact
        kept = zip(part.masks, ties, network.readings(spec), strict=False)  # those without ties come first
        settings |= next(reading for mask, tied, reading in kept if mask is point.mask and tied is point.ties)
    told = ["prediction"] if names_of_teacher_weight(loss) else []
    weights = {name: [point.weights[name]] for name in part.weight_grid if name not in told}
    return settings | ({"weight_grid": weights} if weights else {})


def _check_exact(
    part: SolvablePart, loss: BaseLoss, windows: TrainingWindows, *, has_teacher: bool, weighted_labels: bool = False
) -> None:
    reason = why_not_exact(part, loss, has_teacher=has_teacher, windows=windows, weighted_labels=weighted_labels)
    if reason is not None:
        raise ValueError(f"{part.owner} of DistilledForecasterCV cannot be solved exactly: {reason}")


@dataclass(frozen=True)
class Judge:
    """Truth and units of the horizons of a fold.

    Parameters
    ----------
    problem : Problem
        The series.
    fold : Fold
        The rows.
    """

    problem: Problem
    fold: Fold

    @cached_property
    def truth(self) -> np.ndarray:
        """True values, (n_horizons, prediction_length, n_targets); NaN for what some candidate cannot forecast."""
        problem = self.problem
        series, targets, horizon = problem.given.series, list(problem.targets), problem.prediction_length
        truth = np.empty((len(self.fold.places[0]), horizon, len(targets)), series[0].values.dtype)
        for place, (number, origin) in enumerate(zip(*self.fold.places, strict=True)):
            values = series[number].values
            truth[place] = values[origin : origin + horizon, targets]
            if problem.shortest is not None and np.isnan(values[origin - 1, targets]).any():
                before = values[max(0, origin - problem.shortest) : origin, targets]
                truth[place][:, np.isnan(before).all(axis=0)] = np.nan
        return truth

    @property
    def judges_something(self) -> bool:
        """Whether some horizon has an observed value, with a unit, that every candidate can forecast."""
        return not np.isnan(self.truth / self.units).all()

    @cached_property
    def units(self) -> np.ndarray:
        """Mean absolute seasonal difference of the training rows, (n_horizons, 1, n_targets).

        NaN for a series and target without an observed training value, or with constant ones that do not stay, whose
        errors have no unit.
        """
        rows = [one.values[:, list(self.problem.targets)] for one in self.fold.training_rows(self.problem.given).series]
        seen = np.stack([~np.isnan(one).all(axis=0) for one in rows])
        places = np.searchsorted(self.fold.numbers, self.fold.places[0])
        units = series_units(rows, self.problem.season)
        left, each = np.zeros(seen.shape, dtype=bool), units.take(places)
        np.logical_or.at(left, places, each.left(each.standardize(self.truth)).any(axis=1))
        return np.where(seen & ~left, units.unit, np.nan)[places, None]

    def errors(self, predictor: Predictor) -> np.ndarray:
        """Return the error of each horizon, forecast by a student.

        Parameters
        ----------
        predictor : Predictor
            The student.

        Returns
        -------
        errors : ndarray of shape (n_horizons,)
            NaN where nothing is observed.
        """
        return self.errors_of(predictor.forecast(predictor.cutter(self.problem.given.series).cut(*self.fold.places)))

    def errors_of(self, forecasts: np.ndarray) -> np.ndarray:
        """Return the error of each horizon.

        Parameters
        ----------
        forecasts : ndarray of shape (n_horizons, prediction_length, n_targets)
            Forecasts in original units.

        Returns
        -------
        errors : ndarray of shape (n_horizons,)
            NaN where nothing is observed; infinite where a forecast of something observed is no finite number.
        """
        errors = np.abs(forecasts - self.truth) / self.units
        errors[~np.isfinite(forecasts) & ~np.isnan(self.truth / self.units)] = np.inf
        if self.problem.scoring == "msse":
            errors = np.square(errors)
        return mean_observed(errors.reshape(len(errors), -1))


def mean_observed(values: np.ndarray) -> np.ndarray:
    """Return the mean of every row over what is observed; NaN where nothing is."""
    observed = ~np.isnan(values)
    counts = observed.sum(axis=1)
    sums = np.where(observed, values, 0.0).sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
