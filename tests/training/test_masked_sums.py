"""Sums over windows with missing truth: their solution and errors, against least squares on the rows themselves."""

from dataclasses import fields

import numpy as np
import pytest

from skdistill.training._exact import Candidate, QuadraticTerm
from skdistill.training._masked_sums import MaskedSums
from skdistill.training._moments import Moments

N, D, H = 60, 4, 3
KINDS = {  # missing truth, weights of rows, weights of labels
    "plain": (True, False, False),
    "weights of windows": (True, True, False),
    "weights of labels": (True, True, True),
    "nothing missing": (False, True, True),
}


def make_rows(missing, weights, label_weights):
    rng = np.random.default_rng(0)
    contexts, truth, label = (rng.normal(0.5, 1.0, size=(N, size)) for size in (D, H, H))
    truth[rng.random((N, H)) < 0.3 * missing] = np.nan
    weight = rng.uniform(0.5, 2.0, N) if weights else None
    label_weight = rng.uniform(0.0, 3.0, N) if label_weights else None
    return contexts, truth, label, weight, label_weight


def count(rows, block=N):
    total = MaskedSums.zeros(D, H)
    for first in range(0, N, block):
        part = MaskedSums.zeros(D, H)
        part.count(*(None if one is None else one[first : first + block] for one in rows))
        total = total + part
    return total


def least_squares(rows, step, terms, weights, penalty, divisor, intercept, allowed):
    """Solve the objective of a step row by row: inputs in units of ``divisor``, the intercept is not penalized."""
    contexts, truth, label, weight, label_weight = rows
    weight = np.ones(N) if weight is None else weight
    label_weight = weight if label_weight is None else label_weight
    inputs = np.hstack([(contexts / divisor)[:, allowed], np.ones((N, int(intercept)))])
    n_observed = (weight[:, None] * ~np.isnan(truth)).sum()
    lines, targets = [np.sqrt(penalty) * np.eye(len(allowed), inputs.shape[1])], [np.zeros(len(allowed))]
    for term in terms:
        of_truth = term.target == "truth"
        share = weights[term.name] * term.metric[step, step]
        each = share * (weight * H / n_observed if of_truth else label_weight / weight.sum())
        values = (truth if of_truth else label)[:, step]
        there = ~np.isnan(values)
        lines.append(np.sqrt(each[there])[:, None] * inputs[there])
        targets.append(np.sqrt(each[there]) * values[there])
    found = np.linalg.lstsq(np.vstack(lines), np.concatenate(targets), rcond=None)[0]
    full = np.zeros(D)
    full[allowed] = found[: len(allowed)]
    return full, found[-1] if intercept else 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty_on", ["weights", "forecast"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("allowed", [None, np.array([0, 2])], ids=["all", "some"])
def test_a_step_is_least_squares_on_its_rows(kind, penalty_on, intercept, allowed):
    rows = make_rows(*KINDS[kind])
    sums = count(rows, 25)
    metrics = [np.diag([0.2, 0.3, 0.4]), np.diag([0.1, 0.5, 0.2])]
    terms = [QuadraticTerm("t", 1.0, metrics[0], "truth"), QuadraticTerm("l", 1.0, metrics[1], "teacher_forecast")]
    points = [
        Candidate({"t": 1.0, "l": 0.7}, 0.3),
        Candidate({"t": 1.0, "l": 0.7}, 2.0),
        Candidate({"t": 0.0, "l": 1}, 1),
    ]
    divisor = np.array([1.0, 0.5, 2.0, 3.0])
    here = np.arange(D) if allowed is None else allowed
    for step in range(H):
        found = sums.solve(
            step, terms, points, penalty_on=penalty_on, intercept=intercept, allowed=allowed, divisor=divisor
        )
        for number, point in enumerate(points):
            shares = sum(point.weights[term.name] * term.metric[step, step] for term in terms)
            penalty = point.penalty * (shares if penalty_on == "forecast" else 1 / H)
            weight, bias = least_squares(rows, step, terms, point.weights, penalty, divisor, intercept, here)
            np.testing.assert_allclose(found[0][number], weight, rtol=1e-8, atol=1e-10)
            np.testing.assert_allclose(found[1][number], bias, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_and_variances_are_those_of_the_rows(kind):
    rows = make_rows(*KINDS[kind])
    contexts, truth, label, weight, label_weight = rows
    weight = np.ones(N) if weight is None else weight
    label_weight = weight if label_weight is None else label_weight
    sums, rng = count(rows, 25), np.random.default_rng(1)
    maps, bias = rng.normal(size=(H, D)), rng.normal(size=H)
    forecast = contexts @ maps.T + bias
    of_truth = np.nansum(weight[:, None] * (forecast - truth) ** 2, axis=0)
    of_labels = (label_weight[:, None] * (forecast - label) ** 2).sum(axis=0)
    np.testing.assert_allclose(sums.squared_errors(maps, bias, "truth"), of_truth, rtol=1e-10)
    np.testing.assert_allclose(sums.squared_errors(maps, bias, "teacher_forecast"), of_labels, rtol=1e-10)
    assert sums.n_observed == pytest.approx((weight[:, None] * ~np.isnan(truth)).sum())
    for centered in (True, False):
        around = contexts - centered * np.average(contexts, axis=0, weights=weight)
        expected = np.average(around**2, axis=0, weights=weight)
        np.testing.assert_allclose(sums.variances(centered=centered), expected, rtol=1e-8)


def moments(contexts, values, weight):
    both = np.hstack([contexts, values])
    return Moments(weight.sum(), weight @ both, (both * weight[:, None]).T @ both, D)


def assert_same(found, expected):
    for one in fields(MaskedSums):
        pair = [getattr(sums, one.name) for sums in (found, expected)]
        if one.name in ("sums", "squares", "cross"):
            for name in pair[1]:
                np.testing.assert_allclose(pair[0][name], pair[1][name], rtol=1e-10)
        elif pair[1] is None:
            assert pair[0] is None
        else:
            for part in fields(pair[1]):
                np.testing.assert_allclose(*(getattr(totals, part.name) for totals in pair), rtol=1e-10)


@pytest.mark.parametrize("label_weights", [False, True])
def test_complete_windows_are_those_of_their_moments(label_weights):
    rows = contexts, truth, label, weight, label_weight = make_rows(False, True, label_weights)
    own = weight if label_weight is None else label_weight
    given = {"truth": moments(contexts, truth, weight), "teacher_forecast": moments(contexts, label, own)}
    given |= {"windows": moments(contexts, truth, weight)} if label_weights else {}
    assert_same(MaskedSums.of_complete(given), count(rows))


def test_labels_without_weights_count_as_their_windows_beside_others():
    rows, plain = make_rows(True, True, True), make_rows(True, True, False)
    as_windows = (*plain[:4], plain[3])
    assert_same(count(rows) + count(plain), count(rows) + count(as_windows))
    assert_same(count(plain) + count(rows), count(as_windows) + count(rows))
