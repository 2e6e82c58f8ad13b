"""Exact solution of the solvable part of a network, from windows, labels and a loss."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_real
from skdistill._utils._choices import check_choice
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.losses._base import BaseLoss, LossSum
from skdistill.networks._base import NetworkSpec
from skdistill.networks._solvable_part import SolvablePart
from skdistill.training._batches import LabelSource, label_weights
from skdistill.training._design import Design
from skdistill.training._exact import (
    Candidate,
    ExactProblem,
    LinearSolution,
    QuadraticTerm,
    candidates,
    mean_squared_error,
)
from skdistill.training._masked import masked_error, solve_masked
from skdistill.training._moments import Moments, add_up, label_moments, truth_moments
from skdistill.training._quadratic_form import quadratic_form
from skdistill.training._sparse import solve_sparse
from skdistill.training._train import TrainingResult
from skdistill.training._weighted import WeightedProblem, common_basis

__all__ = [
    "Solved",
    "continue_part",
    "is_solved_at_once",
    "quadratic_part",
    "quadratic_terms",
    "solve_candidates",
    "solve_from_moments",
    "solve_part",
    "solve_sums",
    "sum_windows",
    "why_not_exact",
]

_N_BLOCKS = 5


def quadratic_terms(
    loss: BaseLoss, prediction_length: int, *, has_teacher: bool, named: Sequence[str] = ()
) -> list[QuadraticTerm] | str:
    """Convert a loss to quadratic terms, or return the name of a term that is not quadratic.

    Parameters
    ----------
    loss : BaseLoss
        The objective.
    prediction_length : int
        Steps of a forecast.
    has_teacher : bool
        Whether there are labels; without labels, terms that read them are dropped.
    named : sequence of str, default=()
        Terms to include even if their weight is 0, because a grid sets their weights.

    Returns
    -------
    terms : list of QuadraticTerm or str
        The terms; or the name and class of the first term that is not quadratic.
    """
    terms = []
    for name, term in loss.named_terms():
        if term.weight == 0 and name not in named:
            continue
        if not has_teacher and any(need.startswith("teacher") for need in term.requires):
            continue
        form = quadratic_form(name, term, prediction_length)
        if form is None:
            return f"{name!r} ({type(term).__name__})"
        terms.append(QuadraticTerm(name, float(term.weight), form.metric, form.target))
    return terms


def quadratic_part(
    loss: BaseLoss, windows: TrainingWindows, *, has_teacher: bool, weighted_labels: bool = False
) -> LossSum:
    """Return the terms of a loss that are quadratic forms of the forecast.

    Parameters
    ----------
    loss : BaseLoss
        The objective.
    windows : TrainingWindows
        Training and validation windows.
    has_teacher : bool
        Whether there are labels; without labels, terms that read them are dropped.
    weighted_labels : bool, default=False
        Whether labels count by window; pooled terms of labels are then dropped, too.

    Returns
    -------
    part : LossSum
        The quadratic terms, under their names.

    Raises
    ------
    ValueError
        If none of them has a positive weight.
    """
    length = windows.train.prediction_length
    forms = [(name, term, quadratic_form(name, term, length)) for name, term in loss.named_terms()]
    terms = [
        (name, term)
        for name, term, form in forms
        if form is not None and (form.target == "truth" or not weighted_labels or _is_diagonal(form.metric))
    ]
    if not any(
        term.weight and (has_teacher or not any(need.startswith("teacher") for need in term.requires))
        for _, term in terms
    ):
        raise ValueError(
            f"{type(loss).__name__} has no quadratic term of positive weight, for which a linear part could be solved: "
            "add Supervised(), or leave linear_skip out."
        )
    return LossSum(terms)


def why_not_exact(
    part: SolvablePart,
    loss: BaseLoss,
    *,
    has_teacher: bool,
    windows: TrainingWindows,
    weighted_labels: bool = False,
) -> str | None:
    """Return the reason why a solvable part cannot be solved exactly.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    loss : BaseLoss
        The objective.
    has_teacher : bool
        Whether there are labels.
    windows : TrainingWindows
        Training and validation windows.
    weighted_labels : bool, default=False
        Whether labels count by window.

    Returns
    -------
    reason : str or None
        The reason and what to do about it; None if the part can be solved.
    """
    terms = _terms_to_solve(part, loss, windows.train.prediction_length, has_teacher=has_teacher)
    if isinstance(terms, str):
        return terms
    targets = {term.target for term in terms}
    if len(targets) > 1 and windows.train.known is not None:
        return (
            "with windows_without_truth or augmentation, truth and labels are known for different windows. Leave both "
            "out."
        )
    diagonal = all(_is_diagonal(term.metric) for term in terms)
    if any(mask is not None for mask in part.masks) and not diagonal:
        return (
            "sparse_season, known_band and known_weights need terms that treat steps separately; a pooled term does "
            "not. Leave one of them out (known_band=None, known_weights='own')."
        )
    if part.is_tied and (windows.misses_truth or (weighted_labels and "teacher_forecast" in targets)):
        why = "values of the targets are missing" if windows.misses_truth else "labels count by window"
        return f"{why}, and steps cannot share weights then. Set known_weights='own'."
    if weighted_labels and "teacher_forecast" in targets and common_basis([term.metric for term in terms]) is None:
        return (
            "labels count by window or are of some windows only, and a pooled term needs equal weights of the steps in "
            "the other terms. Leave the pooled term or horizon_weights out, or label all windows alike."
        )
    if windows.misses_truth:
        if not diagonal:
            return "values of the targets are missing, and a pooled term needs all steps of a pool. Leave it out."
        if part.is_searched and part.selection == "blocks":
            return "values of the targets are missing: set selection='validation'."
    if part.is_searched and part.selection == "validation" and windows.validation is None:
        return (
            "there are no validation windows to choose among several penalties or weights: set validation_fraction, "
            "or selection='blocks'."
        )
    return None


def is_solved_at_once(part: SolvablePart, loss: BaseLoss, prediction_length: int, *, has_teacher: bool) -> bool:
    """Return whether one exact solution is the whole training, whatever is missing, so that nothing is validated.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    loss : BaseLoss
        The objective.
    prediction_length : int
        Steps of a forecast.
    has_teacher : bool
        Whether there are labels.

    Returns
    -------
    at_once : bool
        False if the part is trained, is not the whole network, or is chosen among candidates, and for terms that pool
        steps, which cannot be solved where values are missing.
    """
    if not part.is_whole or part.is_searched or part.is_tied:
        return False
    terms = _terms_to_solve(part, loss, prediction_length, has_teacher=has_teacher)
    return not isinstance(terms, str) and all(_is_diagonal(term.metric) for term in terms)


def _terms_to_solve(
    part: SolvablePart, loss: BaseLoss, prediction_length: int, *, has_teacher: bool
) -> list[QuadraticTerm] | str:
    """Return the terms that a part is solved for, or the reason why it cannot be, whatever the windows are."""
    if part.solver == "gradient":
        return "solver='gradient' is set."
    grid = _check_grid(part, loss)
    terms = quadratic_terms(loss, prediction_length, has_teacher=has_teacher, named=list(grid))
    if isinstance(terms, str):
        return (
            f"the loss term {terms} is not a quadratic form of the forecast. Use the loss 'response' with trust=0, or "
            "terms such as MultiScale with weight 0 for the others."
        )
    return terms


def _is_diagonal(metric: np.ndarray) -> bool:
    return not np.count_nonzero(metric - np.diag(np.diag(metric)))


def _counts_labels(terms: Sequence[QuadraticTerm], labels: LabelSource | None) -> bool:
    """Return whether labels that are read count by window."""
    return labels is not None and labels.weight is not None and any(one.target != "truth" for one in terms)


def _check_grid(part: SolvablePart, loss: BaseLoss) -> Mapping[str, Sequence[float]]:
    """Return the grid of weights, checked against the terms of the loss."""
    grid = part.weight_grid
    names = [name for name, _ in loss.named_terms()]
    for name, weights in grid.items():
        check_choice(name, names, f"weight_grid of {part.owner}")
        if np.isscalar(weights) or not len(weights):
            raise ValueError(
                f"weight_grid of {part.owner} must have at least one weight for {name!r}; got {weights!r}."
            )
        for weight in weights:
            check_real(weight, f"weight_grid[{name!r}] of {part.owner}", minimum=0.0)
    return grid


def solve_part(
    part: SolvablePart,
    module: nn.Module,
    spec: NetworkSpec,
    windows: TrainingWindows,
    *,
    loss: BaseLoss,
    labels: LabelSource | None,
) -> TrainingResult:
    """Solve, choose among candidates, and load the solution into the module.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    module : torch.nn.Module
        The module of that part; it gets the solution.
    spec : NetworkSpec
        What it was built for.
    windows : TrainingWindows
        Training and validation windows.
    loss : BaseLoss
        The objective; all its terms must be quadratic.
    labels : LabelSource or None
        The teacher's labels of the training windows.

    Returns
    -------
    result : TrainingResult
        One entry of history for every candidate.
    """
    start = time.perf_counter()
    grid = _check_grid(part, loss)
    terms = quadratic_terms(loss, spec.prediction_length, has_teacher=labels is not None, named=list(grid))
    assert not isinstance(terms, str)  # why_not_exact
    setup = _Setup(part, terms, Design(part, module, spec))
    train = windows.known_train if labels is None else windows.train
    if windows.misses_truth or _counts_labels(terms, labels):
        part = part.without_ties
        setup = _Setup(part, terms, Design(part, module, spec))
    points = candidates(terms, list(part.penalties), grid, part.masks, part.ties)
    if windows.misses_truth:
        return _solve_masked(setup, module, windows, train, labels, points=points, grid=grid, start=start)
    moments = setup.moments(train, labels)
    held_out = None if windows.validation is None else setup.truth(windows.validation)
    problem = setup.problem(moments)
    errors = np.full(len(points), np.nan)
    if len(points) > 1 and part.selection == "blocks":
        errors = _leave_blocks_out(setup, points, moments, train, labels)
    elif held_out is not None:
        errors = setup.errors(problem, moments, points, held_out)
    chosen = int(np.argmin(errors)) if len(points) > 1 else 0
    solution = setup.solve(problem, moments, points[chosen])
    _load(module, solution, points[chosen].mask)
    history = _history(problem, points, errors, chosen, solution, moments, grid, time.perf_counter() - start)
    best_epoch, solved = None if held_out is None else 1, Solved(moments, points[chosen])
    return TrainingResult(history=history, best_epoch=best_epoch, interrupted=False, solved=solved)


@dataclass(frozen=True)
class Solved:
    """What an exact solution is continued from.

    Parameters
    ----------
    moments : dict of str to list of Moments
        The sums over all windows so far.
    point : Candidate
        The chosen weights and penalty.
    """

    moments: dict[str, list[Moments]]
    point: Candidate


def continue_part(
    part: SolvablePart,
    module: nn.Module,
    spec: NetworkSpec,
    windows: Windows,
    *,
    loss: BaseLoss,
    labels: LabelSource | None,
    solved: Solved,
) -> TrainingResult:
    """Solve again with more windows; the cost does not depend on the number of earlier ones.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares; it is the whole network.
    module : torch.nn.Module
        The module of that part; it gets the solution.
    spec : NetworkSpec
        What it was built for.
    windows : Windows
        The new windows, with known truth, in the units of the earlier ones.
    loss : BaseLoss
        The objective; all its terms must be quadratic.
    labels : LabelSource or None
        The teacher's labels of the new windows.
    solved : Solved
        The earlier solution.

    Returns
    -------
    result : TrainingResult
        One entry of history; weights and penalty stay as they were chosen.
    """
    start = time.perf_counter()
    grid = _check_grid(part, loss)
    terms = quadratic_terms(loss, spec.prediction_length, has_teacher=labels is not None, named=list(grid))
    assert not isinstance(terms, str)  # solved before
    if part.is_tied and _counts_labels(terms, labels):
        raise ValueError(
            f"labels of some of the new windows only count by window, and steps cannot share weights then; got "
            f"{part.owner} whose steps share weights. Label all new windows (label_share=None), or set "
            "known_weights='own' and fit again."
        )
    setup, point = _Setup(part, terms, Design(part, module, spec)), solved.point
    moments = _add_moments(solved.moments, setup.moments(windows, labels))
    problem = setup.problem(moments)
    solution = setup.solve(problem, moments, point)
    _load(module, solution, point.mask)
    history = _history(problem, [point], np.array([np.nan]), 0, solution, moments, grid, time.perf_counter() - start)
    return TrainingResult(history=history, best_epoch=None, interrupted=False, solved=Solved(moments, point))


def _add_moments(old: dict[str, list[Moments]], new: dict[str, list[Moments]]) -> dict[str, list[Moments]]:
    """Add sums over windows; where only one of them has weights of labels, labels of the other count 1."""
    parts = [old, new]
    if "windows" in old or "windows" in new:
        parts = [one if "windows" in one else one | {"windows": _counts(one["teacher_forecast"])} for one in parts]
    first, second = parts
    return {name: [one + more for one, more in zip(first[name], second[name], strict=True)] for name in first}


def _counts(groups: list[Moments]) -> list[Moments]:
    """Return the numbers of windows, as sums over nothing else."""
    return [Moments(one.count, np.empty(0), np.empty((0, 0)), 0) for one in groups]


def solve_candidates(
    part: SolvablePart,
    module: nn.Module,
    spec: NetworkSpec,
    windows: Windows,
    *,
    loss: BaseLoss,
    labels: LabelSource | None,
) -> list[tuple[Candidate, nn.Module]]:
    """Solve for every penalty and every weight of the grid, from moments that are computed once.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares; it is the whole network.
    module : torch.nn.Module
        The module built from the network; it does not change.
    spec : NetworkSpec
        What it was built for.
    windows : Windows
        Training windows with known truth.
    loss : BaseLoss
        The objective; all its terms must be quadratic.
    labels : LabelSource or None
        The teacher's labels of the windows.

    Returns
    -------
    solved : list of (Candidate, torch.nn.Module)
        Each candidate with a module that has its solution.
    """
    grid = _check_grid(part, loss)
    terms = quadratic_terms(loss, windows.prediction_length, has_teacher=labels is not None, named=list(grid))
    assert not isinstance(terms, str)  # why_not_exact
    if windows.store.misses(windows.targets) or _counts_labels(terms, labels):
        part = part.without_ties
    points = candidates(terms, list(part.penalties), grid, part.masks, part.ties)
    setup = _Setup(part, terms, Design(part, module, spec))
    if windows.store.misses(windows.targets):
        solutions = solve_masked(setup.design, terms, points, windows, labels)
    else:
        moments = setup.moments(windows, labels)
        problem = setup.problem(moments)
        solutions = [setup.solve(problem, moments, point) for point in points]
    modules = [copy.deepcopy(module).eval() for _ in points]
    for one, point, solution in zip(modules, points, solutions, strict=True):
        _load(one, solution, point.mask)
    return list(zip(points, modules, strict=True))


def solve_from_moments(
    part: SolvablePart, module: nn.Module, spec: NetworkSpec, by_channel: list[Moments], loss: BaseLoss
) -> TrainingResult:
    """Solve from given moments, without a teacher, and load the solution into the module.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares, with one penalty and no grid.
    module : torch.nn.Module
        The module of that part; it gets the solution.
    spec : NetworkSpec
        What it was built for.
    by_channel : list of Moments
        Standardized moments of full contexts and truth, one per target channel; of the inputs of the map, if it reads
        more than rows.
    loss : BaseLoss
        The objective; its terms that need no teacher must be quadratic.

    Returns
    -------
    result : TrainingResult
        One entry of history.
    """
    start = time.perf_counter()
    terms = quadratic_terms(loss, spec.prediction_length, has_teacher=False)
    assert not isinstance(terms, str)  # why_not_exact
    setup = _Setup(part, terms, Design(part, module, spec))
    moments = {
        "truth": setup.sum(by_channel) if part.n_inputs else setup.group([one.tail(part.n_rows) for one in by_channel])
    }
    problem, point = setup.problem(moments), candidates(terms, list(part.penalties), {}, part.masks, part.ties)[0]
    solution = setup.solve(problem, moments, point)
    _load(module, solution)
    history = _history(problem, [point], np.array([np.nan]), 0, solution, moments, {}, time.perf_counter() - start)
    return TrainingResult(history=history, best_epoch=None, interrupted=False)


def sum_windows(
    part: SolvablePart,
    module: nn.Module,
    spec: NetworkSpec,
    windows: TrainingWindows,
    *,
    loss: BaseLoss,
    labels: LabelSource | None,
) -> dict[str, list[Moments]]:
    """Compute the moments of a part of the data; the sums of all parts are enough for :func:`solve_sums`.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares; it is the whole network.
    module : torch.nn.Module
        The module built from the network.
    spec : NetworkSpec
        What it was built for.
    windows : TrainingWindows
        Training and validation windows with known truth.
    loss : BaseLoss
        The objective; all its terms must be quadratic.
    labels : LabelSource or None
        The teacher's labels of the training windows.

    Returns
    -------
    sums : dict of str to list of Moments
        ``"truth"`` and ``"teacher_forecast"``, as far as terms read them, and ``"held_out"``; one entry per group of
        channels. What has no windows is left out.
    """
    setup = _setup_of(part, module, spec, loss, has_teacher=labels is not None)
    sums = setup.moments(windows.train, labels) if len(windows.train) else {}
    if windows.validation is not None and len(windows.validation):
        sums["held_out"] = setup.truth(windows.validation)
    return sums


def solve_sums(
    part: SolvablePart,
    module: nn.Module,
    spec: NetworkSpec,
    sums: Mapping[str, list[Moments]],
    *,
    loss: BaseLoss,
    has_teacher: bool,
) -> TrainingResult:
    """Solve from the moments of all parts of the data, choose among candidates, and load the solution.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares; it is the whole network.
    module : torch.nn.Module
        The module built from the network; it gets the solution.
    spec : NetworkSpec
        What it was built for.
    sums : dict of str to list of Moments
        The results of :func:`sum_windows`, added up.
    loss : BaseLoss
        The objective; all its terms must be quadratic.
    has_teacher : bool
        Whether there were labels.

    Returns
    -------
    result : TrainingResult
        One entry of history for every candidate.
    """
    start, grid = time.perf_counter(), _check_grid(part, loss)
    setup = _setup_of(part, module, spec, loss, has_teacher=has_teacher)
    moments = {name: groups for name, groups in sums.items() if name != "held_out"}
    points = candidates(setup.terms, list(part.penalties), grid, part.masks)
    problem, errors = setup.problem(moments), np.full(len(points), np.nan)
    if "held_out" in sums:
        errors = setup.errors(problem, moments, points, sums["held_out"])
    chosen = int(np.argmin(errors)) if len(points) > 1 else 0
    solution = setup.solve(problem, moments, points[chosen])
    _load(module, solution, points[chosen].mask)
    history = _history(problem, points, errors, chosen, solution, moments, grid, time.perf_counter() - start)
    return TrainingResult(history=history, best_epoch=1 if "held_out" in sums else None, interrupted=False)


def _setup_of(part: SolvablePart, module: nn.Module, spec: NetworkSpec, loss: BaseLoss, *, has_teacher: bool) -> _Setup:
    grid = _check_grid(part, loss)
    terms = quadratic_terms(loss, spec.prediction_length, has_teacher=has_teacher, named=list(grid))
    assert not isinstance(terms, str)  # why_not_exact
    return _Setup(part, terms, Design(part, module, spec))


def _solve_masked(
    setup: _Setup,
    module: nn.Module,
    windows: TrainingWindows,
    train: Windows,
    labels: LabelSource | None,
    *,
    points: list[Candidate],
    grid: Mapping[str, Sequence[float]],
    start: float,
) -> TrainingResult:
    """Solve each step separately over the observed values, if part of the truth is missing."""
    design = setup.design
    solutions = solve_masked(design, setup.terms, points, train, labels)
    errors = np.full(len(points), np.nan)
    if windows.validation is not None:
        errors = np.array([masked_error(design, solution, windows.validation) for solution in solutions])
    chosen = int(np.nanargmin(errors)) if len(points) > 1 else 0
    _load(module, solutions[chosen], points[chosen].mask)
    seconds = time.perf_counter() - start
    rows: list[dict[str, Any]] = []
    for number, (point, error) in enumerate(zip(points, errors, strict=True)):
        row: dict[str, Any] = {"epoch": 1, "penalty": point.penalty}
        row |= {f"weight_{name}": point.weights[name] for name in grid}
        if np.isfinite(error):
            row["valid_loss"] = float(error)
        row |= {"chosen": number == chosen, "dur": seconds / len(points)}
        if number == chosen:
            row["train_loss"] = masked_error(design, solutions[chosen], train)
        rows.append(row)
    return TrainingResult(history=rows, best_epoch=None if windows.validation is None else 1, interrupted=False)


Problem = ExactProblem | WeightedProblem


@dataclass(frozen=True)
class _Setup:
    """The part to solve, and the computation of its moments from windows."""

    part: SolvablePart
    terms: list[QuadraticTerm]
    design: Design

    @property
    def options(self) -> dict[str, Any]:
        return {"penalty_on": self.part.penalty_on, "intercept": self.part.intercept}

    def problem(self, moments: dict[str, list[Moments]]) -> Problem:
        make = WeightedProblem if "windows" in moments else ExactProblem
        return make(moments, self.terms, **self.options)

    def solve(self, problem: Problem, moments: dict[str, list[Moments]], point: Candidate) -> LinearSolution:
        """Solve for a candidate."""
        if point.mask is None or isinstance(problem, WeightedProblem):
            return problem.solve(point)
        return solve_sparse(
            moments,
            self.terms,
            point.mask,
            penalty=point.penalty,
            weights=point.weights,
            ties=point.ties,
            **self.options,
        )

    def errors(
        self,
        problem: Problem,
        moments: dict[str, list[Moments]],
        points: Sequence[Candidate],
        held_out: list[Moments],
    ) -> np.ndarray:
        """Return the MSE of every candidate on other windows."""
        if isinstance(problem, WeightedProblem):
            return problem.errors(points, held_out)
        free = [number for number, point in enumerate(points) if point.mask is None]
        errors = np.empty(len(points))
        errors[free] = problem.errors([points[number] for number in free], held_out) if free else np.empty(0)
        for number, point in enumerate(points):
            if point.mask is not None:
                errors[number] = mean_squared_error(self.solve(problem, moments, point), held_out)
        return errors

    def moments(
        self, windows: Windows, labels: LabelSource | None, weights: np.ndarray | None = None
    ) -> dict[str, list[Moments]]:
        """Compute the moments that the terms need; windows have their own weights, if none are given.

        If labels have weights, their moments count them, and ``"windows"`` has the number of windows.
        """
        weights = windows.weights if weights is None else weights
        parts: dict[str, list[Moments]] = {}
        targets = {term.target for term in self.terms}
        of_labels = label_weights(labels, weights) if "teacher_forecast" in targets else None
        if of_labels is not None:
            count = float(len(windows) if weights is None else weights.sum())
            parts["windows"] = self.sum([Moments(count, np.empty(0), np.empty((0, 0)), 0) for _ in windows.targets])
        if self.part.n_inputs:
            known = labels if "teacher_forecast" in targets else None
            both = self.design.moments(windows, known, weights, of_labels)
            return parts | {
                target: self.sum(both[target]) for target in ("truth", "teacher_forecast") if target in targets
            }
        if "truth" in targets:
            parts["truth"] = self.truth(windows, weights)
        if "teacher_forecast" in targets:
            assert labels is not None  # quadratic_terms
            known = labels

            def moments_of_labels(some: Windows, numbers: np.ndarray | None) -> list[Moments]:
                return label_moments(some, known if numbers is None else _Subset(known, numbers), self.part.n_rows)

            counted = weights if of_labels is None else of_labels
            parts["teacher_forecast"] = self.group(_weighted(moments_of_labels, windows, counted))
        return parts

    def truth(self, windows: Windows, weights: np.ndarray | None = None) -> list[Moments]:
        """Compute the moments of contexts and truth."""
        weights = windows.weights if weights is None else weights
        if self.part.n_inputs:
            return self.sum(self.design.moments(windows, None, weights)["truth"])
        return self.group(_weighted(lambda some, _: truth_moments(some, self.part.n_rows), windows, weights))

    def group(self, moments: list[Moments]) -> list[Moments]:
        return self.sum([one.shifted(self.part.level) for one in moments])

    def sum(self, moments: list[Moments]) -> list[Moments]:
        return moments if self.part.individual else [add_up(moments)]


def _weighted(
    compute: Callable[[Windows, np.ndarray | None], list[Moments]], windows: Windows, weights: np.ndarray | None
) -> list[Moments]:
    """Add up the moments of windows of equal weight."""
    if weights is None:
        return compute(windows, None)
    total: list[Moments] | None = None
    values, places = np.unique(weights, return_inverse=True)
    for place, weight in enumerate(values):
        if not weight and len(values) > 1:
            continue
        numbers = np.flatnonzero(places == place)
        part = [one.times(float(weight)) for one in compute(_subset(windows, numbers), numbers)]
        total = part if total is None else [one + other for one, other in zip(total, part, strict=True)]
    assert total is not None  # there are windows
    return total


def _leave_blocks_out(
    setup: _Setup,
    points: Sequence[Candidate],
    moments: dict[str, list[Moments]],
    train: Windows,
    labels: LabelSource | None,
) -> np.ndarray:
    """Average the errors on blocks that are left out in turn, with all windows that share rows with them."""
    total = np.zeros(len(points))
    reach = train.context_length + train.prediction_length - 1
    weights = np.ones(len(train)) if train.weights is None else train.weights  # of the whole, also in its parts
    for block in np.array_split(np.arange(len(train)), min(_N_BLOCKS, len(train))):
        near = np.arange(max(0, block[0] - reach), min(len(train), block[-1] + 1 + reach))
        if len(near) == len(train):
            raise ValueError(
                f"selection='blocks' of {setup.part.owner} needs more training windows: leaving out a block and the "
                f"windows that share rows with it leaves none of {len(train)}. Use selection='validation'."
            )
        near_labels = None if labels is None else _Subset(labels, near)
        taken = setup.moments(_subset(train, near), near_labels, weights[near])
        rest = {
            target: [whole - part for whole, part in zip(groups, taken[target], strict=True)]
            for target, groups in moments.items()
        }
        held_out = setup.truth(_subset(train, block), weights[block])
        total += weights[block].sum() * setup.errors(setup.problem(rest), rest, points, held_out)
    return total / len(train)


def _subset(windows: Windows, numbers: np.ndarray) -> Windows:
    return replace(windows, starts=windows.starts[torch.from_numpy(numbers)], known=None)


class _Subset:
    """Labels of some of the windows."""

    def __init__(self, labels: LabelSource, numbers: np.ndarray) -> None:
        self.labels = labels
        self.numbers = torch.from_numpy(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def weight(self) -> Tensor | None:
        weight = self.labels.weight
        return None if weight is None else weight[self.numbers]

    def take(self, indices: Tensor) -> Labels:
        return self.labels.take(self.numbers[indices])


def _load(module: nn.Module, solution: LinearSolution, mask: np.ndarray | None = None) -> None:
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        own = dict(module.named_buffers()).get("mask")
        if own is not None and mask is not None:
            own.copy_(torch.from_numpy(mask))
        for name, value in (("weight", solution.weight), ("bias", solution.bias)):
            parameters[name].copy_(torch.from_numpy(value).reshape(parameters[name].shape))


def _history(
    problem: Problem,
    points: Sequence[Candidate],
    errors: np.ndarray,
    chosen: int,
    solution: LinearSolution,
    moments: dict[str, list[Moments]],
    grid: Mapping[str, Sequence[float]],
    seconds: float,
) -> list[dict[str, Any]]:
    """Return one record per candidate; the chosen one also has its training losses."""
    rows: list[dict[str, Any]] = []
    for number, (point, error) in enumerate(zip(points, errors, strict=True)):
        row: dict[str, Any] = {"epoch": 1, "penalty": point.penalty}
        row |= {f"weight_{name}": point.weights[name] for name in grid}
        if np.isfinite(error):
            row["valid_loss"] = float(error)
        row |= {"chosen": number == chosen, "dur": seconds / len(points)}
        if number == chosen:
            values = problem.term_values(solution, moments)
            weighted = {f"train_{name}": point.weights[name] * value for name, value in values.items()}
            row |= {"train_loss": sum(weighted.values()), **weighted}
        rows.append(row)
    return rows
