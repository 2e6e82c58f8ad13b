"""Tell of times of another zone where a teacher reads the calendar and its student does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skdistill.data._plausibility._short_series import name_series
from skdistill.data._series import Series

__all__ = ["warn_of_zone_of_teacher"]


def warn_of_zone_of_teacher(forecaster: Any, series: Sequence[Series]) -> None:
    """Warn of series of another zone than those of ``fit`` that the teacher is about to forecast.

    Where the student reads the calendar, too, reading the series has told it.

    Parameters
    ----------
    forecaster : DistilledForecaster
        Fitted, with a teacher.
    series : sequence of Series
        The series.
    """
    if forecaster.spec_.n_time_features or not forecaster.teacher_.reads_calendar:
        return
    forecaster.series_labels_.warn_of_others(
        [one.index for one in series],
        [],  # another step was told when the series were read
        lambda number: "X" if len(series) == 1 and series[0].id is None else name_series(series, number),
        with_calendar=True,
    )
