"""Modules of users, as teacher and student."""

import pickle

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series
from torch import nn

from skdistill.losses import TimeDistill
from skdistill.networks import NetworkSpec, OwnNetwork
from skdistill.teachers import PretrainedTeacher


class Perceptron(nn.Module):
    def __init__(self, spec, width=6, with_features=True, steps_off=0):
        super().__init__()
        self.hidden = nn.Linear(spec.context_length, width)
        self.output = nn.Linear(width, spec.prediction_length + steps_off)
        self.with_features = with_features

    def forward(self, context):
        hidden = self.hidden(context.transpose(1, 2))
        forecast = self.output(hidden.relu()).transpose(1, 2)
        return (forecast, hidden) if self.with_features else forecast


def test_teacher_and_student_with_features():
    series = make_series()
    forecaster = make_forecaster(
        teacher=OwnNetwork(Perceptron, {"width": 5}), student=OwnNetwork(Perceptron), loss=TimeDistill()
    ).fit(series)
    again = pickle.loads(pickle.dumps(forecaster))
    np.testing.assert_array_equal(again.predict(series), forecaster.predict(series))
    assert "train_features" in forecaster.history_[0]


def test_a_module_without_features_is_told_so_by_the_loss():
    student = OwnNetwork(Perceptron, {"with_features": False})
    make_forecaster(student=student, loss="response").fit(make_series())
    with pytest.raises(ValueError, match="features"):
        make_forecaster(teacher=OwnNetwork(Perceptron), student=student, loss=TimeDistill()).fit(make_series())


def test_weights_that_exist_make_a_teacher():
    series = make_series()
    network = OwnNetwork(Perceptron)
    torch.manual_seed(0)
    weights = network.build(NetworkSpec(12, 4, 2)).state_dict()
    forecaster = make_forecaster(teacher=PretrainedTeacher(network, weights)).fit(series)
    assert np.isfinite(forecaster.predict_teacher(series)).all()


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (OwnNetwork(nn.Linear(2, 2)), TypeError, "PretrainedTeacher"),
        (OwnNetwork(Perceptron, options=3), TypeError, "options of OwnNetwork"),
        (OwnNetwork(lambda spec: 3), TypeError, "must return a torch.nn.Module"),
        (OwnNetwork(Perceptron, {"steps_off": 1}), ValueError, r"= \(1, 4, 2\); it answered \(1, 5, 2\)"),
    ],
)
def test_what_is_no_network_stops_before_training(network, error, message):
    with pytest.raises(error, match=message):
        make_forecaster(student=network).fit(make_series())
