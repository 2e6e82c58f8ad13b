"""Base class of foundation models as teachers: batches of single channels, and checks."""

from __future__ import annotations

import abc
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill._utils._generators import seeded
from skdistill._utils._memory import in_halved_parts, is_out_of_memory
from skdistill._utils._usual_modes import inference
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._checkpoint_folder import damage_error, damage_named, find_checkpoint
from skdistill.teachers._grouped_series import group_series
from skdistill.teachers._provenance import Entry, checkpoint_origin
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel, capture, roll_out
from skdistill.training._device import count_parameters, resolve_device

__all__ = ["FoundationTeacher"]

logger = logging.getLogger("skdistill")

Answer = TypeVar("Answer")

_NEVER_UNREAD = {"batch_size", "random_state", "covariates", "joint"}  # memory, set by the forecaster, checked apart
_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


class FoundationTeacher(BaseTeacher):
    """Base class of zero-shot teachers: pretrained models that forecast each channel separately, in large batches.

    A subclass loads its model in :meth:`load`, and names in ``extra`` the extra that installs its library. The model is
    loaded when it is first used, kept for the process, and never pickled, because the parameters define it. Contexts
    are passed in standardized units.

    Attributes
    ----------
    extra : str
        The extra of skdistill that installs the library.
    family : str
        Checkpoints that it reads, for error messages.
    files : tuple of str
        Patterns of the files to download from the hub.
    handles_missing : bool
        Whether contexts passed to :meth:`label` can contain NaN.
    covariates, joint : bool
        Whether covariates are read, if there are any, and whether the targets of a window are forecast together; a
        subclass whose models can do this makes them parameters.
    """

    has_features: ClassVar[bool] = True
    has_quantiles: ClassVar[bool] = True
    settings_of_features: ClassVar[tuple[str, ...]] = ("layer", "pooling")
    reads_validation = False
    labels_alone = True
    reads_static = False
    extra: ClassVar[str]
    family: ClassVar[str]
    files: ClassVar[tuple[str, ...]] = ("*.json", "*.safetensors")
    handles_missing: ClassVar[bool] = False
    covariates: bool = False
    joint: bool = False
    keeps_what_fit_learned: ClassVar[bool] = False
    scale_free: bool = True

    model: str | Path
    layer: int | None
    pooling: str | int | None
    revision: str | None
    batch_size: int
    dtype: str
    device: str | None

    @abc.abstractmethod
    def load(self, path: Path, device: torch.device, dtype: torch.dtype) -> ZeroShotModel:
        """Load the model.

        Parameters
        ----------
        path : Path
            Folder or file of the checkpoint.
        device : torch.device
            Where to put it.
        dtype : torch.dtype
            The type of its weights.

        Returns
        -------
        model : ZeroShotModel
            The model, in evaluation mode.
        """

    @property
    def reads_known(self) -> bool:  # type: ignore[override]
        """Whether known covariates are read, if the model takes any."""
        return self.covariates

    @abc.abstractmethod
    def check_checkpoint(self, path: Path) -> None:
        """Raise if a checkpoint belongs to another family, or the library that reads it is missing.

        Parameters
        ----------
        path : Path
            Folder or file of the checkpoint.
        """

    def parameters_without_effect(self, path: Path) -> tuple[str, ...]:
        """Name the parameters that do not change labels, so that labels are shared between their values.

        Parameters
        ----------
        path : Path
            Folder or file of the checkpoint.

        Returns
        -------
        names : tuple of str
            ``batch_size`` is included unless samples are drawn.
        """
        return ("batch_size", "revision")

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a parameter is out of its range, or the checkpoint is not available."""
        owner = type(self).__name__
        check_integer(self.batch_size, f"batch_size of {owner}")
        check_choice(self.dtype, sorted(_DTYPES), f"dtype of {owner}")
        if self.layer is not None and (isinstance(self.layer, bool) or not isinstance(self.layer, int)):
            raise TypeError(f"layer of {owner} must be the number of a layer or None; got {self.layer!r}.")
        if isinstance(self.pooling, int):
            check_integer(self.pooling, f"pooling of {owner}")
        else:
            check_choice(self.pooling, [None, "last", "mean"], f"pooling of {owner} (or a whole number)")
        self.check_checkpoint(self._path())

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the parameters that this checkpoint does not read."""
        unread = {*self.parameters_without_effect(self._path())} - _NEVER_UNREAD
        if self.model is None or Path(self.model).expanduser().exists():
            unread.add("revision")
        given = self.get_params(deep=False)
        return {name: f"with model={str(self.model)!r}" for name in given if name in unread}

    def probe(self, windows: TrainingWindows) -> Labels:
        """Load the model and label the first window."""
        self._remember(windows)
        return super().probe(windows)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> FoundationTeacher:
        """Store the shapes of the problem; nothing is learned.

        Parameters
        ----------
        windows : TrainingWindows
            Only their shapes are read.
        checkpoint : Path or None, default=None
            Ignored.
        """
        self._remember(windows)
        longest = self._model().longest_context(self.prediction_length_)
        if windows.train.context_length > longest:
            logger.warning(
                "%s reads at most %d steps: of contexts of %d rows it reads the last %d",
                type(self).__name__,
                longest,
                windows.train.context_length,
                longest,
            )
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Forecast every channel of every context.

        Returns
        -------
        labels : Labels
            Forecasts in standardized units; features of the chosen layer; quantiles if the model has them.

        Raises
        ------
        ValueError
            If a context contains NaN that the model cannot mask, or the model returns NaN.
        """
        model = self._model()
        answers = self._ask(model, contexts, self._answer)

        def join(parts: list[Tensor]) -> Tensor:
            return self._by_window(parts, len(contexts))

        forecast = join([prediction.point for prediction, _ in answers])
        self._check_finite(forecast, contexts)
        states = [state for _, state in answers if state is not None]
        quantiles = [prediction.quantiles for prediction, _ in answers if prediction.quantiles is not None]
        return Labels(
            forecast.transpose(1, 2),
            join(states) if states else None,
            join(quantiles).permute(0, 2, 3, 1) if quantiles else None,
            model.quantile_levels if quantiles else None,
        )

    def recompute_features(self, contexts: Contexts) -> Tensor | None:
        """Compute only the state of the chosen layer."""
        if self.layer is None:
            return None
        return self._by_window(self._ask(self._model(), contexts, self._read), len(contexts))

    def recompute_new_features(self, contexts: Contexts) -> Tensor | None:
        """Compute only the state of the chosen layer, which depends on contexts alone."""
        return self.recompute_features(contexts)

    def for_cache_key(self) -> BaseTeacher:
        """Return a copy for the cache key, in which a checkpoint counts by the contents of its files."""
        path = self._path()
        return super().for_cache_key().set_params(model=path, **dict.fromkeys(self.parameters_without_effect(path), 0))

    def provenance(self) -> list[Entry]:
        """Say where the weights come from: their id on the hub, or the name of their folder."""
        origin = checkpoint_origin(self.model, self.revision)
        given = {name: getattr(self, name) for name in ("license", "training_data") if getattr(self, name)}
        return [{"teacher": type(self).__name__, **origin, **given}]

    def count_parameters(self) -> int | None:
        """Count the parameters of the model."""
        return count_parameters(self._model().module)

    def _remember(self, windows: TrainingWindows) -> None:
        self.prediction_length_ = windows.train.prediction_length
        self.targets_ = tuple(windows.train.targets)

    def _path(self) -> Path:
        return find_checkpoint(
            self.model, owner=type(self).__name__, extra=self.extra, files=self.files, revision=self.revision
        )

    def _model(self) -> ZeroShotModel:
        """Return the loaded model, from the cache of the process if it is there."""
        path, device = self._path(), resolve_device(self.device)
        params = {name: value for name, value in self.get_params().items() if name not in _NOT_OF_LOADING}
        state = [(file.stat().st_mtime_ns, file.stat().st_size) for file in sorted([path, *path.glob("*")])]
        key = repr((type(self), str(path.absolute()), str(device), sorted(params.items()), state))
        with seeded(0), _SHELF_LOCK:  # a library can draw random weights before it reads them
            if key not in _SHELF:
                with damage_named(path, owner=type(self).__name__):
                    model = self.load(path, device, _DTYPES[self.dtype])
                model.module.eval()
                self._verify(model, path, device)
                _SHELF[key] = model
                while len(_SHELF) > _SHELF_SIZE:
                    _SHELF.popitem(last=False)
            _SHELF.move_to_end(key)
            model = _SHELF[key]
        n_layers = len(model.layers)
        if self.layer is not None and not -n_layers <= self.layer < n_layers:
            raise ValueError(
                f"layer of {type(self).__name__} must be in [{-n_layers}, {n_layers}) for {path}; got {self.layer}."
            )
        return model

    def _verify(self, model: ZeroShotModel, path: Path, device: torch.device) -> None:
        """Raise unless the forecast of a sine wave is finite."""
        wave = torch.sin(torch.arange(min(model.max_context, 64), device=device) / 3.0)[None]
        answer, cause = "", None
        try:
            with inference():
                point = model.predict(wave, 1).point
        except (RuntimeError, ValueError) as error:  # sampling fails if weights are NaN
            if is_out_of_memory(error):
                raise
            answer, cause = f"{type(error).__name__} ({str(error).splitlines()[0][:200]})", error
        else:
            if not bool(torch.isfinite(point).all()):
                answer = str(float(point.flatten()[0]))
        if answer:
            problem = f"it forecasts a plain sine wave as {answer}, or its library reads it wrongly"
            raise damage_error(path, problem, owner=type(self).__name__) from cause

    def _ask(
        self, model: ZeroShotModel, contexts: Contexts, answer: Callable[[ZeroShotModel, Tensor], Answer]
    ) -> list[Answer]:
        """Reshape windows and channels to single series, or to groups of series, and forecast them in batches."""
        n_steps, horizon = contexts.values.shape[1], self.prediction_length_
        n_read = model.rows_read(n_steps, horizon)
        contexts = replace(contexts, values=self._values(contexts, n_read))
        series = contexts.values[:, :, list(self.targets_)].transpose(1, 2).flatten(0, 1)
        self._check_contexts(series[:, n_steps - n_read :], contexts)
        longest = model.longest_context(horizon)
        if model.reads_groups and (self.joint or (self.covariates and contexts.values.shape[2] > len(self.targets_))):
            series = group_series(
                contexts, self.targets_, horizon, joint=self.joint, covariates=self.covariates, n_rows=longest
            )
        else:
            series = series[:, -longest:].contiguous()
        seed = getattr(self, "random_state", None)
        first = (int(contexts.series[0]), int(contexts.origins[0])) if len(contexts) else (0, 0)
        with seeded(_mix(0 if seed is None else seed, *first)), model.lock, inference():
            return list(self._answers(model, series, answer))

    def _values(self, contexts: Contexts, n_read: int) -> Tensor:
        """Return contexts, NaN where missing if the model masks it; a channel without a value to read stays filled."""
        if not self.handles_missing or contexts.observed is None:
            return contexts.values
        missing = ~contexts.observed & contexts.observed[:, -n_read:].any(dim=1, keepdim=True)
        return contexts.values.masked_fill(missing.to(contexts.values.device), float("nan"))

    def _answers(
        self, model: ZeroShotModel, series: Tensor, answer: Callable[[ZeroShotModel, Tensor], Answer]
    ) -> Iterator[Answer]:
        """Forecast in batches; if memory runs out, halve the size of this and all later batches."""
        n_together = series.shape[1] if series.ndim == 3 else 1
        lengths = (*series.shape[1:], self.prediction_length_)
        size = min(max(1, self.batch_size // n_together), model.batch_limits.get(lengths, self.batch_size))
        device = resolve_device(self.device)
        return in_halved_parts(
            lambda start, stop: answer(model, series[start:stop].to(device)),
            len(series),
            size,
            who=type(self).__name__,
            device=device,
            halved=lambda size: model.batch_limits.update({lengths: size}),
        )

    def _answer(self, model: ZeroShotModel, batch: Tensor) -> tuple[Prediction, Tensor | None]:
        with capture(None if self.layer is None else model.layers[self.layer]) as states:
            prediction = self._predict(model, batch)
        quantiles = None if prediction.quantiles is None else prediction.quantiles.float().cpu()
        state = self._pooled(model, states[0], batch) if states else None
        return Prediction(prediction.point.float().cpu(), quantiles), state

    def _read(self, model: ZeroShotModel, batch: Tensor) -> Tensor:
        assert self.layer is not None  # recompute_features
        with capture(model.layers[self.layer], stop=True) as states:
            self._predict(model, batch)
        return self._pooled(model, states[0], batch)

    def _predict(self, model: ZeroShotModel, batch: Tensor) -> Prediction:
        if batch.ndim == 3:
            return model.predict_groups(batch, self.prediction_length_, self._n_own)
        return roll_out(model, batch, self.prediction_length_)

    @property
    def _n_own(self) -> int:
        """Number of targets in a group of series."""
        return len(self.targets_) if self.joint else 1

    def _pooled(self, model: ZeroShotModel, state: Tensor, batch: Tensor) -> Tensor:
        if batch.ndim == 3:  # the states of covariates are left out
            state = state.unflatten(0, torch.Size(batch.shape[:2]))[:, : self._n_own].flatten(0, 1)
            batch = batch[..., : batch.shape[2] - self.prediction_length_].flatten(0, 1)
        return _pool(model.context_tokens(state, batch.shape[1]), self.pooling).float().cpu()

    def _by_window(self, parts: list[Tensor], n_windows: int) -> Tensor:
        joined = parts[0] if len(parts) == 1 else torch.cat(parts)
        return joined.unflatten(0, (n_windows, len(self.targets_)))

    def _check_contexts(self, series: Tensor, contexts: Contexts) -> None:
        missing = torch.isnan(series).reshape(len(contexts), -1).any(dim=1)
        if self.handles_missing or not bool(missing.any()):
            return
        number = int(torch.argmax(missing.int()))
        raise ValueError(
            f"{type(self).__name__} cannot read missing values, and the context of the window whose horizon starts at "
            f"row {contexts.origins[number]} of series {contexts.series[number]} contains NaN. Fill the "
            "gaps first (for example, with sktime's Imputer); or call label of a teacher that masks "
            "them: Chronos, Fracast, Moirai, Pretrained, TiRex or TinyTimeMixer."
        )

    def _check_finite(self, forecast: Tensor, contexts: Contexts) -> None:
        bad = (~torch.isfinite(forecast)).flatten(1).any(dim=1)
        if bool(bad.any()):
            number = int(torch.argmax(bad.int()))
            raise ValueError(
                f"the teacher {type(self).__name__} returned NaN or infinity, first for the window whose horizon "
                f"starts at row {contexts.origins[number]} of series {contexts.series[number]}: labeling stops. "
                "Check the context of that window, or set dtype='float32'."
            )


_SHELF: OrderedDict[str, ZeroShotModel] = OrderedDict()
_SHELF_LOCK = threading.RLock()
_SHELF_SIZE = 2  # models kept loaded per process
_NOT_OF_LOADING = frozenset({"batch_size", "device", "layer", "model", "pooling", "random_state", "revision"})


def _pool(state: Tensor, pooling: str | int | None) -> Tensor:
    """Pool (n_series, n_tokens, width) to one or a few vectors, or leave it unchanged."""
    if pooling is None:
        return state
    if pooling == "mean":
        return state.mean(dim=1)
    if pooling == "last":
        return state[:, -1]
    n_tokens = min(int(pooling), state.shape[1])
    return adaptive_avg_pool1d(state.transpose(1, 2), n_tokens).transpose(1, 2)


def _mix(*numbers: int) -> int:
    """Combine several numbers to one seed, so that the samples of a window do not depend on the process."""
    return int(np.random.SeedSequence([abs(int(number)) for number in numbers]).generate_state(1)[0])
