"""Training and validation windows of ``fit``, built from the user's series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdistill.data._augmentation import Augmentation
from skdistill.data._bounds import Bounds, warn_outside
from skdistill.data._plausibility._empty_stretches import warn_of_empty_stretch
from skdistill.data._plausibility._ended import warn_of_ended
from skdistill.data._plausibility._fit_warnings import (
    warn_of_contexts_of_one_row,
    warn_of_empty_contexts,
    warn_of_few_rows,
    warn_of_mixed_steps,
    warn_of_unobserved,
    warn_without_window,
)
from skdistill.data._plausibility._mostly_missing import (
    mostly_missing,
    series_without_values,
    warn_of_mostly_missing,
    warn_of_series_without_values,
)
from skdistill.data._plausibility._one_value import varies, warn_of_one_value
from skdistill.data._plausibility._outliers import (
    find_outliers,
    find_outliers_ahead,
    find_outliers_of_statics,
    warn_of_outliers,
)
from skdistill.data._plausibility._outweighing import Outweighing
from skdistill.data._plausibility._short_series import name_series
from skdistill.data._plausibility._unit_jumps import warn_of_unit_jumps
from skdistill.data._plausibility._zeros_at_end import warn_of_zeros_at_end
from skdistill.data._scaling import Scaling
from skdistill.data._scaling_checks import units_told, warn_of_unlike_scales
from skdistill.data._season import season_of_series
from skdistill.data._series import Series
from skdistill.data._series_weight import weights_of_series
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import TrainingWindows, judged, split_windows
from skdistill.data._transformer import transform
from skdistill.data._validation_rows import count_held_out, count_unobserved_end, training_values

__all__ = ["FitWindows"]

_FEWEST_ROWS = 8  # minimum number of series rows in a training context of a panel, if there is no season


@dataclass(frozen=True)
class FitWindows:
    """How training and validation windows are built from series.

    Parameters
    ----------
    context_length, prediction_length : int
        Lengths of context and horizon.
    targets : tuple of int
        Channels to forecast.
    validation_fraction : float or int
        Fraction of the rows of each series, at its end, used for validation; an integer is a number of rows.
    windows_without_truth : bool, default=False
        Whether training windows can end anywhere in the training rows, with an unknown horizon, of which only the known
        covariates are read.
    transformer : scikit-learn transformer or None, default=None
        Applied before the standardization.
    all_targets : bool, default=False
        Whether every channel is a target because none was named.
    scaling_kind : {"auto", "global", "series", "window"}, default="auto"
        Kind of scaling; ``"auto"`` scales each series of a panel separately, and a single series by all its rows.
    is_panel : bool, default=False
        Whether the input has several series, or a form for several series.
    min_observed : int or None, default=None
        Minimum number of series rows in a training context; rows before the series are missing. None means
        ``context_length`` for one series, and two seasons (at least 8 rows) for a panel.
    bounds : tuple of (float or None, float or None), or None, default=None
        Lowest and highest forecast, in original units.
    series_weight : {"windows", "equal"} or mapping, default="windows"
        What each series counts in losses and errors.
    augmentation : Augmentation or None, default=None
        Perturbed copies of the training rows to add.
    seed : int or None, default=None
        Seed of the copies and of ``known_dropout``.
    known : tuple of int, default=()
        Channels that are known covariates.
    known_groups : tuple of int, default=()
        Column that each of these channels comes from; those of one column are left out together.
    known_dropout : float, default=0.0
        Probability with which a known covariate of a window is unknown from a random step of the horizon on.
    window_step : int, default=1
        Number of rows between windows.
    reads : tuple of {"past", "known", "static"}, default=()
        Kinds of covariates that the student reads, of which those with one value are told.
    """

    context_length: int
    prediction_length: int
    targets: tuple[int, ...]
    validation_fraction: float | int
    windows_without_truth: bool = False
    transformer: Any = None
    all_targets: bool = False
    scaling_kind: str = "auto"
    is_panel: bool = False
    min_observed: int | None = None
    bounds: Bounds | None = None
    series_weight: Any = "windows"
    augmentation: Augmentation | None = None
    seed: int | None = None
    known: tuple[int, ...] = ()
    known_groups: tuple[int, ...] = ()
    known_dropout: float = 0.0
    window_step: int = 1
    reads: tuple[str, ...] = ()

    def cut(self, series: list[Series]) -> TrainingWindows:
        """Standardize series by their training rows, and build the windows.

        Parameters
        ----------
        series : list of Series
            Series of the user, in original units.

        Returns
        -------
        windows : TrainingWindows
            The windows; their store has the fitted scaling.

        Raises
        ------
        ValueError
            If no series has a training window, or a validation window if validation is requested.
        """
        held_out = self.held_out(series)
        of_step = season_of_series(series[0].index, series[0].step)
        least = self.least_rows(len(series), self.season_in_context(of_step))
        self.check_rows(series, held_out, least)
        known = training_values(series, held_out)
        self._check_observed(series, known)
        self._check_known(series, known)
        names = [name_series(series, number) for number in range(len(series))]
        scaling, reach = self.scaling(of_step, len(series)), self._reach(least)
        self._tell_of_rows(series, known, names, scaling.kind, reach)
        ids = [one.id for one in series]
        scaling.fit(known, None if any(one is None for one in ids) else [one for one in ids if one is not None])
        if scaling.kind == "global":
            transformer = scaling.transformer_
            rows = [transform(transformer, one) for one in known]
            warn_of_unlike_scales(rows, names, transformed=transformer is not None)
        if series[0].statics is not None:
            scaling.statics_ = series[0].statics
        windows = self.build(series, held_out, scaling, least, of_step)
        self._check_trains(windows)
        self.check_validation(windows)
        warn_without_window(windows, series, known, reach, self.window_step)
        _check_counted(windows)
        self._tell_of_values(series, names, windows)
        return windows

    def held_out(self, series: list[Series]) -> list[int]:
        """Return the number of rows at the end of each series that are not for training.

        Parameters
        ----------
        series : list of Series
            Series of the user.

        Returns
        -------
        n_rows : list of int
            Validation rows, and rows after the last observed target.
        """
        return [count_held_out(one.values[:, list(self.targets)], self.validation_fraction) for one in series]

    def origins(self, series: list[Series]) -> list[int]:
        """Return the row of each series at which the next forecast starts.

        Rows after the last observed target are the horizon of this forecast, if ``predict`` takes them for it: with
        known covariates, and as many rows as the horizon has, or what had been issued about them.

        Parameters
        ----------
        series : list of Series
            Series of the user.

        Returns
        -------
        rows : list of int
            The first row of the horizon; the number of rows where it lies after the series.
        """
        if not self.known:
            return [len(one) for one in series]
        ahead = [count_unobserved_end(one.values[:, list(self.targets)]) for one in series]
        return [
            len(one) - n_rows * (n_rows >= self.prediction_length or one.ahead is not None)
            for one, n_rows in zip(series, ahead, strict=True)
        ]

    def build(
        self, series: list[Series], held_out: list[int], scaling: Scaling, least: int, of_step: int | None
    ) -> TrainingWindows:
        """Build the windows of series with a scaling that is fitted.

        Parameters
        ----------
        series : list of Series
            Series of the user, in original units.
        held_out : list of int
            Number of validation rows of each series.
        scaling : Scaling
            The scaling, fitted on their training rows.
        least : int
            Minimum number of series rows in a training context.
        of_step : int or None
            Number of rows in a season, as suggested by the step of the series.

        Returns
        -------
        windows : TrainingWindows
            The windows.
        """
        known = training_values(series, held_out)
        ids = [one.id for one in series]
        copies = [] if self.augmentation is None else self.augmentation.copies(series, held_out)
        told = units_told(known, scaling.seen_)
        numbers = np.where(told, told.cumsum() - 1, -1)
        copied, origins = [number for number, rows in enumerate(known) if len(rows)], self.origins(series)
        n_copies = len(copies) // max(1, len(copied))
        store = SeriesStore.from_series(
            [*series, *copies],
            scaling,
            padding=self.prediction_length,
            front=self.context_length - least,
            numbers=[*numbers, *(list(numbers[copied]) * n_copies)],
            season=of_step,
            known=self.known,
        )
        weights = weights_of_series(self.series_weight, ids, "DistilledForecaster")
        if weights is not None:
            store = replace(store, series_weight=np.concatenate([weights, np.tile(weights[copied], n_copies)]))
        store = self.hide_known(store)
        if self.augmentation is not None and copies:
            assert self.seed is not None  # set together with the augmentation
            self.augmentation.perturb(store, len(series), self.seed)
        windows = split_windows(
            store,
            context_length=self.context_length,
            prediction_length=self.prediction_length,
            targets=self.targets,
            validation_rows=[*held_out, *[0] * len(copies)],
            windows_without_truth=self.windows_without_truth,
            n_without_truth=len(copies),
            min_observed=least,
            window_step=self.window_step,
            origins=[*origins, *(origins[number] for number in copied * n_copies)],
        )
        if windows.validation is not None:
            validation = judged(windows.validation)
            windows = replace(windows, validation=validation if len(validation) else None)
        return windows

    def check_validation(self, windows: TrainingWindows) -> None:
        """Raise if validation is requested and no window validates.

        Parameters
        ----------
        windows : TrainingWindows
            The windows of all series.
        """
        if windows.validation is not None or not self.validation_fraction:
            return
        is_by_series = windows.train.store.scaling.kind == "series"
        but = ", or only where a target leaves the one value of its training rows, which tells no unit"
        every = f", {self.window_step} rows apart (window_step)" if self.window_step > 1 else ""
        raise ValueError(
            f"validation_fraction of DistilledForecaster = {self.validation_fraction} leaves no validation window"
            f"{every}: there is no observed horizon after an observed context in the validation rows of any series"
            f"{but if is_by_series else ''}. Give more validation rows, or set it to 0 to train without early stopping."
        )

    def hide_known(self, store: SeriesStore) -> SeriesStore:
        """Draw, by ``known_dropout``, how many steps of the horizon a student is told.

        Parameters
        ----------
        store : SeriesStore
            The series.

        Returns
        -------
        store : SeriesStore
            The same store if nothing is hidden.
        """
        if not (self.known_dropout and self.known):
            return store
        return replace(store, knowledge=self._draw_knowledge(len(store.values)))

    def _draw_knowledge(self, n_rows: int) -> Tensor:
        """Draw how many steps of the horizon are known, by the row where a context starts."""
        generator = np.random.default_rng(self.seed)
        columns, places = np.unique(self.known_groups, return_inverse=True)
        steps = generator.integers(0, self.prediction_length, size=(n_rows, len(columns)))
        whole = generator.random((n_rows, len(columns))) >= self.known_dropout
        return torch.from_numpy(np.where(whole, self.prediction_length, steps)[:, places])

    def season_in_context(self, of_step: int | None) -> int:
        """Return the season of the scaling: contexts that are no longer than a season show none.

        Parameters
        ----------
        of_step : int or None
            Number of rows in a season, as suggested by the step of the series.

        Returns
        -------
        season : int
            1 without a season.
        """
        return of_step if of_step is not None and of_step < self.context_length else 1

    def scaling(self, of_step: int | None, n_series: int = 1) -> Scaling:
        """Return the unfitted scaling.

        Parameters
        ----------
        of_step : int or None
            Number of rows in a season, as suggested by the step of the series.
        n_series : int, default=1
            Number of series.

        Returns
        -------
        scaling : Scaling
            The scaling for these targets.
        """
        kind = self.scaling_kind
        if kind == "auto":
            kind = "series" if self.is_panel and n_series > 1 else "global"
        targets = None if self.all_targets else self.targets
        season = self.season_in_context(of_step)
        return Scaling(self.transformer, targets, kind=kind, season=season, bounds=self.bounds)

    def least_rows(self, n_series: int, season: int) -> int:
        """Return the minimum number of series rows in a training context.

        Parameters
        ----------
        n_series : int
            Number of series.
        season : int
            Number of rows in a season.

        Returns
        -------
        n_rows : int
            Earlier rows of the context may be missing.
        """
        if self.min_observed is not None:
            return min(self.min_observed, self.context_length)
        if not self.is_panel or n_series == 1:
            return self.context_length
        return min(self.context_length, max(2 * season, _FEWEST_ROWS))

    def _tell_of_rows(
        self, series: list[Series], known: list[np.ndarray], names: list[str], kind: str, reach: int
    ) -> None:
        """Warn of series and covariates from whose rows little or nothing is learned."""
        of_targets = [rows[:, list(self.targets)] for rows in known]
        warn_of_few_rows(series, known, reach)
        warn_of_empty_contexts(series, self.context_length)
        warn_of_contexts_of_one_row(series, self.context_length, kind)
        warn_of_mixed_steps(series)
        warn_of_unobserved(of_targets, names)
        warn_of_zeros_at_end(series, self.targets)
        warn_of_unit_jumps(series, known, names)
        warn_outside(of_targets, self.bounds, names, "DistilledForecaster")
        self.tell_constant_covariates(series, known, in_each=kind != "global")
        read = self.covariates_read(known[0].shape[1])
        empty = mostly_missing(known, read, self.targets)
        warn_of_mostly_missing([series[0].name_of(one) for one in empty])
        warn_of_ended(series, read, self.targets, self.context_length)
        warn_of_empty_stretch(series, known, [one for one in read if one not in empty], self.targets, names)
        for one in [] if len(known) < 3 else [one for one in read if one in self.known]:
            if len(places := series_without_values([rows[:, one] for rows in known])):
                lacking = [names[place] for place in places.tolist()]
                warn_of_series_without_values(series[0].name_of(one), lacking, len(known))

    def _tell_of_values(self, series: list[Series], names: list[str], windows: TrainingWindows) -> None:
        """Warn of values that outweigh all others."""
        scaling = windows.train.store.scaling
        Outweighing.of(windows.known_train, names if len(names) > 1 else ["X"]).warn()
        standardize = partial(scaling.known_to_standard, channels=self.known, dtype="float64")
        ahead = find_outliers_ahead(series, self.known, standardize)
        warn_of_outliers([*find_outliers(series, scaling.transformer_), *ahead])
        warn_of_outliers(find_outliers_of_statics(series), of_static=True)

    def _check_trains(self, windows: TrainingWindows) -> None:
        """Raise if there is no training window."""
        if self.window_step > 1 and not len(windows.train):
            raise ValueError(
                f"window_step must leave a training window, and {self.window_step} rows between windows, counted back "
                "from the end of each series, leave none: make it shorter, or give more rows."
            )
        if not len(windows.train):
            raise ValueError(
                "X must have a training window with an observed value of a target both in its context and in its "
                "horizon; in every window one of them is missing (NaN). Give more rows, or shorter lengths."
            )

    def _check_observed(self, series: list[Series], known: list[np.ndarray]) -> None:
        """Raise if a target has no observed value in the training rows of any series."""
        never = [one for one in self.targets if all(np.isnan(rows[:, one]).all() for rows in known)]
        if not never:
            return
        what = "X" if len(series) == 1 else f"the {len(series)} series of X"
        if len(never) == len(self.targets):
            raise ValueError(
                f"every training value of the targets of {what} is missing (NaN): there is nothing to learn from."
            )
        named = ", ".join(repr(series[0].name_of(one)) for one in never)
        raise ValueError(
            f"every training value of target {named} of {what} is missing (NaN): there is nothing to learn from. Leave "
            "it out of X, or name the other targets in targets=."
        )

    def _check_known(self, series: list[Series], known: list[np.ndarray]) -> None:
        """Raise if a known covariate is never observed in the training rows."""
        for channel in self.known:
            if all(np.isnan(rows[:, channel]).all() for rows in known):
                raise ValueError(
                    f"known covariate {series[0].name_of(channel)!r} is NaN in every training row: nothing can be "
                    "learned from it. Leave it out of X and known_covariates, or fill it."
                )

    def tell_constant_covariates(self, series: list[Series], known: list[np.ndarray], *, in_each: bool = False) -> None:
        """Warn of covariates that a student reads and that have one value in the training rows.

        Parameters
        ----------
        series : list of Series
            Series of the user.
        known : list of ndarray of shape (n_timestamps, n_channels)
            Training rows of each series.
        in_each : bool, default=False
            Whether series have units of their own, so that one value in each is one value, too.
        """
        names: list[Any] = []
        for channel in self.covariates_read(known[0].shape[1]):
            parts = [rows[:, channel] for rows in known]
            if not varies(parts if in_each else [np.concatenate(parts)]):
                names.append(series[0].name_of(channel))
        statics = series[0].statics
        if statics is not None and "static" in self.reads:
            values = np.stack([np.asarray(one.static, dtype=np.float64) for one in series])
            places = [place for place in range(values.shape[1]) if not varies([values[:, place]])]
            names += [f"static {place}" if statics.names is None else statics.names[place] for place in places]
        warn_of_one_value(names, in_each=in_each and len(series) > 1)

    def covariates_read(self, n_channels: int) -> list[int]:
        """Return the channels that are no targets and that the student reads.

        Parameters
        ----------
        n_channels : int
            Number of channels.

        Returns
        -------
        channels : list of int
            In order.
        """
        others = sorted(set(range(n_channels)) - set(self.targets))
        return [one for one in others if ("known" if one in self.known else "past") in self.reads]

    def check_rows(self, series: list[Series], held_out: list[int], least: int | None = None) -> None:
        """Raise unless some series has a training window and, if requested, a validation window.

        Parameters
        ----------
        series : list of Series
            The series.
        held_out : list of int
            Number of validation rows of each series.
        least : int or None, default=None
            Minimum number of series rows in a context; None means ``context_length``.
        """
        least = self.context_length if least is None else least
        reach = least + self.prediction_length
        trainable = [len(one) - rows for one, rows in zip(series, held_out, strict=True)]
        if max(trainable) < reach:
            longest = int(np.argmax(trainable))
            first = "context_length" if least == self.context_length else "min_observed"
            raise ValueError(
                f"X has too few rows: a training window needs {first} + prediction_length = "
                f"{least} + {self.prediction_length} = {reach} training rows, and the longest series has "
                f"{max(trainable[longest], 0)} (n_samples={len(series[longest])} less {held_out[longest]} validation "
                f"rows). Give more rows, or a smaller context_length, prediction_length or validation_fraction."
            )
        if any(held_out) and max(held_out) < self.prediction_length:
            raise ValueError(
                f"validation_fraction of DistilledForecaster leaves {max(held_out)} validation rows, but one "
                f"validation window needs prediction_length = {self.prediction_length}. Raise it to at least "
                f"{self.prediction_length} rows, or set it to 0 to train without early stopping."
            )

    def _reach(self, least: int) -> int:
        """Return the training rows that a window of a series needs."""
        return least + (0 if self.windows_without_truth else self.prediction_length)


def _check_counted(windows: TrainingWindows) -> None:
    """Raise if all training windows, or all validation windows, belong to series of weight 0."""
    for what, some in (("training", windows.train), ("validation", windows.validation)):
        if some is not None and some.weights is not None and not some.weights.any():
            out = " or set validation_fraction=0," if what == "validation" else ""
            raise ValueError(
                f"series_weight of DistilledForecaster counts none of the {len(some)} {what} windows: the series with "
                f"a weight above 0 are too short for one, or not observed where it lies. Give them more rows,{out} or "
                "give the others a weight."
            )
