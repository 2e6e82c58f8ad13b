"""Deployment: students as matrix products, safe files, exports."""

from skdistill.deploy._export import ExportReport, export
from skdistill.deploy._files import SavedFileError
from skdistill.deploy._save import save
from skdistill.deploy._stream import Stream
from skdistill.fused import (
    FusedLayer,
    FusedQuantiles,
    FusedStudent,
    NumpyStudent,
    fuse,
    fuse_affine,
    fuses,
)

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
    "save",
]
