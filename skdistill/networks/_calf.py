"""CALF: a language model that forecasts, and its temporal branch alone, GPT4TS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from sklearn.base import clone
from torch import Tensor, nn

from skdistill._utils._checks import check_integer, check_real
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._layers import WindowStandardization
from skdistill.networks.calf._adapters import find_targets
from skdistill.networks.calf._branches import BranchSource, LanguageBranches
from skdistill.networks.calf._language_model import find_word_embeddings, make_skeleton, read_config, try_out
from skdistill.networks.calf._location import locate
from skdistill.networks.calf._positions import position_limit
from skdistill.networks.calf._principal_words import principal_words

__all__ = ["CALF", "GPT4TS", "Branches"]

_MOST_HEADS = 12
_MOST_WORDS = 500
_TOKENS_TO_TRY = 8


class Branches(NamedTuple):
    """What CALF hands to its loss terms in training, beside the forecast of the temporal branch.

    Attributes
    ----------
    text_forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        The forecast of the textual branch.
    time, text : tuple of Tensor of shape (n_windows, n_channels, hidden_size)
        What goes into the first block of each branch, and what comes out of every block.
    """

    text_forecast: Tensor
    time: tuple[Tensor, ...]
    text: tuple[Tensor, ...]


class LanguageNetwork(BaseNetwork):
    """Base of networks on a language model: what CALF and GPT4TS have in common."""

    model: str | Path
    n_layers: int
    n_heads: int | None
    feedforward_size: int
    dropout: float
    lora_rank: int
    lora_alpha: float
    lora_dropout: float
    lora_targets: Sequence[str] | None
    revision: str | None

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range, or does not fit the language model."""
        owner = type(self).__name__
        check_integer(self.n_layers, f"n_layers of {owner}")
        check_integer(self.feedforward_size, f"feedforward_size of {owner}")
        check_integer(self.lora_rank, f"lora_rank of {owner}")
        check_real(self.lora_alpha, f"lora_alpha of {owner}", minimum=0.0, include_minimum=False)
        for name in ("dropout", "lora_dropout"):
            check_real(getattr(self, name), f"{name} of {owner}", minimum=0.0, maximum=1.0, include_maximum=False)
        model = locate(self.model, owner)
        config = read_config(model, owner, self.revision)
        if self.n_layers > config.num_hidden_layers:
            raise ValueError(
                f"n_layers of {owner} must be at most {config.num_hidden_layers}, the blocks of {str(self.model)!r}; "
                f"got {self.n_layers}."
            )
        self.check_model(make_skeleton(model, self.n_layers, owner, self.revision), spec)

    def check_model(self, skeleton: nn.Module, spec: NetworkSpec) -> None:
        """Raise if language model, hyperparameters and problem do not go together.

        Parameters
        ----------
        skeleton : transformers.PreTrainedModel
            The blocks that are used, without weights.
        spec : NetworkSpec
            The problem the network is about to be built for.
        """
        owner, config = type(self).__name__, cast(Any, skeleton.config)
        table = find_word_embeddings(skeleton, owner)
        if table.embedding_dim != config.hidden_size:
            raise ValueError(
                f"model of {owner} must have word embeddings as wide as its blocks, whose input is added to their "
                f"output; those of {str(self.model)!r} are {table.embedding_dim} wide, its blocks "
                f"{config.hidden_size}. Take another model, such as GPT-2, BERT or RoBERTa."
            )
        limit = position_limit(skeleton)
        if limit is not None and spec.n_channels > limit:
            raise ValueError(
                f"{owner} makes one token of each channel: the series has {spec.n_channels} channels, and the language "
                f"model {str(self.model)!r} has positions for {limit}. Take fewer channels or another model."
            )
        find_targets(skeleton, self.lora_targets, owner)
        self.find_heads(config.hidden_size)

    def find_heads(self, width: int) -> int:
        """Choose the number of attention heads outside the language model.

        Parameters
        ----------
        width : int
            Width of the language model.

        Returns
        -------
        n_heads : int
            ``n_heads``, or the largest number up to 12 that divides the width.
        """
        owner = type(self).__name__
        if self.n_heads is None:
            return next(n for n in range(_MOST_HEADS, 0, -1) if width % n == 0)
        if width % check_integer(self.n_heads, f"n_heads of {owner}"):
            raise ValueError(
                f"n_heads of {owner} must divide {width}, the width of {str(self.model)!r}; got {self.n_heads}. "
                "None chooses one that does."
            )
        return self.n_heads

    def for_cache_key(self) -> BaseNetwork:
        """Return a copy for keys: a folder counts by its contents."""
        model = locate(self.model, type(self).__name__)
        return clone(self).set_params(model=Path(model)) if Path(model).is_dir() else self

    def make_branches(self, spec: NetworkSpec, *, textual: bool) -> LanguageBranches:
        """Load the branches, and try the language model out.

        Parameters
        ----------
        spec : NetworkSpec
            The problem, whose channels are the tokens.
        textual : bool
            Whether there is a textual one.

        Returns
        -------
        branches : LanguageBranches
            With fresh adapters.
        """
        owner, targets = type(self).__name__, self.lora_targets
        branches = LanguageBranches(
            BranchSource(
                model=locate(self.model, owner),
                n_layers=self.n_layers,
                lora_rank=self.lora_rank,
                lora_alpha=self.lora_alpha,
                lora_dropout=self.lora_dropout,
                lora_targets=None if targets is None else (targets,) if isinstance(targets, str) else tuple(targets),
                textual=textual,
                owner=owner,
                revision=self.revision,
            )
        )
        config: Any = branches.temporal.config
        sizes = {"width": config.hidden_size, "n_layers": self.n_layers}
        try:
            with torch.device("cpu"):
                try_out(branches, n_tokens=min(spec.n_channels, _TOKENS_TO_TRY), **sizes)
        except ValueError as error:
            raise ValueError(
                f"model of {owner} must be an encoder or decoder of text; {str(self.model)!r}, a "
                f"{type(branches.temporal).__name__}, will not do: {error}. Take another model, such as GPT-2 or BERT."
            ) from error
        return branches


class CALF(LanguageNetwork):
    """A language model fine-tuned to forecast, its textual knowledge distilled into a temporal branch.

    Windows are standardized one by one; each channel is one token, Linear(context_length, width) and a
    transformer encoder layer over channels. The *temporal branch*, the first blocks of a language
    model with low-rank adapters, reads these tokens. In training a *textual branch*, the same blocks
    frozen, reads what cross-attention from the tokens to the principal components of the word
    embeddings makes of them. To each branch's output its input is added, then one shared
    Linear(width, prediction_length). The forecast is the temporal branch's; the textual one serves
    :class:`~skdistill.losses.CrossModal`, and runs neither to predict nor for a loss that does not read
    it. Features are the temporal branch's output tokens.

    Parameters
    ----------
    model : str, default="gpt2"
        The language model: a folder that transformers' ``save_pretrained`` wrote, or a hub id. Any encoder
        or decoder of text whose word embeddings are as wide as its blocks.
    n_layers : int, default=6
        Its first blocks that are used.
    n_principal_words : int or None, default=None
        Principal components of the word embeddings, at most the model's width and vocabulary; None takes 500, or as
        many as there can be.
    n_heads : int or None, default=None
        Heads of encoder layer and cross-attention; must divide the model's width. None takes the largest
        divisor up to 12.
    feedforward_size : int, default=2048
        Width of the encoder layer's feed-forward part.
    dropout : float, default=0.1
        Share of units that the encoder layer drops in training.
    lora_rank : int, default=8
        Rank of the adapters.
    lora_alpha : float, default=32.0
        Adapters are scaled by ``lora_alpha / lora_rank``.
    lora_dropout : float, default=0.1
        Share of an adapter's inputs dropped in training.
    lora_targets : list of str or None, default=None
        Names of the modules that get adapters; None takes those that peft lists for the architecture, and
        else the projections of query and value by their common names.
    revision : str or None, default=None
        Branch, tag or commit of a model on the hub.

    See Also
    --------
    GPT4TS : The temporal branch alone.
    skdistill.losses.CrossModal : Its objective.

    Notes
    -----
    Trained are encoder, cross-attention, head, the temporal branch's adapters, norms and position
    embeddings, and the textual branch's position embeddings. The branches share all frozen weights; a
    state_dict or pickle holds none of them, but reads them again from ``model`` and checks that they are
    the same. Word embeddings are dropped once their components are known.

    The defaults are published; where the model is narrower than GPT-2 (768), components and heads follow
    its width.

    References
    ----------
    Liu et al. (2025), CALF: aligning LLMs for time series forecasting via cross-modal fine-tuning (arXiv
    2403.07300).

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.losses import CrossModal
    >>> from skdistill.networks import CALF
    >>> forecaster = DistilledForecaster(
    ...     teacher=None, student=CALF("gpt2", n_layers=6), loss=CrossModal(), context_length=96, prediction_length=96,
    ...     lr=5e-4, batch_size=256, patience=10, lr_schedule="cosine", max_epochs=20,
    ... )
    >>> forecaster.fit(series)  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Path = "gpt2",
        *,
        n_layers: int = 6,
        n_principal_words: int | None = None,
        n_heads: int | None = None,
        feedforward_size: int = 2048,
        dropout: float = 0.1,
        lora_rank: int = 8,
        lora_alpha: float = 32.0,
        lora_dropout: float = 0.1,
        lora_targets: Sequence[str] | None = None,
        revision: str | None = None,
    ) -> None:
        self.model = model
        self.n_layers = n_layers
        self.n_principal_words = n_principal_words
        self.n_heads = n_heads
        self.feedforward_size = feedforward_size
        self.dropout = dropout
        self.lora_rank = lora_rank
        self.lora_alpha = lora_alpha
        self.lora_dropout = lora_dropout
        self.lora_targets = lora_targets
        self.revision = revision

    def check_model(self, skeleton: nn.Module, spec: NetworkSpec) -> None:
        """Raise if language model, hyperparameters and problem do not go together."""
        super().check_model(skeleton, spec)
        self.find_words(*find_word_embeddings(skeleton, "CALF").weight.shape)

    def find_words(self, vocabulary_size: int, width: int) -> int:
        """Choose the number of principal words.

        Parameters
        ----------
        vocabulary_size : int
            Words that the language model knows.
        width : int
            Width of their embeddings.

        Returns
        -------
        n_principal_words : int
            At most the width, and at most the vocabulary.
        """
        most = min(vocabulary_size, width)
        if self.n_principal_words is None:
            return min(_MOST_WORDS, most)
        if check_integer(self.n_principal_words, "n_principal_words of CALF") > most:
            what = "width" if width <= vocabulary_size else "vocabulary"
            raise ValueError(
                f"n_principal_words of CALF must be at most {most}, the {what} of {str(self.model)!r}; "
                f"got {self.n_principal_words}. None takes as many as fit, up to 500."
            )
        return self.n_principal_words

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module.

        Returns
        -------
        module : torch.nn.Module
            The network, with the language model's weights.
        """
        self.check(spec)
        branches = self.make_branches(spec, textual=True)
        table = branches.pop_word_embeddings()
        return _LanguageModule(self, spec, branches, principal_words(table, self.find_words(*table.shape)))

    def prepare(self, module: nn.Module, *, reads_branches: bool) -> None:
        """Leave the textual branch out of training where no loss term reads it, which halves the time."""
        cast(_LanguageModule, module).runs_text = reads_branches


class GPT4TS(LanguageNetwork):
    """A language model fine-tuned to forecast: the temporal branch of CALF alone.

    The baseline that shows what the textual branch is worth: the same tokens, blocks, adapters and
    head, trained on the truth alone. Features are the output tokens.

    Parameters
    ----------
    model : str, default="gpt2"
        The language model: a folder that transformers' ``save_pretrained`` wrote, or a hub id. Any encoder
        or decoder of text whose word embeddings are as wide as its blocks.
    n_layers : int, default=6
        Its first blocks that are used.
    n_heads : int or None, default=None
        Heads of the encoder layer; must divide the model's width. None takes the largest divisor up to 12.
    feedforward_size : int, default=2048
        Width of the encoder layer's feed-forward part.
    dropout : float, default=0.1
        Share of units that the encoder layer drops in training.
    lora_rank : int, default=8
        Rank of the adapters.
    lora_alpha : float, default=32.0
        Adapters are scaled by ``lora_alpha / lora_rank``.
    lora_dropout : float, default=0.1
        Share of an adapter's inputs dropped in training.
    lora_targets : list of str or None, default=None
        Names of the modules that get adapters; None takes those that peft lists for the architecture, and
        else the projections of query and value by their common names.
    revision : str or None, default=None
        Branch, tag or commit of a model on the hub.

    See Also
    --------
    CALF : With the textual branch.

    Notes
    -----
    Zhou et al. cut a channel into patches; here, as in CALF, a channel is one token.

    References
    ----------
    Zhou et al. (2023), One fits all: power general time series analysis by pretrained LM (arXiv 2302.11939);
    CALF (arXiv 2403.07300).

    Examples
    --------
    >>> from skdistill.networks import GPT4TS
    >>> GPT4TS("gpt2", n_layers=3)
    GPT4TS(n_layers=3)
    """

    def __init__(
        self,
        model: str | Path = "gpt2",
        *,
        n_layers: int = 6,
        n_heads: int | None = None,
        feedforward_size: int = 2048,
        dropout: float = 0.1,
        lora_rank: int = 8,
        lora_alpha: float = 32.0,
        lora_dropout: float = 0.1,
        lora_targets: Sequence[str] | None = None,
        revision: str | None = None,
    ) -> None:
        self.model = model
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.feedforward_size = feedforward_size
        self.dropout = dropout
        self.lora_rank = lora_rank
        self.lora_alpha = lora_alpha
        self.lora_dropout = lora_dropout
        self.lora_targets = lora_targets
        self.revision = revision

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module.

        Returns
        -------
        module : torch.nn.Module
            The network, with the language model's weights.
        """
        self.check(spec)
        branches = self.make_branches(spec, textual=False)
        branches.pop_word_embeddings()
        return _LanguageModule(self, spec, branches, None)


class _LanguageModule(nn.Module):
    """Tokens, branches and head; in training, with words, the textual branch runs as well if it is read."""

    words: Tensor | None

    def __init__(
        self, network: LanguageNetwork, spec: NetworkSpec, branches: LanguageBranches, words: Tensor | None
    ) -> None:
        super().__init__()
        config: Any = branches.temporal.config
        width, n_heads = config.hidden_size, network.find_heads(config.hidden_size)
        self.targets = None if spec.all_targets else list(spec.targets)
        self.normalization = WindowStandardization()
        self.embedding = nn.Linear(spec.context_length, width)
        self.encoder = nn.TransformerEncoderLayer(
            width, n_heads, network.feedforward_size, network.dropout, batch_first=True
        )
        self.branches = branches
        self.head = nn.Linear(width, spec.prediction_length)
        self.cross_attention = None if words is None else nn.MultiheadAttention(width, n_heads, batch_first=True)
        self.register_buffer("words", words)
        self.runs_text = True
        self.branch_sizes = None if words is None else (width,) * (network.n_layers + 1)

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values, state = self.normalization(context.transpose(1, 2))  # (n_windows, n_channels, context_length)
        time_tokens = self.encoder(self.embedding(values))
        time = self.branches(time_tokens)
        features = self.of_targets(time[-1] + time_tokens)
        forecast = self.forecast(features, state)
        if self.words is None or not (self.training and self.runs_text):
            return NetworkOutput(forecast, features)
        text_tokens = self.to_words(time_tokens)
        text = self.branches(text_tokens, textual=True)
        text_forecast = self.forecast(self.of_targets(text[-1] + text_tokens), state)
        return NetworkOutput(forecast, features, Branches(text_forecast, time, text))

    def to_words(self, tokens: Tensor) -> Tensor:
        """Attend from tokens to words; as no token sees another, all windows are one long query."""
        words = self.words[None]  # type: ignore[index]
        aligned, _ = self.cross_attention(tokens.reshape(1, -1, tokens.shape[-1]), words, words, need_weights=False)  # type: ignore[misc]
        return aligned.reshape(tokens.shape)

    def of_targets(self, tokens: Tensor) -> Tensor:
        return tokens if self.targets is None else tokens[:, self.targets]

    def forecast(self, tokens: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
        mean, scale = (one if self.targets is None else one[:, self.targets] for one in state)
        return self.normalization.undo(self.head(tokens), (mean, scale)).transpose(1, 2)
