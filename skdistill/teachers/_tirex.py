"""TiRex and TiRex-2: recurrent foundation models."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from skdistill._utils._checks import check_boolean
from skdistill._utils._optional import import_optional
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._tirex2 import TiRex2Model, is_tirex2
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TiRex"]


class TiRex(FoundationTeacher):
    """TiRex or TiRex-2 as a zero-shot teacher.

    TiRex-2 reads past and known covariates, and forecasts targets separately or together; the first TiRex forecasts
    every target by itself, without covariates. Forecasts are the median, together with the model's quantiles; missing
    values are masked. Horizons have any length, but TiRex-2 with covariates or targets together ends at its own one.
    Features are the states of the context, one vector per patch.

    Parameters
    ----------
    model : str or Path, default="NX-AI/TiRex"
        A local ``.ckpt`` file or its folder, the folder of a TiRex-2 (``config.json``, ``model.safetensors``), or an
        id on the hub, such as ``"NX-AI/TiRex-2"``.
    layer : int or None, default=-1
        The block whose state is used as features; None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per patch (None), their mean, the last one, or the means over this many blocks of
        patches.
    covariates : bool, default=True
        Whether TiRex-2 reads the covariates, past and known, if there are any; unknown values are masked.
    joint : bool, default=False
        Whether TiRex-2 forecasts the targets of a window together, so that each reads the others.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=256
        Number of single series forecast at once; halved if memory runs out.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    Notes
    -----
    The first TiRex and its weights have their own license (NXAI Community License); TiRex-2 has the Apache License 2.0.

    References
    ----------
    Auer et al. (2025), TiRex: Zero-shot forecasting across long and short horizons with enhanced
    in-context learning (arXiv 2505.23719). TiRex-2: Generalizing TiRex to multivariate data and streaming
    (arXiv 2607.01204).

    Examples
    --------
    >>> from skdistill.teachers import TiRex
    >>> TiRex("models/TiRex/model.ckpt").batch_size
    256
    """

    extra: ClassVar[str] = "tirex"
    libraries: ClassVar[tuple[str, ...]] = ("tirex-2", "tirex-ts")
    family: ClassVar[str] = "TiRex"
    files: ClassVar[tuple[str, ...]] = ("*.json", "*.ckpt", "*.safetensors")
    handles_missing: ClassVar[bool] = True
    dtype = "float32"

    def __init__(
        self,
        model: str | Path = "NX-AI/TiRex",
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        covariates: bool = True,
        joint: bool = False,
        revision: str | None = None,
        batch_size: int = 256,
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
        names = () if is_tirex2(path) else ("covariates", "joint")
        return (*super().parameters_without_effect(path), *names)

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a parameter is out of its range, or the checkpoint is not available."""
        check_boolean(self.covariates, "covariates of TiRex")
        check_boolean(self.joint, "joint of TiRex")
        super().check(spec)
        if self.joint and not is_tirex2(self._path()):
            raise ValueError(
                f"joint = True of TiRex needs a TiRex-2, and {self.model} forecasts every target by itself: leave "
                "joint out."
            )

    def check_checkpoint(self, path: Path) -> None:
        """Raise if there is no checkpoint file, or the library that reads it is missing."""
        if is_tirex2(path):
            import_optional("tirex2", extra="tirex2", purpose="The teacher TiRex-2")
            return
        _checkpoint_file(path)
        import_optional("tirex", extra=self.extra, purpose="The teacher TiRex")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network.

        Raises
        ------
        ValueError
            If the file contains something else.
        """
        if is_tirex2(path):
            package = import_optional("tirex2", extra="tirex2", purpose="The teacher TiRex-2")
            network = package.load_model(path, device=device.type).model
            return TiRex2Model(network.to(device=device, dtype=dtype), package.TimeseriesType)
        file = _checkpoint_file(path)
        library = import_optional("tirex.models.tirex", extra=self.extra, purpose="The teacher TiRex")
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # the library prints
                module = library.TiRexZero.from_pretrained(str(file), backend="torch", device=str(device))
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"model of TiRex: {file} is not a checkpoint of TiRex ({error}).") from error
        return _TiRex(module)


class _TiRex(ZeroShotModel):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.layers = list(module.blocks)
        self.patch = int(module.config.input_patch_size)
        self.max_context = int(module.config.train_ctx_len)
        self.quantile_levels = tuple(float(level) for level in module.config.quantiles)
        self.median = self.quantile_levels.index(0.5)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        quantiles, _ = self.module.forecast(
            context, prediction_length=horizon, output_type="torch", batch_size=len(context)
        )
        # The model's point forecast equals this median, but drops the axis of a horizon of one step.
        return Prediction(quantiles[:, :, self.median], quantiles.transpose(1, 2))

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, -math.ceil(n_steps / self.patch) :]  # the padding of short contexts comes first


def _checkpoint_file(path: Path) -> Path:
    files = [path] if path.is_file() else sorted(path.glob("*.ckpt"))
    if len(files) != 1 or files[0].suffix != ".ckpt":
        raise FileNotFoundError(
            "model of TiRex must be one .ckpt file or the folder of one, or that of a TiRex-2 (config.json, "
            f"model.safetensors); {path} holds {len(files)} .ckpt files."
        )
    return files[0]
