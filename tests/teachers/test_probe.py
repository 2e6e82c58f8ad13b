"""What is tried of a teacher before anything is trained: its shapes, and that a window is labeled alone."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from skdistill import DistilledForecaster, DistilledForecasterCV
from skdistill.core import BaseTeacher, Labels
from skdistill.networks import Linear
from skdistill.teachers import CrossFittedTeacher, EnsembleTeacher

SERIES = np.sin(np.arange(160) / 4)[:, None] + 0.1 * np.random.default_rng(0).normal(size=(160, 1))
SETTINGS = {"context_length": 12, "prediction_length": 4, "random_state": 0}


class LastRow(BaseTeacher):
    scale_free = True

    def __init__(self, n_steps=4):
        self.n_steps = n_steps

    def label(self, contexts):
        return Labels(self.level(contexts.values).repeat(1, self.n_steps, 1))

    def level(self, values):
        return values[:, -1:]


class LessMeanOfBatch(LastRow):
    def level(self, values):
        return values[:, -1:] - values.mean()


class Draws(LastRow):
    def level(self, values):
        return values[:, -1:] + torch.randn(values[:, -1:].shape)


class Repeats(BaseEstimator):
    """A forecaster of windows as others fit it; by choice with the units of its batch."""

    def __init__(self, of_batch=False):
        self.of_batch = of_batch

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.repeat(X[:, -1:] - (X.mean() if self.of_batch else 0.0), 4, axis=1)


class Learns(LastRow):
    """Learns a level in fit; by choice its labels are less the mean of their batch."""

    needs_training = True

    def __init__(self, of_batch=False):
        self.of_batch = of_batch

    def fit(self, windows, checkpoint=None):
        self.n_steps = windows.train.prediction_length
        return self

    def level(self, values):
        return values[:, -1:] - (values.mean() if self.of_batch else 0.0)


def fit(teacher):
    return DistilledForecaster(teacher, Linear(), "response", **SETTINGS).fit(SERIES)


@pytest.mark.parametrize(
    "teacher",
    [LessMeanOfBatch(), Learns(of_batch=True), FrozenEstimator(Repeats(of_batch=True).fit(None))],
    ids=["own", "trained", "frozen"],
)
def test_labels_that_depend_on_their_batch_are_told(teacher):
    with pytest.warns(UserWarning, match="gives a window another label beside other windows"):
        fit(teacher)
    with pytest.warns(UserWarning, match="another label beside other windows"):
        fit(EnsembleTeacher([("a", LastRow()), ("b", teacher)]))


def test_a_trained_teacher_in_folds_is_tried_too():
    with pytest.warns(UserWarning, match="gives a window another label beside other windows"):
        fit(CrossFittedTeacher(Learns(of_batch=True)))


@pytest.mark.parametrize(
    "teacher",
    [LastRow(), Learns(), CrossFittedTeacher(Learns()), Draws(), FrozenEstimator(Repeats().fit(None))],
    ids=["own", "trained", "in folds", "drawn", "frozen"],
)
def test_other_labels_are_not(teacher):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(teacher)


@pytest.mark.parametrize("n_steps", [1, 3, 6])
def test_another_number_of_steps_is_refused_in_ensembles_and_searches(n_steps):
    ensemble = EnsembleTeacher([("a", LastRow()), ("b", LastRow(n_steps))])
    with pytest.raises(
        ValueError, match=f"'b' of EnsembleTeacher forecasts {n_steps} steps, but prediction_length is 4"
    ):
        fit(ensemble)
    series = {"context_lengths": 12, "prediction_length": 4, "cv": 1, "students": ["linear"]}
    search = DistilledForecasterCV(teachers=[LastRow(n_steps)], **series)
    with pytest.raises(ValueError, match=f"LastRow forecasts {n_steps} steps, but prediction_length is 4"):
        search.fit(SERIES)
