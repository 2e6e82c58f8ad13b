"""Networks that work along time: what each of them promises beyond the contract of all networks."""

import math
import pickle

import numpy as np
import pytest
import torch
from doubles import make_frame
from sklearn.base import clone

from skdistill import DistilledForecaster
from skdistill.core import NetworkSpec
from skdistill.networks import MICN, Autoformer, FEDformer, TimeMixer, TSMixer
from skdistill.networks._autoformer import _AutoCorrelation
from skdistill.networks._embedding import StepEmbedding, decoder_calendar, sinusoids
from skdistill.networks._fedformer import _FourierAttention, _FourierBlock
from skdistill.teachers import TrainedTeacher

SMALL = {
    "tsmixer": TSMixer(6),
    "tsmixer-plain": TSMixer(6, n_layers=1, normalization=None),
    "timemixer": TimeMixer(6, n_scales=2, kernel_size=5),
    "timemixer-joint": TimeMixer(6, n_scales=3, channel_independent=False, pooling="max", feedforward_size=7),
    "timemixer-one-scale": TimeMixer(6, n_layers=1, n_scales=1, normalization=None),
    "micn": MICN(6, conv_kernels=(3, 4)),
    "micn-deep": MICN(6, n_layers=3, conv_kernels=(5,), features="published"),
    "autoformer": Autoformer(6, label_length=5, factor=2.0),
    "autoformer-deep": Autoformer(8, n_layers=1, n_decoder_layers=2, label_length=9, kernel_size=4, attention_size=5),
    "fedformer": FEDformer(6, n_heads=2, label_length=5, n_modes=4, mode_selection="lowest"),
    "fedformer-deep": FEDformer(6, n_heads=4, n_layers=1, n_decoder_layers=2, label_length=4, features="published"),
}
TIMED = [name for name in SMALL if not name.startswith("tsmixer")]
BATCH_WIDE = ("autoformer",)  # one set of delays for a training batch


def build(name, context=12, horizon=4, channels=3, targets=(), n_time_features=0, seed=0):
    torch.manual_seed(seed)
    return SMALL[name].build(NetworkSpec(context, horizon, channels, targets, n_time_features))


def calendar(n_windows=5, context=12, label=0, horizon=4):
    rows = torch.rand(n_windows, context + horizon, 4) - 0.5
    return rows[:, :context], rows[:, context - label :]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("context", "horizon", "channels"), [(7, 1, 1), (13, 8, 20), (12, 5, 3), (5, 2, 6)])
def test_any_lengths_and_channels(name, context, horizon, channels):
    network = clone(SMALL[name])
    if getattr(network, "features", None) == "published":
        channels = min(channels, network.hidden_size)
    if network.label_length > context:
        network.set_params(label_length=context)
    module = network.build(NetworkSpec(context, horizon, channels))
    output = module(torch.randn(3, context, channels))
    assert output.forecast.shape == (3, horizon, channels)
    assert output.features.shape[:2] == (3, channels)
    assert torch.isfinite(output.forecast).all()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("n_time_features", [0, 4])
def test_gradient_of_the_forecast_reaches_every_parameter(name, n_time_features):
    module = build(name, n_time_features=n_time_features).double()  # so that rounding is not taken for a gradient
    times = [time.double() for time in calendar()] if n_time_features and name in TIMED else ()
    module(torch.randn(5, 12, 3).double(), *times).forecast.square().sum().backward()
    largest = {key: parameter.grad.abs().max().item() for key, parameter in module.named_parameters()}
    assert min(largest.values()) > 1e-10 * max(largest.values()), min(largest, key=largest.get)


@pytest.mark.parametrize("name", SMALL)
def test_gradient_of_the_features_reaches_the_context(name):
    context = torch.randn(5, 12, 3, requires_grad=True)
    build(name)(context).features.square().sum().backward()
    assert context.grad.abs().sum() > 0


@pytest.mark.parametrize("name", SMALL)
def test_targets_are_some_of_all_channels_in_their_order(name):
    whole, some, context = build(name).eval(), build(name, targets=(2, 0)).eval(), torch.randn(5, 12, 3)
    if name.startswith("timemixer") and "joint" not in name:  # no weights for channels that are not forecast
        return
    some.load_state_dict(whole.state_dict())
    torch.testing.assert_close(some(context).forecast, whole(context).forecast[..., [2, 0]])
    torch.testing.assert_close(some(context).features, whole(context).features[:, [2, 0]])


@pytest.mark.parametrize("name", SMALL)
def test_permuted_batch_gives_permuted_forecasts(name):
    module, context, order = build(name, n_time_features=4).eval(), torch.randn(5, 12, 3), torch.tensor([3, 1, 0, 4, 2])
    time, future = calendar()
    forecast = module(context, time, future).forecast
    torch.testing.assert_close(module(context[order], time[order], future[order]).forecast, forecast[order])


@pytest.mark.parametrize("name", TIMED)
def test_calendar_acts_and_may_be_left_out(name):
    module, context = build(name, n_time_features=4).eval(), torch.randn(5, 12, 3)
    time, future = calendar()
    assert not torch.allclose(module(context, time, future).forecast, module(context, -time, -future).forecast)
    plain = build(name).eval()
    plain.load_state_dict(module.state_dict(), strict=False)
    assert torch.equal(module(context).forecast, plain(context).forecast)


@pytest.mark.parametrize("name", [name for name in TIMED if not name.startswith("timemixer")])
@pytest.mark.parametrize("label", [0, 2, 12])
def test_rows_that_the_decoder_calendar_lacks_come_from_the_context(name, label):
    module, context = build(name, n_time_features=4).eval(), torch.randn(5, 12, 3)
    time, future = calendar()
    head = time[:, 12 - label :]
    expected = module(context, time, future).forecast
    assert torch.equal(module(context, time, torch.cat([head, future], dim=1)).forecast, expected)


@pytest.mark.parametrize("name", SMALL)
def test_windows_of_a_training_batch_are_apart(name):
    module, context = build(name), torch.randn(6, 12, 3)
    for layer in module.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    apart = torch.allclose(module(context[:2]).forecast, module(context).forecast[:2], atol=1e-5)
    assert apart != name.startswith(BATCH_WIDE)


# -- TimeMixer -----------------------------------------------------------------------------------


def test_published_spread_of_the_calendar_mixes_windows():
    right, context, (time, _) = build("timemixer", n_time_features=4).eval(), torch.randn(2, 12, 3), calendar(2)
    network = clone(SMALL["timemixer"]).set_params(time_by_window=False)
    wrong = network.build(NetworkSpec(12, 4, 3, n_time_features=4)).eval()
    wrong.load_state_dict(right.state_dict())
    own, mixed = right(context, time).forecast, wrong(context, time).forecast
    # channel c of window b reads the calendar of window (3 b + c) mod 2: its own where c is even
    torch.testing.assert_close(mixed[..., [0, 2]], own[..., [0, 2]])
    for window in (0, 1):
        assert not torch.allclose(mixed[window, :, 1], own[window, :, 1], atol=1e-4)
    torch.testing.assert_close(wrong(context[:1], time[:1]).forecast, own[:1])


def test_independent_channels_of_the_time_mixer_do_not_read_each_other():
    module, context = build("timemixer").eval(), torch.randn(2, 12, 3)
    other = context.clone()
    other[..., 1] += torch.randn(12)
    assert torch.equal(module(other).forecast[..., [0, 2]], module(context).forecast[..., [0, 2]])


def test_context_shorter_than_the_scales_is_refused():
    with pytest.raises(ValueError, match=r"context_length must be at least 8 for TimeMixer with n_scales = 4 .*got 7"):
        TimeMixer().check(NetworkSpec(7, 4, 3))
    TimeMixer().check(NetworkSpec(8, 4, 3))


# -- Autoformer ----------------------------------------------------------------------------------


def plain_correlation(query, key):
    """Correlate along time at every delay by sums, for even lengths."""
    length = query.shape[1]
    delays = range(length)
    return torch.stack([(query.roll(-delay, 1) * key).sum(dim=1).mean(dim=-1) for delay in delays], dim=-1)


@pytest.mark.parametrize("length", [4, 10, 36])
@pytest.mark.parametrize("training", [True, False])
def test_auto_correlation_sums_rolled_values(length, training):
    query, key, value = (torch.randn(3, length, 5, dtype=torch.float64) for _ in range(3))
    correlation, n_kept = plain_correlation(query, key), max(1, int(2 * math.log(length)))
    expected = torch.zeros_like(value)
    shared = correlation.mean(dim=0).topk(n_kept).indices
    for window in range(3):
        delays = shared if training else correlation[window].topk(n_kept).indices
        weights = correlation[window, delays].softmax(dim=-1)
        for delay, weight in zip(delays.tolist(), weights, strict=True):
            expected[window] += weight * value[window].roll(-delay, 0)
    torch.testing.assert_close(_AutoCorrelation(2.0).train(training)(query, key, value), expected)


def test_auto_correlation_cuts_or_pads_the_memory():
    mixer = _AutoCorrelation(1.0).eval()
    query, memory = torch.randn(2, 8, 5), torch.randn(2, 6, 5)
    padded = torch.cat([memory, torch.zeros(2, 2, 5)], dim=1)
    assert torch.equal(mixer(query, memory, memory), mixer(query, padded, padded))
    assert torch.equal(mixer(query[:, :4], memory, memory), mixer(query[:, :4], memory[:, :4], memory[:, :4]))


def test_auto_correlation_keeps_one_delay_at_least():
    value = torch.randn(2, 1, 3)
    assert torch.equal(_AutoCorrelation(1.0)(value, value, value), value)


# -- FEDformer -----------------------------------------------------------------------------------


def dft(rows, frequency):
    """Give one Fourier mode along time, by the sum."""
    steps = torch.arange(rows.shape[1], dtype=torch.float64)
    wave = torch.exp(-2j * math.pi * frequency * steps / rows.shape[1])
    return torch.einsum("bti,t->bi", rows.to(torch.complex128), wave)


def test_fourier_block_puts_its_modes_at_the_lowest_frequencies():
    network, length = FEDformer(6, n_heads=2), 12
    block = _FourierBlock(network, torch.tensor([1, 4])).double()
    rows = torch.randn(3, length, 6, dtype=torch.float64)
    spectrum = torch.zeros(3, 6, length // 2 + 1, dtype=torch.complex128)
    weight = torch.view_as_complex(block.weight.detach())
    for place, mode in enumerate([1, 4]):
        heads = dft(rows, mode).unflatten(1, (2, 3))
        spectrum[..., place] = torch.einsum("bhi,hio->bho", heads, weight[..., place]).flatten(1)
    expected = torch.fft.irfft(spectrum, n=length)  # (n_windows, inner_size, length), read in another order
    torch.testing.assert_close(block(rows), expected.reshape(3, length, 6))


def test_modes_beyond_the_length_do_nothing():
    network = FEDformer(6, n_heads=2)
    rows, keys = torch.randn(3, 8, 6), torch.randn(3, 12, 6)
    longer = _FourierAttention(network, torch.tensor([0, 3, 4, 9]), torch.tensor([1, 2]))
    shorter = _FourierAttention(network, torch.tensor([0, 3, 4]), torch.tensor([1, 2]))
    shorter.weight.data = longer.weight.data[..., :3, :]
    torch.testing.assert_close(longer(rows, keys), shorter(rows, keys))
    block, cut = (_FourierBlock(network, torch.tensor(modes)) for modes in ([0, 3, 9], [0, 3]))
    cut.weight.data = block.weight.data[..., :2, :]
    torch.testing.assert_close(block(rows), cut(rows))


def test_modes_are_drawn_once_from_the_seed_and_travel_with_the_weights():
    network, spec = FEDformer(8, n_heads=2, n_modes=3, label_length=6), NetworkSpec(40, 4, 2)
    torch.manual_seed(1)
    first = network.build(spec).eval()
    torch.manual_seed(1)
    again = network.build(spec)
    other = network.build(spec).eval()
    assert torch.equal(first.cross_mixer.key_modes, again.cross_mixer.key_modes)
    assert not torch.equal(first.encoder_mixer.modes, other.encoder_mixer.modes)
    other.load_state_dict(first.state_dict())
    context = torch.randn(2, 40, 2)
    assert torch.equal(other(context).forecast, first(context).forecast)


@pytest.mark.parametrize(("length", "expected"), [(1, 1), (2, 1), (9, 4), (100, 32)])
def test_modes_are_distinct_sorted_and_at_most_half_the_length(length, expected):
    modes = FEDformer().draw(length)
    assert len(modes) == expected
    assert (modes.diff() > 0).all()
    assert modes.max() < max(1, length // 2)


# -- embedding, hyperparameters --------------------------------------------------------------------


def test_embedding_reads_neighbors_in_a_circle():
    module = StepEmbedding(1, 4, NetworkSpec(6, 1, 1), 0.0)
    rows = torch.zeros(1, 6, 1)
    rows[0, 0, 0] = 1.0
    touched = module(rows, None).abs().sum(dim=-1)[0] > 0
    assert touched.tolist() == [True, True, False, False, False, True]


def test_positions_are_sines_and_cosines():
    table = sinusoids(50, 6)
    for column, (shape, power) in enumerate([(torch.sin, 0), (torch.cos, 0), (torch.sin, 2), (torch.cos, 2)]):
        expected = shape(torch.arange(50) / 10000.0 ** (power / 6))
        torch.testing.assert_close(table[:, column], expected, atol=1e-5, rtol=0)
    assert sinusoids(3, 5).shape == (3, 5)


def test_decoder_calendar_cuts_what_is_too_much():
    rows = torch.arange(10.0).reshape(1, 10, 1)
    given = decoder_calendar(rows[:, :6], rows[:, 1:], label_length=2, prediction_length=4)
    assert given.ravel().tolist() == [4, 5, 6, 7, 8, 9]


def test_whole_features_pass_the_output_projection_and_published_ones_do_not():
    spec, context = NetworkSpec(12, 4, 3), torch.randn(2, 12, 3)
    whole = Autoformer(6, label_length=5).build(spec).eval()
    published = Autoformer(6, label_length=5, features="published").build(spec).eval()
    published.load_state_dict(whole.state_dict())
    encoded = whole.encode(context, None)
    assert torch.equal(published(context).features, encoded[..., :3].transpose(1, 2))
    torch.testing.assert_close(whole(context).features, whole.projection(encoded).transpose(1, 2))
    assert torch.equal(whole(context).forecast, published(context).forecast)


def test_published_features_of_micn_are_its_last_steps():
    spec, context = NetworkSpec(12, 4, 3), torch.randn(2, 12, 3)
    whole, published = (MICN(6, conv_kernels=(3,), features=one).build(spec).eval() for one in ("whole", "published"))
    published.load_state_dict(whole.state_dict())
    assert torch.equal(published(context).features, whole(context).features[..., -6:])
    assert whole(context).features.shape == (2, 3, 16)


BAD_HYPERPARAMETERS = [
    (TSMixer(0), ValueError, "hidden_size of TSMixer .*; got 0"),
    (TSMixer(n_layers=0), ValueError, "n_layers of TSMixer .*; got 0"),
    (TSMixer(dropout=1.0), ValueError, r"dropout of TSMixer .* \[0, 1\); got 1"),
    (TSMixer(normalization="revn"), ValueError, "normalization of TSMixer .*Did you mean 'revin'"),
    (TimeMixer(pooling="conv"), ValueError, "pooling of TimeMixer must be one of 'avg', 'max'; got 'conv'"),
    (TimeMixer(n_scales=0), ValueError, "n_scales of TimeMixer .*; got 0"),
    (TimeMixer(feedforward_size=0), ValueError, "feedforward_size of TimeMixer .*; got 0"),
    (TimeMixer(channel_independent=1), TypeError, "channel_independent of TimeMixer must be True or False; got 1"),
    (TimeMixer(time_features="yes"), ValueError, "time_features of TimeMixer .*; got 'yes'"),
    (MICN(conv_kernels=()), TypeError, r"conv_kernels of MICN must be a sequence .*; got \(\)"),
    (MICN(conv_kernels=12), TypeError, "conv_kernels of MICN must be a sequence .*; got 12"),
    (MICN(conv_kernels=(3, 0)), ValueError, "each of conv_kernels of MICN .*; got 0"),
    (MICN(features="sliced"), ValueError, "features of MICN must be one of 'whole', 'published'; got 'sliced'"),
    (Autoformer(), ValueError, "label_length of Autoformer must be at most context_length = 12.*; got 48"),
    (Autoformer(label_length=-1), ValueError, "label_length of Autoformer .*; got -1"),
    (Autoformer(label_length=2, factor=0), ValueError, "factor of Autoformer .*; got 0"),
    (Autoformer(label_length=2, attention_size=0), ValueError, "attention_size of Autoformer .*; got 0"),
    (Autoformer(2, label_length=2, features="published"), ValueError, "hidden_size must be at least n_channels = 3"),
    (FEDformer(), ValueError, "label_length of FEDformer must be at most context_length = 12.*; got 48"),
    (FEDformer(4, label_length=2), ValueError, "n_heads of FEDformer must be at most hidden_size = 4; got 8"),
    (FEDformer(label_length=2, n_modes=0), ValueError, "n_modes of FEDformer .*; got 0"),
    (FEDformer(label_length=2, mode_selection="low"), ValueError, "mode_selection .* Did you mean 'lowest'"),
    (FEDformer(label_length=2, activation="tanh"), ValueError, "activation of FEDformer .*; got 'tanh'"),
]


@pytest.mark.parametrize(("network", "error", "message"), BAD_HYPERPARAMETERS)
def test_bad_hyperparameters_stop_check_and_build(network, error, message):
    for stop in (network.check, network.build):
        with pytest.raises(error, match=message):
            stop(NetworkSpec(12, 4, 3))


@pytest.mark.parametrize("name", SMALL)
def test_modules_survive_pickle(name):
    module, context = build(name).eval(), torch.randn(5, 12, 3)
    assert torch.equal(pickle.loads(pickle.dumps(module))(context).forecast, module(context).forecast)


def test_numbers_of_numpy_do_as_hyperparameters():
    eight, two, share = np.int64(8), np.int32(2), np.float32(0.1)
    decoder = {"n_decoder_layers": two, "kernel_size": eight, "label_length": eight, "dropout": share}
    for network in (
        TSMixer(eight, n_layers=two, dropout=share),
        TimeMixer(eight, n_scales=two, down_sampling_window=two, time_by_window=np.bool_(True)),
        MICN(eight, n_layers=two, conv_kernels=(eight, two), dropout=share),
        Autoformer(eight, attention_size=eight, factor=share, **decoder),
        FEDformer(eight, n_heads=two, n_modes=eight, **decoder),
    ):
        assert network.build(NetworkSpec(12, 4, 3))(torch.randn(2, 12, 3)).forecast.shape == (2, 4, 3)


def test_a_decoder_of_an_autoformer_starts_from_rows_or_the_calendar_that_it_reads():
    """A teacher reads the calendar of the rows, whatever its student reads."""
    settings = {"student": "linear", "context_length": 12, "prediction_length": 4, "max_epochs": 1}
    network = Autoformer(6, label_length=0)
    fitted = DistilledForecaster(TrainedTeacher(network, max_epochs=1), **settings, random_state=0).fit(make_frame())
    assert fitted.teacher_.spec_.n_time_features
    untimed = Autoformer(6, label_length=0, time_features=False)
    for without, X, way in (
        (network, make_frame().to_numpy(), "fit on an index of dates"),
        (untimed, make_frame(), "set time_features='auto'"),
    ):
        with pytest.raises(ValueError, match=f"label_length=0 of Autoformer needs calendar features.*or {way}"):
            DistilledForecaster(TrainedTeacher(without), **settings).fit(X)


@pytest.mark.parametrize("network", [Autoformer(6, label_length=0), FEDformer(6, n_heads=2, label_length=0)])
def test_a_decoder_may_start_from_the_calendar_alone(network):
    module = network.build(NetworkSpec(12, 4, 3, n_time_features=2))
    times = {"context_time": torch.randn(2, 12, 2), "decoder_time": torch.randn(2, 4, 2)}
    assert module(torch.randn(2, 12, 3), **times).forecast.shape == (2, 4, 3)


@pytest.mark.parametrize(
    "network",
    [
        TSMixer(4),
        TimeMixer(4, n_scales=1),
        MICN(4),
        Autoformer(4, label_length=1),
        FEDformer(4, n_heads=2, label_length=1),
    ],
)
def test_a_context_of_one_row_is_enough(network):
    module = network.build(NetworkSpec(1, 1, 2))
    assert torch.isfinite(module(torch.randn(3, 1, 2)).forecast).all()
