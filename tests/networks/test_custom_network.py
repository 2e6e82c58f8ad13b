"""Modules of users, as teacher and student."""

import pickle

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series
from torch import nn

from skdistill.core import NetworkSpec, fuse_affine
from skdistill.losses import TimeDistill
from skdistill.networks import CustomNetwork, TimeMixer
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
        teacher=CustomNetwork(Perceptron, {"width": 5}), student=CustomNetwork(Perceptron), loss=TimeDistill()
    ).fit(series)
    again = pickle.loads(pickle.dumps(forecaster))
    np.testing.assert_array_equal(again.predict(series), forecaster.predict(series))
    assert "train_features" in forecaster.history_[0]


class HiddenLayers(nn.Module):
    def __init__(self, spec, frozen=False, kept=list):
        super().__init__()
        inner = nn.Linear(spec.context_length, 3).requires_grad_(not frozen)
        self.inner = [inner] if kept is list else {"first": inner}
        self.output = nn.Linear(3, spec.prediction_length)

    def forward(self, context):
        (inner,) = self.inner.values() if isinstance(self.inner, dict) else self.inner
        return self.output(inner(context.transpose(1, 2))).transpose(1, 2)


@pytest.mark.parametrize("kept", [list, dict])
def test_layers_that_torch_does_not_find_are_refused(kept):
    """They would be neither trained nor saved; frozen ones are kept so on purpose."""
    student = CustomNetwork(HiddenLayers, {"kept": kept})
    with pytest.raises(ValueError, match=rf"HiddenLayers keeps Linear in the {kept.__name__} 'inner'"):
        make_forecaster(teacher=None, student=student).fit(make_series())
    make_forecaster(teacher=None, student=student.set_params(options={"frozen": True, "kept": kept})).fit(make_series())


class AlwaysDropout(Perceptron):
    def forward(self, context):
        return super().forward(nn.functional.dropout(context, 0.5))


def test_a_module_that_forecasts_at_random_is_told():
    student = CustomNetwork(AlwaysDropout, {"with_features": False})
    with pytest.warns(UserWarning, match="AlwaysDropout forecasts the same window in two ways"):
        make_forecaster(teacher=None, student=student, max_epochs=1).fit(make_series())


class BatchMean(Perceptron):
    def forward(self, context):
        return super().forward(context - context.mean(dim=0, keepdim=True))


def test_a_network_to_which_the_first_window_is_another_is_told():
    student = TimeMixer(4, n_layers=1, n_scales=2, decomposition="first_window")
    with pytest.warns(UserWarning, match="forecasts a window otherwise when others are beside it"):
        make_forecaster(teacher=None, student=student, max_epochs=1).fit(make_series())


def test_a_module_that_reads_the_windows_beside_one_is_told():
    student = CustomNetwork(BatchMean, {"with_features": False})
    with pytest.warns(UserWarning, match="BatchMean forecasts a window otherwise when others are beside it"):
        fitted = make_forecaster(teacher=None, student=student, max_epochs=1).fit(make_series())
    teacher = PretrainedTeacher(student, fitted.student_.state_dict())
    with pytest.warns(UserWarning, match="BatchMean forecasts a window otherwise when others are beside it"):
        make_forecaster(teacher=teacher).fit(make_series())


def test_a_module_without_features_is_told_so_by_the_loss():
    student = CustomNetwork(Perceptron, {"with_features": False})
    make_forecaster(student=student, loss="response").fit(make_series())
    with pytest.raises(ValueError, match="features"):
        make_forecaster(teacher=CustomNetwork(Perceptron), student=student, loss=TimeDistill()).fit(make_series())


def test_weights_that_exist_make_a_teacher():
    series = make_series()
    network = CustomNetwork(Perceptron)
    torch.manual_seed(0)
    weights = network.build(NetworkSpec(12, 4, 2)).state_dict()
    forecaster = make_forecaster(teacher=PretrainedTeacher(network, weights)).fit(series)
    assert np.isfinite(forecaster.predict_teacher(series)).all()


class Wrapped(Perceptron):
    """Has a part of the name that CustomNetwork uses."""

    def __init__(self, spec):
        super().__init__(spec)
        self.module = nn.Linear(spec.context_length, spec.prediction_length)


@pytest.mark.parametrize("factory", [Perceptron, Wrapped])
def test_weights_go_by_the_names_of_the_module_or_of_the_network(factory, tmp_path):
    series, network, spec = make_series(), CustomNetwork(factory), NetworkSpec(12, 4, 2)
    built = network.build(spec)
    torch.save(built.module.state_dict(), tmp_path / "weights.pt")
    answers = [
        make_forecaster(teacher=PretrainedTeacher(network, weights)).fit(series).predict_teacher(series)
        for weights in (built.state_dict(), built.module.state_dict(), tmp_path / "weights.pt")
    ]
    np.testing.assert_array_equal(answers[1], answers[0])
    np.testing.assert_array_equal(answers[2], answers[0])


def test_weights_that_do_not_fit_are_named_as_in_the_module():
    weights = {f"{name}s": one for name, one in Perceptron(NetworkSpec(12, 4, 2)).state_dict().items()}
    with pytest.raises(ValueError, match=r"missing 'hidden\.weight'.*unexpected 'hidden\.weights'"):
        make_forecaster(teacher=PretrainedTeacher(CustomNetwork(Perceptron), weights)).fit(make_series())


class OneTooMany(nn.Module):
    """Forecasts one window more than it is asked for."""

    def __init__(self, spec):
        super().__init__()
        self.inner = Perceptron(spec, with_features=False)

    def forward(self, context):
        forecast = self.inner(context)
        return torch.cat([forecast, forecast[:1]])


@pytest.mark.slow
@pytest.mark.parametrize(("quantiles", "suffix"), [(None, ".pt2"), ([0.1, 0.9], ".pt2"), ([0.1, 0.9], ".onnx")])
def test_an_export_takes_any_number_of_windows(quantiles, suffix, tmp_path):
    if suffix == ".onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    student = CustomNetwork(Perceptron)
    forecaster = make_forecaster(teacher=None, student=student, quantiles=quantiles).fit(make_series())
    assert forecaster.export(tmp_path / f"student{suffix}").difference < 1e-5  # of batches of 1 and 5 windows


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (CustomNetwork(nn.Linear(2, 2)), TypeError, "PretrainedTeacher"),
        (CustomNetwork(Perceptron, options=3), TypeError, "options of CustomNetwork"),
        (CustomNetwork(lambda spec: 3), TypeError, "must return a torch.nn.Module"),
        (CustomNetwork(Perceptron, {"steps_off": 1}), ValueError, r"= \(1, 4, 2\); it returned \(1, 5, 2\)"),
        (CustomNetwork(OneTooMany), ValueError, r"= \(1, 4, 2\); it returned \(2, 4, 2\)"),
    ],
)
def test_what_is_no_network_stops_before_training(network, error, message):
    with pytest.raises(error, match=message):
        make_forecaster(student=network).fit(make_series())


class Plain(Perceptron):
    """Affine, and treats each channel separately."""

    def forward(self, context):
        return self.output(self.hidden(context.transpose(1, 2))).transpose(1, 2)


def test_the_one_line_that_fuses_your_own_network(tmp_path, monkeypatch):
    monkeypatch.setattr("skdistill.fused._registry._FUSERS", {Plain: fuse_affine, Perceptron: fuse_affine})
    forecaster = make_forecaster(student=CustomNetwork(Plain)).fit(make_series())
    assert forecaster.export(tmp_path / "plain.npz").difference < 1e-5
    bent = CustomNetwork(Perceptron, {"with_features": False})
    with pytest.warns(UserWarning, match="Perceptron is not fused"):
        make_forecaster(student=bent).fit(make_series()).predict(make_series())


def test_features_have_one_vector_for_each_target():
    class OneVector(Perceptron):
        def forward(self, context):
            forecast, hidden = super().forward(context)
            return forecast, hidden[:, :1]

    with pytest.raises(ValueError, match=r"\(n_windows, n_targets, D\).* OneVector returned \(1, 1, 6\)"):
        make_forecaster(student=CustomNetwork(OneVector)).fit(make_series())
