"""Weights of the research code, converted: TSMixer, TimeMixer, MICN, Autoformer, FEDformer."""

import importlib
import json

import numpy as np
import pytest
import torch
from published import load_published

from skdistill.core import NetworkSpec
from skdistill.interop import from_tslib

FILES = {
    "TSMixer": "_ts_mixer",
    "TimeMixer": "_time_mixer",
    "MICN": "_micn",
    "Autoformer": "_autoformer",
    "FEDformer": "_fedformer",
}
# what TimeDistill takes as a channel's feature, (n_windows, n_channels, feature_size), from the published tensors
FEATURES = {
    "TSMixer": lambda published: published["feature0"],
    "TimeMixer": lambda published: published["feature2"].swapaxes(1, 2),
    "MICN": lambda published: published["feature0"].swapaxes(1, 2)[..., -16:],
    "Autoformer": lambda published: published["feature0"].swapaxes(1, 2)[:, :3],
    "FEDformer": lambda published: published["feature0"].swapaxes(1, 2)[:, :3],
}
OPTIONS = {
    "seq_len": 96,
    "label_len": 48,
    "pred_len": 24,
    "enc_in": 3,
    "d_model": 16,
    "n_heads": 4,
    "e_layers": 2,
    "d_layers": 1,
    "d_ff": 32,
    "moving_avg": 25,
    "down_sampling_layers": 2,
    "down_sampling_window": 2,
    "down_sampling_method": "avg",
    "channel_independence": 1,
    "use_norm": 1,
}
CROSS = "decoder.layers.0.cross_attention.inner_correlation"


def convert(name, options, weights):
    return importlib.import_module(f"skdistill.interop.tslib.{FILES[name]}").convert(options, weights)


def make_spec(options, network):
    n_time_features = 4 * (network.time_features is True)
    lengths = options["seq_len"], options["pred_len"], options["enc_in"]
    return NetworkSpec(*lengths, n_time_features=n_time_features, label_length=options["label_len"])


def relative_error(ours, theirs):
    return np.abs(ours.detach().numpy() - theirs).max() / np.abs(theirs).max()


@pytest.fixture
def published(request):
    return load_published(f"model_{request.param}")


def load(published):
    options = json.loads(str(published["config"]))
    if "extra" in published:
        options["modes"] = json.loads(str(published["extra"]))
    return options, {key[2:]: torch.tensor(value) for key, value in published.items() if key.startswith("w/")}


@pytest.mark.parametrize(("name", "published"), [(name, name) for name in FILES], indirect=["published"])
def test_published_forecasts_features_and_gradients(name, published):
    options, weights = load(published)
    network, converted = convert(name, options, weights)
    if "features" in network.get_params():
        network.set_params(features="published")
    module = network.build(make_spec(options, network)).eval()
    module.load_state_dict(converted)
    context = torch.tensor(published["x"], requires_grad=True)
    output = module(context, torch.tensor(published["x_mark"]), torch.tensor(published["x_dec_mark"]))
    assert relative_error(output.forecast, published["output"]) < 1e-5
    assert relative_error(output.features, FEATURES[name](published)) < 1e-5
    (output.forecast * torch.tensor(published["grad_probe"])).sum().backward()
    assert relative_error(context.grad, published["grad_x"]) < 1e-4


@pytest.mark.parametrize("published", ["TimeMixer"], indirect=True)
def test_published_calendar_of_the_time_mixer_is_that_of_other_windows(published):
    options, weights = load(published)
    network, converted = convert("TimeMixer", options, weights)
    module = network.set_params(time_by_window=True).build(make_spec(options, network)).eval()
    module.load_state_dict(converted)
    forecast = module(torch.tensor(published["x"]), torch.tensor(published["x_mark"])).forecast
    assert relative_error(forecast, published["output"]) > 1e-3


# -- other options: the layout of the published weights, as names and shapes ------------------------


def layer(name, n_out, n_in, *kernel, bias=True):
    return {f"{name}.weight": (n_out, n_in, *kernel)} | ({f"{name}.bias": (n_out,)} if bias else {})


def norm(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def embedding(name, options, n_values, *, positions=True):
    width = options["d_model"]
    calendar = {f"{name}.temporal_embedding.embed.weight": (width, 4)}
    if "embed" in options and options["embed"] != "timeF":
        sizes = {"month": 13, "day": 32, "weekday": 7, "hour": 24} | ({"minute": 4} if options["freq"] == "t" else {})
        kind = ".emb" if options["embed"] == "fixed" else ""
        calendar = {f"{name}.temporal_embedding.{one}_embed{kind}.weight": (n, width) for one, n in sizes.items()}
    shapes = calendar | {f"{name}.value_embedding.tokenConv.weight": (width, n_values, 3)}
    return shapes | ({f"{name}.position_embedding.pe": (1, 5000, width)} if positions else {})


def ts_mixer_layout(options):
    width, length, channels = options["d_model"], options["seq_len"], options["enc_in"]
    shapes = layer("projection", options["pred_len"], length)
    for block in range(options["e_layers"]):
        for part, size in (("temporal", length), ("channel", channels)):
            shapes |= layer(f"model.{block}.{part}.0", width, size) | layer(f"model.{block}.{part}.2", size, width)
    return shapes | ({} if options.get("plain") else norm_of_channels("revin_layer", channels))


def norm_of_channels(name, n_channels):
    return {f"{name}.affine_weight": (n_channels,), f"{name}.affine_bias": (n_channels,)}


def time_mixer_layout(options):
    width, inner, channels = options["d_model"], options["d_ff"], options["enc_in"]
    n_steps, independent = options["down_sampling_layers"], options["channel_independence"]
    lengths = [options["seq_len"] // options["down_sampling_window"] ** scale for scale in range(n_steps + 1)]
    n_values = 1 if independent else channels
    shapes = embedding("enc_embedding", options, n_values) | layer("projection_layer", n_values, width)
    for block in range(options["e_layers"]):
        name = f"pdm_blocks.{block}"
        shapes |= norm(f"{name}.layer_norm", width)
        for units in ("out_cross_layer",) if independent else ("out_cross_layer", "cross_layer"):
            shapes |= layer(f"{name}.{units}.0", inner, width) | layer(f"{name}.{units}.2", width, inner)
        for step in range(n_steps):
            fine, coarse = lengths[step], lengths[step + 1]
            down = f"{name}.mixing_multi_scale_season.down_sampling_layers.{step}"
            up = f"{name}.mixing_multi_scale_trend.up_sampling_layers.{n_steps - 1 - step}"
            shapes |= layer(f"{down}.0", coarse, fine) | layer(f"{down}.2", coarse, coarse)
            shapes |= layer(f"{up}.0", fine, coarse) | layer(f"{up}.2", fine, fine)
    for scale, length in enumerate(lengths):
        shapes |= norm_of_channels(f"normalize_layers.{scale}", channels)
        shapes |= layer(f"predict_layers.{scale}", options["pred_len"], length)
        if not independent:
            shapes |= layer(f"out_res_layers.{scale}", length, length)
            shapes |= layer(f"regression_layers.{scale}", options["pred_len"], length)
    return shapes


def micn_layout(options):
    width, channels, kernels = options["d_model"], options["enc_in"], options.get("kernels", (12, 16))
    length = options["seq_len"] + options["pred_len"]
    shapes = embedding("dec_embedding", options, channels) | layer(
        "conv_trans.projection", options.get("c_out", channels), width
    )
    shapes |= layer("regression", options["pred_len"], options["seq_len"])
    for block in range(options["d_layers"]):
        name = f"conv_trans.mic.{block}"
        for scale, kernel in enumerate(kernels):
            whole = (length + kernel) // kernel if kernel % 2 == 0 else (length + kernel - 1) // kernel
            for part, size in (("conv", kernel), ("conv_trans", kernel), ("isometric_conv", whole)):
                shapes |= layer(f"{name}.{part}.{scale}", width, width, size)
        shapes |= layer(f"{name}.merge", width, width, len(kernels), 1)
        shapes |= layer(f"{name}.conv1", 4 * width, width, 1) | layer(f"{name}.conv2", width, 4 * width, 1)
        for which in ("norm", "norm1", "norm2"):
            shapes |= norm(f"{name}.{which}", width)
    return shapes


def transformer_layout(options):
    width, inner, channels = options["d_model"], options["d_ff"], options["enc_in"]
    attention = width // options["n_heads"] * options["n_heads"]
    n_outputs = options.get("c_out", channels)
    shapes = layer("decoder.projection", n_outputs, width)
    for part in ("enc", "dec"):
        shapes |= embedding(f"{part}_embedding", options, channels) | norm(f"{part}oder.norm.layernorm", width)
    layers = {f"encoder.attn_layers.{one}": ("attention",) for one in range(options["e_layers"])}
    layers |= {f"decoder.layers.{one}": ("self_attention", "cross_attention") for one in range(options["d_layers"])}
    for name, attentions in layers.items():
        shapes |= layer(f"{name}.conv1", inner, width, 1, bias=False)
        shapes |= layer(f"{name}.conv2", width, inner, 1, bias=False)
        if len(attentions) == 2:
            shapes |= layer(f"{name}.projection", n_outputs, width, 3, bias=False)
        for which in attentions:
            for part in ("query", "key", "value"):
                shapes |= layer(f"{name}.{which}.{part}_projection", attention, width)
            shapes |= layer(f"{name}.{which}.out_projection", width, attention)
    return shapes


def fedformer_layout(options):
    shapes, head = transformer_layout(options), options["d_model"] // options["n_heads"]
    n_context, n_decoder = (len(options["modes"][one]) for one in (f"{ENCODER}.0{INNER}", f"{CROSS}.index_q"))
    blocks = {f"{ENCODER}.{one}{INNER}": n_context for one in range(options["e_layers"])}
    for one in range(options["d_layers"]):
        for which in ("self_attention", "cross_attention"):
            blocks[f"decoder.layers.{one}.{which}.inner_correlation"] = n_decoder
    for name, n_modes in blocks.items():
        for part in ("weights1", "weights2"):
            shapes[f"{name}.{part}"] = (options["n_heads"], head, head, n_modes)
    return shapes


ENCODER, INNER = "encoder.attn_layers", ".attention.inner_correlation"
LAYOUTS = {
    "TSMixer": ts_mixer_layout,
    "TimeMixer": time_mixer_layout,
    "MICN": micn_layout,
    "Autoformer": transformer_layout,
    "FEDformer": fedformer_layout,
}


def draw_modes(options, limit=32):
    """Draw the modes of all blocks as the published rule has it."""
    context, decoder = options["seq_len"] // 2, (options["seq_len"] // 2 + options["pred_len"]) // 2
    counts = {f"{ENCODER}.0{INNER}": context, "decoder.layers.0.self_attention.inner_correlation": decoder}
    counts |= {f"{CROSS}.index_q": decoder, f"{CROSS}.index_kv": context}
    return {name: sorted(torch.randperm(count)[:limit].tolist()) for name, count in counts.items()}


CASES = [
    ("TSMixer", {"e_layers": 3, "enc_in": 1, "seq_len": 31, "d_model": 5}),
    ("TSMixer", {"plain": True, "enc_in": 20, "pred_len": 1}),
    ("TimeMixer", {"down_sampling_layers": 3, "down_sampling_window": 3, "seq_len": 108, "e_layers": 3}),
    ("TimeMixer", {"down_sampling_method": "max", "enc_in": 7, "moving_avg": 7, "d_ff": 20}),
    ("TimeMixer", {"channel_independence": 0, "down_sampling_layers": 1, "pred_len": 1}),
    ("TimeMixer", {"channel_independence": 0, "use_norm": 0, "enc_in": 20}),
    ("TimeMixer", {"seq_len": 61, "down_sampling_layers": 3, "data": "Solar", "enc_in": 1}),
    ("MICN", {"kernels": (3,), "seq_len": 31, "pred_len": 5}),
    ("MICN", {"kernels": (5, 8, 11), "d_layers": 3, "enc_in": 7, "label_len": 96}),
    ("MICN", {"seq_len": 7, "pred_len": 1, "enc_in": 1, "d_model": 6}),
    ("Autoformer", {"e_layers": 3, "d_layers": 2, "n_heads": 3, "factor": 3, "activation": "relu"}),
    ("Autoformer", {"seq_len": 97, "label_len": 30, "pred_len": 7, "enc_in": 20}),
    ("Autoformer", {"seq_len": 12, "label_len": 6, "pred_len": 90, "enc_in": 1, "data": "PEMS"}),
    ("FEDformer", {"e_layers": 3, "d_layers": 2, "n_heads": 8}),
    ("FEDformer", {"seq_len": 61, "label_len": 12, "pred_len": 7, "n_heads": 3, "enc_in": 20}),
    ("FEDformer", {"seq_len": 720, "label_len": 48, "pred_len": 5, "n_heads": 1, "enc_in": 1}),
]


def make_case(name, changes):
    options = OPTIONS | changes
    if name == "FEDformer":
        options["modes"] = draw_modes(options)
    return options, {key: 0.1 * torch.randn(shape) for key, shape in LAYOUTS[name](options).items()}


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{CASES[number][0]}-{number}")
def test_other_options_load_and_forecast(number):
    name, changes = CASES[number]
    options, weights = make_case(name, changes)
    network, converted = convert(name, options, weights)
    spec = make_spec(options, network)
    module = network.build(spec).eval()
    module.load_state_dict(converted)
    n_rows = {"context": options["seq_len"], "decoder": options["label_len"] + options["pred_len"]}
    times = [torch.rand(2, rows, 4) - 0.5 for rows in n_rows.values()] if spec.n_time_features else []
    output = module(torch.randn(2, options["seq_len"], options["enc_in"]), *times)
    assert output.forecast.shape == (2, options["pred_len"], options["enc_in"])
    assert torch.isfinite(output.forecast).all()


@pytest.mark.parametrize("freq", ["h", "t"])
@pytest.mark.parametrize("embed", ["fixed", "learned"])
@pytest.mark.parametrize("name", ["TimeMixer", "MICN", "Autoformer", "FEDformer"])
def test_calendars_of_whole_numbers_are_looked_up(name, embed, freq):
    options, weights = make_case(name, {"embed": embed, "freq": freq, "label_len": 96, "n_heads": 4})
    module = from_tslib(name, options, weights)
    assert module.spec.n_time_features == 4 + (freq == "t")
    context, numbers = torch.randn(2, 96, 3), torch.randint(0, 4, (2, 120, 4 + (freq == "t")))
    forecast = module(context, numbers[:, :96], numbers).forecast
    moved = numbers.clone()
    moved[..., -1] = 3 - moved[..., -1]  # the last field alone
    assert not torch.equal(module(context, moved[:, :96], moved).forecast, forecast)


@pytest.mark.parametrize("name", FILES)
def test_layouts_above_are_those_of_the_release(name):
    options, weights = load(load_published(f"model_{name}"))
    assert {key: tuple(value.shape) for key, value in weights.items()} == LAYOUTS[name](options)


@pytest.mark.parametrize("name", FILES)
def test_missing_and_unexpected_weights_are_named(name):
    options, weights = make_case(name, {})
    lost = next(key for key in weights if key.endswith("projection.weight") or key == "projection_layer.weight")
    del weights[lost]
    weights["head.weight"] = torch.ones(1)
    with pytest.raises(ValueError, match=rf"missing {lost}; unexpected head\.weight\."):
        convert(name, options, weights)


@pytest.mark.parametrize("independent", [0, 1])
def test_published_spectral_split_zeroes_the_first_window(independent):
    options, weights = make_case("TimeMixer", {"channel_independence": independent, "decomp_method": "dft_decomp"})
    block = from_tslib("TimeMixer", options, weights).blocks[0]
    rows = torch.randn(4, 16, 7)
    spectrum = torch.fft.rfft(rows, dim=1)  # over hidden units, as released
    strength = spectrum.abs()
    strength[0] = 0.0
    least = strength.transpose(1, 2).topk(5).values.min()  # over the batch: 0, of the first window
    expected = torch.fft.irfft(torch.where(strength > least, spectrum, 0.0), dim=1)
    seasonal, trend = block.split(rows)
    torch.testing.assert_close(seasonal, expected)
    torch.testing.assert_close(trend, rows - expected)


@pytest.mark.parametrize("name", ["MICN", "Autoformer", "FEDformer"])
def test_one_output_serves_every_channel(name):
    options, weights = make_case(name, {"c_out": 1, "data": "Solar"})
    outputs = {key for key, weight in weights.items() if key.endswith("projection.weight") and len(weight) == 1}
    outputs |= {key.replace("weight", "bias") for key in outputs} & set(weights)
    every = {
        key: weight.repeat(3, *[1] * (weight.ndim - 1)) if key in outputs else weight for key, weight in weights.items()
    }
    context = torch.randn(2, 96, 3)
    forecast = from_tslib(name, options, weights)(context).forecast
    assert forecast.shape == (2, 24, 3)
    assert torch.equal(forecast, from_tslib(name, options | {"c_out": 3}, every)(context).forecast)


def test_micn_of_timedistill_never_reads_the_calendar():
    options, weights = make_case("MICN", {"label_len": 96})
    assert convert("MICN", options, weights)[0].time_features is True
    for name in ("norm", "model_t", "distillation"):
        assert convert("MICN", options | {name: None}, weights)[0].time_features is False


@pytest.mark.parametrize("name", ["Autoformer", "FEDformer"])
def test_one_calendar_row_for_all_rows_of_the_decoder_is_refused(name):
    """With label_len=0 and pred_len=1, the research code adds the embedding of one row to those of all rows."""
    options, weights = make_case(name, {"label_len": 0, "pred_len": 1})
    with pytest.raises(ValueError, match="label_len of from_tslib must be at least 1"):
        convert(name, options, weights)
    without, weights = make_case(name, {"label_len": 0, "pred_len": 1, "data": "PEMS"})
    assert convert(name, without, weights)[0].label_length == 96


@pytest.mark.parametrize("label_length", [0, 97])
@pytest.mark.parametrize("name", ["Autoformer", "FEDformer"])
def test_decoders_start_from_the_whole_context_where_its_slice_is_all_of_it(name, label_length):
    options, weights = make_case(name, {"data": "Solar"})
    network, _ = convert(name, options | {"label_len": label_length}, weights)
    assert network.label_length == 96
    assert convert(name, options, weights)[0].label_length == 48


def test_all_layers_share_one_fourier_block():
    options, weights = make_case("FEDformer", {"e_layers": 3})
    _, converted = convert("FEDformer", options, weights)
    weight = converted["encoder_mixer.weight"]
    assert torch.equal(weight[..., 0], weights[f"{ENCODER}.0{INNER}.weights1"])
    assert torch.equal(weight[..., 1], weights[f"{ENCODER}.0{INNER}.weights2"])
    assert converted["cross_mixer.key_modes"].tolist() == options["modes"][f"{CROSS}.index_kv"]


def test_old_complex_weights_are_told():
    options, weights = make_case("FEDformer", {})
    old = {key: weight.to(torch.complex64) if key.endswith("weights1") else weight for key, weight in weights.items()}
    with pytest.raises(ValueError, match=r"must hold real tensors weights1 and weights2; got complex ones"):
        convert("FEDformer", options, {key: weight for key, weight in old.items() if not key.endswith("weights2")})


@pytest.mark.parametrize("method", ["low", "lowest", "LOW"])
def test_lowest_modes_need_not_be_given(method):
    options, weights = make_case("FEDformer", {})
    del options["modes"]
    network, converted = convert("FEDformer", options | {"mode_select": method}, weights)
    assert converted["encoder_mixer.modes"].tolist() == list(range(32))
    network.build(make_spec(options, network)).load_state_dict(converted)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("FEDformer", {"modes": None}, r"pass them as options\['modes'\]"),
        ("FEDformer", {"modes": {f"{CROSS}.index_q": [0]}}, r"options\['modes'\] of FEDformer lacks decoder.*index_kv"),
        ("FEDformer", {"version": "Wavelets"}, "version of FEDformer must be 'Fourier'; got 'Wavelets'"),
        ("TimeMixer", {"decomp_method": "stl"}, "decomp_method of TimeMixer must be one of 'moving_avg', 'dft_decomp'"),
        ("TimeMixer", {"down_sampling_method": "conv"}, "down_sampling_method must be one of 'avg', 'max'"),
    ],
)
def test_what_cannot_be_converted_is_refused(name, changes, message):
    options, weights = make_case(name, {})
    with pytest.raises(ValueError, match=message):
        convert(name, options | changes, weights)
