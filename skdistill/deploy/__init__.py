"""Deployment: students as matrix products, safe files, exports."""

from skdistill.deploy import (  # noqa: F401 (each registers itself)
    _fuse_dlinear,
    _fuse_linear,
    _fuse_mlp,
    _fuse_nlinear,
    _fuse_quantiles,
)
from skdistill.deploy._export import ExportReport, export
from skdistill.deploy._files import SavedFileError
from skdistill.deploy._fuse import fuse, fuse_affine, fuses
from skdistill.deploy._fused import FusedLayer, FusedQuantiles, FusedStudent
from skdistill.deploy._save import load, save
from skdistill.deploy._stream import Stream
from skdistill.deploy.numpy_student import NumpyStudent

__all__ = [
    "ExportReport",
    "FusedLayer",
    "FusedQuantiles",
    "FusedStudent",
    "NumpyStudent",
    "SavedFileError",
    "Stream",
    "export",
    "fuse",
    "fuse_affine",
    "fuses",
    "load",
    "save",
]
