"""Calendar fields and holidays as known covariates: one column for each, beside the targets."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill._utils._optional import import_optional
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._calendar import calendar_fields, parse_frequency, read_field
from skdistill.data._steps import as_time_index

__all__ = ["calendar_covariates"]

_ENCODINGS = ("dummies", "cycles", "numbers")

# field -> (lowest value, number of values)
_VALUES: dict[str, tuple[int, int]] = {
    "minute": (0, 60),
    "hour": (0, 24),
    "weekday": (0, 7),
    "day": (1, 31),
    "week": (1, 53),
    "month": (1, 12),
    "quarter": (1, 4),
}
_TELLS_STEP = 3  # distances of over a day, one after another, that business days do not have
_MOST_USED = ("hour", "weekday", "month")  # by default, those of them that the step of the labels has
_SOME_DAY = pd.Timestamp(2001, 1, 1)
_ISO = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}")  # pandas takes the month of other text to be first
_FEWEST_DATES, _FEWEST_DAYS = 5, 120  # no year has public holidays further apart
_DATES = (datetime.date, np.datetime64)


def calendar_covariates(
    index: Any,
    *,
    holidays: str | Iterable[Any] | None = None,
    around: int = 0,
    fields: Sequence[str] | None = None,
    encoding: str = "dummies",
    frequency: str | pd.offsets.BaseOffset | None = None,
) -> pd.DataFrame:
    """Return calendar fields and holidays of row labels as columns, for use as known covariates.

    Parameters
    ----------
    index : DatetimeIndex, PeriodIndex or MultiIndex
        The labels; of a panel, the last level is the time. Fields of a time-zone-aware index are those of its local
        time, those of a period longer than a day are those of its last day, as in pandas.
    holidays : str, iterable of dates or None, default=None
        Country whose public holidays to mark, with a subdivision if there is one: ``"DE"``, ``"DE-BY"``, ``"US"``
        (these need the package holidays, extra ``calendar``); or the dates themselves, text as ``"2024-12-25"``. None
        has no such column.
    around : int, default=0
        Number of days before and after a holiday to mark, too, each in a column of its own.
    fields : sequence of str or None, default=None
        Any of ``"minute"``, ``"hour"``, ``"weekday"``, ``"day"`` (of the month), ``"week"`` (of the year),
        ``"month"`` and ``"quarter"``; ``()`` for holidays alone. By default hour, weekday and month, those of them that
        vary at the step of the labels.
    encoding : {"dummies", "cycles", "numbers"}, default="dummies"
        ``"dummies"``: a column of zeros and ones for each value of a field, ``hour_0`` to ``hour_23``.
        ``"cycles"``: sine and cosine of the position in the cycle, ``hour_sin`` and ``hour_cos``.
        ``"numbers"``: the value itself, as an ordered category with all values of the field, ``hour``.
    frequency : str, BaseOffset or None, default=None
        A pandas frequency such as ``"h"`` or ``"D"``. By default that of `index`. Needed only where `fields` is None
        and the step cannot be read from the labels.

    Returns
    -------
    covariates : DataFrame of shape (n_labels, n_columns)
        One row per label, with the labels as index. Columns are the same for any labels, so those of the horizon
        match those of the history. ``holiday`` is 1 on holidays and 0 otherwise, and for each number of days `around`
        there are ``holiday_in_1`` and ``holiday_1_ago``. For periods longer than a day these columns count days.

    Raises
    ------
    TypeError
        If `index` is of another type.
    ValueError
        If labels are missing, a field, encoding or country is unknown, the step cannot be inferred, or there are
        holidays but the labels are more than a day apart and no periods.
    ImportError
        If `holidays` is a country and the package holidays is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.calendar import calendar_covariates
    >>> days = pd.date_range("2024-12-24", periods=3, freq="D")
    >>> calendar_covariates(days, holidays=["2024-12-25"], fields=["weekday"], encoding="numbers")
               weekday  holiday
    2024-12-24       1      0.0
    2024-12-25       2      1.0
    2024-12-26       3      0.0
    >>> calendar_covariates(days).shape  # 7 days of the week and 12 months
    (3, 19)
    """
    check_choice(encoding, _ENCODINGS, "encoding of calendar_covariates")
    check_integer(around, "around of calendar_covariates", minimum=0)
    labels = _time_labels(index)
    if fields is None:
        unique = labels.unique() if isinstance(index, pd.MultiIndex) else labels
        found = calendar_fields(unique.sort_values(), frequency=frequency)
        fields = [field for field in _MOST_USED if field in found or (field == "month" and found)]
    elif isinstance(fields, str):
        raise TypeError(f"fields of calendar_covariates must be a list of names, such as [{fields!r}]; got {fields!r}.")
    columns: dict[str, Any] = {}
    for field in fields:
        check_choice(field, _VALUES, "each of fields of calendar_covariates")
        columns.update(_encode(field, read_field(labels, field), encoding))
    if holidays is not None:
        columns.update(_holiday_columns(labels, holidays, around, frequency))
    elif around:
        raise ValueError(f"around = {around} of calendar_covariates marks days beside holidays: name holidays, too.")
    return pd.DataFrame(columns, index=index)


def _time_labels(index: Any) -> pd.DatetimeIndex | pd.PeriodIndex:
    """Return the labels that have a calendar, or raise."""
    labels = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    labels = as_time_index(labels) if isinstance(labels, pd.Index) else labels
    if not isinstance(labels, pd.DatetimeIndex | pd.PeriodIndex):
        found = type(labels).__name__
        if isinstance(labels, pd.DataFrame | pd.Series):
            found += "; pass its index"
        raise TypeError(
            f"calendar_covariates needs a DatetimeIndex or a PeriodIndex, of a panel as last level; got {found}."
        )
    if labels.hasnans:
        raise ValueError(f"The index contains NaT, first at position {int(np.argmax(labels.isna()))}.")
    return labels


def _encode(field: str, values: np.ndarray, encoding: str) -> dict[str, Any]:
    """Return the columns of one field."""
    low, count = _VALUES[field]
    levels = range(low, low + count)
    if encoding == "numbers":
        return {field: pd.Categorical(values, categories=list(levels), ordered=True)}
    if encoding == "cycles":
        angle = 2 * np.pi * (values - low) / count
        return {f"{field}_sin": np.sin(angle), f"{field}_cos": np.cos(angle)}
    return {f"{field}_{level}": (values == level).astype(np.float64) for level in levels}


def _holiday_columns(
    labels: pd.DatetimeIndex | pd.PeriodIndex,
    holidays: str | Iterable[Any],
    around: int,
    frequency: str | pd.offsets.BaseOffset | None,
) -> dict[str, np.ndarray]:
    """Count the holidays in each label, and the days so many before and after one."""
    first, n_days = _days_of(labels, frequency)
    if not len(first):
        dates = np.empty(0, dtype=np.int64)
    elif isinstance(holidays, str):
        dates = _dates_in_country(holidays, _years(first, n_days, around))
    else:
        dates = _listed_dates(holidays, _years(first, n_days, around))
        _tell_short_list(dates, int(first.min()), int((first + n_days).max()) - 1)
    columns = {"holiday": _count(dates, first, n_days)}
    for days in range(1, around + 1):
        columns[f"holiday_in_{days}"] = _count(dates - days, first, n_days)
        columns[f"holiday_{days}_ago"] = _count(dates + days, first, n_days)
    return columns


def _days_of(
    labels: pd.DatetimeIndex | pd.PeriodIndex, frequency: str | pd.offsets.BaseOffset | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first day of each label, as days since 1970, and how many days it spans (at least one)."""
    if isinstance(labels, pd.PeriodIndex):
        first, last = _day_numbers(labels.start_time), _day_numbers(labels.end_time)
        return first, last - first + 1
    first = _day_numbers(labels)
    hours_apart = np.diff(np.unique(labels.tz_localize(None).to_numpy().astype("datetime64[h]").astype(np.int64)))
    step = labels.freq if frequency is None else parse_frequency(frequency)
    known = getattr(step, "n", None)  # 1 for a calendar of one's own, which may have fewer days
    skips_days = known != 1 and len(hours_apart) >= _TELLS_STEP and hours_apart.min() > 24
    if _is_over_a_day(step) or skips_days or (len(hours_apart) and np.median(hours_apart) > 72):  # business days: 72
        raise ValueError(
            "Holidays of labels that are more than a day apart are counted over the days of each: give periods, "
            "calendar_covariates(index.to_period(), ...), or those of every day, added up over the days of each label."
        )
    return first, np.ones(len(first), dtype=np.int64)


def _is_over_a_day(step: pd.offsets.BaseOffset | None) -> bool:
    """Return whether a known step leaves out days, other than those without business."""
    if step is None or type(step).__name__.endswith("BusinessHour"):
        return False
    if isinstance(step, pd.offsets.BusinessDay):
        return step.n != 1
    label = _SOME_DAY + step
    return label + step - label > pd.Timedelta(days=1)


def _day_numbers(stamps: pd.DatetimeIndex) -> np.ndarray:
    """Return the local dates of moments as days since 1970."""
    return stamps.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)


def _count(dates: np.ndarray, first: np.ndarray, n_days: np.ndarray) -> np.ndarray:
    """Count the sorted dates from each first day on, over so many days."""
    return (np.searchsorted(dates, first + n_days) - np.searchsorted(dates, first)).astype(np.float64)


def _years(first: np.ndarray, n_days: np.ndarray, around: int) -> range:
    """Return the years of all days of some labels, and of the days around them."""
    days = np.array([first.min() - around, (first + n_days).max() - 1 + around])
    low, high = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    return range(int(low) + 1970, int(high) + 1971)


def _dates_in_country(country: str, years: range) -> np.ndarray:
    """Return the public holidays of a country in some years, as days since 1970."""
    library = import_optional("holidays", extra="calendar", purpose=f"holidays={country!r}")
    code, _, subdivision = country.partition("-")
    try:
        found = library.country_holidays(code, subdiv=subdivision or None, years=years)
    except NotImplementedError as error:
        raise ValueError(
            f"holidays = {country!r} of calendar_covariates is not known to the package holidays ({error}); give a "
            "country such as 'DE', with a subdivision such as 'DE-BY', or the dates themselves."
        ) from error
    return _as_days(found)


def _listed_dates(holidays: Iterable[Any], years: range) -> np.ndarray:
    """Return dates that are given, as days since 1970."""
    if isinstance(holidays, dict):  # the package's calendars fill in a year when asked for a day of it
        for year in years:
            datetime.date(year, 1, 1) in holidays  # noqa: B015
    return _as_days(holidays)


def _tell_short_list(dates: np.ndarray, first: int, last: int) -> None:
    """Warn of a list of holidays that ends long before the last day, or begins long after the first one."""
    if len(dates) < _FEWEST_DATES:
        return
    usual = max(2 * int(np.diff(dates).max()), _FEWEST_DAYS)
    for days, there, end in ((last - dates[-1], dates[-1], "end"), (dates[0] - first, dates[0], "begin")):
        if days > usual:
            warnings.warn(
                f"holidays of calendar_covariates {end} on {np.datetime64(int(there), 'D')}, {int(days)} days "
                f"{'before the last label' if end == 'end' else 'after the first label'}: none is marked there. List "
                "those of all years, of the horizon, too.",
                stacklevel=stacklevel_of_user(),
            )


def _as_days(dates: Iterable[Any]) -> np.ndarray:
    """Return distinct dates in order, as days since 1970."""
    dates = list(dates)
    for date in dates:
        if not (_ISO.match(date) if isinstance(date, str) else isinstance(date, _DATES) and not pd.isna(date)):
            raise ValueError(
                "holidays of calendar_covariates must be dates, or text such as '2024-12-25', year first; got "
                f"{date!r}. pd.to_datetime(..., dayfirst=True) or with format= reads other text."
            )
    return np.unique(_day_numbers(pd.DatetimeIndex([pd.Timestamp(date) for date in dates])))
