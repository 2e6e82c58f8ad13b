"""The contract every network keeps, whatever it computes."""

import copy
import pickle

import numpy as np
import pytest
import torch
from doubles import make_series
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from skdistill import DistilledForecaster
from skdistill.core import NETWORKS, NetworkSpec, make_network
from skdistill.networks import (
    MICN,
    MLP,
    TFT,
    Autoformer,
    DLinear,
    FEDformer,
    ITransformer,
    LightTS,
    Linear,
    ModernTCN,
    NLinear,
    PatchTST,
    TiDE,
    TimeMixer,
    TimesNet,
    TimeXer,
    TSMixer,
)
from skdistill.networks._layers import ReversibleNormalization, WindowStandardization, decompose, moving_average

SMALL = {
    "mlp": MLP(8, kernel_size=5),
    "mlp-deep": MLP(8, n_layers=3, batch_norm=False, decomposition=False, dropout=0.3),
    "mlp-revin": MLP(8, normalization="revin"),
    "mlp-plain": MLP(8, normalization=None, decomposition=False, batch_norm=False, dropout=0.3),
    "dlinear": DLinear(5),
    "dlinear-individual": DLinear(5, individual=True),
    "linear": Linear(season=4),
    "linear-individual": Linear("mean", individual=True, sparse_season=1),
    "itransformer": ITransformer(8, n_heads=2, n_layers=2),
    "itransformer-relu": ITransformer(8, n_heads=1, n_layers=1, feedforward_size=12, activation="relu"),
    "itransformer-plain": ITransformer(8, n_heads=2, n_layers=1, normalization=None),
    "itransformer-heads": ITransformer(8, n_heads=3, n_layers=1),
    "patchtst": PatchTST(8, n_layers=2, n_heads=2, patch_size=4, patch_stride=2),
    "patchtst-relu": PatchTST(6, n_layers=1, n_heads=1, patch_size=1, patch_stride=1, activation="relu"),
    "moderntcn": ModernTCN(6, large_kernel=5, small_kernel=3, feedforward_ratio=2, patch_size=4, patch_stride=2),
    "moderntcn-stages": ModernTCN(
        (4, 6, 5),
        n_layers=(1, 2, 1),
        large_kernel=(5, 3, 3),
        small_kernel=1,
        feedforward_ratio=1,
        patch_size=1,
        patch_stride=1,
        normalization="revin",
    ),
    "moderntcn-parts": ModernTCN(
        4,
        large_kernel=3,
        small_kernel=1,
        feedforward_ratio=1,
        patch_size=3,
        normalization=None,
        patch_stride=1,
        individual=True,
        decomposition=True,
    ),
    "moderntcn-last": ModernTCN(
        4, large_kernel=3, small_kernel=1, feedforward_ratio=1, patch_size=4, patch_stride=1, subtract_last=True
    ),
    "timesnet": TimesNet(6, n_periods=2, n_kernels=2),
    "timesnet-published": TimesNet(4, n_layers=1, n_periods=9, n_kernels=1, features="published"),
    "timesnet-window": TimesNet(4, n_layers=1, n_periods=2, n_kernels=2, periods_of="window"),
    "lightts": LightTS(8, chunk_size=3),
    "lightts-revin": LightTS(10, chunk_size=1, normalization="revin"),
    "nlinear": NLinear(),
    "nlinear-individual": NLinear(individual=True),
    "tsmixer": TSMixer(6),
    "timemixer": TimeMixer(6, n_scales=1),
    "timemixer-joint": TimeMixer(6, n_scales=1, channel_independent=False),
    "micn": MICN(6, conv_kernels=(3, 4)),
    "autoformer": Autoformer(6, label_length=1, factor=3.0),
    "fedformer": FEDformer(6, n_heads=2, label_length=1, n_modes=4),
    "tft": TFT(6, n_heads=2),
    "tft-standard": TFT(5, n_heads=2, normalization="standard"),
    "tide": TiDE(8, temporal_size=6),
    "tide-plain": TiDE(8, n_encoder_layers=1, n_decoder_layers=1, layer_norm=False, normalization=None),
    "timexer": TimeXer(8, n_heads=2, patch_size=3),
    "timexer-relu": TimeXer(6, n_layers=1, n_heads=1, feedforward_size=5, patch_size=1, activation="relu"),
}
# Networks that need as many rows as their patch or chunk has.
SHORTEST = {"patchtst": 4, "moderntcn": 4, "moderntcn-last": 4, "moderntcn-parts": 3, "lightts": 3, "timexer": 3}
# Networks in which channels read each other, and so the past covariates; all of them are in the weights.
MIXING = (
    "autoformer",
    "fedformer",
    "itransformer",
    "lightts",
    "micn",
    "moderntcn",
    "timemixer-joint",
    "timesnet",
    "timexer",
    "tsmixer",
)
# Networks that read past covariates by weights of their own, one channel at a time.
READING = ("dlinear", "nlinear", "tft", "tide")


def build(name, context=10, horizon=4, channels=3, targets=(), n_time_features=0):
    torch.manual_seed(0)
    return SMALL[name].build(NetworkSpec(context, horizon, channels, targets, n_time_features))


def test_every_registered_network_is_in_the_contract():
    assert {type(network) for network in SMALL.values()} == set(NETWORKS.values())


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("channels", [1, 20])
@pytest.mark.parametrize("context", [1, 7, 10])
def test_shapes(name, channels, context):
    shortest = SHORTEST.get(name, 1)
    if context < shortest:
        with pytest.raises(ValueError, match=rf"context_length must be at least .*{shortest}.*; got {context}"):
            SMALL[name].check(NetworkSpec(context, 4, channels))
        return
    module = build(name, context=context, channels=channels)
    output = module(torch.randn(5, context, channels))
    assert output.forecast.shape == (5, 4, channels)
    if SMALL[name].has_features:
        assert output.features.shape[:2] == (5, channels)
    else:
        assert output.features is None


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("horizon", range(1, 9))
def test_every_short_horizon(name, horizon):
    assert build(name, horizon=horizon)(torch.randn(2, 10, 3)).forecast.shape == (2, horizon, 3)


@pytest.mark.parametrize("name", SMALL)
def test_targets_are_forecast_in_their_order(name):
    module = build(name, targets=(2, 0)).eval()
    output = module(torch.randn(5, 10, 3))
    assert output.forecast.shape == (5, 4, 2)
    if output.features is not None:
        assert output.features.shape[:2] == (5, 2)
    full = build(name).eval()
    if name.startswith(MIXING):
        full.load_state_dict(module.state_dict())
        context = torch.randn(5, 10, 3)
        torch.testing.assert_close(module(context).forecast, full(context).forecast[..., [2, 0]])


@pytest.mark.parametrize("name", SMALL)
def test_gradient_reaches_every_parameter(name):
    module = build(name)
    output = module(torch.randn(5, 10, 3))
    output.forecast.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in module.parameters())


@pytest.mark.parametrize("name", SMALL)
def test_a_forward_pass_in_evaluation_changes_nothing(name):
    module = build(name).eval()
    before = pickle.dumps(module)
    first = module(torch.randn(5, 10, 3))
    module(torch.randn(2, 10, 3))
    assert pickle.dumps(module) == before
    assert torch.isfinite(first.forecast).all()


@pytest.mark.parametrize("name", SMALL)
def test_modules_survive_pickle_and_copy(name):
    module, context = build(name).eval(), torch.randn(5, 10, 3)
    for twin in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        assert torch.equal(twin(context).forecast, module(context).forecast)


@pytest.mark.parametrize("name", SMALL)
def test_dropout_acts_in_training_only(name):
    if "dropout" not in SMALL[name].get_params():
        return
    torch.manual_seed(0)
    network = clone(SMALL[name]).set_params(dropout=0.5)
    module, context = network.build(NetworkSpec(10, 4, 3)), torch.randn(5, 10, 3)
    assert not torch.equal(module(context).forecast, module(context).forecast)
    module.eval()
    assert torch.equal(module(context).forecast, module(context).forecast)


@pytest.mark.parametrize("name", SMALL)
def test_only_networks_that_mix_channels_read_the_covariates(name):
    module, context = build(name, targets=(2, 0)).eval(), torch.randn(5, 10, 3)
    for parameter in module.parameters():  # some mix channels by weights that start as zeros
        parameter.data += 0.1 * torch.randn_like(parameter)
    other = context.clone()
    other[..., 1] = torch.randn(5, 10)
    same = torch.equal(module(context).forecast, module(other).forecast)
    assert same != SMALL[name].reads_past


@pytest.mark.parametrize("name", SMALL)
def test_memory_layout_of_the_context_does_not_matter(name):
    module, context = build(name).eval(), torch.randn(5, 3, 10).transpose(1, 2)
    torch.testing.assert_close(module(context.contiguous()).forecast, module(context).forecast)


@pytest.mark.parametrize("name", SMALL)
def test_permuted_batch_gives_permuted_forecasts(name):
    module = build(name).eval()
    context, order = torch.randn(6, 10, 3), torch.tensor([3, 1, 5, 0, 4, 2])
    torch.testing.assert_close(module(context[order]).forecast, module(context).forecast[order])


@pytest.mark.parametrize("name", SMALL)
def test_a_forecast_does_not_depend_on_its_neighbors(name):
    module, generator = build(name).eval().double(), torch.Generator().manual_seed(1)
    # Windows of unlike periods and sizes, so that whatever is averaged over the batch moves.
    waves = torch.stack([(k + 1.0) * torch.sin(2 * np.pi * torch.arange(10.0) / (k + 2)) for k in range(6)])
    context = (waves[..., None] + 0.1 * torch.randn(6, 10, 3, generator=generator)).double()
    together = module(context).forecast
    for window in range(6):
        alone = module(context[window : window + 1]).forecast[0]
        torch.testing.assert_close(alone, together[window], rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_backtest_says_what_predict_says_with_default_settings(name):
    series, length = make_series(110), 48
    forecaster = DistilledForecaster(
        None, name, "response", context_length=length, prediction_length=6, max_epochs=1, random_state=0, device="cpu"
    ).fit(series)
    rolled = forecaster.backtest(series[:60])
    single = np.stack([forecaster.predict(series[: length + k]) for k in range(len(rolled))])
    largest = np.abs(single).max()  # after one epoch some forecast hundreds of standard deviations, in float32
    np.testing.assert_allclose(rolled / largest, single / largest, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_parameter_objects_survive_clone_and_pickle(name):
    network = SMALL[name]
    assert repr(clone(network)) == repr(network)
    assert pickle.loads(pickle.dumps(network)).get_params() == network.get_params()


@pytest.mark.parametrize("name", SMALL)
def test_same_seed_gives_the_same_weights(name):
    a, b = build(name).state_dict(), build(name).state_dict()
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("name", ["mlp", "mlp-revin", "itransformer"])
def test_a_shifted_window_gives_a_shifted_forecast(name):
    module = build(name).eval().double()
    context = torch.randn(4, 10, 3, dtype=torch.float64)
    torch.testing.assert_close(module(context + 5.0).forecast, module(context).forecast + 5.0)


def test_calendar_features_join_the_itransformer_and_may_be_left_out():
    module = build("itransformer", n_time_features=4).eval()
    context, time = torch.randn(2, 10, 3), torch.randn(2, 10, 4)
    output = module(context, context_time=time)
    assert output.features.shape == (2, 3, 8)
    assert not torch.allclose(output.forecast, module(context, context_time=time + 1).forecast)
    plain = build("itransformer").eval()
    plain.load_state_dict(module.state_dict(), strict=False)
    assert torch.equal(module(context).forecast, plain(context).forecast)


def test_itransformer_is_blind_to_the_order_of_the_other_channels():
    module = build("itransformer").eval()
    context = torch.randn(2, 10, 3)
    swapped = module(context[..., [0, 2, 1]]).forecast
    torch.testing.assert_close(swapped[..., [0, 2, 1]], module(context).forecast)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_only_batch_norm_ties_the_windows_of_a_training_batch(batch_norm):
    module = MLP(8, batch_norm=batch_norm).build(NetworkSpec(10, 4, 3))
    context = torch.randn(6, 10, 3)
    alone, together = module(context[:2]).forecast, module(context).forecast[:2]
    assert torch.allclose(alone, together, atol=1e-6) != batch_norm


def test_activation_of_the_itransformer_acts():
    gelu, relu = (ITransformer(8, n_heads=2, activation=name).build(NetworkSpec(10, 4, 3)) for name in ("gelu", "relu"))
    relu.load_state_dict(gelu.state_dict())
    context = torch.randn(2, 10, 3)
    assert not torch.allclose(gelu.eval()(context).forecast, relu.eval()(context).forecast, atol=1e-3)
    inner = torch.tensor([-1.0, 2.0])
    assert relu.layers[0].activation(inner).tolist() == [0.0, 2.0]


@given(st.integers(1, 30), st.integers(1, 70))
def test_moving_average_is_the_mean_of_the_replicated_window(length, kernel):
    series = np.random.default_rng(length).normal(size=length)
    steps = np.arange(kernel) - kernel // 2
    expected = [series[np.clip(step + steps, 0, length - 1)].mean() for step in range(length)]
    average = moving_average(torch.from_numpy(series).expand(2, 3, length), kernel)
    np.testing.assert_allclose(average.numpy(), np.broadcast_to(expected, (2, 3, length)), rtol=0, atol=1e-12)


def test_gradient_passes_the_moving_average_and_the_normalizations():
    for layer in (
        lambda values: moving_average(values, 4),
        lambda values: WindowStandardization()(values - values.mean(dim=-1, keepdim=True))[0],
    ):
        assert torch.autograd.gradcheck(layer, torch.randn(2, 2, 6, dtype=torch.float64, requires_grad=True))


@given(st.integers(1, 30), st.integers(1, 40))
def test_trend_and_rest_add_up_at_any_length_and_kernel(length, kernel):
    values = torch.from_numpy(np.random.default_rng(length).normal(size=(2, 3, length)))
    seasonal, trend = decompose(values, kernel)
    assert trend.shape == values.shape
    torch.testing.assert_close(seasonal + trend, values)


@given(st.integers(1, 12))
def test_trend_of_a_line_is_the_line_away_from_the_ends(half):
    kernel = 2 * half + 1
    line = torch.arange(40.0, dtype=torch.float64).reshape(1, 1, -1)
    trend = decompose(line, kernel)[1]
    torch.testing.assert_close(trend[..., half : 40 - half], line[..., half : 40 - half])
    torch.testing.assert_close(decompose(torch.full((1, 1, 9), 3.0), kernel)[1], torch.full((1, 1, 9), 3.0))


@pytest.mark.parametrize("normalization", [WindowStandardization(), ReversibleNormalization(3)])
def test_normalizations_undo_what_they_did(normalization):
    values = torch.randn(4, 3, 50) * 7 + 2
    normalized, state = normalization(values)
    torch.testing.assert_close(normalized.mean(dim=-1), torch.zeros(4, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(normalized.std(dim=-1, unbiased=False), torch.ones(4, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(normalization.undo(normalized, state), values, rtol=1e-4, atol=1e-4)


def test_individual_dlinear_is_one_shared_dlinear_a_channel():
    torch.manual_seed(0)
    individual = DLinear(5, individual=True).build(NetworkSpec(10, 4, 2))
    shared = DLinear(5).build(NetworkSpec(10, 4, 1))
    context = torch.randn(3, 10, 2)
    for channel in range(2):
        weights = {
            f"{part}.{name}": getattr(getattr(individual, part), name)[channel]
            for part in ("seasonal", "trend")
            for name in ("weight", "bias")
        }
        shared.load_state_dict(weights)
        expected = shared(context[..., [channel]]).forecast[..., 0]
        torch.testing.assert_close(individual(context).forecast[..., channel], expected)


@pytest.mark.parametrize("normalization", [WindowStandardization(), ReversibleNormalization(3)])
def test_a_flat_window_is_normalized_to_zeros(normalization):
    values = torch.full((2, 3, 20), 7.0)
    normalized, state = normalization(values)
    torch.testing.assert_close(normalized, torch.zeros(2, 3, 20))
    torch.testing.assert_close(normalization.undo(normalized, state), values)


def test_reversible_normalization_guards_a_learned_scale_of_zero():
    normalization = ReversibleNormalization(1)
    torch.nn.init.zeros_(normalization.weight)
    state = torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    assert normalization.undo(torch.full((1, 1, 2), 1e-10), state).ravel().tolist() == pytest.approx([1.0, 1.0])


BAD_HYPERPARAMETERS = [
    (MLP(0), ValueError, r"hidden_size of MLP must be an integer of at least 1; got 0\."),
    (MLP(8, n_layers=0), ValueError, r"n_layers of MLP must be an integer of at least 1; got 0\."),
    (MLP(8.0), TypeError, r"hidden_size of MLP must be an integer .*; got 8\.0 of type float"),
    (MLP(True), TypeError, r"hidden_size of MLP .*; got True of type bool"),
    (MLP(normalization="mena"), ValueError, r"normalization of MLP .*; got 'mena'\. Did you mean 'mean'\?"),
    (MLP(decomposition=None), TypeError, r"decomposition of MLP must be True or False; got None"),
    (MLP(kernel_size=0), ValueError, r"kernel_size of MLP .*; got 0"),
    (MLP(batch_norm="no"), TypeError, r"batch_norm of MLP must be True or False; got 'no'"),
    (MLP(dropout=1.0), ValueError, r"dropout of MLP must be a number in \[0, 1\); got 1\.0"),
    (MLP(dropout=float("nan")), ValueError, r"dropout of MLP .*; got nan"),
    (DLinear(-3), ValueError, r"kernel_size of DLinear .*; got -3"),
    (DLinear(individual=2), TypeError, r"individual of DLinear must be True or False; got 2"),
    (ITransformer(0), ValueError, r"hidden_size of ITransformer .*; got 0"),
    (ITransformer(n_layers=0), ValueError, r"n_layers of ITransformer .*; got 0"),
    (ITransformer(n_heads=0), ValueError, r"n_heads of ITransformer .*; got 0"),
    (ITransformer(3, n_heads=4), ValueError, r"n_heads of ITransformer must be at most hidden_size = 3; got 4"),
    (ITransformer(feedforward_size=0), ValueError, r"feedforward_size of ITransformer .*; got 0"),
    (ITransformer(dropout=-0.1), ValueError, r"dropout of ITransformer .*; got -0\.1"),
    (ITransformer(activation="gleu"), ValueError, r"activation of ITransformer .* Did you mean 'gelu'\?"),
    (ITransformer(time_features="yes"), ValueError, r"time_features of ITransformer .*; got 'yes'"),
    (ITransformer(normalization="mean"), ValueError, r"normalization of ITransformer .*; got 'mean'"),
    (PatchTST(0), ValueError, r"hidden_size of PatchTST .*; got 0"),
    (PatchTST(10), ValueError, r"n_heads of PatchTST must be at most hidden_size = 10; got 16"),
    (PatchTST(), ValueError, r"context_length must be at least patch_size = 16 of PatchTST; got 10\. Lengthen"),
    (PatchTST(patch_stride=0), ValueError, r"patch_stride of PatchTST .*; got 0"),
    (PatchTST(feedforward_size=0), ValueError, r"feedforward_size of PatchTST .*; got 0"),
    (PatchTST(dropout=1), ValueError, r"dropout of PatchTST .*; got 1"),
    (PatchTST(activation="tanh"), ValueError, r"activation of PatchTST .*; got 'tanh'"),
    (ModernTCN(0), ValueError, r"hidden_size of ModernTCN .*; got 0"),
    (ModernTCN((4, 8), n_layers=(1, 1, 1)), ValueError, r"hidden_size of ModernTCN .* one number per stage: 3; got 2"),
    (ModernTCN(large_kernel=50), ValueError, r"large_kernel of ModernTCN must be odd.*; got 50"),
    (ModernTCN(patch_stride=9), ValueError, r"patch_stride of ModernTCN must be at most patch_size = 8.*; got 9"),
    (ModernTCN(patch_size=11), ValueError, r"context_length must be at least patch_size = 11 of ModernTCN; got 10"),
    (ModernTCN((4, 4), downsample_ratio=5), ValueError, r"leaves a stage of ModernTCN 2 steps, too few for .* = 5"),
    (ModernTCN(head_dropout=1.0), ValueError, r"head_dropout of ModernTCN .*; got 1"),
    (ModernTCN(normalization="mean"), ValueError, r"normalization of ModernTCN .*; got 'mean'"),
    (ModernTCN(individual=1), TypeError, r"individual of ModernTCN must be True or False; got 1"),
    (ModernTCN(decomposition=None), TypeError, r"decomposition of ModernTCN must be True or False; got None"),
    (TimesNet(n_periods=0), ValueError, r"n_periods of TimesNet .*; got 0"),
    (TimesNet(periods_of="windows"), ValueError, r"periods_of of TimesNet .*Did you mean 'window'"),
    (TimesNet(n_kernels=0), ValueError, r"n_kernels of TimesNet .*; got 0"),
    (TimesNet(feedforward_size=0), ValueError, r"feedforward_size of TimesNet .*; got 0"),
    (TimesNet(time_features=1), ValueError, r"time_features of TimesNet .*; got 1"),
    (TimesNet(features="last"), ValueError, r"features of TimesNet .*; got 'last'"),
    (LightTS(6), ValueError, r"hidden_size of LightTS .* at least 8; got 6"),
    (LightTS(9), ValueError, r"hidden_size of LightTS must be even; got 9"),
    (LightTS(chunk_size=0), ValueError, r"chunk_size of LightTS .*; got 0"),
    (LightTS(normalization="standard"), ValueError, r"normalization of LightTS .*; got 'standard'"),
    (TiDE(decoder_size=0), ValueError, r"decoder_size of TiDE .*; got 0"),
    (TiDE(layer_norm=None), TypeError, r"layer_norm of TiDE must be True or False; got None"),
    (TiDE(normalization="standard"), ValueError, r"normalization of TiDE .*; got 'standard'"),
    (TimeXer(3), ValueError, r"n_heads of TimeXer must be at most hidden_size = 3; got 8"),
    (TimeXer(), ValueError, r"context_length must be at least patch_size = 16 of TimeXer; got 10\. Lengthen"),
    (TimeXer(activation="tanh"), ValueError, r"activation of TimeXer .*; got 'tanh'"),
    (TFT(3), ValueError, r"n_heads of TFT must be at most hidden_size = 3; got 4"),
    (TFT(dropout=1), ValueError, r"dropout of TFT .*; got 1"),
    (TFT(time_features="yes"), ValueError, r"time_features of TFT .*; got 'yes'"),
    (NLinear(individual=None), TypeError, r"individual of NLinear must be True or False; got None"),
]


@pytest.mark.parametrize(("network", "error", "message"), BAD_HYPERPARAMETERS)
def test_bad_hyperparameters_stop_check_and_build(network, error, message):
    for stop in (network.check, network.build):
        with pytest.raises(error, match=message):
            stop(NetworkSpec(10, 4, 3))


def test_numbers_of_numpy_do_as_hyperparameters():
    eight, two, share = np.int64(8), np.int32(2), np.float32(0.1)
    for network in (
        MLP(eight, kernel_size=two, dropout=share, batch_norm=np.bool_(False)),
        DLinear(two, individual=np.bool_(True)),
        ITransformer(eight, n_layers=two, n_heads=two, feedforward_size=eight, dropout=share),
        PatchTST(eight, n_layers=two, n_heads=two, patch_size=eight, patch_stride=two, dropout=share),
        ModernTCN(eight, n_layers=two, large_kernel=np.int64(3), patch_size=eight, patch_stride=two, dropout=share),
        TimesNet(eight, n_layers=two, n_periods=two, n_kernels=two, dropout=share),
        LightTS(eight, chunk_size=two),
        NLinear(individual=np.bool_(True)),
    ):
        assert network.build(NetworkSpec(10, 4, 3))(torch.randn(2, 10, 3)).forecast.shape == (2, 4, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_names_stand_for_networks(name):
    assert type(make_network(name)) is NETWORKS[name]


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"network must be one of .*Did you mean 'dlinear'"):
        make_network("dlinar")
