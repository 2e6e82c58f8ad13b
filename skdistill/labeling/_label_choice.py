"""Which windows the teacher labels: how many, and in which order they are taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdistill.data._training_windows import TrainingWindows
from skdistill.labeling._orders import ORDERS

__all__ = ["ALL_WINDOWS", "CHOICES", "LabelChoice"]

CHOICES = tuple(ORDERS)


@dataclass(frozen=True)
class LabelChoice:
    """How many windows the teacher labels, and which.

    Every order of the windows is nested: the first n windows of an order are among the first m > n, so that a store of
    labels can grow.

    Parameters
    ----------
    share : float or None, default=None
        Share of the windows, in (0, 1].
    max_labels : int or None, default=None
        Maximum number of windows.
    seconds : float or None, default=None
        Time for labeling.
    order : {"strided", "random", "covering", "disagreement"}, default="strided"
        The order in which windows are taken.
    seed : int, default=0
        Seed of the random order.
    owner : str, default="DistilledForecaster"
        Class of the estimator, for messages.

    Examples
    --------
    >>> LabelChoice(share=0.25).count(1000)
    250
    """

    share: float | None = None
    max_labels: int | None = None
    seconds: float | None = None
    order: str = "strided"
    seed: int = 0
    owner: str = "DistilledForecaster"

    @property
    def is_all(self) -> bool:
        """Whether all windows are labeled."""
        return self.share is None and self.max_labels is None and self.seconds is None

    @property
    def name(self) -> str:
        """Name of the order, by which a store keeps its labels."""
        return f"{self.order}-{self.seed}" if self.order == "random" else self.order

    def count(self, n_windows: int, seconds_per_window: float | None = None) -> int:
        """Return how many windows are labeled.

        Parameters
        ----------
        n_windows : int
            Number of windows.
        seconds_per_window : float or None, default=None
            How long the teacher takes for one; only ``seconds`` needs it.

        Returns
        -------
        n_labeled : int
            At least 1, at most ``n_windows``.

        Raises
        ------
        ValueError
            If it is less than one window.
        """
        if self.is_all:
            return n_windows
        if self.max_labels is not None:
            return min(self.max_labels, n_windows)
        if self.seconds is not None:
            assert seconds_per_window is not None  # the callers measure it
            n_labeled = int(self.seconds / max(seconds_per_window, 1e-12))
            if n_labeled < 1:
                raise ValueError(
                    f"label_seconds of {self.owner} must be enough for one window, for which the teacher takes "
                    f"{seconds_per_window:.3g} s here; got {self.seconds!r}."
                )
            return min(n_labeled, n_windows)
        assert self.share is not None  # is_all
        n_labeled = int(np.floor(self.share * n_windows + 0.5))
        if n_labeled < 1:
            raise ValueError(
                f"label_share of {self.owner} must be at least one of the {n_windows} training windows, that is "
                f"{1 / n_windows:.2g}; got {self.share!r}."
            )
        return n_labeled

    def rank(self, windows: TrainingWindows) -> np.ndarray:
        """Return all windows in the order in which they are labeled.

        Parameters
        ----------
        windows : TrainingWindows
            The windows.

        Returns
        -------
        numbers : ndarray of int64 of shape (n_windows,)
            Numbers of the training windows.
        """
        return ORDERS[self.order](windows, self.seed)

    def describe(self) -> str:
        """Return the parameter that decides, for messages."""
        names = {"label_share": self.share, "max_labels": self.max_labels, "label_seconds": self.seconds}
        return ", ".join(f"{name}={value:g}" for name, value in names.items() if value is not None)


ALL_WINDOWS = LabelChoice()
