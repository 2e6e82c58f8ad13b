"""Training and validation windows of ``fit``, built from the user's series."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._augmentation import Augmentation
from skdistill.data._bounds import Bounds, warn_outside
from skdistill.data._one_value import varies, warn_of_one_value
from skdistill.data._outliers import (
    find_outliers,
    find_outliers_ahead,
    find_outliers_of_statics,
    warn_of_outliers,
)
from skdistill.data._outweighing import Outweighing
from skdistill.data._scaling import Scaling
from skdistill.data._scaling_checks import units_told, warn_of_unlike_scales
from skdistill.data._season import season_of_series
from skdistill.data._series import Series
from skdistill.data._series_weight import weights_of_series
from skdistill.data._short_series import name_series
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import TrainingWindows, judged, split_windows
from skdistill.data._transformer import transform
from skdistill.data._validation_rows import count_held_out, count_unobserved_end, training_values

__all__ = ["FitWindows"]

_FEWEST_ROWS = 8  # minimum number of series rows in a training context of a panel, if there is no season
_MOST_NAMED = 5  # maximum number of series listed in a warning


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
    reads_covariates : bool, default=False
        Whether the student reads all covariates, so that those with one value are told.
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
    reads_covariates: bool = False

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
        self._tell_short_ones(series, known, least)
        self._tell_never_filled(series)
        self._tell_contexts_of_one_row(series)
        _tell_mixed_steps(series)
        names = [name_series(series, number) for number in range(len(series))]
        of_targets = [rows[:, list(self.targets)] for rows in known]
        _tell_unobserved(of_targets, names)
        warn_outside(of_targets, self.bounds, names, "DistilledForecaster")
        scaling = self.scaling(of_step, len(series))
        self.tell_constant_covariates(series, known, in_each=scaling.kind != "global")
        ids = [one.id for one in series]
        scaling.fit(known, None if any(one is None for one in ids) else [one for one in ids if one is not None])
        if scaling.kind == "global":
            warn_of_unlike_scales([transform(scaling.transformer_, rows) for rows in known], names)
        if series[0].statics is not None:
            scaling.statics_ = series[0].statics
        windows = self.build(series, held_out, scaling, least, of_step)
        if not len(windows.train):
            raise ValueError(
                "X must have a training window with an observed value of a target both in its context and in its "
                "horizon; in every window one of them is missing (NaN). Give more rows, or shorter lengths."
            )
        self.check_validation(windows)
        self._tell_without_window(windows, series, known, least)
        _check_counted(windows)
        Outweighing.of(windows.known_train, names if len(names) > 1 else ["X"]).warn()
        ahead = [] if scaling.transformer_ is not None else find_outliers_ahead(series, self.known)
        warn_of_outliers([*find_outliers(series, scaling.transformer_), *ahead, *find_outliers_of_statics(series)])
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
        if self.window_step > 1 and not len(windows.train):
            raise ValueError(
                f"window_step must leave a training window, and {self.window_step} rows between windows, counted back "
                "from the end of each series, leave none: make it shorter, or give more rows."
            )
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
        columns = series[0].columns
        named = ", ".join(repr(one if columns is None else columns[one]) for one in never)
        raise ValueError(
            f"every training value of target {named} of {what} is missing (NaN): there is nothing to learn from. Leave "
            "it out of X, or name the other targets in targets=."
        )

    def _check_known(self, series: list[Series], known: list[np.ndarray]) -> None:
        """Raise if a known covariate is never observed in the training rows."""
        for channel in self.known:
            if all(np.isnan(rows[:, channel]).all() for rows in known):
                columns = series[0].columns
                name = channel if columns is None else columns[channel]
                raise ValueError(
                    f"known covariate {name!r} is NaN in every training row: nothing can be learned from it. Leave it "
                    "out of X and known_covariates, or fill it."
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
        if not self.reads_covariates:
            return
        columns, statics = series[0].columns, series[0].statics
        names: list[Any] = []
        for channel in sorted(set(range(known[0].shape[1])) - set(self.targets)):
            parts = [rows[:, channel] for rows in known]
            if not varies(parts if in_each else [np.concatenate(parts)]):
                names.append(channel if columns is None else columns[channel])
        if statics is not None:
            values = np.stack([np.asarray(one.static, dtype=np.float64) for one in series])
            places = [place for place in range(values.shape[1]) if not varies([values[:, place]])]
            names += [f"static {place}" if statics.names is None else statics.names[place] for place in places]
        each = in_each and len(series) > 1
        warn_of_one_value(names, f"all training rows{', or in those of each series' if each else ''}")

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

    def _tell_never_filled(self, series: list[Series]) -> None:
        """Warn if every context is longer than every series."""
        longest = max(len(one) for one in series)
        if longest < self.context_length:
            warnings.warn(
                f"context_length={self.context_length} is more than the longest series of X has ({longest} rows): the "
                "first rows of all contexts are missing, cost time and memory, and teach nothing. Set it to "
                f"{longest} or less.",
                stacklevel=stacklevel_of_user(),
            )

    def _tell_contexts_of_one_row(self, series: list[Series]) -> None:
        """Warn if every context is scaled by its one row, which is constant and shows no unit."""
        kind = self.scaling(None, len(series)).kind
        without_ids = kind == "series" and any(one.id is None for one in series)
        if self.context_length == 1 and (kind == "window" or without_ids):
            who = "of series without ids " if without_ids else ""
            how = ", pass a dict or a table with ids" if without_ids else ""
            warnings.warn(
                f"scaling={kind!r} scales contexts {who}by themselves, and with context_length=1 they are one row, "
                f"which shows no unit: every forecast is this row. Take scaling='global'{how}, or longer contexts.",
                stacklevel=stacklevel_of_user(),
            )

    def _reach(self, least: int) -> int:
        """Return the training rows that a window of a series needs."""
        return least + (0 if self.windows_without_truth else self.prediction_length)

    def _tell_without_window(
        self, windows: TrainingWindows, series: list[Series], known: list[np.ndarray], least: int
    ) -> None:
        """Warn of series, and of targets, whose gaps or steps between windows leave no window to learn from."""
        if not windows.train.store.has_missing and self.window_step == 1:
            return
        targets, train = list(self.targets), windows.known_train
        counted = {*train.find_series().tolist(), *windows.train.find_series().tolist()}
        lacking = [
            name_series(series, number)
            for number, rows in enumerate(known)
            if number not in counted and len(rows) >= self._reach(least) and not np.isnan(rows[:, targets]).all()
        ]
        every = f" ({self.window_step} rows apart)" if self.window_step > 1 else ""
        if lacking:
            more = f" and {len(lacking) - _MOST_NAMED} more" if len(lacking) > _MOST_NAMED else ""
            warnings.warn(
                f"{len(lacking)} of {len(series)} series have no training window{every} with an observed value of a "
                "target both in its context and in its horizon, so that nothing is learned from them: "
                f"{', '.join(lacking[:_MOST_NAMED])}{more}. Take a longer context_length, or leave them out.",
                stacklevel=stacklevel_of_user(),
            )
        if len(targets) > 1 and train.store.misses(self.targets):
            before, after = train.hold_targets()
            held = (before & after).any(dim=0)
            names = [
                targets[place] if series[0].columns is None else series[0].columns[targets[place]]
                for place in np.flatnonzero(~held.numpy())
            ]
            if names:
                warnings.warn(
                    f"{', '.join(map(repr, names[:_MOST_NAMED]))} of the targets have no training window{every} with "
                    "an observed value both in its context and in its horizon, so that nothing is learned of them: "
                    "with a map of its own, such a target is forecast by a constant. Take a longer context_length, or "
                    "leave them out of targets.",
                    stacklevel=stacklevel_of_user(),
                )

    def _tell_short_ones(self, series: list[Series], known: list[np.ndarray], least: int) -> None:
        """Warn about series without a training window."""
        reach = self._reach(least)
        short = [number for number, rows in enumerate(known) if len(rows) < reach]
        if not short:
            return
        names = [f"X[{number}]" if one.id is None else f"series {one.id!r}" for number, one in enumerate(series)]
        named = [
            f"{names[number]} ({len(known[number])} of {len(series[number])} rows)" for number in short[:_MOST_NAMED]
        ]
        more = f" and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
        warnings.warn(
            f"{len(short)} of {len(series)} series have too few training rows for a window of {reach}: no training "
            f"window comes from {', '.join(named)}{more}. Leave them out, or take a smaller context_length, "
            "prediction_length or validation_fraction.",
            stacklevel=stacklevel_of_user(),
        )


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


def _tell_unobserved(known: list[np.ndarray], names: list[str]) -> None:
    """Warn of series whose targets have no observed training value."""
    empty = [name for name, rows in zip(names, known, strict=True) if len(rows) and np.isnan(rows).all()]
    if empty:
        more = f" and {len(empty) - _MOST_NAMED} more" if len(empty) > _MOST_NAMED else ""
        warnings.warn(
            f"{len(empty)} of {len(names)} series have no observed target in their training rows, so that nothing is "
            f"learned from them: {', '.join(empty[:_MOST_NAMED])}{more}. Leave them out, or check how they were read.",
            stacklevel=stacklevel_of_user(),
        )


def _tell_mixed_steps(series: list[Series]) -> None:
    """Warn of series whose labels go on by different steps."""
    first: dict[str, int] = {}
    for number, one in enumerate(series):
        if one.step is not None and len(one) >= _FEWEST_ROWS:  # fewer rows may not show their step
            first.setdefault(str(one.step), number)
    if len(first) > 1:
        named = ", ".join(f"{step} in {name_series(series, number)}" for step, number in first.items())
        warnings.warn(
            f"the series of X have different steps: {named}. A student knows rows, not hours or days, and takes the "
            "season of the first series for all. Fit series of one step together, or resample them to one step.",
            stacklevel=stacklevel_of_user(),
        )
