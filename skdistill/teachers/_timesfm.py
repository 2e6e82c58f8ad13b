"""TimesFM 2.0 and 2.5."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from skdistill._utils._optional import import_optional
from skdistill.teachers._checkpoint_folder import family_error, load_transformers, read_config
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TimesFM"]


class TimesFM(FoundationTeacher):
    """TimesFM 2.0 or 2.5 as a zero-shot teacher, in the version of transformers.

    Every channel is forecast separately. Forecasts are the model's point forecasts, together with its quantiles; beyond
    its own horizon they are rolled out. Features are the decoder's states, one vector per patch of the context. If the
    context is not a multiple of the patch, its oldest rows are dropped; the libraries pad with zeros instead, which
    shifts the statistics.

    Parameters
    ----------
    model : str or Path, default="google/timesfm-2.5-200m-transformers"
        A local folder, or an id on the hub, in the format of transformers.
    layer : int or None, default=-1
        The decoder layer whose state is used as features; None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per patch (None), their mean, the last one, or the means over this many blocks of
        patches.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=128
        Number of single series forecast at once; halved if memory runs out.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    References
    ----------
    Das et al. (2024), A decoder-only foundation model for time-series forecasting (arXiv 2310.10688).

    Examples
    --------
    >>> from skdistill.teachers import TimesFM
    >>> TimesFM(layer=None)
    TimesFM(layer=None)
    """

    extra: ClassVar[str] = "timesfm"
    family: ClassVar[str] = "TimesFM 2.0 or 2.5 in the format of transformers"
    dtype = "float32"

    def __init__(
        self,
        model: str | Path = "google/timesfm-2.5-200m-transformers",
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        revision: str | None = None,
        batch_size: int = 128,
        device: str | None = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.revision = revision
        self.batch_size = batch_size
        self.device = device

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a checkpoint belongs to another family, or the library that reads it is missing."""
        config = read_config(path, owner="TimesFM")
        if not str(config.get("model_type")).startswith("timesfm"):
            raise family_error(path, config, owner="TimesFM", wants=self.family)
        import_optional("transformers", extra=self.extra, purpose="The teacher TimesFM")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network that the checkpoint names."""
        self.check_checkpoint(path)
        library = import_optional("transformers", extra=self.extra, purpose="The teacher TimesFM")
        module = load_transformers(library.AutoModelForTimeSeriesPrediction, path)
        return _TimesFM(module.to(device=device, dtype=dtype))


class _TimesFM(ZeroShotModel):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.layers = list(next(child for child in module.children() if hasattr(child, "layers")).layers)
        self.patch = int(module.config.patch_length)
        self.max_context = int(module.config.context_length)
        self.max_horizon = int(module.config.horizon_length)
        self.quantile_levels = tuple(float(level) for level in module.config.quantiles)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        n_steps = context.shape[1]
        if n_steps < self.patch:
            context = pad(context[:, None], (self.patch - n_steps, 0), mode="replicate")[:, 0]
        length = max(n_steps // self.patch, 1) * self.patch
        # Otherwise the smallest value of the whole batch would decide whether to clamp at 0.
        output = self.module(
            past_values=context[:, -length:], forecast_context_len=length, truncate_negative=False, return_dict=True
        )
        quantiles = output.full_predictions[:, :horizon, 1:].transpose(1, 2)
        return Prediction(output.mean_predictions[:, :horizon], quantiles)

    def rows_read(self, n_steps: int, horizon: int) -> int:
        n_rows = super().rows_read(n_steps, horizon)
        return n_rows if n_rows < self.patch else n_rows // self.patch * self.patch

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, -max(math.floor(n_steps / self.patch), 1) :]
