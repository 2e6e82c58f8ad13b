"""A digest of data, parameters and weights that is the same in every process."""

from __future__ import annotations

import datetime
import dis
import functools
import hashlib
import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib.hashing import NumpyHasher
from sklearn.base import BaseEstimator
from torch import nn

__all__ = ["digest", "digest_with_versions"]


class _Hasher(NumpyHasher):
    """joblib's hasher, extended to tensors, modules, paths and users' code, which have no reproducible pickles."""

    def __init__(self) -> None:
        super().__init__(hash_name="md5")
        self.libraries: set[str] = set()  # installed libraries whose classes and functions were met

    def save(self, obj: Any) -> None:
        if isinstance(obj, BaseEstimator):
            self.libraries.update(getattr(obj, "libraries", ()))  # of teachers and networks
        if isinstance(obj, type | FunctionType):
            self.libraries |= _libraries_of(obj)
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
            walk = _Walk()
            obj = _code_of(obj, walk)
            self.libraries |= walk.libraries
        super().save(obj)


# Hooks and buffers of nn.Module that either come with the state_dict or hold no settings.
_MODULE_INTERNALS = frozenset(vars(nn.Module()))


def digest(*objects: Any) -> str:
    """Digest parameters, data or weights of any type.

    Tensors count by their bytes, modules by class, settings and weights, ``pathlib`` paths by the
    contents of the file or folder they name, classes and functions of users by what their methods do (their bytecode,
    with the constants, functions and classes of users that they read by name), everything else as joblib does it.

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
    return str(_Hasher().hash(objects))


def digest_with_versions(*objects: Any) -> str:
    """Digest parameters, data or weights with the versions of the libraries that compute with them.

    These are the libraries of classes and functions among the parameters and in users' code, of their base classes, of
    what sktime's estimators name as their dependencies, and of ``libraries`` of the parts of skdistill.

    Parameters
    ----------
    *objects : object
        What to digest.

    Returns
    -------
    digest : str
        32 hexadecimal digits, the same in every process with the same versions.
    """
    hasher = _Hasher()
    found = str(hasher.hash(objects))
    return digest(found, [(name, _version_of(name)) for name in sorted(hasher.libraries)])


def _libraries_of(thing: type | FunctionType) -> set[str]:
    """Return the installed libraries that a class and its bases, or a function, are from and say that they need."""
    if not isinstance(thing, type):
        return _installed([thing.__module__])
    if (thing.__module__ or "").partition(".")[0] == "skdistill":
        return set()  # its version counts
    tags = getattr(thing, "get_class_tag", None)  # of sktime
    try:
        needs = None if tags is None else tags("python_dependencies")
    except Exception:  # another method of this name
        needs = None
    named = {re.split(r"[\s\[<>=!~;]", one, maxsplit=1)[0] for one in _texts_in(needs)}
    return named | _installed([base.__module__ for base in thing.__mro__])


def _texts_in(needs: Any) -> list[str]:
    """Return the texts in a text, in lists of them, or in nothing."""
    if isinstance(needs, list | tuple):
        return [text for one in needs for text in _texts_in(one)]
    return [needs] if isinstance(needs, str) else []


def _installed(modules: Sequence[str | None]) -> set[str]:
    """Return the libraries of modules that are neither Python's nor users' nor of skdistill."""
    tops = {(module or "").partition(".")[0] for module in modules if not _is_own(module or "")}
    return tops - {*sys.stdlib_module_names, *_COUNTED, "skdistill", ""}


# Libraries that hold data and parameters, or whose version is counted anyway.
_COUNTED = frozenset(("numpy", "pandas", "torch", "joblib", "skorch", "sklearn", "scipy", "skbase"))


@functools.cache
def _version_of(library: str) -> str | None:
    """Return the version of an installed library, by the name of its module or distribution."""
    told = getattr(sys.modules.get(library), "__version__", None)
    if isinstance(told, str):
        return told
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _is_users(thing: type | FunctionType) -> bool:
    """Return whether a class or function is from the user, not from Python, skdistill or an installed library."""
    return _is_own(thing.__module__ or "")


def _is_own(module: str) -> bool:
    """Return whether a module is from the user."""
    if module == "__main__":  # a script or notebook, also where ``python -m`` runs an installed library
        return True
    if module.partition(".")[0] in {*sys.stdlib_module_names, "skdistill"}:
        return False
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return not {"site-packages", "dist-packages"} & set(Path(file).parts)


class _Walk:
    """Numbers the functions and classes of a digest as they are met: they refer to each other and to themselves."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}
        self.libraries: set[str] = set()  # that they read by name

    def number(self, thing: type | FunctionType) -> int | None:
        """Return the number of a thing that was met before; None for one that is new."""
        known = self._met.get(id(thing))
        if known is None:
            self._met[id(thing)] = len(self._met)
        return known


def _code_of(thing: type | FunctionType, walk: _Walk) -> tuple[Any, ...]:
    """Return what a function or class of a user does, at its first mention, and what it is called, of others."""
    if not _is_users(thing):
        return thing.__module__, thing.__qualname__
    number = walk.number(thing)
    if number is not None:
        return "again", number
    return _function_code(thing, walk) if isinstance(thing, FunctionType) else _class_code(thing, walk)


def _class_code(users: type, walk: _Walk) -> tuple[Any, ...]:
    members = [(name, vars(users)[name]) for name in sorted(set(vars(users)) - _CLASS_INTERNALS)]
    code = [(name, _member_code(value, walk)) for name, value in members]
    bases = [_code_of(base, walk) for base in users.__bases__ if base is not object]
    return "class", users.__qualname__, code, bases


# What users write as constants, beside arrays and collections.
_PLAIN = (int, float, complex, str, bytes, Decimal, Fraction, range, np.generic, torch.dtype, torch.device)
_TIMES = (datetime.date, datetime.time, datetime.timedelta, pd.Period)
_TABLES = (pd.DataFrame, pd.Series, pd.Index)


def _member_code(value: Any, walk: _Walk) -> Any:
    """Return what a member of a class does or holds; a method counts by its own code, whatever decorates it."""
    if isinstance(value, property):
        return [_member_code(one, walk) for one in (value.fget, value.fset) if one is not None]
    if isinstance(value, staticmethod | classmethod):
        return _member_code(value.__func__, walk)
    if isinstance(value, functools.cached_property):
        return _member_code(value.func, walk)
    if isinstance(value, functools.partial | functools.partialmethod):
        return _member_code(value.func, walk), value.args, value.keywords
    if isinstance(value, type | FunctionType):
        return _code_of(value, walk)
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if isinstance(value, list | tuple):
        return type(value).__name__, [_member_code(one, walk) for one in value]
    if isinstance(value, dict):
        return [(repr(key), _member_code(one, walk)) for key, one in value.items()]
    if isinstance(value, MethodType):
        return _member_code(value.__func__, walk)
    if isinstance(value, (np.ndarray, torch.Tensor, Path, *_TABLES)):
        return value
    if value is None or isinstance(value, (*_PLAIN, *_TIMES)):
        return repr(value)
    inner = getattr(value, "__wrapped__", getattr(value, "pyfunc", None))  # of functools.lru_cache, np.vectorize
    return (type(value).__name__, _member_code(inner, walk)) if isinstance(inner, FunctionType) else None


def _function_code(function: FunctionType, walk: _Walk) -> tuple[Any, ...]:
    """Return what a function does, with what it has taken in and what it reads by name."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if not _is_empty(cell)]
    values = [value for value in cells if not isinstance(value, type | FunctionType | ModuleType)]
    inner = [_code_of(value, walk) for value in cells if isinstance(value, type | FunctionType)]
    used = _used_globals(function, walk)
    return (
        "function",
        _instructions(function.__code__),
        function.__defaults__,
        function.__kwdefaults__,
        values,
        inner,
        used,
    )


def _used_globals(function: FunctionType, walk: _Walk) -> list[tuple[str, Any]]:
    """Return the constants, functions and classes of a user's module that a function reads by name."""
    found = []
    for name in sorted(_global_names(function.__code__)):
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            walk.libraries |= _installed([value.__name__])
            continue
        if isinstance(value, type | FunctionType):
            walk.libraries |= _libraries_of(value)
            if not _is_users(value):
                continue
        if value is None or isinstance(value, Path):  # a path can be a folder to write to
            continue
        code = _member_code(value, walk)
        if code is not None:
            found.append((name, code))
    return found


def _global_names(code: CodeType) -> set[str]:
    """Return the names that a function, and functions inside it, read from their module."""
    names = {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return names.union(*(_global_names(one) for one in code.co_consts if isinstance(one, CodeType)))


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


# What a class says about itself: where it stands in a file, its words, and what Python keeps there.
_CLASS_INTERNALS = frozenset(
    ("__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__", "__dict__", "__weakref__")
) | {"__annotations__", "__annotate_func__", "__annotations_cache__", "__abstractmethods__", "_abc_impl", "__slots__"}


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
