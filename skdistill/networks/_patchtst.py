"""PatchTST: attention between the patches of each channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._embedding import sinusoids
from skdistill.networks._layers import WindowStandardization
from skdistill.networks._transformer import ACTIVATIONS, EncoderLayer

__all__ = ["PatchTST"]


class PatchTST(BaseNetwork):
    """The patch transformer: the tokens are overlapping patches of a channel; channels share all weights.

    Each window is standardized, and its last row is repeated ``patch_stride`` times. Every ``patch_stride`` rows, a
    patch of ``patch_size`` rows is embedded by one linear layer, and its position is added. Transformer encoder layers
    mix the patches of a channel. After BatchNorm, one linear layer maps all patches to the forecast. The features are
    these patch tokens, flattened.

    Parameters
    ----------
    hidden_size : int, default=128
        Width of a token.
    n_layers : int, default=3
        Encoder layers.
    n_heads : int, default=16
        Attention heads, each ``hidden_size // n_heads`` wide.
    feedforward_size : int or None, default=None
        Width of the feed-forward layer; None takes twice ``hidden_size``.
    patch_size : int, default=16
        Number of rows of a patch; a context must have at least as many.
    patch_stride : int, default=8
        Number of rows from one patch to the next; at most ``patch_size``.
    dropout : float, default=0.2
        Fraction of units dropped in training.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the feed-forward layer.

    References
    ----------
    Nie et al. (2023), A time series is worth 64 words (arXiv 2211.14730). The defaults are its settings for wide data
    sets; on ETTh1 it uses width 16, 4 heads, feed-forward width 128 and dropout 0.3. The encoder is that of
    Time-Series-Library, with LayerNorm in the layers, and sine and cosine positions.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import PatchTST
    >>> network = PatchTST(hidden_size=8, n_heads=2, patch_size=4, patch_stride=2)
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 48]))
    """

    def __init__(
        self,
        hidden_size: int = 128,
        *,
        n_layers: int = 3,
        n_heads: int = 16,
        feedforward_size: int | None = None,
        patch_size: int = 16,
        patch_stride: int = 8,
        dropout: float = 0.2,
        activation: str = "gelu",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.feedforward_size = feedforward_size
        self.patch_size = patch_size
        self.patch_stride = patch_stride
        self.dropout = dropout
        self.activation = activation

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range, or the context is shorter than a patch."""
        check_integer(self.hidden_size, "hidden_size of PatchTST")
        check_integer(self.n_layers, "n_layers of PatchTST")
        check_integer(self.n_heads, "n_heads of PatchTST")
        if self.n_heads > self.hidden_size:
            raise ValueError(
                f"n_heads of PatchTST must be at most hidden_size = {self.hidden_size}; got {self.n_heads}."
            )
        if self.feedforward_size is not None:
            check_integer(self.feedforward_size, "feedforward_size of PatchTST")
        check_integer(self.patch_size, "patch_size of PatchTST")
        if check_integer(self.patch_stride, "patch_stride of PatchTST") > self.patch_size:
            raise ValueError(
                f"patch_stride of PatchTST must be at most patch_size = {self.patch_size}, or rows are left out; "
                f"got {self.patch_stride}."
            )
        check_real(self.dropout, "dropout of PatchTST", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.activation, ACTIVATIONS, "activation of PatchTST")
        if spec.context_length < self.patch_size:
            raise ValueError(
                f"context_length must be at least patch_size = {self.patch_size} of PatchTST; got "
                f"{spec.context_length}. Lengthen the context or take smaller patches."
            )

    def n_patches(self, context_length: int) -> int:
        """Return the number of patches of a context.

        Parameters
        ----------
        context_length : int
            Number of rows of the context.

        Returns
        -------
        n_patches : int
            At least 2; the last patch reaches past the context.
        """
        return (context_length - self.patch_size) // self.patch_stride + 2

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _PatchTSTModule(self, spec)


class _PatchTSTModule(nn.Module):
    position: Tensor

    def __init__(self, network: PatchTST, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.patch_size, self.patch_stride = network.patch_size, network.patch_stride
        width, n_patches = network.hidden_size, network.n_patches(spec.context_length)
        self.normalization = WindowStandardization()
        self.embedding = nn.Linear(network.patch_size, width, bias=False)
        self.register_buffer("position", sinusoids(n_patches, width), persistent=False)
        self.dropout = nn.Dropout(network.dropout)
        self.layers = nn.Sequential(
            *(
                EncoderLayer(
                    width,
                    n_heads=network.n_heads,
                    feedforward_size=2 * width if network.feedforward_size is None else network.feedforward_size,
                    dropout=network.dropout,
                    activation=network.activation,
                )
                for _ in range(network.n_layers)
            )
        )
        self.norm = nn.BatchNorm1d(width)
        self.projection = nn.Linear(n_patches * width, spec.prediction_length)

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values = context.transpose(1, 2)  # (n_windows, n_channels, context_length)
        if self.targets is not None:
            values = values[:, self.targets]
        values, state = self.normalization(values)
        features = self.encode(values.flatten(0, 1)).reshape(*values.shape[:2], -1)
        forecast = self.normalization.undo(self.projection(features), state)
        return NetworkOutput(forecast.transpose(1, 2), features)

    def encode(self, channels: Tensor) -> Tensor:
        """Embed the patches of each channel, (n_windows * n_channels, context_length), as tokens."""
        longer = pad(channels.unsqueeze(1), (0, self.patch_stride), mode="replicate").squeeze(1)
        patches = longer.unfold(-1, self.patch_size, self.patch_stride)
        tokens = self.layers(self.dropout(self.embedding(patches) + self.position))
        return self.norm(tokens.flatten(0, 1)).unflatten(0, torch.Size(tokens.shape[:2]))
