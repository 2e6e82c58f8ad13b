"""Short names of networks."""

from __future__ import annotations

from skdistill._choices import check_choice
from skdistill.networks._base import BaseNetwork
from skdistill.networks._dlinear import DLinear
from skdistill.networks._itransformer import ITransformer
from skdistill.networks._linear import Linear
from skdistill.networks._mlp import MLP

__all__ = ["NETWORKS", "make_network"]

NETWORKS: dict[str, type[BaseNetwork]] = {
    "dlinear": DLinear,
    "itransformer": ITransformer,
    "linear": Linear,
    "mlp": MLP,
}


def make_network(name: str, *, parameter: str = "network") -> BaseNetwork:
    """Make the network that a short name stands for, with its defaults.

    Parameters
    ----------
    name : str
        A short name, in lower case.
    parameter : str, default="network"
        The parameter it was given for, for the message.

    Returns
    -------
    network : BaseNetwork
        The network.

    Raises
    ------
    ValueError
        If there is no such name; the nearest is suggested.

    Examples
    --------
    >>> make_network("mlp")
    MLP()
    """
    return NETWORKS[check_choice(name, sorted(NETWORKS), parameter)]()
