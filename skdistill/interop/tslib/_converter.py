"""What the converters of all networks have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from skdistill.networks._base import BaseNetwork

__all__ = ["Converted", "Converter", "Options", "Weights", "of_library", "of_timedistill"]

Options = Mapping[str, Any]
Weights = Mapping[str, Tensor]
Converted = tuple[BaseNetwork, dict[str, Tensor]]

_TIMEDISTILL = ("distillation", "model_t", "norm")
_LIBRARY = ("anomaly_ratio", "mask_rate", "seasonal_patterns", "task_name")


class Converter(Protocol):
    """A function that converts options and weights of the research code to those of skdistill; one per network."""

    def __call__(self, options: Options, weights: Weights) -> Converted:
        """Convert a checkpoint.

        Parameters
        ----------
        options : mapping of str to object
            Options under their names in the research code.
        weights : mapping of str to Tensor
            The ``state_dict`` of the checkpoint.

        Returns
        -------
        network : BaseNetwork
            The parameter object.
        renamed : dict of str to Tensor
            The weights under the names of skdistill.

        Raises
        ------
        ValueError
            If an option is not supported, or weights are missing or left over.
        """


def of_timedistill(options: Options) -> bool:
    """Return whether options come from the parser of TimeDistill, which has some that no other one has.

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code.

    Returns
    -------
    theirs : bool
        Whether they have one of these.
    """
    return any(name in options for name in _TIMEDISTILL)


def of_library(options: Options) -> bool:
    """Return whether options come from the parser of Time-Series-Library or of code that grew out of it (TimeDistill).

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code.

    Returns
    -------
    theirs : bool
        Whether they have an option of tasks other than long-term forecasts.
    """
    return any(name in options for name in _LIBRARY)
