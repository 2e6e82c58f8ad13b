"""Inputs, time index, calendar, scaling, windows and labels: what everything above reads."""

from skdistill.data._augmentation import Augmentation
from skdistill.data._calendar import (
    calendar_features,
    calendar_fields,
    calendar_numbers,
)
from skdistill.data._index_checks import check_time_index
from skdistill.data._labels import Labels
from skdistill.data._steps import continue_index
from skdistill.data._windows import (
    Contexts,
    SeriesStore,
    TrainingWindows,
    Windows,
    count_validation_rows,
    split_windows,
)

__all__ = [
    "Augmentation",
    "Contexts",
    "Labels",
    "SeriesStore",
    "TrainingWindows",
    "Windows",
    "calendar_features",
    "calendar_fields",
    "calendar_numbers",
    "check_time_index",
    "continue_index",
    "count_validation_rows",
    "split_windows",
]
