"""Networks: architectures with their hyperparameters, students and trainable teachers alike."""

from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._dlinear import DLinear
from skdistill.networks._itransformer import ITransformer
from skdistill.networks._linear import Linear
from skdistill.networks._mlp import MLP
from skdistill.networks._registry import NETWORKS, make_network

__all__ = [
    "MLP",
    "NETWORKS",
    "BaseNetwork",
    "DLinear",
    "ITransformer",
    "Linear",
    "NetworkOutput",
    "NetworkSpec",
    "make_network",
]
