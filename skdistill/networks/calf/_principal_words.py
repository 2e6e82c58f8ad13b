"""Principal components of the word embeddings of a language model."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

__all__ = ["principal_words"]

_KEPT = 4
_cache: OrderedDict[tuple[str, int], Tensor] = OrderedDict()


def principal_words(table: Tensor, n_words: int) -> Tensor:
    """Summarize a word-embedding table by principal components over words.

    In this PCA, the dimensions of the embedding are the samples and the words are the features. Each component is
    therefore a combination of words, with the width of an embedding. The result is cached in memory for the next model
    with the same table.

    Parameters
    ----------
    table : Tensor of shape (vocabulary_size, hidden_size)
        The embeddings.
    n_words : int
        Number of components, at most ``hidden_size``.

    Returns
    -------
    words : float32 Tensor of shape (n_words, hidden_size)
        Orthogonal vectors of mean 0, sorted by decreasing length.

    Examples
    --------
    >>> table = torch.tensor([[0.0, 2.0], [1.0, 5.0], [2.0, 8.0]])  # three words, two dimensions
    >>> principal_words(table, 1).abs()  # half the distance between the two dimensions, from their mean
    tensor([[3.7417, 3.7417]])
    """
    values = table.detach().cpu().contiguous().numpy()
    key = (hashlib.sha256(values.data).hexdigest(), n_words)
    if key not in _cache:
        components = PCA(n_words, random_state=0).fit_transform(values.T)
        _cache[key] = torch.from_numpy(components.T.astype(np.float32))
        if len(_cache) > _KEPT:
            _cache.popitem(last=False)
    _cache.move_to_end(key)
    return _cache[key].clone()
