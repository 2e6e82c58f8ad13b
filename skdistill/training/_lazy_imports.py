"""What torch imports when it first trains, imported before, where Ctrl-C waits."""

from __future__ import annotations

import functools

import torch
from torch import nn

from skdistill._utils._interrupts import deferred_interrupts

__all__ = ["import_lazy_parts"]


@functools.cache
def import_lazy_parts() -> None:
    """Rehearse a step of training, for which torch imports hundreds of modules.

    Half imported, some register operators that cannot be registered again, and every later training of the process
    fails.
    """
    with deferred_interrupts():
        weight = nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.Adam([weight], fused=True)
        weight.square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
