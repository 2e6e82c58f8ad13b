"""Labels with features that are recomputed for every batch."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from skdistill.data._labels import Labels
from skdistill.data._windows import Windows
from skdistill.labeling._chosen import JoinedLabels
from skdistill.labeling._stored import StoredLabels
from skdistill.teachers._base import BaseTeacher

__all__ = ["RecomputedFeatures"]


class RecomputedFeatures:
    """Stored forecasts, with features from one pass of the teacher per batch."""

    def __init__(
        self, stored: StoredLabels | JoinedLabels, teacher: BaseTeacher, windows: Windows, *, are_new: bool = False
    ) -> None:
        self.stored = stored
        self.teacher = teacher
        self.recompute = teacher.recompute_new_features if are_new else teacher.recompute_features
        self.windows = windows

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def weight(self) -> Tensor | None:
        return self.stored.weight

    def take(self, indices: Tensor) -> Labels:
        fresh = self.recompute(self.windows.contexts(indices))
        features = None if fresh is None else fresh.clone()
        stored = self.stored.take(indices)
        return replace(stored, features=features)
