"""Calendar features that a network of the research code reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from skdistill.data._calendar import FREQUENCIES
from skdistill.interop.tslib._rename import Source

__all__ = ["calendar_of", "reads_time", "step_embedding"]

_WEIGHT = "temporal_embedding.embed.weight"
_SIZES = {"s": 6, "t": 5, "h": 4, "d": 3, "b": 3, "w": 2, "m": 1, "a": 1}  # numbers of time features, by freq
_TABLES = ("month", "day", "weekday", "hour", "minute")


def reads_time(options: Mapping[str, Any]) -> bool:
    """Return whether the research code passes calendar features to the network.

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code.

    Returns
    -------
    reads : bool
        False for the data sets that it runs without calendar features.

    Examples
    --------
    >>> reads_time({"embed": "timeF"}), reads_time({"data": "Solar"})
    (True, False)
    """
    return options.get("data") not in ("PEMS", "Solar")


def calendar_of(options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> tuple[str | None, int]:
    """Return the calendar features of a row, regardless of the step of the data.

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code; ``freq`` is hourly by default.
    weights : mapping of str to Tensor
        The ``state_dict`` of the checkpoint, which shows whether features are embedded.

    Returns
    -------
    calendar : str or None
        As in a ``NetworkSpec``: a frequency, or ``"numbers"`` unless ``embed`` is "timeF".
    n_time_features : int
        Number of calendar features.

    Examples
    --------
    >>> calendar_of({"freq": "15min"}, {}), calendar_of({"embed": "fixed"}, {})
    (('min', 5), ('numbers', 4))
    """
    if not _scaled(options):
        return "numbers", _count_numbers(options, weights)
    sizes = [weight.shape[1] for name, weight in weights.items() if name.endswith(_WEIGHT)]
    unit = str(options.get("freq", "h")).lstrip("0123456789").lower()
    size = sizes[0] if sizes else _SIZES.get("t" if unit == "min" else unit[:1], 4)
    return FREQUENCIES.get(size), size


def step_embedding(ours: str, theirs: str, options: Mapping[str, Any], *, timed: bool) -> dict[str, Source]:
    """Return the table of weights of an embedding of steps.

    Parameters
    ----------
    ours, theirs : str
        Names of the embedding in skdistill and in the research code.
    options : mapping of str to object
        Options under their names in the research code.
    timed : bool
        Whether it reads calendar features.

    Returns
    -------
    table : dict of str to str
        Table for ``rename``.

    Examples
    --------
    >>> step_embedding("embedding", "enc_embedding", {}, timed=False)
    {'embedding.values.weight': 'enc_embedding.value_embedding.tokenConv.weight'}
    """
    table: dict[str, Source] = {f"{ours}.values.weight": f"{theirs}.value_embedding.tokenConv.weight"}
    if timed and _scaled(options):
        table[f"{ours}.time.weight"] = f"{theirs}.{_WEIGHT}"
    elif timed:
        kind = "emb.weight" if options["embed"] == "fixed" else "weight"
        for number, name in enumerate(_TABLES if options.get("freq") == "t" else _TABLES[:-1]):
            table[f"{ours}.time.tables.{number}.weight"] = f"{theirs}.temporal_embedding.{name}_embed.{kind}"
    return table


def _scaled(options: Mapping[str, Any]) -> bool:
    """Return whether calendar features are scaled numbers instead of integers."""
    return options.get("embed", "timeF") == "timeF"


def _count_numbers(options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> int:
    """Count the fields that are looked up in tables; a network without tables reads those of its data set."""
    if any(".temporal_embedding." in name for name in weights):
        return len(_TABLES) - (options.get("freq") != "t")
    return len(_TABLES) - (not str(options.get("data", "")).startswith("ETTm"))
