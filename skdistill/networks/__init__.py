"""Networks: architectures with their hyperparameters, students and trainable teachers alike."""

from skdistill.networks._autoformer import Autoformer
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._calf import CALF, GPT4TS, Branches
from skdistill.networks._custom_network import CustomNetwork
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
from skdistill.networks._registry import NETWORKS, make_network
from skdistill.networks._time_mixer import TimeMixer
from skdistill.networks._times_net import TimesNet
from skdistill.networks._ts_mixer import TSMixer

__all__ = [
    "CALF",
    "GPT4TS",
    "MICN",
    "MLP",
    "NETWORKS",
    "Autoformer",
    "BaseNetwork",
    "Branches",
    "CustomNetwork",
    "DLinear",
    "FEDformer",
    "ITransformer",
    "LightTS",
    "Linear",
    "ModernTCN",
    "NLinear",
    "NetworkOutput",
    "NetworkSpec",
    "PatchTST",
    "TSMixer",
    "TimeMixer",
    "TimesNet",
    "make_network",
]
