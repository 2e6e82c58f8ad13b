"""Short names in parameters, such as ``teacher="itransformer"``, expanded if nested parameters need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator

from skdistill.losses._base import BaseLoss
from skdistill.losses._registry import make_loss
from skdistill.networks._base import BaseNetwork
from skdistill.networks._no_network import explain_not_a_network
from skdistill.networks._registry import make_network
from skdistill.teachers._resolve import resolve_teacher
from skdistill.teachers._trained import TrainedTeacher

__all__ = ["expand_shorthands", "resolve_loss", "resolve_student"]


def resolve_student(student: Any) -> BaseNetwork:
    """Convert ``student`` to a network.

    Parameters
    ----------
    student : str or network
        Value of the parameter.

    Returns
    -------
    network : BaseNetwork
        The network.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(student, str):
        return make_network(student, parameter="student")
    if not isinstance(student, BaseNetwork):
        told = explain_not_a_network(student)
        raise TypeError(f"student must be a network of skdistill.networks or a short name; got {told}")
    return student


def resolve_loss(loss: Any) -> BaseLoss:
    """Convert ``loss`` to a loss.

    Parameters
    ----------
    loss : str or loss
        Value of the parameter.

    Returns
    -------
    loss : BaseLoss
        The loss.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(loss, str):
        return make_loss(loss)
    if not isinstance(loss, BaseLoss):
        kind = f"the class {loss.__name__}; give an instance" if isinstance(loss, type) else repr(loss)
        raise TypeError(f"loss must be a loss of skdistill.losses or a short name; got {kind}.")
    return loss


def expand_shorthands(owner: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Expand short names of teacher, student and loss before nested parameters are set on them.

    Parameters
    ----------
    owner : estimator
        With the values that are not set.
    params : mapping of str to object
        What ``set_params`` gets.

    Returns
    -------
    params : dict of str to object
        With the parameter objects that the short names stand for.
    """
    expanded = dict(params)
    for name in ("teacher", "student", "loss"):
        keys = [key.removeprefix(f"{name}__") for key in params if key.startswith(f"{name}__")]
        if keys:
            expanded[name] = _expand(name, params.get(name, getattr(owner, name)), keys)
    return expanded


def _expand(name: str, value: Any, keys: list[str]) -> Any:
    """Return the parameter object that a short name stands for; ``keys`` are nested parameters, without ``name__``."""
    if not isinstance(value, str):
        return value
    if name == "loss":
        return make_loss(value)
    if name == "teacher" and not isinstance(teacher := resolve_teacher(value), TrainedTeacher):
        return teacher
    network: BaseEstimator = make_network(value, parameter=name)
    heads = {key.split("__")[0] for key in keys}
    if name == "teacher" and not heads <= set(network.get_params(deep=False)):
        return TrainedTeacher(network)
    return network
