"""Columns of a table in requests, where they are not the channels of a student: static and categorical covariates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from skdistill.serving._refused import Refused

__all__ = ["RequestColumns"]

_MOST_SHOWN = 5


class RequestColumns:
    """Converts the values of columns to channels, as ``predict`` does.

    Rows hold all columns of ``fit`` but the static ones, in order; categories are text, numbers or booleans.

    Parameters
    ----------
    roles : Roles
        Roles of the columns in ``fit``.

    Raises
    ------
    ValueError
        If two columns have the same text as name.
    """

    def __init__(self, roles: Any) -> None:
        self._roles = roles
        self._rows = [column for column in range(roles.n_columns) if column not in roles.static]
        self._numbers = {
            column: {_key(one): k for k, one in enumerate(values)} for column, values in roles.categories.items()
        }
        names = Counter(self._name(column) for column in range(roles.n_columns))
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(f"two columns of fit have the name {twice[0]!r} as text: rename one.")

    def _name(self, column: int) -> str:
        return f"column {column}" if self._roles.columns is None else str(self._roles.columns[column])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of a row."""
        return tuple(map(self._name, self._rows))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        return tuple(map(self._name, self._roles.targets))

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Names of the columns of a row of ``future``."""
        return tuple(map(self._name, self._roles.known))

    @cached_property
    def static(self) -> tuple[str, ...]:
        """Names of the static covariates."""
        return tuple(map(self._name, self._roles.static))

    @cached_property
    def categories(self) -> dict[str, list[Any]]:
        """Categories of columns by their names."""
        return {self._name(column): list(values) for column, values in self._roles.categories.items()}

    def channels(self, rows: Sequence[Sequence[Any]], name: str) -> np.ndarray:
        """Convert rows of a context.

        Parameters
        ----------
        rows : sequence of sequence of shape (n_rows, n_row_columns)
            Values of the columns that are not static, None where missing.
        name : str
            Name of the rows, for messages.

        Returns
        -------
        values : ndarray of shape (n_rows, n_channels)
            NaN where missing.

        Raises
        ------
        Refused
            If a value is no number, or no category of its column.
        """
        values = np.full((len(rows), self._roles.n_columns), np.nan)
        for place, column in enumerate(self._rows):
            values[:, column] = self._column(column, [row[place] for row in rows], name)
        return np.asarray(self._roles.to_channels(values))

    def known_channels(self, rows: Sequence[Sequence[Any]], name: str) -> np.ndarray:
        """Convert rows of a horizon.

        Parameters
        ----------
        rows : sequence of sequence of shape (n_rows, n_known_columns)
            Values of the known covariates, None where unknown.
        name : str
            Name of the rows, for messages.

        Returns
        -------
        values : ndarray of shape (n_rows, n_known)
            NaN where unknown.

        Raises
        ------
        Refused
            If a value is no number, or no category of its column.
        """
        columns = enumerate(self._roles.known)
        parts = [self._column(column, [row[place] for row in rows], name) for place, column in columns]
        return np.asarray(self._roles.known_to_channels(np.stack(parts, axis=1)))

    def static_numbers(self, given: Mapping[str, Any], name: str) -> np.ndarray:
        """Convert the attributes of a series.

        Parameters
        ----------
        given : mapping of str to value
            Value of each static covariate, None where missing.
        name : str
            Name of the mapping, for messages.

        Returns
        -------
        numbers : ndarray of shape (n_static,)
            Standardized.

        Raises
        ------
        Refused
            If a covariate is missing or unknown, or its value is no number, or no category.
        """
        other = next((one for one in (*self.static, *given) if one not in given or one not in self.static), None)
        if other is not None:
            what = "does not have" if other in self.static else "has"
            told = ", ".join(self.static)
            raise Refused(422, f"{name} must have {told}, null where missing; it {what} {other[:80]!r}.")
        nested = next((one for one in self.static if isinstance(given[one], dict)), None)
        if nested is not None:
            raise Refused(422, f"{nested} of {name} must be one value; got several.")
        values = np.full((1, self._roles.n_columns), np.nan)
        for column, one in zip(self._roles.static, self.static, strict=True):
            values[:, column] = self._column(column, [given[one]], name)
        return np.asarray(self._roles.standardized_static(self._roles.static_numbers(values, name)))

    def _column(self, column: int, values: list[Any], name: str) -> list[float]:
        """Return the numbers of one column, NaN where missing."""
        numbers = self._numbers.get(column)
        if numbers is None:
            wrong = next((one for one in values if isinstance(one, str | bool)), None)
            if wrong is not None:
                told = repr(wrong[:80]) if isinstance(wrong, str) else f"{str(wrong).lower()}: write 1 or 0"
                raise Refused(422, f"{self._name(column)} of {name} must be numbers; got {told}.")
            try:
                return [np.nan if one is None else float(one) for one in values]
            except OverflowError:
                raise Refused(422, f"every number of {name} must be finite in float64.") from None
        new = next((one for one in values if one is not None and _key(one) not in numbers), None)
        if new is not None:
            known = self._roles.categories[column]
            shown = ", ".join(map(repr, known[:_MOST_SHOWN])) + (", ..." if len(known) > _MOST_SHOWN else "")
            got = repr(new[:80] if isinstance(new, str) else new)
            raise Refused(
                422,
                f"{self._name(column)} of {name} must be among the categories of the training rows ({shown}), or "
                f"null; got {got}.",
            )
        return [np.nan if one is None else float(numbers[_key(one)]) for one in values]


def _key(category: Any) -> tuple[bool, Any]:
    """Return a key that tells a truth value from a number: True and 1 are equal in Python."""
    return isinstance(category, bool | np.bool_), category
