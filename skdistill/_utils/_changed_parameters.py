"""Parameters that were set."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import signature
from typing import Any

__all__ = ["changed_parameters"]


def changed_parameters(estimator: Any, names: Iterable[str]) -> list[str]:
    """Return the parameters that are not the default, as they are written in a call.

    Parameters
    ----------
    estimator : object
        An estimator, teacher or network that stores its parameters.
    names : iterable of str
        The parameters to look at; those that a subclass does not take are not its parameters, and left out.

    Returns
    -------
    parameters : list of str
        Names and values.

    Examples
    --------
    >>> from skdistill.networks import Linear
    >>> changed_parameters(Linear(season=7), ["season", "penalty"])
    ['season=7']
    """
    defaults = signature(type(estimator)).parameters
    given = {name: getattr(estimator, name) for name in names if name in defaults}
    return [f"{name}={value!r}" for name, value in given.items() if value != defaults[name].default]
