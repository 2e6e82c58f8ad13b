"""Quantile levels, and their calibration."""

from skdistill.probabilistic._calibration import (
    BaseCalibration,
    FittedCalibration,
    RollingConformal,
    SplitConformal,
    conformal_offsets,
)

__all__ = ["BaseCalibration", "FittedCalibration", "RollingConformal", "SplitConformal", "conformal_offsets"]
