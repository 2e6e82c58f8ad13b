"""The penalty of exact students counts in units of rows less their level where a trend makes up most of the spread."""

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from skdistill import DistilledForecaster, DistilledRegressor
from skdistill.losses import Supervised
from skdistill.networks import Linear
from skdistill.networks._linear_design import DesignSizes
from skdistill.networks._solvable_part import SolvablePart
from skdistill.teachers._held_out import LinearStudent, rows_of
from skdistill.training._exact import Candidate, QuadraticTerm
from skdistill.training._input_scale import penalty_share
from skdistill.training._moments import Moments
from skdistill.training._part_problem import PartProblem

SLOPES = np.array([0.5, 2.0])


def make_trend(n_timestamps=160, slopes=SLOPES, seed=0):
    """Make waves of size 1 on lines that rise by much more, without loss of digits."""
    return make_series(n_timestamps, len(slopes), seed) + np.arange(n_timestamps)[:, None] * slopes


def standardized(forecaster, series):
    return (series - forecaster.scaling_.mean_) / forecaster.scaling_.scale_


def shifted(values, context_length=12, prediction_length=4):
    """Return contexts and truth of all windows of a channel, less the mean of the context."""
    windows = np.lib.stride_tricks.sliding_window_view(values, context_length + prediction_length)
    level = windows[:, :context_length].mean(axis=1, keepdims=True)
    return windows[:, :context_length] - level, windows[:, context_length:] - level, level


def ridge(x, y, penalty, of_rows=slice(None)):
    """Solve the normal equations, with the penalty on rows in units of their variance where that is small."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    shares = np.ones(x.shape[1])
    variance = np.square(x[:, of_rows]).mean()
    shares[of_rows] = 1 if variance >= 0.1 else variance if variance < 0.01 else 100 * variance**2
    return np.linalg.solve(x.T @ x / len(x) + penalty * np.diag(shares), x.T @ y / len(x)).T


def weights_of(forecaster):
    return forecaster.student_.weight.detach().numpy()


def test_the_penalty_counts_whole_from_a_variance_of_a_tenth_on():
    shares = [penalty_share(variance) for variance in (2.0, 0.1, 0.05, 0.01, 1e-3, 1e-12, 1e-30, 0.0)]
    np.testing.assert_allclose(shares, [1.0, 1.0, 0.25, 0.01, 1e-3, 1e-10, 1.0, 1.0])


@pytest.mark.parametrize("individual", [False, True])
@pytest.mark.parametrize("penalty_on", ["weights", "forecast"])
def test_a_trend_is_not_in_the_units_of_the_penalty(individual, penalty_on):
    series = make_trend()
    student = Linear(season=12, individual=individual, penalty=0.3, penalty_on=penalty_on)
    forecaster = make_forecaster(teacher=None, student=student, loss=Supervised(), validation_fraction=0).fit(series)
    parts = [shifted(channel)[:2] for channel in standardized(forecaster, series).T]
    groups = parts if individual else [tuple(np.concatenate(both) for both in zip(*parts, strict=True))]
    for ours, (x, y) in zip(weights_of(forecaster).reshape(-1, 4, 12), groups, strict=True):
        np.testing.assert_allclose(ours, ridge(x, y, 0.3), atol=2e-4)
        whole = Ridge(alpha=0.3 * len(x)).fit(x, y).coef_
        assert np.abs(ours - whole).max() > 0.05


def test_missing_truth_has_the_same_units():
    series = make_trend(slopes=SLOPES[:1])
    series[80] = np.nan
    settings = {"student": Linear(season=12, penalty=0.3), "loss": Supervised(), "validation_fraction": 0}
    forecaster = make_forecaster(teacher=None, **settings).fit(series)
    x, y, _ = shifted(standardized(forecaster, series)[:, 0])
    whole = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    np.testing.assert_allclose(weights_of(forecaster), ridge(x[whole], y[whole], 0.3), atol=0.05)


def test_weighted_labels_have_the_same_units():
    """Labels that all count 1 are the problem without weights."""
    x, y, _ = shifted(make_trend(slopes=SLOPES[:1])[:, 0] / 50)
    part = SolvablePart("a part", n_rows=12, penalties=(0.3,))
    terms = [QuadraticTerm(name, 0.5, np.eye(4) / 4, name) for name in ("truth", "teacher_forecast")]
    moments = {
        name: [Moments(float(len(x)), both.sum(axis=0), both.T @ both, 12)]
        for name, both in (("truth", np.hstack([x, y])), ("teacher_forecast", np.hstack([x, y + 0.01])))
    }
    point = Candidate({"truth": 0.5, "teacher_forecast": 0.5}, 0.3)
    counts = {"windows": [Moments(float(len(x)), np.empty(0), np.empty((0, 0)), 0)]}
    ours, weighted = (PartProblem(part, terms, one).solve(point) for one in (moments, moments | counts))
    np.testing.assert_allclose(ours.weight[0], ridge(x, y + 0.005, 0.3), atol=1e-9)
    np.testing.assert_allclose(weighted.weight, ours.weight, atol=1e-9)
    np.testing.assert_allclose(weighted.bias, ours.bias, atol=1e-9)


@pytest.mark.parametrize("known_band", [None, 1])
def test_covariates_and_levels_keep_the_whole_penalty(known_band):
    frame = make_frame(160, 2)
    frame["c0"] += np.arange(160) * 0.5
    student = Linear(season=12, penalty=0.3, known_band=known_band)
    forecaster = make_forecaster(
        teacher=None, student=student, loss=Supervised(), validation_fraction=0, targets=["c0"], known_covariates=["c1"]
    ).fit(frame)
    target, known = standardized(forecaster, frame.to_numpy()).T
    (x, y, level), (past, future, levels) = shifted(target), shifted(known)
    inputs = np.hstack([x, past, future, level, levels])
    ours = weights_of(forecaster)
    for step in range(4):
        distance = np.abs(np.arange(4) - step)
        near = 24 + np.flatnonzero(distance <= (3 if known_band is None else known_band))
        here = np.concatenate([np.arange(24), near, [28, 29]])
        expected = ridge(inputs[:, here], y[:, step], 0.3, slice(12))
        np.testing.assert_allclose(ours[step, here], expected, atol=5e-4)


def test_inputs_know_their_channel():
    sizes = DesignSizes(4, 3, 2, (1, 5), (5,), 2, has_level=True, n_time_features=0, static_season=2)
    own, past, future, levels, products = [0] * 4, [1] * 3 + [2] * 3, [2] * 2, [-1] * 7, [0] * 4
    assert sizes.channels().tolist() == [*own, *past, *future, *levels, *products]


@pytest.mark.parametrize("slope", [0.0, 0.05, 0.5, 5.0])
@pytest.mark.parametrize("known_weights", ["own", "shared"])
def test_what_a_covariate_does_is_learned_whatever_its_slope(slope, known_weights):
    """A covariate whose moves of size 1 move the target by 2, with noise of .1."""
    generator = np.random.default_rng(0)
    move = np.convolve(generator.normal(size=703), np.ones(4) / 2, "valid")
    values = np.stack([10 + 2 * move + 0.1 * generator.normal(size=700), move + slope * np.arange(700)], axis=1)
    frame = pd.DataFrame(values, columns=["y", "z"], index=pd.date_range("2024-01-01", periods=700))
    student = Linear(season=7, known_weights=known_weights)
    names = {"targets": ["y"], "known_covariates": ["z"]}
    forecaster = make_forecaster(
        teacher=None, student=student, loss=Supervised(), context_length=21, validation_fraction=0, **names
    ).fit(frame.iloc[:500])
    errors = [
        forecaster.predict(frame.iloc[at - 21 : at], future=frame[["z"]].iloc[at : at + 4])["y"].to_numpy()
        - values[at : at + 4, 0]
        for at in range(500, 690)
    ]
    assert np.sqrt(np.mean(np.square(errors))) < 0.6


def test_candidates_are_judged_in_the_same_units():
    series, penalties = make_trend(200), [0.01, 0.3, 30.0]
    settings = {"teacher": None, "loss": Supervised(), "validation_fraction": 0.25}
    rows = make_forecaster(student=Linear(season=12, penalty=penalties), **settings).fit(series).history_
    for row in rows:
        single = make_forecaster(student=Linear(season=12, penalty=row["penalty"]), **settings).fit(series)
        assert single.history_[0]["valid_loss"] == pytest.approx(row["valid_loss"], rel=1e-6)
    blocks = Linear(season=12, penalty=penalties, selection="blocks")
    chosen = make_forecaster(teacher=None, student=blocks, loss=Supervised(), validation_fraction=0).fit(series)
    assert [row["chosen"] for row in chosen.history_] == [True, False, False]


def test_partial_fit_is_still_the_fit_to_the_rows_that_remain():
    series = make_trend(200)
    settings = {"teacher": None, "student": Linear(season=12), "loss": Supervised(), "validation_fraction": 0}
    updated = make_forecaster(**settings).fit(series[:150]).partial_fit(series[150:], forget=60)
    again = make_forecaster(**settings).fit(series[60:])
    context = series[-12:]
    np.testing.assert_allclose(updated.predict(context), again.predict(context), rtol=1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.05, 0.5, 5.0])
def test_a_season_is_learned_whatever_the_slope(slope):
    """A wave of size 1 with noise of .1: what a window can tell leaves an error of about .11."""
    series = make_trend(540, [slope])
    forecaster = DistilledForecaster(None, Linear(season=12), "response", context_length=48, prediction_length=4).fit(
        series[:480]
    )
    origins = range(480, 537)
    errors = [forecaster.predict(series[at - 48 : at]) - series[at : at + 4] for at in origins]
    assert np.sqrt(np.mean(np.square(errors))) < 0.16


SCALERS = [None, StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler]


@pytest.mark.parametrize("slope", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("of_rows", SCALERS)
@pytest.mark.parametrize("of_targets", SCALERS)
def test_a_regressor_of_windows_with_a_trend_is_as_good_as_ridge_regression_there(slope, of_rows, of_targets):
    series = make_trend(600, [slope])[:, 0] - 5  # without a level, lines of both scalers almost agree
    windows = np.lib.stride_tricks.sliding_window_view(series, 28)
    x, y = windows[:, :24], windows[:, 24:]

    def error(regressor):
        model = regressor if of_rows is None else make_pipeline(of_rows(), regressor)
        model = model if of_targets is None else TransformedTargetRegressor(model, transformer=of_targets())
        return np.sqrt(np.mean(np.square(model.fit(x[:450], y[:450]).predict(x[450:]) - y[450:])))

    ours = error(DistilledRegressor(None, "linear", "response", random_state=0))
    assert ours < 1.3 * max(error(Ridge()), error(LinearRegression()))


def test_a_line_without_a_season_is_continued():
    """Rows less their level then vary by rounding alone, which weights must not enlarge."""
    series = np.arange(200.0)[:, None] * 3.7
    for student in (Linear(season=12), Linear(season=12, penalty=0.0)):
        forecaster = make_forecaster(teacher=None, student=student, loss=Supervised()).fit(series)
        ahead = forecaster.predict(np.arange(200.0, 212.0)[:, None] * 3.7)
        np.testing.assert_allclose(ahead[:, 0], np.arange(212.0, 216.0) * 3.7, rtol=1e-4)


def test_members_of_an_ensemble_are_judged_by_a_student_in_the_same_units():
    series = make_trend()
    seen = []

    class Kept(LastValueTeacher):
        def fit(self, windows, checkpoint=None):
            seen.append(windows.train)
            return super().fit(windows, checkpoint)

    settings = {"student": Linear(season=12), "validation_fraction": 0}
    make_forecaster(teacher=Kept(), **settings).fit(series)
    (train,) = seen
    forecaster = make_forecaster(teacher=None, loss=Supervised(), **settings).fit(series)
    numbers = torch.arange(len(train))
    ours = LinearStudent(train, numbers).forecast(train, numbers, rows_of(train.horizons(numbers)))
    units = forecaster.scaling_
    contexts = rows_of(train.context_values(numbers)).reshape(-1, 2, 12).transpose(0, 2, 1)
    expected = [forecaster.predict(one * units.scale_ + units.mean_) for one in contexts[:5]]
    expected = (np.stack(expected) - units.mean_) / units.scale_
    np.testing.assert_allclose(ours.reshape(-1, 2, 4)[:5], expected.transpose(0, 2, 1), atol=1e-4)
