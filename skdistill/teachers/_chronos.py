"""Chronos: three generations of foundation models by Amazon."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from skdistill._utils._checks import check_boolean, check_integer
from skdistill._utils._choices import check_choice
from skdistill._utils._optional import import_optional
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._checkpoint_folder import (
    check_all_weights,
    family_error,
    quiet_bars,
    read_config,
    repair_buffers,
)
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["Chronos"]


class Chronos(FoundationTeacher):
    """Chronos, Chronos-Bolt or Chronos-2 as a zero-shot teacher.

    Chronos-2 reads past and known covariates, and forecasts targets separately or together; the others forecast every
    target by itself, without covariates. Forecasts are the median (Bolt and 2) or the mean of samples (the first
    Chronos), together with the model's quantiles; missing values are masked. Features are the encoder's states of the
    context, one vector per patch (per step for the first Chronos). Beyond the trained horizon, Bolt and 2 roll out
    several quantiles, the first Chronos its mean.

    Parameters
    ----------
    model : str or Path, default="amazon/chronos-bolt-small"
        A local folder, or an id on the hub.
    layer : int or None, default=-1
        The encoder layer whose state is used as features; None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per patch (None), their mean, the last one, or the means over this many blocks of
        patches.
    roll_out : {"quantiles", "point"}, default="quantiles"
        What Bolt and 2 read as context beyond their own horizon: several quantiles, as published, or only the median,
        which takes a sixth of the time or less but makes the later quantiles too narrow.
    covariates : bool, default=True
        Whether Chronos-2 reads the covariates, past and known, if there are any; unknown values of a known covariate
        are masked. Then ``roll_out`` has no effect: quantiles are rolled out.
    joint : bool, default=False
        Whether Chronos-2 forecasts the targets of a window together, so that each reads the others.
    n_samples : int, default=20
        Number of sample paths of the first Chronos; the others do not sample.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=256
        Number of single series forecast at once; halved if memory runs out.
    dtype : {"float32", "bfloat16"}, default="float32"
        Type of the weights; bfloat16 is for GPUs, and for CPUs with fast bfloat16 arithmetic.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.
    random_state : int or None, default=None
        Seed of the samples; None derives one from the forecaster's.

    References
    ----------
    Ansari et al. (2024), Chronos: Learning the language of time series (arXiv 2403.07815).

    Examples
    --------
    >>> from skdistill.teachers import Chronos
    >>> Chronos("amazon/chronos-bolt-base", pooling="mean").get_params()["layer"]
    -1
    """

    extra: ClassVar[str] = "chronos"
    libraries: ClassVar[tuple[str, ...]] = ("chronos-forecasting", "transformers")
    family: ClassVar[str] = "Chronos, Chronos-Bolt or Chronos-2"
    handles_missing: ClassVar[bool] = True

    def __init__(
        self,
        model: str | Path = "amazon/chronos-bolt-small",
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        roll_out: str = "quantiles",
        covariates: bool = True,
        joint: bool = False,
        n_samples: int = 20,
        revision: str | None = None,
        batch_size: int = 256,
        dtype: str = "float32",
        device: str | None = None,
        random_state: int | None = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.roll_out = roll_out
        self.covariates = covariates
        self.joint = joint
        self.n_samples = n_samples
        self.revision = revision
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = device
        self.random_state = random_state

    def parameters_without_effect(self, path: Path) -> tuple[str, ...]:
        """Return the names of parameters that do not affect labels, so that labels are shared between their values.

        Returns
        -------
        names : tuple of str
            The parameters of sampling, if the generation does not sample.
        """
        generation = _generation(path)
        if generation is _Samples:
            return ("covariates", "joint", "revision", "roll_out")  # samples depend on their batch
        names = () if generation is _Chronos2 else ("covariates", "joint")
        return (*super().parameters_without_effect(path), "n_samples", "random_state", *names)

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a parameter is out of its range, or the checkpoint is not available."""
        check_integer(self.n_samples, "n_samples of Chronos")
        check_choice(self.roll_out, ["point", "quantiles"], "roll_out of Chronos")
        check_boolean(self.covariates, "covariates of Chronos")
        check_boolean(self.joint, "joint of Chronos")
        super().check(spec)
        if self.joint and _generation(self._path()) is not _Chronos2:
            raise ValueError(
                f"joint = True of Chronos needs a Chronos-2, and {self.model} forecasts every target by itself: leave "
                "joint out."
            )

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a checkpoint belongs to another family, or the library that reads it is missing."""
        config = read_config(path, owner="Chronos")
        if "chronos_config" not in config or _pipeline_class(config) not in _GENERATIONS:
            raise family_error(path, config, owner="Chronos", wants=self.family)
        import_optional("chronos", extra=self.extra, purpose="The teacher Chronos")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the pipeline that the checkpoint names."""
        self.check_checkpoint(path)
        library = import_optional("chronos", extra=self.extra, purpose="The teacher Chronos")
        with quiet_bars():
            pipeline = library.BaseChronosPipeline.from_pretrained(
                str(path), dtype=torch.float32, trust_remote_code=False
            )
        network = pipeline.inner_model
        check_all_weights(network, path)
        repair_buffers(network, type(network)(network.config))
        network.to(device=device, dtype=dtype)
        model = _GENERATIONS[type(pipeline).__name__](pipeline, self.n_samples)
        if self.roll_out == "point" and model.max_horizon is None:
            model.max_horizon = int(pipeline.model_prediction_length)
        return model


class _Quantiles(ZeroShotModel):
    """Base class of Bolt and Chronos-2: quantiles, patches, and their own roll-out."""

    def __init__(self, pipeline: Any, n_samples: int) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.module = pipeline.inner_model
        self.layers = list(self.module.encoder.block)
        self.max_context = int(pipeline.model_context_length)
        self.quantile_levels = tuple(float(level) for level in pipeline.quantiles)
        self.median = self.quantile_levels.index(0.5)
        self.patch = int(self.module.chronos_config.input_patch_size)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="We recommend keeping prediction length")
            quantiles = self.ask(context, horizon)
        return Prediction(quantiles[:, self.median], quantiles)

    def ask(self, context: Tensor, horizon: int) -> Tensor:
        return self.pipeline.predict(context, prediction_length=horizon)

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, : math.ceil(n_steps / self.patch)]  # registers and future patches follow


class _Chronos2(_Quantiles):
    reads_groups = True

    def ask(self, context: Tensor, horizon: int) -> Tensor:
        answers = self.pipeline.predict(context[:, None].cpu(), prediction_length=horizon, batch_size=len(context))
        return torch.cat(answers)

    def predict_groups(self, groups: Tensor, horizon: int, n_targets: int) -> Prediction:
        n_series, groups = groups.shape[1], groups.cpu()
        known = ~torch.isnan(groups[..., -horizon:]).all(dim=2).all(dim=0)
        tasks = [
            {
                "context": group[:, :-horizon],
                "future_covariates": group[:, -horizon:],
                "n_targets": n_targets,
                "n_covariates": n_series - n_targets,
                "n_future_covariates": int(known.sum()),
            }
            for group in groups
        ]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="We recommend keeping prediction length")
            answers = self.pipeline.predict(tasks, prediction_length=horizon, batch_size=len(groups) * n_series)
        quantiles = torch.cat(answers)
        return Prediction(quantiles[:, self.median], quantiles)


class _Samples(ZeroShotModel):
    """The first Chronos, which samples tokens."""

    quantile_levels = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

    def __init__(self, pipeline: Any, n_samples: int) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.module = pipeline.inner_model
        self.layers = list(self.module.encoder.block)
        self.max_context = int(pipeline.model.config.context_length)
        self.max_horizon = int(pipeline.model.config.prediction_length)
        self.n_samples = n_samples

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        samples = self.pipeline.predict(context.cpu(), prediction_length=horizon, num_samples=self.n_samples)
        levels = samples.new_tensor(self.quantile_levels)
        return Prediction(samples.mean(dim=1), torch.quantile(samples, levels, dim=1).transpose(0, 1))

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, :n_steps]  # the end-of-sequence token follows


_GENERATIONS: dict[str, Callable[[Any, int], ZeroShotModel]] = {
    "Chronos2Pipeline": _Chronos2,
    "ChronosBoltPipeline": _Quantiles,
    "ChronosPipeline": _Samples,
}


def _generation(path: Path) -> Callable[[Any, int], ZeroShotModel]:
    """Return the class that reads a checkpoint."""
    return _GENERATIONS[_pipeline_class(read_config(path, owner="Chronos"))]


def _pipeline_class(config: dict[str, Any]) -> str:
    """Return the name of the library class that reads a checkpoint; the first Chronos does not name it."""
    return str(config.get("chronos_pipeline_class", "ChronosPipeline"))
