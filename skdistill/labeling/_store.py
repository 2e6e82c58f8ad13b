"""Labels made once: in memory, on disk within a budget, or in a folder that outlasts ``fit``.

A store is one ``.npy`` file an array, written chunk by chunk, with a journal of the chunks that are
finished and their checksums. A run that was killed goes on after the last finished chunk; a chunk
whose checksum no longer fits is labeled again; a lock lets several processes share a store.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import warnings
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from tqdm.auto import tqdm

from skdistill.data._labels import Labels

__all__ = [
    "LabelBudgetError",
    "LabelCache",
    "StoredLabels",
    "check_budget",
    "entry_lock",
    "expected_room",
    "has_store",
    "label_windows",
]

logger = logging.getLogger("skdistill")

_GIB = 1 << 30
_FORMAT = 1
_HALF_MAX = float(np.finfo(np.float16).max)


class LabelBudgetError(ValueError):
    """Labels would take more room than ``label_budget`` allows."""


@dataclass(frozen=True)
class StoredLabels:
    """Labels of all training windows.

    Parameters
    ----------
    forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        Forecasts, float32.
    features : Tensor or None, default=None
        Hidden states, float16 where their range allows.
    quantiles : Tensor of shape (n_windows, n_quantiles, prediction_length, n_targets) or None, default=None
        Quantiles at the teacher's own levels, float16 where their range allows.
    quantile_levels : tuple of float or None, default=None
        Those levels.
    """

    forecast: Tensor
    features: Tensor | None = None
    quantiles: Tensor | None = None
    quantile_levels: tuple[float, ...] | None = None

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.forecast)

    @property
    def nbytes(self) -> int:
        """Room that the labels take."""
        parts = (self.forecast, self.features, self.quantiles)
        return sum(one.numel() * one.element_size() for one in parts if one is not None)

    def take(self, indices: Tensor) -> Labels:
        """Gather a batch.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        labels : Labels
            Their labels, float32.
        """
        here = indices.to(self.forecast.device)
        features = None if self.features is None else self.features[here].float()
        quantiles = None if self.quantiles is None else self.quantiles[here].float()
        return Labels(self.forecast[here], features, quantiles, self.quantile_levels)

    def to(self, device: torch.device | str) -> StoredLabels:
        """Return the labels on a device.

        Parameters
        ----------
        device : torch.device or str
            Where to put them.

        Returns
        -------
        labels : StoredLabels
            The labels there.
        """
        features = None if self.features is None else self.features.to(device)
        quantiles = None if self.quantiles is None else self.quantiles.to(device)
        return replace(self, forecast=self.forecast.to(device), features=features, quantiles=quantiles)

    def without_quantiles(self) -> StoredLabels:
        """Return the labels that are read where no loss term asks for quantiles.

        Returns
        -------
        labels : StoredLabels
            The same forecasts and features.
        """
        return replace(self, quantiles=None, quantile_levels=None)


class LabelCache:
    """The folder in which fits leave labels and fitted teachers for one another.

    Parameters
    ----------
    memory : str, Path, joblib.Memory or None
        The folder; None keeps nothing.
    """

    def __init__(self, memory: Any) -> None:
        location = getattr(memory, "location", memory)
        if location is not None and not isinstance(location, str | Path):
            raise TypeError(f"memory must be a folder, a joblib.Memory or None; got {memory!r}.")
        self.folder = None if location is None else Path(location) / "skdistill"

    @property
    def persistent(self) -> bool:
        """Whether anything outlasts ``fit``."""
        return self.folder is not None

    def entry(self, key: str) -> Path | None:
        """Return the folder of an entry, made if need be.

        Parameters
        ----------
        key : str
            Digest of all that the entry depends on.

        Returns
        -------
        folder : Path or None
            None without a cache.
        """
        if self.folder is None:
            return None
        folder = self.folder / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clear(self) -> None:
        """Delete every entry."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def entry_lock(folder: Path) -> Iterator[None]:
    """Hold an entry for one process; the same process may enter twice.

    Parameters
    ----------
    folder : Path
        The entry.

    Yields
    ------
    None
        Nothing.
    """
    with FileLock(str(folder / ".lock"), is_singleton=True):
        yield


def label_windows(
    label: Callable[[Tensor], Labels],
    n_windows: int,
    *,
    forecast_shape: tuple[int, int],
    with_features: bool,
    with_quantiles: bool = False,
    folder: Path | None = None,
    memory_budget: int = _GIB,
    budget: int = 8 * _GIB,
    chunk_size: int = 512,
    run: Callable[[Sequence[Tensor]], Iterable[Labels]] | None = None,
    progress: bool = False,
    description: str = "labels",
) -> StoredLabels:
    """Label every window once, in large batches, or find the labels that exist.

    Parameters
    ----------
    label : callable
        From numbers of windows to their labels.
    n_windows : int
        Windows to label.
    forecast_shape : tuple of int
        ``(prediction_length, n_targets)`` that the teacher must answer with.
    with_features : bool
        Whether to keep its features.
    with_quantiles : bool, default=False
        Whether to keep its quantiles.
    folder : Path or None, default=None
        An entry that outlasts the process; None keeps labels for this process only.
    memory_budget : int, default=1073741824
        Bytes up to which labels without a folder stay in memory; more go to a temporary file.
    budget : int, default=8589934592
        Bytes that labels may take, wherever they are kept.
    chunk_size : int, default=512
        Windows that the teacher labels at once.
    run : callable or None, default=None
        From the numbers of many chunks to their labels, in order, on as many workers as it likes;
        None calls ``label`` on one after another.
    progress : bool, default=False
        Whether to show a bar with rate and time left.
    description : str, default="labels"
        Name of the bar.

    Returns
    -------
    labels : StoredLabels
        The labels.

    Raises
    ------
    LabelBudgetError
        If they would not fit, before all but the first chunk is labeled.
    ValueError
        If the teacher answers NaN, infinity, another shape, or without features or quantiles.
    """
    if n_windows < 1:
        raise ValueError("there is no training window to label.")
    wanted = _Wanted(with_features, with_quantiles)
    with nullcontext() if folder is None else entry_lock(folder):
        if folder is not None and (store := _Store.open(folder, n_windows, forecast_shape, wanted)) is not None:
            return store.finish(_Checked(label, forecast_shape, store.layout.holds, run), progress, description)
        checked = _Checked(label, forecast_shape, wanted, run)
        first, levels = checked.first(torch.arange(min(chunk_size, n_windows)))
        layout = _Layout.of(first, n_windows, chunk_size, levels)
        check_budget(layout.room, n_windows, budget)
        if folder is None and layout.nbytes <= memory_budget:
            return _label_in_memory(checked, first, layout, progress, description)
        if folder is not None:
            return _Store.create(folder, layout).finish(checked, progress, description, first)
        temporary = Path(tempfile.mkdtemp(prefix="skdistill-labels-"))
        try:
            labels = _Store.create(temporary, layout).finish(checked, progress, description, first)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        weakref.finalize(labels.forecast, shutil.rmtree, temporary, ignore_errors=True)
        return labels


def expected_room(sample: Labels, n_windows: int, *, with_features: bool, with_quantiles: bool) -> dict[str, int]:
    """Say how much room labels will take, before there are any.

    Parameters
    ----------
    sample : Labels
        Labels of a window or more, of which only the shapes count.
    n_windows : int
        Windows to label.
    with_features, with_quantiles : bool
        What is kept beside forecasts.

    Returns
    -------
    room : dict of str to int
        Bytes of each array, if features and quantiles fit into float16.
    """
    room = {"forecast": 4 * n_windows * sample.forecast[0].numel()}
    if with_features and sample.features is not None:
        room["features"] = 2 * n_windows * sample.features[0].numel()
    if with_quantiles and sample.quantiles is not None:
        room["quantiles"] = 2 * n_windows * sample.quantiles[0].numel()
    return room


def check_budget(room: Mapping[str, int], n_windows: int, budget: int) -> None:
    """Raise if labels would take more room than they may.

    Parameters
    ----------
    room : mapping of str to int
        Bytes of each array.
    n_windows : int
        Windows to label.
    budget : int
        Bytes that all may take.

    Raises
    ------
    LabelBudgetError
        With the sizes, and the ways out that there are, cheapest first.
    """
    if sum(room.values()) <= budget:
        return
    ways = ["raise label_budget"]
    if "features" in room:
        ways = [
            "keep less of the features, by pooling= of a foundation model as teacher ('mean', or 16 blocks)",
            "do without them, by layer=None of such a teacher and a loss that reads none (feature_weight=0; "
            "alignment_weight=0 of DistilTS)",
            *ways,
            "set features='recompute' (a teacher pass a batch)",
        ]
    if "quantiles" in room:
        ways.append("use a loss without the teacher's quantiles")
    parts = ", ".join(f"{name} {one / _GIB:.3g} GiB" for name, one in room.items())
    raise LabelBudgetError(
        f"labels of {n_windows} windows would take {sum(room.values()) / _GIB:.3g} GiB ({parts}), more than "
        f"label_budget = {budget / _GIB:.3g} GiB. Ways out: {'; '.join(ways)}; give fewer rows or targets, or a "
        "shorter prediction_length."
    )


def has_store(folder: Path) -> bool:
    """Say whether labels were begun in a folder, so that their room is taken already.

    Parameters
    ----------
    folder : Path
        An entry of the cache.

    Returns
    -------
    begun : bool
        Whether there is a store; it may be incomplete or damaged.
    """
    return (folder / "manifest.json").exists()


@dataclass(frozen=True)
class _Wanted:
    """What is kept beside forecasts."""

    features: bool
    quantiles: bool


@dataclass(frozen=True)
class _Checked:
    """The labeling function, with its answers checked and turned into arrays."""

    label: Callable[[Tensor], Labels]
    forecast_shape: tuple[int, int]
    wanted: _Wanted
    run: Callable[[Sequence[Tensor]], Iterable[Labels]] | None = None

    def first(self, indices: Tensor) -> tuple[dict[str, np.ndarray], tuple[float, ...] | None]:
        """Label the first windows; say at which levels their quantiles are."""
        labels = self._ask(indices)
        return self._check(indices, labels), labels.quantile_levels if self.wanted.quantiles else None

    def each(
        self, chunks: Sequence[slice], first: dict[str, np.ndarray] | None = None
    ) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """Yield every chunk with its labels; those of the first windows may be known."""
        if first is not None and chunks and chunks[0].start == 0:
            yield chunks[0], first
            chunks = chunks[1:]
        numbers = [torch.arange(chunk.start, chunk.stop) for chunk in chunks]
        answers = map(self._ask, numbers) if self.run is None else self.run(numbers)
        for chunk, indices, labels in zip(chunks, numbers, answers, strict=True):
            yield chunk, self._check(indices, labels)

    def _ask(self, indices: Tensor) -> Labels:
        with torch.inference_mode():
            return self.label(indices)

    def _check(self, indices: Tensor, labels: Labels) -> dict[str, np.ndarray]:
        arrays = {"forecast": labels.forecast.detach().to("cpu", torch.float32).numpy()}
        expected = (len(indices), *self.forecast_shape)
        if arrays["forecast"].shape != expected:
            raise ValueError(
                f"the teacher must forecast (n_windows, prediction_length, n_targets) = {expected}; "
                f"it answered {arrays['forecast'].shape}."
            )
        if self.wanted.features:
            if labels.features is None:
                raise ValueError("the loss needs the teacher's features, and the teacher answered none.")
            arrays["features"] = labels.features.detach().to("cpu", torch.float32).numpy()
            if arrays["features"].shape[:2] != (len(indices), self.forecast_shape[1]):
                raise ValueError(
                    f"the teacher's features must have shape (n_windows, n_targets, ...) = ({len(indices)}, "
                    f"{self.forecast_shape[1]}, ...); it answered {arrays['features'].shape}."
                )
        if self.wanted.quantiles:
            arrays["quantiles"] = self._check_quantiles(len(indices), labels)
        for name, array in arrays.items():
            self._check_finite(name, array, indices)
        return arrays

    def _check_quantiles(self, n_windows: int, labels: Labels) -> np.ndarray:
        if labels.quantiles is None or labels.quantile_levels is None:
            raise ValueError("the loss needs the teacher's quantiles, and the teacher answered none.")
        quantiles = labels.quantiles.detach().to("cpu", torch.float32).numpy()
        expected = (n_windows, len(labels.quantile_levels), *self.forecast_shape)
        if quantiles.shape != expected:
            raise ValueError(
                "the teacher's quantiles must have shape (n_windows, n_quantiles, prediction_length, n_targets) = "
                f"{expected}; it answered {quantiles.shape}."
            )
        return quantiles

    def _check_finite(self, name: str, array: np.ndarray, indices: Tensor) -> None:
        if np.isfinite(array).all():
            return
        position = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(
            f"the teacher answered {array[tuple(position)]} in its {name}, first for training window "
            f"{int(indices[position[0]])}, "
            f"target channel {position[1 if name == 'features' else -1]}: labeling stops. Look at the context of that "
            "window, or choose another teacher."
        )


@dataclass(frozen=True)
class _Layout:
    """Shapes and types of the arrays of a store."""

    n_windows: int
    chunk_size: int
    arrays: dict[str, tuple[tuple[int, ...], str]]  # name -> shape of one window, dtype
    levels: tuple[float, ...] | None = None  # of the quantiles

    @classmethod
    def of(
        cls, chunk: dict[str, np.ndarray], n_windows: int, chunk_size: int, levels: tuple[float, ...] | None = None
    ) -> _Layout:
        arrays = {"forecast": (chunk["forecast"].shape[1:], "float32")}
        for name in ("features", "quantiles"):
            if name in chunk:
                # A margin of 8: later windows may have larger numbers than the first chunk.
                fits = np.abs(chunk[name]).max() < _HALF_MAX / 8
                arrays[name] = (chunk[name].shape[1:], "float16" if fits else "float32")
        return cls(n_windows, chunk_size, arrays, levels)

    @property
    def holds(self) -> _Wanted:
        return _Wanted("features" in self.arrays, "quantiles" in self.arrays)

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
        """Bring a chunk to the types of the store; raise where float16 no longer holds it."""
        for name, (shape, _) in self.arrays.items():
            if chunk[name].shape[1:] != tuple(shape):
                raise ValueError(
                    f"the teacher's {name} changed from shape {shape} a window to {chunk[name].shape[1:]}."
                )
        with np.errstate(over="ignore"):  # found and named below
            cast = {name: chunk[name].astype(dtype) for name, (_, dtype) in self.arrays.items()}
        if "quantiles" in cast and not np.isfinite(cast["quantiles"]).all():
            raise ValueError(
                f"the teacher's quantiles reach {np.abs(chunk['quantiles']).max():.3g} standard deviations, beyond "
                f"float16 ({_HALF_MAX:.3g}), after the first windows stayed within: look at the contexts, or choose "
                "another teacher."
            )
        if "features" in cast and not np.isfinite(cast["features"]).all():
            raise ValueError(
                f"the teacher's features reach {np.abs(chunk['features']).max():.3g}, beyond float16 "
                f"({_HALF_MAX:.3g}), after the first windows stayed within: choose another layer, or "
                "features='recompute'."
            )
        return cast

    def to_json(self) -> dict[str, Any]:
        arrays = {name: [list(shape), dtype] for name, (shape, dtype) in self.arrays.items()}
        manifest = {"format": _FORMAT, "n_windows": self.n_windows, "chunk_size": self.chunk_size, "arrays": arrays}
        return manifest if self.levels is None else {**manifest, "quantile_levels": list(self.levels)}

    @classmethod
    def from_json(cls, manifest: dict[str, Any]) -> _Layout:
        arrays = {name: (tuple(shape), dtype) for name, (shape, dtype) in manifest["arrays"].items()}
        levels = manifest.get("quantile_levels")
        return cls(
            manifest["n_windows"], manifest["chunk_size"], arrays, None if levels is None else tuple(map(float, levels))
        )


class _Store:
    """A folder of memory-mapped arrays and a journal of finished chunks."""

    def __init__(self, folder: Path, layout: _Layout) -> None:
        self.folder = folder
        self.layout = layout
        self.journal = folder / "journal.jsonl"
        self.arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in layout.arrays}

    @classmethod
    def create(cls, folder: Path, layout: _Layout) -> _Store:
        (folder / "journal.jsonl").unlink(missing_ok=True)
        for name, (shape, dtype) in layout.arrays.items():
            (folder / f"{name}.npy").unlink(missing_ok=True)  # a reader keeps the file it has mapped
            np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (layout.n_windows, *shape)).flush()
        temporary = folder / "manifest.tmp"
        temporary.write_text(json.dumps(layout.to_json()))
        temporary.replace(folder / "manifest.json")
        return cls(folder, layout)

    @classmethod
    def open(cls, folder: Path, n_windows: int, forecast_shape: tuple[int, int], wanted: _Wanted) -> _Store | None:
        """Open a store that can serve, or return None: there is none, or it must be made anew."""
        manifest = folder / "manifest.json"
        if not manifest.exists():
            return None
        try:
            content = json.loads(manifest.read_text())
            if content["format"] != _FORMAT:
                return None
            layout = _Layout.from_json(content)
            if layout.arrays["forecast"][0] != tuple(forecast_shape):
                raise ValueError(f"forecasts of shape {layout.arrays['forecast'][0]}")
            store = cls(folder, layout)
            for name, (shape, dtype) in layout.arrays.items():
                array = store.arrays[name]
                if array.shape != (n_windows, *shape) or array.dtype != dtype:
                    raise ValueError(f"{name}.npy has shape {array.shape} and type {array.dtype}")
            if layout.holds.quantiles and len(layout.levels or ()) != layout.arrays["quantiles"][0][0]:
                raise ValueError(f"quantiles at the levels {layout.levels}")
        except Exception as error:
            logger.warning("the label store %s is damaged (%s) and is made anew", folder, error)
            return None
        lacks = (wanted.features and not layout.holds.features) or (wanted.quantiles and not layout.holds.quantiles)
        return None if lacks else store

    def finish(
        self, label: _Checked, progress: bool, description: str, first: dict[str, np.ndarray] | None = None
    ) -> StoredLabels:
        """Label the chunks that are missing or damaged, and hand out the labels."""
        done, chunks = self._finished(), self.layout.chunks()
        missing = [chunk for number, chunk in enumerate(chunks) if number not in done]
        n_missing = sum(chunk.stop - chunk.start for chunk in missing)
        n_windows = self.layout.n_windows
        with tqdm(
            total=n_windows, initial=n_windows - n_missing, desc=description, unit="window", disable=not progress
        ) as bar:
            for chunk, fresh in label.each(missing, first):
                self._write(chunk.start // self.layout.chunk_size, chunk, self.layout.cast(fresh))
                bar.update(chunk.stop - chunk.start)
        return self._labels()

    def _finished(self) -> set[int]:
        """Return the chunks whose bytes are those that were written."""
        records: dict[int, dict[str, int]] = {}
        if self.journal.exists():
            for line in self.journal.read_text(errors="replace").splitlines():
                try:
                    record = json.loads(line)
                    records[int(record["chunk"])] = record["checksums"]
                except (ValueError, KeyError, TypeError, OverflowError):
                    continue  # a line torn by a kill
        chunks = self.layout.chunks()
        intact = {n for n, sums in records.items() if n < len(chunks) and self._checksums(chunks[n]) == sums}
        if len(intact) < len(records):
            logger.warning(
                "%d chunks of the label store %s are damaged and are labeled again",
                len(records) - len(intact),
                self.folder,
            )
        return intact

    def _write(self, number: int, chunk: slice, values: dict[str, np.ndarray]) -> None:
        for name, array in self.arrays.items():
            array[chunk] = values[name]
            array.flush()
        record = json.dumps({"chunk": number, "checksums": self._checksums(chunk)})
        with self.journal.open("a") as journal:  # a newline first: an earlier line may be torn
            journal.write(f"\n{record}\n")
            journal.flush()

    def _checksums(self, chunk: slice) -> dict[str, int]:
        return {name: zlib.crc32(np.ascontiguousarray(array[chunk]).data) for name, array in self.arrays.items()}

    def _labels(self) -> StoredLabels:
        # Shared read-only maps: pages read from a private map may count as this process's own memory.
        self.arrays.clear()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nothing writes
            tensors = {
                name: torch.from_numpy(np.load(self.folder / f"{name}.npy", mmap_mode="r"))
                for name in self.layout.arrays
            }
        return StoredLabels(tensors["forecast"], tensors.get("features"), tensors.get("quantiles"), self.layout.levels)


def _label_in_memory(
    label: _Checked, first: dict[str, np.ndarray], layout: _Layout, progress: bool, description: str
) -> StoredLabels:
    arrays = {name: np.empty((layout.n_windows, *shape), dtype) for name, (shape, dtype) in layout.arrays.items()}
    with tqdm(total=layout.n_windows, desc=description, unit="window", disable=not progress) as bar:
        for chunk, fresh in label.each(layout.chunks(), first):
            for name, values in layout.cast(fresh).items():
                arrays[name][chunk] = values
            bar.update(chunk.stop - chunk.start)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return StoredLabels(tensors["forecast"], tensors.get("features"), tensors.get("quantiles"), layout.levels)
