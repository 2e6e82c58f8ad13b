"""A linear layer that channels share, or one a channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ChannelLinear"]


class ChannelLinear(nn.Module):
    """A linear layer on the last axis; with ``n_channels``, one for each, run as one batched product.

    Parameters
    ----------
    in_size : int
        Numbers that go in.
    out_size : int
        Numbers that come out.
    n_channels : int or None, default=None
        How many layers; None shares one.
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
            What goes in.

        Returns
        -------
        values : Tensor of shape (n_windows, n_channels, out_size)
            What comes out.
        """
        if self.weight.ndim == 2:
            return nn.functional.linear(values, self.weight, self.bias)
        return torch.einsum("bcl,chl->bch", values, self.weight) + self.bias
