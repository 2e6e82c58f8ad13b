"""Descriptions of parameters that tell apart what their texts shorten: numbers in arrays, weights, objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from torch import nn

from skdistill._utils._digest import digest

__all__ = ["Description", "describe"]

_LONGEST = 1_000_000  # characters of a text
_PLAIN = (str, bytes, int, float, complex, type(None), type, np.generic, set, frozenset, pd.Timestamp, pd.Timedelta)


@dataclass(frozen=True)
class Description:
    """What a parameter is, in words and exactly.

    Parameters
    ----------
    text : str
        In words, which shorten arrays.
    exact : object
        Names, numbers and digests of arrays and weights, nested as the parameters are.
    objects : tuple of object
        Other objects, by reference: fitted estimators, functions.
    """

    text: str
    exact: Any
    objects: tuple[Any, ...]

    def is_of(self, other: Description) -> bool:
        """Return whether two descriptions are of the same parameter.

        Parameters
        ----------
        other : Description
            Another description.

        Returns
        -------
        same : bool
            Whether all is equal; of objects, whether they are the same ones or have equal digests.
        """
        if self.exact != other.exact or len(self.objects) != len(other.objects):
            return False
        return all(map(_is_same, self.objects, other.objects))


def describe(value: Any) -> Description:
    """Describe a parameter.

    Parameters
    ----------
    value : object
        An estimator, a part of one, or a plain value.

    Returns
    -------
    description : Description
        Its description; arrays, tables, tensors and weights are digested, and nothing is copied.
    """
    shown = BaseEstimator.__repr__(value, _LONGEST) if isinstance(value, BaseEstimator) else repr(value)
    objects: list[Any] = []
    exact = _exact(value, objects)
    return Description(_without_address(shown), exact, tuple(objects))


def _exact(value: Any, objects: list[Any]) -> Any:
    """Return a parameter in nested tuples, and collect what has no text of its own, or cannot be read."""
    kind, known = f"{type(value).__module__}.{type(value).__qualname__}", len(objects)
    try:
        parts = _parts_of(value, objects)
    except Exception:  # such as weights that are made at the first call
        parts = None
        del objects[known:]
    if parts is not None:
        return kind, parts
    objects.append(value.estimator if isinstance(value, FrozenEstimator) else value)
    return kind, _without_address(repr(value))


def _parts_of(value: Any, objects: list[Any]) -> Any:
    """Return what tells a value from others of its kind; None for a fitted estimator, a function and the like."""
    if isinstance(value, _PLAIN):
        return sorted(map(repr, value)) if isinstance(value, set | frozenset) else repr(value)
    if isinstance(value, np.ndarray | torch.Tensor | pd.DataFrame | pd.Series | pd.Index):
        return digest(value)
    if isinstance(value, nn.Module):
        return repr(value), digest(list(value.state_dict().items()))
    if isinstance(value, Mapping):
        return [(repr(key), _exact(one, objects)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return [_exact(one, objects) for one in value]
    if hasattr(value, "get_params") and not isinstance(value, FrozenEstimator):
        return [(name, _exact(one, objects)) for name, one in sorted(value.get_params(deep=False).items())]
    return None


def _without_address(text: str) -> str:
    return re.sub(" at 0x[0-9a-fA-F]+", "", text)


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two objects are the same one, or equal in all they hold."""
    if one is other:
        return True
    try:
        return digest(one) == digest(other)
    except Exception:  # what has no digest is known by itself alone
        return False
