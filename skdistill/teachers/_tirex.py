"""TiRex: a recurrent foundation model."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from skdistill._utils._optional import import_optional
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TiRex"]


class TiRex(FoundationTeacher):
    """TiRex as a zero-shot teacher.

    Every channel is forecast separately. Forecasts are the median, together with the model's quantiles, over horizons
    of any length; missing values are masked. Features are the states of the context, one vector per patch.

    Parameters
    ----------
    model : str or Path, default="NX-AI/TiRex"
        A local ``.ckpt`` file or its folder, or an id on the hub.
    layer : int or None, default=-1
        The block whose state is used as features; None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per patch (None), their mean, the last one, or the means over this many blocks of
        patches.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=256
        Number of single series forecast at once; halved if memory runs out.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    Notes
    -----
    TiRex and its weights have their own license (NXAI Community License).

    References
    ----------
    Auer et al. (2025), TiRex: Zero-shot forecasting across long and short horizons with enhanced
    in-context learning (arXiv 2505.23719).

    Examples
    --------
    >>> from skdistill.teachers import TiRex
    >>> TiRex("models/TiRex/model.ckpt").batch_size
    256
    """

    extra: ClassVar[str] = "tirex"
    family: ClassVar[str] = "TiRex"
    files: ClassVar[tuple[str, ...]] = ("*.json", "*.ckpt")
    handles_missing: ClassVar[bool] = True
    dtype = "float32"

    def __init__(
        self,
        model: str | Path = "NX-AI/TiRex",
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        revision: str | None = None,
        batch_size: int = 256,
        device: str | None = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.revision = revision
        self.batch_size = batch_size
        self.device = device

    def check_checkpoint(self, path: Path) -> None:
        """Raise if there is no checkpoint file, or the library that reads it is missing."""
        _checkpoint_file(path)
        import_optional("tirex", extra=self.extra, purpose="The teacher TiRex")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network.

        Raises
        ------
        ValueError
            If the file contains something else.
        """
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
            f"model of TiRex must be one .ckpt file or the folder of one; {path} holds {len(files)}."
        )
    return files[0]
