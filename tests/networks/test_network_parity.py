"""Our networks with the published weights give the published forecasts, features and gradients."""

import json

import numpy as np
import pytest
import torch

from skdistill.networks import MLP, DLinear, ITransformer, NetworkSpec


def mlp_weights(published):
    weights = {}
    for theirs, ours, norm in (("Linear_Seasonal", "seasonal", "bn1"), ("Linear_Trend", "trend", "bn2")):
        if f"{theirs}.0.weight" not in published:
            continue
        for kind in ("weight", "bias"):
            weights[f"{ours}.hidden.{kind}"] = published[f"{theirs}.0.{kind}"]
            weights[f"{ours}.output.{kind}"] = published[f"{theirs}.2.{kind}"]
        for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            weights[f"{ours}.norm.{kind}"] = published[f"{norm}.{kind}"]
    return weights


def revin_weights(published):
    affine = {f"normalization.{kind}": published[f"revin_layer.affine_{kind}"][:, None] for kind in ("weight", "bias")}
    return mlp_weights(published) | affine


def dlinear_weights(published):
    return {k.replace("Linear_Seasonal", "seasonal").replace("Linear_Trend", "trend"): v for k, v in published.items()}


def itransformer_weights(published):
    direct = {"embedding": "enc_embedding.value_embedding", "norm": "encoder.norm", "projection": "projection"}
    weights = {f"{o}.{kind}": published[f"{t}.{kind}"] for o, t in direct.items() for kind in ("weight", "bias")}
    inside = {
        "attention_output": "attention.out_projection",
        "expand": "conv1",
        "contract": "conv2",
        "attention_norm": "norm1",
        "feedforward_norm": "norm2",
    }
    layer = 0
    while f"encoder.attn_layers.{layer}.norm1.weight" in published:
        prefix = f"encoder.attn_layers.{layer}"
        for kind in ("weight", "bias"):
            parts = [published[f"{prefix}.attention.{part}_projection.{kind}"] for part in ("query", "key", "value")]
            weights[f"layers.{layer}.query_key_value.{kind}"] = torch.cat(parts)
            for ours, theirs in inside.items():
                value = published[f"{prefix}.{theirs}.{kind}"]
                weights[f"layers.{layer}.{ours}.{kind}"] = value.squeeze(-1) if value.ndim == 3 else value
        layer += 1
    return weights


CASES = {
    "DMLP": (lambda c: MLP(c["d_model"]), mlp_weights, "feature0"),
    "DMLP_revin": (lambda c: MLP(c["d_model"], normalization="revin"), revin_weights, "feature0"),
    "DMLP_nonorm": (lambda c: MLP(c["d_model"], normalization=None), mlp_weights, "feature0"),
    "MLP": (lambda c: MLP(c["d_model"], decomposition=False), mlp_weights, "feature0"),
    "DLinear": (lambda c: DLinear(c["moving_avg"]), dlinear_weights, None),
    "iTransformer": (
        lambda c: ITransformer(
            c["d_model"],
            n_layers=c["e_layers"],
            n_heads=c["n_heads"],
            feedforward_size=c["d_ff"],
            activation=c["activation"],
        ),
        itransformer_weights,
        "feature2",
    ),
}


def relative_error(ours, theirs):
    return np.abs(ours.detach().numpy() - theirs).max() / np.abs(theirs).max()


@pytest.mark.parametrize("name", CASES)
def test_published_forecasts_features_and_gradients(name, shared_path):
    make, convert, feature = CASES[name]
    published = np.load(shared_path / "parity" / f"model_{name}.npz")
    config = json.loads(str(published["config"]))
    weights = {key[2:]: torch.tensor(published[key]) for key in published.files if key.startswith("w/")}
    reads_time = name == "iTransformer"
    spec = NetworkSpec(config["seq_len"], config["pred_len"], config["enc_in"], n_time_features=4 * reads_time)
    module = make(config).build(spec).eval()
    module.load_state_dict(convert(weights))
    context = torch.tensor(published["x"], requires_grad=True)
    output = module(context, context_time=torch.tensor(published["x_mark"]) if reads_time else None)
    assert relative_error(output.forecast, published["output"]) < 1e-5
    (output.forecast * torch.tensor(published["grad_probe"])).sum().backward()
    assert relative_error(context.grad, published["grad_x"]) < 1e-4
    if feature is not None:
        assert relative_error(output.features, published[feature][:, : config["enc_in"]]) < 1e-5
