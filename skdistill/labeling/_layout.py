"""Shapes and types of the arrays of stored labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill.labeling._answers import Wanted

__all__ = ["Layout"]

_HALF_MAX = float(np.finfo(np.float16).max)
# A margin of 8, because later windows can have larger numbers than the first chunk; numbers near 0 lose digits.
# Quantiles are in units of their series, of which float16 rounds whole ones in windows far from its center.
_HALF_OF_FEATURES = (2.0**-8, _HALF_MAX / 8)


@dataclass(frozen=True)
class Layout:
    """Shapes and types of the arrays of a store."""

    n_windows: int
    chunk_size: int
    arrays: dict[str, tuple[tuple[int, ...], str]]  # name -> shape of one window, dtype
    levels: tuple[float, ...] | None = None  # levels of the quantiles

    @classmethod
    def of(
        cls, chunk: dict[str, np.ndarray], n_windows: int, chunk_size: int, levels: tuple[float, ...] | None = None
    ) -> Layout:
        arrays = {"forecast": (chunk["forecast"].shape[1:], "float32")}
        if "features" in chunk:
            least, most = _HALF_OF_FEATURES
            fits = least <= np.abs(chunk["features"]).max() < most
            arrays["features"] = (chunk["features"].shape[1:], "float16" if fits else "float32")
        if "quantiles" in chunk:
            arrays["quantiles"] = (chunk["quantiles"].shape[1:], "float32")
        if "weight" in chunk:
            arrays["weight"] = ((), "float32")
        return cls(n_windows, chunk_size, arrays, levels)

    @property
    def holds(self) -> Wanted:
        return Wanted("features" in self.arrays, "quantiles" in self.arrays)

    @property
    def room(self) -> dict[str, int]:
        return {
            name: self.n_windows * int(np.prod(shape)) * np.dtype(dtype).itemsize
            for name, (shape, dtype) in self.arrays.items()
        }

    @property
    def nbytes(self) -> int:
        return sum(self.room.values())

    def chunks(self) -> list[slice]:
        starts = range(0, self.n_windows, self.chunk_size)
        return [slice(start, min(start + self.chunk_size, self.n_windows)) for start in starts]

    def cast(self, chunk: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Convert a chunk to the types of the store; raise if values exceed float16, or weights come late."""
        if "weight" in self.arrays:
            chunk = {"weight": np.ones(len(chunk["forecast"]), np.float32), **chunk}
        elif "weight" in chunk:
            raise ValueError(
                "the teacher's labels have weights, and those of the first windows had none: return weights of all "
                "windows, 1 for those that count in full."
            )
        for name, (shape, _) in self.arrays.items():
            if chunk[name].shape[1:] != tuple(shape):
                raise ValueError(
                    f"the teacher's {name} changed from shape {shape} per window to {chunk[name].shape[1:]}."
                )
        with np.errstate(over="ignore"):  # found and named below
            cast = {name: chunk[name].astype(dtype) for name, (_, dtype) in self.arrays.items()}
        if "features" in cast and not np.isfinite(cast["features"]).all():
            raise ValueError(
                f"the teacher's features reach {np.abs(chunk['features']).max():.3g}, beyond float16 "
                f"({_HALF_MAX:.3g}), after the first windows were within its range: choose another layer, or "
                "feature_storage='recompute'."
            )
        return cast

    def to_json(self) -> dict[str, Any]:
        arrays = {name: [list(shape), dtype] for name, (shape, dtype) in self.arrays.items()}
        manifest = {"n_windows": self.n_windows, "chunk_size": self.chunk_size, "arrays": arrays}
        return manifest if self.levels is None else {**manifest, "quantile_levels": list(self.levels)}

    @classmethod
    def from_json(cls, manifest: dict[str, Any]) -> Layout:
        arrays = {name: (tuple(shape), dtype) for name, (shape, dtype) in manifest["arrays"].items()}
        levels = manifest.get("quantile_levels")
        return cls(
            manifest["n_windows"], manifest["chunk_size"], arrays, None if levels is None else tuple(map(float, levels))
        )
