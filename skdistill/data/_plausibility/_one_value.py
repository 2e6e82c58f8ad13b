"""Covariates with one value in the training rows, of which nothing is learned."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["told_of_all", "varies", "warn_of_one_value"]

_MOST_NAMED = 5


def varies(parts: Sequence[np.ndarray]) -> bool:
    """Return whether a covariate has several values.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_timestamps,)
        Its values in each series that has units of its own; NaN is missing.

    Returns
    -------
    varies : bool
        Whether some part has two different observed values, or all together, if they are 0 and 1 only: these are in
        units of all rows.

    Examples
    --------
    >>> import numpy as np
    >>> varies([np.zeros(3), np.array([2.0, np.nan, 2.0])]), varies([np.zeros(3), np.ones(3)])
    (False, True)
    """
    observed = [values[~np.isnan(values)] for values in parts]
    if any(len(values) and (values != values[0]).any() for values in observed):
        return True
    return set(np.unique(np.concatenate(observed)).tolist()) == {0.0, 1.0}


@contextmanager
def told_of_all() -> Iterator[None]:
    """Do not warn of covariates with one value, few windows and far labels in a sample: more is known of all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the covariates .* have one value in")
        warnings.filterwarnings("ignore", message="labels of the teacher .* lie far from the truth")
        warnings.filterwarnings("ignore", message="each step has a weight for each of .* windows determine them")
        yield


def warn_of_one_value(names: Sequence[Hashable], *, in_each: bool = False) -> None:
    """Warn of covariates that do not vary.

    Parameters
    ----------
    names : sequence of hashable
        Their names; none, no warning.
    in_each : bool, default=False
        Whether they can have another one in each series.
    """
    if not names:
        return
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    warnings.warn(
        f"the covariates {', '.join(map(repr, names[:_MOST_NAMED]))}{more} have one value in all training rows"
        f"{', or in those of each series' if in_each else ''}, so that nothing is learned of another one: where one "
        "comes, forecasts do not follow it (an exact student), or follow it at random (a network that is trained). "
        "Leave them out, or give rows in which they change.",
        stacklevel=stacklevel_of_user(),
    )
