"""Optional libraries: imported when used, with an error that says what to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from skdistill._utils._interrupts import deferred_interrupts

__all__ = ["import_optional"]


def import_optional(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or raise an error that says how to install it.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    extra : str
        The extra of skdistill that installs it.
    purpose : str
        Purpose of the module, as the start of a sentence: ``"Plotting"``.

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    ImportError
        If the module is not installed.
    """
    try:
        with deferred_interrupts():  # a library that is half imported cannot be imported again
            return importlib.import_module(module)
    except ImportError as error:
        library = module.split(".")[0]
        raise ImportError(
            f"{purpose} needs {library}, which could not be imported ({error}). "
            f"Install it with: pip install 'skdistill[{extra}]'"
        ) from error
