"""Checks of single values, with errors that name parameter, owner, rule and value."""

from __future__ import annotations

import math
import os
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = ["check_boolean", "check_integer", "check_n_jobs", "check_real", "is_integer", "is_real"]

_MOST_JOBS = 1000  # or as many as there are cores


def is_integer(value: Any) -> bool:
    """Return whether a value is an integer; truth values are none, nor are NumPy's spans of time.

    Parameters
    ----------
    value : object
        The value received.

    Returns
    -------
    is_integer : bool
        Whether it is one.

    Examples
    --------
    >>> is_integer(np.int64(3)), is_integer(True), is_integer(np.timedelta64(3, "h"))
    (True, False, False)
    """
    return isinstance(value, Integral) and is_real(value)


def is_real(value: Any) -> bool:
    """Return whether a value is a real number; truth values are none, nor are NumPy's spans of time.

    Parameters
    ----------
    value : object
        The value received.

    Returns
    -------
    is_real : bool
        Whether it is one.

    Examples
    --------
    >>> is_real(0.5), is_real("0.5"), is_real(np.timedelta64(3, "h"))
    (True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_ | np.timedelta64)


def check_boolean(value: Any, name: str) -> bool:
    """Return a truth value, or raise.

    Parameters
    ----------
    value : object
        The value received.
    name : str
        Parameter and owner: ``"batch_norm of MLP"``.

    Returns
    -------
    value : bool
        The value.

    Raises
    ------
    TypeError
        If it is neither True nor False; 0, 1 and None are neither.

    Examples
    --------
    >>> check_boolean(True, "batch_norm of MLP")
    True
    >>> check_boolean("no", "batch_norm of MLP")
    Traceback (most recent call last):
        ...
    TypeError: batch_norm of MLP must be True or False; got 'no' of type str.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {value!r} of type {type(value).__name__}.")
    return bool(value)


def check_integer(value: Any, name: str, *, minimum: int = 1) -> int:
    """Return an integer of at least ``minimum``, or raise.

    Parameters
    ----------
    value : object
        The value received.
    name : str
        Parameter and owner: ``"hidden_size of MLP"``.
    minimum : int, default=1
        Smallest value allowed.

    Returns
    -------
    value : int
        The value.

    Raises
    ------
    TypeError
        If it is not an integer; True and False are not accepted.
    ValueError
        If it is too small.

    Examples
    --------
    >>> check_integer(3, "n_layers of ITransformer")
    3
    >>> check_integer(0, "n_layers of ITransformer")
    Traceback (most recent call last):
        ...
    ValueError: n_layers of ITransformer must be an integer of at least 1; got 0.
    """
    if not is_integer(value):
        raise TypeError(
            f"{name} must be an integer of at least {minimum}; got {value!r} of type {type(value).__name__}."
        )
    if value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}; got {value!r}.")
    return int(value)


def check_n_jobs(value: Any, name: str) -> None:
    """Raise unless it is None or a number of workers that a machine can have.

    Parameters
    ----------
    value : object
        The value received; negative numbers count from all cores, as in joblib.
    name : str
        Parameter and owner: ``"n_jobs of DistilledForecaster"``.

    Raises
    ------
    TypeError, ValueError
        If it is no integer, 0 or beyond any machine.

    Examples
    --------
    >>> check_n_jobs(0, "n_jobs")
    Traceback (most recent call last):
        ...
    ValueError: n_jobs must be None, a positive number or -1 (all cores); got 0.
    """
    if value is None:
        return
    if check_integer(value, name, minimum=-(1 << 31)) == 0:
        raise ValueError(f"{name} must be None, a positive number or -1 (all cores); got 0.")
    n_cores = os.cpu_count() or 1
    if value > max(_MOST_JOBS, n_cores):
        raise ValueError(
            f"{name} starts that many processes: it must be at most {max(_MOST_JOBS, n_cores)}, and this machine has "
            f"{n_cores} cores; got {value!r}. -1 takes all cores."
        )


def check_real(
    value: Any,
    name: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    include_minimum: bool = True,
    include_maximum: bool = True,
) -> float:
    """Return a finite number inside an interval, or raise.

    Parameters
    ----------
    value : object
        The value received.
    name : str
        Parameter and owner: ``"dropout of MLP"``.
    minimum, maximum : float or None, default=None
        Ends of the interval; None leaves that side open.
    include_minimum, include_maximum : bool, default=True
        Whether the ends are included.

    Returns
    -------
    value : float
        The value.

    Raises
    ------
    TypeError
        If it is not a number; True and False are not accepted.
    ValueError
        If it is not finite or outside the interval.

    Examples
    --------
    >>> check_real(0.1, "dropout of MLP", minimum=0.0, maximum=1.0, include_maximum=False)
    0.1
    >>> check_real(1.0, "dropout of MLP", minimum=0.0, maximum=1.0, include_maximum=False)
    Traceback (most recent call last):
        ...
    ValueError: dropout of MLP must be a number in [0, 1); got 1.0.
    """
    low = "(-inf" if minimum is None else f"{'[' if include_minimum else '('}{minimum:g}"
    high = "inf)" if maximum is None else f"{maximum:g}{']' if include_maximum else ')'}"
    rule = f"{name} must be a number in {low}, {high}"
    if not is_real(value):
        raise TypeError(f"{rule}; got {value!r} of type {type(value).__name__}.")
    number = float(value)
    above = minimum is None or number > minimum or (include_minimum and number == minimum)
    below = maximum is None or number < maximum or (include_maximum and number == maximum)
    if not (math.isfinite(number) and above and below):
        raise ValueError(f"{rule}; got {value!r}.")
    return number
