"""Check that a network reads the covariates that it is given."""

from __future__ import annotations

from skdistill.data._windows import Windows
from skdistill.networks._base import BaseNetwork
from skdistill.networks._registry import NETWORKS, suggest_networks

__all__ = ["check_reads", "kinds_read"]

_KINDS = ("past", "known", "static")


def kinds_read(network: BaseNetwork) -> tuple[str, ...]:
    """Return the kinds of covariates that a network reads.

    Parameters
    ----------
    network : BaseNetwork
        The network of the student.

    Returns
    -------
    kinds : tuple of {"past", "known", "static"}
        Those that it reads.

    Examples
    --------
    >>> from skdistill.networks import Linear
    >>> kinds_read(Linear(past_rows=0))
    ('known', 'static')
    """
    return tuple(kind for kind in _KINDS if getattr(network, f"reads_{kind}"))


def check_reads(network: BaseNetwork, windows: Windows) -> None:
    """Raise if a network ignores covariates; called before any training.

    Parameters
    ----------
    network : BaseNetwork
        The network of the student.
    windows : Windows
        The training windows.

    Raises
    ------
    ValueError
        The message names the covariates, and networks that read them.
    """
    store = windows.store
    columns = range(windows.n_channels) if store.columns is None else list(store.columns)
    past = [columns[one] for one in range(windows.n_channels) if one not in {*windows.targets, *store.known}]
    given: dict[str, tuple[str, list[object]]] = {
        "reads_past": ("past covariates", past),
        "reads_known": ("known covariates", [columns[one] for one in store.known]),
        "reads_static": ("static covariates", [f"{windows.n_static} in all"] if windows.n_static else []),
    }
    ignored = {need: told for need, told in given.items() if told[1] and not getattr(network, need)}
    if not ignored:
        return
    fitting = [name for name in sorted(NETWORKS) if all(_name(name) in suggest_networks(need) for need in ignored)]
    what = "; ".join(f"{kind} ({_list(names)})" for kind, names in ignored.values())
    students = ", ".join(f"{name!r}" for name in fitting)
    raise ValueError(
        f"the student {type(network).__name__} does not read its {what}: they would be ignored. Choose a student that "
        f"reads them ({students}), leave the columns out of X, or set covariates='ignore' to ignore them on purpose."
    )


def _name(short: str) -> str:
    return NETWORKS[short].__name__


def _list(names: list[object]) -> str:
    shown = ", ".join(str(name) if isinstance(name, str) else repr(name) for name in names[:5])
    return f"{shown}, ..." if len(names) > 5 else shown
