"""Why a parameter of a loss has no effect."""

from __future__ import annotations

__all__ = ["unread_at_one_scale", "unread_unless"]


def unread_unless(parameter: str, value: str, **choices: str) -> dict[str, str]:
    """Return that a parameter has no effect unless one of other parameters has a certain value.

    Parameters
    ----------
    parameter : str
        Its name.
    value : str
        The value that reads it.
    **choices : str
        The other parameters.

    Returns
    -------
    reasons : dict of str to str
        Empty if one of them has that value.

    Examples
    --------
    >>> unread_unless("delta", "huber", loss="mse")
    {'delta': "with loss='mse', only with 'huber'"}
    >>> unread_unless("delta", "huber", loss="huber")
    {}
    """
    if value in choices.values():
        return {}
    told = " and ".join(f"{name}={choice!r}" for name, choice in choices.items())
    return {parameter: f"with {told}, only with {value!r}"}


def unread_at_one_scale(n_scales: int) -> dict[str, str]:
    """Return that nothing is pooled if there is one scale.

    Parameters
    ----------
    n_scales : int
        The number of scales.

    Returns
    -------
    reasons : dict of str to str
        Empty if there are several.

    Examples
    --------
    >>> unread_at_one_scale(1)
    {'pooling_window': 'with n_scales=1'}
    """
    return {"pooling_window": "with n_scales=1"} if n_scales == 1 else {}
