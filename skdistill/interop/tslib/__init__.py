"""Checkpoints of Time-Series-Library and of TimeDistill as networks of ours."""

from skdistill.interop.tslib._load import from_tslib

__all__ = ["from_tslib"]
