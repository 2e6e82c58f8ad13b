"""A digest of data, parameters and weights that is the same in every process."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib.hashing import NumpyHasher
from torch import nn

__all__ = ["digest"]


class _Hasher(NumpyHasher):
    """joblib's hasher, taught tensors, modules and paths, whose pickles are not reproducible."""

    def save(self, obj: Any) -> None:
        if isinstance(obj, torch.Tensor):
            obj = ("tensor", str(obj.dtype), tuple(obj.shape), _tensor_bytes(obj))
        elif isinstance(obj, nn.Module):
            state = {name: value for name, value in vars(obj).items() if name not in _MODULE_INTERNALS}
            obj = (
                "module",
                type(obj).__qualname__,
                obj.state_dict(),
                list(obj._buffers.items()),
                list(obj._modules.items()),
                state,
            )
        elif isinstance(obj, torch.device):
            obj = ("device", str(obj))
        elif isinstance(obj, pd.Index):  # its pickle changes with caches that use fills
            values = obj.asi8 if hasattr(obj, "asi8") else np.asarray(obj)
            obj = ("index", str(obj.dtype), list(obj.names), getattr(obj, "freqstr", None), values)
        elif isinstance(obj, Path):
            obj = ("path", _path_bytes(obj))
        super().save(obj)


# Hooks and buffers of nn.Module that either come with the state_dict or hold no settings.
_MODULE_INTERNALS = frozenset(vars(nn.Module()))


def digest(*objects: Any) -> str:
    """Digest anything that parameters, data or weights may be.

    Tensors count by their bytes, modules by class, settings and weights, ``pathlib`` paths by the
    contents of the file or folder they name, everything else as joblib does it.

    Parameters
    ----------
    *objects : object
        What to digest.

    Returns
    -------
    digest : str
        32 hexadecimal digits, the same in every process.

    Examples
    --------
    >>> import torch
    >>> digest(torch.ones(3)) == digest(torch.ones(3)), digest(torch.ones(3)) == digest(torch.zeros(3))
    (True, False)
    """
    return str(_Hasher(hash_name="md5").hash(objects))


def _tensor_bytes(tensor: torch.Tensor) -> bytes:
    raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(raw.numpy().data).digest()


def _path_bytes(path: Path) -> list[tuple[str, bytes]]:
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path} to digest.")
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    found = []
    for file in files:
        with file.open("rb") as stream:
            found.append((str(file.relative_to(path)), hashlib.file_digest(stream, "sha256").digest()))
    return found
