"""Label every training window once: in memory, on disk within a budget, or in a cache folder."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from skdistill.data._labels import Labels
from skdistill.labeling._answers import CheckedTeacher, Wanted
from skdistill.labeling._budget import GIB, check_budget
from skdistill.labeling._layout import Layout
from skdistill.labeling._locks import entry_lock
from skdistill.labeling._store import Store
from skdistill.labeling._stored import StoredLabels, stored_labels
from skdistill.labeling._temporary import TemporaryFolder

__all__ = ["label_windows"]


def label_windows(
    label: Callable[[Tensor], Labels],
    n_windows: int,
    *,
    forecast_shape: tuple[int, int],
    with_features: bool,
    with_quantiles: bool = False,
    folder: Path | None = None,
    n_needed: int | None = None,
    memory_budget: int = GIB,
    budget: int = 8 * GIB,
    chunk_size: int = 512,
    run: Callable[[Sequence[Tensor]], Iterable[Labels]] | None = None,
    progress: bool = False,
    description: str = "labels",
) -> StoredLabels:
    """Label every window once, in large batches, or load stored labels.

    Parameters
    ----------
    label : callable
        Function from numbers of windows to their labels.
    n_windows : int
        Number of windows to label.
    forecast_shape : tuple of int
        ``(prediction_length, n_targets)`` of the teacher's forecasts.
    with_features : bool
        Whether to store its features.
    with_quantiles : bool, default=False
        Whether to store its quantiles.
    folder : Path or None, default=None
        A cache entry; None keeps labels for this process only.
    n_needed : int or None, default=None
        How many of the first windows must be labeled now, in a folder that an interrupted run has begun; None means
        all.
    memory_budget : int, default=1073741824
        Bytes up to which labels without a folder stay in memory; more go to a temporary file.
    budget : int, default=8589934592
        Maximum size of the labels in bytes, in memory or on disk.
    chunk_size : int, default=512
        Number of windows that the teacher labels at once.
    run : callable or None, default=None
        Function from the numbers of many chunks to their labels, in order, possibly on several workers; None calls
        ``label`` for one chunk after another.
    progress : bool, default=False
        Whether to show a progress bar with rate and remaining time.
    description : str, default="labels"
        Name of the bar.

    Returns
    -------
    labels : StoredLabels
        The labels.

    Raises
    ------
    LabelBudgetError
        If they would not fit; raised after the first chunk.
    ValueError
        If the teacher returns NaN, infinity, a wrong shape, or no features or quantiles.
    """
    if n_windows < 1:
        raise ValueError("there are no training windows to label.")
    wanted = Wanted(with_features, with_quantiles)
    with nullcontext() if folder is None else entry_lock(folder):
        if folder is not None and (store := Store.open(folder, n_windows, forecast_shape, wanted)) is not None:
            checked = CheckedTeacher(label, forecast_shape, store.layout.holds, run)
            return store.finish(checked, progress, description, n_needed=n_needed)
        checked = CheckedTeacher(label, forecast_shape, wanted, run)
        first, levels = checked.first(torch.arange(min(chunk_size, n_windows)))
        layout = Layout.of(first, n_windows, chunk_size, levels)
        check_budget(layout.room, n_windows, budget)
        if folder is None and layout.nbytes <= memory_budget:
            return label_in_memory(checked, first, layout, progress, description)
        if folder is not None:
            return Store.create(folder, layout).finish(checked, progress, description, first)
        temporary = TemporaryFolder()
        try:
            labels = Store.create(temporary.path, layout).finish(checked, progress, description, first)
        except BaseException:
            temporary.remove()
            raise
        weakref.finalize(labels.forecast, temporary.remove)
        return labels


def label_in_memory(
    label: CheckedTeacher, first: dict[str, np.ndarray], layout: Layout, progress: bool, description: str
) -> StoredLabels:
    arrays = {name: np.empty((layout.n_windows, *shape), dtype) for name, (shape, dtype) in layout.arrays.items()}
    with tqdm(total=layout.n_windows, desc=description, unit="window", disable=not progress) as bar:
        for chunk, fresh in label.each(layout.chunks(), first):
            for name, values in layout.cast(fresh).items():
                arrays[name][chunk] = values
            bar.update(chunk.stop - chunk.start)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return stored_labels(tensors, layout.levels)
