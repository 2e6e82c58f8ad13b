"""The pretrained teacher that is part of the package."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from skdistill.data._contexts import Contexts
from skdistill.data._training_windows import TrainingWindows
from skdistill.teachers._echo_network import EchoNetwork
from skdistill.teachers._echo_weights import SHIPPED, load_echo, read_card
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._provenance import Entry, checkpoint_origin
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["Pretrained"]

logger = logging.getLogger("skdistill")


class Pretrained(FoundationTeacher):
    """The pretrained model included in skdistill, as a zero-shot teacher: no download, no extra.

    A network of 646,384 parameters, called Echo, trained only on synthetic series. It was not trained on any data set,
    so its forecasts leak no test data. Every channel is forecast separately. Forecasts are the median, together with
    nine deciles. Missing values are masked. Contexts have 2 to 2,048 rows; of longer contexts, the last 2,048 rows are
    read. Horizons of up to 720 steps are forecast in one pass; longer horizons are rolled out. Features are the states
    of the context, one vector per patch of 8, 16, 32 or 64 rows, depending on the length of the context.

    Parameters
    ----------
    model : str, Path or None, default=None
        A folder with other weights, as written by ``examples/pretrain/train.py``; None takes the weights of the
        package.
    layer : int or None, default=-1
        The layer whose state is used as features; None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per patch (None), their mean, the last one, or the means over this many blocks of
        patches.
    batch_size : int, default=256
        Number of single series forecast at once; halved if memory runs out.
    dtype : {"float32", "bfloat16"}, default="float32"
        Type of the weights; bfloat16 is about twice as fast on GPUs, and on CPUs with bfloat16 arithmetic.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    Attributes
    ----------
    source : str
        Origin of the weights.
    license : str
        License of the weights.
    training_data : str
        Data that the model was trained on.

    Notes
    -----
    The page "The pretrained teacher" describes its training, its accuracy and its limits.

    The network also reads where zero lies relative to the context. As a teacher it gets standardized contexts, whose
    zero is not that of the series, so labels depend a little on ``scaling``, and differ from forecasts of raw values.

    References
    ----------
    Ansari et al. (2024), Chronos: Learning the language of time series (arXiv 2403.07815): patches of Chronos-Bolt and
    synthetic series. Montero-Manso et al. (2020), FFORMA: Feature-based forecast model averaging: weights for simple
    forecasts, learned from features of a series.

    Examples
    --------
    >>> from skdistill.teachers import Pretrained
    >>> Pretrained(layer=None).license
    'BSD-3-Clause'
    """

    extra: ClassVar[str] = ""
    family: ClassVar[str] = "Echo"
    handles_missing: ClassVar[bool] = True
    source: str | None = "skdistill"
    license: str | None = "BSD-3-Clause"
    training_data: str | None = "synthetic series only; no measured data"
    revision = None

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        batch_size: int = 256,
        dtype: str = "float32",
        device: str | None = None,
    ) -> None:
        self.model = model  # type: ignore[assignment]
        self.layer = layer
        self.pooling = pooling
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = device

    def provenance(self) -> list[Entry]:
        """Say where the weights come from; those in another folder than the package's are named by it."""
        if self.model is None:
            revision = str(read_card(SHIPPED)["sha256"])[:12]
            known = {"source": self.source, "license": self.license, "training_data": self.training_data}
            return [{"teacher": "Pretrained", "revision": revision, **known}]
        return [{"teacher": "Pretrained", **checkpoint_origin(self.model, None)}]

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a folder contains no weights of this network and version."""
        read_card(path)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> Pretrained:
        """Store the shapes of the problem; nothing is learned."""
        super().fit(windows, checkpoint)
        longest = self._model().max_horizon
        if longest is not None and windows.train.prediction_length > longest:
            logger.warning(
                "Pretrained forecasts %d steps in one pass: the horizon of %d steps is rolled out, each part on the "
                "medians "
                "before it, and its later quantiles are too narrow",
                longest,
                windows.train.prediction_length,
            )
        return self

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the network."""
        return EchoModel(load_echo(device, path).to(dtype))

    def parameters_without_effect(self, path: Path) -> tuple[str, ...]:
        """Name the parameters that do not change labels, so that labels are shared between their values."""
        return ("batch_size",)

    def _path(self) -> Path:
        return SHIPPED if self.model is None else Path(self.model)

    def _check_contexts(self, series: Tensor, contexts: Contexts) -> None:
        empty = (~torch.isfinite(series)).reshape(len(contexts), -1, series.shape[1]).all(dim=2).any(dim=1)
        if bool(empty.any()):
            number = int(torch.argmax(empty.int()))
            raise ValueError(
                "Pretrained needs at least one observed value of every channel in each context, and the context of the "
                f"window whose horizon starts at row {contexts.origins[number]} of series {contexts.series[number]} "
                "has none in some channel. Leave out that window or channel, or fill it."
            )


class EchoModel(ZeroShotModel):
    """The network as a zero-shot model; series are grouped by patch size.

    Parameters
    ----------
    network : EchoNetwork
        The network, in evaluation mode.
    """

    def __init__(self, network: EchoNetwork) -> None:
        super().__init__()
        self.module = network
        self.layers = list(network.layers[:-1])  # the last layer has no state of the context
        self.max_context = network.config.context_lengths[-1]
        self.max_horizon = network.config.max_horizon
        self.quantile_levels = network.config.quantile_levels
        self.median = self.quantile_levels.index(0.5)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        """Forecast single series.

        Parameters
        ----------
        context : Tensor of shape (n_series, n_steps)
            Past values, NaN where not observed; a short series is NaN on its left.
        horizon : int
            Steps to forecast.

        Returns
        -------
        prediction : Prediction
            Median and deciles.
        """
        config = self.module.config
        first = torch.isfinite(context).int().argmax(dim=1)
        scales = [config.scale_of(context.shape[1] - int(start)) for start in first.tolist()]
        whole = config.scale_of(context.shape[1])
        quantiles = self._quantiles(
            context, horizon
        )  # of all rows, including short ones, because features need a common number of patches
        for scale in set(scales) - {whole}:
            rows = torch.tensor([number for number, one in enumerate(scales) if one == scale], device=context.device)
            part = context[rows][:, -config.context_lengths[scale] :]
            quantiles[rows] = self._quantiles(part, horizon)
        return Prediction(quantiles[:, self.median], quantiles)

    def _quantiles(self, context: Tensor, horizon: int) -> Tensor:
        answer = self.module(context, horizon)
        return answer.window.leave(answer.quantiles.sort(dim=1).values)

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        """Return the part of a hidden state that belongs to the context.

        Parameters
        ----------
        state : Tensor
            Output of a layer.
        n_steps : int
            Length of the context.

        Returns
        -------
        state : Tensor of shape (n_series, n_tokens, width)
            One vector per patch, in time order.
        """
        return state[:, : self.module.config.n_patches(n_steps)]
