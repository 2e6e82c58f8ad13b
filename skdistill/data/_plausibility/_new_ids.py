"""Ids of series that are added to others: one that looks like an earlier one may be meant for it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Hashable, Iterable

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import alike_ids, count_levels

__all__ = ["warn_of_alike_ids"]


def warn_of_alike_ids(ids: Iterable[Hashable], known: Collection[Hashable], where: str) -> bool:
    """Warn of a series that is new, although another one has the same id in another type, or ids of other levels.

    Parameters
    ----------
    ids : iterable of hashable
        Ids of series that get rows.
    known : collection of hashable
        Ids of the series so far.
    where : str
        What has the series, for the message.

    Returns
    -------
    told : bool
        Whether there is one.

    Warns
    -----
    UserWarning
        For the first such series.

    Examples
    --------
    >>> warn_of_alike_ids(["7", "8"], {"7"}, "the stream")
    False
    """
    first = next(iter(known), None)  # with its levels, an id is not compared with all others
    for one in ids:
        is_other = bool(known) and one not in known and count_levels(one) != count_levels(first)
        if is_other and count_levels(one) not in {count_levels(other) for other in known}:
            warnings.warn(
                f"series {one!r} is new to {where}, whose ids have {count_levels(first)} levels, such as {first!r}: "
                "it starts a series of its own. Give ids the same levels; panel.loc[[label]] keeps a level that "
                "panel.loc[label] drops.",
                stacklevel=stacklevel_of_user(),
            )
            return True
        other = None if one in known else next((other for other in alike_ids(one) if other in known), None)
        if other is not None:
            warnings.warn(
                f"series {one!r} ({type(one).__name__}) is new to {where}, which has {other!r} "
                f"({type(other).__name__}): it starts a series of its own, and {other!r} gets no rows. Convert the ids "
                "to the type of the first ones.",
                stacklevel=stacklevel_of_user(),
            )
            return True
    return False
