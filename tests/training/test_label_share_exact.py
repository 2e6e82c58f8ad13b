"""Truth of all windows and labels of some, solved exactly: plain least squares with the labeled rows twice."""

import numpy as np
import pytest
import torch
from doubles import make_series

from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._some_labels import SomeLabels
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import split_windows
from skdistill.labeling._stored import StoredLabels
from skdistill.losses import LinearWeights, MultiScale, Supervised, TeacherForecast
from skdistill.networks import Linear
from skdistill.networks._base import NetworkSpec
from skdistill.training._exact_fit import solve_part
from skdistill.training._exactness import quadratic_terms, why_not_exact
from skdistill.training._weighted import common_basis

CONTEXT, HORIZON, N_LABELS = 6, 4, 17


def make_windows(share_missing=0.0):
    rows = make_series(80, 2)
    rows[np.random.default_rng(1).random(rows.shape) < share_missing] = np.nan
    scaling = Scaling().fit([rows[:60]])
    store = SeriesStore.from_series([Series(rows)], scaling, padding=HORIZON)
    return split_windows(store, context_length=CONTEXT, prediction_length=HORIZON, targets=(0, 1), validation_rows=[20])


def make_labels(windows, n_labels=N_LABELS, seed=0):
    """Draw labels of some windows, in no order."""
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(len(windows.train))[:n_labels]
    places = torch.full((len(windows.train),), -1)
    places[chosen] = torch.arange(n_labels)
    stored = StoredLabels(torch.tensor(generator.normal(size=(n_labels, HORIZON, 2)), dtype=torch.float32))
    return SomeLabels(stored, places)


def numbers_of(labels):
    return torch.nonzero(labels.places >= 0).flatten()


def solve(windows, labels, loss, **options):
    network = Linear(None, **options)
    spec = NetworkSpec(CONTEXT, HORIZON, 2, (0, 1))
    module, part = network.build(spec), network.solvable_part(spec)
    result = solve_part(part, part.of(module), spec, windows, loss=loss, labels=labels)
    return module.weight.detach().double().numpy(), module.bias.detach().double().numpy(), result


def by_hand(windows, labels, loss, penalty):
    """Solve for all weights at once: every window with its truth, and every labeled one again with its label."""
    train = windows.train
    numbers = torch.arange(len(train))
    contexts = train.context_values(numbers).double().numpy()
    truth = train.horizons(numbers).double().numpy()
    n_observed = (~np.isnan(truth)).sum() / HORIZON
    terms = quadratic_terms(loss, HORIZON, has_teacher=True)
    design, right = [], []
    for term in terms:
        root = np.linalg.cholesky(term.weight * term.metric + 1e-15 * np.eye(HORIZON)).T
        if term.target == "truth":
            pairs = [(contexts[k, :, c], truth[k, :, c], n_observed) for k in range(len(train)) for c in range(2)]
        else:
            forecasts = labels.take(numbers_of(labels)).forecast.double().numpy()
            pairs = [
                (contexts[k, :, c], forecasts[place, :, c], 2 * len(numbers_of(labels)))
                for place, k in enumerate(numbers_of(labels).tolist())
                for c in range(2)
            ]
        for x, t, count in pairs:
            seen = ~np.isnan(t)
            rows = np.einsum("kh,j->kjh", root, np.r_[x, 1.0]).reshape(HORIZON, -1)
            design.append(np.sqrt(1 / count) * rows * seen[:, None])  # metrics are diagonal where truth is missing
            right.append(np.sqrt(1 / count) * (root @ np.where(seen, t, 0.0)))
    ridge = np.zeros(((CONTEXT + 1) * HORIZON, (CONTEXT + 1) * HORIZON))
    ridge[: CONTEXT * HORIZON, : CONTEXT * HORIZON] = np.sqrt(penalty / HORIZON) * np.eye(CONTEXT * HORIZON)
    everything = np.vstack([*design, ridge])
    solution = np.linalg.lstsq(everything, np.r_[np.concatenate(right), np.zeros(len(ridge))], rcond=None)[0]
    solution = solution.reshape(CONTEXT + 1, HORIZON)
    return solution[:-1].T, solution[-1]


LOSSES = {
    "forecasts": Supervised() + TeacherForecast(0.7),
    "pooled": Supervised() + MultiScale(0.7, n_scales=2),
    "steps": Supervised(horizon_weights=LinearWeights()) + TeacherForecast(0.7),
    "labels alone": Supervised(0.0) + TeacherForecast(1.0),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_the_solution_is_least_squares_with_the_labeled_rows_twice(name, penalty):
    windows = make_windows()
    labels = make_labels(windows)
    weight, bias, _ = solve(windows, labels, LOSSES[name], penalty=penalty)
    expected, intercept = by_hand(windows, labels, LOSSES[name], penalty)
    np.testing.assert_allclose(weight, expected, atol=2e-6)
    np.testing.assert_allclose(bias, intercept, atol=2e-6)


@pytest.mark.parametrize("name", ["forecasts", "steps"])
def test_also_with_missing_truth(name):
    windows = make_windows(share_missing=0.1)
    labels = make_labels(windows)
    weight, bias, _ = solve(windows, labels, LOSSES[name], penalty=0.3)
    expected, intercept = by_hand(windows, labels, LOSSES[name], 0.3)
    np.testing.assert_allclose(weight, expected, atol=2e-6)
    np.testing.assert_allclose(bias, intercept, atol=2e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_labels_of_all_windows_are_those_of_the_plain_solver(name):
    windows = make_windows()
    labels = make_labels(windows, len(windows.train))
    plain = StoredLabels(labels.take(torch.arange(len(labels))).forecast)
    ours, theirs = (solve(windows, one, LOSSES[name], penalty=0.1) for one in (labels, plain))
    np.testing.assert_array_equal(ours[0], theirs[0])


@pytest.mark.parametrize("selection", ["validation", "blocks"])
@pytest.mark.parametrize("penalty_on", ["weights", "forecast"])
def test_every_candidate_is_judged_by_the_same_errors(selection, penalty_on):
    """A grid chooses the candidate that solves alone with the smallest error."""
    windows, loss = make_windows(), LOSSES["pooled"]
    labels = make_labels(windows, 40)
    options = {"selection": selection, "penalty_on": penalty_on}
    grid = {"supervised": (1.0,), "multiscale": (0.1, 2.0)}
    *_, result = solve(windows, labels, loss, penalty=[0.01, 1.0], weight_grid=grid, **options)
    errors = [row["valid_loss"] for row in result.history]
    assert sum(row["chosen"] for row in result.history) == 1
    assert result.history[int(np.argmin(errors))]["chosen"]
    for row in result.history if selection == "validation" else []:
        alone = Supervised() + MultiScale(row["weight_multiscale"], n_scales=2)
        *_, single = solve(windows, labels, alone, penalty=row["penalty"], penalty_on=penalty_on)
        assert single.history[0]["valid_loss"] == pytest.approx(row["valid_loss"], rel=1e-9)


def test_steps_that_read_few_rows():
    windows = make_windows()
    labels = make_labels(windows)
    weight, _, _ = solve(windows, labels, LOSSES["steps"], penalty=0.3, sparse_season=4)
    assert (weight == 0).any()
    full = solve(windows, labels, LOSSES["steps"], penalty=0.3, sparse_season=1)
    expected, _ = by_hand(windows, labels, LOSSES["steps"], 0.3)
    np.testing.assert_allclose(full[0], expected, atol=2e-6)


def test_metrics_without_common_eigenvectors_are_told_before_training():
    loss = Supervised(horizon_weights=LinearWeights()) + MultiScale(n_scales=2)
    spec = NetworkSpec(CONTEXT, HORIZON, 2, (0, 1))
    part, windows = Linear().solvable_part(spec), make_windows()
    assert why_not_exact(part, loss, has_teacher=True, windows=windows) is None
    told = why_not_exact(part, loss, has_teacher=True, windows=windows, weighted_labels=True)
    assert "a pooled term needs equal weights of the steps" in told
    assert common_basis([term.metric for term in quadratic_terms(loss, HORIZON, has_teacher=True)]) is None


def test_a_window_without_a_label_counts_nothing_and_takes_no_room():
    labels = make_labels(make_windows())
    weight = labels.weight
    assert weight.sum() == pytest.approx(len(labels))  # all labels together count as those of all windows would
    assert labels.nbytes == 4 * N_LABELS * HORIZON * 2
    indices = torch.arange(len(labels))
    taken = labels.take(indices)
    assert not taken.forecast[weight == 0].any()
    assert torch.equal(taken.forecast[weight > 0], labels.labels.forecast[labels.places[weight > 0]])
    nobody = torch.nonzero(weight == 0).flatten()[:3]
    assert not labels.take(nobody).weight.any()
