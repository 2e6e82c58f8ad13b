"""Tiny foundation models, built from their configs with random weights and saved as the real ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

QUANTILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def make_chronos_bolt(folder: Path, **changes: Any) -> Path:
    """Save a Chronos-Bolt of 64 steps of context and 16 of horizon."""
    from chronos.chronos_bolt import ChronosBoltModelForForecasting
    from transformers import T5Config

    settings = {
        "context_length": 64,
        "prediction_length": 16,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "quantiles": QUANTILES,
        "use_reg_token": True,
        **changes,
    }
    config = T5Config(
        **_t5_sizes(),
        vocab_size=2,
        reg_token_id=1,
        chronos_config=settings,
        chronos_pipeline_class="ChronosBoltPipeline",
        architectures=["ChronosBoltModelForForecasting"],
    )
    return _save(ChronosBoltModelForForecasting(config), folder)


def make_chronos_t5(folder: Path) -> Path:
    """Save a Chronos of the first generation, which samples tokens."""
    from transformers import T5Config, T5ForConditionalGeneration

    settings = {
        "tokenizer_class": "MeanScaleUniformBins",
        "tokenizer_kwargs": {"low_limit": -15.0, "high_limit": 15.0},
        "n_tokens": 64,
        "n_special_tokens": 2,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "use_eos_token": True,
        "model_type": "seq2seq",
        "context_length": 64,
        "prediction_length": 8,
        "num_samples": 5,
        "temperature": 1.0,
        "top_k": 50,
        "top_p": 1.0,
    }
    config = T5Config(
        **_t5_sizes(),
        vocab_size=64,
        eos_token_id=1,
        chronos_config=settings,
        architectures=["T5ForConditionalGeneration"],
    )
    return _save(T5ForConditionalGeneration(config), folder)


def make_chronos_2(folder: Path) -> Path:
    """Save a Chronos-2 of 64 steps of context and patches of 8."""
    from chronos.chronos2 import Chronos2Model
    from chronos.chronos2.config import Chronos2CoreConfig

    settings = {
        "context_length": 64,
        "output_patch_size": 8,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "quantiles": QUANTILES,
        "use_reg_token": True,
        "use_arcsinh": True,
        "max_output_patches": 2,
    }
    config = Chronos2CoreConfig(
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        dropout_rate=0.0,
        vocab_size=2,
        reg_token_id=1,
        chronos_config=settings,
        chronos_pipeline_class="Chronos2Pipeline",
        architectures=["Chronos2Model"],
    )
    return _save(Chronos2Model(config), folder)


def make_time_moe(folder: Path) -> Path:
    """Save a Time-MoE with heads of 1 and 4 steps."""
    from sktime.libs.timemoe.timemoe import TimeMoeForPrediction
    from sktime.libs.timemoe.timemoe_config import TimeMoeConfig

    config = TimeMoeConfig(
        hidden_size=16,
        intermediate_size=32,
        horizon_lengths=[1, 4],
        num_hidden_layers=2,
        num_attention_heads=2,
        num_experts=2,
        num_experts_per_tok=1,
        max_position_embeddings=64,
    )
    return _save(TimeMoeForPrediction(config), folder)


def make_moirai(folder: Path) -> Path:
    """Save a Moirai 1 with patches of 8 and 16."""
    from sktime.libs.uni2ts.distribution.mixture import MixtureOutput
    from sktime.libs.uni2ts.distribution.normal import NormalFixedScaleOutput
    from sktime.libs.uni2ts.distribution.student_t import StudentTOutput
    from sktime.libs.uni2ts.moirai_module import MoiraiModule

    module = MoiraiModule(
        distr_output=MixtureOutput(components=[StudentTOutput(), NormalFixedScaleOutput()]),
        d_model=64,
        num_layers=2,
        patch_sizes=(8, 16),
        max_seq_len=64,
        attn_dropout_p=0.0,
        dropout_p=0.0,
        scaling=True,
    )
    return _save(module, folder)


def make_moirai_2(folder: Path) -> Path:
    """Save a Moirai 2 with patches of 8, two of which are forecast at once."""
    from sktime.libs.uni2ts.moirai2_module import Moirai2Module

    module = Moirai2Module(
        d_model=64,
        d_ff=32,
        num_layers=2,
        patch_size=8,
        max_seq_len=64,
        attn_dropout_p=0.0,
        dropout_p=0.0,
        num_predict_token=2,
    )
    return _save(module, folder)


def make_timesfm(folder: Path) -> Path:
    """Save a TimesFM 2.0 with a horizon of 16."""
    from transformers import TimesFmConfig, TimesFmModelForPrediction

    config = TimesFmConfig(
        patch_length=8,
        context_length=64,
        horizon_length=16,
        num_hidden_layers=2,
        hidden_size=16,
        intermediate_size=16,
        head_dim=8,
        num_attention_heads=2,
        quantiles=QUANTILES,
    )
    return _save(TimesFmModelForPrediction(config), folder)


def make_timesfm_2_5(folder: Path) -> Path:
    """Save a TimesFM 2.5 with a horizon of 16."""
    from transformers import TimesFm2_5Config, TimesFm2_5ModelForPrediction

    config = TimesFm2_5Config(
        patch_length=8,
        context_length=64,
        horizon_length=16,
        output_quantile_len=16,
        num_hidden_layers=2,
        hidden_size=16,
        intermediate_size=16,
        head_dim=8,
        num_attention_heads=2,
        num_key_value_heads=2,
        quantiles=QUANTILES,
    )
    return _save(TimesFm2_5ModelForPrediction(config), folder)


def make_timesfm_3(folder: Path) -> Path:
    """Save a TimesFM 3.0 in the format of timesfm."""
    from timesfm3 import TimesFM3Torch

    blocks = {"hidden_dims": 16, "output_dims": 16, "use_bias": False, "activation": "relu"}
    norms = {"attention_norm": "rms", "feedforward_norm": "rms", "qk_norm": "rms"}
    others = {"use_rope_seq": True, "use_rope_var": True, "use_bias": False, "ff_activation": "relu"}
    layer = {"model_dims": 16, "hidden_dims": 16, "num_heads": 2, "deterministic": True, **norms, **others}
    stack = {"num_layers": 2, "transformer": layer}
    sizes = {"input_patch_len": 8, "output_patch_len": 16, "quantiles": QUANTILES}
    return _save(TimesFM3Torch(**sizes, residual_block_config=blocks, transformer_config=stack), folder)


def make_tirex_2(folder: Path) -> Path:
    """Save a TiRex-2 in the format of tirex-2."""
    from safetensors.torch import save_model
    from tirex2.model import TiRex2

    mixers = {"time_mixer": {"model_type": "bi-mlstm", "embedding_dim": 64, "num_heads": 2}}
    mixers["variate_mixer"] = {"embedding_dim": 64, "num_heads": 2}
    patch = {"input_patch_size": 8, "output_patch_size": 8}
    config = {
        "stack_config": {"templates": {"one": {**mixers, "dropout": 0.0, "eps": 1e-6}}, "recipe": ["one", "one"]},
        "num_blocks": 2,
        "embedding_dim": 64,
        **patch,
        "quantiles": QUANTILES,
        "tokenizer_cfg": {**patch, "input_patch_stride": 8},
        "scaler_cfg": {"eps": 1e-8},
        "h_expand": 1.0,
        "context_len": 64,
        "future_len": 32,
        "input_ff_dim": 32,
        "act_func": "SiLU",
        "dropout": 0.0,
    }
    model = TiRex2(**config, device="cpu")
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_model(model, str(folder / "model.safetensors"))
    return folder


def make_tirex(folder: Path) -> Path:
    """Save a TiRex as a lightning checkpoint, and return the file."""
    from tirex.models.tirex import TiRexZero

    sizes = {
        "input_patch_size": 8,
        "output_patch_size": 8,
        "quantiles": QUANTILES,
        "block_kwargs": {"embedding_dim": 16, "num_heads": 4, "num_blocks": 2, "ffn_proj_factor": 2.667},
        "input_ff_dim": 32,
    }
    hyper_parameters = {"model_config": sizes, "train_ctx_len": 64}
    model = TiRexZero(backend="torch", **hyper_parameters)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.ckpt"
    torch.save({"hyper_parameters": hyper_parameters, "state_dict": model.state_dict()}, path)
    return path


def make_tiny_time_mixer(folder: Path, **changes: Any) -> Path:
    """Save a TinyTimeMixer of 32 steps of context and 8 of horizon."""
    from sktime.libs.granite_ttm.configuration_tinytimemixer import TinyTimeMixerConfig
    from sktime.libs.granite_ttm.modeling_tinytimemixer import TinyTimeMixerForPrediction

    config = TinyTimeMixerConfig(
        context_length=32,
        patch_length=8,
        patch_stride=8,
        prediction_length=8,
        d_model=16,
        num_layers=2,
        decoder_num_layers=1,
        decoder_d_model=8,
        scaling="std",
        **changes,
    )
    return _save(TinyTimeMixerForPrediction(config), folder)


def _t5_sizes() -> dict[str, Any]:
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 2}
    return {
        **sizes,
        "dropout_rate": 0.0,
        "initializer_factor": 0.5,
        "feed_forward_proj": "relu",
        "decoder_start_token_id": 0,
        "pad_token_id": 0,
    }


def _save(model: Any, folder: Path) -> Path:
    model.eval()
    model.save_pretrained(folder)
    return folder
