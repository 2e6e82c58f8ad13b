"""Fusing, with every network of this package that fuses."""

from skdistill.fused import (  # noqa: F401 (each registers itself)
    _fuse_dlinear,
    _fuse_linear,
    _fuse_mlp,
    _fuse_nlinear,
    _fuse_quantiles,
)
from skdistill.fused._registry import fuse

__all__ = ["fuse"]
