"""Parse columns of times in any format."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import numbers as numbers_
import re
import warnings
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.datasets._steps import is_regular

__all__ = ["read_moments"]

_ISO = re.compile(r"\s*\d{4}-\d{2}-\d{2}")
_THREE_NUMBERS = re.compile(r"^\s*(\d{1,2})([/.\- ] *)(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_YEAR_FIRST = re.compile(r"\s*\d{4}")
_TWO_YEARS = re.compile(r"\s*(\d{4})[-/](\d{2})\s*")  # 2002/03, a fiscal year
_YEAR_LAST = re.compile(r"^\s*\d{1,2}[/.\- ] *\d{1,2}[/.\- ] *\d{4}(?!\d)")
# order -> (its name, directives of strptime)
_ORDERS = {
    "day first": ("%d", "%m", "%y"),
    "month first": ("%m", "%d", "%y"),
    "year first": ("%y", "%m", "%d"),
}
_MONTHS = 12
_TIME_ALONE = re.compile(r"\s*\d{1,2}:\d{2}")
# 2018-M01 and M1 2018, which pandas reads as seconds, and the quarters 2018T1, which it reads as months
_PARTS = (
    (re.compile(r"\s*(?P<year>\d{4})[-/._ ]?[Mm](?P<part>\d{1,2})\s*"), 1),
    (re.compile(r"\s*[Mm](?P<part>\d{1,2})[-/._ ]?(?P<year>\d{4})\s*"), 1),
    (re.compile(r"\s*(?P<year>\d{4})[-/._ ]?[Tt](?P<part>[1-4])\s*"), 3),
    (re.compile(r"\s*(?P<part>[1-4])?[Tt](?(part)|(?P<last>[1-4]))[-/._ ]?(?P<year>\d{4})\s*"), 3),
)
_DIGITS = re.compile(r"\s*(\d+)\s*")
_DATES_OF_DIGITS = (4, 8, 12, 14)  # digits of a year, a day, a minute and a second; others can be read in several ways
_WEEK = re.compile(r"\s*\d{4}-?[Ww]\d{1,2}\s*")
_WITH_OFFSET = re.compile(r"(Z|UTC|GMT|[+-]\d{2}:?(\d{2})?)\s*$", re.IGNORECASE)
# 9:00 PM GMT-5 and 21:00:00 GMT, of which pandas turns the sign of one, and takes the other for local time
_OF_UTC = re.compile(
    r"(?<=:\d\d)(?P<part>\.\d+)?(?P<half>\s*[ap]\.?m\.?)?\s*(UTC|GMT)"
    r"((?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?)?(\s*\([a-z ]+\))?\s*$",
    re.IGNORECASE,
)
_RANGE = re.compile(r".*?\b(\d{1,2}):(\d{2})(?::\d{2})?\s*-(\d{2}):?(\d{2})\s*")  # 09:00-10:00 after a date
_FEWEST_RANGES = 3
_SOME = 1000
_FIRST_YEAR = 1000  # text that pandas reads as an earlier date has no year: Jan-24
_UNITS = ("D", "h", "m", "s", "ms", "us", "ns")
_FIRST_SECOND = 300_000_000  # 1979; larger integers count seconds, milliseconds, ... since 1970
_FIRST_EXCEL_DAY, _LAST_EXCEL_DAY = 32_874, 73_051  # 1990 to 2100; as days since 1970, from 2060 on
_YEARS_AHEAD = 10  # no plan of the future, with years of two digits, reaches further
_EPOCH, _LAST_YEAR = 1970, 2200  # seconds read as milliseconds lie in 1970, milliseconds read as seconds far ahead
_EXCEL = (
    "Excel counts days from 1899-12-30, where 45292 is 2024-01-01: for such numbers convert the column first, "
    "pd.to_datetime(column, unit='D', origin='1899-12-30')."
)
# numbers of a year's parts, which ones are its first and its last, and how both are read
_YEARS_OF_PARTS = (
    (100, (1,), (12,), "date_format='%Y%m' reads months such as 202401, '%y%m' 2401"),
    (100, (1,), (13,), "periods such as 202413 are no months of a calendar: give the first day of each"),
    (
        100,
        (1,),
        (52, 53),
        "convert weeks such as 202405 first, pd.to_datetime(column.astype(str) + '-1', format='%G%V-%u'), and write "
        "years with four digits",
    ),
    (
        100,
        (0, 1),
        (52, 53),
        "weeks that start at 0, as %W and %U write them, split one at the turn of a year: give the first day of each",
    ),
    (1000, (1,), (365, 366), "date_format='%Y%j' reads days of the year such as 2024031"),
)
_LATE = pd.Timestamp("2022-12-28 22:58:59")  # every part of it has as many digits as it can have


def read_moments(
    column: pd.Series,
    where: str,
    *,
    dayfirst: bool | None = None,
    date_format: str | None = None,
    unit: str | None = None,
    numbers: bool = True,
) -> tuple[pd.Index, np.ndarray]:
    """Parse a column of times; each distinct time is parsed once.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Text, timestamps, periods, dates or numbers.
    where : str
        Name of the column, for error messages.
    dayfirst : bool or None, default=None
        Whether dates such as 03/04/2024 start with the day. None infers it from the dates, with a warning if both
        orders give dates and only the step of the rows decides.
    date_format : str or None, default=None
        Format of the text, with the directives of strptime.
    unit : {"D", "h", "m", "s", "ms", "us", "ns"} or None, default=None
        Unit of numbers, counted since 1970.
    numbers : bool, default=True
        Whether integers without a unit are row numbers.

    Returns
    -------
    moments : Index of shape (n_distinct,)
        DatetimeIndex, PeriodIndex, TimedeltaIndex or whole numbers, without order. Text with several offsets from
        UTC is in UTC.
    codes : ndarray of int of shape (n_rows,)
        Which of them each row has.

    Raises
    ------
    ValueError
        If a time is missing or cannot be read, dates are ambiguous, or numbers have no unit.

    Examples
    --------
    >>> moments, codes = read_moments(pd.Series(["13.1.2024", "14.1.2024", "13.1.2024"]), "the time column")
    >>> moments[codes].strftime("%Y-%m-%d").tolist()
    ['2024-01-13', '2024-01-14', '2024-01-13']
    """
    if unit is not None and unit not in _UNITS:
        raise ValueError(f"unit must be one of {', '.join(map(repr, _UNITS))}; got {unit!r}.")
    if date_format is not None and (unit is not None or dayfirst is not None):
        other = f"unit={unit!r}" if unit is not None else f"dayfirst={dayfirst!r}"
        raise ValueError(f"{where}: date_format={date_format!r} says how times are written, {other} would be ignored.")
    codes, labels = pd.factorize(column)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise ValueError(
            f"{where} has no time in {(codes < 0).sum()} rows, first in row {row}: drop these rows, or fill in when "
            "they were observed."
        )
    distinct = _of_objects(pd.Index(labels, name=column.name))
    _warn_of_no_text(distinct, where, dayfirst, date_format)
    moments = _read_distinct(distinct, where, dayfirst, date_format, unit, numbers)
    if not moments.is_unique:
        again, moments = pd.factorize(moments)
        codes = again[codes]
    return pd.Index(moments), codes


def _of_objects(distinct: pd.Index) -> pd.Index:
    """Return numbers and times that are objects, as databases and sheets give them, in types of their own."""
    if distinct.dtype != object:
        return distinct
    are_decimals = all(isinstance(one, decimal.Decimal) for one in distinct)
    return distinct.astype(np.float64) if are_decimals else distinct.infer_objects()


def _warn_of_no_text(distinct: pd.Index, where: str, dayfirst: bool | None, date_format: str | None) -> None:
    """Warn of options that say how text is read, where there is none."""
    reads_format = pd.api.types.is_numeric_dtype(distinct.dtype)
    given = {"dayfirst": dayfirst, "date_format": None if reads_format else date_format}
    told = " and ".join(f"{name}={value!r}" for name, value in given.items() if value is not None)
    if told and not any(isinstance(one, str) for one in distinct):
        warnings.warn(
            f"{told} has no effect: {where} holds {distinct.dtype}, no text. If an earlier step swapped days and "
            "months, read the column as text there.",
            stacklevel=stacklevel_of_user(),
        )


def _read_distinct(
    distinct: pd.Index, where: str, dayfirst: bool | None, date_format: str | None, unit: str | None, numbers: bool
) -> pd.Index:
    if isinstance(distinct, pd.CategoricalIndex):
        distinct = pd.Index(distinct.astype(distinct.categories.dtype))
    if isinstance(distinct.dtype, pd.ArrowDtype):
        distinct = _from_arrow(distinct)
    if isinstance(distinct, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex):
        if unit is not None:
            raise ValueError(f"unit={unit!r} is for times that are numbers; {where} holds {distinct.dtype}.")
        return distinct
    if pd.api.types.is_bool_dtype(distinct.dtype):
        raise ValueError(f"{where} holds True and False, not times.")
    if pd.api.types.is_numeric_dtype(distinct.dtype):
        if date_format is None:
            return _read_numbers(distinct, where, unit, numbers)
        distinct = _as_digits(distinct, where, date_format)
    elif unit is not None:
        raise ValueError(f"unit={unit!r} is for times that are numbers; {where} holds {distinct[0]!r}.")
    elif not all(isinstance(one, str) for one in distinct):
        _check_mixed(distinct, where)
        return _parse(_with_text_read(distinct, where, dayfirst, date_format), where)
    is_free = date_format is None
    moments = _read_text(distinct, where, dayfirst) if is_free else _parse(distinct, where, format=date_format)
    _warn_of_century(distinct, moments, where)
    return moments


def _check_mixed(distinct: pd.Index, where: str) -> None:
    """Raise for times among which are numbers, or text that an earlier step left where it took other text for times."""
    times = [one for one in distinct if isinstance(one, datetime.date)]
    number = next((one for one in distinct if isinstance(one, numbers_.Number)), None)
    if times and number is not None:
        raise ValueError(f"{where} holds numbers and times, such as {number!r} and {times[0]}: write all in one way.")
    text = next((one for one in distinct if isinstance(one, str) and not _YEAR_FIRST.match(one)), None)
    if text is not None and times and max(one.day for one in times) <= _MONTHS:
        raise ValueError(
            f"{where} holds times, whose days are 12 at most, and text such as {text!r}: an earlier step, such as "
            "Excel, took text for dates where it could, days for months. Have the column read as text there."
        )


def _with_text_read(distinct: pd.Index, where: str, dayfirst: bool | None, date_format: str | None) -> pd.Index:
    """Return times among which text is, with the text read as it is by itself."""
    texts = pd.Index([one for one in distinct if isinstance(one, str)], dtype=object)
    if not len(texts):
        return distinct
    read = _read_text(texts, where, dayfirst) if date_format is None else _parse(texts, where, format=date_format)
    times = dict(zip(texts, read, strict=True))
    return pd.Index([times[one] if isinstance(one, str) else one for one in distinct], dtype=object)


def _as_digits(distinct: pd.Index, where: str, date_format: str) -> pd.Index:
    """Return whole numbers as text as wide as the format, because numbers have lost their leading zeros."""
    values = distinct.to_numpy()
    whole = values.astype(np.int64)
    if not (whole == values).all():
        raise ValueError(f"{where} must hold whole numbers for date_format; got {values[whole != values][0]}.")
    width = len(_LATE.strftime(date_format))
    return pd.Index([str(one).zfill(width) for one in whole.tolist()], name=distinct.name)


def _from_arrow(distinct: Any) -> pd.Index:
    kind = distinct.dtype.pyarrow_dtype
    if distinct.dtype.kind not in "mM":
        return _of_objects(pd.Index(distinct.to_numpy()))  # decimals are objects
    if getattr(kind, "tz", None) is not None:
        return distinct.astype(f"datetime64[{kind.unit}, {kind.tz}]")
    numpy_kind = "datetime64" if distinct.dtype.kind == "M" else "timedelta64"
    return pd.Index(distinct.to_numpy(dtype=f"{numpy_kind}[{getattr(kind, 'unit', 's')}]"))  # days have no unit


# -- numbers -------------------------------------------------------------------------------------


def _read_numbers(distinct: pd.Index, where: str, unit: str | None, numbers: bool) -> pd.Index:
    values = distinct.to_numpy()
    of_excel = bool((values >= _FIRST_EXCEL_DAY).all() and (values <= _LAST_EXCEL_DAY).all())
    if unit is not None:
        moments = _parse(distinct, where, unit=unit)
        years = moments.year
        in_finer = unit in ("ms", "us", "ns") and years.max() == _EPOCH and values.min() >= _FIRST_SECOND
        if in_finer or years.min() > _LAST_YEAR or (unit == "D" and of_excel):
            advice = _EXCEL if unit == "D" and of_excel else "Is it the unit in which these numbers count?"
            warnings.warn(
                f"{where} holds {values[0]:.15g}, read as {moments[0]} with unit={unit!r}. {advice}",
                stacklevel=stacklevel_of_user(),
            )
        return moments
    first = values[0]
    whole = values.astype(np.int64)
    text = "" if numbers else f" or dtype={{{distinct.name!r}: str}}"
    advice = (
        f"Give unit='s' for seconds since 1970 ('ms', 'D'), date_format='%Y'{text} for years (1990), '%Y%m' for "
        "months, '%Y%m%d' for dates without dashes (19900131)."
    )
    if of_excel:
        advice = f"{advice} {_EXCEL}"
    if not (whole == values).all():
        raise ValueError(f"{where} must hold timestamps or whole numbers; got {values[whole != values][0]}. {advice}")
    if not numbers or _are_dates(whole) or whole.min() >= _FIRST_SECOND:
        raise ValueError(f"{where} must hold timestamps; got numbers, first {first}. {advice}")
    if (told := _start_again(whole)) is not None:
        raise ValueError(
            f"{where} holds numbers, first {first}, that start again after the last part of each year, so that as "
            f"numbers they would have gaps: {told}."
        )
    if of_excel:
        warnings.warn(
            f"{where} holds numbers, first {first}, which count as such: they tell no calendar and no season. {_EXCEL}",
            stacklevel=stacklevel_of_user(),
        )
    return pd.Index(whole)


def _are_dates(whole: np.ndarray) -> bool:
    """Return whether all integers look like days (20240131), months (202401) or quarters (20241)."""
    for size, parts, last in ((10_000, 100, 31), (100, 100, 12), (10, 10, 4)):
        years, part = whole // size, whole % parts
        if years.min() >= 1900 and years.max() <= 2100 and part.min() >= 1 and part.max() <= last:
            return True
    return False


def _start_again(whole: np.ndarray) -> str | None:
    """Return how to read integers that start again at 1, or 0, after the last part of a year; None for others.

    As numbers, week 202301 would follow week 202252 after a gap of 48 rows.
    """
    ordered = np.sort(whole)
    for size, firsts, lasts, advice in _YEARS_OF_PARTS:
        year, part = np.divmod(ordered, size)
        turns = np.isin(part[:-1], lasts) & np.isin(part[1:], firsts) & (np.diff(year) == 1)
        if turns.any() and part.min() >= min(firsts) and part.max() <= max(lasts):
            return advice
    return None


# -- text ----------------------------------------------------------------------------------------


def _read_text(distinct: pd.Index, where: str, dayfirst: bool | None) -> pd.Index:
    distinct = pd.Index([_OF_UTC.sub(_say_offset, one) for one in distinct], name=distinct.name)
    months = _months_of_parts(distinct)
    if months is not None:
        return _parse(pd.Index(months), where, format="%Y-%m")
    if all(map(_ISO.match, distinct)):
        return _parse(distinct, where, format="ISO8601")
    if not all(map(_THREE_NUMBERS.match, distinct)):
        return _read_free_text(distinct, where, dayfirst)
    readings = _read_each_way(distinct, where)
    if dayfirst is not None:
        order = "day first" if dayfirst else "month first"
        if order not in readings:
            raise ValueError(f"{where} cannot be read with the {order}: {_counterexample(distinct, order)!r}.")
        return readings[order]
    if len(readings) == 1:
        return next(iter(readings.values()))
    return _choose_order(distinct, readings, where)


def _say_offset(found: re.Match[str]) -> str:
    """Return an offset from UTC in the form that is read in one way."""
    hours, minutes = int(found["hours"] or 0), found["minutes"] or "00"
    return f"{found['part'] or ''}{found['half'] or ''} {found['sign'] or '+'}{hours:02d}:{minutes}"


def _warn_of_century(distinct: pd.Index, moments: pd.Index, where: str) -> None:
    """Warn of years of two digits that are read as years far ahead: 1/1/49 as 2049."""
    years = np.asarray(pd.DatetimeIndex(moments).year)
    ahead = np.flatnonzero(years > pd.Timestamp.now().year + _YEARS_AHEAD).tolist()
    found = next((k for k in ahead if str(years[k]) not in str(distinct[k])), None)
    if found is not None:
        warnings.warn(
            f"{where} holds {distinct[found]!r}, read as {moments[found]:%d %B %Y}: years of two digits can mean "
            "either century. If it is the other one, write them with four digits.",
            stacklevel=stacklevel_of_user(),
        )


def _months_of_parts(distinct: pd.Index) -> list[str] | None:
    """Return the first month of months and quarters that are written with a letter; None for other text."""
    for pattern, size in _PARTS:
        if all(found := list(map(pattern.fullmatch, distinct))):
            parts = [one.groupdict() for one in found if one]
            numbers = [int(one["part"] or one["last"]) for one in parts]
            return [f"{one['year']}-{size * (n - 1) + 1:0>2}" for one, n in zip(parts, numbers, strict=True)]
    return None


def _read_free_text(distinct: pd.Index, where: str, dayfirst: bool | None) -> pd.Index:
    """Parse text in other forms; raise where its order of day, month and year is not known."""
    digits = [found[1] for one in distinct if (found := _DIGITS.fullmatch(one))]
    odd = next((one for one in digits if len(one) not in _DATES_OF_DIGITS), None)
    if odd is not None:
        raise ValueError(
            f"{where} holds {odd!r}, {len(odd)} digits that can be read in several ways: give date_format=, such as "
            "'%Y%m' for months or '%y%m%d' for days."
        )
    years = [found for one in distinct if (found := _TWO_YEARS.fullmatch(one))]
    if 1 < len(years) == len(distinct) and all((int(one[1]) + 1) % 100 == int(one[2]) for one in years):
        raise ValueError(
            f"{where} holds {distinct[0]!r}, {distinct[1]!r}, which look like years from {years[0][1]} to the next "
            "one, and would be read as months: write the first year of each, or give date_format='%Y/%m' for months."
        )
    if any(map(_YEAR_FIRST.match, distinct)):  # pandas would read 2024/01/02 as February
        return _parse(distinct, where, dayfirst=False)
    moments = _parse(distinct, where, dayfirst=bool(dayfirst))
    if dayfirst is None:
        other = moments
        with contextlib.suppress(ValueError):
            other = _parse(distinct, where, dayfirst=True)
        if (other != moments).any():
            _raise_several_orders(distinct, {"month first": moments, "day first": other}, where)
    return moments


def _read_each_way(distinct: pd.Index, where: str) -> dict[str, pd.Index]:
    """Parse text in every order that fits all of it."""
    parts = [_THREE_NUMBERS.match(one) for one in distinct]
    numbers = np.array([[int(part[k]) for k in (1, 3, 4)] for part in parts if part])
    years_last = all(map(_YEAR_LAST.match, distinct))
    readings: dict[str, pd.Index] = {}
    for order, directives in _ORDERS.items():
        if order == "year first" and years_last:
            continue
        highest = dict(zip(directives, numbers.max(axis=0), strict=True))
        if highest["%m"] > 12 or highest["%d"] > 31:
            continue
        text = pd.Index([_as_iso(one, directives) for one in distinct])
        for form in ("ISO8601", "mixed"):  # "mixed" for 1:30 PM
            with contextlib.suppress(ValueError):
                readings[order] = _parse(text, where, format=form)
                break
    if not readings:
        raise ValueError(
            f"{where} holds times that cannot be read, such as {distinct[0]!r}, in any order of day, month and year: "
            "give date_format=, for example '%d/%m/%Y %H:%M'."
        )
    return readings


def _as_iso(text: str, directives: tuple[str, str, str]) -> str:
    match = _THREE_NUMBERS.match(text)
    assert match is not None
    parts = dict(zip(directives, (match[1], match[3], match[4]), strict=True))
    year = parts["%y"] if len(parts["%y"]) == 4 else f"{19 if int(parts['%y']) >= 69 else 20}{parts['%y']:0>2}"
    return f"{year}-{parts['%m']:0>2}-{parts['%d']:0>2}{text[match.end() :]}"


def _counterexample(distinct: pd.Index, order: str) -> str:
    month = _ORDERS[order].index("%m")
    found = (_THREE_NUMBERS.match(one) for one in distinct)
    return next((one[0].strip() for one in found if one and int(one[(1, 3, 4)[month]]) > 12), str(distinct[0]))


def _choose_order(distinct: pd.Index, readings: dict[str, pd.Index], where: str) -> pd.Index:
    """Choose the only order with regular times, with a warning; raise if there are several or none."""
    sorted_readings = {order: moments.sort_values() for order, moments in readings.items()}
    first = next(iter(readings.values()))
    if all(moments.equals(first) for moments in readings.values()):
        return first
    regular = [order for order, moments in sorted_readings.items() if is_regular(moments)]
    if len(regular) != 1 and all(re.match(r"\s*\d+\.", one) for one in distinct) and "day first" in readings:
        regular = ["day first"]  # no country writes 12.31.2024
    if len(regular) != 1:
        _raise_several_orders(distinct, readings, where)
    chosen = readings[regular[0]]
    example = _example_of_several(distinct, readings)
    warnings.warn(
        f"{where} was read with the {regular[0]}, {example!r} as {chosen[list(distinct).index(example)]:%d %B %Y}, "
        "because only then are the steps regular; no date decides it. Set dayfirst=True, dayfirst=False or "
        "date_format= to be sure.",
        stacklevel=stacklevel_of_user(),
    )
    return chosen


def _example_of_several(distinct: pd.Index, readings: dict[str, pd.Index]) -> str:
    """Return the first text that has several meanings."""
    return str(next(one for k, one in enumerate(distinct) if len({str(m[k]) for m in readings.values()}) > 1))


def _raise_several_orders(distinct: pd.Index, readings: dict[str, pd.Index], where: str) -> NoReturn:
    example = _example_of_several(distinct, readings)
    raise ValueError(
        f"{where} can be read with the {' or with the '.join(readings)}: {example!r} is "
        f"{' or '.join(f'{moments[list(distinct).index(example)]:%d %B %Y}' for moments in readings.values())}. "
        "Give dayfirst=True (03/04/2024 is 3 April), dayfirst=False (March 4), or date_format=."
    )


def _has_offset(time: Any) -> bool:
    """Return whether text or an object has an offset from UTC, or can have none, as numbers."""
    if isinstance(time, str):
        return _WITH_OFFSET.search(time) is not None
    return time is pd.NaT or not isinstance(time, datetime.date) or getattr(time, "tzinfo", None) is not None


def _parse(distinct: pd.Index, where: str, **options: Any) -> pd.DatetimeIndex:
    """Parse times with pandas; in UTC if their offsets change, as with daylight saving."""
    is_text = all(isinstance(one, str) for one in distinct)
    if is_text and all(map(_TIME_ALONE.match, distinct)):
        raise ValueError(
            f"{where} holds times of the day without a date, such as {distinct[0]!r}: put both into one column."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a guessed format; invalid text raises
            try:
                moments = pd.to_datetime(distinct, **options)
            except ValueError as error:
                if "utc=True" not in str(error) and "Mixed timezones" not in str(error):
                    raise
                moments = pd.to_datetime(distinct, utc=True, **options)
            if not isinstance(moments, pd.DatetimeIndex):
                moments = pd.to_datetime(distinct, utc=True, **options)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{where} cannot be read as timestamps: {_said(error)}. {_advice(distinct)}") from error
    if is_text and moments.tz is not None:
        _refuse_ranges(distinct[:_SOME], where)
    plain = [] if moments.tz is None else [one for one in distinct if not _has_offset(one)]
    if plain:
        other = next((one for one in distinct if _has_offset(one)), distinct[0])
        raise ValueError(
            f"{where} has times with an offset from UTC and times without: {other!r}, {plain[0]!r}. Write all in one "
            "way."
        )
    if is_text and (moments.year < _FIRST_YEAR).any():
        bad = distinct[moments.year < _FIRST_YEAR][0]
        raise ValueError(
            f"{where} cannot be read as timestamps: {bad!r} has no year. Give date_format=, such as '%b-%y'."
        )
    if moments.hasnans:
        bad = distinct[moments.isna()][0]
        raise ValueError(f"{where} cannot be read as timestamps: {bad!r} is none.")
    return moments


def _refuse_ranges(distinct: pd.Index, where: str) -> None:
    """Raise for ranges such as 09:00-10:00 of one length, of which pandas takes the ends for offsets from UTC."""
    parts = [_RANGE.fullmatch(one) for one in distinct]
    if not all(parts):
        return
    hours, minutes, *end = np.array([[int(one[k]) for k in (1, 2, 3, 4)] for one in parts if one]).T
    starts, ends = 60 * hours + minutes, 60 * end[0] + end[1]
    if len(np.unique((ends - starts) % 1440)) == 1 and len(np.unique(ends)) >= _FEWEST_RANGES:
        raise ValueError(
            f"{where} holds ranges of time such as {distinct[0]!r}, whose ends would be read as offsets from UTC: keep "
            "their starts, table[column].str.rsplit('-', n=1).str[0]."
        )


def _said(error: Exception) -> str:
    """Return the message of pandas without its advice."""
    return str(error).partition(". You might")[0].partition("\n")[0].rstrip(".")


def _advice(distinct: pd.Index) -> str:
    if isinstance(distinct[0], str) and _WEEK.fullmatch(distinct[0]):
        form = "%G-W%V-%u" if "-" in distinct[0] else "%GW%V-%u"
        return f"It is a week: append its first day, as in '{distinct[0].strip()}-1', and give date_format={form!r}."
    return (
        f"Times are written as {distinct[0]!r}: give date_format=, for example '%d/%m/%Y %H:%M', where they all have "
        "one form."
    )
