"""A digest of data, parameters and weights that is the same in every process."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib.hashing import NumpyHasher
from torch import nn

__all__ = ["digest"]


class _Hasher(NumpyHasher):
    """joblib's hasher, extended to tensors, modules, paths and users' code, which have no reproducible pickles."""

    def save(self, obj: Any) -> None:
        if isinstance(obj, torch.Tensor):
            obj = ("tensor", str(obj.dtype), tuple(obj.shape), _tensor_bytes(obj))
        elif isinstance(obj, nn.Module):
            state = {name: value for name, value in vars(obj).items() if name not in _MODULE_INTERNALS}
            obj = (
                "module",
                type(obj),
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
        elif isinstance(obj, type | FunctionType) and _is_users(obj):
            obj = _function_code(obj) if isinstance(obj, FunctionType) else _class_code(obj)
        super().save(obj)


# Hooks and buffers of nn.Module that either come with the state_dict or hold no settings.
_MODULE_INTERNALS = frozenset(vars(nn.Module()))


def digest(*objects: Any) -> str:
    """Digest parameters, data or weights of any type.

    Tensors count by their bytes, modules by class, settings and weights, ``pathlib`` paths by the
    contents of the file or folder they name, classes and functions of users by what their methods do (their bytecode,
    not what they call), everything else as joblib does it.

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


def _is_users(thing: type | FunctionType) -> bool:
    """Return whether a class or function is from the user, not from Python, skdistill or an installed library."""
    module = thing.__module__ or ""
    if module == "__main__":  # a script or notebook, also where ``python -m`` runs an installed library
        return True
    if module.partition(".")[0] in {*sys.stdlib_module_names, "skdistill"}:
        return False
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return not {"site-packages", "dist-packages"} & set(Path(file).parts)


def _class_code(users: type) -> tuple[Any, ...]:
    code: list[tuple[str, object]] = []
    for name, value in sorted(vars(users).items()):
        if isinstance(value, property):
            code.append(
                (name, [_function_code(one) for one in (value.fget, value.fset) if isinstance(one, FunctionType)])
            )
        function = getattr(value, "__func__", value)  # of class methods and static methods
        if isinstance(function, FunctionType):
            code.append((name, _function_code(function)))
        elif isinstance(value, int | float | str) and name not in _CLASS_INTERNALS:
            code.append((name, repr(value)))
    return "class", users.__qualname__, code, [base for base in users.__bases__ if base is not object]


def _function_code(function: FunctionType) -> tuple[Any, ...]:
    cells = [cell.cell_contents for cell in function.__closure__ or () if not _is_empty(cell)]
    values = [value for value in cells if not isinstance(value, type | FunctionType | ModuleType)]
    return "function", _instructions(function.__code__), function.__defaults__, function.__kwdefaults__, values


def _is_empty(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:  # of a name that has no value yet
        return True
    return False


def _instructions(code: CodeType) -> tuple[Any, ...]:
    constants = [_instructions(one) if isinstance(one, CodeType) else _constant(one) for one in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


def _constant(value: object) -> str:
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)  # sets have no order


# What a class says about itself: where it stands in a file, and its words.
_CLASS_INTERNALS = frozenset({"__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__"})


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
