"""BatchNorm over channels that a GPU computes with all its processors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ChannelNorm"]


class ChannelNorm(nn.BatchNorm1d):
    """BatchNorm of (n_windows, n_channels, width), each channel by its mean and variance over windows and width.

    The layer of torch gives every channel to one block of a GPU, and there are few channels here. In training on a GPU,
    means and variances are therefore computed by reductions, which use the whole card. All else is that of torch.

    Parameters
    ----------
    num_features : int
        Number of channels.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalize, and in training move the running statistics.

        Parameters
        ----------
        input : Tensor of shape (n_windows, n_channels, width)
            The values.

        Returns
        -------
        output : Tensor of shape (n_windows, n_channels, width)
            The normalized values.
        """
        if not (self.training and input.is_cuda):
            return super().forward(input)
        return self.by_reductions(input)

    def by_reductions(self, input: Tensor) -> Tensor:
        """Normalize with statistics of the batch, in operations that reduce over windows and width."""
        assert self.running_mean is not None  # statistics are always tracked here
        assert self.running_var is not None
        assert self.momentum is not None
        assert self.num_batches_tracked is not None
        variance, mean = torch.var_mean(input.to(self.running_mean.dtype), dim=(0, 2), correction=0)
        n_values = input.numel() / input.shape[1]
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (n_values / (n_values - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return torch.addcmul(shift[:, None].to(input.dtype), input, scale[:, None].to(input.dtype))
