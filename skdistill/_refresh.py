"""Refresh a fitted forecaster with new rows: only their windows are labeled, and the student learns on."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skdistill._base import BaseDistilled
from skdistill._distillation import distill_more
from skdistill._partial_fit import join_labels
from skdistill._shorthand import resolve_loss, resolve_student
from skdistill._utils._checks import check_integer
from skdistill._utils._description import Description, describe
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils._usual_modes import with_gradients
from skdistill.data._bounds import warn_outside
from skdistill.data._fit_windows import FitWindows
from skdistill.data._inputs import check_roles_unchanged, read_series
from skdistill.data._plausibility._outliers import find_outliers, warn_of_outliers
from skdistill.data._plausibility._outweighing import Outweighing
from skdistill.data._plausibility._short_series import name_series
from skdistill.data._plausibility._zeros_at_end import longest_zeros, warn_of_zeros_at_end
from skdistill.data._roles import Roles
from skdistill.data._scaling import Scaling
from skdistill.data._scaling_checks import units_told
from skdistill.data._series import Series
from skdistill.data._series_weight import weights_of_series
from skdistill.data._statics import joined_static
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import TrainingWindows, split_windows
from skdistill.data._windows import Windows
from skdistill.losses._objective import reads_labels
from skdistill.training._batches import LabelSource
from skdistill.training._settings import TrainingSettings

__all__ = ["RefreshMixin"]

_OF_FIT = ("scaling", "transformer", "bounds", "quantiles", "point_forecast")  # parameters that only fit reads


class RefreshMixin(BaseDistilled):
    """Mixin for forecasters that learn on from new rows."""

    roles_: Roles
    targets_: tuple[int, ...]
    vintages: Any
    window_step: int
    series_weight: Any
    fit: Callable[..., Any]
    _keeps_solved = True
    _recent: list[Series]  # last rows of every series, after a first refresh
    _most_zeros: int = 0  # length of the longest run of rows that were zero in all series
    _parts: dict[str, Description]  # teacher, student and loss of fit, and others
    _numbers: np.ndarray  # place of the units of every series of fit, by which series without ids find theirs

    def _cutting(self, *, is_panel: bool = False) -> FitWindows:
        """Say how windows are cut from series."""
        raise NotImplementedError

    def refresh(self, X: Any, *, max_epochs: int = 1) -> Self:
        """Learn from new rows: label their windows, and train the student on from where it is.

        The windows whose horizon has a new row are new; the teacher labels them, or the share of them that
        ``label_share``, ``max_labels`` or ``label_seconds`` choose (at least one), and nothing else is labeled or read
        again, so the cost is that of the new rows. An exact student is solved again from sums over all windows so far,
        as if it had been fitted to old and new windows together. Other students take ``max_epochs`` passes over the new
        windows at the learning rate of their best epoch (of the last one, if ``fit`` had no validation rows), without
        validation. Windows that validated in ``fit`` are not learned. Teacher, scaling, penalty and calibration stay
        those of ``fit``; what loss terms train beside the student, such as regressors of features, starts anew.
        ``window_step`` counts back as in ``fit``. A target that was missing in the rows so far stays missing, also
        where its value has come in since: ``fit`` learns from it.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or panel
            The rows that follow the rows so far; of a panel, of some or all series of ``fit``.
        max_epochs : int, default=1
            Passes over the new windows, for students that are trained by gradient descent; for others, a warning says
            that it has no effect.

        Returns
        -------
        self : forecaster
            The updated forecaster.

        Raises
        ------
        ValueError
            If the rows do not follow those so far, or these are not there: they are kept in memory by ``fit``, and in
            pickles after a first ``refresh``; or if parameters that only ``fit`` reads were changed since. The
            forecaster does not change.

        See Also
        --------
        partial_fit : Exact updates without a teacher. Of one series, the scaling is updated, too, and rows can be
            forgotten; to a panel, series can be added.

        Notes
        -----
        After many new rows, or a change of level, ``fit`` with all rows is better: a gradient student forgets what it
        no longer sees, and the scaling is that of the old rows.

        Examples
        --------
        >>> from skdistill import DistilledForecaster
        >>> from skdistill.datasets import make_multiseasonal
        >>> series = make_multiseasonal(400, 2, seasons=(24,), random_state=0)
        >>> forecaster = DistilledForecaster(
        ...     "pretrained", "linear", "response", context_length=48, prediction_length=12
        ... )
        >>> forecaster.fit(series[:376]).refresh(series[376:]).predict(series).shape
        (12, 2)
        """
        check_is_fitted(self)
        check_integer(max_epochs, "max_epochs of refresh", minimum=1)
        self._check_refreshable()
        old = self._rows_so_far()
        given = read_series(self, X, reset=False, allow_batch=False)
        joined, n_old = join(old, given.series)
        if max_epochs != 1 and self._solved is not None:
            warnings.warn(
                f"max_epochs={max_epochs} of refresh has no effect: the student is solved exactly, from sums over all "
                "windows so far. Leave it out.",
                stacklevel=stacklevel_of_user(),
            )
        self._learn_from(joined, n_old, self.scaling_, max_epochs)
        return self

    def _start_panel(self, X: Any, series: list[Series]) -> Self:
        """Fit a panel, and keep what pickles need to add to it."""
        targets = list(self.roles_.target_channels)
        for number, one in enumerate(series):
            if np.isnan(one.values[:, targets]).any():
                name = name_series(series, number)
                raise ValueError(
                    f"partial_fit updates sums over windows, which have no place for a missing target; {name} misses "
                    "some: call fit, which takes NaN, or fill the gaps before."
                )
        self.fit(X)
        self._recent = self._rows_so_far()
        return self

    def _add_to_panel(self, new: list[Series]) -> None:
        """Learn exactly from new rows of a panel without a teacher, and from series that were not in it."""
        method = "partial_fit"
        self._check_refreshable(method)
        old = self._rows_so_far(method)
        ids = {one.id for one in old}
        others = [one for one in new if one.id is not None and one.id not in ids]
        joined, n_old = join(old, [one for one in new if one.id is None or one.id in ids], method)
        joined, n_old = [*joined, *others], np.concatenate([n_old, np.zeros(len(others), dtype=int)])
        self._learn_from(joined, n_old, self._with_units_of(joined), method=method)

    def _with_units_of(self, series: list[Series]) -> Scaling:
        """Give series that have none units of their own, as soon as they have a window."""
        cutting = self._cutting(is_panel=True)
        least = cutting.least_rows(len(series), cutting.season_in_context(self.spec_.season))
        reach = least + self.spec_.prediction_length
        known = self.scaling_.places_of([one.id for one in series]) >= 0
        new = [
            one
            for one, has_units in zip(series, known, strict=True)
            if one.id is not None
            and not has_units
            and len(one) >= reach
            and units_told([one.values], self.scaling_.seen_)[0]
        ]
        return self.scaling_.with_series([one.values for one in new], [one.id for one in new if one.id is not None])

    @with_gradients
    def _learn_from(
        self, joined: list[Series], n_old: np.ndarray, scaling: Scaling, max_epochs: int = 1, method: str = "refresh"
    ) -> None:
        """Learn from the windows whose horizon has a new row, in the units of a scaling."""
        windows = self._new_windows(joined, n_old, scaling, method)
        teacher = self._fitted_teacher() if reads_labels(self.teacher, resolve_loss(self.loss)) else None
        module = copy.deepcopy(self.student_)
        result = distill_more(
            module,
            self.spec_,
            windows,
            teacher=teacher,
            student=resolve_student(self.student),
            loss=resolve_loss(self.loss),
            settings=self._settings_to_go_on(max_epochs),
            labeling=self._labeling(None),
            seed=(self._seeds() or (0, 0))[1],
            solved=self._solved,
        )
        if result.interrupted:
            raise KeyboardInterrupt("refresh was interrupted; the forecaster is as before")
        self._take_on(
            student_=module.eval(),
            scaling_=scaling,
            _solved=result.solved,
            history_=[*self.history_, *result.history],
            _recent=[_last(one, self._n_kept) for one in joined],
            _most_zeros=max(self._most_zeros, longest_zeros(joined, self.targets_)),
            roles_=replace(self.roles_, known_range=(), static_range=()),  # new rows may have another one
            without=("_kept", "_seen"),  # they have the old rows only
        )

    def _distill(
        self, windows: TrainingWindows, labels: LabelSource | None = None, *, told: bool = False, is_part: bool = False
    ) -> bool:
        """Run the distillation, and note of what."""
        is_exact = super()._distill(windows, labels, told=told, is_part=is_part)
        self._parts = self._parts_now()
        store = windows.train.store
        own = np.ones(len(store.offsets), dtype=bool) if store.by_window is None else ~store.by_window
        self._numbers = np.where(own, own.cumsum() - 1, -1)
        return is_exact

    def _parts_now(self) -> dict[str, Description]:
        """Describe what a student is made with, and what units and outputs it has."""
        parts = {"teacher": self._resolve_teacher(), "student": resolve_student(self.student)}
        parts |= {"loss": resolve_loss(self.loss), **{name: getattr(self, name) for name in _OF_FIT}}
        return {name: describe(one) for name, one in parts.items()}

    def _check_parts_unchanged(self, reason: str, but: Sequence[str] = ()) -> None:
        """Raise if a parameter that only ``fit`` reads was changed since then, but for some."""
        for name, now in self._parts_now().items():
            fitted = self.__dict__.get("_parts", {}).get(name, now)
            if name in but or now.is_of(fitted):
                continue
            told = f"is {now.text} now"
            if now.text == fitted.text:
                told = "is another one now, with other numbers, functions or weights"
            raise ValueError(
                f"{name} of {type(self).__name__} was {fitted.text} in fit and {told}, and {reason}: fit again, or set "
                "it back."
            )

    @property
    def _n_kept(self) -> int:
        """Number of earlier rows that windows with a new row in their horizon can contain."""
        return self.spec_.context_length + self.spec_.prediction_length - 1

    def _check_refreshable(self, method: str = "refresh") -> None:
        """Raise where rows alone do not tell what a window contains, or there are no sums to go on from."""
        check_roles_unchanged(self, method)
        self._check_parts_unchanged(f"{method} goes on with what was fitted")
        if self.vintages is not None:
            raise ValueError(f"{method} takes no vintages: call fit with all rows.")
        if getattr(self, "windows_without_truth", False) or getattr(self, "augmentation", None) is not None:
            raise ValueError(
                f"{method} learns from windows with a known horizon: call fit with all rows, or set "
                "windows_without_truth=False and augmentation=None."
            )

        exact = bool(self.history_) and "penalty" in self.history_[0]
        if exact and not (isinstance(self.series_weight, str) and self.series_weight == "windows"):
            raise ValueError(
                f"{method} of an exact student adds windows to sums in which every window counts alike; got "
                f"series_weight={self.series_weight!r}, which shares the weight of a series among all its windows: "
                "call fit with all rows."
            )
        if self._solved is None and exact:
            raise ValueError(
                f"{method} of an exact student goes on from sums over the windows of fit, which are kept in memory, in "
                f"pickles only after a first {method}, never in saved files, and not if a target was missing: call fit "
                "with all rows."
            )

    def _rows_so_far(self, method: str = "refresh") -> list[Series]:
        """Return the last rows of every series."""
        recent = self.__dict__.get("_recent")
        if recent is not None:
            return recent
        kept = self.__dict__.get("_kept")
        if kept is None:
            raise ValueError(
                f"{method} needs the last rows passed to fit, which are kept in memory, in pickles only after a first "
                f"{method}, and never in saved files: call fit with all rows."
            )
        series = read_series(self, kept.get(), reset=False, allow_batch=False).series
        self._most_zeros = longest_zeros(series, self.targets_)
        return [_last(one, self._n_kept) for one in series]

    def _new_windows(self, series: list[Series], n_old: np.ndarray, scaling: Scaling, method: str) -> Windows:
        """Cut the windows whose horizon has a new row, in the units of a scaling."""
        spec, cutting = self.spec_, self._cutting(is_panel=len(series) > 1)
        season = cutting.season_in_context(spec.season)
        least = cutting.least_rows(len(series), season)  # windows of short series start before them
        ids = [one.id for one in series]
        no_ids = all(one is None for one in ids)  # they follow in the order of fit
        store = SeriesStore.from_series(
            series,
            scaling,
            padding=spec.prediction_length,
            front=spec.context_length - least if (n_old < self._n_kept).any() else 0,
            numbers=(self._numbers if no_ids else scaling.places_of(ids)).tolist(),
            season=spec.season,
            known=self.roles_.known_channels,
        )
        counts = weights_of_series(self.series_weight, ids, f"{type(self).__name__}.refresh")
        if self.random_state is not None:  # every refresh draws anew
            cutting = replace(cutting, seed=self._augment_seed() + len(self.history_))
        store = cutting.hide_known(replace(store, series_weight=counts))
        warn_of_outliers(find_outliers(series, scaling.transformer_))
        warn_of_zeros_at_end(series, self.targets_, before=self._most_zeros)
        new = [one.values[n:, list(self.targets_)] for one, n in zip(series, n_old, strict=True)]
        names = [name_series(series, number) if len(series) > 1 else "X" for number in range(len(series))]
        warn_outside(new, cutting.bounds, names, type(self).__name__)
        windows = split_windows(
            store,
            context_length=spec.context_length,
            prediction_length=spec.prediction_length,
            targets=self.targets_,
            validation_rows=[0] * len(series),
            min_observed=least,
            window_step=self.window_step,
            origins=cutting.origins(series),
        ).train
        starts = windows.starts.numpy()
        numbers = windows.series_of(starts)
        ends = starts - store.offsets[numbers] + spec.context_length + spec.prediction_length
        counted = True if counts is None else counts[numbers] > 0
        chosen = (ends > n_old[numbers]) & counted
        chosen &= ~self._leaves_its_value(store, windows, series, method, chosen)
        if not chosen.any():
            raise ValueError(
                f"{method} needs at least one new window of context_length + prediction_length = "
                f"{spec.context_length} + {spec.prediction_length} rows, counted with the rows so far, in which a "
                "target is observed, of a series that counts in series_weight; got "
                f"{max(len(one) for one in series)} rows. Give more rows."
            )
        if self._solved is not None and store.misses(self.targets_):
            raise ValueError(
                f"{method} of an exact student updates sums over windows, which have no place for a missing target: "
                "call fit with all rows, which takes NaN, or fill the gaps before."
            )
        new_windows = windows.take(torch.from_numpy(chosen))
        Outweighing.of(new_windows, names).warn()
        return new_windows

    def _leaves_its_value(
        self, store: SeriesStore, windows: Windows, series: list[Series], method: str, chosen: np.ndarray
    ) -> np.ndarray:
        """Say which windows have far other values of a target than the only one in fit, which told no unit; warn."""
        found = windows.count_rows(store.left_level(self.targets_, far=True).any(dim=1)).numpy() > 0
        if (found & chosen).any():
            numbers = np.unique(windows.series_of(windows.starts.numpy()[found & chosen])).tolist()
            names = name_series(series, numbers[0]) + (f" and {len(numbers) - 1} more" if len(numbers) > 1 else "")
            warnings.warn(
                f"{method} leaves out {int((found & chosen).sum())} windows of {names}: a target that was constant in "
                "fit, and so has no unit, has other values now, which would outweigh all others. Call fit with all "
                "rows to learn from them.",
                stacklevel=stacklevel_of_user(),
            )
        return found

    def _settings_to_go_on(self, max_epochs: int) -> TrainingSettings:
        """Return the settings of a student that goes on from its best epoch, or its last one without validation."""
        validated = [epoch for epoch in self.history_ if "valid_loss" in epoch]
        best = min(validated, key=lambda epoch: epoch["valid_loss"], default=self.history_[-1])
        lr = best.get("lr", self.lr)
        settings = replace(self._settings(), max_epochs=max_epochs, patience=None, lr_schedule="constant")
        return replace(settings, lr=float(lr[0] if isinstance(lr, list | tuple) else lr))

    def __getstate__(self) -> dict[str, Any]:
        """Drop the sums of a plain ``fit``; only those of ``refresh`` are pickled."""
        state = dict(super().__getstate__())
        if "_recent" not in state:
            state.pop("_solved", None)
        return state


def join(old: Sequence[Series], new: Sequence[Series], method: str = "refresh") -> tuple[list[Series], np.ndarray]:
    """Append new rows to the last rows of their series.

    Parameters
    ----------
    old : sequence of Series
        The last rows of every series.
    new : sequence of Series
        The rows that follow, of some or all of them.
    method : str, default="refresh"
        Who asks, for messages.

    Returns
    -------
    joined : list of Series
        All series, in their order.
    n_old : ndarray of int of shape (n_series,)
        Number of earlier rows of each.

    Raises
    ------
    ValueError
        If a series is unknown, its rows do not follow, or a static covariate of it changes.
    """
    ids = [one.id for one in old]
    joined, n_old = list(old), np.array([len(one) for one in old])
    if all(one is None for one in ids) and len(new) != len(old):
        raise ValueError(
            f"{method} continues the {len(old)} series of fit; got {len(new)}. Pass them in the same order."
        )
    unknown = [one.id for one in new if one.id not in ids]
    if unknown:
        raise ValueError(
            f"{method} continues the series of fit; got {len(unknown)} others, first {unknown[0]!r}. Call fit with all "
            "series to learn from new ones."
        )
    for place, one in enumerate(new):
        number = place if one.id is None else ids.index(one.id)
        before = joined[number]
        index = join_labels(before, one, method)
        static = joined_static(before.static, one.static, one.statics, name_series(old, number))
        values = np.concatenate([before.values, one.values])
        joined[number] = replace(before, values=values, index=index, static=static)
    return joined, n_old


def _last(series: Series, n_rows: int) -> Series:
    """Copy the last rows of a series."""
    first = max(0, len(series) - n_rows)
    index = None if series.index is None else series.index[first:]
    return replace(series, values=series.values[first:].copy(), index=index)
