"""Layers shared by several networks; none keeps state between calls."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

__all__ = [
    "NORMALIZATIONS",
    "MeanNormalization",
    "NoNormalization",
    "ReversibleNormalization",
    "WindowStandardization",
    "decompose",
    "make_normalization",
    "moving_average",
]


def moving_average(values: Tensor, kernel_size: int) -> Tensor:
    """Compute the moving average over time; the ends are replicated, so the length does not change.

    An even kernel reaches one step further back than ahead. Sums over 1, 2, 4, ... steps are combined to a sum over
    ``kernel_size`` steps. This takes about 2 log2(kernel_size) additions per step, is several times cheaper than
    pooling, and avoids a running total, which would lose precision.

    Parameters
    ----------
    values : Tensor of shape (n_windows, n_channels, n_timestamps)
        Windows, channel-major.
    kernel_size : int
        Number of steps of the average; may exceed the window.

    Returns
    -------
    average : Tensor of the same shape
        The moving average.

    Examples
    --------
    >>> import torch
    >>> moving_average(torch.tensor([[[0.0, 3.0, 0.0]]]), kernel_size=3).ravel()
    tensor([1., 1., 1.])
    """
    length = values.shape[-1]
    front = kernel_size // 2
    sums = pad(values, (front, kernel_size - 1 - front), mode="replicate")  # sums over the next `width` steps
    width, covered = 1, 0
    total: Tensor | None = None
    while True:
        if kernel_size & width:
            part = sums[..., covered : covered + length]
            total = part if total is None else total + part
            covered += width
        if total is not None and covered == kernel_size:
            return total / kernel_size
        sums = sums[..., :-width] + sums[..., width:]
        width *= 2


def decompose(values: Tensor, kernel_size: int) -> tuple[Tensor, Tensor]:
    """Split windows into a seasonal part and a trend by a moving average.

    Parameters
    ----------
    values : Tensor of shape (n_windows, n_channels, n_timestamps)
        Windows, channel-major.
    kernel_size : int
        Number of steps of the average; may exceed the window.

    Returns
    -------
    seasonal, trend : Tensor of the same shape
        The seasonal part and the trend; they add up to ``values``.

    Examples
    --------
    >>> import torch
    >>> seasonal, trend = decompose(torch.tensor([[[0.0, 3.0, 0.0]]]), kernel_size=3)
    >>> seasonal.ravel()
    tensor([-1., 2., -1.])
    """
    trend = moving_average(values, kernel_size)
    return values - trend, trend


class NoNormalization(nn.Module):
    """Leaves windows unchanged.

    Every normalization maps windows, (n_windows, n_channels, n_timestamps), to normalized ones and a state, with which
    ``undo`` brings a forecast, (n_windows, n_channels, prediction_length), to the units of the windows.
    """

    def forward(self, values: Tensor) -> tuple[Tensor, None]:
        """Return the windows unchanged, and None as the state."""
        return values, None

    def undo(self, forecast: Tensor, state: None) -> Tensor:
        """Return the forecast unchanged."""
        return forecast


class MeanNormalization(nn.Module):
    """Subtract each window's mean; add it to the forecast."""

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Subtract the mean over time; the state is the mean, (n_windows, n_channels, 1)."""
        mean = values.mean(dim=-1, keepdim=True).detach()
        return values - mean, mean

    def undo(self, forecast: Tensor, state: Tensor) -> Tensor:
        """Add the mean."""
        return forecast + state


class WindowStandardization(nn.Module):
    """Subtract each window's mean and divide by its standard deviation; undo both on the forecast.

    Gradient flows through the standard deviation but not through the mean, as in the published iTransformer.

    Parameters
    ----------
    epsilon : float, default=1e-5
        Added to the variance, so that a constant window causes no division by zero.
    detach_scale : bool, default=False
        Whether to stop the gradient through the standard deviation, too, as in RevIN.
    subtract_last : bool, default=False
        Whether to subtract the last step instead of the mean; the standard deviation still uses the mean.
    """

    def __init__(self, epsilon: float = 1e-5, *, detach_scale: bool = False, subtract_last: bool = False) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.detach_scale = detach_scale
        self.subtract_last = subtract_last

    def forward(self, values: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Standardize over time.

        Parameters
        ----------
        values : Tensor of shape (n_windows, n_channels, n_timestamps)
            Windows.

        Returns
        -------
        standardized : Tensor of the same shape
            Windows of mean 0 and variance 1.
        state : tuple of Tensor of shape (n_windows, n_channels, 1)
            Mean and standard deviation.
        """
        mean = values.mean(dim=-1, keepdim=True).detach()
        centered = values - mean
        scale = _standard_deviation(centered.detach() if self.detach_scale else centered, self.epsilon)
        if self.subtract_last:
            mean, centered = _from_last(values)
        return centered / scale, (mean, scale)

    def undo(self, forecast: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
        """Multiply by the standard deviation and add the mean.

        Parameters
        ----------
        forecast : Tensor of shape (n_windows, n_channels, prediction_length)
            A forecast of standardized windows.
        state : tuple of Tensor
            Mean and standard deviation.

        Returns
        -------
        forecast : Tensor of the same shape
            The forecast in the units of the windows.
        """
        mean, scale = state
        return forecast * scale + mean


class ReversibleNormalization(WindowStandardization):
    """Standardize each window, then scale and shift each channel by learned numbers; ``undo`` reverses it.

    Parameters
    ----------
    n_channels : int
        Number of channels of a window.
    epsilon : float, default=1e-5
        Added to the variance; its square is added to the learned scale when dividing by it.
    subtract_last : bool, default=False
        Whether to subtract the last step instead of the mean; the standard deviation still uses the mean.

    References
    ----------
    Kim et al. (2022), Reversible instance normalization (RevIN).
    """

    def __init__(self, n_channels: int, epsilon: float = 1e-5, *, subtract_last: bool = False) -> None:
        super().__init__(epsilon, detach_scale=True, subtract_last=subtract_last)
        self.weight = nn.Parameter(torch.ones(n_channels, 1))
        self.bias = nn.Parameter(torch.zeros(n_channels, 1))

    def forward(self, values: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Standardize over time, then scale and shift."""
        standardized, state = super().forward(values)
        return standardized * self.weight + self.bias, state

    def undo(self, forecast: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
        """Undo shift and scale, then the standardization."""
        return super().undo((forecast - self.bias) / (self.weight + self.epsilon**2), state)


def _from_last(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the last step of windows, and the windows minus it."""
    last = values[..., -1:]
    return last, values - last


def _standard_deviation(centered: Tensor, epsilon: float) -> Tensor:
    return torch.sqrt(centered.square().mean(dim=-1, keepdim=True) + epsilon)


NORMALIZATIONS = (None, "mean", "revin")


def make_normalization(name: str | None, n_channels: int) -> nn.Module:
    """Build a window normalization from its name.

    Parameters
    ----------
    name : {None, "mean", "revin"}
        Name of the normalization.
    n_channels : int
        Number of channels of a window, for learned normalizations.

    Returns
    -------
    normalization : torch.nn.Module
        ``forward`` returns the normalized windows and a state; ``undo`` takes the state back.
    """
    if name == "revin":
        return ReversibleNormalization(n_channels)
    return NoNormalization() if name is None else MeanNormalization()
