"""Blocks of series in a folder: arrays that grow at their end, and a journal of what is complete.

A pass that was killed goes on after the last block whose checksums are right.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skdistill._utils._atomic import append_line, naming_full_disk, write_atomically
from skdistill._utils._plain_files import place_of
from skdistill.scale_out._blocks import Block

__all__ = ["RowFiles"]

_JOURNAL = "journal.jsonl"  # each line a checksum and a record
_TYPES = {"values": np.float32, "calendar": np.float32, "labels": np.int64, "train": np.int64, "validation": np.int64}
_STARTS = ("train", "validation")
_READ = 1 << 24  # bytes that are checked at once


@dataclass(frozen=True)
class _Record:
    """A complete block: rows of the table so far, and the size of every file after it."""

    n_rows: int
    sizes: dict[str, int]
    checksums: dict[str, int]
    widths: dict[str, int]


class RowFiles:
    """Arrays of all blocks in one folder.

    Parameters
    ----------
    folder : Path
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = place_of(folder)
        self.records, self.is_complete = self._intact()
        self._drop_the_rest()

    @property
    def n_rows(self) -> int:
        """Rows of the table that are in complete blocks."""
        return self.records[-1].n_rows if self.records else 0

    def append(self, block: Block, n_rows: int) -> None:
        """Write a block.

        Parameters
        ----------
        block : Block
            The block.
        n_rows : int
            Rows of the table that it was made of.
        """
        before = self.records[-1].sizes if self.records else {}
        first = before.get("values", 0) // (4 * block.rows["values"].shape[1])
        sizes, checksums, widths = {}, {}, {}
        for name, array in block.rows.items():
            rows = np.ascontiguousarray(array + first if name in _STARTS else array, dtype=_TYPES[name])
            data = rows.tobytes()
            _append(self.folder / f"{name}.bin", data, before.get(name, 0))
            sizes[name] = before.get(name, 0) + len(data)
            checksums[name], widths[name] = zlib.crc32(data), rows.shape[1] if rows.ndim > 1 else 0
        data = _pack(block)
        write_atomically(self._path(len(self.records)), data, durable=False)
        checksums["series"] = zlib.crc32(data)
        record = _Record(self.n_rows + n_rows, sizes, checksums, widths)
        self._note(vars(record))
        self.records.append(record)

    def complete(self) -> None:
        """Note that there are no more blocks."""
        self._note({"complete": len(self.records)})
        self.is_complete = True

    def array(self, name: str) -> np.ndarray | None:
        """Return an array of all blocks, mapped from its file; nothing that is done with it changes the file.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        array : ndarray or None
            None if no block has it.
        """
        last = self.records[-1]
        if name not in last.sizes:
            return None
        type_, width = np.dtype(_TYPES[name]), last.widths[name]
        shape = (last.sizes[name] // type_.itemsize // max(1, width), *([width] if width else []))
        if not last.sizes[name]:
            return np.empty(shape, dtype=type_)
        return np.memmap(self.folder / f"{name}.bin", dtype=type_, mode="c", shape=shape)

    def series(self) -> Iterator[tuple[dict[str, np.ndarray], list[Any]]]:
        """Yield what is known of the series of each block.

        Yields
        ------
        arrays : dict of str to ndarray
            Arrays of the block but those of rows.
        ids : list of hashable
            Ids of its series.
        """
        for number in range(len(self.records)):
            yield _unpack(self._path(number).read_bytes())

    def _path(self, number: int) -> Path:
        return self.folder / f"series-{number:06d}.npz"

    def _note(self, content: dict[str, Any]) -> None:
        append_line(self.folder / _JOURNAL, self._line(content))

    def _line(self, content: dict[str, Any]) -> str:
        """Return a line of the journal, with a checksum that no other store has."""
        text = json.dumps(content, sort_keys=True)
        return f"{hashlib.sha256(f'{self.place} {text}'.encode()).hexdigest()} {text}\n"

    def _content(self, line: str) -> Any:
        """Return what a line of the journal says, or raise."""
        content = json.loads(line.partition(" ")[2])
        if self._line(content) != f"{line}\n":
            raise ValueError("the checksum of a line is wrong")
        return content

    def _intact(self) -> tuple[list[_Record], bool]:
        """Return the blocks up to the first that is not complete or not unchanged."""
        path, records, sizes = self.folder / _JOURNAL, list[_Record](), dict[str, int]()
        for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
            try:
                content = self._content(line)
                if content == {"complete": len(records)}:
                    return records, True
                record = _Record(**content)
                if self._checksums(record, sizes, len(records)) != record.checksums:
                    break
            except (ValueError, TypeError, OSError):
                break  # the incomplete line of a killed process
            records.append(record)
            sizes = record.sizes
        return records, False

    def _checksums(self, record: _Record, before: dict[str, int], number: int) -> dict[str, int]:
        found = {"series": zlib.crc32(self._path(number).read_bytes())}
        for name, end in record.sizes.items():
            left, total = end - before.get(name, 0), 0
            with (self.folder / f"{name}.bin").open("rb") as file:
                file.seek(before.get(name, 0))
                while left > 0 and (data := file.read(min(left, _READ))):
                    total, left = zlib.crc32(data, total), left - len(data)
            if left:
                raise ValueError(f"{name}.bin is too short")
            found[name] = total
        return found

    def _drop_the_rest(self) -> None:
        """Write the journal again without what is not intact, so that blocks follow."""
        contents = [vars(record) for record in self.records] + [{"complete": len(self.records)}] * self.is_complete
        text = "".join(map(self._line, contents))
        if not (self.folder / _JOURNAL).exists() or (self.folder / _JOURNAL).read_text(errors="replace") != text:
            write_atomically(self.folder / _JOURNAL, text.encode())


def _append(path: Path, data: bytes, offset: int) -> None:
    """Write data where the complete blocks end, over what a killed pass left there."""
    with (
        naming_full_disk(path, offset + len(data)),
        open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file,
    ):
        file.truncate(offset)
        file.seek(offset)
        file.write(data)


def _pack(block: Block) -> bytes:
    import pyarrow as pa

    sink = io.BytesIO()
    ids = pa.table({"id": pa.array(block.ids)})
    with pa.ipc.new_file(sink, ids.schema) as writer:
        writer.write_table(ids)
    packed = io.BytesIO()
    arrays: dict[str, Any] = {**block.series, **block.sums}
    np.savez(packed, ids=np.frombuffer(sink.getvalue(), dtype=np.uint8), **arrays)
    return packed.getvalue()


def _unpack(data: bytes) -> tuple[dict[str, np.ndarray], list[Any]]:
    import pyarrow as pa

    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    with pa.ipc.open_file(pa.py_buffer(arrays.pop("ids").tobytes())) as reader:
        return arrays, reader.read_all().column("id").to_pandas().tolist()
