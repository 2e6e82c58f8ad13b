"""Positions of columns that a parameter names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._checks import is_integer
from skdistill._utils._choices import check_choice

__all__ = ["can_be_position", "find_columns", "find_targets"]

_MOST_SHOWN = 8  # columns in a message


def find_targets(targets: Any, columns: pd.Index | None, n_columns: int, owner: str) -> tuple[int, ...]:
    """Return the positions of the columns to forecast.

    Parameters
    ----------
    targets : list of column name or int, or None
        Value of the parameter; None means all columns.
    columns : pandas.Index or None
        Names of the columns; None for arrays.
    n_columns : int
        Number of columns.
    owner : str
        Name of the estimator, for error messages.

    Returns
    -------
    positions : tuple of int
        At least one, in the requested order.

    Examples
    --------
    >>> find_targets(None, None, 2, "DistilledForecaster")
    (0, 1)
    """
    if targets is None:
        return tuple(range(n_columns))
    found = find_columns(targets, columns, n_columns, "targets", owner)
    if not found:
        raise ValueError(f"targets of {owner} must name each column once; got {targets!r}.")
    return found


def find_columns(given: Any, columns: pd.Index | None, n_columns: int, parameter: str, owner: str) -> tuple[int, ...]:
    """Return the positions of columns given by name or position; where a name is a number, numbers are names.

    Parameters
    ----------
    given : list of column name or int
        Value of the parameter.
    columns : pandas.Index or None
        Names of the columns; None for arrays.
    n_columns : int
        Number of columns.
    parameter : str
        Name of the parameter, for error messages.
    owner : str
        Name of the estimator, for error messages.

    Returns
    -------
    positions : tuple of int
        Positions in the requested order.

    Raises
    ------
    TypeError
        If it is not a list.
    ValueError
        If there is no such column, or one occurs twice.

    Examples
    --------
    >>> find_columns(["b"], pd.Index(["a", "b"]), 2, "targets", "DistilledForecaster")
    (1,)
    """
    if isinstance(given, str | int | np.integer):
        raise TypeError(
            f"{parameter} of {owner} must be a list of column names or positions; got the "
            f"{type(given).__name__} {given!r}: write {parameter}=[{given!r}]."
        )
    if isinstance(given, set | frozenset):
        raise TypeError(
            f"{parameter} of {owner} must be a list of column names or positions; got the set {given!r}, which has no "
            "order: columns of arrays would come in another one in every process."
        )
    names = [] if columns is None else list(columns)
    positions = []
    for one in given:
        if isinstance(one, bool | np.bool_) and not any(one is name for name in names):
            raise TypeError(
                f"{parameter} of {owner} must be a list of column names or positions, not a mask; got {given!r}."
            )
        if one in names:
            positions.append(names.index(one))
        elif isinstance(one, int | np.integer) and 0 <= one < n_columns:
            if not can_be_position(int(one), names):
                raise ValueError(
                    f"{parameter} of {owner} must name columns of X, of which some are named by numbers, so that a "
                    f"number is no position; got {one!r}, and the columns are {_shown(names)}."
                )
            positions.append(int(one))
        else:
            texts = [str(name) for name in names]
            if isinstance(one, str) and names and one not in texts:
                check_choice(one, texts, f"{parameter} of {owner}")
            raise ValueError(
                f"{parameter} of {owner} must name columns of X or be positions from 0 to "
                f"{n_columns - 1}; got {one!r}"
                + (f", and the columns are {_shown(names)}." if names else ", and X has no column names.")
            )
    if len(set(positions)) < len(positions):
        raise ValueError(f"{parameter} of {owner} must name each column once; got {given!r}.")
    return tuple(positions)


def can_be_position(number: int, names: Sequence[Any]) -> bool:
    """Return whether a number that is no name of a column is clearly its position.

    Parameters
    ----------
    number : int
        A number, as given.
    names : sequence of hashable
        Names of the columns; empty if they have none.

    Returns
    -------
    can : bool
        False if some column is named by a number, or another one by the text of this number.

    Examples
    --------
    >>> can_be_position(1, ["load", "price"]), can_be_position(1, ["load", 2]), can_be_position(1, ["1", "2"])
    (True, False, False)
    """
    text = str(int(number))
    return not any(map(is_integer, names)) and (text not in names or names[int(number)] == text)


def _shown(names: list[Any]) -> str:
    """Return names of columns for messages; the first ones, if there are many."""
    more = ", ..." if len(names) > _MOST_SHOWN else ""
    return f"[{', '.join(map(repr, names[:_MOST_SHOWN]))}{more}]"
