"""Parameter objects that say which of their parameters a fit does not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["SaysUnread"]


class SaysUnread:
    """Mixin of networks, losses and teachers; ``fit`` warns of parameters that were set and that nothing reads."""

    def unread_settings(self, spec: Any) -> Mapping[str, str]:
        """Return the parameters that have no effect in this problem, whatever their values.

        Called after ``check``; ``fit`` warns of those that are not the default. A weight of 0 switches off what it
        weighs, on purpose: what belongs to that part is not named.

        Parameters
        ----------
        spec : NetworkSpec
            Lengths, channels and covariates of the problem.

        Returns
        -------
        reasons : mapping of str to str
            For the name of a parameter (``network__penalty`` for one of a part) why nothing reads it, such as
            ``"without covariates"``. A full stop at the end replaces the advice to leave it out. Empty by default.
        """
        return {}
