"""Moirai 1 and 2."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from skdistill._utils._checks import check_integer
from skdistill._utils._optional import import_optional
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._checkpoint_folder import family_error, load_strictly, read_config
from skdistill.teachers._context_gaps import before_first, fill_with_mean_before
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["Moirai"]

_LIBRARY = "sktime.libs.uni2ts"


class Moirai(FoundationTeacher):
    """Moirai 1 or 2 as a zero-shot teacher.

    Every channel is forecast by itself; missing values are masked, and filled with the mean of the rows before them, as
    uni2ts does, because the networks read them, too. Forecasts are the mean of samples (Moirai 1) or the median (Moirai
    2), together with quantiles. Features are the encoder's states, one vector per patch of the context. Context and
    horizon together can have at most as many patches as the model has positions.

    Parameters
    ----------
    model : str or Path, default="Salesforce/moirai-1.1-R-small"
        A local folder, or an id on the hub.
    layer : int or None, default=-1
        The encoder layer whose state is used as features; None returns no features.
    pooling : {None, "mean", "last"} or int, default=None
        Features are one vector per patch (None), their mean, the last one, or the means over this many blocks of
        patches.
    patch_size : int, default=32
        Number of steps of a patch of Moirai 1, one of its patch sizes; Moirai 2 has a fixed patch size.
    n_samples : int, default=100
        Number of sample paths of Moirai 1; Moirai 2 does not sample.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    batch_size : int, default=128
        Number of single series forecast at once; halved if memory runs out.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.
    random_state : int or None, default=None
        Seed of the samples; None takes one derived from the forecaster's.

    Notes
    -----
    The networks are those in sktime. The license of Moirai's weights excludes commercial use.

    References
    ----------
    Woo et al. (2024), Unified training of universal time series forecasting transformers
    (arXiv 2402.02592).

    Examples
    --------
    >>> from skdistill.teachers import Moirai
    >>> Moirai("Salesforce/moirai-1.1-R-base", patch_size=64).n_samples
    100
    """

    extra: ClassVar[str] = "moirai"
    libraries: ClassVar[tuple[str, ...]] = ("einops", "lightning", "sktime")
    family: ClassVar[str] = "Moirai 1 or 2"
    handles_missing: ClassVar[bool] = True
    dtype = "float32"

    def __init__(
        self,
        model: str | Path = "Salesforce/moirai-1.1-R-small",
        *,
        layer: int | None = -1,
        pooling: str | int | None = None,
        patch_size: int = 32,
        n_samples: int = 100,
        revision: str | None = None,
        batch_size: int = 128,
        device: str | None = None,
        random_state: int | None = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.patch_size = patch_size
        self.n_samples = n_samples
        self.revision = revision
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def parameters_without_effect(self, path: Path) -> tuple[str, ...]:
        """Name the parameters that do not change labels, so that labels are shared between their values.

        Returns
        -------
        names : tuple of str
            The parameters of sampling and patches, if the generation has neither.
        """
        if _generation(read_config(path, owner="Moirai")) is _make_first:
            return ("revision",)  # samples depend on their batch
        return (*super().parameters_without_effect(path), "n_samples", "patch_size", "random_state")

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a parameter is out of its range, or the checkpoint is not available."""
        check_integer(self.n_samples, "n_samples of Moirai")
        check_integer(self.patch_size, "patch_size of Moirai")
        super().check(spec)

    def check_checkpoint(self, path: Path) -> None:
        """Raise if a checkpoint belongs to another family or lacks the patch size, or a library is missing."""
        config = read_config(path, owner="Moirai")
        if _generation(config) is None:
            raise family_error(path, config, owner="Moirai", wants=self.family)
        sizes = config.get("patch_sizes")
        if sizes is not None and self.patch_size not in sizes:
            raise ValueError(
                f"patch_size of Moirai must be one of those of {path}: {', '.join(map(str, sizes))}; "
                f"got {self.patch_size}."
            )
        for library in ("einops", "lightning", "hydra", "huggingface_hub"):
            import_optional(library, extra=self.extra, purpose="The teacher Moirai")

    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Build the network from its config and load the weights."""
        self.check_checkpoint(path)
        config = read_config(path, owner="Moirai")
        make = _generation(config)
        assert make is not None  # check_checkpoint
        return make(self, config, path, device)

    def library(self, module: str) -> Any:
        """Import a module of the library.

        Parameters
        ----------
        module : str
            Name of the module inside the library.

        Returns
        -------
        module : module
            The module.
        """
        return import_optional(f"{_LIBRARY}.{module}", extra=self.extra, purpose="The teacher Moirai")


class _Moirai(ZeroShotModel):
    """Base class of both generations: a forecaster built for the requested lengths."""

    def __init__(self, module: Any, forecaster_class: Any, patch: int, settings: dict[str, Any]) -> None:
        super().__init__()
        self.module = module
        self.layers = list(module.encoder.layers)
        self.forecaster_class = forecaster_class
        self.patch = patch
        self.settings = settings
        self.max_context = (int(module.max_seq_len) - 1) * patch
        self.max_horizon: int = max(int(module.max_seq_len) // 2, 1) * patch

    def ask(self, context: Tensor, horizon: int) -> Any:
        """Call the library's forecaster, which is a thin wrapper of the module."""
        forecaster = self.forecaster_class(
            prediction_length=horizon,
            target_dim=1,
            feat_dynamic_real_dim=0,
            past_feat_dynamic_real_dim=0,
            context_length=context.shape[1],
            module=self.module,
            **self.settings,
        ).to(context.device)
        return forecaster(
            past_target=fill_with_mean_before(context)[..., None],  # the networks read values in gaps, too
            past_observed_target=~torch.isnan(context)[..., None],
            past_is_pad=before_first(context),
        )

    def longest_context(self, horizon: int) -> int:
        own = math.ceil(min(horizon, self.max_horizon) / self.patch)
        return (int(self.module.max_seq_len) - own) * self.patch

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        return state[:, : math.ceil(n_steps / self.patch)]  # the patches of the horizon follow


class _Moirai1(_Moirai):
    quantile_levels = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        samples = self.ask(context, horizon)
        levels = samples.new_tensor(self.quantile_levels)
        return Prediction(samples.mean(dim=1), torch.quantile(samples, levels, dim=1).transpose(0, 1))


class _Moirai2(_Moirai):
    def predict(self, context: Tensor, horizon: int) -> Prediction:
        answer = self.ask(context, horizon)
        while isinstance(answer, tuple):
            answer = answer[0]
        assert self.quantile_levels is not None
        return Prediction(answer[:, :, self.quantile_levels.index(0.5)], answer.transpose(1, 2))


def _make_first(teacher: Moirai, config: dict[str, Any], path: Path, device: torch.device) -> ZeroShotModel:
    library = teacher.library("moirai_module")
    target = library.decode_distr_output(_own_targets(config["distr_output"], path))
    module = library.MoiraiModule(**{**config, "distr_output": target, "patch_sizes": tuple(config["patch_sizes"])})
    load_strictly(module, path).to(device)
    settings = {"patch_size": teacher.patch_size, "num_samples": teacher.n_samples}
    return _Moirai1(module, teacher.library("forecast").MoiraiForecast, teacher.patch_size, settings)


def _make_second(teacher: Moirai, config: dict[str, Any], path: Path, device: torch.device) -> ZeroShotModel:
    module = teacher.library("moirai2_module").Moirai2Module(**config)
    load_strictly(module, path).to(device)
    model = _Moirai2(module, teacher.library("moirai2_forecast").Moirai2Forecast, int(module.patch_size), {})
    model.quantile_levels = tuple(float(level) for level in module.quantile_levels)
    return model


Maker = Callable[[Moirai, dict[str, Any], Path, torch.device], ZeroShotModel]

# The key of the config that identifies a generation.
_GENERATIONS: dict[str, Maker] = {"distr_output": _make_first, "num_predict_token": _make_second}


def _generation(config: dict[str, Any]) -> Maker | None:
    return next((make for key, make in _GENERATIONS.items() if key in config), None)


def _own_targets(node: Any, path: Path) -> Any:
    """Map the distributions named in a config to those of the library; raise for anything else."""
    if isinstance(node, list):
        return [_own_targets(one, path) for one in node]
    if not isinstance(node, dict):
        return node
    fresh = {key: _own_targets(value, path) for key, value in node.items()}
    if "_target_" in fresh:
        target = str(fresh["_target_"]).removeprefix(f"{_LIBRARY}.").removeprefix("uni2ts.")
        if not target.startswith("distribution."):
            raise ValueError(
                f"{path}/config.json asks to build {node['_target_']!r}, which is not a distribution of Moirai."
            )
        fresh["_target_"] = f"{_LIBRARY}.{target}"
    return fresh
