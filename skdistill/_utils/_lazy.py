"""Packages whose names are imported when they are asked for (PEP 562)."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["attach", "read_stub"]


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make the functions and the list of names that a package exports what its stub says by.

    The stub, ``__init__.pyi``, holds one import a name, which type checkers and editors read, too; nothing is imported
    before its name is asked for.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    file : str
        Its ``__file__``.

    Returns
    -------
    getattr_ : callable
        To be its ``__getattr__``.
    dir_ : callable
        To be its ``__dir__``.
    names : list of str
        To be its ``__all__``: what it exports, without its own sub-modules.
    """
    modules = read_stub(Path(file).with_suffix(".pyi"))
    names = sorted(name for name, module in modules.items() if module != package)

    def getattr_(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if modules[name] == package:
            return importlib.import_module(f"{package}.{name}")
        return getattr(importlib.import_module(modules[name]), name)

    return getattr_, lambda: sorted([*modules, "__all__", "__doc__"]), names


def read_stub(path: Path) -> dict[str, str]:
    """Read which module each name of a stub comes from.

    Parameters
    ----------
    path : Path
        The stub.

    Returns
    -------
    modules : dict of str to str
        Modules by name; the package itself for its sub-modules.
    """
    imports = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}
