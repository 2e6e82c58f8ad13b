"""Inputs of a module: the problem it is built for, and its keyword arguments."""

from __future__ import annotations

import torch
from torch import Tensor

from skdistill.data._windows import Contexts, Windows
from skdistill.networks._base import BaseNetwork, NetworkSpec

__all__ = ["make_spec", "network_inputs"]


def make_spec(
    network: BaseNetwork,
    windows: Windows,
    *,
    quantiles: tuple[float, ...] | None = None,
    point_forecast: str = "median",
) -> NetworkSpec:
    """Return the problem that windows define for a network.

    Parameters
    ----------
    network : BaseNetwork
        The network; it declares whether it reads calendar features.
    windows : Windows
        The windows.
    quantiles : tuple of float or None, default=None
        Quantile levels to forecast.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, if there are quantiles.

    Returns
    -------
    spec : NetworkSpec
        Lengths, channels, targets and calendar features.

    Raises
    ------
    ValueError
        If the network needs calendar features and the series has none.
    """
    n_time_features = 0
    if network.time_features is True and not windows.store.has_calendar:
        raise ValueError(
            f"{type(network).__name__}(time_features=True) needs a series with a calendar: give a DataFrame with a "
            "DatetimeIndex or PeriodIndex, or set time_features='auto' or False."
        )
    if network.time_features is not False and windows.store.time is not None:
        n_time_features = windows.store.time.shape[1]
    return NetworkSpec(
        context_length=windows.context_length,
        prediction_length=windows.prediction_length,
        n_channels=windows.n_channels,
        targets=windows.targets,
        n_time_features=n_time_features,
        label_length=network.label_length if n_time_features else 0,
        quantiles=quantiles,
        point_forecast=point_forecast,
        season=windows.store.season,
    )


def network_inputs(spec: NetworkSpec, contexts: Contexts, device: torch.device) -> dict[str, Tensor]:
    """Convert contexts to the keyword arguments of a module's ``forward``.

    Parameters
    ----------
    spec : NetworkSpec
        The problem that the module was built for.
    contexts : Contexts
        A batch of contexts.
    device : torch.device
        Device of the module.

    Returns
    -------
    inputs : dict of Tensor
        ``context`` and, if the module reads them, ``context_time`` and ``decoder_time``. A module with its own calendar
        is called without them if the contexts have no time.

    Raises
    ------
    ValueError
        If the module reads calendar features of the series but the contexts have none.
    """
    inputs = {"context": contexts.values.to(device)}
    if spec.calendar is not None:
        contexts = contexts.with_calendar(spec.calendar, spec.n_time_features)
    if spec.n_time_features and not (spec.calendar is not None and contexts.time is None):
        if contexts.time is None or contexts.future_time is None:
            raise ValueError(
                "this network was trained with calendar features and needs them to forecast: give a DataFrame with a "
                "DatetimeIndex or PeriodIndex, or train it with time_features=False."
            )
        if contexts.time.shape[-1] != spec.n_time_features:
            raise ValueError(
                f"the index has another frequency than in fit: {contexts.time.shape[-1]} calendar features per row "
                f"instead of {spec.n_time_features}."
            )
        head = contexts.time[:, contexts.time.shape[1] - spec.label_length :]
        inputs["context_time"] = contexts.time.to(device)
        inputs["decoder_time"] = torch.cat([head, contexts.future_time], dim=1).to(device)
    return inputs
