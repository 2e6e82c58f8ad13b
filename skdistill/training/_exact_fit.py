"""Exact solution of the solvable part of a network, from windows, labels and a loss."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.losses._base import BaseLoss
from skdistill.networks._base import NetworkSpec
from skdistill.networks._solvable_part import SolvablePart
from skdistill.training._batches import LabelSource
from skdistill.training._exact import Candidate, LinearSolution
from skdistill.training._exactness import why_not_by_step
from skdistill.training._masked import (
    error_of_sums,
    solve_masked,
    solve_masked_sums,
    sum_masked,
    term_values_of_sums,
)
from skdistill.training._masked_sums import MaskedSums
from skdistill.training._moments import Moments
from skdistill.training._part_moments import LabelSubset, PartMoments
from skdistill.training._part_problem import PartProblem
from skdistill.training._train import TrainingResult

__all__ = [
    "Solved",
    "Sums",
    "add_moments",
    "continue_part",
    "solve_candidates",
    "solve_from_moments",
    "solve_part",
    "solve_sums",
    "sum_windows",
]

_N_BLOCKS = 5

Sums = dict[str, list[Any]]  # of moments or masked sums, by name; one entry per group of channels


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
    setup = PartMoments.of(part, module, spec, loss, has_teacher=labels is not None)
    if windows.misses_truth:  # sums of training windows are no longer held when those of validation windows are made
        own = PartMoments.of(part.without_ties, module, spec, loss, has_teacher=labels is not None)
        solutions = _solve_masked_sums(own, _sum_training(setup, windows, labels))
        return _choose_masked(own, module, solutions, _sum_held_out(setup, windows), start)
    train = windows.known_train if labels is None else windows.train
    if setup.counts_labels(labels):
        setup = PartMoments.of(part.without_ties, module, spec, loss, has_teacher=labels is not None)
    points = setup.candidates
    moments = setup.moments(train, labels)
    validation = windows.validation
    held_out = None if validation is None or validation.unjudged is not None else setup.truth(validation)
    problem = setup.problem(moments)
    errors = np.full(len(points), np.nan)
    if len(points) > 1 and part.selection == "blocks":
        errors = _leave_blocks_out(setup, points, moments, train, labels)
    elif held_out is not None:
        errors = problem.errors(points, held_out)
    elif validation is not None:
        judged = sum_masked(setup.design, validation, None)
        errors = np.array([error_of_sums(judged, problem.solve(one)) for one in points])
    chosen = int(np.argmin(errors)) if len(points) > 1 else 0
    history = _take(setup, problem, module, points, errors, chosen, moments, start)
    best_epoch, solved = None if validation is None else 1, Solved(moments, points[chosen])
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
    setup, point = PartMoments.of(part, module, spec, loss, has_teacher=labels is not None), solved.point
    if part.is_tied and setup.counts_labels(labels):
        raise ValueError(
            f"labels of some of the new windows only count by window, and steps cannot share weights then; got "
            f"{part.owner} whose steps share weights. Label all new windows (label_share=None), or set "
            "known_weights='own' and fit again."
        )
    moments = add_moments(solved.moments, setup.moments(windows, labels))
    problem = setup.problem(moments)
    history = _take(setup, problem, module, [point], np.array([np.nan]), 0, moments, start)
    return TrainingResult(history=history, best_epoch=None, interrupted=False, solved=Solved(moments, point))


def add_moments(old: Sums, new: Sums) -> Sums:
    """Add sums over windows; where only one of them has weights of labels, labels of the other count 1.

    Parameters
    ----------
    old, new : dict of str to list of Moments or MaskedSums
        The sums, one entry per group of channels; one of them may lack what it has no windows for.

    Returns
    -------
    sums : dict of str to list of Moments or MaskedSums
        Their sum.
    """
    parts = [old, new]
    if "windows" in old or "windows" in new:
        parts = [_with_counts(one) for one in parts]
    first, second = parts
    both = {
        name: [one + more for one, more in zip(first[name], second[name], strict=True)]
        for name in first
        if name in second
    }
    return {**first, **second, **both}


def _with_counts(sums: Sums) -> Sums:
    """Add the numbers of windows, where there are labels without weights."""
    if "windows" in sums or "teacher_forecast" not in sums:
        return sums
    return {**sums, "windows": _counts(sums["teacher_forecast"])}


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
    setup = PartMoments.of(part, module, spec, loss, has_teacher=labels is not None)
    misses_truth = windows.store.misses(windows.targets)
    if misses_truth or setup.counts_labels(labels):
        setup = PartMoments.of(part.without_ties, module, spec, loss, has_teacher=labels is not None)
    points = setup.candidates
    if misses_truth:
        solutions = solve_masked(setup.design, setup.terms, points, windows, labels)
    else:
        moments = setup.moments(windows, labels)
        problem = setup.problem(moments)
        solutions = [problem.solve(point) for point in points]
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
    setup = PartMoments.of(replace(part, weight_grid={}), module, spec, loss, has_teacher=False)
    moments = {
        "truth": setup.sum(by_channel) if part.n_inputs else setup.group([one.tail(part.n_rows) for one in by_channel])
    }
    problem, point = setup.problem(moments), setup.candidates[0]
    history = _take(setup, problem, module, [point], np.array([np.nan]), 0, moments, start)
    return TrainingResult(history=history, best_epoch=None, interrupted=False)


def sum_windows(
    part: SolvablePart,
    module: nn.Module,
    spec: NetworkSpec,
    windows: TrainingWindows,
    *,
    loss: BaseLoss,
    labels: LabelSource | None,
) -> Sums:
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
        Training and validation windows.
    loss : BaseLoss
        The objective; all its terms must be quadratic.
    labels : LabelSource or None
        The teacher's labels of the training windows.

    Returns
    -------
    sums : dict of str to list of Moments or MaskedSums
        One entry per group of channels: moments ``"truth"`` and ``"teacher_forecast"``, as far as terms read them, and
        ``"held_out"``; ``"masked"`` and ``"masked_held_out"`` in place of them, if a target value is missing or not to
        be judged. What has no windows is left out.
    """
    setup = PartMoments.of(part, module, spec, loss, has_teacher=labels is not None)
    return {**_sum_training(setup, windows, labels), **_sum_held_out(setup, windows)}


def _sum_training(setup: PartMoments, windows: TrainingWindows, labels: LabelSource | None) -> Sums:
    """Return the sums over training windows."""
    train = windows.known_train if labels is None else windows.train
    if not len(train):
        return {}
    if windows.misses_truth:
        return {"masked": sum_masked(setup.design, train, labels)}
    return setup.moments(train, labels)


def _sum_held_out(setup: PartMoments, windows: TrainingWindows) -> Sums:
    """Return the sums over validation windows."""
    validation = windows.validation
    if validation is None or not len(validation):
        return {}
    if windows.misses_truth or validation.unjudged is not None:
        return {"masked_held_out": sum_masked(setup.design, validation, None)}
    return {"held_out": setup.truth(validation)}


def solve_sums(
    part: SolvablePart,
    module: nn.Module,
    spec: NetworkSpec,
    sums: Sums,
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
    sums : dict of str to list of Moments or MaskedSums
        The results of :func:`sum_windows`, added up.
    loss : BaseLoss
        The objective; all its terms must be quadratic.
    has_teacher : bool
        Whether there were labels.

    Returns
    -------
    result : TrainingResult
        One entry of history for every candidate.

    Raises
    ------
    ValueError
        If values are missing, or labels have weights, and the student or loss cannot be solved step by step.
    """
    start = time.perf_counter()
    setup = PartMoments.of(part, module, spec, loss, has_teacher=has_teacher)
    reason = why_not_by_step(part, setup.terms, misses_truth="masked" in sums, weighted_labels="windows" in sums)
    if reason is not None:
        raise ValueError(f"{part.owner} cannot be solved exactly: {reason}")
    if "masked" in sums:
        setup = PartMoments.of(part.without_ties, module, spec, loss, has_teacher=has_teacher)
        return _choose_masked(setup, module, _solve_masked_sums(setup, sums), sums, start)
    if "windows" in sums:  # labels have weights
        setup = PartMoments.of(part.without_ties, module, spec, loss, has_teacher=has_teacher)
    moments = {name: groups for name, groups in sums.items() if not name.endswith("held_out")}
    problem, points = setup.problem(moments), setup.candidates
    errors = np.full(len(points), np.nan)
    if "masked_held_out" in sums:
        held_out = _masked_held_out(sums)
        errors = np.array([error_of_sums(held_out, problem.solve(one)) for one in points])
    elif "held_out" in sums:
        errors = problem.errors(points, sums["held_out"])
    chosen = int(np.nanargmin(errors)) if len(points) > 1 else 0
    history = _take(setup, problem, module, points, errors, chosen, moments, start)
    return TrainingResult(history=history, best_epoch=1 if _holds_out(sums) else None, interrupted=False)


def _holds_out(sums: Sums) -> bool:
    """Return whether a validation window has a value to be judged by."""
    return "held_out" in sums or any(one.n_observed > 0 for one in sums.get("masked_held_out", []))


def _solve_masked_sums(setup: PartMoments, sums: Sums) -> list[tuple[LinearSolution, dict[str, float]]]:
    """Solve each step separately over the observed values, for every candidate, with the values of its terms."""
    complete = {name: groups for name, groups in sums.items() if name in ("truth", "teacher_forecast", "windows")}
    train = _join_complete(sums["masked"], complete)
    solutions = solve_masked_sums(setup.part, setup.terms, setup.candidates, train)
    return [(one, term_values_of_sums(train, setup.terms, one)) for one in solutions]


def _choose_masked(
    setup: PartMoments,
    module: nn.Module,
    solved: Sequence[tuple[LinearSolution, dict[str, float]]],
    sums: Sums,
    start: float,
) -> TrainingResult:
    """Choose among solutions by sums over validation windows of which some miss values, and load the chosen one."""
    points, holds_out = setup.candidates, _holds_out(sums)
    errors = np.full(len(points), np.nan)
    if holds_out:
        held_out = _masked_held_out(sums)
        errors = np.array([error_of_sums(held_out, one) for one, _ in solved])
    chosen = int(np.nanargmin(errors)) if len(points) > 1 else 0
    solution, values = solved[chosen]
    _load(module, solution, points[chosen].mask)
    history = _history(setup, points, errors, chosen, values, start)
    return TrainingResult(history=history, best_epoch=1 if holds_out else None, interrupted=False)


def _masked_held_out(sums: Sums) -> list[MaskedSums]:
    complete = {"truth": sums["held_out"]} if "held_out" in sums else {}
    return _join_complete(sums.get("masked_held_out"), complete)


def _join_complete(masked: list[MaskedSums] | None, complete: Mapping[str, list[Moments]]) -> list[MaskedSums]:
    """Add moments of complete windows to sums of others, group by group."""
    if not complete:
        assert masked is not None
        return masked
    by_group = zip(*complete.values(), strict=True)
    added = [MaskedSums.of_complete(dict(zip(complete, one, strict=True))) for one in by_group]
    return added if masked is None else [one + more for one, more in zip(masked, added, strict=True)]


def _leave_blocks_out(
    setup: PartMoments,
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
        near_labels = None if labels is None else LabelSubset(labels, near)
        taken = setup.moments(train.take(torch.from_numpy(near)), near_labels, weights[near])
        rest = {
            target: [whole - part for whole, part in zip(groups, taken[target], strict=True)]
            for target, groups in moments.items()
        }
        held_out = setup.truth(train.take(torch.from_numpy(block)), weights[block])
        total += weights[block].sum() * setup.problem(rest).errors(points, held_out)
    return total / len(train)


def _take(
    setup: PartMoments,
    problem: PartProblem,
    module: nn.Module,
    points: Sequence[Candidate],
    errors: np.ndarray,
    chosen: int,
    moments: Sums,
    start: float,
) -> list[dict[str, Any]]:
    """Load the solution for the chosen candidate into the module, and return the history."""
    solution = problem.solve(points[chosen])
    _load(module, solution, points[chosen].mask)
    return _history(setup, points, errors, chosen, problem.term_values(solution, moments), start)


def _load(module: nn.Module, solution: LinearSolution, mask: np.ndarray | None) -> None:
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        own = dict(module.named_buffers()).get("mask")
        if own is not None and mask is not None:
            own.copy_(torch.from_numpy(mask))
        for name, value in (("weight", solution.weight), ("bias", solution.bias)):
            parameters[name].copy_(torch.from_numpy(value).reshape(parameters[name].shape))


def _history(
    setup: PartMoments,
    points: Sequence[Candidate],
    errors: np.ndarray,
    chosen: int,
    values: Mapping[str, float],
    start: float,
) -> list[dict[str, Any]]:
    """Return one record per candidate; that of the chosen one has the values of the terms on training windows."""
    seconds = time.perf_counter() - start
    rows: list[dict[str, Any]] = []
    for number, (point, error) in enumerate(zip(points, errors, strict=True)):
        row: dict[str, Any] = {"epoch": 1, "penalty": point.penalty}
        row |= {f"weight_{name}": point.weights[name] for name in setup.part.weight_grid}
        if np.isfinite(error):
            row["valid_loss"] = float(error)
        row |= {"chosen": number == chosen, "dur": seconds / len(points)}
        if number == chosen:
            weighted = {f"train_{name}": point.weights[name] * value for name, value in values.items()}
            row |= {"train_loss": sum(weighted.values()), **weighted}
        rows.append(row)
    return rows
