"""MLP and DMLP of TimeDistill."""

from __future__ import annotations

from skdistill._utils._choices import check_choice
from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import Source, batch_norm, both, column, rename
from skdistill.networks._mlp import MLP

__all__ = ["convert"]

_NORMALIZATIONS = {"non-stationary": "mean", "revin": "revin", "None": None, None: None}
# part in skdistill, its layers and its BatchNorm in the research code
_PARTS = (("seasonal", "Linear_Seasonal", "bn1"), ("trend", "Linear_Trend", "bn2"))


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of MLP and DMLP; see ``Converter``.

    ``MLP`` and ``DMLP`` differ in the layers of the trend, which is inferred from the weights. Without the option
    ``norm``, windows are not normalized, which is the default of the research code.
    """
    published = options.get("norm")
    normalization = _NORMALIZATIONS[check_choice(published, _NORMALIZATIONS, "norm of MLP")]
    decomposed = any(name.startswith("Linear_Trend.") for name in weights)
    network = MLP(
        int(options.get("d_model", 512)),
        normalization=normalization,
        decomposition=decomposed,
        kernel_size=int(options.get("moving_avg", 25)),
    )
    table: dict[str, Source] = {}
    for ours, theirs, norm in _PARTS if decomposed else _PARTS[:1]:
        table |= both(f"{ours}.hidden", f"{theirs}.0") | both(f"{ours}.output", f"{theirs}.2")
        table |= batch_norm(f"{ours}.norm", norm)
    if normalization == "revin":
        table |= {f"normalization.{kind}": (f"revin_layer.affine_{kind}", column) for kind in ("weight", "bias")}
    return network, rename(weights, table, unused=("revin_layer.*", "bn2.*"))
