"""Lazy imports: names of packages are imported when they are used (PEP 562)."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["attach", "read_stub"]


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package, from its stub.

    The stub, ``__init__.pyi``, has one import per name and is also read by type checkers and editors. A name is
    imported when it is used.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    file : str
        Its ``__file__``.

    Returns
    -------
    getattr_ : callable
        Its ``__getattr__``.
    dir_ : callable
        Its ``__dir__``.
    names : list of str
        Its ``__all__``: what it exports, without its own sub-modules.
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
    """Return the module of each name in a stub.

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
