"""Row labels for sktime forecasters: those of the series if sktime can continue them, otherwise others."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pandas as pd

from skdistill.data._offsets import is_exact, span_of
from skdistill.data._steps import Step

__all__ = ["clock_changes", "index_forms"]

_PERIODS = (
    pd.offsets.Tick,
    pd.offsets.Day,
    pd.offsets.Week,
    pd.offsets.MonthBegin,
    pd.offsets.MonthEnd,
    pd.offsets.QuarterBegin,
    pd.offsets.QuarterEnd,
    pd.offsets.YearBegin,
    pd.offsets.YearEnd,
)


def index_forms(index: pd.Index | None, step: Step | None, first: int, stop: int) -> Iterator[tuple[str, pd.Index]]:
    """Yield the labels of rows in the forms that a forecaster can accept, best first.

    Parameters
    ----------
    index : pandas.Index or None
        Labels of the series.
    step : Step or None
        Step of the labels.
    first, stop : int
        Positions of the first row and after the last one.

    Yields
    ------
    form : tuple of str and Index of shape (stop - first,)
        ``"labels"`` with their step, if sktime continues them correctly; ``"periods"`` (for months and longer steps,
        before the labels); and finally ``"positions"``. Hours and below of a time zone stay on the clock of the first
        row: sktime counts rows on the wall clock, so that its seasons come out of step where that changes.
    """
    if index is not None and step is not None and first >= 0:
        labels = _on_one_clock(step.note_on(index[first:stop]), step)
        periods = _as_periods(labels)
        by_month = step.offset is not None and span_of(step.offset) is None
        if periods is not None and by_month:  # of months as moments, sktime's seasons come out of step
            yield "periods", periods
        if _counts(labels, step):
            yield "labels", labels
        if periods is not None and not by_month:
            yield "periods", periods
    yield "positions", pd.RangeIndex(first, stop)


def clock_changes(first: pd.Timestamp, last: pd.Timestamp) -> bool:
    """Return whether the clock of a time zone changes between two of its moments.

    Parameters
    ----------
    first, last : Timestamp
        The moments, in order.

    Returns
    -------
    changes : bool
        Always False without a zone.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.DatetimeIndex(["2024-10-26", "2024-10-28"], tz="Europe/Berlin")
    >>> clock_changes(*days), clock_changes(*days.tz_convert("UTC"))
    (True, False)
    """
    if first.tz is None:
        return False
    hours = pd.DatetimeIndex(pd.date_range(first, last, freq="h").append(pd.DatetimeIndex([last])))
    offsets = hours.tz_localize(None).asi8 - hours.asi8
    return bool((offsets != offsets[0]).any())


def _on_one_clock(labels: pd.Index, step: Step) -> pd.Index:
    """Convert moments at hours or below to a zone whose clock does not change: that of the first one."""
    if not isinstance(labels, pd.DatetimeIndex) or labels.tz is None:
        return labels
    if step.offset is None or not is_exact(step.offset):
        return labels
    return labels.tz_convert(datetime.timezone(labels[0].utcoffset() or datetime.timedelta()))


def _counts(labels: pd.Index, step: Step) -> bool:
    """Return whether sktime computes the correct next labels."""
    from sktime.forecasting.base import ForecastingHorizon

    if not isinstance(labels, pd.DatetimeIndex | pd.PeriodIndex) and not pd.api.types.is_integer_dtype(labels.dtype):
        return False
    if isinstance(labels, pd.DatetimeIndex) and labels.freq is None:
        return False
    try:
        ahead = ForecastingHorizon([1, 2, 3]).to_absolute_index(labels[-1:])
    except (AttributeError, TypeError, ValueError):  # raised for unknown steps
        return False
    return list(ahead) == list(step.follow(labels, 3))


def _as_periods(labels: pd.Index) -> pd.PeriodIndex | None:
    if not isinstance(labels, pd.DatetimeIndex) or labels.freq is None or labels.freq.n != 1:
        return None
    if not isinstance(labels.freq, _PERIODS) or getattr(labels.freq, "weekday", 0) is None:
        return None
    local = labels if labels.tz is None else pd.DatetimeIndex(labels.tz_localize(None), freq=labels.freq)
    periods = local.to_period()
    return periods if periods.is_unique and len(periods) == periods[-1].ordinal - periods[0].ordinal + 1 else None
