"""Time indexes: are they regular, how they go on, and what the calendar says of their rows."""

from __future__ import annotations

from skdistill.data._calendar import calendar_features
from skdistill.data._calendar_covariates import calendar_covariates
from skdistill.data._index_checks import check_time_index
from skdistill.data._steps import continue_index

__all__ = ["calendar_covariates", "calendar_features", "check_time_index", "continue_index"]
