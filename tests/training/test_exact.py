"""The exact solver against plain sums, normal equations, scikit-learn's Ridge, and gradient training."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from skdistill import DistilledForecaster, DistilledRegressor, load_numpy
from skdistill.core import LossInputs, LossShapes
from skdistill.data import Augmentation
from skdistill.losses import (
    FirstDifference,
    LinearWeights,
    LossSum,
    MultiScale,
    Response,
    Supervised,
    TeacherForecast,
    TimeDistill,
    Trend,
)
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import DLinear, Linear
from skdistill.training._exact import (
    Candidate,
    ExactProblem,
    LinearSolution,
    QuadraticTerm,
    mean_squared_error,
    residual_moments,
)
from skdistill.training._moments import Moments, add_up, run_moments
from skdistill.training._rolling import RollingMoments
from skdistill.training._sparse import solve_sparse

# -- moments -------------------------------------------------------------------------------------


def plain(windows, context_length):
    return Moments(float(len(windows)), windows.sum(axis=0), windows.T @ windows, context_length)


def slide(values, size):
    return np.lib.stride_tricks.sliding_window_view(values, size).astype(np.float64)


def assert_same(ours, theirs, tolerance=1e-10):
    scale = np.abs(theirs.second).max() + 1e-300
    assert ours.count == theirs.count
    np.testing.assert_allclose(ours.first / np.sqrt(scale), theirs.first / np.sqrt(scale), atol=tolerance * ours.count)
    np.testing.assert_allclose(ours.second / scale, theirs.second / scale, atol=tolerance)


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(0, 6), st.integers(1, 120), st.integers(0, 2**31), st.floats(-100, 100))
def test_moments_are_the_plain_sums(context_length, prediction_length, n_windows, seed, level):
    size = context_length + prediction_length
    values = level + np.random.default_rng(seed).normal(size=n_windows + size - 1)
    ours = run_moments(values, n_windows, context_length, prediction_length)
    assert_same(ours, plain(slide(values, size), context_length))


@given(st.integers(2, 9), st.integers(1, 5), st.integers(0, 2**31))
def test_shifts_and_affine_maps_act_on_moments_as_on_windows(context_length, prediction_length, seed):
    generator = np.random.default_rng(seed)
    windows = slide(generator.normal(size=60), context_length + prediction_length)
    functional = generator.dirichlet(np.ones(context_length))
    moments = plain(windows, context_length)
    level = windows[:, :context_length] @ functional
    assert_same(moments.shifted(functional), plain(windows - level[:, None], context_length))
    assert_same(moments.affine(0.7, 2.0), plain((windows - 0.7) / 2.0, context_length))
    assert_same(moments.tail(context_length - 1), plain(windows[:, 1:], context_length - 1))


@given(st.integers(20, 60), st.integers(1, 40), st.integers(0, 10), st.integers(0, 2**31))
def test_rows_enter_and_leave_exactly(n_rows, n_new, n_old, seed):
    rows = np.random.default_rng(seed).normal(5.0, 3.0, size=(n_rows + n_new, 2))
    rolling = RollingMoments(rows[:n_rows], 6, 3)
    rolling.append(rows[n_rows:])
    rolling.forget(n_old)
    mean, scale = rows[n_old:].mean(axis=0), rows[n_old:].std(axis=0)
    for channel, ours in enumerate(rolling.standardized(mean, scale)):
        assert_same(ours, plain(slide((rows[n_old:, channel] - mean[channel]) / scale[channel], 9), 6), 1e-9)


def test_moments_of_many_series_add_up_and_labels_enter_by_blocks(monkeypatch):
    """A list of series, targets and labels: the student is that of the plain normal equations."""
    monkeypatch.setattr("skdistill.training._moments._BLOCK", 7)
    series = [make_series(60, 3, seed=seed) for seed in range(3)]
    forecaster = make_forecaster(
        teacher=LastValueTeacher(offset=0.3),
        student=Linear(season=6, past_rows=0),
        targets=[2, 0],
        covariates="ignore",
        validation_fraction=0.0,
        scaling="global",
        min_observed=12,
    ).fit(series)
    X, Y = [], []
    for one in series:
        scaled = (one - forecaster.scaling_.mean_) / forecaster.scaling_.scale_
        for channel in (2, 0):
            windows = slide(scaled[:, channel], 16)
            level = windows[:, 6:12].mean(axis=1, keepdims=True)
            X.append(windows[:, :12] - level)
            mixed = (windows[:, 12:] + windows[:, 11:12] + 0.3) / 2  # truth and label weigh the same
            Y.append(mixed - level)
    X, Y = np.concatenate(X), np.concatenate(Y)
    ridge = Ridge(alpha=0.1 * len(X) / 2).fit(X, Y)  # the two weights of 1 halve the penalty
    np.testing.assert_allclose(forecaster.student_.weight.detach(), ridge.coef_, atol=1e-5)
    np.testing.assert_allclose(forecaster.student_.bias.detach(), ridge.intercept_, atol=1e-5)


# -- the solver ----------------------------------------------------------------------------------


def random_problem(seed, n_groups=1):
    generator = np.random.default_rng(seed)
    L, H = 5, 4
    moments = {
        target: [plain(generator.normal(1.0, 1.0, size=(40, L + H)), L) for _ in range(n_groups)]
        for target in ("truth", "teacher_forecast")
    }
    for number in range(n_groups):  # the same contexts
        truth, label = moments["truth"][number], moments["teacher_forecast"][number]
        label.first[:L], label.second[:L, :L] = truth.first[:L], truth.second[:L, :L]
    terms = [
        QuadraticTerm("a", 1.0, Supervised(horizon_weights=[1, 2, 3, 4]).quadratic_form(H).metric, "truth"),
        QuadraticTerm("b", 0.5, MultiScale(n_scales=3).quadratic_form(H).metric, "teacher_forecast"),
        QuadraticTerm("c", 0.3, TeacherForecast().quadratic_form(H).metric, "teacher_forecast"),
    ]
    return moments, terms


def objective(weight, bias, moments, terms, penalty, penalty_on):
    total = 0.0
    for term in terms:
        residuals = residual_moments(weight, bias, moments[term.target][0])
        total += term.weight * (term.metric * residuals).sum()
    metric = sum(term.weight * term.metric for term in terms)
    if penalty_on == "weights":
        return total + penalty / len(weight) * np.square(weight).sum()
    return total + penalty * np.trace(weight.T @ metric @ weight)


@pytest.mark.parametrize("penalty_on", ["weights", "forecast"])
@pytest.mark.parametrize("intercept", [True, False])
@given(seed=st.integers(0, 2**31), penalty=st.floats(1e-3, 10.0))
def test_no_step_improves_the_solution(penalty_on, intercept, seed, penalty):
    moments, terms = random_problem(seed)
    problem = ExactProblem(moments, terms, penalty_on=penalty_on, intercept=intercept)
    solution = problem.solve(Candidate({term.name: term.weight for term in terms}, penalty))
    weight, bias = solution.weight[0], solution.bias[0]
    least = objective(weight, bias, moments, terms, penalty, penalty_on)
    generator = np.random.default_rng(seed)
    for size in (1e-3, 1e-1):
        step, shift = generator.normal(size=weight.shape), generator.normal(size=bias.shape)
        other = objective(weight + size * step, bias + size * shift * intercept, moments, terms, penalty, penalty_on)
        assert other >= least - 1e-12


def test_both_penalties_agree_without_weights_between_steps():
    """Where M = I / H, tr(W' M W) is ||W||^2 / H."""
    moments, _ = random_problem(0)
    plain_term = [QuadraticTerm("a", 1.0, np.eye(4) / 4, "truth")]
    solutions = [
        ExactProblem({"truth": moments["truth"]}, plain_term, penalty_on=kind).solve(Candidate({"a": 1.0}, 0.7))
        for kind in ("weights", "forecast")
    ]
    np.testing.assert_allclose(solutions[0].weight, solutions[1].weight, atol=1e-12)


@pytest.mark.parametrize("penalty_on", ["weights", "forecast"])
def test_singular_problems_get_the_solution_of_smallest_norm(penalty_on):
    """A pooled term alone leaves some forecasts free, a shift some contexts: both stay at 0."""
    moments, _ = random_problem(1)
    shifted = {"truth": [moments["truth"][0].shifted(np.full(5, 0.2))]}
    pooling = MultiScale(n_scales=2).quadratic_form(4).metric * 2 - np.eye(4) / 4
    term = QuadraticTerm("a", 1.0, pooling, "truth")
    weight = ExactProblem(shifted, [term], penalty_on=penalty_on).solve(Candidate({"a": 1.0}, 0.0)).weight[0]
    assert np.isfinite(weight).all()
    np.testing.assert_allclose(weight @ np.ones(5), 0.0, atol=1e-8)
    np.testing.assert_allclose(weight[0], weight[1], atol=1e-8)


@pytest.mark.parametrize("individual", [False, True])
def test_plain_mse_is_the_ridge_of_scikit_learn(individual):
    series = make_series(90)
    student = Linear(None, individual=individual, penalty=0.05)
    forecaster = make_forecaster(teacher=None, student=student, loss=Supervised(), validation_fraction=0.0).fit(series)
    scaled = (series - forecaster.scaling_.mean_) / forecaster.scaling_.scale_
    windows = [slide(scaled[:, channel], 16) for channel in range(2)]
    groups = windows if individual else [np.concatenate(windows)]
    weights = forecaster.student_.weight.detach().numpy().reshape(len(groups), 4, 12)
    for ours, group in zip(weights, groups, strict=True):
        ridge = Ridge(alpha=0.05 * len(group)).fit(group[:, :12], group[:, 12:])
        np.testing.assert_allclose(ours, ridge.coef_, atol=1e-5)


TRENDS = [Trend(step=3), Trend(step=3, include_last=False), Trend(sampling="pool", step=3), Trend(step=99)]


@pytest.mark.parametrize(
    "term",
    [
        Supervised(horizon_weights=LinearWeights(3.0)),
        TeacherForecast(),
        MultiScale(n_scales=3),
        FirstDifference(),
        *TRENDS,
    ],
)
@pytest.mark.parametrize("horizon", [1, 2, 4, 11])
def test_quadratic_forms_are_their_terms(term, horizon):
    generator = torch.Generator().manual_seed(0)
    forecast, target = (torch.randn(6, horizon, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    inputs = LossInputs(forecast, None, target, teacher_forecast=target)
    value = term.build(LossShapes(horizon, 2)).double()(inputs)
    form = term.quadratic_form(horizon)
    difference = forecast - target
    ours = torch.einsum("bhc,hk,bkc->bc", difference, torch.tensor(form.metric), difference).mean()
    assert ours.item() == pytest.approx(value.item(), rel=1e-6)


@pytest.mark.parametrize("label_share", [None, 0.1])
def test_history_has_the_terms_also_where_values_are_missing(label_share):
    """One value of three-hundred is missing, in one or two windows of each step: hardly another loss."""
    whole, gaps = make_series(150), make_series(150)
    gaps[75, 0] = np.nan
    settings_ = {"student": Linear(), "loss": Response(0.3), "validation_fraction": 0.0, "label_share": label_share}
    (before,), (row,) = (make_forecaster(**settings_).fit(one).history_ for one in (whole, gaps))
    for name in ("train_loss", "train_supervised", "train_prediction"):
        assert row[name] == pytest.approx(before[name], rel=0.05)
    assert row["train_loss"] == pytest.approx(row["train_supervised"] + row["train_prediction"])
    alone = make_forecaster(**settings_ | {"loss": Supervised(), "teacher": None, "label_share": None}).fit(gaps)
    forecasts = alone.backtest(gaps)
    origins = np.arange(len(gaps) - 16 + 1)
    truth = np.stack([gaps[first + 12 : first + 16] for first in origins])
    errors = np.nanmean(np.square((forecasts - truth) / alone.scaling_.scale_))
    assert alone.history_[0]["train_supervised"] == pytest.approx(errors, rel=1e-5)


@pytest.mark.slow
def test_gradient_training_converges_to_the_exact_solution():
    series = make_series(150)
    terms = [("scales", MultiScale(0.5, n_scales=2)), ("label", TeacherForecast(0.5)), ("steps", FirstDifference())]
    loss = LossSum([("truth", Supervised()), *terms, ("trend", Trend(0.5, sampling="pool", step=2))])
    settings_ = {"teacher": LastValueTeacher(), "loss": loss, "validation_fraction": 0.0}
    exact = make_forecaster(student=Linear(penalty=0.0, season=6), **settings_).fit(series)
    trained = make_forecaster(
        student=Linear(solver="gradient", season=6),
        **settings_,
        max_epochs=400,
        batch_size=500,
        lr=0.05,
        lr_schedule="cosine",
    ).fit(series)
    best, reached = exact.history_[0]["train_loss"], trained.history_[-1]["train_loss"]
    assert best <= reached + 1e-6
    assert reached == pytest.approx(best, rel=1e-3)
    np.testing.assert_allclose(trained.predict(series), exact.predict(series), atol=2e-2)


def test_history_holds_the_losses_of_the_solution():
    series = make_series()
    forecaster = make_forecaster(student=Linear(), loss=Response(0.5)).fit(series)
    (row,) = forecaster.history_
    assert row["train_loss"] == pytest.approx(row["train_supervised"] + row["train_prediction"])
    validation = (series[90 - 12 :] - 0.0,)
    error = -forecaster.score(validation[0])  # original units
    scaled = error / np.mean(forecaster.scaling_.scale_**2)
    assert row["valid_loss"] == pytest.approx(scaled, rel=0.05)


def test_cross_period_sparsity_reads_whole_periods_only():
    frame = make_frame(150)
    forecaster = make_forecaster(
        teacher=None, student=Linear(None, sparse_season=6, penalty=1e-3), loss="response"
    ).fit(frame)
    weight = forecaster.student_.weight.detach().numpy()
    for step, row in itertools.product(range(4), range(12)):
        assert (weight[step, row] == 0) == ((12 + step - row) % 6 != 0)
    assert -forecaster.score(frame[90:]) < 0.1
    trained = make_forecaster(student=Linear(None, sparse_season=6, solver="gradient"), max_epochs=60).fit(frame)
    assert -trained.score(frame[90:]) < 0.5


@pytest.mark.parametrize("penalty_on", ["weights", "forecast"])
def test_weights_that_steps_share_are_those_of_one_system_of_normal_equations(penalty_on):
    generator, (L, H), penalty = np.random.default_rng(0), (6, 4), 0.7
    windows = generator.normal(1.0, 1.0, size=(60, L + H)) @ generator.normal(size=(L + H, L + H))
    shares, X, Y = np.arange(1.0, H + 1), windows[:, :L], windows[:, L:]
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    ties = np.where(np.arange(L) < 3, np.arange(L), -1) + np.zeros((H, 1), dtype=int)  # three are shared by all steps
    mask = generator.random((H, L)) < 0.8
    numbers = np.where(ties < 0, 3 + np.arange(H * L).reshape(H, L), ties)
    system, right = 1e-12 * np.eye(3 + H * L), np.zeros(3 + H * L)
    for step, share in enumerate(shares):
        rows, own = np.flatnonzero(mask[step]), numbers[step, mask[step]]
        extra = penalty / H if penalty_on == "weights" else share * penalty
        system[np.ix_(own, own)] += share * X[:, rows].T @ X[:, rows] / 60 + extra * np.eye(len(rows))
        right[own] += share * X[:, rows].T @ Y[:, step] / 60
    expected = np.where(mask, np.linalg.solve(system, right)[numbers], 0.0)
    terms = [QuadraticTerm("a", 1.0, np.diag(shares), "truth")]
    moments = {"truth": [plain(windows, L)]}
    found = solve_sparse(moments, terms, mask, penalty=penalty, penalty_on=penalty_on, intercept=True, ties=ties)
    np.testing.assert_allclose(found.weight[0], expected, atol=1e-9)
    level = windows[:, L:].mean(axis=0) - expected @ windows[:, :L].mean(axis=0)
    np.testing.assert_allclose(found.bias[0], level, atol=1e-9)


@pytest.mark.parametrize("penalty", [0.1, [0.1, 10.0]])
@pytest.mark.parametrize("has_gaps", [False, True])
def test_a_target_that_leaves_its_constant_level_is_not_judged(has_gaps, penalty):
    """No unit is known for its moves: the loss is that of the other target alone, by hand."""
    series = make_series()
    series[:, 1] = np.where(np.arange(120) < 90, 3.0, 53.0)
    if has_gaps:
        series[30:33, 0] = np.nan
    fitted = make_forecaster(teacher=None, student=Linear(penalty=penalty)).fit(series)
    wrong = fitted.backtest(series[90 - 12 :])[..., 0] - slide(series[90:, 0], 4)
    expected = np.mean(np.square(wrong / fitted.scaling_.scale_[0]))
    (chosen,) = (row for row in fitted.history_ if row.get("chosen", True))
    assert chosen["valid_loss"] == pytest.approx(expected, rel=1e-4)


def test_the_error_of_a_map_is_its_mean_over_the_windows_of_all_groups():
    generator = np.random.default_rng(0)
    parts = [generator.normal(1.0, 1.0 + n, size=(n, 7)) for n in (3, 11)]
    weight, bias = generator.normal(size=(2, 2, 5)), generator.normal(size=(2, 2))
    wrong = [part[:, :5] @ w.T + b - part[:, 5:] for part, w, b in zip(parts, weight, bias, strict=True)]
    found = mean_squared_error(LinearSolution(weight, bias), [plain(part, 5) for part in parts])
    assert found == pytest.approx(np.mean(np.square(np.concatenate(wrong))))


# -- choosing among many -------------------------------------------------------------------------


def test_the_surface_is_that_of_single_fits():
    series = make_series()
    weights, penalties = [0.0, 0.5, 2.0], [0.01, 1.0]
    grid = Linear(penalty=penalties, weight_grid={"prediction": weights})
    searched = make_forecaster(student=grid, loss=Response()).fit(series)
    assert len(searched.history_) == 6
    for row in searched.history_:
        single = make_forecaster(student=Linear(penalty=row["penalty"]), loss=Response(row["weight_prediction"]))
        assert single.fit(series).history_[0]["valid_loss"] == pytest.approx(row["valid_loss"], rel=1e-9)
    best = min(searched.history_, key=lambda row: row["valid_loss"])
    assert best["chosen"]
    assert sum(row["chosen"] for row in searched.history_) == 1


def test_blocks_are_left_out_with_the_windows_that_share_their_rows():
    series = make_series(150)
    student = Linear(penalty=[0.01, 1.0], selection="blocks")
    forecaster = make_forecaster(student=student, validation_fraction=0.0, loss=Response()).fit(series)
    numbers = np.arange(150 - 15)
    expected = np.zeros(2)
    scaled = (series - forecaster.scaling_.mean_) / forecaster.scaling_.scale_
    for block in np.array_split(numbers, 5):
        rest = numbers[(numbers < block[0] - 15) | (numbers > block[-1] + 15)]
        for position, penalty in enumerate(student.penalty):
            stacks = []
            for part in (rest, block):
                windows = np.concatenate([slide(scaled[:, channel], 16)[part] for channel in range(2)])
                level = windows[:, :12].mean(axis=1, keepdims=True)
                label = windows[:, 11:12] - level
                stacks.append((windows[:, :12] - level, windows[:, 12:] - level, label))
            (x, y, label), (x_out, y_out, _) = stacks
            ridge = Ridge(alpha=penalty * len(x) / 2).fit(x, (y + label) / 2)
            expected[position] += len(block) * np.square(ridge.predict(x_out) - y_out).mean()
    ours = [row["valid_loss"] for row in forecaster.history_]
    np.testing.assert_allclose(ours, expected / len(numbers), rtol=1e-4)


def test_grid_search_finds_the_same(tmp_path):
    series, split = make_series(200), RollingOriginSplit(2, 12, 4)
    grid = {"student__penalty": [0.01, 1.0], "loss__prediction_weight": [0.0, 1.0]}
    forecaster = make_forecaster(student=Linear(), loss=Response(), memory=tmp_path)
    search = GridSearchCV(forecaster, grid, cv=split, scoring=split.scorer(), error_score="raise").fit(series)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_tables_of_windows_are_solved_too():
    windows = slide(make_series(200)[:, 0], 16)
    regressor = DistilledRegressor(teacher=None, student=Linear(None, penalty=0.01), loss="response", random_state=0)
    assert regressor.fit(windows[:150, :12], windows[:150, 12:]).score(windows[166:, :12], windows[166:, 12:]) > 0.9


# -- updating ------------------------------------------------------------------------------------


def updatable(**changes):
    options = {"teacher": None, "student": Linear(season=6), "loss": "response", "validation_fraction": 0.0}
    return make_forecaster(**{**options, **changes})


def test_a_forecaster_that_starts_with_partial_fit_is_exported_like_one_that_was_fitted(tmp_path):
    series = make_series(120)
    for name in ("fit", "partial_fit"):
        forecaster = getattr(updatable(), name)(series)
        assert forecaster.provenance_ == []
        forecaster.export(tmp_path / f"{name}.npz")
    forecasts = [load_numpy(tmp_path / f"{name}.npz").predict(series) for name in ("fit", "partial_fit")]
    np.testing.assert_allclose(*forecasts, rtol=1e-5)


@pytest.mark.parametrize("student", [Linear(season=6), Linear("mean", individual=True), Linear(last_rows=8, season=4)])
def test_partial_fit_equals_a_refit_on_all_rows(student):
    frame = make_frame(160)
    refit = updatable(student=student).partial_fit(frame[20:])
    grown = updatable(student=student).fit(frame[:100])
    grown = pickle.loads(pickle.dumps(grown.partial_fit(frame[100:130])))
    grown.partial_fit(frame[130:], forget=20)
    for name in ("weight", "bias"):
        ours, theirs = (getattr(one.student_, name).detach().double() for one in (grown, refit))
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)  # float32 modules
    assert grown.history_[0]["train_loss"] == pytest.approx(refit.history_[0]["train_loss"], rel=1e-8)
    plain_fit = updatable(student=student).fit(frame[20:])
    np.testing.assert_allclose(grown.predict(frame), plain_fit.predict(frame), rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([-8, -3, 0, 3, 8, 12]), st.sampled_from([-3, 0, 5, 10, 25]), st.integers(0, 2**31))
def test_moments_are_those_of_the_rows_kept_whatever_was_seen_before(level, size, seed):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(90, 2))
    rows[:30, 0] = 10.0**level + 10.0**size * rows[:30, 0]  # what leaves: another level, another spread
    rows[generator.integers(20), 1] = 10.0**size
    rows[20:30] = rows[20:30] if seed % 2 else 10.0**level
    rolling = RollingMoments(rows[:40], 6, 3)
    rolling.append(rows[40:60])
    rolling.forget(30)
    rolling.append(rows[60:])
    kept = rows[30:]
    mean, scale = kept.mean(axis=0), kept.std(axis=0)
    for channel, ours in enumerate(rolling.standardized(mean, scale)):
        assert_same(ours, plain(slide((kept[:, channel] - mean[channel]) / scale[channel], 9), 6), 1e-9)


@pytest.mark.parametrize("level", [0.0, 1e7, -1e10])
@pytest.mark.parametrize("outlier", [1e10, -1e25])
def test_a_value_that_has_left_leaves_no_trace(level, outlier):
    series = level + 3 * make_series(300, 2)
    series[70, 1], series[:60, 0] = outlier, 1e8
    grown = updatable(student=Linear(season=6)).partial_fit(series[:150])
    for first in range(150, 300, 50):
        grown.partial_fit(series[first : first + 50], forget=40)
    refit = updatable(student=Linear(season=6)).fit(series[120:])
    difference = (grown.predict(series) - refit.predict(series)) / series[120:].std(axis=0)
    np.testing.assert_allclose(difference, 0, atol=1e-5)


@pytest.mark.parametrize("known", [None, ["cause"]])
@pytest.mark.parametrize("also", [0.0, -1.0], ids=["one", "two of one mean"])
@pytest.mark.parametrize("outlier", [1e3, 1e6, 1e9])
def test_a_value_of_a_covariate_that_has_left_leaves_no_trace(known, outlier, also):
    cause = 1e-3 * make_series(300, 1)[:, 0]  # in smaller units than the target
    rows = pd.DataFrame({"sales": 1e3 * np.sin(np.arange(300) / 3) + 1e6 * cause, "cause": cause})
    rows.loc[[5, 60], "cause"] += [outlier, also * outlier]
    parameters = {"student": Linear(), "targets": ["sales"], "known_covariates": known}
    grown = updatable(**parameters).partial_fit(rows[:200]).partial_fit(rows[200:].reset_index(drop=True), forget=100)
    kept = rows[100:].reset_index(drop=True)
    given = {} if known is None else {"future": np.full((grown.prediction_length, 1), 1e-3)}
    expected = updatable(**parameters).fit(kept).predict(kept, **given)
    np.testing.assert_allclose(grown.predict(kept, **given), expected, atol=1e-2)


@pytest.mark.parametrize("kind", ["array", "frame"])
@pytest.mark.parametrize("start", ["fit", "partial_fit", "first"])
def test_a_missing_value_is_refused_before_anything_changes(kind, start):
    rows = make_frame(120)
    rows = rows if kind == "frame" else rows.to_numpy()
    spoiled = rows[100:110].copy()
    if kind == "frame":
        spoiled.iloc[3, 1] = np.nan
    else:
        spoiled[3, 1] = np.nan
    forecaster = updatable()
    if start != "first":
        getattr(forecaster, start)(rows[:100])
        before = forecaster.predict(rows[:100])
    with pytest.raises(ValueError, match=r"X of partial_fit must .* NaN first in row 3, channel 1.*call fit with all"):
        forecaster.partial_fit(spoiled)
    if start == "first":
        assert not hasattr(forecaster, "n_features_in_")
        return
    np.testing.assert_array_equal(forecaster.predict(rows[:100]), before)
    forecaster.partial_fit(rows[100:110])
    np.testing.assert_allclose(forecaster.predict(rows), updatable().fit(rows[:110]).predict(rows), rtol=1e-5)


def test_gaps_that_fit_has_seen_stop_an_update():
    series = make_series(120)
    series[40, 0] = np.nan
    forecaster = updatable().fit(series[:100])
    with pytest.raises(ValueError, match="what fit has seen before partial_fit must have no missing value; got NaN"):
        forecaster.partial_fit(series[100:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"student": DLinear()}, "student=Linear"),
        ({"teacher": "dlinear"}, "teacher=None"),
        ({"validation_fraction": 0.2}, "validation_fraction=0"),
        ({"student": Linear(penalty=[0.1, 1.0])}, "one penalty"),
        ({"loss": Supervised(loss="mae")}, "quadratic"),
    ],
)
def test_partial_fit_refuses_what_is_not_exact(changes, message):
    forecaster = updatable(**changes)
    assert not hasattr(forecaster, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        forecaster.partial_fit(make_series())
    assert message in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scaling": "window"}, "scaling='auto' or 'global'"),
        ({"scaling": "series"}, "scaling='auto' or 'global'"),
        ({"min_observed": 8}, "min_observed=None"),
    ],
)
@pytest.mark.parametrize("start", ["first", "fit"])
def test_partial_fit_of_one_series_refuses_units_that_move(changes, message, start):
    forecaster = updatable(**changes)
    if start == "fit":
        forecaster.fit(make_series())
    with pytest.raises(ValueError, match=f"{message}|kept if exact updates are possible"):
        forecaster.partial_fit(make_series(10))


def test_forgetting_too_much_says_how_much_must_stay():
    forecaster = updatable().partial_fit(make_series(30))
    with pytest.raises(ValueError, match=r"must leave context_length \+ prediction_length = 16 rows; got 15 of 30"):
        forecaster._seen.moments.forget(15)


def test_a_refused_update_leaves_everything_as_it_was():
    series = make_series(120)
    forecaster = updatable().partial_fit(series[:100])
    with pytest.raises(ValueError, match="forget must leave"):
        forecaster.partial_fit(series[100:110], forget=500)
    forecaster.partial_fit(series[100:110])
    expected = updatable().partial_fit(series[:110])
    np.testing.assert_allclose(forecaster.predict(series), expected.predict(series), rtol=1e-5)
    assert len(forecaster.training_series()) == 110


@pytest.mark.parametrize("again", [slice(150, 160), slice(90, 120), slice(50, 60)], ids=["gap", "overlap", "before"])
@pytest.mark.parametrize("start", ["fit", "partial_fit"])
def test_rows_that_do_not_follow_are_refused(start, again):
    frame = make_frame(200)
    forecaster = getattr(updatable(), start)(frame[:100])
    with pytest.raises(ValueError, match=r"must follow the rows so far, which end at .* 03:00:00"):
        forecaster.partial_fit(frame[again])
    forecaster.partial_fit(frame[100:110])
    with pytest.raises(ValueError, match=r"must follow the rows so far"):
        pickle.loads(pickle.dumps(forecaster)).partial_fit(frame[100:110])


def test_rows_of_another_kind_of_index_are_refused():
    frame = make_frame(120)
    forecaster = updatable().partial_fit(frame[:100])
    with pytest.raises(ValueError, match=r"\(datetime64.*\); got labels from 100 to 119 \(int64\)"):
        forecaster.partial_fit(frame[100:].set_axis(range(100, 120)))


def test_rows_without_labels_follow():
    frame = make_frame(130)
    forecaster = updatable().partial_fit(frame[:100])
    forecaster.partial_fit(frame[100:110].reset_index(drop=True), forget=5)
    forecaster.partial_fit(frame[110:])
    assert forecaster.training_series().index.equals(frame.index[5:])
    arrays = updatable().partial_fit(frame[:100].to_numpy())
    assert len(arrays.partial_fit(frame[120:].to_numpy()).training_series()) == 110


def test_compare_after_updates_knows_the_columns():
    frame = make_frame(200)
    name = frame.columns[0]
    forecaster = updatable(targets=[name]).partial_fit(frame[:100]).partial_fit(frame[100:150])
    assert "student" in forecaster.compare(frame[138:], n_resamples=5).index


def test_rows_are_not_at_hand_after_pickling_a_plain_fit():
    forecaster = pickle.loads(pickle.dumps(updatable().fit(make_series())))
    with pytest.raises(ValueError, match="never pickled"):
        forecaster.partial_fit(make_series())


# -- what is refused -----------------------------------------------------------------------------


def test_auto_trains_with_a_warning_that_names_the_term():
    with pytest.warns(UserWarning, match=r"'multiperiod' \(MultiPeriod\) is not a quadratic form"):
        forecaster = make_forecaster(student=Linear(), loss=TimeDistill(feature_weight=0.0)).fit(make_series())
    assert "lr" in forecaster.history_[0]


@pytest.mark.parametrize(
    ("student", "changes", "message"),
    [
        (Linear(solver="exact"), {"loss": Response(supervised_loss="mae")}, r"'supervised' \(Supervised\)"),
        (Linear(solver="exact"), {"windows_without_truth": True}, "windows_without_truth"),
        (Linear(penalty=[0.1, 1.0]), {"validation_fraction": 0.0}, "selection='blocks'"),
        (
            Linear(penalty=[0.1, 1.0], selection="blocks"),
            {"windows_without_truth": True, "loss": LossSum([("teacher", TeacherForecast())])},
            "blocks would also be judged by windows whose truth is not known",
        ),
        (
            Linear(penalty=[0.1, 1.0], selection="blocks"),
            {"augmentation": Augmentation(), "loss": LossSum([("teacher", TeacherForecast())])},
            "blocks would also be judged by windows whose truth is not known",
        ),
        (Linear(penalty=-1.0), {}, "penalty of Linear"),
        (Linear(penalty=[]), {}, "penalty of Linear"),
        (Linear(weight_grid=2.5), {}, "weight_grid of Linear must be a dict of names"),
        (Linear(weight_grid={"supervised": 1.0}), {}, "weight_grid of Linear must be a dict of names"),
        (Linear(weight_grid={"predicton": [1.0]}), {}, "Did you mean 'prediction'"),
        (Linear(weight_grid={"prediction": [-1.0]}), {}, "weight_grid"),
        (Linear(weight_grid={"prediction": []}), {}, "at least one weight"),
        (Linear("lst"), {}, "Did you mean 'last'"),
        (Linear(last_rows=0), {"validation_fraction": "auto"}, "last_rows of Linear must be an integer of at least 1"),
        (Linear(last_rows=13), {}, "last_rows of Linear must be at most context_length = 12"),
        (Linear(sparse_season=13), {}, "sparse_season of Linear"),
        (Linear(sparse_season=6, solver="exact"), {"loss": MultiScale()}, "a pooled term does not"),
        (Linear(), {"loss": Response(0.0, supervised_weight=0.0)}, "no term with a positive weight"),
    ],
)
def test_bad_settings_stop_before_the_teacher_is_fitted(student, changes, message, tmp_path):
    log = tmp_path / "log"
    settings_ = {"teacher": LastValueTeacher(str(log)), "loss": Response(), **changes}
    with pytest.raises((TypeError, ValueError), match=message):
        make_forecaster(student=student, **settings_).fit(make_series())
    assert not log.exists()


def test_constant_and_duplicate_channels_are_solved():
    series = make_series(100)
    odd = np.column_stack([series[:, 0], series[:, 0], np.full(100, 3.0)])
    for penalty in (0.0, 0.1):
        student = Linear(individual=True, penalty=penalty)
        forecast = make_forecaster(student=student, validation_fraction=0.0).fit(odd).predict(odd)
        np.testing.assert_allclose(forecast[:, 0], forecast[:, 1], rtol=1e-5)
        np.testing.assert_allclose(forecast[:, 2], 3.0, atol=1e-4)


def test_fewer_windows_than_rows_of_context():
    series = make_series(20)
    forecaster = make_forecaster(teacher=None, student=Linear(penalty=0.0), validation_fraction=0.0).fit(series)
    assert forecaster.history_[0]["train_loss"] == pytest.approx(0.0, abs=1e-6)
    assert add_up([run_moments(series[:, 0], 5, 12, 4)]).count == 5


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32"])
def test_rows_without_labels_go_on_from_numbers_of_any_type(dtype):
    rows = make_frame(300).reset_index(drop=True)
    labeled = rows.iloc[:120].set_axis(pd.Index(np.arange(120).astype(dtype)))
    forecaster = updatable().fit(labeled).partial_fit(rows.iloc[120:280].reset_index(drop=True))
    later = rows.iloc[280:].set_axis(pd.Index(np.arange(500, 520)))
    with pytest.raises(ValueError, match="must follow the rows so far, which end at 279"):
        forecaster.partial_fit(later)
    forecaster.partial_fit(later.set_axis(pd.Index(np.arange(280, 300))))
    np.testing.assert_allclose(forecaster.predict(rows), updatable().fit(rows).predict(rows), rtol=1e-5)


@pytest.mark.parametrize("as_array", [False, True])
def test_partial_fit_keeps_the_season_of_the_step_where_new_rows_tell_none(as_array):
    index = pd.date_range("2024-01-01", periods=120, freq="D")  # a season of 7 rows; 24 where no step tells it
    frame = pd.DataFrame(make_series(), index, ["a", "b"])
    settings = {"student": Linear(), "context_length": 30}
    new = frame[100:].to_numpy() if as_array else frame[100:].reset_index(drop=True)
    grown = updatable(**settings).partial_fit(frame[:100]).partial_fit(new)
    expected = updatable(**settings).fit(frame)
    np.testing.assert_allclose(grown.predict(frame), expected.predict(frame), rtol=1e-5)


def test_windows_whose_moments_fit_no_memory_are_told_before_the_solution():
    panel = pd.concat({"a": make_frame(60, 1), "b": make_frame(50, 1)})
    for context, horizon in ((10**6, 4), (8, 10**6)):
        forecaster = DistilledForecaster(None, "linear", "response", context_length=context, prediction_length=horizon)
        with pytest.raises(ValueError, match=r"must be at most 40000 for an exact solution"):
            forecaster.fit(panel)
