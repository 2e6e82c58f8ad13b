"""Inputs of a module: the problem it is built for, and its keyword arguments."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from skdistill.data._contexts import Contexts
from skdistill.data._windows import Windows
from skdistill.networks._base import BaseNetwork, NetworkSpec

__all__ = ["make_spec", "mask_of", "network_inputs", "problem_of", "with_covariates"]


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
        known=windows.store.known if network.reads_known else (),
        n_static=windows.n_static if network.reads_static else 0,
        masks=network.reads_masks,
    )


def with_covariates(spec: NetworkSpec, windows: Windows) -> NetworkSpec:
    """Return a problem with all covariates of windows, whether a student reads them or not.

    Parameters
    ----------
    spec : NetworkSpec
        A problem.
    windows : Windows
        The windows.

    Returns
    -------
    spec : NetworkSpec
        With the known and static covariates of the windows.
    """
    return replace(spec, known=windows.store.known, n_static=windows.n_static)


def problem_of(windows: Windows) -> NetworkSpec:
    """Return the problem that windows define for what is no network, such as a teacher or a loss.

    Parameters
    ----------
    windows : Windows
        The windows.

    Returns
    -------
    spec : NetworkSpec
        Lengths, channels, targets and all covariates.
    """
    shape = (windows.context_length, windows.prediction_length, windows.n_channels, windows.targets)
    return with_covariates(NetworkSpec(*shape), windows)


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
        ``context`` and, if the module reads them, ``context_time`` and ``decoder_time``, ``future``, ``static`` and
        masks. A module with its own calendar is called without times if the contexts have none.

    Raises
    ------
    ValueError
        If the module reads calendar features of the series but the contexts have none.
    """
    inputs = {"context": contexts.values.to(device), **_covariate_inputs(spec, contexts, device)}
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


def _covariate_inputs(spec: NetworkSpec, contexts: Contexts, device: torch.device) -> dict[str, Tensor]:
    """Return known and static covariates and masks, as far as the module reads them."""
    inputs = {}
    if spec.known:
        if contexts.future is None or contexts.known != spec.known:
            raise ValueError(
                "this network was trained with known covariates and needs their values over the horizon to forecast: "
                "give future=."
            )
        inputs["future"] = contexts.future.to(device)
    if spec.n_static:
        if contexts.static is None:
            raise ValueError("this network was trained with static covariates and needs them to forecast.")
        inputs["static"] = contexts.static.to(device)
    if spec.masks:
        inputs["observed"] = mask_of(contexts.values, contexts.observed).to(device)
        if spec.known:
            inputs["future_observed"] = mask_of(inputs["future"], contexts.future_observed).to(device)
    return inputs


def mask_of(values: Tensor, observed: Tensor | None) -> Tensor:
    """Return a mask as numbers.

    Parameters
    ----------
    values : Tensor
        Values, for shape and type.
    observed : Tensor of bool of the same shape, or None
        Which are observed; None means all.

    Returns
    -------
    mask : Tensor of the same shape and type
        1 where observed, else 0.
    """
    return torch.ones_like(values) if observed is None else observed.to(values)
