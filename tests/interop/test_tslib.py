"""Checkpoints of the research code: forms they come in, what is wrong with them, and their use as teachers."""

import argparse
import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import make_forecaster, make_frame, make_series
from published import load_published
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch.nn.functional import pad

from skdistill import load
from skdistill._utils._digest import digest
from skdistill.core import NetworkSpec
from skdistill.data._calendar import calendar_features
from skdistill.interop import from_tslib
from skdistill.interop.tslib._registry import CONVERTERS
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import MLP, DLinear
from skdistill.teachers import PretrainedTeacher

LENGTHS = {"seq_len": 12, "pred_len": 4, "enc_in": 2}
OPTIONS = LENGTHS | {"d_model": 8, "n_heads": 2, "e_layers": 2, "d_ff": 6, "dropout": 0.1, "moving_avg": 5}
PATCHES = {"patch_size": 4, "patch_stride": 2, "dims": [6, 8, 4, 4], "ffn_ratio": 2, "downsample_ratio": 2}


def layer(name, *shape, bias=True):
    return {f"{name}.weight": shape} | ({f"{name}.bias": shape[:1]} if bias else {})


def batch_norm(name, width):
    running = {f"{name}.{kind}": (width,) for kind in ("weight", "bias", "running_mean", "running_var")}
    return running | {f"{name}.num_batches_tracked": ()}


def affine(name, options):
    return {f"{name}.affine_{kind}": (options["enc_in"],) for kind in ("weight", "bias")}


# -- the layouts of the research code, as names and shapes -----------------------------------------


def mlp_layout(options, parts=("Linear_Seasonal",)):
    shapes = affine("revin_layer", options)
    for number, part in enumerate(parts, start=1):
        shapes |= layer(f"{part}.0", options["d_model"], options["seq_len"])
        shapes |= layer(f"{part}.2", options["pred_len"], options["d_model"])
        shapes |= batch_norm(f"bn{number}", options["enc_in"])
    return shapes


def dmlp_layout(options):
    return mlp_layout(options, ("Linear_Seasonal", "Linear_Trend"))


def linear_layout(options, parts=("Linear",)):
    own = [f"{part}.{channel}" for part in parts for channel in range(options["enc_in"])]
    shapes = {}
    for name in own if options.get("own") else parts:
        shapes |= layer(name, options["pred_len"], options["seq_len"])
    return shapes


def dlinear_layout(options):
    return linear_layout(options, ("Linear_Seasonal", "Linear_Trend"))


def encoder_layout(options):
    width, shapes = options["d_model"], {}
    inner = width // options["n_heads"] * options["n_heads"]
    for number in range(options["e_layers"]):
        name = f"encoder.attn_layers.{number}"
        for part in ("query", "key", "value"):
            shapes |= layer(f"{name}.attention.{part}_projection", inner, width)
        shapes |= layer(f"{name}.attention.out_projection", width, inner)
        shapes |= layer(f"{name}.conv1", options["d_ff"], width, 1) | layer(f"{name}.conv2", width, options["d_ff"], 1)
        shapes |= layer(f"{name}.norm1", width) | layer(f"{name}.norm2", width)
    return shapes


def itransformer_layout(options):
    width = options["d_model"]
    shapes = layer("enc_embedding.value_embedding", width, options["seq_len"]) | encoder_layout(options)
    return shapes | layer("encoder.norm", width) | layer("projection", options["pred_len"], width)


def patchtst_layout(options):
    width, n_patches = options["d_model"], (options["seq_len"] - 16) // 8 + 2
    shapes = layer("patch_embedding.value_embedding", width, 16, bias=False) | encoder_layout(options)
    shapes |= {"patch_embedding.position_embedding.pe": (1, 5000, width)} | batch_norm("encoder.norm.1", width)
    return shapes | layer("head.linear", options["pred_len"], n_patches * width)


def modern_tcn_layout(options):
    shapes, n_calendar = {}, 4
    for model in ("model_res", "model_trend") if options.get("decomposition") else ("model",):
        dims, ratio, channels = options["dims"], options["downsample_ratio"], options["enc_in"]
        shapes |= affine(f"{model}.revin_layer", options) if options.get("affine") else {}
        shapes |= layer(f"{model}.downsample_layers.0.0", dims[0], 1, options["patch_size"])
        shapes |= batch_norm(f"{model}.downsample_layers.0.1", dims[0])
        shapes |= layer(f"{model}.te_patch.0", n_calendar, 1, options["patch_size"])
        shapes |= layer(f"{model}.te_patch.1", dims[0], n_calendar, 1) | batch_norm(f"{model}.te_patch.2", dims[0])
        for number in range(3):
            name = f"{model}.downsample_layers.{number + 1}"
            shapes |= batch_norm(f"{name}.0", dims[number]) | layer(f"{name}.1", dims[number + 1], dims[number], ratio)
        steps = options["seq_len"] // options["patch_stride"]
        for stage, n_blocks in enumerate(options["num_blocks"]):
            width, inner = dims[stage], dims[stage] * options["ffn_ratio"]
            steps = -(-steps // ratio) if stage else steps
            for block in range(n_blocks):
                name = f"{model}.stages.{stage}.blocks.{block}"
                for kernel, size in (("lkb_origin", "large_size"), ("small_conv", "small_size")):
                    conv = channels * width, 1, options[size][stage]
                    shapes |= layer(f"{name}.dw.{kernel}.conv", *conv, bias=False)
                    shapes |= batch_norm(f"{name}.dw.{kernel}.bn", channels * width)
                shapes |= batch_norm(f"{name}.norm", width)
                for part, size in (("ffn1", width), ("ffn2", channels)):
                    hidden = options["ffn_ratio"] * size
                    shapes |= layer(f"{name}.{part}pw1", channels * inner, size, 1)
                    shapes |= layer(f"{name}.{part}pw2", channels * width, hidden, 1)
            shapes |= layer(f"{model}.lat_layer.{stage}", dims[-1], width, 1)
            shapes |= layer(f"{model}.smooth_layer.{stage}", dims[-1], dims[-1], 3)
            shapes |= layer(f"{model}.up_sample_conv.{stage}.0", dims[-1], dims[-1], ratio)
            shapes |= batch_norm(f"{model}.up_sample_conv.{stage}.1", dims[-1])
        head = options["pred_len"], dims[len(options["num_blocks"]) - 1] * steps
        heads = [f"linears.{channel}" for channel in range(channels)] if options.get("individual") else ["linear"]
        for name in heads:
            shapes |= layer(f"{model}.head.{name}", *head)
    return shapes


def calendar_layout(name, options, n_calendar):
    if options.get("embed", "timeF") == "timeF":
        return layer(f"{name}.embed", options["d_model"], n_calendar, bias=False)
    sizes = {"hour": 24, "weekday": 7, "day": 32, "month": 13} | ({"minute": 4} if options.get("freq") == "t" else {})
    kind = ".emb" if options["embed"] == "fixed" else ""
    return {f"{name}.{field}_embed{kind}.weight": (size, options["d_model"]) for field, size in sizes.items()}


def times_net_layout(options):
    width, inner, channels = options["d_model"], options["d_ff"], options["enc_in"]
    n_calendar = {"h": 4, "t": 5, "d": 3}[options.get("freq", "h")]
    shapes = layer("enc_embedding.value_embedding.tokenConv", width, channels, 3, bias=False)
    shapes |= {"enc_embedding.position_embedding.pe": (1, 5000, width)} | layer("layer_norm", width)
    shapes |= calendar_layout("enc_embedding.temporal_embedding", options, n_calendar)
    shapes |= layer("predict_linear", options["seq_len"] + options["pred_len"], options["seq_len"])
    shapes |= layer("projection", options.get("c_out", channels), width)
    for block in range(options["e_layers"]):
        for kernel in range(options["num_kernels"]):
            size = 2 * kernel + 1
            shapes |= layer(f"model.{block}.conv.0.kernels.{kernel}", inner, width, size, size)
            shapes |= layer(f"model.{block}.conv.2.kernels.{kernel}", width, inner, size, size)
    return shapes


def light_ts_layout(options):
    """TimeDistill's widths and chunks; with ``tslib``, those of Time-Series-Library."""
    chunk = min(options["pred_len"], options["seq_len"], 24 if options.get("tslib") else 72)
    half = options["d_model"] // (4 if options.get("tslib") else 2)
    n_chunks, shapes = options["seq_len"] // chunk, layer("ar", options["pred_len"], options["seq_len"])
    blocks = [(chunk, half, half, n_chunks)] * 2 + [(2 * half, 2 * half, options["pred_len"], options["enc_in"])]
    for number, (width, inner, outer, nodes) in enumerate(blocks, start=1):
        name = f"layer_{number}"
        shapes |= layer(f"{name}.spatial_proj.0", inner, width) | layer(f"{name}.spatial_proj.2", inner // 4, inner)
        shapes |= layer(f"{name}.channel_proj", nodes, nodes) | layer(f"{name}.output_proj", outer, inner // 4)
        shapes |= layer(f"chunk_proj_{number}", 1, n_chunks) if number < 3 else {}
    return shapes


LAYOUTS = {
    "DLinear": dlinear_layout,
    "DMLP": dmlp_layout,
    "LightTS": light_ts_layout,
    "Linear": linear_layout,
    "MLP": mlp_layout,
    "ModernTCN": modern_tcn_layout,
    "NLinear": linear_layout,
    "PatchTST": patchtst_layout,
    "TimesNet": times_net_layout,
    "iTransformer": itransformer_layout,
}
OLD_KERNELS = {"large_size": [5, 3, 3], "small_size": [3, 1, 1]}
CASES = [
    ("DMLP", {"seq_len": 97, "enc_in": 20, "norm": "revin"}),
    ("DMLP", {"seq_len": 1, "pred_len": 1, "enc_in": 1, "norm": None, "moving_avg": 25}),
    ("MLP", {"d_model": 5, "norm": "non-stationary"}),
    ("DLinear", {"enc_in": 20, "moving_avg": 25}),
    ("DLinear", {"own": True, "enc_in": 3}),
    ("Linear", {"seq_len": 720, "pred_len": 7}),
    ("Linear", {"own": True, "enc_in": 3}),
    ("NLinear", {"enc_in": 1}),
    ("NLinear", {"own": True, "enc_in": 3}),
    ("iTransformer", {"e_layers": 3, "n_heads": 4, "activation": "relu", "enc_in": 20}),
    ("iTransformer", {"use_norm": 0, "e_layers": 1, "data": "Solar"}),
    ("iTransformer", {"n_heads": 3}),
    ("PatchTST", {"seq_len": 25, "n_heads": 3}),
    ("PatchTST", {"seq_len": 16, "pred_len": 1, "enc_in": 1}),
    ("PatchTST", {"seq_len": 53, "e_layers": 3, "n_heads": 4, "activation": "relu", "enc_in": 20}),
    ("ModernTCN", PATCHES | OLD_KERNELS | {"num_blocks": [2]}),
    ("ModernTCN", PATCHES | OLD_KERNELS | {"num_blocks": [1, 2, 1], "seq_len": 45, "affine": 1, "enc_in": 20}),
    ("ModernTCN", PATCHES | OLD_KERNELS | {"num_blocks": [1, 1], "individual": 1, "revin": 0, "ffn_ratio": 1}),
    ("ModernTCN", PATCHES | OLD_KERNELS | {"num_blocks": [1], "decomposition": 1, "kernel_size": 5, "affine": 1}),
    ("TimesNet", {"top_k": 1, "num_kernels": 1, "e_layers": 3, "seq_len": 31, "pred_len": 1, "enc_in": 20}),
    ("TimesNet", {"top_k": 3, "num_kernels": 3, "freq": "t", "enc_in": 1}),
    ("TimesNet", {"top_k": 3, "num_kernels": 2, "data": "PEMS"}),
    ("LightTS", {"seq_len": 216, "pred_len": 96, "enc_in": 20}),
    ("LightTS", {"seq_len": 48, "pred_len": 96, "d_model": 32, "tslib": True}),
]


def make_weights(name, options):
    weights = {key: 0.1 * torch.randn(shape) for key, shape in LAYOUTS[name](options).items()}
    counts = {key: torch.tensor(3) for key in weights if key.endswith("num_batches_tracked")}
    variances = {key: weights[key].abs() + 0.5 for key in weights if key.endswith("running_var")}
    return weights | counts | variances


def make(name, **changes):
    options = OPTIONS | changes
    return from_tslib(name, options, make_weights(name, options))


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{CASES[number][0]}-{number}")
def test_other_options_load_and_forecast(number):
    name, changes = CASES[number]
    options = OPTIONS | changes
    module = make(name, **changes)
    size = module.spec.n_time_features
    time = torch.rand(3, options["seq_len"], size) - 0.5 if size else None
    forecast = module(torch.randn(3, options["seq_len"], options["enc_in"]), context_time=time).forecast
    assert forecast.shape == (3, options["pred_len"], options["enc_in"])
    assert torch.isfinite(forecast).all()


@pytest.mark.parametrize("name", [*LAYOUTS, "ModernTCN_2stage"])
def test_layouts_above_are_those_of_the_release(name):
    if name == "NLinear":  # of LTSF-Linear
        return
    published = load_published(f"model_{name}")
    shapes = {key[2:]: value.shape for key, value in published.items() if key.startswith("w/")}
    assert shapes == LAYOUTS[name.split("_")[0]](json.loads(str(published["config"])))


def test_every_network_of_the_issue_has_a_converter():
    wanted = "DMLP MLP Linear DLinear iTransformer PatchTST ModernTCN TimesNet TimeMixer MICN FEDformer Autoformer"
    assert set(CONVERTERS) == {*wanted.split(), "TSMixer", "LightTS", "NLinear"}


# -- forms -----------------------------------------------------------------------------------------


def test_options_come_as_dict_namespace_or_json(tmp_path):
    weights, context = make_weights("DMLP", OPTIONS), torch.randn(2, 12, 2)
    expected = from_tslib("DMLP", OPTIONS, weights)(context).forecast
    file = tmp_path / "options.json"
    file.write_text(json.dumps(OPTIONS))
    for options in (argparse.Namespace(**OPTIONS), file, str(file)):
        assert torch.equal(from_tslib("DMLP", options, weights)(context).forecast, expected)


def test_weights_come_from_memory_or_a_file(tmp_path):
    weights, context = make_weights("DMLP", OPTIONS), torch.randn(2, 12, 2)
    expected = from_tslib("DMLP", OPTIONS, weights)(context).forecast
    torch.save(weights, tmp_path / "checkpoint.pth")
    save_file(weights, tmp_path / "checkpoint.safetensors")
    wrapped = {f"module.{name}": weight for name, weight in weights.items()}  # DataParallel's
    for given in (tmp_path / "checkpoint.pth", str(tmp_path / "checkpoint.safetensors"), wrapped):
        assert torch.equal(from_tslib("DMLP", OPTIONS, given)(context).forecast, expected)


@pytest.mark.parametrize("name", ["state_dict", "model", "model_state_dict"])
def test_weights_are_found_in_a_training_checkpoint(name, tmp_path):
    weights, context = make_weights("DMLP", OPTIONS), torch.randn(2, 12, 2)
    expected = from_tslib("DMLP", OPTIONS, weights)(context).forecast
    checkpoint = {name: weights, "epoch": 3, "optimizer": {"state": {0: {"step": torch.ones(1)}}, "param_groups": []}}
    torch.save(checkpoint, tmp_path / "checkpoint.pth")
    for given in (checkpoint, tmp_path / "checkpoint.pth"):
        assert torch.equal(from_tslib("DMLP", OPTIONS, given)(context).forecast, expected)
    with pytest.raises(TypeError, match="state_dict of from_tslib must be a dict of tensors"):
        from_tslib("DMLP", OPTIONS, checkpoint | {"ema": weights})


@pytest.mark.parametrize("prefix", ["_orig_mod.", "_orig_mod.module.", "module._orig_mod."])
def test_traces_of_compiling_and_counting_are_dropped(prefix):
    weights, context = make_weights("DMLP", OPTIONS), torch.randn(2, 12, 2)
    expected = from_tslib("DMLP", OPTIONS, weights)(context).forecast
    given = {f"{prefix}{name}": weight for name, weight in weights.items()}
    given |= {"total_ops": torch.zeros(1), f"{prefix}Linear_Seasonal.total_params": torch.zeros(1)}
    assert torch.equal(from_tslib("DMLP", OPTIONS, given)(context).forecast, expected)


def test_options_and_weights_are_left_alone():
    options, weights = dict(OPTIONS), make_weights("DMLP", OPTIONS)
    before, state = copy.deepcopy(weights), torch.get_rng_state()
    module = from_tslib("DMLP", options, weights, extra={"unused": 1})
    for parameter in module.parameters():
        parameter.data.add_(1.0)
    assert options == OPTIONS
    assert all(torch.equal(weights[name], before[name]) for name in before)
    assert torch.equal(torch.get_rng_state(), state)


def test_module_remembers_what_it_was_built_from():
    module = make("DMLP")
    assert module.network.get_params()["hidden_size"] == 8
    assert module.spec == NetworkSpec(12, 4, 2)
    assert make("TimesNet", num_kernels=1, freq="t").spec.n_time_features == 5
    assert make("iTransformer", freq="15min").spec.n_time_features == 5
    assert make("iTransformer", data="Solar").spec.n_time_features == 0


# -- what is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
def test_missing_and_unexpected_weights_are_named(name):
    options = OPTIONS | PATCHES | OLD_KERNELS | {"num_blocks": [1], "num_kernels": 1, "seq_len": 24}
    weights = make_weights(name, options)
    lost = list(LAYOUTS[name](options))[-1]
    del weights[lost]
    weights["stranger.weight"] = torch.ones(1)
    with pytest.raises(ValueError, match=rf"missing .*{lost}.*; unexpected stranger\.weight"):
        from_tslib(name, options, weights)


def test_weights_of_other_lengths_are_named():
    with pytest.raises(ValueError, match=r"'seasonal.hidden.weight' has shape \(8, 12\) instead of \(8, 13\)"):
        from_tslib("DMLP", OPTIONS | {"seq_len": 13}, make_weights("DMLP", OPTIONS))


def test_what_cannot_be_loaded_says_why(tmp_path):
    weights = make_weights("DMLP", OPTIONS)
    with pytest.raises(ValueError, match=r"name of from_tslib must be one of .*Did you mean 'DMLP'"):
        from_tslib("DMPL", OPTIONS, weights)
    with pytest.raises(ValueError, match="config of from_tslib lacks pred_len, enc_in"):
        from_tslib("DMLP", {"seq_len": 12}, weights)
    with pytest.raises(FileNotFoundError, match=r"config of from_tslib: there is no file .*none\.json"):
        from_tslib("DMLP", tmp_path / "none.json", weights)
    with pytest.raises(FileNotFoundError, match=r"state_dict of from_tslib: there is no file .*none\.pth"):
        from_tslib("DMLP", OPTIONS, tmp_path / "none.pth")
    with pytest.raises(TypeError, match=r"config of from_tslib must be a mapping, .*; got list"):
        from_tslib("DMLP", [1], weights)
    with pytest.raises(TypeError, match="state_dict of from_tslib must be a dict of tensors"):
        from_tslib("DMLP", OPTIONS, {"epoch": 3})
    with pytest.raises(ValueError, match=r"norm of MLP must be one of 'non-stationary', 'revin', .*; got 'revni'"):
        from_tslib("DMLP", OPTIONS | {"norm": "revni"}, weights)


def test_checkpoints_that_would_run_code_are_refused(tmp_path):
    file = tmp_path / "checkpoint.pth"
    torch.save({"weight": argparse.Namespace()}, file)
    with pytest.raises(pickle.UnpicklingError):
        from_tslib("DMLP", OPTIONS, file)


# -- options that are missing or mean something else -------------------------------------------------


@pytest.mark.parametrize("name", ["DMLP", "MLP"])
def test_windows_are_normalized_only_if_the_options_say_so(name):
    weights, context = make_weights(name, OPTIONS), torch.randn(2, 12, 2) + 5.0
    plain = [from_tslib(name, OPTIONS | given, weights)(context).forecast for given in ({}, {"norm": "None"})]
    expected = from_tslib(name, OPTIONS | {"norm": None}, weights)(context).forecast
    assert torch.equal(plain[0], expected)
    assert torch.equal(plain[1], expected)
    centered = from_tslib(name, OPTIONS | {"norm": "non-stationary"}, weights)(context).forecast
    assert not torch.allclose(centered, expected)


def merge_kernels(weights):
    """Fold both convolutions over time and their BatchNorms into one convolution with a bias."""
    merged = {name: weight for name, weight in weights.items() if ".dw." not in name}
    for start in {name.split("lkb_origin")[0] for name in weights if ".lkb_origin." in name}:
        kernel, bias = 0.0, 0.0
        for part, missing in (("lkb_origin", 0), ("small_conv", 1)):
            mean, variance, weight, shift = (
                weights[f"{start}{part}.bn.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")
            )
            scale = weight / (variance + 1e-5).sqrt()
            kernel = kernel + pad(scale[:, None, None] * weights[f"{start}{part}.conv.weight"], [missing] * 2)
            bias = bias + shift - scale * mean
        merged |= {f"{start}lkb_reparam.weight": kernel, f"{start}lkb_reparam.bias": bias}
    return merged


@pytest.mark.parametrize("option", [True, "False", False])
def test_merged_kernels_of_modern_tcn_forecast_as_the_two_of_them(option):
    options = OPTIONS | PATCHES | {"num_blocks": [2, 1], "large_size": [5, 3], "small_size": [3, 1], "seq_len": 24}
    weights, context = make_weights("ModernTCN", options), torch.randn(2, 24, 2)
    expected = from_tslib("ModernTCN", options, weights)(context).forecast
    given = options | {"small_kernel_merged": option}
    merged = from_tslib("ModernTCN", given, merge_kernels(weights))(context).forecast
    torch.testing.assert_close(merged, expected)


def test_blocks_of_modern_tcn_are_read_off_the_weights():
    options = OPTIONS | PATCHES | OLD_KERNELS | {"num_blocks": [1, 2, 1], "seq_len": 24}
    weights = make_weights("ModernTCN", options)
    module = from_tslib("ModernTCN", {name: one for name, one in options.items() if name != "num_blocks"}, weights)
    assert module.network.n_layers == [1, 2, 1]


@pytest.mark.parametrize("affine", [0, 1])
def test_modern_tcn_may_subtract_the_last_row(affine):
    options = OPTIONS | PATCHES | OLD_KERNELS | {"num_blocks": [1], "affine": affine}
    weights, context = make_weights("ModernTCN", options), torch.randn(2, 12, 2)
    last, scale = context[:, -1:], (context.var(dim=1, keepdim=True, correction=0) + 1e-5).sqrt()
    learned = {kind: weights.get(f"model.revin_layer.affine_{kind}") for kind in ("bias", "weight")}
    shift, factor = (learned["bias"], learned["weight"]) if affine else (0.0, 1.0)
    plain = {name: weight for name, weight in weights.items() if "revin_layer" not in name}
    inner = from_tslib("ModernTCN", options | {"revin": 0}, plain)((context - last) / scale * factor + shift).forecast
    expected = (inner - shift) / (factor + 1e-10) * scale + last
    torch.testing.assert_close(
        from_tslib("ModernTCN", options | {"subtract_last": 1}, weights)(context).forecast, expected
    )


@pytest.mark.parametrize(
    ("length", "options", "n_patches", "stride"),
    [
        (96, {}, 12, 8),
        (96, {"stride": 4}, 12, 8),  # an option that the research code does not read
        (49, {"stride": 7}, 6, 8),
        (96, {}, 22, 4),
        (100, {"stride": 15}, 7, 15),
    ],
)
def test_the_number_of_patches_tells_their_distance(length, options, n_patches, stride):
    options = OPTIONS | {"seq_len": length} | options
    weights = make_weights("PatchTST", options)
    weights["head.linear.weight"] = torch.randn(4, 8 * n_patches)
    assert from_tslib("PatchTST", options, weights).network.patch_stride == stride


@pytest.mark.parametrize(
    ("parser", "normalized"),
    [
        ({"task_name": "long_term_forecast"}, True),  # of Time-Series-Library, whose iTransformer has no such option
        ({"task_name": "long_term_forecast", "model_t": "iTransformer"}, False),  # of TimeDistill
        ({"class_strategy": "projection"}, False),  # of the authors
    ],
)
def test_itransformer_of_time_series_library_always_standardizes(parser, normalized):
    context = torch.randn(2, 12, 2)
    options = {"use_norm": 0} | parser
    ahead = make("iTransformer", **options)
    moved = ahead(100 * context + 1000).forecast
    assert torch.allclose(moved, 100 * ahead(context).forecast + 1000, rtol=1e-3) == normalized


def test_contexts_that_time_series_library_fills_with_zeros_are_refused():
    options = OPTIONS | {"seq_len": 25, "pred_len": 12, "tslib": True, "d_model": 32}
    weights = make_weights("LightTS", options | {"seq_len": 36})  # it appends rows until chunks of 12 are whole
    with pytest.raises(ValueError, match="seq_len of LightTS must be a multiple of the 12 rows of its chunks; got 25"):
        from_tslib("LightTS", options, weights)


def test_a_distance_of_patches_that_cannot_be_told_is_asked_for():
    options = OPTIONS | {"seq_len": 100}
    weights = make_weights("PatchTST", options) | {"head.linear.weight": torch.randn(4, 8 * 7)}
    with pytest.raises(
        ValueError,
        match=r"stride of PatchTST must be given: 15 to 16 rows from one patch to the next make the 7 patches",
    ):
        from_tslib("PatchTST", options, weights)


def test_one_output_of_times_net_serves_every_channel():
    options = OPTIONS | {"num_kernels": 1, "c_out": 1, "data": "Solar"}
    weights, context = make_weights("TimesNet", options), torch.randn(2, 12, 2)
    forecast = from_tslib("TimesNet", options, weights)(context).forecast
    every = weights | {
        f"projection.{kind}": torch.cat([weights[f"projection.{kind}"]] * 2) for kind in ("weight", "bias")
    }
    assert torch.equal(forecast, from_tslib("TimesNet", OPTIONS | options | {"c_out": 2}, every)(context).forecast)


# -- as a teacher ----------------------------------------------------------------------------------


def test_a_checkpoint_teaches_through_clone_as_its_weights_do():
    module, series = make("DLinear"), make_series()
    teacher = clone(PretrainedTeacher(module))
    given = make_forecaster(teacher=PretrainedTeacher(DLinear(5), module.state_dict())).fit(series)
    ours = clone(make_forecaster(teacher=teacher)).fit(series)
    np.testing.assert_array_equal(ours.predict(series), given.predict(series))


def test_the_given_module_is_not_touched_by_teaching():
    module = make("DMLP")
    before = copy.deepcopy(module.state_dict())
    forecaster = make_forecaster(teacher=PretrainedTeacher(module)).fit(make_series())
    forecaster.teacher_.module_.seasonal.hidden.weight.data.zero_()
    assert all(torch.equal(module.state_dict()[name], before[name]) for name in before)


@pytest.mark.parametrize("freq", ["h", "t"])
@pytest.mark.parametrize("embed", ["fixed", "learned"])
def test_a_calendar_of_whole_numbers_is_looked_up(embed, freq):
    options = OPTIONS | {"num_kernels": 1, "embed": embed, "freq": freq}
    weights = make_weights("TimesNet", options)
    index = pd.date_range("2024-02-28 21:15", periods=90, freq="15min")
    series = make_frame(n_timestamps=90).set_index(index)
    module = from_tslib("TimesNet", options, weights)
    fields = {"month": index.month, "day": index.day, "weekday": index.day_of_week, "hour": index.hour}
    fields |= {"minute": index.minute // 15} if freq == "t" else {}
    tables = {name.split("_embed")[-2].split(".")[-1]: weights[name] for name in weights if "temporal" in name}
    numbers = torch.tensor(np.stack(list(fields.values()), axis=1)).float()
    expected = sum(tables[name][torch.tensor(np.asarray(values))] for name, values in fields.items())
    torch.testing.assert_close(module.embedding.time(numbers), expected)
    forecaster = make_forecaster(teacher=PretrainedTeacher(module)).fit(series)
    values = torch.from_numpy(forecaster.scaling_.standardize(series.to_numpy()))
    answer = module(values[None, -16:-4], numbers[None, -16:-4], numbers[None, -4:]).forecast.detach().numpy()
    found = forecaster.predict_teacher(series[:-4])
    np.testing.assert_allclose(found, forecaster.scaling_.forecasts_to_original(answer)[0], rtol=1e-5)


@pytest.mark.parametrize(("data", "size"), [("ETTm1", 5), ("custom", 4)])
def test_itransformer_takes_whole_numbers_as_they_are(data, size):
    module = make("iTransformer", embed="fixed", data=data)
    assert module.spec.calendar == "numbers"
    assert module.spec.n_time_features == size
    forecaster = make_forecaster(teacher=PretrainedTeacher(module)).fit(make_frame())
    assert forecaster.teacher_.spec_.n_time_features == size


@pytest.mark.parametrize("name", ["iTransformer", "TimesNet"])
def test_a_checkpoint_does_without_the_calendar_of_a_series_that_has_none(name):
    module, series = make(name, num_kernels=1), make_series()
    forecaster = make_forecaster(teacher=PretrainedTeacher(module)).fit(series)
    values = torch.from_numpy(forecaster.scaling_.standardize(series[None, -12:]))
    expected = forecaster.scaling_.forecasts_to_original(module(values).forecast.detach().numpy())
    np.testing.assert_allclose(forecaster.predict_teacher(series), expected[0], rtol=1e-5)
    make_forecaster(teacher=PretrainedTeacher(module), loss="timedistill").fit(make_frame())


@pytest.mark.parametrize("step", ["15min", "h", "D"])
@pytest.mark.parametrize(("name", "freq"), [("iTransformer", "h"), ("TimesNet", "h"), ("TimesNet", "t")])
def test_a_checkpoint_reads_the_calendar_it_was_trained_with(name, freq, step):
    module = make(name, num_kernels=1, freq=freq)
    for parameter in module.parameters():
        parameter.data.mul_(5.0)
    index = pd.date_range("2024-02-28 21:10", periods=90, freq=step)
    series = make_frame(n_timestamps=90, n_channels=2).set_index(index)
    forecaster = make_forecaster(teacher=PretrainedTeacher(module)).fit(series)
    calendar = torch.from_numpy(calendar_features(index, frequency={"h": "h", "t": "min"}[freq]))
    values = torch.from_numpy(forecaster.scaling_.standardize(series.to_numpy()))
    expected = module(values[None, -16:-4], calendar[None, -16:-4], calendar[None, -4:]).forecast.detach().numpy()
    answer = forecaster.predict_teacher(series[:-4])
    np.testing.assert_allclose(answer, forecaster.scaling_.forecasts_to_original(expected)[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "changes"), [("DMLP", {"norm": "revin"}), ("DLinear", {"own": True}), ("iTransformer", {})]
)
def test_a_checkpoint_of_all_channels_teaches_some_of_them(name, changes):
    module, series = make(name, enc_in=3, **changes), make_frame(n_channels=3)
    every = make_forecaster(teacher=PretrainedTeacher(module)).fit(series).predict_teacher(series)
    some = make_forecaster(teacher=PretrainedTeacher(module), loss="response", targets=["c2", "c0"]).fit(series)
    pd.testing.assert_frame_equal(some.predict_teacher(series), every[["c2", "c0"]])
    if name != "DLinear":
        make_forecaster(teacher=PretrainedTeacher(module), loss="timedistill", targets=["c2"]).fit(series)


@pytest.mark.parametrize("name", ["iTransformer", "DMLP"])
def test_a_checkpoint_that_taught_is_saved_with_its_student(name, tmp_path):
    index = pd.date_range("2024-02-28 21:10", periods=120, freq="15min")
    series = make_frame().set_index(index)
    fitted = make_forecaster(teacher=PretrainedTeacher(make(name)), targets=["c1"]).fit(series)
    fitted.save(tmp_path / "file", teacher=True)
    with pytest.warns(UserWarning, match=r"does not contain: params\.teacher\.network"):
        loaded = load(tmp_path / "file")
    pd.testing.assert_frame_equal(loaded.predict_teacher(series), fitted.predict_teacher(series))


def test_grids_reach_past_a_checkpoint(tmp_path):
    split = RollingOriginSplit(n_splits=2, context_length=12, prediction_length=4)
    forecaster = make_forecaster(teacher=PretrainedTeacher(make("DMLP")), loss="timedistill", memory=tmp_path)
    grid = {"loss__prediction_weight": [0.5, 1.0], "student": [MLP(4), MLP(6)]}
    search = GridSearchCV(forecaster, grid, cv=split, scoring=split.scorer("mse")).fit(make_series(200))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_digest_tells_checkpoints_apart():
    one, other = (PretrainedTeacher(make("DMLP")).for_cache_key() for _ in range(2))
    assert digest(one) == digest(clone(one))
    assert digest(one) == digest(pickle.loads(pickle.dumps(one)))
    assert digest(one) != digest(other)


def test_a_checkpoint_of_other_lengths_stops_before_training():
    with pytest.raises(ValueError, match=r"context_length must be 24, for which the module .* was trained; got 12"):
        make_forecaster(teacher=PretrainedTeacher(make("DMLP", seq_len=24))).fit(make_series())
    with pytest.raises(ValueError, match=r"prediction_length must be 5, for which the module .* was trained; got 4"):
        make_forecaster(teacher=PretrainedTeacher(make("iTransformer", pred_len=5))).fit(make_series())
    with pytest.raises(ValueError, match=r"'seasonal.norm.weight' has shape \(2,\) instead of \(3,\)"):
        make_forecaster(teacher=PretrainedTeacher(make("DMLP"))).fit(make_series(n_channels=3))


def test_units_that_research_code_does_not_know_are_told():
    with pytest.warns(UserWarning, match="gets contexts in other units: scaling='window'"):
        make_forecaster(teacher=PretrainedTeacher(make("DMLP")), scaling="window").fit(make_series())


def test_only_a_checkpoint_brings_its_own_weights():
    with pytest.raises(ValueError, match="state_dict of PretrainedTeacher must be the weights or their file; got None"):
        make_forecaster(teacher=PretrainedTeacher(DLinear())).fit(make_series())
    with pytest.raises(TypeError, match=r"or a module that from_tslib loaded; got Linear\("):
        make_forecaster(teacher=PretrainedTeacher(torch.nn.Linear(2, 2))).fit(make_series())


def test_a_bare_checkpoint_is_told_its_wrapper():
    with pytest.raises(TypeError, match=r"that from_tslib loaded: wrap it, PretrainedTeacher\(module\)"):
        make_forecaster(teacher=make("DMLP")).fit(make_series())
