"""Roles of columns: targets, past covariates, known covariates and static covariates, and the channels they become."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils.numpy_student import rounding_of
from skdistill.data._categories import (
    count_channels,
    encode_columns,
    find_categories,
    is_categorical,
    spread,
)
from skdistill.data._columns import find_columns, find_targets
from skdistill.data._spread import settle_constants
from skdistill.data._statics import Statics
from skdistill.data._usual_limits import may_count, quick_limits

__all__ = ["Roles", "categories_of_tables", "find_roles", "target_positions"]

_AT_MEAN = float(np.finfo(np.float64).smallest_subnormal)  # known, as it is not 0; in float32 it is 0


@dataclass(frozen=True)
class Roles:
    """Roles of the columns of a table, and the channels that networks see.

    Channels are the columns of numbers that are not static, in order, and then the channels of categorical columns. A
    categorical column with two categories is one channel of 0 and 1, any other has one channel per category. A static
    column is no channel: it becomes one or more numbers per series.

    Parameters
    ----------
    n_columns : int
        Number of columns of X.
    targets, known, static : tuple of int
        Positions of columns; all others are past covariates.
    columns : pandas.Index or None, default=None
        Names of the columns.
    categories : dict of int to tuple, default={}
        Categories by position of the column.
    static_center, static_unit : ndarray of shape (n_static,) or None, default=None
        Mean and spread of the static numbers over the series of ``fit``.
    known_range : tuple of (float, float) or None, default=()
        Smallest and largest value of each known covariate in ``fit``; empty where it is not known.
    static_range : tuple of (float, float) or None, default=()
        Those of each static number.

    Examples
    --------
    >>> roles = Roles(4, targets=(1,), known=(2,), static=(0,), categories={2: ("no", "some", "yes")})
    >>> roles.past, roles.n_channels, roles.target_channels, roles.known_channels
    ((3,), 5, (0,), (2, 3, 4))
    """

    n_columns: int
    targets: tuple[int, ...]
    known: tuple[int, ...] = ()
    static: tuple[int, ...] = ()
    columns: pd.Index | None = None
    categories: Mapping[int, tuple[Any, ...]] = field(default_factory=dict)
    static_center: np.ndarray | None = None
    static_unit: np.ndarray | None = None
    known_range: tuple[tuple[float, float] | None, ...] = ()
    static_range: tuple[tuple[float, float] | None, ...] = ()

    @property
    def past(self) -> tuple[int, ...]:
        """Positions of the past covariates."""
        others = {*self.targets, *self.known, *self.static}
        return tuple(column for column in range(self.n_columns) if column not in others)

    @property
    def is_plain(self) -> bool:
        """Whether channels are the columns."""
        return not self.static and not self.categories

    @cached_property
    def numeric(self) -> list[int]:
        """Columns that are one channel of numbers each, which come before those of categories."""
        return [column for column in range(self.n_columns) if column not in {*self.static, *self.categories}]

    @cached_property
    def _spread(self) -> list[int]:
        """Categorical columns that are channels."""
        return [column for column in self.categories if column not in self.static]

    @cached_property
    def _channels(self) -> dict[int, tuple[int, ...]]:
        """Channels of every column that is not static."""
        places: dict[int, tuple[int, ...]] = {column: (number,) for number, column in enumerate(self.numeric)}
        first = len(places)
        for column in self._spread:
            count = count_channels(self.categories[column])
            places[column] = tuple(range(first, first + count))
            first += count
        return places

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return sum(len(places) for places in self._channels.values())

    @cached_property
    def target_channels(self) -> tuple[int, ...]:
        """Channels of the targets, in their order."""
        return tuple(self._channels[column][0] for column in self.targets)

    @cached_property
    def known_channels(self) -> tuple[int, ...]:
        """Channels of the known covariates, in the order of the parameter."""
        return tuple(channel for column in self.known for channel in self._channels[column])

    @property
    def known_groups(self) -> tuple[int, ...]:
        """Column of each known channel, in the order of ``known_channels``."""
        return tuple(column for column in self.known for _ in self._channels[column])

    @cached_property
    def known_limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest value of each known channel of which nothing is told, as its range in ``fit`` says."""
        ranges = dict(zip(self.known, self.known_range, strict=False))  # none where it is not known
        limits = [quick_limits(ranges.get(column)) for column in self.known_groups]
        low, high = np.array(limits).reshape(-1, 2).T
        return low, high

    @cached_property
    def known_flags(self) -> tuple[int, ...]:
        """Channels of known covariates that were between 0 and 1 in ``fit``."""
        ranges = dict(zip(self.known, self.known_range, strict=False))
        places = zip(self.known_channels, self.known_groups, strict=True)
        return tuple(channel for channel, column in places if ranges.get(column) == (0.0, 1.0))

    @cached_property
    def known_counts(self) -> tuple[tuple[int, int], ...]:
        """Known covariates that may count, by their range in ``fit``, or if that is not known: column and channel."""
        ranges = dict(zip(self.known, self.known_range, strict=False))
        columns = [one for one in self.known if one not in self.categories and may_count(ranges.get(one))]
        return tuple((one, self.known_groups.index(one)) for one in columns)

    @cached_property
    def has_known_categories(self) -> bool:
        """Whether a known covariate has categories."""
        return any(column in self.categories for column in self.known)

    @property
    def n_static(self) -> int:
        """Number of static numbers of a series."""
        return sum(count_channels(self.categories[one]) if one in self.categories else 1 for one in self.static)

    def name(self, column: int) -> Hashable:
        """Return the name of a column, or its position.

        Parameters
        ----------
        column : int
            Position of the column.

        Returns
        -------
        name : hashable
            For messages.
        """
        return column if self.columns is None else self.columns[column]

    @cached_property
    def channel_names(self) -> pd.Index | None:
        """Names of the channels; None for arrays."""
        if self.columns is None:
            return None
        if self.is_plain:
            return self.columns
        names: list[Any] = [self.columns[column] for column in self.numeric]
        for column in self._spread:
            names += [f"{self.columns[column]}={value}" for value in _shown(self.categories[column])]
        return pd.Index(names, name=self.columns.name)

    def channel_name(self, channel: int) -> Hashable:
        """Return the name of a channel, or its position.

        Parameters
        ----------
        channel : int
            Position of the channel.

        Returns
        -------
        name : hashable
            For messages.
        """
        return channel if self.channel_names is None else self.channel_names[channel]

    @cached_property
    def statics(self) -> Statics | None:
        """Names and units of the static numbers; None if there are none, or before ``fit``."""
        if self.static_center is None or self.static_unit is None:
            return None
        names: list[Hashable] = []
        for column in self.static:
            values = self.categories.get(column)
            shown = [None] if values is None else _shown(values)
            names += [self.name(column) if value is None else f"{self.name(column)}={value}" for value in shown]
        return Statics(None if self.columns is None else tuple(names), self.static_center, self.static_unit)

    def encode(self, frame: Any, name: str = "X") -> Any:
        """Replace categories by numbers in a table with the columns of ``fit``.

        Parameters
        ----------
        frame : DataFrame
            The table; one without categorical columns is returned unchanged.
        name : str, default="X"
            Name of the table, for messages.

        Returns
        -------
        frame : DataFrame
            Numbers of categories, NaN where missing or unknown.

        Raises
        ------
        ValueError
            If ``fit`` had categories and this is an array.
        """
        if not self.categories:
            return frame
        if not isinstance(frame, pd.DataFrame):
            names = [self.name(column) for column in self.categories]
            raise ValueError(
                f"{name} must be a DataFrame: the columns {names} held categories in fit, which an array does not name."
            )
        if frame.shape[1] != self.n_columns:
            return frame  # the check of columns names what is wrong
        return encode_columns(frame, self.categories, name)

    def to_channels(self, values: np.ndarray) -> np.ndarray:
        """Convert columns to channels.

        Parameters
        ----------
        values : ndarray of shape (..., n_columns)
            Numbers of all columns, NaN where missing.

        Returns
        -------
        values : ndarray of shape (..., n_channels)
            The same array if channels are columns.
        """
        if self.is_plain:
            return values
        parts = [values[..., self.numeric]]
        parts += [spread(values[..., column], len(self.categories[column])) for column in self._spread]
        return np.concatenate(parts, axis=-1) if len(parts) > 1 else np.ascontiguousarray(parts[0])

    def known_to_channels(self, values: np.ndarray) -> np.ndarray:
        """Convert columns of known covariates to their channels.

        Parameters
        ----------
        values : ndarray of shape (..., n_known_columns)
            In the order of the parameter.

        Returns
        -------
        values : ndarray of shape (..., n_known)
            In the order of ``known_channels``.
        """
        if not self.has_known_categories:
            return values
        parts = [
            spread(values[..., place], len(self.categories[column]))
            if column in self.categories
            else values[..., place : place + 1]
            for place, column in enumerate(self.known)
        ]
        return np.concatenate(parts, axis=-1)

    def static_numbers(self, values: np.ndarray, name: str) -> np.ndarray:
        """Return the static numbers of one series, not standardized.

        Parameters
        ----------
        values : ndarray of shape (n_timestamps, n_columns)
            Numbers of all columns.
        name : str
            Name of the series, for error messages.

        Returns
        -------
        numbers : ndarray of shape (n_static,)
            NaN where a column has no observed value.

        Raises
        ------
        ValueError
            If a static covariate changes within the series.
        """
        parts = []
        for column in self.static:
            rows = values[:, column]
            observed = rows[~np.isnan(rows)]
            if len(observed) and (observed != observed[0]).any():
                row = int(np.argmax(~np.isnan(rows) & (rows != observed[0])))
                raise ValueError(
                    f"static covariate {self.name(column)!r} changes within {name}: it is "
                    f"{self._shown(column, observed[0])!r} first and {self._shown(column, rows[row])!r} in row {row}. "
                    "Leave it out of static_covariates: a column that changes is a past covariate, or a known one."
                )
            first = np.array(observed[0] if len(observed) else np.nan)
            parts.append(spread(first, len(self.categories[column])) if column in self.categories else first[None])
        return np.concatenate(parts) if parts else np.empty(0)

    def _shown(self, column: int, value: float) -> Any:
        return self.categories[column][int(value)] if column in self.categories else float(value)

    def standardized_static(self, numbers: np.ndarray) -> np.ndarray:
        """Standardize static numbers; missing ones become 0, the mean over series, and known ones of the mean nearly 0.

        Parameters
        ----------
        numbers : ndarray of shape (..., n_static)
            Results of :meth:`static_numbers`.

        Returns
        -------
        numbers : ndarray of the same shape
            Standardized.
        """
        assert self.static_center is not None  # with_static
        assert self.static_unit is not None
        standard = (numbers - self.static_center) / self.static_unit
        return np.nan_to_num(np.where(standard == 0, _AT_MEAN, standard))

    def with_static(self, numbers: np.ndarray) -> Roles:
        """Return the roles with mean and spread of static numbers.

        Parameters
        ----------
        numbers : ndarray of shape (n_series, n_static)
            Numbers of the series of ``fit``.

        Returns
        -------
        roles : Roles
            The fitted roles.
        """
        observed = ~np.isnan(numbers)
        count = np.maximum(observed.sum(axis=0), 1)
        center = np.where(observed, numbers, 0.0).sum(axis=0) / count
        spread_ = np.sqrt(np.where(observed, (numbers - center) ** 2, 0.0).sum(axis=0) / count)
        constant = spread_ <= rounding_of(center.dtype) * np.abs(center)
        unit = settle_constants(center, np.where(constant, 1.0, spread_), constant, targets=())
        ends = zip(np.fmin.reduce(numbers).tolist(), np.fmax.reduce(numbers).tolist(), strict=True)
        ranges = tuple(None if isnan(low) else (low, high) for low, high in ends)
        return replace(self, static_center=center, static_unit=unit, static_range=ranges)


def _shown(categories: tuple[Any, ...]) -> list[Any]:
    """Return what is shown of the numbers that a column becomes: of two categories, one number tells them apart."""
    return [f"{categories[-1]} (else {categories[0]})"] if len(categories) == 2 else list(categories)


def categories_of_tables(
    estimator: Any, tables: Sequence[pd.DataFrame], n_training: Sequence[int]
) -> dict[int, tuple[Any, ...]]:
    """Find categorical columns that are covariates, and their categories in the training rows.

    Parameters
    ----------
    estimator : DistilledForecaster
        With its parameters.
    tables : sequence of DataFrame
        The series of ``fit``.
    n_training : sequence of int
        Number of training rows of each.

    Returns
    -------
    categories : dict of int to tuple
        By position of the column; columns of targets are not included, because they must be numbers.
    """
    first = tables[0]
    candidates = [place for place, dtype in enumerate(first.dtypes) if is_categorical(dtype)]
    if not candidates:
        return {}
    covariates = _covariate_positions(estimator, first.columns)
    return {
        place: find_categories(
            (one.iloc[:rows, place] for one, rows in zip(tables, n_training, strict=True)), first.columns[place]
        )
        for place in candidates
        if place in covariates
    }


def target_positions(estimator: Any, columns: pd.Index) -> list[int]:
    """Return the columns that are targets by the parameters.

    Parameters
    ----------
    estimator : DistilledForecaster
        With its parameters.
    columns : Index
        Columns of the table.

    Returns
    -------
    positions : list of int
        In their order.
    """
    covariates = _covariate_positions(estimator, columns)
    return [place for place in range(len(columns)) if place not in covariates]


def _covariate_positions(estimator: Any, columns: pd.Index) -> set[int]:
    """Return the columns that are covariates by the parameters."""
    owner, n_columns = type(estimator).__name__, len(columns)
    named = [
        place
        for parameter in ("known_covariates", "static_covariates")
        for place in find_columns(getattr(estimator, parameter) or (), columns, n_columns, parameter, owner)
    ]
    if estimator.targets is None:
        return set(named)
    targets = find_columns(estimator.targets, columns, n_columns, "targets", owner)
    return set(range(n_columns)) - set(targets)


def find_roles(
    estimator: Any, columns: pd.Index | None, n_columns: int, categories: Mapping[int, tuple[Any, ...]]
) -> Roles:
    """Return the roles of columns by the parameters of an estimator.

    Parameters
    ----------
    estimator : DistilledForecaster
        With the parameters ``targets``, ``known_covariates`` and ``static_covariates``.
    columns : pandas.Index or None
        Names of the columns.
    n_columns : int
        Number of columns.
    categories : mapping of int to tuple
        Categories by position of the column.

    Returns
    -------
    roles : Roles
        The roles; static numbers are not standardized yet.

    Raises
    ------
    ValueError
        If a column does not exist, has two roles, or no target is left.
    """
    owner = type(estimator).__name__

    def find(parameter: str) -> tuple[int, ...]:
        given = getattr(estimator, parameter, None)
        return () if given is None else find_columns(given, columns, n_columns, parameter, owner)

    known, static = find("known_covariates"), find("static_covariates")
    if estimator.targets is None:
        targets = tuple(one for one in range(n_columns) if one not in {*known, *static})
    else:
        targets = find_targets(estimator.targets, columns, n_columns, owner)
    roles = Roles(n_columns, targets, known, static, columns, categories)
    _check_one_role(roles, owner)
    return roles


def _check_one_role(roles: Roles, owner: str) -> None:
    named = {"targets": roles.targets, "known_covariates": roles.known, "static_covariates": roles.static}
    pairs = [(one, other) for one in named for other in named if one < other]
    for one, other in pairs:
        both = [roles.name(column) for column in named[one] if column in named[other]]
        if both:
            raise ValueError(
                f"a column has one role, but {both} are both in {one} and in {other} of {owner}. A static covariate is "
                "one value per series, a known covariate is also known over the horizon; take one of them."
            )
    if not roles.targets:
        raise ValueError(
            f"{owner} has no target: every column of X is in known_covariates or static_covariates. Leave the column "
            "to forecast out of them, or name it in targets."
        )
