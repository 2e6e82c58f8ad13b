"""PatchTST, ModernTCN, TimesNet, LightTS, NLinear: what each promises beyond the contract of all networks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import gelu, leaky_relu

from skdistill.core import NetworkSpec
from skdistill.networks import LightTS, Linear, ModernTCN, NLinear, PatchTST, TimesNet
from skdistill.networks._layers import WindowStandardization
from skdistill.networks._times_net import _Inception
from skdistill.networks._transformer import EncoderLayer


def build(network, context=10, horizon=4, channels=3, **changes):
    torch.manual_seed(0)
    return network.build(NetworkSpec(context, horizon, channels, **changes)).eval()


# -- PatchTST ------------------------------------------------------------------------------------


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20))
def test_patches_are_those_of_the_window_with_its_last_row_repeated(length, size, stride):
    if length < size or stride > size:
        return
    network = PatchTST(2, n_layers=1, n_heads=1, patch_size=size, patch_stride=stride)
    longer = np.r_[np.arange(length), [length - 1] * stride]
    patches = [longer[start : start + size] for start in range(0, len(longer) - size + 1, stride)]
    assert network.n_patches(length) == len(patches)
    module = build(network, context=length, channels=1)
    seen = []
    module.embedding.register_forward_hook(lambda layer, given, result: seen.append(given[0]))
    module.encode(torch.arange(float(length)).unsqueeze(0))
    np.testing.assert_array_equal(seen[0][0].numpy(), patches)


def test_forecast_of_patchtst_is_linear_in_its_features():
    module, context = build(PatchTST(6, n_heads=2, patch_size=4, patch_stride=3)), torch.randn(2, 10, 3)
    output = module(context)
    _, state = WindowStandardization()(context.transpose(1, 2))
    expected = WindowStandardization().undo(
        output.features @ module.projection.weight.T + module.projection.bias, state
    )
    torch.testing.assert_close(output.forecast.transpose(1, 2), expected)


def test_a_far_patch_reads_its_position():
    module = build(PatchTST(8, n_heads=2, n_layers=1, patch_size=2, patch_stride=2))
    tokens = module.encode(torch.zeros(1, 10))[0]  # every patch is the same
    assert not torch.allclose(tokens[0], tokens[3], atol=1e-3)


def test_heads_that_do_not_divide_the_width_are_narrower():
    torch.manual_seed(0)
    encoder = EncoderLayer(8, n_heads=3, feedforward_size=4, dropout=0.0, activation="gelu")
    tokens = torch.randn(2, 5, 8)
    query, key, value = encoder.query_key_value(tokens).split(6, dim=-1)  # three heads of width 8 // 3
    mixed = []
    for head in (slice(0, 2), slice(2, 4), slice(4, 6)):
        weights = (query[..., head] @ key[..., head].transpose(1, 2) / 2**0.5).softmax(dim=-1)
        mixed.append(weights @ value[..., head])
    expected = encoder.attention_norm(tokens + encoder.attention_output(torch.cat(mixed, dim=-1)))
    expected = encoder.feedforward_norm(expected + encoder.contract(gelu(encoder.expand(expected))))
    torch.testing.assert_close(encoder(tokens), expected)


# -- ModernTCN -----------------------------------------------------------------------------------


@pytest.mark.parametrize("context", [4, 7, 10, 33, 50, 97])
@pytest.mark.parametrize(
    ("size", "stride", "ratio", "stages"), [(4, 2, 2, 1), (4, 4, 2, 2), (3, 1, 3, 2), (2, 1, 2, 3)]
)
def test_steps_of_the_stages_at_any_length(context, size, stride, ratio, stages):
    network = ModernTCN(
        4,
        n_layers=(1,) * stages,
        large_kernel=3,
        small_kernel=1,
        patch_size=size,
        patch_stride=stride,
        feedforward_ratio=1,
    ).set_params(downsample_ratio=ratio)
    steps = network.n_steps(context)
    unread = context % stride > size - stride
    if unread or any(-one % ratio > one for one in steps[:-1]):
        with pytest.raises(ValueError, match="rows out of all patches" if unread else "too few for downsample_ratio"):
            network.check(NetworkSpec(context, 4, 3))
        return
    assert build(network, context=context)(torch.randn(2, context, 3)).features.shape == (2, 3, 4 * steps[-1])


@pytest.mark.parametrize("network", [PatchTST, ModernTCN])
@pytest.mark.parametrize("context", [12, 13, 17, 30])
@pytest.mark.parametrize(("size", "stride"), [(8, 4), (4, 4), (8, 6), (5, 3), (4, 6)])
def test_every_row_is_in_a_patch_or_an_error_says_that_it_is_not(network, context, size, stride):
    kernels = {"large_kernel": 3, "small_kernel": 3} if network is ModernTCN else {"n_heads": 1}
    network = network(4, n_layers=1, patch_size=size, patch_stride=stride, **kernels)
    unread = stride > size or ("large_kernel" in kernels and context % stride > size - stride)
    if unread:
        with pytest.raises(ValueError, match=r"rows out of all patches|rows are left out"):
            build(network, context=context, channels=1)
        return
    module = build(network, context=context, channels=1)
    rows, seen = torch.randn(1, context, 1, requires_grad=True), []
    first = next(one for one in module.modules() if type(one) in (torch.nn.Linear, torch.nn.Conv1d))
    first.register_forward_hook(lambda layer, given, result: seen.append(result))
    for part in module.modules():
        if isinstance(part, WindowStandardization):
            part.forward = lambda values: (values, (torch.zeros(1), torch.ones(1)))
    module(rows)
    (gradient,) = torch.autograd.grad(seen[0].square().sum(), rows)
    assert gradient.all()


def test_a_block_of_modern_tcn_follows_its_formula():
    module = build(ModernTCN(3, large_kernel=5, small_kernel=3, feedforward_ratio=2, patch_size=2, patch_stride=2))
    block, steps = module.seasonal.stages[0][0], torch.randn(2, 3, 3, 5)
    time = torch.zeros_like(steps)
    for channel in range(3):
        for unit in range(3):
            for layer in block.time:
                kernel = layer.conv.weight[3 * channel + unit, 0]
                reach = len(kernel) // 2
                padded = torch.nn.functional.pad(steps[:, channel, unit], (reach, reach))
                time[:, channel, unit] += torch.stack([padded[:, at : at + len(kernel)] @ kernel for at in range(5)], 1)
    scale = (1 + block.norm.eps) ** -0.5  # fresh BatchNorms in evaluation
    mixed = time * scale**2
    for axis, part in ((1, block.units), (2, block.channels)):
        out = torch.zeros_like(mixed)
        for group in range(3):
            values = mixed.select(axis, group)
            for layer, activation in ((part.expand, gelu), (part.contract, torch.Tensor.clone)):
                values = activation(torch.einsum("oi,bin->bon", layer.weight[group], values) + layer.bias[group])
            out.select(axis, group).copy_(values)
        mixed = out
    torch.testing.assert_close(block(steps), steps + mixed)


def test_decomposed_modern_tcn_adds_the_networks_of_its_parts():
    network = ModernTCN(4, large_kernel=3, small_kernel=1, patch_size=2, patch_stride=1, kernel_size=5)
    both = build(network.set_params(decomposition=True))
    one = build(network.set_params(decomposition=False))
    context = torch.randn(2, 10, 3)
    slow = torch.nn.functional.avg_pool1d(
        torch.nn.functional.pad(context.transpose(1, 2), (2, 2), mode="replicate"), 5, stride=1
    ).transpose(1, 2)
    total = torch.zeros(2, 4, 3)
    for branch, part in ((both.seasonal, context - slow), (both.trend, slow)):
        one.seasonal.load_state_dict(branch.state_dict())
        total += one(part).forecast
    torch.testing.assert_close(both(context).forecast, total)


def test_individual_head_of_modern_tcn_is_one_layer_a_channel():
    settings = {"large_kernel": 3, "small_kernel": 1, "patch_size": 2, "patch_stride": 1}
    individual, shared = build(ModernTCN(4, individual=True, **settings)), build(ModernTCN(4, **settings))
    weights, context = individual.state_dict(), torch.randn(2, 10, 3)
    for channel in range(3):
        for kind in ("weight", "bias"):
            weights[f"seasonal.projection.{kind}"] = individual.state_dict()[f"seasonal.projection.{kind}"][channel]
        shared.load_state_dict(weights)
        torch.testing.assert_close(individual(context).forecast[..., channel], shared(context).forecast[..., channel])


@pytest.mark.parametrize("detach", [True, False])
def test_gradient_through_the_scale_of_a_window_can_be_cut(detach):
    values = torch.randn(1, 1, 6, requires_grad=True)
    normalized, _ = WindowStandardization(detach_scale=detach)(values)
    (gradient,) = torch.autograd.grad(normalized[0, 0, 0], values)
    assert (gradient.count_nonzero() == 1) == detach


# -- TimesNet ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_kernels", [1, 2, 4])
def test_inception_is_the_mean_of_its_convolutions(n_kernels):
    layer, image = _Inception(3, 2, n_kernels), torch.randn(2, 3, 5, 7)
    for kernel in layer.kernels:
        kernel.bias.data.normal_()
    parts = [
        torch.nn.functional.conv2d(image, kernel.weight, kernel.bias, padding=reach)
        for reach, kernel in enumerate(layer.kernels)
    ]
    torch.testing.assert_close(layer(image), torch.stack(parts).mean(dim=0), atol=1e-5, rtol=1e-5)


def test_a_layer_of_times_net_folds_at_the_strongest_periods_of_the_batch():
    layer = build(TimesNet(2, n_periods=2, n_kernels=2)).layers[0]
    time = torch.arange(22)
    waves = torch.stack([torch.sin(2 * np.pi * 2 * time / 22), 0.5 * torch.cos(2 * np.pi * 5 * time / 22)], dim=-1)
    steps = torch.stack([waves, 2 * waves + 1])  # frequencies 2 and 5: periods 22 // 2 and 22 // 5
    amplitude = torch.fft.rfft(steps, dim=1).abs().mean(dim=-1)[:, [2, 5]]
    weights = amplitude.softmax(dim=1)
    expected = steps.clone()
    for number, period in enumerate((11, 4)):
        rows = -(-22 // period)
        padded = torch.zeros(2, rows * period, 2)
        padded[:, :22] = steps
        image = padded.reshape(2, rows, period, 2).permute(0, 3, 1, 2)
        folded = layer.contract(gelu(layer.expand(image))).permute(0, 2, 3, 1).reshape(2, -1, 2)[:, :22]
        expected += weights[:, number, None, None] * folded
    torch.testing.assert_close(layer(steps), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("owner", ["batch", "window"])
def test_frequencies_of_times_net_are_those_of_the_batch_in_training_alone_or_of_each_window(owner):
    network = TimesNet(4, n_periods=2, n_kernels=2, periods_of=owner, dropout=0.0)
    module, context = build(network, context=30).train(), torch.randn(2, 30, 3)
    context[1] = 50 * torch.sin(torch.arange(30.0) * 2 * np.pi / 3)[:, None] + torch.randn(30, 3)
    alone = torch.cat([module(context[[number]]).forecast for number in (0, 1)])
    assert torch.allclose(alone, module(context).forecast, atol=1e-4) == (owner == "window")
    torch.testing.assert_close(module.eval()(context).forecast, alone, atol=1e-4, rtol=1e-4)  # a batch of one is itself


def test_published_features_of_times_net_are_the_last_steps():
    whole, published = (build(TimesNet(4, n_kernels=2, features=one)) for one in ("whole", "published"))
    context = torch.randn(2, 10, 3)
    assert whole(context).features.shape == (2, 3, 14)
    assert torch.equal(published(context).features, whole(context).features[..., -4:])


def test_calendar_of_times_net_acts_and_may_be_left_out():
    module, context, time = (
        build(TimesNet(4, n_kernels=2), n_time_features=4),
        torch.randn(2, 10, 3),
        torch.rand(2, 10, 4),
    )
    assert not torch.allclose(module(context, time).forecast, module(context, -time).forecast)
    plain = build(TimesNet(4, n_kernels=2))
    plain.load_state_dict(module.state_dict(), strict=False)
    assert torch.equal(module(context).forecast, plain(context).forecast)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_times_net_takes_as_many_periods_as_there_are(length):
    module = build(TimesNet(4, n_periods=9, n_kernels=2), context=length, horizon=1)
    assert torch.isfinite(module(torch.randn(2, length, 3)).forecast).all()


# -- LightTS -------------------------------------------------------------------------------------


def exchange(block, nodes):
    """Apply a block to a list of nodes, each (n_windows, width)."""
    hidden = [block.contract(leaky_relu(block.expand(node))) for node in nodes]
    weight, bias = block.nodes.weight, block.nodes.bias
    mixed = [
        own + sum(weight[row, column] * other for column, other in enumerate(hidden)) + bias[row]
        for row, own in enumerate(hidden)
    ]
    return [block.output(node) for node in mixed]


@pytest.mark.parametrize("context", [12, 10])
def test_light_ts_samples_successive_and_spread_rows(context):
    module, windows = build(LightTS(8), context=context, channels=2), torch.randn(3, context, 2)
    longer = torch.cat([windows[:, :1].expand(-1, 12 - context, -1), windows], dim=1)
    vectors = []
    for channel in range(2):
        series = longer[..., channel]
        near = exchange(module.successive, [series[:, 4 * chunk : 4 * chunk + 4] for chunk in range(3)])
        far = exchange(module.spread, [series[:, chunk::3] for chunk in range(3)])
        parts = ((near, module.successive_weights), (far, module.spread_weights))
        vectors.append(torch.cat([weigh(torch.stack(nodes, dim=-1))[..., 0] for nodes, weigh in parts], dim=-1))
    forecasts = exchange(module.channels, vectors)
    expected = [forecasts[channel] + module.direct(longer[..., channel]) for channel in range(2)]
    output = module(windows)
    torch.testing.assert_close(output.features, torch.stack(vectors, dim=1))
    torch.testing.assert_close(output.forecast, torch.stack(expected, dim=-1))


@pytest.mark.parametrize(("chunk", "horizon", "shortest"), [(72, 5, 5), (6, 96, 6)])
def test_a_chunk_is_no_longer_than_the_horizon_and_must_fit(chunk, horizon, shortest):
    network = LightTS(8, chunk_size=chunk)
    network.check(NetworkSpec(shortest, horizon, 1))
    with pytest.raises(ValueError, match=rf"context_length must be at least {shortest}, .*; got {shortest - 1}\."):
        network.check(NetworkSpec(shortest - 1, horizon, 1))


# -- NLinear -------------------------------------------------------------------------------------


@pytest.mark.parametrize("individual", [True, False])
def test_nlinear_is_the_linear_network_shifted_by_the_last_row(individual):
    ours, twin = build(NLinear(individual=individual)), build(Linear("last", individual=individual))
    context = torch.randn(3, 10, 3)
    own = ours.state_dict()
    twin.load_state_dict({**twin.state_dict(), "weight": own["layer.weight"], "bias": own["layer.bias"]})
    torch.testing.assert_close(ours(context).forecast, twin(context).forecast)
