"""Fracast: a compact foundation model whose weights come with its library."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._optional import import_optional
from skdistill.data._contexts import Contexts
from skdistill.data._training_windows import TrainingWindows
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._provenance import Entry, checkpoint_origin
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["Fracast"]

logger = logging.getLogger("skdistill")

_FEWEST = 8  # observed values that the model needs


class Fracast(FoundationTeacher):
    """Fracast-0 as a zero-shot teacher; its weights come with ``pip install 'skdistill[fracast]'``.

    A network of 85,001 parameters. Every channel is forecast separately, from up to 2,048 rows. Forecasts are the
    median, together with nine deciles; missing values are masked. Horizons of up to 48 steps are forecast in one pass;
    longer ones are rolled out, with a message. Features are the states of the context, one vector per row.

    Parameters
    ----------
    model : str, Path or None, default=None
        A folder with ``config.json`` and ``model.safetensors``, or an id on the hub; None takes the weights of the
        library.
    layer : int or None, default=-1
        The layer whose state is used as features; there is only the last one. None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per row (None), their mean, the last one, or the means over this many blocks of rows.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=256
        Number of single series forecast at once; halved if memory runs out.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    Notes
    -----
    Each context is padded to 2,048 rows, so labeling takes as long for short contexts as for long ones.

    The model was trained on public series, among them those of fev-bench and of the Chronos data sets; the test rows of
    GIFT-Eval were held out.

    References
    ----------
    Fracast 0.1.0 (Apache-2.0), https://pypi.org/project/fracast.

    Examples
    --------
    >>> from skdistill.teachers import Fracast
    >>> Fracast(layer=None).license
    'Apache-2.0'
    """

    extra = "fracast"
    libraries = ("fracast",)
    family = "Fracast"
    files = ("config.json", "model.safetensors")
    handles_missing = True
    dtype = "float32"
    source: str | None = "fracast"
    license: str | None = "Apache-2.0"
    training_data: str | None = "public series: GIFT-Eval pretraining set, LOTSA, Chronos, BOOM, fev"

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        revision: str | None = None,
        batch_size: int = 256,
        device: str | None = None,
    ) -> None:
        self.model = model  # type: ignore[assignment]
        self.layer = layer
        self.pooling = pooling
        self.revision = revision
        self.batch_size = batch_size
        self.device = device

    def provenance(self) -> list[Entry]:
        """Say where the weights come from: the version of the library, or a folder."""
        if self.model is not None:
            return [{"teacher": "Fracast", **checkpoint_origin(self.model, self.revision)}]
        known = {"source": self.source, "license": self.license, "training_data": self.training_data}
        return [{"teacher": "Fracast", "revision": _library().__version__, **known}]

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a file is missing, or the library."""
        _library()
        missing = [name for name in self.files if not (path / name).is_file()]
        if missing:
            raise FileNotFoundError(f"model of Fracast must be a folder with {' and '.join(missing)}; got {path}.")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network.

        Raises
        ------
        ValueError
            If the folder contains the weights of something else.
        """
        try:
            model = _library().FracastModel.from_pretrained(path, weights="fp32", device=device)
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"model of Fracast: {path} is not a checkpoint of Fracast ({error}).") from error
        return _Fracast(model)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> Fracast:
        """Store the shapes of the problem; nothing is learned."""
        super().fit(windows, checkpoint)
        longest = self._model().max_horizon
        if longest is not None and windows.train.prediction_length > longest:
            logger.warning(
                "Fracast forecasts %d steps in one pass: the horizon of %d steps is rolled out, each part on the "
                "medians before it, and its later quantiles are too narrow",
                longest,
                windows.train.prediction_length,
            )
        return self

    def _path(self) -> Path:
        if self.model is not None:
            return super()._path()
        return Path(_library().__file__).with_name("weights")

    def _check_contexts(self, series: Tensor, contexts: Contexts) -> None:
        few = (torch.isfinite(series).sum(dim=1) < _FEWEST).reshape(len(contexts), -1).any(dim=1)
        if bool(few.any()):
            number = int(torch.argmax(few.int()))
            raise ValueError(
                f"Fracast needs at least {_FEWEST} observed values of every channel in each context, and the context "
                f"of the window whose horizon starts at row {contexts.origins[number]} of series "
                f"{contexts.series[number]} has fewer in some channel. Set min_observed={_FEWEST} or more, leave out "
                "that series or channel, or fill it."
            )


def _library() -> Any:
    return import_optional("fracast", extra="fracast", purpose="The teacher Fracast")


class _Fracast(ZeroShotModel):
    """The library's model as a zero-shot model."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.module = nn.ModuleDict({"core": model.core, "head": model.head})
        self.layers = [model.core.norm]
        self.max_context = model.context_length
        self.max_horizon = model.horizon
        self.quantile_levels = tuple(model.quantiles)
        self.median = self.quantile_levels.index(0.5)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        rows = context.cpu().numpy()
        answer = torch.from_numpy(self.model.forecast_batch(rows, horizon=horizon)).transpose(1, 2)
        quantiles = answer.sort(dim=1).values
        return Prediction(quantiles[:, self.median], quantiles)

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, -min(n_steps, state.shape[1]) :]  # contexts are padded on the left
