"""A linear layer that is shared by all channels, or one layer per channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ChannelLinear"]


class ChannelLinear(nn.Module):
    """Linear layer on the last axis; with ``n_channels``, one layer per channel, run as one batched product.

    Parameters
    ----------
    in_size : int
        Size of the input.
    out_size : int
        Size of the output.
    n_channels : int or None, default=None
        Number of layers; None shares one layer.
    """

    def __init__(self, in_size: int, out_size: int, n_channels: int | None = None) -> None:
        super().__init__()
        groups = () if n_channels is None else (n_channels,)
        bound = in_size**-0.5
        self.weight = nn.Parameter(torch.empty(*groups, out_size, in_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(*groups, out_size).uniform_(-bound, bound))

    def forward(self, values: Tensor) -> Tensor:
        """Apply the layer of each channel.

        Parameters
        ----------
        values : Tensor of shape (n_windows, n_channels, in_size)
            The input.

        Returns
        -------
        values : Tensor of shape (n_windows, n_channels, out_size)
            The output.
        """
        if self.weight.ndim == 2:
            return nn.functional.linear(values, self.weight, self.bias)
        return torch.einsum("bcl,chl->bch", values, self.weight) + self.bias
