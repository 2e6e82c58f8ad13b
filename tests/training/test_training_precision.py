"""Training in bfloat16: the network's products alone, and only where that is asked for."""

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series
from torch import nn

from skdistill.core import NetworkSpec
from skdistill.losses import Supervised
from skdistill.networks import MLP, TimesNet
from skdistill.training._precision import in_float32

NO_LABELS = {"teacher": None, "student": MLP(4, kernel_size=5), "loss": Supervised()}


@pytest.fixture
def seen(monkeypatch):
    """Types of what linear layers return, in training and else."""
    types = {True: set(), False: set()}
    forward = nn.Linear.forward

    def watched(self, values):
        result = forward(self, values)
        types[self.training].add(result.dtype)
        return result

    monkeypatch.setattr(nn.Linear, "forward", watched)
    return types


@pytest.mark.filterwarnings("ignore:training_precision:UserWarning")  # a processor without bfloat16 imitates it
def test_bfloat16_is_for_the_products_of_training_alone(seen):
    series = make_series()
    fitted = make_forecaster(**NO_LABELS, training_precision="bfloat16").fit(series)
    assert seen == {True: {torch.bfloat16}, False: {torch.float32}}
    assert {one.dtype for one in fitted.student_.parameters()} == {torch.float32}
    plain = make_forecaster(**NO_LABELS).fit(series)
    assert seen[True] == {torch.bfloat16, torch.float32}
    losses = [[epoch["valid_loss"] for epoch in one.history_] for one in (fitted, plain)]
    assert losses[0] != losses[1]
    np.testing.assert_allclose(*losses, rtol=0.02)


def test_the_loss_reads_float32_in_every_part_of_an_output():
    half = torch.ones(2, dtype=torch.bfloat16)
    output = in_float32({"a": [half, (half, None)], "b": half.int()})
    assert output["a"][0].dtype == output["a"][1][0].dtype == torch.float32
    assert output["a"][1][1] is None
    assert output["b"].dtype == torch.int32


def test_a_network_that_mixes_spectra_and_products_runs_under_autocast():
    module = TimesNet(hidden_size=4, feedforward_size=4, n_kernels=2).build(NetworkSpec(12, 4, 2)).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert module(torch.randn(3, 12, 2)).forecast.shape == (3, 4, 2)


def test_where_it_has_no_effect_or_no_sense_that_is_said(monkeypatch):
    with pytest.warns(UserWarning, match="training_precision='bfloat16' .*no effect: the student is solved exactly"):
        make_forecaster(teacher=None, student="linear", training_precision="bfloat16").fit(make_series())
    with pytest.raises(ValueError, match="training_precision of DistilledForecaster must be"):
        make_forecaster(**NO_LABELS, training_precision="float16").fit(make_series())
    monkeypatch.setattr("skdistill.training._precision._has_bfloat16", lambda device: False)
    with pytest.warns(UserWarning, match="saves no time here: the device 'cpu' has no bfloat16 arithmetic"):
        make_forecaster(**NO_LABELS, training_precision="bfloat16", max_epochs=1).fit(make_series())
