"""Installed versions, as text for a bug report."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from skdistill._version import __version__

__all__ = ["show_versions", "versions"]

_FOR_DEVELOPMENT = re.compile(r"extra\s*==\s*['\"](dev|docs|test)['\"]")


def show_versions() -> None:
    """Print the versions of Python, the system, skdistill and all packages that it imports, also optionally.

    Examples
    --------
    >>> from skdistill import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    System:
        python: 3...
    """
    sys.stdout.write(versions() + "\n")


def versions() -> str:
    """Return system and package versions as text.

    Returns
    -------
    text : str
        The text that :func:`show_versions` prints.
    """
    lines = ["System:"]
    lines += [f"    {name}: {value}" for name, value in _system().items()]
    lines += ["", "Packages:"]
    lines += [f"    {name}: {_version(name)}" for name in ["skdistill", *_requirements()]]
    return "\n".join(lines)


def _system() -> dict[str, str]:
    import torch

    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "machine": platform.platform(),
        "gpu": cuda,
        "torch threads": str(torch.get_num_threads()),
    }


def _requirements() -> list[str]:
    """List the packages that skdistill or its extras import, core packages first; none for its development."""
    try:
        lines = requires("skdistill") or []
    except PackageNotFoundError:
        return ["numpy", "scikit-learn", "torch", "skorch", "sktime"]
    lines = [line for line in lines if not _FOR_DEVELOPMENT.search(line)]
    names = [re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0] for line in lines]
    return [name for name in dict.fromkeys(names) if name != "skdistill"]


def _version(package: str) -> str:
    try:
        if package == "skdistill":
            return __version__
        return version(package)
    except PackageNotFoundError:
        return "not installed"
