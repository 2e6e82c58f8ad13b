"""Checkpoints of the research code, loaded as ours, give the published forecasts, features and gradients."""

import json

import numpy as np
import pytest
import torch
from published import PARITY, load_published

from skdistill.interop import from_tslib

# what TimeDistill takes as a channel's feature, from the published tensors; of networks without features, nothing
FEATURES = {
    "Autoformer": None,  # ours are projected: test_tslib_conversion has the published ones
    "DLinear": None,
    "DMLP": lambda published: published["feature0"],
    "DMLP_nonorm": lambda published: published["feature0"],
    "DMLP_revin": lambda published: published["feature0"],
    "FEDformer": None,
    "LightTS": lambda published: published["feature0"],
    "Linear": None,
    "MICN": None,
    "MLP": lambda published: published["feature0"],
    "ModernTCN": lambda published: published["feature0"].reshape(4, 3, -1),
    "ModernTCN_2stage": lambda published: published["feature0"].reshape(4, 3, -1),
    "PatchTST": lambda published: published["feature2"].reshape(4, 3, -1),
    "TSMixer": lambda published: published["feature0"],
    "TimeMixer": lambda published: published["feature2"].swapaxes(1, 2),
    "TimesNet": lambda published: published["feature1"].swapaxes(1, 2),
    "iTransformer": lambda published: published["feature2"][:, :3],
}


def load(name):
    """Read a file of published numbers: everything in it, and the module that from_tslib makes of it."""
    published = load_published(f"model_{name}")
    weights = {key[2:]: torch.tensor(value) for key, value in published.items() if key.startswith("w/")}
    extra = json.loads(str(published["extra"])) if "extra" in published else None
    config = json.loads(str(published["config"]))
    module = from_tslib(name.split("_")[0], config, weights, extra=extra)
    return published, share_periods(module) if name == "TimesNet" else module


def share_periods(module):
    """Let TimesNet share periods over the batch, as published: here its layers do so in training alone."""
    module.layers.train()  # they have no dropout
    return module


def forecast(module, published):
    context = torch.tensor(published["x"], requires_grad=True)
    times = {"context_time": published["x_mark"], "decoder_time": published["x_dec_mark"]}
    output = module(context, **{name: torch.tensor(time) for name, time in times.items()})
    (output.forecast * torch.tensor(published["grad_probe"])).sum().backward()
    return output, context.grad


def relative_error(ours, theirs):
    return np.abs(ours.detach().numpy() - theirs).max() / np.abs(theirs).max()


@pytest.mark.parametrize("name", FEATURES)
def test_published_forecasts_features_and_gradients(name):
    published, module = load(name)
    output, gradient = forecast(module, published)
    assert not module.training
    assert relative_error(output.forecast, published["output"]) < 1e-5
    if "grad_x" in published:
        assert relative_error(gradient, published["grad_x"]) < 1e-4
    if FEATURES[name] is not None:
        assert relative_error(output.features, FEATURES[name](published)) < 1e-5


def test_every_published_network_is_compared():
    files = PARITY.glob("model_*.npz")
    assert {path.stem.removeprefix("model_") for path in files} == set(FEATURES)


@pytest.mark.parametrize("name", ["DMLP_revin", "MLP", "LightTS", "PatchTST", "TimesNet", "TSMixer", "iTransformer"])
def test_published_gradients_of_the_weights(name):
    published, module = load(name)
    forecast(module, published)
    ours = [parameter.grad.double().norm().item() for parameter in module.parameters()]
    np.testing.assert_allclose(np.linalg.norm(ours), np.linalg.norm(published["grad_param_norms"]), rtol=1e-4)


def test_published_features_of_the_times_net_are_its_last_steps():
    published, module = load("TimesNet")
    slices = module.network.set_params(features="published").build(module.spec).eval()
    slices.load_state_dict(module.state_dict())
    output, _ = forecast(share_periods(slices), published)
    assert relative_error(output.features, published["feature1"].swapaxes(1, 2)[..., -16:]) < 1e-5
