"""Tell which parameters of networks, losses and teachers were set and have no effect."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from skdistill._utils._changed_parameters import changed_parameters
from skdistill._utils._says_unread import SaysUnread
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._inputs import make_spec, with_covariates

__all__ = ["warn_of_unread_settings"]


def warn_of_unread_settings(parts: Iterable[Any], windows: Windows) -> None:
    """Warn of parameters that were set and that nothing reads, of parts and of the parts inside them.

    Parameters
    ----------
    parts : iterable of network, loss, teacher or None
        What a forecaster is made of, checked.
    windows : Windows
        The training windows.
    """
    shape = (windows.context_length, windows.prediction_length, windows.n_channels, windows.targets)
    problem = with_covariates(NetworkSpec(*shape), windows)
    for outer in parts:
        for part in [] if outer is None else [outer, *outer.get_params().values()]:
            if isinstance(part, SaysUnread):
                _warn(part, make_spec(part, windows) if isinstance(part, BaseNetwork) else problem)


def _warn(part: Any, spec: NetworkSpec) -> None:
    reasons = part.unread_settings(spec)
    for reason in dict.fromkeys(reasons.values()):
        told = changed_parameters(part, [name for name, why in reasons.items() if why == reason])
        if told:
            it, has = ("it", "has") if len(told) == 1 else ("them", "have")
            end = "" if reason.endswith(".") else f": leave {it} out."
            warnings.warn(
                f"{', '.join(told)} of {type(part).__name__} {has} no effect {reason}{end}",
                stacklevel=stacklevel_of_user(),
            )
