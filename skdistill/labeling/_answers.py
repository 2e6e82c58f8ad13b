"""Check the labels that a teacher returns, and convert them to arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skdistill._utils._usual_modes import inference
from skdistill.data._labels import Labels

__all__ = ["CheckedTeacher", "Wanted"]


@dataclass(frozen=True)
class Wanted:
    """What is stored in addition to forecasts."""

    features: bool
    quantiles: bool


@dataclass(frozen=True)
class CheckedTeacher:
    """The labeling function, with checks and conversion of its results to arrays."""

    label: Callable[[Tensor], Labels]
    forecast_shape: tuple[int, int]
    wanted: Wanted
    run: Callable[[Sequence[Tensor]], Iterable[Labels]] | None = None

    def first(self, indices: Tensor) -> tuple[dict[str, np.ndarray], tuple[float, ...] | None]:
        """Label the first windows, and return the levels of their quantiles."""
        labels = self._ask(indices)
        return self._check(indices, labels), labels.quantile_levels if self.wanted.quantiles else None

    def each(
        self, chunks: Sequence[slice], first: dict[str, np.ndarray] | None = None
    ) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """Yield every chunk with its labels; the labels of the first chunk can be given."""
        if first is not None and chunks and chunks[0].start == 0:
            yield chunks[0], first
            chunks = chunks[1:]
        numbers = [torch.arange(chunk.start, chunk.stop) for chunk in chunks]
        answers = map(self._ask, numbers) if self.run is None else self.run(numbers)
        for chunk, indices, labels in zip(chunks, numbers, answers, strict=True):
            yield chunk, self._check(indices, labels)

    def _ask(self, indices: Tensor) -> Labels:
        with inference():
            return self.label(indices)

    def _check(self, indices: Tensor, labels: Labels) -> dict[str, np.ndarray]:
        arrays = {"forecast": labels.forecast.detach().to("cpu", torch.float32).numpy()}
        expected = (len(indices), *self.forecast_shape)
        if arrays["forecast"].shape != expected:
            raise ValueError(
                f"the teacher must forecast (n_windows, prediction_length, n_targets) = {expected}; "
                f"it returned {arrays['forecast'].shape}."
            )
        if self.wanted.features:
            if labels.features is None:
                raise ValueError("the loss needs the teacher's features, and the teacher returned none.")
            arrays["features"] = labels.features.detach().to("cpu", torch.float32).numpy()
            if arrays["features"].shape[:2] != (len(indices), self.forecast_shape[1]):
                raise ValueError(
                    f"the teacher's features must have shape (n_windows, n_targets, ...) = ({len(indices)}, "
                    f"{self.forecast_shape[1]}, ...); it returned {arrays['features'].shape}."
                )
        if self.wanted.quantiles:
            arrays["quantiles"] = self._check_quantiles(len(indices), labels)
        if labels.weight is not None:
            arrays["weight"] = _check_weight(len(indices), labels.weight)
        for name, array in arrays.items():
            self._check_finite(name, array, indices)
        return arrays

    def _check_quantiles(self, n_windows: int, labels: Labels) -> np.ndarray:
        if labels.quantiles is None or labels.quantile_levels is None:
            raise ValueError("the loss needs the teacher's quantiles, and the teacher returned none.")
        quantiles = labels.quantiles.detach().to("cpu", torch.float32).numpy()
        expected = (n_windows, len(labels.quantile_levels), *self.forecast_shape)
        if quantiles.shape != expected:
            raise ValueError(
                "the teacher's quantiles must have shape (n_windows, n_quantiles, prediction_length, n_targets) = "
                f"{expected}; it returned {quantiles.shape}."
            )
        return quantiles

    def _check_finite(self, name: str, array: np.ndarray, indices: Tensor) -> None:
        if np.isfinite(array).all():
            return
        position = np.argwhere(~np.isfinite(array))[0]
        if name == "weight":
            raise ValueError(
                f"the teacher returned {array[tuple(position)]} as the weight of the label of training window "
                f"{int(indices[position[0]])}: labeling stops. Weights must be numbers in [0, inf)."
            )
        raise ValueError(
            f"the teacher returned {array[tuple(position)]} in its {name}, first for training window "
            f"{int(indices[position[0]])}, "
            f"target channel {position[1 if name == 'features' else -1]}: labeling stops. Check the context of that "
            "window, or choose another teacher."
        )


def _check_weight(n_windows: int, weight: Tensor) -> np.ndarray:
    weights = weight.detach().to("cpu", torch.float32).numpy()
    if weights.shape != (n_windows,) or (weights < 0).any():
        raise ValueError(
            f"the weights of the teacher's labels must be {n_windows} numbers in [0, inf), one per window; it returned "
            f"an array of shape {weights.shape} with minimum {weights.min(initial=0.0):g}."
        )
    return weights
