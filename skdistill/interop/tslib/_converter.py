"""What the converters of all networks have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from skdistill.networks._base import BaseNetwork

__all__ = ["Converted", "Converter", "Options", "Weights"]

Options = Mapping[str, Any]
Weights = Mapping[str, Tensor]
Converted = tuple[BaseNetwork, dict[str, Tensor]]


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
