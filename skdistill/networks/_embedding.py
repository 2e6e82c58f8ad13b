"""Embedding of the steps of a window as tokens: values, calendar and position; shared by several networks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from skdistill.networks._base import NetworkSpec

__all__ = ["StepEmbedding", "decoder_calendar", "sinusoids"]

_TABLE_SIZES = (13, 32, 7, 24, 4)  # month and day of month from 1, weekday, hour, quarter of the hour


def sinusoids(length: int, width: int) -> Tensor:
    """Return a table of sines and cosines of the position, at wavelengths from 2 pi to 20000 pi.

    Parameters
    ----------
    length : int
        Number of positions.
    width : int
        Number of columns; even columns are sines, odd columns cosines.

    Returns
    -------
    table : Tensor of shape (length, width)
        The position encoding of the original transformer.

    Examples
    --------
    >>> sinusoids(2, 3)
    tensor([[0.0000, 1.0000, 0.0000],
            [0.8415, 0.5403, 0.0022]])
    """
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angle = torch.arange(length).unsqueeze(1) * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width]


def decoder_calendar(
    context_time: Tensor, decoder_time: Tensor, *, label_length: int, prediction_length: int
) -> Tensor:
    """Return the calendar features of the last rows of the context and of the horizon.

    Parameters
    ----------
    context_time : Tensor of shape (n_windows, context_length, n_time_features)
        Calendar of the context.
    decoder_time : Tensor of shape (n_windows, n_rows, n_time_features)
        Calendar of the last ``n_rows - prediction_length`` rows of the context and of the horizon.
    label_length : int
        Number of context rows to return; rows missing in ``decoder_time`` are taken from ``context_time``.
    prediction_length : int
        Rows of the horizon.

    Returns
    -------
    calendar : Tensor of shape (n_windows, label_length + prediction_length, n_time_features)
        Calendar features of the rows that a decoder reads.

    Examples
    --------
    >>> import torch
    >>> rows = torch.arange(6.0).reshape(1, 6, 1)
    >>> decoder_calendar(rows[:, :4], rows[:, 4:], label_length=1, prediction_length=2).ravel()
    tensor([3., 4., 5.])
    """
    given = decoder_time[:, -(label_length + prediction_length) :]
    missing = label_length + prediction_length - given.shape[1]
    if missing == 0:
        return given
    first = context_time.shape[1] - label_length
    return torch.cat([context_time[:, first : first + missing], given], dim=1)


class StepEmbedding(nn.Module):
    """One token per step: a circular convolution over three neighboring rows, plus calendar and position.

    Parameters
    ----------
    n_channels : int
        Number of values of a row.
    hidden_size : int
        Width of a token.
    spec : NetworkSpec
        The problem; it says which calendar is read, if any.
    dropout : float
        Fraction of units dropped in training.
    n_positions : int, default=0
        Number of positions to embed; 0 adds no position.
    """

    position: Tensor | None

    def __init__(
        self, n_channels: int, hidden_size: int, spec: NetworkSpec, dropout: float, *, n_positions: int = 0
    ) -> None:
        super().__init__()
        self.values = nn.Conv1d(n_channels, hidden_size, 3, padding=1, padding_mode="circular", bias=False)
        nn.init.kaiming_normal_(self.values.weight, nonlinearity="leaky_relu")
        self.time = _calendar_embedding(spec, hidden_size)
        self.register_buffer("position", sinusoids(n_positions, hidden_size) if n_positions else None, persistent=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor, time: Tensor | None) -> Tensor:
        """Embed rows.

        Parameters
        ----------
        values : Tensor of shape (n_windows, n_rows, n_channels)
            Rows.
        time : Tensor of shape (n_windows, n_rows, n_time_features) or None
            Calendar features of the rows; None leaves them out of the tokens.

        Returns
        -------
        tokens : Tensor of shape (n_windows, n_rows, hidden_size)
            The tokens.
        """
        tokens = self.values(values.transpose(1, 2)).transpose(1, 2)
        if self.time is not None and time is not None:
            tokens = tokens + self.time(time)
        if self.position is not None:
            tokens = tokens + self.position[: tokens.shape[1]]
        return self.dropout(tokens)


class _CalendarTables(nn.Module):
    """One embedding table per calendar field; the embeddings of all fields are added."""

    def __init__(self, n_time_features: int, hidden_size: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, hidden_size) for size in _TABLE_SIZES[:n_time_features])

    def forward(self, time: Tensor) -> Tensor:
        fields = time.long().unbind(dim=-1)
        return torch.stack([table(field) for table, field in zip(self.tables, fields, strict=False)]).sum(dim=0)


def _calendar_embedding(spec: NetworkSpec, hidden_size: int) -> nn.Module | None:
    if not spec.n_time_features:
        return None
    if spec.calendar == "numbers":
        return _CalendarTables(spec.n_time_features, hidden_size)
    return nn.Linear(spec.n_time_features, hidden_size, bias=False)
