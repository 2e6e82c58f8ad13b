"""Short names of networks."""

from __future__ import annotations

from collections.abc import Mapping

from skdistill._utils._choices import check_choice
from skdistill.networks._autoformer import Autoformer
from skdistill.networks._base import BaseNetwork
from skdistill.networks._dlinear import DLinear
from skdistill.networks._fedformer import FEDformer
from skdistill.networks._itransformer import ITransformer
from skdistill.networks._light_ts import LightTS
from skdistill.networks._linear import Linear
from skdistill.networks._micn import MICN
from skdistill.networks._mlp import MLP
from skdistill.networks._modern_tcn import ModernTCN
from skdistill.networks._nlinear import NLinear
from skdistill.networks._patchtst import PatchTST
from skdistill.networks._tft import TFT
from skdistill.networks._tide import TiDE
from skdistill.networks._time_mixer import TimeMixer
from skdistill.networks._times_net import TimesNet
from skdistill.networks._timexer import TimeXer
from skdistill.networks._ts_mixer import TSMixer

__all__ = ["NETWORKS", "make_network", "suggest_networks"]

NETWORKS: dict[str, type[BaseNetwork]] = {
    "autoformer": Autoformer,
    "dlinear": DLinear,
    "fedformer": FEDformer,
    "itransformer": ITransformer,
    "lightts": LightTS,
    "linear": Linear,
    "micn": MICN,
    "mlp": MLP,
    "moderntcn": ModernTCN,
    "nlinear": NLinear,
    "patchtst": PatchTST,
    "tft": TFT,
    "tide": TiDE,
    "timemixer": TimeMixer,
    "timesnet": TimesNet,
    "timexer": TimeXer,
    "tsmixer": TSMixer,
}


def make_network(name: str, *, parameter: str = "network", elsewhere: Mapping[str, str] | None = None) -> BaseNetwork:
    """Create a network from its short name, with default parameters.

    Parameters
    ----------
    name : str
        A short name, in lower case.
    parameter : str, default="network"
        Name of the parameter, for error messages.
    elsewhere : mapping of str to str or None, default=None
        Hints for names, in lower case, that are not networks.

    Returns
    -------
    network : BaseNetwork
        The network.

    Raises
    ------
    ValueError
        If the name is unknown; the message suggests the nearest one.

    Examples
    --------
    >>> make_network("mlp")
    MLP()
    """
    return NETWORKS[check_choice(name, sorted(NETWORKS), parameter, elsewhere=elsewhere)]()


def suggest_networks(need: str) -> list[str]:
    """Return the names of the networks that meet a requirement of a loss term, or read covariates.

    Parameters
    ----------
    need : str
        The requirement of the term; or ``"reads_past"``, ``"reads_known"``, ``"reads_static"``.

    Returns
    -------
    names : list of str
        Class names, in order; empty if the requirement does not depend on the network.

    Examples
    --------
    >>> suggest_networks("student_features")[:3]
    ['Autoformer', 'FEDformer', 'ITransformer']
    """
    if need.startswith("reads_"):
        return sorted(type(one).__name__ for one in (network() for network in NETWORKS.values()) if getattr(one, need))
    if need != "student_features":
        return []
    return sorted(network.__name__ for network in NETWORKS.values() if network.has_features)
