"""Short names in parameters, such as ``teacher="itransformer"``, expanded if nested parameters need it."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from skdistill.losses._base import BaseLoss
from skdistill.losses._registry import make_loss
from skdistill.networks._base import BaseNetwork
from skdistill.networks._no_network import explain_not_a_network
from skdistill.networks._registry import make_network
from skdistill.teachers._resolve import resolve_teacher
from skdistill.teachers._trained import TrainedTeacher

__all__ = ["expand_shorthand", "resolve_loss", "resolve_student"]


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


def expand_shorthand(name: str, value: Any, keys: list[str]) -> Any:
    """Expand a short name before nested parameters are set on it.

    Parameters
    ----------
    name : {"teacher", "student", "loss"}
        The parameter.
    value : object
        Its value; anything except a str is returned unchanged.
    keys : list of str
        The nested parameters, without the leading ``name__``.

    Returns
    -------
    value : object
        The parameter object that the short name stands for.
    """
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
