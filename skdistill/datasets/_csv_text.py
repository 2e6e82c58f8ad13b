"""Text of CSV files: times stay text, and numbers written in other ways are noticed."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["advise_number_format", "advise_separator", "numbers_of_text", "read_with_time_as_text"]

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_MONTH = re.compile(r"\s*\d{1,2}\.\d{4}\s*")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")
_THOUSANDS_COMMA = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_OF_ACCOUNTS = re.compile(r"\(\s*[\d.,]*\d\s*\)|[\d.,]*\d\s*-|[\u2212\u2013]\s*[\d.,]*\d")  # negative numbers
_MINUS = re.compile("[-()\u2212\u2013]")
_THOUSANDS_POINT = r"[+-]?(?:[1-9]\d{0,2}\.\d{3}|\d{1,3})"
_FEWEST_POINTS = 3  # so many numbers with exactly three decimals among whole numbers are no chance
_DATE = re.compile(r"\s*(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3\d{4})(?!\d).*")
_LARGEST_NUMBER = 9999  # of a column; a larger one that names that of times is a time
_NAMELESS = re.compile(r"Unnamed: \d+")  # as pandas calls it
_BINARY = {  # first bytes of files that are no text: what they are, and what reads them
    b"PK\x03\x04": ("an Excel sheet, or another archive", "pandas.read_excel"),
    b"\xd0\xcf\x11\xe0": ("an Excel sheet", "pandas.read_excel"),
    b"PAR1": ("a Parquet file", "pandas.read_parquet"),
    b"ARROW1": ("an Arrow file", "pandas.read_feather"),
}
_SEPARATORS = (";", "\t", "|")
_BLANKS = (r"\s+", r"\s*", " +", r"[ \t]+", r"\s{2,}")  # as separators


def read_with_time_as_text(path: Any, time: Hashable, name: str, read_options: dict[str, Any]) -> pd.DataFrame:
    """Read a CSV file; its time column stays text unless the options say otherwise.

    With ``thousands="."``, pandas would read 01.02.2023 as the number 1022023.

    Parameters
    ----------
    path : str, Path or file object
        The file.
    time : str, int or None
        Name of the time column; None if there is none.
    name : str
        Name of the file, for error messages.
    read_options : dict
        Options of :func:`pandas.read_csv`.

    Returns
    -------
    frame : DataFrame
        The table; times that are all numbers are numbers.

    Raises
    ------
    ValueError
        If the file is empty, or its rows have different numbers of columns, or more of them than the header.
    """
    options = dict(read_options)
    types = options.pop("dtype", {})
    is_free = (
        isinstance(types, dict) and time is not None and time not in {**types, **(options.get("converters") or {})}
    )
    if is_free:
        types = {**types, time: str}
    start = path.tell() if hasattr(path, "read") and path.seekable() else None
    try:
        frame = pd.read_csv(path, dtype=types, **options)
    except pd.errors.EmptyDataError:
        raise ValueError(f"{name} is empty.") from None
    except UnicodeDecodeError as error:
        kind = next((kind for start, kind in _BINARY.items() if error.object.startswith(start)), None)
        if kind is not None:
            raise ValueError(f"{name} is {kind[0]}, not CSV: read it with {kind[1]}, and give the table.") from error
        raise ValueError(
            f"{name} is not written in {error.encoding} ({error.reason} at byte {error.start}): give its encoding, "
            "such as encoding='latin-1' or encoding='utf-16'."
        ) from error
    except pd.errors.ParserError as error:
        raise ValueError(f"{name} cannot be read as a table: {str(error).strip()}. {_advice(path, options)}") from error
    if options.get("index_col") is None and _has_spare_fields(path, start, frame, options):
        raise ValueError(
            f"the rows of {name} have more fields than its header has names, {[*frame.columns][:5]}, so that names "
            f"would slip to the next column. {_advice(path, options)} If rows end with a separator, give "
            "index_col=False; if the first field is a row name without a header, index_col=0."
        )
    if is_free and time in frame.columns:
        frame[time] = numbers_of_text(frame[time])
    if start is not None or (not hasattr(path, "read") and os.path.exists(path)):  # no pipe, no address
        _tell_slipped(path, start, frame, name, options)
        _tell_twice(path, start, frame, name, options)
        _tell_no_header(frame, time, name, options)
        _tell_thousands(path, start, frame, name, options)
        _tell_words(path, start, frame, name, options)
    return frame if options.get("usecols") is not None else _without_row_numbers(frame, time, name)


def _without_row_numbers(frame: pd.DataFrame, time: Hashable, name: str) -> pd.DataFrame:
    """Leave out a column without a name that numbers the rows, as a table written with its index has it."""
    first = next(iter(frame.columns), None)
    if first is None or first == time or not _NAMELESS.fullmatch(str(first)) or len(frame) < 2 or frame.shape[1] < 2:
        return frame
    numbers = frame[first]
    if not pd.api.types.is_integer_dtype(numbers.dtype) or numbers[0] < 0 or not numbers.diff()[1:].gt(0).all():
        return frame
    warnings.warn(
        f"the first column of {name} has no name and numbers the rows, {numbers.iloc[0]} to {numbers.iloc[-1]}: it is "
        f"left out. If these are times, set time={first!r}; usecols= takes it as a channel.",
        stacklevel=stacklevel_of_user(),
    )
    return frame.drop(columns=first)


def _tell_slipped(path: Any, start: int | None, frame: pd.DataFrame, name: str, options: dict[str, Any]) -> None:
    """Warn of rows with fewer fields than others where blanks separate them, so that an empty one is none."""
    separator = options.get("sep", options.get("delimiter"))
    all_columns = options.get("usecols") is None
    if separator not in _BLANKS or frame.empty or (all_columns and not frame.iloc[:, -1].isna().any()):
        return
    texts = _read_texts(path, start, {**options, "keep_default_na": False, "na_values": None, "usecols": None})
    short = (texts.iloc[:, -1].fillna("") == "").to_numpy()  # a word for missing is text here
    if short.any():
        warnings.warn(
            f"{short.sum()} rows of {name} have fewer fields than others, first row {int(short.argmax())}: with "
            f"sep={separator!r}, the values after an empty field move one column to the left. If columns have a fixed "
            "width, read the file with pandas.read_fwf and give the table.",
            stacklevel=stacklevel_of_user(),
        )


def _tell_twice(path: Any, start: int | None, frame: pd.DataFrame, name: str, options: dict[str, Any]) -> None:
    """Warn of columns with one name, of which pandas calls the second y.1."""
    if options.get("names") is not None or options.get("header", "infer") not in (0, "infer"):
        return
    one_row = {"header": None, "nrows": 1, "usecols": None, "index_col": None, "skipfooter": 0, "parse_dates": False}
    header = _read_texts(path, start, {**options, **one_row}).iloc[0]
    twice = next((one for one in header[header.duplicated()].dropna() if one in frame.columns), None)
    if twice is not None:
        warnings.warn(
            f"{name} has {(header == twice).sum()} columns with the name {twice!r}: {twice!r} is the first, and the "
            f"next one is called '{twice}.1'. Rename them, or choose with columns= or usecols=.",
            stacklevel=stacklevel_of_user(),
        )


def _tell_no_header(frame: pd.DataFrame, time: Hashable, name: str, options: dict[str, Any]) -> None:
    """Warn of a first row of values, which pandas takes for the names of columns."""
    if options.get("names") is not None or options.get("header", "infer") not in (0, "infer"):
        return
    names = [str(one) for one in frame.columns]
    values = [one for one in names if one != str(time)]
    decimal = options.get("decimal", ".")
    if not names or not all(_NUMBER.fullmatch(one.replace(decimal, ".")) for one in values):
        return
    if time is None:
        is_row = not all(one.strip().isdigit() for one in names)  # a second 14 is 14.1
    else:
        is_row = _DATE.fullmatch(str(time)) is not None
        is_row = is_row or (_NUMBER.fullmatch(str(time)) is not None and float(str(time)) > _LARGEST_NUMBER)
    if is_row:
        warnings.warn(
            f"the first row of {name} is read as the names of its columns, {', '.join(map(repr, names[:3]))}"
            f"{', ...' if len(names) > 3 else ''}, which look like values. If it has no header, give header=None; "
            "columns are numbered then.",
            stacklevel=stacklevel_of_user(),
        )


def _tell_thousands(path: Any, start: int | None, frame: pd.DataFrame, name: str, options: dict[str, Any]) -> None:
    """Warn where points seem to separate thousands: 1.034 beside 992, which pandas reads as a number below 2.

    Numbers tell most columns apart; the others are read once more as text. Where thousands have a separator, all are:
    pandas drops every one, and reads 2.96 as 296.
    """
    separator = options.get("thousands")
    columns = [one for one in _unconverted(frame, options) if pd.api.types.is_numeric_dtype(frame[one])]
    if separator is None:
        columns = [one for one in columns if pd.api.types.is_float_dtype(frame[one]) and _may_be_cut(frame[one])]
    if not columns or (separator is None and "decimal" in options):
        return
    texts = _read_texts(path, start, _only(columns, options))
    for column in columns:
        if separator is not None:
            _tell_decimals(
                texts[column], frame[column], separator, options.get("decimal", "."), f"{column!r} of {name}"
            )
            continue
        found = texts[column].dropna().str.strip()
        pointed = found[found.str.contains(".", regex=False)]
        if 0 < len(pointed) < len(found) and found.str.fullmatch(_THOUSANDS_POINT).all():
            plain = found.drop(pointed.index)
            warnings.warn(
                f"the column {column!r} of {name} holds texts such as {pointed.iloc[0]!r} and {plain.iloc[0]!r}, read "
                f"as {float(pointed.iloc[0]):g} and {float(plain.iloc[0]):g}. If points separate thousands, give "
                "thousands='.' and decimal=','; decimal='.' says that they do not.",
                stacklevel=stacklevel_of_user(),
            )


def _tell_words(path: Any, start: int | None, frame: pd.DataFrame, name: str, options: dict[str, Any]) -> None:
    """Warn of words that pandas takes for missing among the words of a column: a promotion of the kind 'None'."""
    if not (options.get("keep_default_na", True) and options.get("na_filter", True)):
        return
    empty = [one for one in _unconverted(frame, options) if len(frame) and frame[one].isna().all()]
    columns = [one for one in _unconverted(frame, options) if _is_text(frame[one]) and frame[one].isna().any()]
    columns += empty
    texts = _read_texts(path, start, {**_only(columns, options), "keep_default_na": False}) if columns else frame
    for column in columns:
        missing = texts[column][frame[column].isna().to_numpy()].dropna().str.strip()
        words = missing[missing == "None"] if column in empty else missing[missing != ""]
        if len(words):
            warnings.warn(
                f"the column {column!r} of {name} holds {words.iloc[0]!r} in {len(words)} rows, read as missing. If it "
                "is a category, give keep_default_na=False and na_values=[''], or write another word.",
                stacklevel=stacklevel_of_user(),
            )


def _unconverted(frame: pd.DataFrame, options: dict[str, Any]) -> list[Hashable]:
    """Return the columns that pandas reads, not a function of the user."""
    converters = options.get("converters") or {}
    return [one for place, one in enumerate(frame.columns) if one not in converters and place not in converters]


def _is_text(column: pd.Series) -> bool:
    """Return whether a column holds text, beside what is missing."""
    return pd.api.types.is_string_dtype(column.dropna()) and bool(column.notna().any())


def _only(columns: list[Hashable], options: dict[str, Any]) -> dict[str, Any]:
    """Return options that read some columns alone; all, where an index is counted among them."""
    counts = options.get("index_col") is not None and options["index_col"] is not False
    return options if counts else {**options, "usecols": set(columns).__contains__}


def _read_texts(path: Any, start: int | None, options: dict[str, Any]) -> pd.DataFrame:
    """Read a file once more, as text; a file object is left where it was."""
    end = None if start is None else path.tell()
    if start is not None:
        path.seek(start)
    texts = pd.read_csv(path, **{**options, "dtype": str, "converters": None})
    if end is not None:
        path.seek(end)
    return texts


def _tell_decimals(texts: pd.Series, numbers: pd.Series, separator: str, decimal: str, name: str) -> None:
    """Warn of texts whose last separator of thousands is not followed by three digits."""
    whole = texts.fillna("").str.strip()
    if decimal != separator:  # else pandas drops all of them
        whole = whole.str.split(decimal, regex=False).str[0]
    odd = whole.str.contains(separator, regex=False) & (whole.str.split(separator, regex=False).str[-1].str.len() != 3)
    if odd.any():
        first = int(odd.to_numpy().argmax())
        text, number = texts.iloc[first], numbers.iloc[first]
        warnings.warn(
            f"the column {name} holds {int(odd.sum())} texts such as {text!r}, read as {number:g}: "
            f"thousands={separator!r} drops every {separator!r}, also where no three digits follow. If it is a decimal "
            "separator there, read the file in parts, by usecols=, or write its numbers in one way.",
            stacklevel=stacklevel_of_user(),
        )


def _may_be_cut(column: pd.Series) -> bool:
    """Return whether numbers have three decimals, or none and at most three digits."""
    values = column.abs().to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    for some in (values[:1000], values):
        thousands, whole = some * 1000, some == some.round()
        if not ((some < 1000) & (whole | (some >= 1)) & (abs(thousands - thousands.round()) < 1e-6)).all():
            return False
    return bool((~whole).sum() >= _FEWEST_POINTS and whole.any())


def _has_spare_fields(path: Any, start: int | None, frame: pd.DataFrame, options: dict[str, Any]) -> bool:
    """Return whether rows have more fields than the header, so that pandas takes the first for names of rows.

    With ``usecols``, pandas drops the last fields instead; and names such as 0, 1, ... look like numbers of rows. So
    the first row is read once more, where the file can be read twice.
    """
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.start != 0:
        return True
    if start is None and (hasattr(path, "read") or not os.path.exists(path)):
        return False  # a pipe, an address
    options = {**options, "usecols": None, "dtype": str, "converters": None, "nrows": 1, "skipfooter": 0}
    if start is None:
        return not isinstance(pd.read_csv(path, **options).index, pd.RangeIndex)
    end = path.tell()
    path.seek(start)
    first = pd.read_csv(path, **options)
    path.seek(end)
    return not isinstance(first.index, pd.RangeIndex)


def numbers_of_text(column: pd.Series) -> pd.Series:
    """Convert text to numbers if all of it is numbers, not months such as 01.2023."""
    texts = column.dropna().unique()
    if not len(texts) or not all(isinstance(one, str) and _NUMBER.fullmatch(one) for one in texts):
        return column
    return column if all(map(_MONTH.fullmatch, texts)) else pd.to_numeric(column)


def advise_number_format(texts: pd.Series) -> str | None:
    """Return the options that read texts as numbers, if they are written with a decimal comma or thousands separators.

    Parameters
    ----------
    texts : Series of str
        Texts that are not numbers as they stand.

    Returns
    -------
    advice : str or None
        Options of :func:`pandas.read_csv`; None for other texts.
    """
    found = [one.strip() for one in texts if isinstance(one, str)]
    if not found or len(found) < len(texts):
        return None
    if all(map(_THOUSANDS_COMMA.fullmatch, found)):
        pointed = any("." in one or one.count(",") > 1 for one in found)  # 1,503 can be both
        return "thousands=',' reads it" + (
            "" if pointed else " if commas separate thousands, decimal=',' if they are decimal"
        )
    if all(map(_DECIMAL_COMMA.fullmatch, found)):
        dotted = any("." in one for one in found)
        return "decimal=',' and thousands='.' read it" if dotted else "decimal=',' reads it"
    if all(map(_OF_ACCOUNTS.fullmatch, found)):
        return f"negative as in accounts: write -{_MINUS.sub('', found[0]).strip()} for it"
    return None


def advise_separator(path: Any, options: dict[str, Any]) -> str | None:
    """Return what separates columns, from the first line of a file.

    Parameters
    ----------
    path : str, Path or file object
        The file.
    options : dict
        Options of :func:`pandas.read_csv`.

    Returns
    -------
    advice : str or None
        None if the options say it, or no other separator is in the line.
    """
    if "sep" not in options and "delimiter" not in options and isinstance(path, str | os.PathLike):
        with open(path, encoding=options.get("encoding"), errors="replace") as lines:
            first = lines.readline()
        separator = next((one for one in _SEPARATORS if one in first), None)
        if separator is not None:
            return f"Its first line is {first.strip()[:80]!r}: give sep={separator!r}."
    return None


def _advice(path: Any, options: dict[str, Any]) -> str:
    """Return what to try with a file that is no table."""
    return advise_separator(path, options) or (
        "Rows before the header are left out with skiprows=, and columns are separated as in sep=."
    )
