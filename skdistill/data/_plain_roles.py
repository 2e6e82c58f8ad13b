"""Roles of columns as plain values, for the files of other runtimes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils.numpy_student import plain_id
from skdistill.data._categories import MOST_CATEGORIES
from skdistill.data._roles import Roles

__all__ = ["plain_roles", "roles_of_plain"]

_PARTS = ("targets", "known", "static")
_NUMBERS = ("static_center", "static_unit")


def plain_roles(roles: Roles) -> dict[str, Any]:
    """Convert roles to values that JSON can write.

    Parameters
    ----------
    roles : Roles
        The fitted roles.

    Returns
    -------
    content : dict
        Number and names of the columns, positions by role, categories, mean and spread of the static numbers.

    Examples
    --------
    >>> plain_roles(Roles(2, targets=(0,), known=(1,), categories={1: ("no", "yes")}))["categories"]
    [[1, ['no', 'yes']]]
    """
    names = None if roles.columns is None else [plain_id(one) for one in roles.columns]
    numbers = {name: getattr(roles, name) for name in _NUMBERS}
    return {
        "n_columns": roles.n_columns,
        "columns": names,
        **{name: list(getattr(roles, name)) for name in _PARTS},
        "categories": [[column, list(values)] for column, values in roles.categories.items()],
        **{name: None if values is None else values.tolist() for name, values in numbers.items()},
    }


def roles_of_plain(content: dict[str, Any]) -> Roles:
    """Convert plain values to roles.

    Parameters
    ----------
    content : dict
        Result of :func:`plain_roles`.

    Returns
    -------
    roles : Roles
        The roles.

    Raises
    ------
    ValueError
        If the content is malformed.

    Examples
    --------
    >>> roles_of_plain(plain_roles(Roles(2, targets=(0,), known=(1,)))).known_channels
    (1,)
    """
    try:
        roles = _read(content)
        _check(roles)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"roles of columns are malformed: {error}.") from None
    return roles


def _read(content: dict[str, Any]) -> Roles:
    """Convert without checks."""
    names = content["columns"]
    targets, known, static = (tuple(int(one) for one in content[name]) for name in _PARTS)
    center, unit = (None if content[name] is None else np.array(content[name], dtype=np.float64) for name in _NUMBERS)
    return Roles(
        int(content["n_columns"]),
        targets,
        known,
        static,
        columns=None if names is None else pd.Index([_as_tuples(one) for one in names], tupleize_cols=False),
        categories={int(column): tuple(values) for column, values in content["categories"]},
        static_center=center,
        static_unit=unit,
    )


def _as_tuples(one: Any) -> Any:
    return tuple(map(_as_tuples, one)) if isinstance(one, list) else one


def _check(roles: Roles) -> None:
    """Raise unless positions lie within the columns and occur once, and categories are few, plain values."""
    every = [*roles.targets, *roles.known, *roles.static]
    within = all(0 <= column < roles.n_columns for column in [*every, *roles.categories])
    if not roles.targets or not within or len(set(every)) < len(every) or {*roles.targets} & {*roles.categories}:
        raise ValueError("positions do not fit")
    if roles.columns is not None and len(roles.columns) != roles.n_columns:
        raise ValueError("names do not fit")
    for values in roles.categories.values():
        plain = all(isinstance(one, str | bool | int | float) for one in values)
        if not plain or not 1 <= len(values) <= MOST_CATEGORIES or len(set(values)) < len(values):
            raise ValueError("categories do not fit")
    for numbers in (roles.static_center, roles.static_unit) if roles.static else ():
        if numbers is None or numbers.shape != (roles.n_static,) or not np.isfinite(numbers).all():
            raise ValueError("static covariates do not fit")
    if roles.static_unit is not None and not (roles.static_unit > 0).all():
        raise ValueError("units of static covariates are not positive")
