"""Labels of windows of any series, by a teacher that was fitted on a sample of series."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdistill._utils.numpy_student import find_ids
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels, joined_labels
from skdistill.data._windows import Windows
from skdistill.teachers._base import BaseTeacher

__all__ = ["labels_by_sample"]


def labels_by_sample(teacher: BaseTeacher, ids: Sequence[Hashable], windows: Windows) -> Callable[[Tensor], Labels]:
    """Return the function that labels training windows.

    Windows of a series of the sample are those that the teacher was fitted on, under the number that the series had
    there; all others are new to it.

    Parameters
    ----------
    teacher : BaseTeacher
        Fitted on the sample.
    ids : sequence of hashable
        Ids of the series of the sample, in the order of its ``fit``.
    windows : Windows
        Training windows of whole series.

    Returns
    -------
    label : callable
        From numbers of windows to labels.
    """
    places = find_ids(windows.store.ids, {one: number for number, one in enumerate(ids)})

    def label(numbers: Tensor) -> Labels:
        contexts = windows.contexts(numbers)
        own = places[contexts.series]
        known, new = np.flatnonzero(own >= 0), np.flatnonzero(own < 0)
        parts = []
        if len(known):
            parts.append(teacher.label_training(_under_numbers(contexts.take(known), own[known], ids)))
        if len(new):
            parts.append(teacher.label_new(contexts.take(new)))
        back = torch.from_numpy(np.argsort(np.concatenate([known, new])))
        return joined_labels(parts, back)

    return label


def _under_numbers(contexts: Contexts, numbers: np.ndarray, ids: Sequence[Hashable]) -> Contexts:
    """Return contexts with other numbers of their series, and ids and labels in the order of these."""
    here = dict(zip(numbers.tolist(), contexts.series.tolist(), strict=True))

    def arranged(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(values[here[number]] if number in here else None for number in range(len(ids)))

    steps = arranged(contexts.steps) if contexts.steps else ()
    return replace(contexts, series=numbers, ids=tuple(ids), indexes=arranged(contexts.indexes), steps=steps)
