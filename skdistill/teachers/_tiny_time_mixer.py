"""TinyTimeMixer (TTM): small mixers, pretrained for fixed lengths."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from skdistill._optional import import_optional
from skdistill.teachers._checkpoint_folder import family_error, load_transformers, read_config
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TinyTimeMixer"]


class TinyTimeMixer(FoundationTeacher):
    """TinyTimeMixer as a zero-shot teacher.

    Every channel is forecast by itself. Contexts shorter than the model's are padded and masked, as
    missing values are; beyond its own horizon forecasts are rolled out. Features are the backbone's
    states, one vector a patch of the model's context.

    Parameters
    ----------
    model : str or Path, default="ibm-granite/granite-timeseries-ttm-r2"
        A local folder, or an id on the hub; ``revision`` chooses among its lengths.
    layer : int or None, default=-1
        The mixer layer whose state is the feature; None gives none.
    pooling : {None, "mean", "last"} or int, default=None
        One vector a patch, their mean, the last, or means over that many blocks of patches.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=1024
        Single series that are forecast at once; halved where memory runs out.
    device : str or None, default=None
        Where to label; None takes the forecaster's.

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
        batch_size: int = 1024,
        device: str | None = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.revision = revision
        self.batch_size = batch_size
        self.device = device

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a checkpoint is of another family, or the library that reads it is missing.

        Parameters
        ----------
        path : Path
            Folder of the checkpoint.
        """
        config = read_config(path, owner="TinyTimeMixer")
        if config.get("model_type") != "tinytimemixer":
            raise family_error(path, config, owner="TinyTimeMixer", wants=self.family)
        if config.get("mode", "common_channel") != "common_channel" and config.get("num_input_channels", 1) > 1:
            raise ValueError(
                f"model of TinyTimeMixer: {path} mixes {config['num_input_channels']} channels, and this teacher "
                "forecasts each by itself: take a checkpoint of one channel."
            )
        import_optional("transformers", extra=self.extra, purpose="The teacher TinyTimeMixer")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network.

        Parameters
        ----------
        path : Path
            Folder of the checkpoint.
        device : torch.device
            Where to put it.
        dtype : torch.dtype
            The type of its weights.

        Returns
        -------
        model : ZeroShotModel
            The model.
        """
        self.check_checkpoint(path)
        name = "sktime.libs.granite_ttm.modeling_tinytimemixer"
        library = import_optional(name, extra=self.extra, purpose="The teacher TinyTimeMixer")
        return _TinyTimeMixer(
            load_transformers(library.TinyTimeMixerForPrediction, path).to(device=device, dtype=dtype)
        )


class _TinyTimeMixer(ZeroShotModel):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.layers = list(module.backbone.encoder.mlp_mixer_encoder.mixers)
        self.patch = int(module.config.patch_stride)
        self.max_context = int(module.config.context_length)
        self.max_horizon = int(module.config.prediction_filter_length or module.config.prediction_length)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        known = ~torch.isnan(context)
        output = self.module(
            past_values=torch.nan_to_num(context)[..., None],
            past_observed_mask=known[..., None].to(context.dtype),
            return_loss=False,
            return_dict=True,
        )
        return Prediction(output.prediction_outputs[:, :horizon, 0])

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, 0, -math.ceil(n_steps / self.patch) :]  # the only channel; padding comes first
