"""TiDE, TimeXer and TFT: what each reads of covariates, and its parts against their formulas."""

import numpy as np
import pytest
import torch

from skdistill.core import NetworkSpec
from skdistill.networks import TFT, TiDE, TimeXer
from skdistill.networks._covariates import covariate_rows
from skdistill.networks._gated import GatedResidual, InterpretableAttention, VariableSelection

NETWORKS = {
    "tide": TiDE(8, temporal_size=6, dropout=0.0),
    "timexer": TimeXer(8, n_heads=2, patch_size=5, dropout=0.0),
    "tft": TFT(6, n_heads=2, dropout=0.0),
}
LENGTH, HORIZON = 12, 4


def build(name, *, targets=(0,), known=(1, 3), n_time_features=2, **settings):
    """A network of five channels, and inputs for three windows."""
    network = NETWORKS[name]
    n_static = 2 if network.reads_static else 0
    settings = {"n_static": n_static, "n_time_features": n_time_features, **settings}
    spec = NetworkSpec(LENGTH, HORIZON, 5, targets, known=known, **settings)
    torch.manual_seed(0)
    module = network.build(spec).double()
    inputs = {"context": torch.randn(3, LENGTH, 5), "future": torch.randn(3, HORIZON, len(known))}
    if n_time_features:
        inputs["context_time"] = torch.randn(3, LENGTH, n_time_features)
        inputs["decoder_time"] = torch.randn(3, HORIZON, n_time_features)
    if spec.n_static:
        inputs["static"] = torch.randn(3, spec.n_static)
    return module, {key: value.double() for key, value in inputs.items()}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("targets", [(0,), (4, 0)])
def test_shapes_and_gradients(name, targets):
    module, inputs = build(name, targets=targets)
    output = module(**inputs)
    assert output.forecast.shape == (3, HORIZON, len(targets))
    assert output.features.shape[:2] == (3, len(targets))
    output.forecast.square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in module.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_everything_declared_is_read(name):
    module, inputs = build(name)
    before = module.eval()(**inputs).forecast
    flips = [("context", 0), ("context", 1), ("context", 2), ("future", 0), ("future", 1)]
    flips += [("context_time", 0), ("decoder_time", 1)] + [("static", 1)] * ("static" in inputs)
    for key, channel in flips:
        changed = inputs[key].clone()
        changed[..., channel] = changed[..., channel].flip(-1) if key != "static" else -changed[..., channel]
        after = module(**{**inputs, key: changed}).forecast
        assert not torch.allclose(before, after, atol=1e-9), (key, channel)


@pytest.mark.parametrize("name", NETWORKS)
def test_declarations(name):
    network = NETWORKS[name]
    assert network.reads_past
    assert network.reads_known
    assert network.reads_static == (name != "timexer")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_window_reads_nothing_of_the_others(name):
    module, inputs = build(name, targets=(4, 0))
    together = module.eval()(**inputs).forecast
    for window in range(3):
        alone = module(**{key: value[window : window + 1] for key, value in inputs.items()}).forecast[0]
        torch.testing.assert_close(alone, together[window], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_targets_share_weights_and_read_each_other_only_where_that_is_the_method(name):
    module, inputs = build(name, targets=(4, 0))
    before = module.eval()(**inputs).forecast
    changed = inputs["context"].clone()
    changed[..., 0] = changed[..., 0].flip(-1)
    after = module(**{**inputs, "context": changed}).forecast
    assert torch.equal(before[..., 0], after[..., 0]) == (name != "timexer")
    swapped, other = build(name, targets=(0, 4))
    swapped.load_state_dict(module.state_dict())
    torch.testing.assert_close(swapped.eval()(**inputs).forecast, before.flip(-1))
    del other


@pytest.mark.parametrize("name", ["tide", "timexer"])
def test_forecasts_follow_the_level_and_unit_of_the_targets(name):
    module, inputs = build(name)
    before = module.eval()(**inputs).forecast
    moved = inputs["context"].clone()
    moved[..., 0] = 10 * moved[..., 0] + 100
    after = module(**{**inputs, "context": moved}).forecast
    torch.testing.assert_close(after, 10 * before + 100, rtol=1e-4, atol=1e-4)


def test_timexer_standardizes_covariates_by_their_context():
    module, inputs = build("timexer")
    before = module.eval()(**inputs).forecast
    context, future = inputs["context"].clone(), inputs["future"].clone()
    context[..., [1, 2, 3]] = 10 * context[..., [1, 2, 3]] + 100
    after = module(**{**inputs, "context": context, "future": 10 * future + 100}).forecast
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


def test_the_last_block_of_tide_reads_the_covariates_of_its_own_step():
    module, inputs = build("tide", n_time_features=0)
    for layer in module.encoder[0].hidden, module.encoder[0].skip:  # cut the way through the encoder
        torch.nn.init.zeros_(layer.weight)
    before = module.eval()(**inputs).forecast
    changed = inputs["future"].clone()
    changed[:, 2] += 1.0
    moved = (module(**{**inputs, "future": changed}).forecast - before).abs().amax(dim=(0, 2))
    assert (moved > 1e-9).tolist() == [False, False, True, False]


def test_tft_lets_no_step_read_a_later_one():
    module, inputs = build("tft")
    before = module.eval()(**inputs).forecast
    changed = inputs["future"].clone()
    changed[:, 2] += 1.0
    moved = (module(**{**inputs, "future": changed}).forecast - before).abs().amax(dim=(0, 2))
    assert (moved > 1e-12).tolist() == [False, False, True, True]


@pytest.mark.parametrize("name", NETWORKS)
def test_without_its_calendar_a_network_forecasts_still(name):
    module, inputs = build(name)
    plain = {key: value for key, value in inputs.items() if not key.endswith("time")}
    assert torch.isfinite(module.eval()(**plain).forecast).all()


def test_rows_of_covariates():
    context, future = torch.zeros(1, 2, 1), torch.ones(1, 1, 1)
    time, ahead = torch.full((1, 2, 1), 5.0), torch.tensor([[[6.0], [7.0]]])  # a label row comes first
    rows = covariate_rows(context, future, time, ahead, 1, 1)
    assert rows.tolist() == [[[0.0, 5.0], [0.0, 5.0], [1.0, 7.0]]]


def test_a_gated_residual_is_its_formula():
    torch.manual_seed(0)
    layer = GatedResidual(3, 4, 0.0, n_outputs=2, n_context=5).double()
    values, context = torch.randn(6, 3).double(), torch.randn(6, 5).double()
    w = {key: value.detach().numpy() for key, value in layer.state_dict().items()}
    a, c = values.numpy(), context.numpy()
    inner = a @ w["read.weight"].T + w["read.bias"] + c @ w["read_context.weight"].T
    inner = np.where(inner > 0, inner, np.expm1(inner)) @ w["hidden.weight"].T + w["hidden.bias"]
    both = inner @ w["gate.gate.weight"].T + w["gate.gate.bias"]
    total = a @ w["skip.weight"].T + w["skip.bias"] + both[:, :2] / (1 + np.exp(-both[:, 2:]))
    centered = total - total.mean(axis=1, keepdims=True)
    expected = centered / np.sqrt((centered**2).mean(axis=1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(layer(values, context).detach().numpy(), expected, rtol=1e-10)


def test_selected_variables_are_a_weighted_mean():
    torch.manual_seed(0)
    layer = VariableSelection(3, 4, 0.0)
    values = torch.randn(5, 7, 3)
    chosen = layer(values)
    parts = torch.stack(
        [
            transform(values[..., k, None] * layer.scale[k] + layer.shift[k])
            for k, transform in enumerate(layer.transform)
        ]
    )
    assert chosen.shape == (5, 7, 4)
    assert (chosen <= parts.amax(dim=0) + 1e-6).all()
    assert (chosen >= parts.amin(dim=0) - 1e-6).all()


def test_attention_is_the_mean_of_its_heads():
    torch.manual_seed(0)
    layer, rows = InterpretableAttention(6, 2, 0.0).double(), torch.randn(1, 5, 6).double()
    query, key = (one(rows)[0].detach().numpy() for one in (layer.query, layer.key))
    value = layer.value(rows)[0].detach().numpy()
    weights = []
    for head in (slice(0, 3), slice(3, 6)):
        scores = query[:, head] @ key[:, head].T / np.sqrt(3)
        scores[np.triu_indices(5, 1)] = -np.inf
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights.append(powers / powers.sum(axis=1, keepdims=True))
    expected = np.mean(weights, axis=0) @ value @ layer.output.weight.detach().numpy().T
    np.testing.assert_allclose(layer(rows, 2)[0].detach().numpy(), expected[-2:], rtol=1e-10)
