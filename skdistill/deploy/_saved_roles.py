"""Roles of columns in saved files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from skdistill._utils._document import SavedFileError
from skdistill.data._categories import MOST_CATEGORIES
from skdistill.data._roles import Roles
from skdistill.deploy._values import Reader, Writer
from skdistill.networks._base import NetworkSpec

__all__ = ["read_roles", "write_roles"]

_MOST_COLUMNS = 1 << 24
_NUMBERS = ("static_center", "static_unit")


def write_roles(roles: Roles | None, writer: Writer) -> Any:
    """Convert roles to JSON; the names of columns are among the labels.

    Parameters
    ----------
    roles : Roles or None
        The fitted roles; None for estimators without roles.
    writer : Writer
        Writer that collects tensors.

    Returns
    -------
    content : dict or None
        The content.
    """
    if roles is None:
        return None
    for name in _NUMBERS:
        values = getattr(roles, name)
        if values is not None:
            writer.tensors[f"roles/{name}"] = torch.from_numpy(np.asarray(values, dtype=np.float64))
    return {
        "n_columns": roles.n_columns,
        "targets": list(roles.targets),
        "known": list(roles.known),
        "static": list(roles.static),
        "categories": [[column, list(values)] for column, values in roles.categories.items()],
        "known_range": [None if one is None else list(one) for one in roles.known_range],
        "static_range": [None if one is None else list(one) for one in roles.static_range],
    }


def read_roles(content: Any, reader: Reader, spec: NetworkSpec) -> Roles:
    """Convert JSON to roles.

    Parameters
    ----------
    content : object
        Result of :func:`write_roles`; None in files without roles, whose columns are channels.
    reader : Reader
        Reader with the tensors.
    spec : NetworkSpec
        The problem that the student was built for.

    Returns
    -------
    roles : Roles
        The roles, without names of columns.

    Raises
    ------
    SavedFileError
        If the content is malformed, or does not fit the student.
    """
    if content is None:
        return Roles(spec.n_channels, spec.targets)
    if not isinstance(content, dict):
        raise SavedFileError("its roles are malformed.")
    n_columns = content.get("n_columns")
    if type(n_columns) is not int or not 1 <= n_columns < _MOST_COLUMNS:
        raise SavedFileError("its number of columns is malformed.")
    parts = {name: _positions(content.get(name), n_columns) for name in ("targets", "known", "static")}
    every = [column for one in parts.values() for column in one]
    if not parts["targets"] or len(set(every)) < len(every):
        raise SavedFileError("its roles are malformed.")
    categories = _categories(content.get("categories"), n_columns, parts["targets"])
    ranges = _ranges(content.get("known_range", []), len(parts["known"]))  # files of earlier versions have none
    roles = Roles(
        n_columns, parts["targets"], parts["known"], parts["static"], categories=categories, known_range=ranges
    )
    if roles.static:
        center, unit = (reader.read({"array": f"roles/{name}"}, name) for name in _NUMBERS)
        for values in (center, unit):
            if values.shape != (roles.n_static,) or values.dtype != np.float64 or not np.isfinite(values).all():
                raise SavedFileError("its static covariates are malformed.")
        if not (unit > 0).all():
            raise SavedFileError("its static covariates are malformed.")
        ends = _ranges(content.get("static_range", []), roles.n_static)
        roles = replace(roles, static_center=center, static_unit=unit, static_range=ends)
    fits = roles.n_channels == spec.n_channels and roles.target_channels == spec.targets
    if not fits or spec.known not in ((), roles.known_channels) or spec.n_static not in (0, roles.n_static):
        raise SavedFileError("its roles are not those of its student.")
    return roles


def _positions(content: Any, n_columns: int) -> tuple[int, ...]:
    if not isinstance(content, list) or not all(type(one) is int and 0 <= one < n_columns for one in content):
        raise SavedFileError("its roles are malformed.")
    return tuple(content)


def _ranges(content: Any, n_numbers: int) -> tuple[tuple[float, float] | None, ...]:
    if not isinstance(content, list) or len(content) not in (0, n_numbers):
        raise SavedFileError("its ranges of covariates are malformed.")
    ranges = []
    for one in content:
        is_range = isinstance(one, list) and len(one) == 2 and all(type(end) in (int, float) for end in one)
        if not is_range and one is not None:
            raise SavedFileError("its ranges of covariates are malformed.")
        ranges.append(None if one is None else (float(one[0]), float(one[1])))
    return tuple(ranges)


def _categories(content: Any, n_columns: int, targets: tuple[int, ...]) -> dict[int, tuple[Any, ...]]:
    if not isinstance(content, list) or not all(isinstance(one, list) and len(one) == 2 for one in content):
        raise SavedFileError("its categories are malformed.")
    found: dict[int, tuple[Any, ...]] = {}
    for column, values in content:
        fits = type(column) is int and 0 <= column < n_columns and column not in targets and column not in found
        if not fits or not isinstance(values, list) or not 1 <= len(values) <= MOST_CATEGORIES:
            raise SavedFileError("its categories are malformed.")
        kinds = {type(value) for value in values}
        if len(kinds) > 1 or not kinds <= {str, bool, int, float} or len(set(values)) < len(values):
            raise SavedFileError("its categories are malformed.")
        found[column] = tuple(values)
    return found
