"""Files of plain values, arrays and tensors: JSON and safetensors with a checksum."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from torch import Tensor

from skdistill._utils._atomic import write_atomically
from skdistill._utils._document import Document, SavedFileError, read_document

__all__ = ["NotPlainError", "pack", "place_of", "read_plain", "unpack", "write_plain"]

_FORM = "skdistill-memory"
_KEY = re.compile("[0-9a-f]{32}$")  # at the end of the name of an entry


def place_of(path: str | os.PathLike[str]) -> str:
    """Return where a file belongs, which it says itself: one that was copied to another place is not taken.

    Parameters
    ----------
    path : str or Path
        The file or folder.

    Returns
    -------
    place : str
        Its path from the entry on, which ends with a key; its name alone where there is no entry.

    Examples
    --------
    >>> place_of(f"memory/skdistill/student-{32 * 'a'}/student.safetensors").removeprefix(f"student-{32 * 'a'}")
    '/student.safetensors'
    """
    parts = Path(path).parts
    first = max((number for number, name in enumerate(parts) if _KEY.search(name)), default=len(parts) - 1)
    return "/".join(parts[first:])


class NotPlainError(TypeError):
    """Raised for a value that is neither plain nor numbers.

    Parameters
    ----------
    where : str
        Its path.
    value : object
        The value.
    """

    def __init__(self, where: str, value: Any) -> None:
        self.where = where
        self.kind = f"{type(value).__module__}.{type(value).__qualname__}"
        super().__init__(f"{where.lstrip('.') or 'it'} is a {self.kind}, which is neither a plain value nor numbers")


def write_plain(path: str | os.PathLike[str], value: Any, *, allow_pickle: bool = False, durable: bool = True) -> None:
    """Write a value to a file; the file appears complete or not at all.

    Parameters
    ----------
    path : str or Path
        The file.
    value : object
        None, numbers, text, arrays, tensors, and lists, tuples and dicts of them.
    allow_pickle : bool, default=False
        Whether to pickle anything else with joblib.
    durable : bool, default=True
        Whether to wait for the disk.

    Raises
    ------
    NotPlainError
        If there is anything else and pickles are not allowed.
    """
    write_atomically(path, pack(value, allow_pickle=allow_pickle, place=place_of(path)), durable=durable)


def read_plain(path: Path, *, allow_pickle: bool = False) -> Any:
    """Read a file written by :func:`write_plain`.

    Parameters
    ----------
    path : Path
        The file.
    allow_pickle : bool, default=False
        Whether to load pickles, which can run arbitrary code.

    Returns
    -------
    value : object
        The value, tensors on the CPU.

    Raises
    ------
    SavedFileError
        If it was changed or belongs to another place, or contains a pickle and pickles are not allowed.
    """
    return unpack(path.read_bytes(), allow_pickle=allow_pickle, place=place_of(path))


def pack(value: Any, *, allow_pickle: bool = False, place: str = "") -> bytes:
    """Convert a value to bytes.

    Parameters
    ----------
    value : object
        As for :func:`write_plain`.
    allow_pickle : bool, default=False
        Whether anything that is not plain is pickled.
    place : str, default=""
        Where its file belongs, of :func:`place_of`.

    Returns
    -------
    data : bytes
        What :func:`unpack` reads.

    Examples
    --------
    >>> unpack(pack({"a": (1, None), 2: float("inf")}))
    {'a': (1, None), 2: inf}
    """
    tensors: dict[str, Tensor] = {}
    content = _Packer(tensors, allow_pickle).pack(value, "")
    return Document({"value": content, "place": place}, tensors).to_bytes(_FORM)


def unpack(data: bytes, *, allow_pickle: bool = False, place: str | None = None) -> Any:
    """Convert bytes back to the packed value.

    Parameters
    ----------
    data : bytes
        From :func:`pack`.
    allow_pickle : bool, default=False
        Whether pickles in it are read.
    place : str or None, default=None
        Where its file is; None for bytes that are in no file.

    Returns
    -------
    value : object
        The value.

    Raises
    ------
    SavedFileError
        If it was changed or belongs to another place, or contains a pickle and pickles are not allowed.
    """
    document = read_document(data, _FORM)
    if place not in (None, document.content.get("place")):
        raise SavedFileError(f"it belongs to {document.content.get('place')!r}, and was copied to {place!r}.")
    try:
        return _Unpacker(document.tensors, allow_pickle).unpack(document.content["value"])
    except SavedFileError:
        raise
    except Exception as error:  # whatever a checksum of our own let through, or a pickle raises
        raise SavedFileError(f"it is malformed: {error!r}.") from error


class _Packer:
    def __init__(self, tensors: dict[str, Tensor], allow_pickle: bool) -> None:
        self.tensors = tensors
        self.allow_pickle = allow_pickle

    def pack(self, value: Any, where: str) -> Any:
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized:
            return {"tensor": self._keep(value)}
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcmMUS":
            array = np.ascontiguousarray(value)
            kept = self._keep(torch.from_numpy(np.frombuffer(array.tobytes(), np.uint8).copy()))
            shape = None if isinstance(value, np.generic) else list(value.shape)
            return {"array": [kept, array.dtype.str, shape]}
        if type(value) is list:
            return [self.pack(one, f"{where}[{number}]") for number, one in enumerate(value)]
        if type(value) is tuple:
            return {"tuple": self.pack(list(value), where)}
        if isinstance(value, dict) and type(value).__module__ in ("builtins", "collections"):
            keys = [self.pack(key, f"{where}.{key}") for key in value]
            return {
                "dict": [
                    [key, self.pack(one, f"{where}.{name}")]
                    for key, (name, one) in zip(keys, value.items(), strict=True)
                ]
            }
        if not self.allow_pickle:
            raise NotPlainError(where, value)
        stream = io.BytesIO()
        joblib.dump(value, stream)
        return {"pickle": self._keep(torch.from_numpy(np.frombuffer(stream.getvalue(), np.uint8).copy()))}

    def _keep(self, tensor: Tensor) -> str:
        name = str(len(self.tensors))
        self.tensors[name] = tensor
        return name


class _Unpacker:
    def __init__(self, tensors: Mapping[str, Tensor], allow_pickle: bool) -> None:
        self.tensors = tensors
        self.allow_pickle = allow_pickle

    def unpack(self, content: Any) -> Any:
        if isinstance(content, list):
            return [self.unpack(one) for one in content]
        if not isinstance(content, dict):
            return content
        ((kind, inner),) = content.items()
        return getattr(self, f"_{kind}")(inner)

    def _float(self, text: str) -> float:
        return float(text)

    def _tuple(self, values: Any) -> tuple[Any, ...]:
        return tuple(self.unpack(values))

    def _dict(self, pairs: Any) -> dict[Any, Any]:
        return {self.unpack(key): self.unpack(value) for key, value in pairs}

    def _tensor(self, name: str) -> Tensor:
        return self.tensors[name]

    def _array(self, content: Any) -> Any:
        name, dtype, shape = content
        array = np.frombuffer(self.tensors[name].numpy().tobytes(), np.dtype(dtype)).copy()
        return array[0] if shape is None else array.reshape(shape)

    def _pickle(self, name: str) -> Any:
        if not self.allow_pickle:
            raise SavedFileError("it holds a pickle, which memory= reads only as Memory(folder, allow_pickle=True).")
        return joblib.load(io.BytesIO(self.tensors[name].numpy().tobytes()))
