"""The file format: tensors by safetensors, everything else as JSON in its header, with a version and a checksum."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safetensors.torch import load as parse_tensors
from safetensors.torch import save as serialize_tensors
from torch import Tensor

__all__ = ["Document", "SavedFileError", "read_bytes", "read_document"]

FORMAT = "skdistill"
VERSION = 2  # the checksum of 1 did not cover every byte
_UNSIGNED = "0" * 64  # stands where the checksum goes while it is taken
_SIGNATURE = re.compile(rb'"sha256":"([0-9a-f]{64})"')
_LARGEST_HEADER = 16 << 20  # bytes: as objects, JSON takes up to twenty times its size


class SavedFileError(ValueError):
    """Raised if a file is damaged, from a newer version, or not a saved estimator.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdistill import load
    >>> path = Path(tempfile.mkdtemp()) / "no-student"
    >>> size = path.write_bytes(b"something else")
    >>> load(path)
    Traceback (most recent call last):
        ...
    skdistill._utils._document.SavedFileError: ... cannot be loaded: it is truncated, or no file of skdistill.
    """


@dataclass(frozen=True)
class Document:
    """Content of a file.

    Parameters
    ----------
    content : dict
        Everything except tensors, as JSON values.
    tensors : dict of str to Tensor
        The tensors.
    """

    content: dict[str, Any]
    tensors: dict[str, Tensor]

    def to_bytes(self, form: str = FORMAT) -> bytes:
        """Return the bytes of the file.

        Parameters
        ----------
        form : str, default="skdistill"
            Kind of the file.

        Returns
        -------
        data : bytes
            The whole file.
        """
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.tensors.items()}
        text = json.dumps(self.content, allow_nan=False)
        header = {"format": form, "version": str(VERSION), "content": text, "sha256": _UNSIGNED}
        data = serialize_tensors(tensors, metadata=header)
        place = _find_signature(data)
        return b"".join([data[: place.start], _checksum(data, place).encode(), data[place.stop :]])


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a file, or only its beginning if this shows that it is not a file of skdistill.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    data : bytes
        The whole file, or enough to reject it.

    Raises
    ------
    OSError
        If the file does not exist or cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(9)
        length = int.from_bytes(head[:8], "little")
        size = os.fstat(file.fileno()).st_size
        if head[8:] != b"{" or length > min(size, _LARGEST_HEADER):
            return head
        return head + file.read(max(0, size - len(head)))


def read_document(data: bytes, form: str = FORMAT) -> Document:
    """Parse the bytes of a file; no code is run, and nothing larger than the file is created.

    Parameters
    ----------
    data : bytes
        The whole file.
    form : str, default="skdistill"
        Required kind of the file.

    Returns
    -------
    document : Document
        The content.

    Raises
    ------
    SavedFileError
        If it is not such a file, is damaged, or newer.
    """
    header = _read_header(data)
    if header.get("format") != form:
        raise SavedFileError("it was not written by save of skdistill.")
    version, text = header.get("version"), header.get("content")
    if not isinstance(version, str) or not version.isdecimal() or len(version) > 9 or not isinstance(text, str):
        raise SavedFileError("its version or content is missing.")
    if int(version) > VERSION:
        raise SavedFileError(f"it has format version {version}, and this skdistill reads up to {VERSION}: upgrade it.")
    if int(version) < VERSION:
        raise SavedFileError(
            f"it has format version {version}, whose checksum did not cover every byte, and this skdistill reads "
            f"version {VERSION}: fit and save again."
        )
    place = _find_signature(data)
    if header.keys() != {"format", "version", "content", "sha256"} or (
        _checksum(data, place).encode() != data[place.start : place.stop]
    ):
        raise SavedFileError("its checksum is wrong: it was changed or damaged. Copy or save it again.")
    try:
        tensors = parse_tensors(data)
        content = json.loads(text, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except Exception as error:  # safetensors and json raise several kinds
        raise SavedFileError(f"it cannot be parsed: {error}") from error
    if not isinstance(content, dict):
        raise SavedFileError("its content is no object.")
    return Document(content, tensors)


def _read_header(data: bytes) -> Mapping[str, Any]:
    end = _find_end_of_header(data)
    try:
        header = json.loads(data[8:end], object_pairs_hook=_no_doubles).get("__metadata__")
    except Exception as error:
        raise SavedFileError(f"it is damaged, or no file of skdistill ({error}).") from error
    if not isinstance(header, dict):
        raise SavedFileError("it was not written by save of skdistill.")
    return header


def _find_end_of_header(data: bytes) -> int:
    if len(data) < 8:
        raise SavedFileError("it is empty or truncated.")
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise SavedFileError("it is truncated, or no file of skdistill.")
    if length > _LARGEST_HEADER:
        raise SavedFileError(f"its header has {length} bytes, beyond {_LARGEST_HEADER}.")
    return 8 + length


def _find_signature(data: bytes) -> slice:
    """Return the position of the checksum; similar text inside the header has escaped quotes."""
    found = list(_SIGNATURE.finditer(data, 8, _find_end_of_header(data)))
    if len(found) != 1:
        raise SavedFileError("its checksum is missing: it was changed or damaged. Copy or save it again.")
    return slice(*found[0].span(1))


def _checksum(data: bytes, place: slice) -> str:
    """Return the checksum of all bytes of a file except its own digits."""
    view = memoryview(data)
    digest = hashlib.sha256(view[: place.start])
    digest.update(_UNSIGNED.encode())
    digest.update(view[place.stop :])
    return digest.hexdigest()


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) < len(pairs):
        raise ValueError("a name occurs twice")
    return whole


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
