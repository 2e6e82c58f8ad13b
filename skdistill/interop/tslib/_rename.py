"""Rename weights of the research code by one table per network; every weight on both sides must be matched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial

import torch
from torch import Tensor

__all__ = [
    "Source",
    "attention",
    "batch_norm",
    "both",
    "column",
    "linear",
    "per_channel",
    "rename",
    "stacked",
]

Source = str | tuple[str | tuple[str, ...], Callable[..., Tensor]]

_BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def rename(
    weights: Mapping[str, Tensor], table: Mapping[str, Source], *, unused: Iterable[str] = ()
) -> dict[str, Tensor]:
    """Look up every weight of a network among the published weights.

    Parameters
    ----------
    weights : mapping of str to Tensor
        The published ``state_dict``.
    table : mapping of str to (str or (str or tuple of str, callable))
        Name in skdistill -> the published name, or several names with a function that converts the published tensors.
    unused : iterable of str, default=()
        Patterns of published names that have no effect on a forecast.

    Returns
    -------
    renamed : dict of str to Tensor
        The weights under the names of skdistill.

    Raises
    ------
    ValueError
        If weights are missing or left over; the message names all of them.

    Examples
    --------
    >>> import torch
    >>> rename({"fc.weight": torch.ones(2, 2)}, {"output.weight": "fc.weight"})
    {'output.weight': tensor([[1., 1.],
            [1., 1.]])}
    >>> rename({"fc.bias": torch.ones(2)}, {"output.weight": "fc.weight"})
    Traceback (most recent call last):
        ...
    ValueError: the state_dict does not fit the options: missing fc.weight; unexpected fc.bias.
    """
    sources = {ours: _names_and_change(source) for ours, source in table.items()}
    wanted = {theirs for names, _ in sources.values() for theirs in names}
    patterns = tuple(unused)
    missing = sorted(wanted - set(weights))
    left = sorted(name for name in set(weights) - wanted if not any(fnmatchcase(name, one) for one in patterns))
    if missing or left:
        lists = [f"{kind} {', '.join(names)}" for kind, names in (("missing", missing), ("unexpected", left)) if names]
        raise ValueError(f"the state_dict does not fit the options: {'; '.join(lists)}.")
    return {ours: change(*(weights[theirs] for theirs in names)) for ours, (names, change) in sources.items()}


def both(ours: str, theirs: str) -> dict[str, Source]:
    """Return the table of the weight and bias of one layer.

    Parameters
    ----------
    ours, theirs : str
        Names of the layer in skdistill and in the research code.

    Returns
    -------
    table : dict of str to str
        Table for :func:`rename`.

    Examples
    --------
    >>> both("output", "fc")
    {'output.weight': 'fc.weight', 'output.bias': 'fc.bias'}
    """
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for kind in ("weight", "bias")}


def batch_norm(ours: str, theirs: str) -> dict[str, Source]:
    """Return the table of weights and statistics of one BatchNorm.

    Parameters
    ----------
    ours, theirs : str
        Names of the layer in skdistill and in the research code.

    Returns
    -------
    table : dict of str to str
        Table for :func:`rename`.

    Examples
    --------
    >>> sorted(batch_norm("norm", "bn"))
    ['norm.bias', 'norm.num_batches_tracked', 'norm.running_mean', 'norm.running_var', 'norm.weight']
    """
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for kind in _BATCH_NORM}


def stacked(ours: str, theirs: str, n_layers: int) -> dict[str, Source]:
    """Return the table of weight and bias of layers that are one per channel there and stacked here.

    Parameters
    ----------
    ours, theirs : str
        Names of the layers in skdistill and in the research code.
    n_layers : int
        Number of layers; 0 stands for one layer shared by all channels.

    Returns
    -------
    table : dict of str to (tuple of str, callable)
        Table for :func:`rename`.

    Examples
    --------
    >>> stacked("output", "fc", 2)["output.bias"][0]
    ('fc.0.bias', 'fc.1.bias')
    """
    if not n_layers:
        return both(ours, theirs)
    names = {kind: tuple(f"{theirs}.{layer}.{kind}" for layer in range(n_layers)) for kind in ("weight", "bias")}
    return {f"{ours}.{kind}": (names[kind], _stack) for kind in names}


def attention(ours: str, theirs: str) -> dict[str, Source]:
    """Return the table of query, key and value of an attention layer: three layers there, one layer here.

    Parameters
    ----------
    ours, theirs : str
        Name of the layer in skdistill, and prefix of the published layers.

    Returns
    -------
    table : dict of str to (tuple of str, callable)
        Table for :func:`rename`.

    Examples
    --------
    >>> attention("mix", "a")["mix.weight"][0]
    ('a.query_projection.weight', 'a.key_projection.weight', 'a.value_projection.weight')
    """
    parts = ("query", "key", "value")
    names = {kind: tuple(f"{theirs}.{part}_projection.{kind}" for part in parts) for kind in ("weight", "bias")}
    return {f"{ours}.{kind}": (names[kind], _join) for kind in names}


def per_channel(table: Mapping[str, Source], n_channels: int) -> dict[str, Source]:
    """Repeat the single output of a network trained for one target (``features="MS"``) for every channel.

    Parameters
    ----------
    table : mapping of str to str
        The weights of an output layer, as returned by :func:`both`.
    n_channels : int
        Number of channels of a window.

    Returns
    -------
    table : dict of str to (str, callable)
        Table for :func:`rename`. The research code broadcasts the single output and reads the last channel.

    Examples
    --------
    >>> import torch
    >>> rename({"fc.bias": torch.ones(1)}, per_channel({"output.bias": "fc.bias"}, 3))
    {'output.bias': tensor([1., 1., 1.])}
    """
    repeat = partial(_repeat, n_channels=n_channels)
    return {ours: (theirs, repeat) for ours, theirs in table.items() if isinstance(theirs, str)}


def column(weight: Tensor) -> Tensor:
    """Reshape a vector with one number per channel to a column.

    Parameters
    ----------
    weight : Tensor of shape (n_channels,)
        One scale or shift per channel.

    Returns
    -------
    column : Tensor of shape (n_channels, 1)
        The same numbers.

    Examples
    --------
    >>> import torch
    >>> column(torch.ones(2)).shape
    torch.Size([2, 1])
    """
    return weight.unsqueeze(-1)


def linear(weight: Tensor) -> Tensor:
    """Convert a convolution over one step to a linear layer.

    Parameters
    ----------
    weight : Tensor of shape (n_out, n_in, 1)
        A kernel of one step.

    Returns
    -------
    weight : Tensor of shape (n_out, n_in)
        The same numbers.

    Examples
    --------
    >>> import torch
    >>> linear(torch.ones(3, 2, 1)).shape
    torch.Size([3, 2])
    """
    return weight.squeeze(-1)


def _names_and_change(source: Source) -> tuple[tuple[str, ...], Callable[..., Tensor]]:
    names, change = (source, _same) if isinstance(source, str) else source
    return (names,) if isinstance(names, str) else names, change


def _stack(*weights: Tensor) -> Tensor:
    return torch.stack(weights)


def _join(*weights: Tensor) -> Tensor:
    return torch.cat(weights)


def _repeat(weight: Tensor, n_channels: int) -> Tensor:
    return weight.expand(n_channels, *weight.shape[1:]) if len(weight) == 1 else weight


def _same(weight: Tensor) -> Tensor:
    return weight
