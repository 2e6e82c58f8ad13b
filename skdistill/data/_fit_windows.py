"""The windows that ``fit`` works on, cut from the series a user gave."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._augmentation import Augmentation
from skdistill.data._inputs import Series
from skdistill.data._scaling import Scaling, warn_of_unlike_scales
from skdistill.data._windows import SeriesStore, TrainingWindows, count_validation_rows, split_windows

__all__ = ["FitWindows"]

_MOST_NAMED = 5  # series that a warning lists


@dataclass(frozen=True)
class FitWindows:
    """How training and validation windows are cut from series.

    Parameters
    ----------
    context_length, prediction_length : int
        Lengths of context and horizon.
    targets : tuple of int
        Channels to forecast.
    validation_fraction : float or int
        Share of the rows of each series, at its end, that serve validation; a whole number counts rows.
    windows_without_truth : bool, default=False
        Whether training windows may end anywhere in the training rows, their horizon unknown.
    transformer : scikit-learn transformer or None, default=None
        Applied before the standardization.
    all_targets : bool, default=False
        Whether every channel is a target because none was named.
    augmentation : Augmentation or None, default=None
        Perturbed copies of the training rows to add.
    seed : int or None, default=None
        Of these copies.
    """

    context_length: int
    prediction_length: int
    targets: tuple[int, ...]
    validation_fraction: float | int
    windows_without_truth: bool = False
    transformer: Any = None
    all_targets: bool = False
    augmentation: Augmentation | None = None
    seed: int | None = None

    def cut(self, series: list[Series]) -> TrainingWindows:
        """Standardize series by their training rows, and cut them.

        Parameters
        ----------
        series : list of Series
            What the user gave, in original units.

        Returns
        -------
        windows : TrainingWindows
            Their store holds the fitted scaling.

        Raises
        ------
        ValueError
            If no series has a training window, or a validation window where some are asked for.
        """
        held_out = [min(len(one), count_validation_rows(len(one), self.validation_fraction)) for one in series]
        self.check_rows(series, held_out)
        known = [one.values[: len(one) - rows] for one, rows in zip(series, held_out, strict=True)]
        self._tell_short_ones(series, known)
        if self.transformer is None:
            warn_of_unlike_scales(known)
        scaling = self.scaling().fit(known)
        copies = [] if self.augmentation is None else self.augmentation.copies(series, held_out)
        store = SeriesStore.from_series([*series, *copies], scaling, padding=self.prediction_length)
        if self.augmentation is not None and copies:
            assert self.seed is not None  # which comes with an augmentation
            self.augmentation.perturb(store, len(series), self.seed)
        return split_windows(
            store,
            context_length=self.context_length,
            prediction_length=self.prediction_length,
            targets=self.targets,
            validation_rows=[*held_out, *[0] * len(copies)],
            windows_without_truth=self.windows_without_truth,
            n_without_truth=len(copies),
        )

    def scaling(self) -> Scaling:
        """Return the scaling, not fitted.

        Returns
        -------
        scaling : Scaling
            For these targets.
        """
        return Scaling(self.transformer, None if self.all_targets else self.targets)

    def check_rows(self, series: list[Series], held_out: list[int]) -> None:
        """Raise unless some series has a training window and, where asked for, a validation window.

        Parameters
        ----------
        series : list of Series
            The series.
        held_out : list of int
            Validation rows of each.
        """
        reach = self.context_length + self.prediction_length
        trainable = [len(one) - rows for one, rows in zip(series, held_out, strict=True)]
        if max(trainable) < reach:
            longest = int(np.argmax(trainable))
            raise ValueError(
                f"X has too few rows: a training window needs context_length + prediction_length = "
                f"{self.context_length} + {self.prediction_length} = {reach} training rows, and the longest series has "
                f"{max(trainable[longest], 0)} (n_samples={len(series[longest])} less {held_out[longest]} validation "
                f"rows). Give more rows, or a smaller context_length, prediction_length or validation_fraction."
            )
        if any(held_out) and max(held_out) < self.prediction_length:
            raise ValueError(
                f"validation_fraction of DistilledForecaster leaves {max(held_out)} validation rows, but one "
                f"validation window needs prediction_length = {self.prediction_length}. Raise it to at least "
                f"{self.prediction_length} rows, or set it to 0 to train without early stopping."
            )

    def _tell_short_ones(self, series: list[Series], known: list[np.ndarray]) -> None:
        """Warn of the series of which no training window can be cut."""
        reach = self.context_length + (0 if self.windows_without_truth else self.prediction_length)
        short = [number for number, rows in enumerate(known) if len(rows) < reach]
        if not short:
            return
        named = [f"X[{number}] ({len(known[number])} of {len(series[number])} rows)" for number in short[:_MOST_NAMED]]
        more = f" and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
        warnings.warn(
            f"{len(short)} of {len(series)} series have too few training rows for a window of {reach}: no training "
            f"window comes from {', '.join(named)}{more}. Leave them out, or take a smaller context_length, "
            "prediction_length or validation_fraction.",
            stacklevel=stacklevel_of_user(),
        )
