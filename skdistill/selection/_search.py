"""The search: exact students first, then teachers and networks at the best context length."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from tqdm.auto import tqdm

from skdistill._distillation import settle_teacher
from skdistill._shorthand import resolve_loss
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows
from skdistill.losses._base import LossSum
from skdistill.losses._objective import learns_alone
from skdistill.networks._inputs import make_spec, problem_of
from skdistill.networks._unread import warn_of_unread_settings
from skdistill.selection._baselines import judge_naive
from skdistill.selection._candidates import Candidate, StudentChoice
from skdistill.selection._folds import Fold
from skdistill.selection._judge import Judged, Problem, judge, judge_teacher
from skdistill.selection._label_book import LabelBook
from skdistill.selection._results import Results
from skdistill.selection._zero_shot import judge_zero_shot
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._blind import warn_of_blind_teachers
from skdistill.teachers._given import holds_given_labels

__all__ = ["Search"]

# Error of a teacher, relative to the best exact student's, above which it is not tried: teachers that are worse than
# their student can teach it, which is worth labels that take seconds, but not labels that take minutes.
_CLEARLY_WORSE = 1.25
_CLEARLY_WORSE_MANY = 1.05
_MANY_LABELS = 10_000
_MOST_MAPS = 32  # targets with a map of their own


@dataclass
class Search:
    """Candidates of a problem, judged in stages.

    Parameters
    ----------
    problem : Problem
        The series.
    folds : list of Fold
        The folds.
    students : list of StudentChoice
        From the simplest to the most complex.
    teachers : dict of str to BaseTeacher
        Teachers by name.
    context_lengths : sequence of int
        Context lengths to try.
    scalings : sequence of str
        Scalings to try.
    transformers : sequence of transformer or None
        Transformers to try: the first everywhere, the others where it is best.
    common : dict
        Parameters that all forecasters share.
    labeling : dict
        Parameters of the labeling: ``memory``, ``n_jobs``, ``label_budget``, ``verbose``.
    n_jobs : int or None
        Number of workers that fit candidates in parallel.
    n_windows : int
        Number of training windows, after thinning.
    longest_memory : int
        Maximum number of rows that a teacher reads beyond its student's context.
    label_choice : dict
        Parameters of candidates with a teacher that say which windows are labeled.
    """

    problem: Problem
    folds: list[Fold]
    students: list[StudentChoice]
    teachers: dict[str, BaseTeacher]
    context_lengths: Sequence[int]
    scalings: Sequence[str]
    transformers: Sequence[BaseEstimator | None]
    common: dict[str, Any]
    labeling: dict[str, Any]
    n_jobs: int | None
    n_windows: int
    longest_memory: int
    label_choice: dict[str, Any]
    books: dict[tuple[Any, ...], LabelBook] = field(default_factory=dict)

    def run(self) -> Results:
        """Judge all candidates.

        Returns
        -------
        results : Results
            Their errors.
        """
        places = [fold.places for fold in self.folds]
        results = Results(places, self.problem.prediction_length, self.problem.scoring)
        with tqdm(desc="candidates", disable=not self.labeling["verbose"], leave=False) as self._bar:
            exact = [one for one in self.students if one.is_exact]
            others = [one for one in self.students if not one.is_exact]
            self._judge(results, [one for student in exact or others for one in self._alone(student)])
            place = self._best_place(results)
            more = [replace(place, student=one, transformer=other) for one in exact or others for other in self._more]
            more += [replace(place, student=one, individual=True) for one in exact if self._tries_individual(one)]
            self._judge(results, more)
            place = self._best_place(results)
            names, longer = self._useful_teachers(results, place), self._places_with_teacher(place)
            taught = [
                self._taught(one, name, at) for one in exact if one.reads_labels for name in names for at in longer
            ]
            self._judge(results, [one for number, one in enumerate(taught) if one not in taught[:number]])
            if others:
                results.harmful = [name for name in names if self._harms(name, results, place)]
                names = [name for name in names if name not in results.harmful]
            later = [] if not exact else [place.with_student(student) for student in others]
            later += [self._taught(one, name, place) for one in others if one.reads_labels for name in names]
            self._judge(results, [self._settled(one, results) for one in later])
        for name, errors in judge_naive(self.problem, self.folds).items():
            results.naive[name] = results.mean_error(errors)
        longest = max(self.context_lengths)
        results.zero_shot = judge_zero_shot(self.problem, self.folds, longest, self.common["bounds"])
        return results

    def check(self, *, with_default_teachers: bool) -> None:
        """Raise if a teacher does not fit the folds; warn of what students and teachers do not read.

        Parameters
        ----------
        with_default_teachers : bool
            Whether nobody named the teachers; what these do not read is in the docstring.
        """
        self._check_teachers()
        self._check_losses()
        longest = self._alone(self.students[0])[-1]
        train = self._first_windows(longest)
        for student in self.students:
            student.network.check(make_spec(student.network, train))
            warn_of_unread_settings([student.unselected, resolve_loss(student.forecaster.loss)], train)
        for name, teacher in self.teachers.items():
            candidate = self._taught(self.students[0], name, longest)
            read = self._first_windows(candidate)  # a teacher may read more rows than students
            settle_teacher(teacher, 0, self.build(candidate)._settings()).check(problem_of(read))
            warn_of_unread_settings([teacher], read)
        if with_default_teachers:
            return
        if self.common["covariates"] == "error":
            warn_of_blind_teachers(self.teachers.values(), train, searched=True)
        if self.teachers and (names := [repr(one.name) for one in self.students if not one.reads_labels]):
            warnings.warn(
                f"teachers of DistilledForecasterCV have no effect on the students {', '.join(names)}, whose losses "
                "have no term with a positive weight that reads labels: they are tried without a teacher. Add such a "
                "term, as loss='response' has, or set teachers=None.",
                stacklevel=stacklevel_of_user(),
            )

    def _first_windows(self, candidate: Candidate) -> Windows:
        """Return the training windows of a candidate in the first fold."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the last fit, on all rows, tells the same
            return self.build(candidate)._cut(self.folds[0].training_rows(self.problem.given)).train

    def _check_losses(self) -> None:
        """Raise if a student learns nothing in the candidate that has no teacher."""
        for one in self.students:
            loss = resolve_loss(one.forecaster.loss)
            if not learns_alone(loss):
                raise ValueError(
                    f"{type(loss).__name__} of the student {one.name!r} of DistilledForecasterCV has no term that "
                    "reads the truth, and every student is tried without a teacher, too: give it a positive "
                    "supervised_weight, or fit a DistilledForecaster."
                )

    def shortest(self, **changes: Any) -> Any:
        """Return the forecaster of the first candidate, not fitted.

        Parameters
        ----------
        **changes : object
            More parameters.

        Returns
        -------
        forecaster : DistilledForecaster
            With the first student, no teacher and the shortest context.
        """
        return self.build(self._alone(self.students[0])[0], **changes)

    def _check_teachers(self) -> None:
        """Raise if a teacher needs what the folds do not give it."""
        everywhere = all(len(fold.numbers) == len(self.problem.given.series) for fold in self.folds)
        for name, teacher in self.teachers.items():
            idle = [one.name for one in self.students if one.reads_labels and one.forecaster.validation_fraction == 0]
            if teacher.needs_validation and idle:
                raise ValueError(
                    f"the teacher {name!r} of DistilledForecasterCV learns from validation rows, and candidates of "
                    f"{', '.join(map(repr, idle))} hold none out: name such students as "
                    "DistilledForecaster(None, student, validation_fraction=0.2), search with the members as teachers, "
                    "or take EnsembleTeacher with weights of your own."
                )
            if holds_given_labels(teacher) and not everywhere and len(self.problem.given.series) > 1:
                raise ValueError(
                    "series of GivenLabels are numbers of all series, and a fold of DistilledForecasterCV leaves "
                    "series out, because they have no training rows in it, or cv= says so: their numbers would be "
                    "others. Leave short series out of X, or choose another cv."
                )

    def _alone(self, student: StudentChoice) -> list[Candidate]:
        return [
            Candidate(student, None, length, scaling, transformer=self.transformers[0])
            for length in self.context_lengths
            for scaling in self.scalings
        ]

    @property
    def _more(self) -> Sequence[BaseEstimator | None]:
        """All transformers but the first."""
        return self.transformers[1:]

    def _tries_individual(self, student: StudentChoice) -> bool:
        """Return whether to try a map for every target: each costs as much as one that all share."""
        return student.may_be_individual and 1 < len(self.problem.targets) <= _MOST_MAPS

    def _places_with_teacher(self, place: Candidate) -> list[Candidate]:
        """Return where exact students with a teacher are tried: labels can turn the order of what is alone around.

        They make longer contexts worthwhile in a panel, and can do more for one map than for many.
        """
        longer = [] if len(self.problem.given.series) == 1 else self.context_lengths
        places = [place, *(replace(place, context_length=one) for one in longer if one > place.context_length)]
        return [*places, replace(place, individual=False)] if place.individual else places

    def _taught(self, student: StudentChoice, name: str, place: Candidate) -> Candidate:
        """Return a candidate with a teacher, otherwise like another one.

        In a panel, the teacher reads the longest context whatever the student reads, so that it labels once.
        """
        memory = self.teachers[name].memory_seasons * self.problem.season
        if len(self.problem.given.series) > 1:
            memory = max(memory, *self.context_lengths)
        return replace(place.with_student(student), teacher=name, n_memory=min(memory, self.longest_memory))

    def _useful_teachers(self, results: Results, place: Candidate) -> list[str]:
        """Leave out teachers that need no training and are clearly worse than the best exact student."""
        exact = next((one for one in self.students if one.is_exact), None)
        if exact is None or not any(one.reads_labels for one in self.students):
            return list(self.teachers)
        error, names = results.means[results.best()], []
        for name in self.teachers:
            if self._can_share(name, place.transformer):
                forecaster = self.build(self._taught(exact, name, place))
                teacher = settle_teacher(self.teachers[name], 0, forecaster._settings())
                errors = [judge_teacher(self.problem, fold, forecaster, teacher) for fold in self.folds]
                ratio = results.mean_error(errors) / error if error > 0 else 1.0
                if ratio > self._most_error:
                    results.left_out[name] = ratio
                    continue
            names.append(name)
        return names

    @property
    def _has_many_labels(self) -> bool:
        return self.n_windows * len(self.problem.targets) > _MANY_LABELS

    @property
    def _most_error(self) -> float:
        return _CLEARLY_WORSE_MANY if self._has_many_labels else _CLEARLY_WORSE

    def _harms(self, name: str, results: Results, place: Candidate) -> bool:
        """Return whether a teacher of many labels makes the exact student worse: no network is trained with it."""
        alike = [one.student.is_exact and one.transformer == place.transformer for one in results.candidates]
        by_teacher: dict[str | None, list[int]] = {}
        for number in np.flatnonzero(alike):
            by_teacher.setdefault(results.candidates[number].teacher, []).append(int(number))
        if not self._has_many_labels or not {None, name} <= set(by_teacher):
            return False
        taught, alone = (results.means[results.best(by_teacher[one])] for one in (name, None))
        return bool(taught > alone)

    def _best_place(self, results: Results) -> Candidate:
        """Return the best candidate without what later stages settle again: penalty and weight of a teacher."""
        return results.candidates[results.best()].settle(penalty=None, teacher_weight=None)

    def _settled(self, candidate: Candidate, results: Results) -> Candidate:
        """Take context, map, penalty and weight of the teacher from the best exact student with the same teacher."""
        if not candidate.student.on_linear:
            return candidate
        like = [
            number
            for number, one in enumerate(results.candidates)
            if one.student.is_exact and (one.teacher, one.transformer) == (candidate.teacher, candidate.transformer)
        ]
        if not like:
            return candidate
        exact = results.candidates[results.best(like)]
        there = replace(candidate, context_length=exact.context_length, individual=exact.individual)
        weight, reading = exact.teacher_weight, exact.reading
        return there.settle(penalty=exact.penalty, teacher_weight=weight, settings=reading)

    def _judge(self, results: Results, candidates: Sequence[Candidate]) -> None:
        """Judge candidates in every fold; with a share of the folds for each worker."""
        tasks = [
            joblib.delayed(judge)(self.problem, fold, one, self.build(one), self.book(one))
            for one in candidates
            for fold in self.folds
        ]
        judged: list[list[Judged]] = []
        for one in joblib.Parallel(n_jobs=self.n_jobs, return_as="generator")(tasks):
            judged.append(one)
            self._bar.update(len(one))
        for first in range(0, len(judged), len(self.folds)):
            results.add(judged[first : first + len(self.folds)])

    def build(self, candidate: Candidate, n_windows: int | None = None, **changes: Any) -> Any:
        """Return the forecaster of a candidate, not fitted.

        Parameters
        ----------
        candidate : Candidate
            The candidate.
        n_windows : int or None, default=None
            Number of training windows; None means those after thinning.
        **changes : object
            More parameters.

        Returns
        -------
        forecaster : DistilledForecaster
            The forecaster.
        """
        teacher = None if candidate.teacher is None else self.teachers[candidate.teacher]
        chosen = {} if teacher is None else self.label_choice
        if n_windows is None:
            shares = candidate.teacher is not None and self._can_share(candidate.teacher, candidate.transformer)
            n_windows = (
                max(1, self.n_windows * self.problem.every // self.problem.label_every) if shares else self.n_windows
            )
        return candidate.build(teacher, n_windows, **self.common | chosen | changes)

    def book(self, candidate: Candidate) -> LabelBook | None:
        """Return the labels of a candidate's teacher; they are made at the first call.

        Parameters
        ----------
        candidate : Candidate
            The candidate.

        Returns
        -------
        book : LabelBook or None
            None without a teacher, for a teacher that must be trained in each fold, and for copies of a fold's rows.
        """
        if candidate.teacher is None or not self._can_share(candidate.teacher, candidate.transformer):
            return None
        if candidate.student.forecaster.augmentation is not None:
            return None
        key = (candidate.teacher, candidate.n_rows, candidate.transformer)
        if key not in self.books:
            forecaster = self.build(candidate, scaling="window", **self.labeling)
            losses = [(f"student{one.rank}", resolve_loss(one.forecaster.loss)) for one in self.students]
            terms = [(f"{name}_{term}", value) for name, loss in losses for term, value in loss.named_terms()]
            teacher = settle_teacher(self.teachers[candidate.teacher], 0, forecaster._settings())
            self.books[key] = LabelBook.make(
                forecaster,
                self.problem.given,
                teacher,
                LossSum(terms),
                first_stop=self._judged_rows(),
                every=self.problem.label_every,
                staggered=self.problem.staggered,
            )
        return self.books[key]

    def _can_share(self, name: str, transformer: BaseEstimator | None) -> bool:
        """Whether labels depend on nothing but contexts in original units."""
        fits = transformer is not None and get_tags(transformer).requires_fit
        return self.teachers[name].scale_free and not fits

    def _judged_rows(self) -> int:
        """Return the largest number of rows of a series after the training rows of a fold."""
        lengths = np.array([len(one) for one in self.problem.given.series])
        return int(max((lengths[fold.numbers] - fold.stops).max() for fold in self.folds))
