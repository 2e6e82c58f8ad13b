"""Series without known covariates of the horizon, which others have: a plan joined by other ids."""

from __future__ import annotations

import warnings

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._mostly_missing import series_without_values
from skdistill.data._roles import Roles
from skdistill.data._series import SeriesInput

__all__ = ["tell_lacking_plans"]


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
    if given.batch is not None or not np.isnan(future).any():
        return
    groups = np.array(roles.known_groups)
    for column in roles.known:
        place = int(np.argmax(groups == column))  # of categories, one channel is missing as all are
        channel, lacking = roles.known_channels[place], series_without_values(future[:, :, place]).tolist()
        numbers = [one for one in lacking if not np.isnan(given.series[one].values[:, channel]).all()]
        if numbers:
            name = given.name_of(numbers[0])
            warnings.warn(
                f"the known covariate {roles.name(column)!r} has no value in the horizon of {name} ({len(numbers)} of "
                f"{len(future)} series), and is nearly complete in that of the others: it counts as unknown there. If "
                "the plan was joined by id, look at how ids are written in both tables.",
                stacklevel=stacklevel_of_user(),
            )
            return
