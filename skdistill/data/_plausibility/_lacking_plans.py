"""Series without known covariates of the horizon, which others have: a plan joined by other ids."""

from __future__ import annotations

import warnings

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._roles import Roles
from skdistill.data._series import SeriesInput

__all__ = ["tell_lacking_plans"]

_COMPLETE = 0.9  # of the steps of the other series


def tell_lacking_plans(roles: Roles, given: SeriesInput, future: np.ndarray) -> None:
    """Warn of series in which a known covariate of the horizon has no value, though most others have nearly all.

    Parameters
    ----------
    roles : Roles
        Roles of the columns.
    given : SeriesInput
        The series up to the horizon, as channels.
    future : ndarray of shape (n_series, n_steps, n_known)
        Their known covariates, NaN where unknown.

    Warns
    -----
    UserWarning
        For the first covariate, unless these series do not have it before, either, of which ``fit`` tells.
    """
    missing = np.isnan(future)
    if given.batch is not None or len(future) < 3 or not missing.any():
        return
    empty, groups = missing.all(axis=1), np.array(roles.known_groups)
    for column in roles.known:
        place = int(np.argmax(groups == column))  # of categories, one channel is missing as all are
        lacks = empty[:, place]
        if not lacks.any() or 2 * lacks.sum() >= len(lacks) or missing[~lacks, :, place].mean() > 1 - _COMPLETE:
            continue
        channel = roles.known_channels[place]
        numbers = [one for one in np.flatnonzero(lacks).tolist() if not _has_none(given, one, channel)]
        if numbers:
            name = given.name_of(numbers[0])
            warnings.warn(
                f"the known covariate {roles.name(column)!r} has no value in the horizon of {name} ({len(numbers)} of "
                f"{len(lacks)} series), and is nearly complete in that of the others: it counts as unknown there. If "
                "the plan was joined by id, look at how ids are written in both tables.",
                stacklevel=stacklevel_of_user(),
            )
            return


def _has_none(given: SeriesInput, number: int, channel: int) -> bool:
    return bool(np.isnan(given.series[number].values[:, channel]).all())
