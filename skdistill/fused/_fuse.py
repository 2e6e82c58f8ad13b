"""Fusing of students, with all networks of this package that support it."""

from skdistill.fused import (  # noqa: F401 (importing registers them)
    _fuse_dlinear,
    _fuse_linear,
    _fuse_mlp,
    _fuse_nlinear,
    _fuse_quantiles,
)
from skdistill.fused._registry import fuse

__all__ = ["fuse"]
