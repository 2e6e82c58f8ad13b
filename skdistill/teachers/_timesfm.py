"""TimesFM 2.0, 2.5 and 3.0."""

from __future__ import annotations

import math
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from skdistill._utils._checks import check_boolean
from skdistill._utils._optional import import_optional
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._checkpoint_folder import check_all_weights, family_error, load_transformers, read_config
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._timesfm3 import TimesFM3Model, is_timesfm3
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TimesFM"]


class TimesFM(FoundationTeacher):
    """TimesFM 2.0 or 2.5 in the version of transformers, or 3.0 in that of timesfm, as a zero-shot teacher.

    TimesFM 3.0 reads past and known covariates, and forecasts targets separately or together; the others forecast every
    target by itself, without covariates. Forecasts are the model's point forecasts (3.0: the median), together with its
    quantiles; beyond their own horizon, 2.0 and 2.5 are rolled out. Features of 2.0 and 2.5 are the decoder's states,
    one vector per patch of the context; 3.0 has none here. If the context of 2.0 and 2.5 is not a multiple of the
    patch, its oldest rows are dropped; the libraries pad with zeros instead, which shifts the statistics. TimesFM 2.0
    takes a class of frequency; here it is always the library's default, high (steps of up to a day).

    Parameters
    ----------
    model : str or Path, default="google/timesfm-2.5-200m-transformers"
        A local folder, or an id on the hub, in the format of transformers, or of timesfm for 3.0.
    layer : int or None, default=-1
        The decoder layer whose state is used as features; None returns no features, as 3.0 needs it.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per patch (None), their mean, the last one, or the means over this many blocks of
        patches.
    covariates : bool, default=True
        Whether TimesFM 3.0 reads the covariates, past and known, if there are any; unknown values over the horizon are
        masked, gaps of contexts filled.
    joint : bool, default=False
        Whether TimesFM 3.0 forecasts the targets of a window together, so that each reads the others.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=128
        Number of single series forecast at once; halved if memory runs out.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    Notes
    -----
    The license of the weights of TimesFM 3.0 excludes commercial use.

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
    libraries: ClassVar[tuple[str, ...]] = ("timesfm", "transformers")
    family: ClassVar[str] = "TimesFM 2.0 or 2.5 in the format of transformers, or 3.0 in that of timesfm"
    dtype = "float32"

    def __init__(
        self,
        model: str | Path = "google/timesfm-2.5-200m-transformers",
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        covariates: bool = True,
        joint: bool = False,
        revision: str | None = None,
        batch_size: int = 128,
        device: str | None = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.covariates = covariates
        self.joint = joint
        self.revision = revision
        self.batch_size = batch_size
        self.device = device

    def parameters_without_effect(self, path: Path) -> tuple[str, ...]:
        """Return the names of parameters that do not affect labels, so that labels are shared between their values."""
        names = () if is_timesfm3(read_config(path, owner="TimesFM")) else ("covariates", "joint")
        return (*super().parameters_without_effect(path), *names)

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a parameter is out of its range, or the checkpoint is not available."""
        check_boolean(self.covariates, "covariates of TimesFM")
        check_boolean(self.joint, "joint of TimesFM")
        super().check(spec)
        is_third = is_timesfm3(read_config(self._path(), owner="TimesFM"))
        if self.joint and not is_third:
            raise ValueError(
                f"joint = True of TimesFM needs a TimesFM 3.0, and {self.model} forecasts every target by itself: "
                "leave joint out."
            )
        if self.layer is not None and is_third:
            raise ValueError(
                f"layer of TimesFM must be None for TimesFM 3.0, whose states are not read; got {self.layer}."
            )

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a checkpoint belongs to another family, or the library that reads it is missing."""
        config = read_config(path, owner="TimesFM")
        if is_timesfm3(config):
            import_optional("timesfm3", extra=self.extra, purpose="The teacher TimesFM 3.0")
            return
        if not str(config.get("model_type")).startswith("timesfm"):
            raise family_error(path, config, owner="TimesFM", wants=self.family)
        import_optional("transformers", extra=self.extra, purpose="The teacher TimesFM")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network that the checkpoint names."""
        self.check_checkpoint(path)
        if is_timesfm3(read_config(path, owner="TimesFM")):
            package = import_optional("timesfm3", extra=self.extra, purpose="The teacher TimesFM 3.0")
            with redirect_stdout(StringIO()):  # the hub's mixin prints where weights come from
                network = package.TimesFM3Torch.from_pretrained(str(path))
            check_all_weights(network, path)
            return TimesFM3Model(network.to(device=device, dtype=dtype))
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
