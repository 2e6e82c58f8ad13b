"""Students as a few matrix products, in NumPy."""

from skdistill.fused import (  # noqa: F401 (each registers itself)
    _fuse_dlinear,
    _fuse_linear,
    _fuse_mlp,
    _fuse_nlinear,
    _fuse_quantiles,
)
from skdistill.fused._fuse import fuse, fuse_affine, fuses
from skdistill.fused._fused import FusedLayer, FusedQuantiles, FusedStudent
from skdistill.fused.numpy_student import NumpyStudent

__all__ = ["FusedLayer", "FusedQuantiles", "FusedStudent", "NumpyStudent", "fuse", "fuse_affine", "fuses"]
