"""FEDformer: mixes steps at a few random frequencies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill.networks._base import NetworkSpec
from skdistill.networks._decomposition_transformer import (
    DecompositionNetwork,
    DecompositionTransformer,
    Mixer,
    Projections,
)

__all__ = ["FEDformer"]


class FEDformer(DecompositionNetwork):
    """Decomposition transformer, Fourier version: linear maps and attention on a few Fourier modes.

    Encoder and decoder subtract the trend, a moving average, after every step. The decoder starts from the last
    ``label_length`` rows of the context and adds up the trends. A Fourier block multiplies ``n_modes`` modes of its
    input by complex weights and writes the results to the lowest frequencies. The decoder attends to the encoder's
    output from mode to mode, with the tanh of real and imaginary part. The modes are buffers of the module: they are
    drawn from torch's generator when the module is built, and stored in its ``state_dict``. All layers of an encoder or
    decoder share one block.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of a step.
    n_layers : int, default=2
        Encoder layers.
    n_decoder_layers : int, default=1
        Decoder layers.
    n_heads : int, default=8
        Number of groups of hidden units that have their own weights, each hidden_size // n_heads wide.
    feedforward_size : int or None, default=None
        Width of the feed-forward layers; None takes four times ``hidden_size``.
    n_modes : int, default=32
        Number of modes of each block; at most half its length. As published, the decoder's modes are drawn for a length
        of half the context plus the horizon, regardless of ``label_length``.
    mode_selection : {"random", "lowest"}, default="random"
        Whether the modes are random or those of lowest frequency.
    kernel_size : int, default=25
        Window length of the moving averages, in steps.
    dropout : float, default=0.1
        Fraction of units dropped in training.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the feed-forward layers.
    label_length : int, default=48
        Number of rows at the end of the context that the decoder starts from; at most ``context_length``.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are embedded with the values: if the index has them, always, or never.
    features : {"whole", "published"}, default="whole"
        What feature-level losses see of a channel: the encoder's output through the output projection, over the
        context; or, as TimeDistill takes it, hidden unit c of that output for channel c.

    References
    ----------
    Zhou et al. (2022), FEDformer: frequency enhanced decomposed transformer for long-term series forecasting
    (arXiv 2201.12740).

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import FEDformer
    >>> network = FEDformer(hidden_size=8, n_heads=2, n_modes=4, label_length=6)
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 12]))
    >>> module.encoder_mixer.modes.shape
    torch.Size([4])
    """

    reads_past = True

    def __init__(
        self,
        hidden_size: int = 512,
        *,
        n_layers: int = 2,
        n_decoder_layers: int = 1,
        n_heads: int = 8,
        feedforward_size: int | None = None,
        n_modes: int = 32,
        mode_selection: str = "random",
        kernel_size: int = 25,
        dropout: float = 0.1,
        activation: str = "gelu",
        label_length: int = 48,
        time_features: bool | str = "auto",
        features: str = "whole",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_decoder_layers = n_decoder_layers
        self.n_heads = n_heads
        self.feedforward_size = feedforward_size
        self.n_modes = n_modes
        self.mode_selection = mode_selection
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.activation = activation
        self.label_length = label_length
        self.time_features = time_features
        self.features = features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range or does not fit the lengths and channels."""
        super().check(spec)
        check_integer(self.n_heads, "n_heads of FEDformer")
        if self.n_heads > self.hidden_size:
            raise ValueError(
                f"n_heads of FEDformer must be at most hidden_size = {self.hidden_size}; got {self.n_heads}."
            )
        check_integer(self.n_modes, "n_modes of FEDformer")
        check_choice(self.mode_selection, ("random", "lowest"), "mode_selection of FEDformer")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        inner = self.hidden_size // self.n_heads * self.n_heads
        projections = (
            Projections(inner, (True,), output_bias=False),  # the decomposition subtracts what is equal at all steps
            Projections(inner, (True,), output_bias=True),
            Projections(inner, (True, True), output_bias=True),
        )
        context, decoder = spec.context_length, spec.context_length // 2 + spec.prediction_length
        mixers = [
            _FourierBlock(self, self.draw(context)),
            _FourierBlock(self, self.draw(decoder)),
            _FourierAttention(self, self.draw(decoder), self.draw(context)),
        ]
        return DecompositionTransformer(self, spec, mixers, projections, positions=True)

    def draw(self, length: int) -> Tensor:
        """Select the modes for a series of the given length.

        Parameters
        ----------
        length : int
            Number of steps of the series.

        Returns
        -------
        modes : Tensor of int64 of shape (min(n_modes, length // 2),)
            Frequencies in ascending order, in cycles per series; at least one.

        Examples
        --------
        >>> from skdistill.networks import FEDformer
        >>> FEDformer(n_modes=3, mode_selection="lowest").draw(10)
        tensor([0, 1, 2])
        """
        n_frequencies = max(1, length // 2)
        n_modes = min(self.n_modes, n_frequencies)
        if self.mode_selection == "lowest":
            return torch.arange(n_modes)
        return torch.randperm(n_frequencies)[:n_modes].sort().values


class _FourierMixer(Mixer):
    """Base class of both blocks: complex weights of each head and mode, stored as real and imaginary parts."""

    modes: Tensor

    def __init__(self, network: FEDformer, modes: Tensor) -> None:
        super().__init__()
        self.n_heads = network.n_heads
        width = network.hidden_size
        head = width // network.n_heads
        self.register_buffer("modes", modes)
        self.weight = nn.Parameter(torch.rand(network.n_heads, head, head, len(modes), 2) / width**2)

    def spectrum(self, rows: Tensor, modes: Tensor) -> Tensor:
        """Return the modes of (n_windows, n_timestamps, inner_size): (n_windows, n_heads, head_size, n_modes).

        Modes that the length does not have are 0.
        """
        spectrum = torch.fft.rfft(rows.unflatten(-1, (self.n_heads, -1)).permute(0, 2, 3, 1), dim=-1)
        last = spectrum.shape[-1] - 1
        return spectrum[..., modes.clamp(max=last)] * (modes <= last)

    def multiply(self, spectrum: Tensor) -> Tensor:
        """Multiply the hidden units of every head and mode by the weights."""
        return torch.einsum("bhim,hiom->bhom", spectrum, torch.view_as_complex(self.weight))

    def series(self, spectrum: Tensor, places: Tensor, length: int) -> Tensor:
        """Place the modes among the frequencies of a given length, and transform back.

        As published, (n_heads, head_size, length) is then reshaped to (length, inner_size) without a transposition.
        """
        n_windows, n_heads, head_size, _ = spectrum.shape
        last = length // 2
        full = spectrum.new_zeros(n_windows, n_heads, head_size, last + 1)
        full = full.index_add(-1, places.clamp(max=last), spectrum * (places <= last))
        return torch.fft.irfft(full, n=length, dim=-1).reshape(n_windows, length, n_heads * head_size)


class _FourierBlock(_FourierMixer):
    """Multiply the modes by weights; as published, the results are written to the lowest frequencies."""

    def forward(self, query: Tensor) -> Tensor:
        places = torch.arange(len(self.modes), device=query.device)
        return self.series(self.multiply(self.spectrum(query, self.modes)), places, query.shape[1])


class _FourierAttention(_FourierMixer):
    """Attend from the modes of the queries to those of the keys, which are also the values."""

    key_modes: Tensor

    def __init__(self, network: FEDformer, modes: Tensor, key_modes: Tensor) -> None:
        super().__init__(network, modes)
        self.scale = 1 / network.hidden_size**2
        self.register_buffer("key_modes", key_modes)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        queries, keys = self.spectrum(query, self.modes), self.spectrum(key, self.key_modes)
        scores = torch.einsum("bhem,bhen->bhmn", queries, keys)
        attention = torch.complex(scores.real.tanh(), scores.imag.tanh())
        mixed = torch.einsum("bhmn,bhen->bhem", attention, keys)
        return self.series(self.multiply(mixed) * self.scale, self.modes, query.shape[1])
