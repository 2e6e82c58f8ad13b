"""Checkpoints of research code as networks of ours."""

from skdistill.interop.tslib import from_tslib

__all__ = ["from_tslib"]
