"""The file format: tensors by safetensors, everything else as JSON in its header, with a version and a checksum."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as serialize_tensors
from torch import Tensor

__all__ = ["Document", "SavedFileError", "read_document", "write_atomically"]

FORMAT = "skdistill"
VERSION = 1


class SavedFileError(ValueError):
    """A file is damaged, from a newer version, or holds what no saved estimator holds.

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
    skdistill.deploy._files.SavedFileError: ... cannot be loaded: it is truncated, or no file of skdistill.
    """


@dataclass(frozen=True)
class Document:
    """What a file holds.

    Parameters
    ----------
    content : dict
        Everything but tensors, as JSON has it.
    tensors : dict of str to Tensor
        The tensors.
    """

    content: dict[str, Any]
    tensors: dict[str, Tensor]

    def to_bytes(self) -> bytes:
        """Write the file's bytes.

        Returns
        -------
        data : bytes
            The whole file.
        """
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.tensors.items()}
        text = json.dumps(self.content, allow_nan=False)
        header = {"format": FORMAT, "version": str(VERSION), "content": text, "sha256": _checksum(text, tensors)}
        return serialize_tensors(tensors, metadata=header)


def read_document(data: bytes) -> Document:
    """Read a file's bytes; nothing is run, and nothing larger than them is made.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    document : Document
        What it holds.

    Raises
    ------
    SavedFileError
        If it is no such file, damaged or newer.
    """
    header = _read_header(data)
    if header.get("format") != FORMAT:
        raise SavedFileError("it was not written by save of skdistill.")
    version, text = header.get("version"), header.get("content")
    if not isinstance(version, str) or not version.isdecimal() or len(version) > 9 or not isinstance(text, str):
        raise SavedFileError("its version or content is missing.")
    if int(version) > VERSION:
        raise SavedFileError(f"it has format version {version}, and this skdistill reads up to {VERSION}: upgrade it.")
    try:
        tensors = parse_tensors(data)
        content = json.loads(text, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except Exception as error:  # safetensors and json raise several kinds
        raise SavedFileError(f"it cannot be parsed: {error}") from error
    if header.get("sha256") != _checksum(text, tensors):
        raise SavedFileError("its checksum is wrong: it was changed or damaged. Copy or save it again.")
    if not isinstance(content, dict):
        raise SavedFileError("its content is no object.")
    return Document(content, tensors)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that appears whole or not at all.

    Parameters
    ----------
    path : str or Path
        The file; an older one is replaced.
    data : bytes
        What it will hold.
    """
    target = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # as open() would have it; mkstemp is for the owner alone
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _read_header(data: bytes) -> Mapping[str, Any]:
    if len(data) < 8:
        raise SavedFileError("it is empty or truncated.")
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise SavedFileError("it is truncated, or no file of skdistill.")
    try:
        header = json.loads(data[8 : 8 + length], object_pairs_hook=_no_doubles).get("__metadata__")
    except Exception as error:
        raise SavedFileError(f"it is damaged, or no file of skdistill ({error}).") from error
    if not isinstance(header, dict):
        raise SavedFileError("it was not written by save of skdistill.")
    return header


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) < len(pairs):
        raise ValueError("a name occurs twice")
    return whole


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
