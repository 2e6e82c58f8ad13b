"""Solved exactly with missing truth: plain least squares over what is observed."""

import gc
import weakref

import numpy as np
import pytest
from doubles import make_series

from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import split_windows
from skdistill.losses import Supervised
from skdistill.networks import Linear
from skdistill.networks._base import NetworkSpec
from skdistill.training import _exact_fit
from skdistill.training._design import Design
from skdistill.training._exact import candidates
from skdistill.training._exact_fit import solve_part
from skdistill.training._exactness import quadratic_terms
from skdistill.training._masked import error_of_sums, solve_masked, sum_masked
from skdistill.training._masked_sums import MaskedSums

CONTEXT, HORIZON = 8, 3


def make_windows(rows):
    store = SeriesStore.from_series([Series(rows)], Scaling().fit([rows]), padding=HORIZON)
    targets = tuple(range(rows.shape[1]))
    return split_windows(
        store, context_length=CONTEXT, prediction_length=HORIZON, targets=targets, validation_rows=[20]
    )


def with_gaps(share, n_channels=1, seed=0):
    rows = make_series(90, n_channels)
    rows[np.random.default_rng(seed).random(rows.shape) < share] = np.nan
    return rows


def by_hand(windows, penalty, channels):
    """Ridge by step over the observed entries of some channels, through an augmented least-squares problem."""
    everything = list(range(len(windows.starts)))
    import torch

    numbers = torch.tensor(everything)
    contexts = windows.context_values(numbers).double().numpy()[:, :, channels].transpose(0, 2, 1).reshape(-1, CONTEXT)
    truth = windows.horizons(numbers).double().numpy()[:, :, channels].transpose(0, 2, 1).reshape(-1, HORIZON)
    n_observed = (~np.isnan(truth)).sum()
    weights, biases = [], []
    for step in range(HORIZON):
        here = ~np.isnan(truth[:, step])
        design = np.hstack([contexts[here], np.ones((here.sum(), 1))]) * np.sqrt(1 / n_observed)
        ridge = np.hstack([np.sqrt(penalty / HORIZON) * np.eye(CONTEXT), np.zeros((CONTEXT, 1))])
        right = np.concatenate([truth[here, step] * np.sqrt(1 / n_observed), np.zeros(CONTEXT)])
        solution = np.linalg.lstsq(np.vstack([design, ridge]), right, rcond=None)[0]
        weights.append(solution[:-1])
        biases.append(solution[-1])
    return np.array(weights), np.array(biases)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("individual", [False, True])
def test_the_solution_is_least_squares_on_the_observed_entries(share, individual):
    windows = make_windows(with_gaps(share, n_channels=2))
    network = Linear(shift=None, individual=individual, solver="exact")
    part = network.solvable_part(NetworkSpec(CONTEXT, HORIZON, 2))
    terms = quadratic_terms(Supervised(), HORIZON, has_teacher=False)
    points = candidates(terms, [1e-3, 0.1], {})
    solutions = solve_masked(Design(part, None, None), terms, points, windows.train, None)
    for point, solution in zip(points, solutions, strict=True):
        groups = [[0], [1]] if individual else [[0, 1]]
        for number, channels in enumerate(groups):
            weight, bias = by_hand(windows.train, point.penalty, channels)
            np.testing.assert_allclose(solution.weight[number], weight, atol=1e-8)
            np.testing.assert_allclose(solution.bias[number], bias, atol=1e-8)


def test_with_nothing_missing_it_is_the_solution_from_moments():
    rows = make_series(90, 2)
    windows = make_windows(rows)
    network, spec = Linear(season=4, penalty=0.2, solver="exact"), NetworkSpec(CONTEXT, HORIZON, 2)
    part, module = network.solvable_part(spec), network.build(spec)
    solve_part(part, module, spec, windows, loss=Supervised(), labels=None)
    terms = quadratic_terms(Supervised(), HORIZON, has_teacher=False)
    masked = solve_masked(Design(part, None, None), terms, candidates(terms, [0.2], {}), windows.train, None)[0]
    np.testing.assert_allclose(masked.weight[0], module.weight.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(masked.bias[0], module.bias.detach().numpy(), atol=1e-5)


def test_sums_of_training_and_validation_windows_are_not_held_at_once(monkeypatch):
    """Each has one matrix per step: at 504 rows of context and 168 steps, 341 MB."""
    made, alive = [], []

    def sum_once(*arguments):
        gc.collect()
        alive.append(sum(one() is not None for one in made))
        groups = sum_masked(*arguments)
        made.extend(map(weakref.ref, groups))
        return groups

    monkeypatch.setattr(_exact_fit, "sum_masked", sum_once)
    network, spec = Linear(penalty=[0.1, 1.0], solver="exact"), NetworkSpec(CONTEXT, HORIZON, 1)
    part, windows = network.solvable_part(spec), make_windows(with_gaps(0.1))
    result = solve_part(part, network.build(spec), spec, windows, loss=Supervised(), labels=None)
    assert alive == [0, 0]
    assert sum("train_loss" in row for row in result.history) == 1


def test_a_step_that_is_never_observed_is_forecast_by_the_level():
    rows = make_series(60)
    windows = make_windows(rows)
    part = Linear(season=4, solver="exact").solvable_part(NetworkSpec(CONTEXT, HORIZON, rows.shape[1]))
    terms = quadratic_terms(Supervised(), HORIZON, has_teacher=False)

    class NeverLast:
        def __getattr__(self, name):
            return getattr(windows.train, name)

        def __len__(self):
            return len(windows.train)

        def horizons(self, indices):
            values = windows.train.horizons(indices).clone()
            values[:, -1] = float("nan")
            return values

    solution = solve_masked(Design(part, None, None), terms, candidates(terms, [0.1], {}), NeverLast(), None)[0]
    assert not solution.weight[:, -1].any()
    assert not solution.bias[:, -1].any()
    assert solution.weight[:, 0].any()


def test_missing_truth_counts_for_nothing_in_the_error():
    rows = with_gaps(0.3)
    windows = make_windows(rows)
    network, spec = Linear(season=4, solver="exact"), NetworkSpec(CONTEXT, HORIZON, 1)
    part, module = network.solvable_part(spec), network.build(spec)
    result = solve_part(part, module, spec, windows, loss=Supervised(), labels=None)
    assert windows.misses_truth
    import torch

    numbers = torch.arange(len(windows.validation))
    forecast = module(windows.validation.context_values(numbers)).forecast.detach()
    squares = (forecast - windows.validation.horizons(numbers)).square()
    expected = float(squares[~torch.isnan(squares)].mean())
    assert result.history[0]["valid_loss"] == pytest.approx(expected, rel=1e-5)
    sums = sum_masked(Design(part, None, None), windows.train, None)
    assert np.isfinite(error_of_sums(sums, solve_masked_once(part, windows)))


def solve_masked_once(part, windows):
    terms = quadratic_terms(Supervised(), HORIZON, has_teacher=False)
    return solve_masked(Design(part, None, None), terms, candidates(terms, [0.1], {}), windows.train, None)[0]


@pytest.mark.parametrize("target", ["truth", "teacher_forecast"])
def test_squared_errors_count_what_is_observed_and_labels_by_their_weights(target):
    rng = np.random.default_rng(0)
    inputs, truth, label = 2.0 + rng.normal(size=(50, 3)), rng.normal(size=(50, 2)), rng.normal(size=(50, 2))
    truth[:20, 0], truth[40:, 1] = np.nan, np.nan
    of_window, of_label = rng.random(50), 3.0 * rng.random(50)
    sums = MaskedSums.zeros(3, 2)
    for part in (slice(0, 30), slice(30, 50)):
        sums.count(inputs[part], truth[part], label[part], of_window[part], of_label[part])
    weight, bias = rng.normal(size=(2, 3)), np.array([5.0, -3.0])
    values, counts = (truth, of_window) if target == "truth" else (label, of_label)
    expected = counts @ np.nan_to_num(np.square(inputs @ weight.T + bias - values))
    np.testing.assert_allclose(sums.squared_errors(weight, bias, target), expected, rtol=1e-10)
