"""Labels in a folder: one ``.npy`` file for each array, written chunk by chunk, and a journal of what is finished.

An interrupted run continues after the last finished chunk; a chunk with a wrong checksum is labeled again.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from skdistill._utils._atomic import append_line, naming_full_disk, reserve, write_atomically
from skdistill._utils._plain_files import place_of
from skdistill.labeling._answers import CheckedTeacher, Wanted
from skdistill.labeling._layout import Layout
from skdistill.labeling._stored import StoredLabels, stored_labels

__all__ = ["Store", "has_store"]

logger = logging.getLogger("skdistill")

_MANIFEST = "manifest.json"
_JOURNAL = "journal.jsonl"
_FORMAT = 3


def has_store(folder: Path) -> bool:
    """Return whether a folder has a label store, so that its space is already allocated.

    Parameters
    ----------
    folder : Path
        An entry of the cache.

    Returns
    -------
    begun : bool
        Whether there is a store; it can be incomplete or damaged.
    """
    return (folder / _MANIFEST).exists()


class Store:
    """A folder of arrays and a journal of finished chunks.

    Parameters
    ----------
    folder : Path
        The folder.
    layout : Layout
        Layout from the manifest.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout = layout
        self.journal = folder / _JOURNAL
        self.place = zlib.crc32(place_of(folder).encode())  # what checksums start with
        self.arrays: dict[str, np.memmap] = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in layout.arrays
        }

    @classmethod
    def create(cls, folder: Path, layout: Layout) -> Store:
        """Create the files of a store, with all space allocated.

        Parameters
        ----------
        folder : Path
            The folder; an existing store is replaced.
        layout : Layout
            Shapes and types.

        Returns
        -------
        store : Store
            The store, without labels.

        Raises
        ------
        OSError
            If the disk is full; the message has path and size.
        """
        for name in (_MANIFEST, _JOURNAL):
            (folder / name).unlink(missing_ok=True)
        made: list[Path] = []
        try:
            for name, (shape, dtype) in layout.arrays.items():
                made.append(folder / f"{name}.npy")
                _make_array(made[-1], np.dtype(dtype), (layout.n_windows, *shape))
            write_atomically(folder / _MANIFEST, _seal(layout.to_json(), place_of(folder)))
        except OSError:
            for path in made:
                path.unlink(missing_ok=True)
            raise
        return cls(folder, layout)

    @classmethod
    def open(
        cls, folder: Path, n_windows: int, forecast_shape: tuple[int, int], wanted: Wanted, *, tell: bool = True
    ) -> Store | None:
        """Open a usable store; return None if there is none or it must be created again.

        Parameters
        ----------
        folder : Path
            The folder.
        n_windows : int
            Number of windows that it must have.
        forecast_shape : tuple of int
            ``(prediction_length, n_targets)`` of its forecasts.
        wanted : Wanted
            What it must contain in addition to forecasts.
        tell : bool, default=True
            Whether to log damage.

        Returns
        -------
        store : Store or None
            The store.
        """
        if not has_store(folder):
            return None
        try:
            layout = Layout.from_json(_unseal((folder / _MANIFEST).read_bytes(), place_of(folder)))
            if layout.arrays["forecast"][0] != tuple(forecast_shape):
                raise ValueError(f"forecasts of shape {layout.arrays['forecast'][0]}")
            store = cls(folder, layout)
            for name, (shape, dtype) in layout.arrays.items():
                array = store.arrays[name]
                if array.shape != (n_windows, *shape) or array.dtype != dtype or not array.flags.c_contiguous:
                    raise ValueError(f"{name}.npy has shape {array.shape} and type {array.dtype}")
            if layout.holds.quantiles and len(layout.levels or ()) != layout.arrays["quantiles"][0][0]:
                raise ValueError(f"quantiles at the levels {layout.levels}")
        except Exception as error:
            if tell:
                logger.warning("the label store %s is damaged (%s) and is created again", folder, error)
            return None
        lacks = (wanted.features and not layout.holds.features) or (wanted.quantiles and not layout.holds.quantiles)
        return None if lacks else store

    def labels_if_complete(self, n_needed: int | None = None) -> StoredLabels | None:
        """Return the labels if every chunk is complete and intact; nothing is written.

        Parameters
        ----------
        n_needed : int or None, default=None
            How many of the first windows are needed; None means all.

        Returns
        -------
        labels : StoredLabels or None
            The labels.
        """
        done = self._finished(tell=False)
        return self._labels() if all(number in done for number in self._needed(n_needed)) else None

    def _needed(self, n_needed: int | None) -> list[int]:
        """Return the chunks that contain one of the first windows."""
        return [
            number for number, chunk in enumerate(self.layout.chunks()) if n_needed is None or chunk.start < n_needed
        ]

    def finish(
        self,
        label: CheckedTeacher,
        progress: bool,
        description: str,
        first: dict[str, np.ndarray] | None = None,
        *,
        n_needed: int | None = None,
    ) -> StoredLabels:
        """Label the missing or damaged chunks, and return the labels.

        Parameters
        ----------
        label : CheckedTeacher
            The labeling function.
        progress : bool
            Whether to show a bar.
        description : str
            Name of the progress bar.
        first : dict of str to ndarray or None, default=None
            Labels of the first chunk, if known.
        n_needed : int or None, default=None
            How many of the first windows are needed; None means all.

        Returns
        -------
        labels : StoredLabels
            All labels, mapped from the files; those that are not needed may be missing.
        """
        done, chunks = self._finished(), self.layout.chunks()
        missing = [chunks[number] for number in self._needed(n_needed) if number not in done]
        n_missing = sum(chunk.stop - chunk.start for chunk in missing)
        n_windows = self.layout.n_windows
        with tqdm(
            total=n_windows, initial=n_windows - n_missing, desc=description, unit="window", disable=not progress
        ) as bar:
            for chunk, fresh in label.each(missing, first):
                self._write(chunk.start // self.layout.chunk_size, chunk, self.layout.cast(fresh))
                bar.update(chunk.stop - chunk.start)
        return self._labels()

    def _finished(self, tell: bool = True) -> set[int]:
        """Return the chunks that are unchanged since they were written."""
        records: dict[int, dict[str, int]] = {}
        if self.journal.exists():
            for line in self.journal.read_text(errors="replace").splitlines():
                try:
                    record = json.loads(line)
                    records[int(record["chunk"])] = record["checksums"]
                except (ValueError, KeyError, TypeError, OverflowError):
                    continue  # an incomplete line of a killed process
        chunks = self.layout.chunks()
        intact = {n for n, sums in records.items() if 0 <= n < len(chunks) and self._checksums(chunks[n]) == sums}
        if tell and len(intact) < len(records):
            logger.warning(
                "%d chunks of the label store %s are damaged and are labeled again",
                len(records) - len(intact),
                self.folder,
            )
        return intact

    def _write(self, number: int, chunk: slice, values: dict[str, np.ndarray]) -> None:
        sums = {}
        for name, array in self.arrays.items():
            rows = np.ascontiguousarray(values[name])
            offset = array.offset + chunk.start * array.strides[0]
            _write_at(self.folder / f"{name}.npy", rows.tobytes(), offset, self.layout.room[name])
            sums[name] = zlib.crc32(rows.data, self.place)
        record = json.dumps({"chunk": number, "checksums": sums})
        append_line(self.journal, f"\n{record}\n")  # a newline first, because the last line can be incomplete

    def _checksums(self, chunk: slice) -> dict[str, int]:
        return {
            name: zlib.crc32(np.ascontiguousarray(array[chunk]).data, self.place) for name, array in self.arrays.items()
        }

    def _labels(self) -> StoredLabels:
        """Return the checked memory maps; files replaced in the meantime have no effect."""
        tensors = {name: _as_tensor(array) for name, array in self.arrays.items()}
        return stored_labels(tensors, self.layout.levels)


def _make_array(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Create a ``.npy`` file with allocated blocks, so that later writes do not hit a full disk."""
    path.unlink(missing_ok=True)  # readers keep the file that they have mapped
    header = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    size = header.tell() + dtype.itemsize * int(np.prod(shape))
    with naming_full_disk(path, size), path.open("xb") as file:
        reserve(file.fileno(), size, path)
        file.write(header.getvalue())


def _write_at(path: Path, data: bytes, offset: int, size: int) -> None:
    """Write with the file, not a memory map: a full disk then raises an error instead of a signal."""
    with naming_full_disk(path, size), path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


class _Readable:
    """A memory map flagged as writable, because torch warns otherwise; nothing writes to it."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def _as_tensor(array: np.memmap) -> Tensor:
    return torch.from_numpy(np.asarray(_Readable(array)))


def _seal(content: dict[str, Any], place: str) -> bytes:
    content = {**content, "place": place}
    return json.dumps({**content, "format": _FORMAT, "sha256": _digest(content)}).encode()


def _unseal(data: bytes, place: str) -> dict[str, Any]:
    """Read a manifest; raise if it was changed or belongs to another folder."""
    content = json.loads(data)
    checksum, form = content.pop("sha256"), content.pop("format")
    if form != _FORMAT or checksum != _digest(content):
        raise ValueError("the checksum of its manifest is wrong")
    if content.pop("place") != place:
        raise ValueError("its manifest was copied from another entry")
    return content


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
