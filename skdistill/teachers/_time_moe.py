"""Time-MoE: a mixture of experts with one token per step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from skdistill._utils._optional import import_optional
from skdistill.teachers._checkpoint_folder import family_error, load_transformers, read_config
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TimeMoE"]


class TimeMoE(FoundationTeacher):
    """Time-MoE as a zero-shot teacher.

    Every channel is forecast separately, from a standardized context; the model appends its forecasts, at most the
    length of its longest head at a time, until the horizon is complete. Features are the states of the context, one
    vector per *step*. These are large, so pool them (``pooling=16``) or recompute them.

    Parameters
    ----------
    model : str or Path, default="Maple728/TimeMoE-50M"
        A local folder, or an id on the hub.
    layer : int or None, default=-1
        The decoder layer whose state is used as features; None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per step (None), their mean, the last one, or the means over this many blocks of steps.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=64
        Number of single series forecast at once; halved if memory runs out.
    dtype : {"float32", "bfloat16"}, default="float32"
        Type of the weights; bfloat16 is for GPUs, and for CPUs with fast bfloat16 arithmetic.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    Notes
    -----
    The network is the one in sktime, never code from the hub.

    References
    ----------
    Shi et al. (2025), Time-MoE: Billion-scale time series foundation models with mixture of experts
    (arXiv 2409.16040).

    Examples
    --------
    >>> from skdistill.teachers import TimeMoE
    >>> TimeMoE(pooling=16).model
    'Maple728/TimeMoE-50M'
    """

    has_quantiles: ClassVar[bool] = False
    extra: ClassVar[str] = "timemoe"
    libraries: ClassVar[tuple[str, ...]] = ("sktime", "transformers")
    family: ClassVar[str] = "Time-MoE"

    def __init__(
        self,
        model: str | Path = "Maple728/TimeMoE-50M",
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        revision: str | None = None,
        batch_size: int = 64,
        dtype: str = "float32",
        device: str | None = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.revision = revision
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = device

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a checkpoint belongs to another family, or the library that reads it is missing."""
        config = read_config(path, owner="TimeMoE")
        if config.get("model_type") != "time_moe":
            raise family_error(path, config, owner="TimeMoE", wants=self.family)
        import_optional("transformers", extra=self.extra, purpose="The teacher TimeMoE")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network; its rotary tables are recomputed."""
        self.check_checkpoint(path)
        library = import_optional("sktime.libs.timemoe.timemoe", extra=self.extra, purpose="The teacher TimeMoE")
        if isinstance(library._prepare_4d_causal_attention_mask, type):  # sktime's stand-in for what it cannot import
            raise ImportError(
                "The teacher TimeMoE needs transformers before 5.24, which lacks a function of its network in sktime. "
                "Install it with: pip install 'transformers>=5.3,<5.24'"
            )
        return _TimeMoE(load_transformers(library.TimeMoeForPrediction, path).to(device=device, dtype=dtype))


class _TimeMoE(ZeroShotModel):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.layers = list(module.model.layers)
        self.max_context = int(module.config.max_position_embeddings)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        location = context.mean(dim=1, keepdim=True)
        scale = context.std(dim=1, keepdim=True, correction=0)
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))  # a constant context is only shifted
        sequence, missing = ((context - location) / scale).to(next(self.module.parameters()).dtype), horizon
        forecast = sequence[:, :0]
        while missing > 0:
            output = self.module(
                input_ids=sequence[:, -self.max_context :, None],
                max_horizon_length=missing,
                use_cache=False,
                return_dict=True,
            )
            block = output.logits[:, -1, :missing]
            sequence, forecast = torch.cat([sequence, block], dim=1), torch.cat([forecast, block], dim=1)
            missing -= block.shape[1]
        return Prediction(forecast.float() * scale + location)

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, -n_steps:]
