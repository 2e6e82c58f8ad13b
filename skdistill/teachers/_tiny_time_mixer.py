"""TinyTimeMixer (TTM): small mixers, pretrained for fixed lengths."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from skdistill._utils._choices import check_choice
from skdistill._utils._optional import import_optional
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._checkpoint_folder import family_error, load_transformers, read_config
from skdistill.teachers._context_gaps import fill_with_mean
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TinyTimeMixer"]

# Indices of the frequencies in TTM's vocabulary.
_TOKENS: dict[str | None, int] = {
    None: 0,
    "min": 1,
    "2min": 2,
    "5min": 3,
    "10min": 4,
    "15min": 5,
    "30min": 6,
    "h": 7,
    "D": 8,
    "W": 9,
}
# Values of the config for independent channels.
_APART = {"mode": "common_channel", "decoder_mode": "common_channel", "enable_forecast_channel_mixing": False}


class TinyTimeMixer(FoundationTeacher):
    """TinyTimeMixer as a zero-shot teacher.

    Every channel is forecast separately. Contexts shorter than the model's are padded; padding and missing values are
    masked, and filled with the mean of the observed values, because the network reads them, too. Beyond its own
    horizon, forecasts are rolled out. Features are the backbone's states, one vector per patch of the model's context.

    Parameters
    ----------
    model : str or Path, default="ibm-granite/granite-timeseries-ttm-r2"
        A local folder, or an id on the hub; ``revision`` chooses among its lengths.
    layer : int or None, default=-1
        The mixer layer whose state is used as features; None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per patch (None), their mean, the last one, or the means over this many blocks of
        patches.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    frequency : {"min", "2min", "5min", "10min", "15min", "30min", "h", "D", "W"} or None, default=None
        The step of the series, for checkpoints that were trained with it as a token (``resolution_prefix_tuning``);
        None means an unknown or other step. Other checkpoints do not read it.
    batch_size : int, default=1024
        Number of single series forecast at once; halved if memory runs out.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    References
    ----------
    Ekambaram et al. (2024), Tiny Time Mixers (arXiv 2401.03955).

    Examples
    --------
    >>> from skdistill.teachers import TinyTimeMixer
    >>> TinyTimeMixer(revision="512-96-r2").revision
    '512-96-r2'
    """

    has_quantiles: ClassVar[bool] = False
    extra: ClassVar[str] = "ttm"
    libraries: ClassVar[tuple[str, ...]] = ("sktime", "transformers")
    family: ClassVar[str] = "TinyTimeMixer"
    handles_missing: ClassVar[bool] = True
    dtype = "float32"

    def __init__(
        self,
        model: str | Path = "ibm-granite/granite-timeseries-ttm-r2",
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        revision: str | None = None,
        frequency: str | None = None,
        batch_size: int = 1024,
        device: str | None = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.revision = revision
        self.frequency = frequency
        self.batch_size = batch_size
        self.device = device

    def parameters_without_effect(self, path: Path) -> tuple[str, ...]:
        """Name the parameters that do not change labels, so that labels are shared between their values.

        Returns
        -------
        names : tuple of str
            Names including the frequency, if the checkpoint does not read it.
        """
        reads = read_config(path, owner="TinyTimeMixer").get("resolution_prefix_tuning")
        return (
            super().parameters_without_effect(path)
            if reads
            else (*super().parameters_without_effect(path), "frequency")
        )

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a parameter is out of its range, or the checkpoint is not available."""
        check_choice(self.frequency, list(_TOKENS), "frequency of TinyTimeMixer")
        super().check(spec)

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a checkpoint belongs to another family, or the library that reads it is missing."""
        config = read_config(path, owner="TinyTimeMixer")
        if config.get("model_type") != "tinytimemixer":
            raise family_error(path, config, owner="TinyTimeMixer", wants=self.family)
        mixing = {name: config[name] for name, apart in _APART.items() if config.get(name, apart) != apart}
        if mixing and config.get("num_input_channels", 1) > 1:
            raise ValueError(
                f"model of TinyTimeMixer: {path} mixes {config['num_input_channels']} channels (its config says "
                f"{', '.join(f'{name}={value!r}' for name, value in mixing.items())}), and this teacher forecasts each "
                "by itself: take a checkpoint of one channel, or one that keeps them apart."
            )
        n_tokens = config.get("frequency_token_vocab_size", 5)
        if config.get("resolution_prefix_tuning") and _TOKENS[self.frequency] >= n_tokens:
            known = [name for name, token in _TOKENS.items() if token < n_tokens]
            raise ValueError(
                f"frequency of TinyTimeMixer must be one of those of {path}: {', '.join(map(repr, known))}; "
                f"got {self.frequency!r}."
            )
        import_optional("transformers", extra=self.extra, purpose="The teacher TinyTimeMixer")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network."""
        self.check_checkpoint(path)
        name = "sktime.libs.granite_ttm.modeling_tinytimemixer"
        library = import_optional(name, extra=self.extra, purpose="The teacher TinyTimeMixer")
        module = load_transformers(library.TinyTimeMixerForPrediction, path).to(device=device, dtype=dtype)
        reads = read_config(path, owner="TinyTimeMixer").get("resolution_prefix_tuning")
        return _TinyTimeMixer(module, _TOKENS[self.frequency] if reads else None)


class _TinyTimeMixer(ZeroShotModel):
    def __init__(self, module: Any, token: int | None) -> None:
        super().__init__()
        self.module = module
        self.token = token
        self.layers = list(module.backbone.encoder.mlp_mixer_encoder.mixers)
        self.patch = int(module.config.patch_stride)
        self.max_context = int(module.config.context_length)
        self.max_horizon = int(module.config.prediction_filter_length or module.config.prediction_length)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        context = pad(context, (max(self.max_context - context.shape[1], 0), 0), value=torch.nan)
        output = self.module(
            past_values=fill_with_mean(context)[..., None],  # the network reads values in gaps, too
            past_observed_mask=(~torch.isnan(context))[..., None].to(context.dtype),
            freq_token=None if self.token is None else torch.full_like(context[:, 0], self.token, dtype=torch.long),
            return_loss=False,
            return_dict=True,
        )
        return Prediction(output.prediction_outputs[:, :horizon, 0])

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, 0, -math.ceil(n_steps / self.patch) :]  # the only channel; token and padding come first
