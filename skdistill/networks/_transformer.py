"""Transformer encoder layer, shared by the networks that use channels or patches as tokens."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import gelu, relu, scaled_dot_product_attention

__all__ = ["ACTIVATIONS", "EncoderLayer"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "relu": relu}


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward layer, each added to its input and then normalized.

    Parameters
    ----------
    hidden_size : int
        Width of a token.
    n_heads : int
        Attention heads, each ``hidden_size // n_heads`` wide.
    feedforward_size : int
        Width of the feed-forward layer.
    dropout : float
        Fraction of units and attention weights dropped in training.
    activation : {"gelu", "relu"}
        Activation of the feed-forward layer.
    """

    def __init__(
        self, hidden_size: int, *, n_heads: int, feedforward_size: int, dropout: float, activation: str
    ) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.dropout_share = dropout
        inner = hidden_size // n_heads * n_heads
        self.query_key_value = nn.Linear(hidden_size, 3 * inner)
        self.attention_output = nn.Linear(inner, hidden_size)
        self.expand = nn.Linear(hidden_size, feedforward_size)
        self.contract = nn.Linear(feedforward_size, hidden_size)
        self.attention_norm = nn.LayerNorm(hidden_size)
        self.feedforward_norm = nn.LayerNorm(hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.activation = ACTIVATIONS[activation]

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix the tokens of a window.

        Parameters
        ----------
        tokens : Tensor of shape (n_windows, n_tokens, hidden_size)
            Tokens.

        Returns
        -------
        tokens : Tensor of the same shape
            The mixed tokens.
        """
        tokens = self.attention_norm(tokens + self.dropout(self._attend(tokens)))
        inner = self.dropout(self.activation(self.expand(tokens)))
        return self.feedforward_norm(tokens + self.dropout(self.contract(inner)))

    def _attend(self, tokens: Tensor) -> Tensor:
        heads = self.query_key_value(tokens).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each (n_windows, n_heads, n_tokens, head_size)
        share = self.dropout_share if self.training else 0.0
        mixed = scaled_dot_product_attention(query, key, value, dropout_p=share)
        return self.attention_output(mixed.transpose(1, 2).flatten(2))
