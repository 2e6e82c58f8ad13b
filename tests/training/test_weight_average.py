"""The average of the weights: what it is, who judges it, and that it survives a kill."""

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series

from skdistill.networks import MLP, DLinear
from skdistill.training._weight_average import WeightAverage


def recorded_weights(monkeypatch):
    """Record the weights after every training batch."""
    seen = []
    original = WeightAverage.on_batch_end

    def recording(self, net, batch=None, training=False, **kwargs):
        if training:
            seen.append({name: value.detach().clone() for name, value in net.module_.state_dict().items()})
        return original(self, net, batch=batch, training=training, **kwargs)

    monkeypatch.setattr(WeightAverage, "on_batch_end", recording)
    return seen


@pytest.mark.parametrize("student", [DLinear(5), MLP(4, kernel_size=5)], ids=["plain", "BatchNorm"])
@pytest.mark.parametrize("validation_fraction", [0, 0.25])
def test_the_student_is_the_exponential_average(student, validation_fraction, monkeypatch):
    seen = recorded_weights(monkeypatch)
    settings = {"student": student, "validation_fraction": validation_fraction, "max_epochs": 1, "batch_size": 8}
    forecaster = make_forecaster(weight_averaging=0.7, **settings).fit(make_series())
    assert len(seen) > 5
    expected = dict(seen[0])
    for weights in seen[1:]:
        expected = {name: 0.7 * expected[name] + 0.3 * weights[name] for name in expected}
    for name, value in forecaster.student_.state_dict().items():
        if value.is_floating_point():  # BatchNorm's statistics are averaged like the weights
            torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_training_itself_is_that_without_an_average(monkeypatch):
    seen = recorded_weights(monkeypatch)
    settings = {"validation_fraction": 0, "max_epochs": 3, "lr_schedule": "constant"}
    make_forecaster(weight_averaging=0.9, **settings).fit(make_series())
    plain = make_forecaster(**settings).fit(make_series())
    for name, value in plain.student_.state_dict().items():
        assert torch.equal(value, seen[-1][name]), name


def test_training_goes_on_from_its_own_weights_after_a_validation_in_several_batches():
    settings = {"validation_fraction": 0.25, "max_epochs": 3, "lr_schedule": "constant", "batch_size": 8}
    losses = []
    for decay in (0.9, None):
        history = make_forecaster(weight_averaging=decay, **settings).fit(make_series()).history_
        losses.append([epoch["train_loss"] for epoch in history])
    assert losses[0] == losses[1]


def test_validation_judges_the_average_and_its_best_epoch_is_restored():
    series = make_series(200)
    settings = {"lr": 0.3, "lr_schedule": "constant", "max_epochs": 8, "weight_averaging": 0.8}
    forecaster = make_forecaster(**settings).fit(series)
    scores = [epoch["valid_loss"] for epoch in forecaster.history_]
    scaled = forecaster.scaling_.standardize(series)[150 - 12 :]
    windows = np.stack([scaled[start : start + 16] for start in range(len(scaled) - 15)])
    with torch.inference_mode():
        forecast = forecaster.student_(torch.from_numpy(windows[:, :12])).forecast
    mse = (forecast - torch.from_numpy(windows[:, 12:])).square().mean().item()
    assert mse == pytest.approx(min(scores), rel=1e-5)
    plain = make_forecaster(**{**settings, "weight_averaging": None}).fit(series)
    assert [epoch["valid_loss"] for epoch in plain.history_] != scores


def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    series = make_series(300)
    settings = {"weight_averaging": 0.9, "max_epochs": 6, "student": MLP(4, dropout=0.5), "lr_schedule": "constant"}
    expected = make_forecaster(**settings).fit(series)

    class KilledError(Exception):
        pass

    from skdistill.training import _checkpoint

    original, calls = _checkpoint.ResumableCheckpoint.on_epoch_end, []

    def killed(self, net, **kwargs):
        original(self, net, **kwargs)
        calls.append(1)
        if len(calls) == 3:
            raise KilledError

    monkeypatch.setattr(_checkpoint.ResumableCheckpoint, "on_epoch_end", killed)
    with pytest.raises(KilledError):
        make_forecaster(**settings, memory=tmp_path).fit(series)
    resumed = make_forecaster(**settings, memory=tmp_path).fit(series)
    assert len(calls) == 6
    np.testing.assert_array_equal(resumed.predict(series), expected.predict(series))
    assert [e["valid_loss"] for e in resumed.history_] == [e["valid_loss"] for e in expected.history_]


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.5, 2])
def test_a_decay_outside_its_range_is_refused_before_training(bad, monkeypatch):
    monkeypatch.setattr("skdistill._distillation.train_network", lambda *a, **k: pytest.fail("trained"))
    with pytest.raises(ValueError, match=r"weight_averaging of DistilledForecaster must be a number in \(0, 1\)"):
        make_forecaster(weight_averaging=bad).fit(make_series())
