"""CALF, a language model that forecasts, and GPT4TS, its temporal branch only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

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
    """Outputs of CALF's branches in training, for its loss terms.

    Attributes
    ----------
    text_forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        The forecast of the textual branch.
    time, text : tuple of Tensor of shape (n_windows, n_channels, hidden_size)
        Input of the first block of each branch, and output of every block.
    """

    text_forecast: Tensor
    time: tuple[Tensor, ...]
    text: tuple[Tensor, ...]


class LanguageNetwork(BaseNetwork):
    """Base class of networks built on a language model: CALF and GPT4TS."""

    reads_past = True
    libraries = ("peft", "transformers")

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
        """Raise if a hyperparameter is out of its range or does not fit the language model."""
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

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the revision, where the model is a folder, which has none."""
        is_folder = Path(locate(self.model, type(self).__name__)).is_dir()
        return {"revision": f"with model={str(self.model)!r}"} if is_folder else {}

    def check_model(self, skeleton: nn.Module, spec: NetworkSpec) -> None:
        """Raise if the language model, the hyperparameters and the problem do not fit together.

        Parameters
        ----------
        skeleton : transformers.PreTrainedModel
            The blocks in use, without weights.
        spec : NetworkSpec
            The problem that the network will be built for.
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
        """Return the number of attention heads outside the language model.

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
                "None chooses a number that does."
            )
        return self.n_heads

    def for_cache_key(self) -> BaseNetwork:
        """Return a copy for the key of cached labels, in which a folder counts by its contents."""
        model = locate(self.model, type(self).__name__)
        return clone(self).set_params(model=Path(model)) if Path(model).is_dir() else self

    def make_branches(self, spec: NetworkSpec, *, textual: bool) -> LanguageBranches:
        """Load the branches and test the language model.

        Parameters
        ----------
        spec : NetworkSpec
            The problem; its channels are the tokens.
        textual : bool
            Whether to build the textual branch.

        Returns
        -------
        branches : LanguageBranches
            The branches, with new adapters.
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
                f"{type(branches.temporal).__name__}, cannot be used: {error}. Take another model, such as GPT-2 or "
                f"BERT."
            ) from error
        return branches


class CALF(LanguageNetwork):
    """Language model fine-tuned to forecast; its textual knowledge is distilled into a temporal branch.

    Each window is standardized. Each channel becomes one token, by Linear(context_length, width) and a transformer
    encoder layer over channels. The *temporal branch*, the first blocks of a language model with low-rank adapters,
    reads these tokens. In training, a *textual branch* also runs: the same blocks, frozen. Its input comes from
    cross-attention between the tokens and the principal components of the word embeddings. In each branch the input is
    added to the output, and one shared Linear(width, prediction_length) follows. The forecast is that of the temporal
    branch. The textual branch is used by :class:`~skdistill.losses.CrossModal`; it does not run in prediction, nor with
    a loss that does not read it. Features are the output tokens of the temporal branch.

    Parameters
    ----------
    model : str, default="gpt2"
        The language model: a folder that transformers' ``save_pretrained`` wrote, or a hub id. Any encoder
        or decoder of text whose word embeddings are as wide as its blocks.
    n_layers : int, default=6
        Number of blocks to use, counted from the first.
    n_principal_words : int or None, default=None
        Number of principal components of the word embeddings, at most the width and the vocabulary size of the model;
        None takes 500, or the maximum if that is lower.
    n_heads : int or None, default=None
        Number of heads of the encoder layer and the cross-attention; must divide the model's width. None takes the
        largest divisor up to 12.
    feedforward_size : int, default=2048
        Width of the encoder layer's feed-forward part.
    dropout : float, default=0.1
        Fraction of units that the encoder layer drops in training.
    lora_rank : int, default=8
        Rank of the adapters.
    lora_alpha : float, default=32.0
        The adapters are scaled by ``lora_alpha / lora_rank``.
    lora_dropout : float, default=0.1
        Fraction of an adapter's inputs dropped in training.
    lora_targets : list of str or None, default=None
        Names of the modules that get adapters. None takes the modules that peft lists for the architecture; if there
        are none, the projections of query and value, found by common names.
    revision : str or None, default=None
        Branch, tag or commit of a model on the hub.

    See Also
    --------
    GPT4TS : The temporal branch only.
    skdistill.losses.CrossModal : The objective of CALF.

    Notes
    -----
    The trained parts are the encoder, the cross-attention, the head, the adapters, norms and position embeddings of the
    temporal branch, and the position embeddings of the textual branch. The branches share all frozen weights. A
    state_dict or pickle does not store the frozen weights: loading reads them again from ``model`` and checks that they
    are unchanged. The word embeddings are dropped after their components are computed.

    The defaults are the published settings. If the model is narrower than GPT-2 (768), the numbers of components and
    heads are reduced to fit its width.

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

    settings_of_branches: ClassVar[tuple[str, ...]] = ("n_principal_words",)

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
        """Raise if the language model, the hyperparameters and the problem do not fit together."""
        super().check_model(skeleton, spec)
        self.find_words(*find_word_embeddings(skeleton, "CALF").weight.shape)

    def find_words(self, vocabulary_size: int, width: int) -> int:
        """Return the number of principal words.

        Parameters
        ----------
        vocabulary_size : int
            Number of words in the vocabulary of the language model.
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
                f"got {self.n_principal_words}. None takes the largest number that fits, up to 500."
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
        """Drop the textual branch if no loss term reads it, which halves the training time."""
        cast(_LanguageModule, module).runs_text = reads_branches


class GPT4TS(LanguageNetwork):
    """Language model fine-tuned to forecast: the temporal branch of CALF only.

    This is the baseline that shows what the textual branch adds: the same tokens, blocks, adapters and head, trained on
    the truth only. Features are the output tokens.

    Parameters
    ----------
    model : str, default="gpt2"
        The language model: a folder that transformers' ``save_pretrained`` wrote, or a hub id. Any encoder
        or decoder of text whose word embeddings are as wide as its blocks.
    n_layers : int, default=6
        Number of blocks to use, counted from the first.
    n_heads : int or None, default=None
        Number of heads of the encoder layer; must divide the model's width. None takes the largest divisor up to 12.
    feedforward_size : int, default=2048
        Width of the encoder layer's feed-forward part.
    dropout : float, default=0.1
        Fraction of units that the encoder layer drops in training.
    lora_rank : int, default=8
        Rank of the adapters.
    lora_alpha : float, default=32.0
        The adapters are scaled by ``lora_alpha / lora_rank``.
    lora_dropout : float, default=0.1
        Fraction of an adapter's inputs dropped in training.
    lora_targets : list of str or None, default=None
        Names of the modules that get adapters. None takes the modules that peft lists for the architecture; if there
        are none, the projections of query and value, found by common names.
    revision : str or None, default=None
        Branch, tag or commit of a model on the hub.

    See Also
    --------
    CALF : The network with the textual branch.

    Notes
    -----
    Zhou et al. split a channel into patches; here, as in CALF, a channel is one token.

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
    """Module of CALF and GPT4TS: tokens, branches and head; in training the textual branch runs, too, if it is read."""

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
        """Attend from tokens to words. Tokens do not interact here, so all windows form one long query."""
        words = self.words[None]  # type: ignore[index]
        aligned, _ = self.cross_attention(tokens.reshape(1, -1, tokens.shape[-1]), words, words, need_weights=False)  # type: ignore[misc]
        return aligned.reshape(tokens.shape)

    def of_targets(self, tokens: Tensor) -> Tensor:
        return tokens if self.targets is None else tokens[:, self.targets]

    def forecast(self, tokens: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
        mean, scale = (one if self.targets is None else one[:, self.targets] for one in state)
        return self.normalization.undo(self.head(tokens), (mean, scale)).transpose(1, 2)
