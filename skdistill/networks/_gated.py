"""Gated layers of the temporal fusion transformer: residual networks, variable selection, interpretable attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, softmax

__all__ = ["GatedResidual", "GatedSkip", "InterpretableAttention", "VariableSelection"]


class GatedSkip(nn.Module):
    """Add the gated output of a layer to its input, and normalize: LayerNorm(skip + GLU(values)).

    Parameters
    ----------
    n_inputs : int
        Width of the layer's output.
    n_outputs : int
        Width of its input and of the result.
    dropout : float
        Fraction of units dropped in training, before the gate.
    """

    def __init__(self, n_inputs: int, n_outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.gate = nn.Linear(n_inputs, 2 * n_outputs)
        self.norm = nn.LayerNorm(n_outputs)

    def forward(self, values: Tensor, skip: Tensor) -> Tensor:
        """Gate, add and normalize.

        Parameters
        ----------
        values : Tensor of shape (..., n_inputs)
            Output of the layer.
        skip : Tensor of shape (..., n_outputs)
            What it is added to.

        Returns
        -------
        values : Tensor of shape (..., n_outputs)
            The sum, normalized.
        """
        gated, gate = self.gate(self.dropout(values)).chunk(2, dim=-1)
        return self.norm(skip + gated * torch.sigmoid(gate))


class GatedResidual(nn.Module):
    """Gated residual network: LayerNorm(a + GLU(W1 ELU(W2 a + W3 c))).

    Parameters
    ----------
    n_inputs : int
        Width of the input a.
    hidden_size : int
        Width of the hidden layers.
    dropout : float
        Fraction of units dropped in training.
    n_outputs : int or None, default=None
        Width of the output; None takes ``hidden_size``. If it differs from ``n_inputs``, the input is projected.
    n_context : int, default=0
        Width of the context c; 0 has none.
    """

    def __init__(
        self, n_inputs: int, hidden_size: int, dropout: float, *, n_outputs: int | None = None, n_context: int = 0
    ) -> None:
        super().__init__()
        n_outputs = hidden_size if n_outputs is None else n_outputs
        self.read = nn.Linear(n_inputs, hidden_size)
        self.read_context = nn.Linear(n_context, hidden_size, bias=False) if n_context else None
        self.hidden = nn.Linear(hidden_size, hidden_size)
        self.skip = nn.Identity() if n_inputs == n_outputs else nn.Linear(n_inputs, n_outputs)
        self.gate = GatedSkip(hidden_size, n_outputs, dropout)

    def forward(self, values: Tensor, context: Tensor | None = None) -> Tensor:
        """Transform vectors.

        Parameters
        ----------
        values : Tensor of shape (..., n_inputs)
            The input.
        context : Tensor, broadcast to (..., n_context), or None
            The context.

        Returns
        -------
        values : Tensor of shape (..., n_outputs)
            The output.
        """
        inner = self.read(values)
        if self.read_context is not None and context is not None:
            inner = inner + self.read_context(context)
        return self.gate(self.hidden(elu(inner)), self.skip(values))


class VariableSelection(nn.Module):
    """Embed numbers of several variables, and add their embeddings with weights that depend on all of them.

    Parameters
    ----------
    n_variables : int
        Number of variables.
    hidden_size : int
        Width of an embedding.
    dropout : float
        Fraction of units dropped in training.
    n_context : int, default=0
        Width of a context on which the weights depend, too.
    """

    def __init__(self, n_variables: int, hidden_size: int, dropout: float, *, n_context: int = 0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(n_variables, hidden_size).uniform_(-1.0, 1.0))
        self.shift = nn.Parameter(torch.empty(n_variables, hidden_size).uniform_(-1.0, 1.0))
        self.transform = nn.ModuleList(GatedResidual(hidden_size, hidden_size, dropout) for _ in range(n_variables))
        self.weigh = (
            GatedResidual(n_variables * hidden_size, hidden_size, dropout, n_outputs=n_variables, n_context=n_context)
            if n_variables > 1
            else None
        )

    def forward(self, values: Tensor, context: Tensor | None = None) -> Tensor:
        """Combine the variables.

        Parameters
        ----------
        values : Tensor of shape (..., n_variables)
            Numbers.
        context : Tensor, broadcast to (..., n_context), or None
            The context.

        Returns
        -------
        vector : Tensor of shape (..., hidden_size)
            The weighted sum.
        """
        embedded = values.unsqueeze(-1) * self.scale + self.shift
        parts = [transform(embedded[..., number, :]) for number, transform in enumerate(self.transform)]
        if self.weigh is None:
            return parts[0]
        weights = softmax(self.weigh(embedded.flatten(-2), context), dim=-1)
        return (torch.stack(parts, dim=-2) * weights.unsqueeze(-1)).sum(dim=-2)


class InterpretableAttention(nn.Module):
    """Attention whose heads share the values, so that their mean weights tell what was read.

    Parameters
    ----------
    hidden_size : int
        Width of a vector.
    n_heads : int
        Heads, each ``hidden_size // n_heads`` wide.
    dropout : float
        Fraction of weights dropped in training.
    """

    def __init__(self, hidden_size: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads, self.size = n_heads, hidden_size // n_heads
        self.query, self.key = (nn.Linear(hidden_size, n_heads * self.size) for _ in range(2))
        self.value = nn.Linear(hidden_size, self.size)
        self.output = nn.Linear(self.size, hidden_size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor, n_last: int) -> Tensor:
        """Let the last rows attend to themselves and all rows before.

        Parameters
        ----------
        rows : Tensor of shape (n_windows, n_rows, hidden_size)
            All rows.
        n_last : int
            How many rows at the end attend.

        Returns
        -------
        mixed : Tensor of shape (n_windows, n_last, hidden_size)
            What they read; each row reads no later one.
        """
        query = self.query(rows[:, -n_last:]).unflatten(-1, (self.n_heads, self.size))
        key = self.key(rows).unflatten(-1, (self.n_heads, self.size))
        scores = torch.einsum("nqhs,nkhs->nhqk", query, key) / math.sqrt(self.size)
        n_rows = rows.shape[1]
        later = torch.ones(n_last, n_rows, dtype=torch.bool, device=rows.device).triu(n_rows - n_last + 1)
        weights = self.dropout(softmax(scores.masked_fill(later, -torch.inf), dim=-1)).mean(dim=1)
        return self.output(weights @ self.value(rows))
