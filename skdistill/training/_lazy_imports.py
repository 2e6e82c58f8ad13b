"""What torch imports when it first trains, imported before, where Ctrl-C waits."""

from __future__ import annotations

import importlib

from skdistill._utils._interrupts import deferred_interrupts

__all__ = ["import_lazy_parts"]

# Optimizers import it at their first step. Half imported, it registers operators that cannot be registered again, and
# every later training of the process fails.
_PARTS = ("torch._dynamo", "torch.profiler", "torch.cuda")


def import_lazy_parts() -> None:
    """Import what torch would import in the middle of a training."""
    with deferred_interrupts():
        for name in _PARTS:
            importlib.import_module(name)
