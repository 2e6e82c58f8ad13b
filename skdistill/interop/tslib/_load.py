"""Load a checkpoint of the research code as a network of skdistill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from skdistill._utils._choices import check_choice
from skdistill._utils._generators import untouched
from skdistill._utils._usual_modes import in_float32
from skdistill.interop.tslib._calendar import calendar_of
from skdistill.interop.tslib._registry import CONVERTERS
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._weights import load_weights, read_state_dict

__all__ = ["from_tslib"]

_NEEDED = ("seq_len", "pred_len", "enc_in")
_PREFIXES = ("_orig_mod.", "module.", "_orig_mod.")  # the prefixes can be nested in either order
_COUNTS = ("total_ops", "total_params")  # buffers of thop


@in_float32()
def from_tslib(
    name: str,
    config: Mapping[str, Any] | str | Path | Any,
    state_dict: Mapping[str, Tensor] | str | Path,
    *,
    extra: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Load a network that was trained with Time-Series-Library or TimeDistill.

    The module is in evaluation mode. As in the research code, it takes contexts that are standardized per channel. It
    stores what it was built from as ``module.network`` and ``module.spec``, so that it can be passed to
    ``PretrainedTeacher(module)`` directly.

    Parameters
    ----------
    name : str
        Name of the model in the research code: ``"DMLP"``, ``"iTransformer"``, ``"TimesNet"``, ...
    config : mapping, namespace, str or Path
        Options of the model under their names in the research code (``d_model``, ``e_layers``, ``moving_avg``, ...), as
        a dict, as the namespace returned by its argument parser, or as the path of a JSON file. Missing options take
        the defaults of the research code; ``seq_len``, ``pred_len`` and ``enc_in`` are required. Options that cannot be
        checked against the weights are used as given: iTransformer's ``enc_in``, ``use_norm`` (not that of
        Time-Series-Library's own parser, whose iTransformer always standardizes windows) and any ``n_heads``.
        The distance of PatchTST's patches is 8, whatever ``stride`` is, if this gives the number of patches of the
        weights: the research code does not pass the option on.
        ``features`` is not read: as in the research code, the module forecasts every channel. For a model trained with
        "MS", the target is the last channel; set the forecaster's ``targets`` to it.
    state_dict : mapping of str to Tensor, str or Path
        The weights, or their file: ``.safetensors``, or any file that ``torch.load(weights_only=True)`` reads. A
        checkpoint with other entries, such as an epoch, is accepted if the weights are its only mapping of tensors, as
        in ``{"state_dict": weights, ...}``.
    extra : mapping or None, default=None
        What a network needs in addition to its weights: the random Fourier modes of FEDformer, by name of their layer.

    Returns
    -------
    module : torch.nn.Module
        Called as ``module(context, context_time=None, decoder_time=None)``, it returns a ``NetworkOutput``. The
        calendar features are those of the research code: ``x_mark`` of the context, and of its last ``label_len`` rows
        followed by the horizon. They are integers unless ``embed`` is "timeF". Without them, the forecast equals that
        of the research code without calendar. MICN reads them if ``label_len`` equals ``seq_len``; the MICN of
        TimeDistill, which has an option ``norm``, ``model_t`` or ``distillation``, never does.

    Raises
    ------
    ValueError
        If the model is unknown, an option is missing or not supported, or weights are missing, unexpected or have the
        wrong shape. The message names all of them.

    References
    ----------
    https://github.com/thuml/Time-Series-Library and https://github.com/LingFengGold/TimeDistill.

    Examples
    --------
    >>> import torch
    >>> from skdistill.interop import from_tslib
    >>> from skdistill.teachers import PretrainedTeacher
    >>> weights = {f"{part}.weight": torch.zeros(4, 12) for part in ("Linear_Seasonal", "Linear_Trend")}
    >>> weights |= {f"{part}.bias": torch.ones(4) for part in ("Linear_Seasonal", "Linear_Trend")}
    >>> module = from_tslib("DLinear", {"seq_len": 12, "pred_len": 4, "enc_in": 1, "moving_avg": 5}, weights)
    >>> module(torch.zeros(1, 12, 1)).forecast.ravel()
    tensor([2., 2., 2., 2.], grad_fn=<ViewBackward0>)
    >>> teacher = PretrainedTeacher(module)
    """
    convert = CONVERTERS[check_choice(name, sorted(CONVERTERS), "name of from_tslib")]
    options = _read_options(config)
    if extra is not None:
        options["modes"] = extra
    weights = _own_names(read_state_dict(state_dict, owner="state_dict of from_tslib"))
    network, renamed = convert(options, weights)
    spec = _make_spec(network, options, weights)
    with untouched():  # the initial weights are replaced
        module = network.build(spec)
    load_weights(module, renamed, owner=f"state_dict of from_tslib({name!r})")
    module.network, module.spec = network, spec  # type: ignore[assignment]
    return module.eval()


def _read_options(config: Any) -> dict[str, Any]:
    """Return the options as a new dict."""
    if isinstance(config, str | Path):
        path = Path(config)
        if not path.is_file():
            raise FileNotFoundError(f"config of from_tslib: there is no file {path}.")
        config = json.loads(path.read_text())
    elif not isinstance(config, Mapping) and hasattr(config, "__dict__"):
        config = vars(config)
    if not isinstance(config, Mapping):
        raise TypeError(
            "config of from_tslib must be a mapping, a namespace or the path of a JSON file that holds an object; "
            f"got {type(config).__name__}."
        )
    missing = [name for name in _NEEDED if name not in config]
    if missing:
        raise ValueError(f"config of from_tslib lacks {', '.join(missing)}: add the research code's values.")
    return dict(config)


def _own_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Remove what multi-GPU training, compilation and operation counters add to the names."""
    named = {name: weight for name, weight in weights.items() if name.split(".")[-1] not in _COUNTS}
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in named):
            named = {name.removeprefix(prefix): weight for name, weight in named.items()}
    return named


def _make_spec(network: BaseNetwork, options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> NetworkSpec:
    """Return the problem that the network was trained for."""
    reads_calendar = network.time_features is not False
    calendar, size = calendar_of(options, weights) if reads_calendar else (None, 0)
    return NetworkSpec(
        context_length=int(options["seq_len"]),
        prediction_length=int(options["pred_len"]),
        n_channels=int(options["enc_in"]),
        n_time_features=size,
        label_length=network.label_length if reads_calendar else 0,
        calendar=calendar,
    )
