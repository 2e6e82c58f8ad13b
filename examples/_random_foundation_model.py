"""Foundation models of published sizes with random weights: useful to measure speed, not accuracy."""

from __future__ import annotations

from pathlib import Path

# width, layers, heads, feed-forward width of the published Chronos-Bolt models
BOLT_SIZES = {"tiny": (256, 4, 4, 1024), "small": (512, 6, 8, 2048), "base": (768, 12, 12, 3072)}


def save_random_bolt(
    folder: Path,
    *,
    size: tuple[int, int, int, int] = (16, 1, 2, 32),
    context_length: int = 2048,
    prediction_length: int = 64,
    patch_size: int = 16,
    initial_scale: float = 0.05,
) -> Path:
    """Build a Chronos-Bolt from its config and save it."""
    from chronos.chronos_bolt import ChronosBoltModelForForecasting
    from transformers import T5Config

    width, n_layers, n_heads, hidden = size
    config = T5Config(
        d_model=width,
        d_kv=width // n_heads,
        d_ff=hidden,
        num_layers=n_layers,
        num_decoder_layers=n_layers,
        num_heads=n_heads,
        dropout_rate=0.0,
        feed_forward_proj="relu",
        initializer_factor=initial_scale,
        vocab_size=2,
        pad_token_id=0,
        decoder_start_token_id=0,
        reg_token_id=1,
        chronos_config={
            "context_length": context_length,
            "prediction_length": prediction_length,
            "input_patch_size": patch_size,
            "input_patch_stride": patch_size,
            "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
            "use_reg_token": True,
        },
        chronos_pipeline_class="ChronosBoltPipeline",
        architectures=["ChronosBoltModelForForecasting"],
    )
    ChronosBoltModelForForecasting(config).save_pretrained(folder)
    return folder


def save_random_time_moe(folder: Path, *, tiny: bool = False) -> Path:
    """Build a Time-MoE of the published 50M size from its config and save it."""
    from sktime.libs.timemoe.timemoe import TimeMoeForPrediction
    from sktime.libs.timemoe.timemoe_config import TimeMoeConfig

    config = TimeMoeConfig(
        hidden_size=16 if tiny else 384,
        intermediate_size=32 if tiny else 1536,
        num_hidden_layers=1 if tiny else 12,
        num_attention_heads=2 if tiny else 12,
        num_experts=2 if tiny else 8,
        num_experts_per_tok=1 if tiny else 2,
        horizon_lengths=[1, 8, 32, 64],
        max_position_embeddings=4096,
    )
    TimeMoeForPrediction(config).save_pretrained(folder)
    return folder


def save_random_moirai(folder: Path, *, tiny: bool = False) -> Path:
    """Build a Moirai of the published base size from its config and save it."""
    from sktime.libs.uni2ts.distribution.log_normal import LogNormalOutput
    from sktime.libs.uni2ts.distribution.mixture import MixtureOutput
    from sktime.libs.uni2ts.distribution.negative_binomial import NegativeBinomialOutput
    from sktime.libs.uni2ts.distribution.normal import NormalFixedScaleOutput
    from sktime.libs.uni2ts.distribution.student_t import StudentTOutput
    from sktime.libs.uni2ts.moirai_module import MoiraiModule

    parts = [StudentTOutput(), NormalFixedScaleOutput(), NegativeBinomialOutput(), LogNormalOutput()]
    module = MoiraiModule(
        distr_output=MixtureOutput(components=parts),
        d_model=64 if tiny else 768,
        num_layers=1 if tiny else 12,
        patch_sizes=(8, 16, 32, 64, 128),
        max_seq_len=512,
        attn_dropout_p=0.0,
        dropout_p=0.0,
        scaling=True,
    )
    module.save_pretrained(folder)
    return folder
