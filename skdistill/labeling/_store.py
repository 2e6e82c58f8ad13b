"""Labels in a folder: one ``.npy`` file an array, written chunk by chunk, and a journal of what is finished.

A run that was killed goes on after the last finished chunk; a chunk whose checksum no longer fits is labeled again.
"""

from __future__ import annotations

import json
import logging
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from skdistill.labeling._answers import CheckedTeacher, Wanted
from skdistill.labeling._layout import _FORMAT, Layout
from skdistill.labeling._stored import StoredLabels

__all__ = ["Store", "has_store"]

logger = logging.getLogger("skdistill")


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


class Store:
    """A folder of memory-mapped arrays and a journal of finished chunks."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout = layout
        self.journal = folder / "journal.jsonl"
        self.arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in layout.arrays}

    @classmethod
    def create(cls, folder: Path, layout: Layout) -> Store:
        (folder / "journal.jsonl").unlink(missing_ok=True)
        for name, (shape, dtype) in layout.arrays.items():
            (folder / f"{name}.npy").unlink(missing_ok=True)  # a reader keeps the file it has mapped
            np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (layout.n_windows, *shape)).flush()
        temporary = folder / "manifest.tmp"
        temporary.write_text(json.dumps(layout.to_json()))
        temporary.replace(folder / "manifest.json")
        return cls(folder, layout)

    @classmethod
    def open(cls, folder: Path, n_windows: int, forecast_shape: tuple[int, int], wanted: Wanted) -> Store | None:
        """Open a store that can serve, or return None: there is none, or it must be made anew."""
        manifest = folder / "manifest.json"
        if not manifest.exists():
            return None
        try:
            content = json.loads(manifest.read_text())
            if content["format"] != _FORMAT:
                return None
            layout = Layout.from_json(content)
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
        self, label: CheckedTeacher, progress: bool, description: str, first: dict[str, np.ndarray] | None = None
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
