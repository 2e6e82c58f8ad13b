"""Converters by model name in the research code."""

from __future__ import annotations

from skdistill.interop.tslib._autoformer import convert as autoformer
from skdistill.interop.tslib._converter import Converter
from skdistill.interop.tslib._dlinear import convert as dlinear
from skdistill.interop.tslib._fedformer import convert as fedformer
from skdistill.interop.tslib._itransformer import convert as itransformer
from skdistill.interop.tslib._light_ts import convert as light_ts
from skdistill.interop.tslib._linear import convert as linear
from skdistill.interop.tslib._micn import convert as micn
from skdistill.interop.tslib._mlp import convert as mlp
from skdistill.interop.tslib._modern_tcn import convert as modern_tcn
from skdistill.interop.tslib._nlinear import convert as nlinear
from skdistill.interop.tslib._patchtst import convert as patchtst
from skdistill.interop.tslib._time_mixer import convert as time_mixer
from skdistill.interop.tslib._times_net import convert as times_net
from skdistill.interop.tslib._ts_mixer import convert as ts_mixer

__all__ = ["CONVERTERS"]

CONVERTERS: dict[str, Converter] = {
    "Autoformer": autoformer,
    "DLinear": dlinear,
    "DMLP": mlp,
    "FEDformer": fedformer,
    "LightTS": light_ts,
    "Linear": linear,
    "MICN": micn,
    "MLP": mlp,
    "ModernTCN": modern_tcn,
    "NLinear": nlinear,
    "PatchTST": patchtst,
    "TSMixer": ts_mixer,
    "TimeMixer": time_mixer,
    "TimesNet": times_net,
    "iTransformer": itransformer,
}
