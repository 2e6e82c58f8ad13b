"""``series_weight=``: what series count in exact solutions, in training and in compare."""

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import make_frame
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from skdistill import DistilledForecaster
from skdistill.data._series_weight import weights_of_windows
from skdistill.losses import Supervised
from skdistill.networks import Linear
from skdistill.teachers import RegressorTeacher
from skdistill.training._batches import BatchLoader

CONTEXT, HORIZON = 8, 3
LENGTHS = {"long": 80, "middle": 40, "short": 20}


def panel(gaps=False):
    frames = {name: make_frame(length, 1, seed) for seed, (name, length) in enumerate(LENGTHS.items())}
    X = pd.concat(frames, names=["series", "time"])
    return X.mask(np.random.default_rng(0).random(X.shape) < 0.1) if gaps else X


def fit(series_weight, X=None, **changes):
    settings = {
        "student": Linear(shift=None, penalty=0.0),
        "loss": Supervised(),
        "min_observed": CONTEXT,
        "scaling": "global",
    }
    settings |= {"context_length": CONTEXT, "prediction_length": HORIZON, "validation_fraction": 0, "random_state": 0}
    return DistilledForecaster(**{"teacher": None, **settings, "series_weight": series_weight, **changes}).fit(
        panel() if X is None else X
    )


def least_squares(weights, X):
    """Solve by hand, every step over the windows in which it is observed."""
    rows, truth, counts = [], [], []
    for name, length in LENGTHS.items():
        values = X.loc[name].to_numpy()[:, 0]
        n = length - CONTEXT - HORIZON + 1
        for start in range(n):
            rows.append(np.append(values[start : start + CONTEXT], 1.0))
            truth.append(values[start + CONTEXT : start + CONTEXT + HORIZON])
            counts.append(weights[name] / n)
    root = np.sqrt(counts)[:, None]
    return np.linalg.lstsq(root * np.array(rows), root * np.array(truth), rcond=None)[0]


@pytest.mark.parametrize(
    ("series_weight", "weights"),
    [
        ("windows", {"long": 70.0, "middle": 30.0, "short": 10.0}),
        ("equal", {"long": 1.0, "middle": 1.0, "short": 1.0}),
        ({"long": 1, "middle": 5, "short": 20.0}, {"long": 1.0, "middle": 5.0, "short": 20.0}),
    ],
)
def test_the_exact_student_is_a_weighted_least_squares(series_weight, weights):
    X = panel()
    forecaster = fit(series_weight)
    solution = least_squares(weights, X)
    for name in LENGTHS:
        expected = np.append(X.loc[name].to_numpy()[-CONTEXT:, 0], 1.0) @ solution
        np.testing.assert_allclose(forecaster.predict(X.loc[[name]]).to_numpy()[:, 0], expected, rtol=1e-4)


def test_a_weight_of_two_is_the_series_twice():
    X = panel(gaps=True)
    both = {**{name: X.loc[name] for name in LENGTHS}, "again": X.loc["short"]}
    n_windows = dict.fromkeys(LENGTHS, 1.0)
    twice, weighted = fit("equal", both), fit({**n_windows, "short": 2.0}, X)
    np.testing.assert_allclose(
        weighted.predict(X.loc[["long"]]), twice.predict({"long": X.loc["long"]})["long"], rtol=2e-2
    )


def test_series_of_one_length_are_alike_and_change_nothing():
    X = pd.concat({"a": make_frame(40, 1), "b": make_frame(40, 1, 1)})
    plain, equal = fit("windows", X), fit("equal", X)
    np.testing.assert_array_equal(plain.predict(X), equal.predict(X))
    assert weights_of_windows(np.ones(2), np.array([0, 0, 1, 1])) is None


def test_labels_and_validation_count_by_the_same_weights():
    X = panel()
    alone = fit({"long": 0, "middle": 0, "short": 1}, X, validation_fraction=0.2)
    one = fit("windows", X.loc[["short"]], validation_fraction=0.2, scaling="global")
    np.testing.assert_allclose(
        alone.history_[0]["valid_loss"] * alone.scaling_.scale_[0] ** 2,
        one.history_[0]["valid_loss"] * one.scaling_.scale_[0] ** 2,
        rtol=1e-3,
    )


class OfWeights:
    labels = None

    def __init__(self, weights):
        self.weights = weights

    @property
    def windows(self):
        return self

    def __len__(self):
        return len(self.weights)

    def batch(self, indices):
        return {}, {"drawn": indices}


def test_a_shuffled_pass_draws_windows_by_their_weight():
    torch.manual_seed(0)
    weights = np.array([0.0, 0.5, 0.5, 1.0, 3.0])
    loader = BatchLoader(OfWeights(weights), batch_size=2, shuffle=True)
    drawn = torch.cat([targets["drawn"] for _ in range(400) for _, targets in loader])
    counts = np.bincount(drawn.numpy(), minlength=5)
    assert counts.sum() == 2000
    assert counts[0] == 0
    assert counts[3] == 400
    np.testing.assert_allclose(counts[1:3], 200, atol=40)
    assert counts[4] == 1200


def autoregression(length, factor, seed):
    noise = np.random.default_rng(seed).normal(size=length)
    for row in range(1, length):
        noise[row] += factor * noise[row - 1]
    return pd.DataFrame({"c0": noise})


def test_a_student_that_is_trained_follows_the_weights():
    X = {"long": autoregression(80, 0.9, 0), "middle": autoregression(40, -0.9, 1), "short": autoregression(20, 0.9, 2)}
    errors = []
    for weight in (0.02, 50.0):
        weights = {"long": 1.0, "middle": weight, "short": 1.0}
        forecaster = fit(weights, X, student=Linear(shift=None, solver="gradient"), max_epochs=20, lr=0.05)
        table = forecaster.compare(X, alone=False, n_resamples=2)
        errors.append(table.per_series["mse"].loc["middle", "student"])
    assert errors[1] < 0.7 * errors[0]


COUNTED = []


class Counting(Ridge):
    """A regressor that notes what rows count."""

    def fit(self, X, y, sample_weight=None):
        COUNTED.append(sample_weight)
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("n_folds", [None, 2])
def test_a_regressor_as_teacher_counts_rows_as_asked(n_folds, tmp_path):
    settings = {
        "teacher": RegressorTeacher(Counting(), n_folds=n_folds),
        "loss": "response",
        "memory": tmp_path,
    }
    COUNTED.clear()
    fit("windows", **settings)
    assert all(one is None for one in COUNTED)
    COUNTED.clear()
    fit({"long": 1, "middle": 5, "short": 20}, **settings)
    n_windows = np.array([70, 30, 10])
    (found,) = (one for one in COUNTED if one is not None and len(one) == HORIZON * n_windows.sum())
    weights = np.repeat(np.array([1, 5, 20]) / n_windows, HORIZON * n_windows)
    np.testing.assert_allclose(found, weights / weights.mean(), rtol=1e-6)
    assert len(COUNTED) == 1 + (n_folds or 0)
    fit({"long": 0, "middle": 0, "short": 1}, **settings)  # in a fold, nothing counts


def test_a_regressor_without_weights_says_so():
    settings = {"teacher": RegressorTeacher(KNeighborsRegressor()), "loss": "response"}
    with pytest.warns(UserWarning, match="series_weight has no effect on the teacher: fit of KNeigh") as told:
        fit("equal", **settings)
    assert sum("KNeighborsRegressor" in str(one.message) for one in told) == 1


def test_compare_weighs_series_as_asked():
    X = panel()
    forecaster = fit("equal")
    options = {"alone": False, "n_resamples": 3}
    equal = forecaster.compare(X, **options)
    np.testing.assert_allclose(equal["mse"], equal.per_series["mse"].mean(), rtol=1e-9)
    np.testing.assert_allclose(equal["mase"], equal.per_series["mase"].mean(), rtol=1e-9)
    windows = forecaster.compare(X, series_weight="windows", **options)
    counts = pd.Series({name: length - CONTEXT - HORIZON + 1 for name, length in LENGTHS.items()})
    expected = windows.per_series["mse"].mul(counts, axis=0).sum() / counts.sum()
    np.testing.assert_allclose(windows["mse"], expected, rtol=1e-9)
    only = forecaster.compare(X, series_weight={"long": 0, "middle": 1, "short": 0}, **options)
    np.testing.assert_allclose(only["mse"], only.per_series["mse"].loc["middle"], rtol=1e-9)


@pytest.mark.parametrize(
    ("series_weight", "message"),
    [
        ("length", r"must be one of 'windows', 'equal', or a dict .*got 'length'"),
        ({"long": -1, "middle": 1, "short": 1}, r"at least 0 for each series; got -1 for series 'long'"),
        ({"long": 1}, r"has no weight for series 'middle' and 1 more: name every series"),
        ({"long": 0, "middle": 0, "short": 0}, r"is 0 for all 3 series"),
    ],
)
def test_weights_that_do_not_fit_are_refused(series_weight, message):
    with pytest.raises(ValueError, match=message):
        fit(series_weight)


@pytest.mark.parametrize(
    ("what", "changes", "lengths"),
    [
        ("training", {}, {"long": 60, "short": 9}),
        ("validation", {"validation_fraction": 0.1}, {"long": 60, "short": 20}),
    ],
)
def test_a_fit_none_of_whose_windows_counts_is_refused(what, changes, lengths):
    X = pd.concat({name: make_frame(length, 1) for name, length in lengths.items()}, names=["series", "time"])
    weight = {"long": 0, "short": 1}
    with pytest.raises(ValueError, match=f"series_weight of DistilledForecaster counts none of the .* {what} windows"):
        fit(weight, X, **changes)
    fit({"long": 1, "short": 1}, X, **changes)


def test_a_comparison_none_of_whose_windows_counts_is_refused():
    forecaster, X = fit("windows"), panel()
    test = pd.concat([X.loc[["long"]], X.loc[["short"]].iloc[:9]])
    with pytest.raises(ValueError, match="series_weight of compare counts none of the 70 test windows"):
        forecaster.compare(test, series_weight={"long": 0, "short": 1})
    forecaster.compare(test, series_weight={"long": 1, "short": 0}, n_resamples=2)
