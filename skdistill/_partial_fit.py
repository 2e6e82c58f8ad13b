"""Exact updates: add new rows and forget old ones, for students that are solved from moments."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if

from skdistill._base import BaseDistilled
from skdistill._parameter_checks import warn_of_idle_settings
from skdistill._shorthand import resolve_loss, resolve_student
from skdistill._utils._checks import check_integer
from skdistill._utils._description import Description, describe
from skdistill._utils._ignored_y import warn_of_ignored_y
from skdistill._utils._usual_modes import in_float32
from skdistill.data._bounds import check_bounds, warn_outside
from skdistill.data._calendar import calendar_of
from skdistill.data._calendar_rows import fields_of, have_calendar
from skdistill.data._fit_windows import FitWindows
from skdistill.data._index_checks import checked_step
from skdistill.data._inputs import check_roles_unchanged, read_series
from skdistill.data._label_kinds import same_labels
from skdistill.data._plausibility._outliers import find_outliers, warn_of_outliers
from skdistill.data._plausibility._zeros_at_end import warn_of_zeros_at_end
from skdistill.data._roles import Roles
from skdistill.data._season import season_of_series
from skdistill.data._series import Series
from skdistill.data._steps import as_time_index, continue_index, find_step
from skdistill.losses._base import BaseLoss
from skdistill.networks._base import NetworkSpec
from skdistill.networks._linear import Linear
from skdistill.networks._linear_design import LinearDesign
from skdistill.networks._unread import warn_of_unread_settings_for
from skdistill.training._exact_fit import solve_from_moments
from skdistill.training._exactness import quadratic_terms
from skdistill.training._rolling import RollingMoments
from skdistill.training._rolling_design import RollingDesign

__all__ = [
    "SeenRows",
    "UpdatableMixin",
    "check_forgets_nothing",
    "obstacles",
]


@dataclass(frozen=True)
class SeenRows:
    """A copy of the rows of one series that a student was solved from, and their moments.

    Parameters
    ----------
    series : Series or None
        The rows with their labels; None for a panel, whose sums and last rows are kept for ``refresh``, too.
    moments : RollingMoments or None, default=None
        Moments of their windows; None after a plain ``fit``, until the first update.
    network : Description or None, default=None
        The network that the moments are of; None for a panel.
    """

    series: Series | None
    moments: RollingMoments | None = None
    network: Description | None = None

    @classmethod
    def of_fit(cls, series: list[Series], network: Linear) -> SeenRows:
        """Copy the rows of a plain ``fit``.

        Parameters
        ----------
        series : list of Series
            In normal form.
        network : Linear
            The network of the student.

        Returns
        -------
        seen : SeenRows
            The rows, without moments.
        """
        if len(series) > 1:
            return cls(None)
        kept = replace(series[0], values=series[0].values.copy(), was_vector=False)
        return cls(kept, network=describe(network))

    @classmethod
    def start(cls, series: Series, network: Linear, spec: NetworkSpec) -> SeenRows:
        """Start with the first rows.

        Parameters
        ----------
        series : Series
            The rows of at least one window.
        network : Linear
            The network of the student.
        spec : NetworkSpec
            The problem.

        Returns
        -------
        seen : SeenRows
            The rows, copied, with moments.
        """
        sizes = network.sizes(spec)
        moments: RollingMoments
        if sizes.is_plain:
            moments = RollingMoments(series.values, spec.context_length, spec.prediction_length)
        else:
            level = network.level(sizes.n_rows, spec.season)
            weights = None if level is None else torch.from_numpy(level)
            design = LinearDesign(sizes, list(spec.targets), weights)
            time = None if series.index is None or not sizes.calendar else calendar_of(series.index, 0, series.step)[0]
            moments = RollingDesign(series.values, spec, design, time)
        return cls(replace(series, values=moments.rows, was_vector=False), moments, describe(network))

    def is_of(self, network: Linear) -> bool:
        """Return whether the rows were seen by a network with the same parameters.

        Parameters
        ----------
        network : Linear
            The network of the student, now.

        Returns
        -------
        same : bool
            False if a parameter was changed since: the moments can be those of other inputs.
        """
        return self.network is not None and self.network.is_of(describe(network))

    def extend(self, new: Series, forget: int, network: Linear, spec: NetworkSpec) -> SeenRows:
        """Add rows at the end and remove rows at the start.

        Parameters
        ----------
        new : Series
            The rows that follow.
        forget : int
            Number of rows to forget.
        network : Linear
            The network of the student.
        spec : NetworkSpec
            The problem.

        Returns
        -------
        seen : SeenRows
            The remaining rows; this object does not change.

        Raises
        ------
        ValueError
            If the rows do not follow, or too few would remain.
        """
        assert self.series is not None  # of a panel, nothing is extended here
        if None not in (self.series.id, new.id) and self.series.id != new.id:
            raise ValueError(f"partial_fit continues series {self.series.id!r}; got series {new.id!r}.")
        known = self if self.moments is not None else self.start(self.series, network, spec)
        index = join_labels(self.series, new)
        moments = copy.copy(known.moments)  # it replaces its arrays, so this object does not change
        assert moments is not None
        moments.append(new.values, self._calendar_of_last(index, len(new)) if spec.n_time_features else None)
        if forget:
            moments.forget(forget)
            index = None if index is None else index[forget:]
        step = self.series.step
        if index is not None and step is not None and getattr(step.offset, "holidays", None):  # not in the labels
            index = step.note_on(index)
        series = Series(moments.rows, index, self.series.columns, step=step, id=self.series.id)
        return SeenRows(series, moments, known.network)

    def _calendar_of_last(self, index: pd.Index | None, n_rows: int) -> np.ndarray:
        """Return the calendar features of the last labels."""
        assert self.series is not None
        assert self.series.index is not None
        if not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
            raise ValueError("X of partial_fit must have times as labels: the student reads the calendar.")
        return calendar_of(index[-n_rows:], 0, self.series.step or find_step(self.series.index))[0]

    def starts(self, X: Any) -> bool:
        """Return whether the rows start with exactly the rows of earlier updates.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame or Series
            All current rows.

        Returns
        -------
        starts : bool
            False after a plain fit, and if values or labels of rows were revised.
        """
        if self.moments is None or self.series is None:
            return False
        rows, n_seen = np.asarray(X), len(self.series)
        rows = rows[:, None] if rows.ndim == 1 else rows
        index = as_time_index(X.index) if isinstance(X, pd.DataFrame | pd.Series) and not _is_default(X.index) else None
        known = self.series.index
        if index is not None and known is not None and not same_labels(index[:n_seen], known):
            return False
        return np.array_equal(rows[:n_seen], self.moments.rows)

    def __len__(self) -> int:
        """Return the number of rows."""
        return 0 if self.series is None else len(self.series)

    def table(self) -> Any:
        """Return the rows in the form of user input.

        Returns
        -------
        X : ndarray or DataFrame
            A copy of the rows, with their labels if there are any.
        """
        assert self.series is not None
        values, columns = self.series.values.copy(), self.series.columns
        return values if columns is None else pd.DataFrame(values, self.series.index, columns)


def _check_updatable(forecaster: Any) -> bool:
    """Raise unless exact updates are possible, for ``available_if``."""
    if missing := obstacles(forecaster):
        raise ValueError(f"partial_fit is exact, and needs {'; '.join(missing)}. Otherwise call fit with all rows.")
    return True


def obstacles(forecaster: Any, *, is_panel: bool = True) -> list[str]:
    """Return the requirements of exact updates that are not met.

    Parameters
    ----------
    forecaster : DistilledForecaster
        With its parameters.
    is_panel : bool, default=True
        Whether there are several series, whose units and transformer stay those of ``fit``; those of one series are
        computed again from all its rows.

    Returns
    -------
    missing : list of str
        The missing requirements; empty if there are none.
    """
    network = resolve_student(forecaster.student)
    loss = resolve_loss(forecaster.loss)
    lacking = {
        "a student that is solved exactly: student=Linear()": not isinstance(network, Linear)
        or network.solver == "gradient",
        "one penalty and no weight_grid": isinstance(network, Linear)
        and (len(network.penalties()) > 1 or bool(network.weight_grid)),
        "teacher=None: a teacher that was trained on other rows gives other labels": forecaster.teacher is not None,
        "validation_fraction=0: all rows are used": bool(
            forecaster._validation_share(len(forecaster.known_covariates or ()))
        ),
        "quantiles=None: quantiles are trained": forecaster.quantiles is not None,
        "known_dropout=0 and window_step=1": bool(forecaster.known_dropout) or forecaster.window_step != 1,
        "vintages=None: what was known at each origin is not in the rows": forecaster.vintages is not None,
        "a loss whose terms without a teacher are quadratic": isinstance(
            quadratic_terms(loss, forecaster.prediction_length, has_teacher=False), str
        ),
    }
    if not is_panel:
        own_context = forecaster.min_observed in (None, forecaster.context_length)
        lacking |= {
            "transformer=None": forecaster.transformer is not None,
            "scaling='auto' or 'global': the moments are in units of all rows": forecaster.scaling
            in ("series", "window"),
            "min_observed=None: only whole contexts are counted": not own_context,
            "no static covariates": bool(forecaster.static_covariates),
        }
    return [need for need, lacks in lacking.items() if lacks]


def join_labels(seen: Series, new: Series, method: str = "partial_fit") -> pd.Index | None:
    """Return the labels of all rows.

    Parameters
    ----------
    seen, new : Series
        Earlier rows, and the rows that follow.
    method : str, default="partial_fit"
        Who asks, for messages.

    Returns
    -------
    labels : Index or None
        None if the series have none.

    Raises
    ------
    ValueError
        If the new labels do not continue the earlier ones.
    """
    if seen.index is None:
        return None
    if new.index is None or _is_default(new.index):
        step = seen.step or find_step(seen.index)
        return None if step is None else seen.index.append(continue_index(seen.index, len(new), step=step))
    joined = seen.index.append(new.index)
    try:
        checked_step(joined, known=() if seen.step is None else (seen.step,))
        wrong = None
    except ValueError as error:
        wrong = error
    if wrong or (joined.dtype == object and new.index.dtype != seen.index.dtype):
        raise ValueError(
            f"X of {method} must follow the rows so far, which end at {seen.index[-1]} ({seen.index.dtype}); "
            f"got labels from {new.index[0]} to {new.index[-1]} ({new.index.dtype}). Pass the rows that come next, or "
            "all rows to fit."
        ) from wrong
    return joined


def _check_complete(X: Any, name: str) -> None:
    """Raise where a value is missing: the sums over windows that are updated have no place for it."""
    frame = pd.DataFrame(X) if isinstance(X, np.ndarray) and X.ndim == 2 else X
    if not isinstance(frame, pd.DataFrame | pd.Series):
        return  # one series alone is taken, which is checked where it is read
    missing = frame.to_frame().isna() if isinstance(frame, pd.Series) else frame.isna()
    if not missing.to_numpy().any():
        return
    row, channel = np.argwhere(missing.to_numpy())[0]
    which = "" if isinstance(X, np.ndarray) else f" ({missing.index[row]}, {missing.columns[channel]!r})"
    raise ValueError(
        f"{name} must have no missing value; got NaN first in row {row}, channel {channel}{which}. partial_fit updates "
        "sums over windows, which have no place for what is missing: call fit with all rows, which takes NaN, or fill "
        "the gaps before."
    )


def check_forgets_nothing(forget: int) -> None:
    """Raise if rows are to be forgotten before there are any.

    Parameters
    ----------
    forget : int
        Parameter of ``partial_fit``.
    """
    if check_integer(forget, "forget of partial_fit", minimum=0):
        raise ValueError(f"forget of partial_fit must be 0 before the first rows; got {forget}.")


def _forget_none(forget: int) -> None:
    """Raise if rows of a panel are to be forgotten."""
    if forget:
        raise ValueError(
            f"forget of partial_fit must be 0 for a panel, whose series end at different times; got {forget}. Fit the "
            "rows to keep again."
        )


def _is_default(index: pd.Index) -> bool:
    """Return whether the index is pandas' default, row numbers from 0, which carries no information on order."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def _count_time_features(network: Linear, series: Series) -> int:
    """Return the number of calendar features that a student reads of the rows of a series."""
    has_calendar = have_calendar([series.index])
    if network.time_features is True and not has_calendar:
        raise ValueError(
            "Linear(time_features=True) needs a series with a calendar: give a DataFrame with a DatetimeIndex or "
            "PeriodIndex, or set time_features='auto' or False."
        )
    if network.time_features is False or not has_calendar:
        return 0
    return len(fields_of([series.index], (series.step,))[0])


class UpdatableMixin(BaseDistilled):
    """Mixin for exact updates of a forecaster with a student that is solved from moments."""

    roles_: Roles

    context_length: int
    prediction_length: int
    targets: Any

    targets_: tuple[int, ...]
    _seen: SeenRows  # a copy of the rows, if they can be updated

    def _cutting(self) -> FitWindows:
        """Say how windows are cut from series."""
        raise NotImplementedError

    @available_if(_check_updatable)
    @in_float32()
    def partial_fit(self, X: Any, y: Any = None, *, forget: int = 0) -> Self:
        """Add new rows and forget old ones, exactly: the student equals that of a fit to all remaining rows.

        For ``Linear`` students that are solved exactly, without a teacher and without validation rows; other
        forecasters do not have this method, and the error names the reason. The moments of the windows are updated, so
        the cost does not grow with the number of earlier rows. The moments are stored in the forecaster, also when it
        is pickled.

        In a panel, series known by their id go on at their end, and others are added. Units of the series of ``fit``
        stay those of ``fit``, and a new series gets units from its rows so far once it has a window: the student equals
        that of a fit to all rows in these units.

        Parameters of the student that were changed since apply to all rows; of a panel, they must be those of ``fit``.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series or panel
            The rows that follow the rows so far, or the first rows; of a panel, of some or all series.
        y : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.
        forget : int, default=0
            Number of rows to forget at the start, for a sliding window; of one series only.

        Returns
        -------
        self : forecaster
            The updated forecaster.

        Raises
        ------
        ValueError
            If the rows do not follow (according to the index of a DataFrame), a value is missing, too few would
            remain, or targets or covariates were changed after ``fit``. The forecaster does not change.
        """
        warn_of_ignored_y(y, "DistilledForecaster.partial_fit")
        self._check_parameters()
        check_integer(forget, "forget of partial_fit", minimum=0)
        if hasattr(self, "student_"):
            check_roles_unchanged(self, "partial_fit")
        if self._continues_panel():
            _forget_none(forget)
            self._add_to_panel(read_series(self, X, reset=False, allow_batch=False).series)
            return self
        seen = self._resume()
        if seen is not None or getattr(getattr(X, "index", None), "nlevels", 1) == 1:  # of a first panel, gaps are told
            _check_complete(X, "X of partial_fit")
        if seen is not None and seen.series is not None:
            _check_complete(seen.series.values, "what fit has seen before partial_fit")
        given = read_series(self, X, reset=seen is None, allow_batch=False)
        if len(given.series) > 1 and seen is None:
            _forget_none(forget)
            return self._start_panel(X, given.series)
        if given.is_list or len(given.series) != 1:
            raise ValueError(
                "partial_fit takes one series, because fit got one; got several. Fit all of them again: a panel can be "
                "added to."
            )
        self._check_exact_for_one()
        new, roles = given.series[0], self.roles_
        _check_complete(new.values, "X of partial_fit")  # an unknown category is missing
        network, loss = resolve_student(self.student), resolve_loss(self.loss)
        assert isinstance(network, Linear)  # _check_updatable
        spec = NetworkSpec(
            self.context_length,
            self.prediction_length,
            new.values.shape[1],
            roles.target_channels,
            season=season_of_series(new.index, new.step),
            known=roles.known_channels,
            n_time_features=_count_time_features(network, new),
        )
        if seen is not None:
            seen, spec = self._in_inputs_of(network, seen, spec)
            seen = seen.extend(new, forget, network, spec)
        else:
            check_forgets_nothing(forget)
            self.targets_ = roles.target_channels
            self._cutting().check_rows(given.series, [0])
            network.check(spec)
            seen = SeenRows.start(new, network, spec)
        assert seen.series is not None  # of one series
        warn_of_outliers(find_outliers([seen.series]))
        warn_of_zeros_at_end([seen.series], spec.targets)
        owner = type(self).__name__
        warn_outside([new.values[:, list(spec.targets)]], check_bounds(self.bounds, owner), ["X"], owner)
        is_first = not hasattr(self, "student_")
        self._solve_for(network, loss, seen, spec)
        if is_first:  # of later calls, the first one has told
            warn_of_idle_settings(self)
            warn_of_unread_settings_for([network, loss], self.spec_)
            self._warn_of_few_windows(len(seen) - spec.context_length - spec.prediction_length + 1)
            self._cutting().tell_constant_covariates(given.series, [new.values])
        else:
            self.roles_ = replace(self.roles_, known_range=(), static_range=())  # new rows may have another one
        return self

    def _in_inputs_of(self, network: Linear, seen: SeenRows, spec: NetworkSpec) -> tuple[SeenRows, NetworkSpec]:
        """Return the rows so far and the problem for a network, which may have been changed since the last update."""
        before = getattr(self, "spec_", spec)
        if seen.is_of(network):
            return seen, replace(spec, season=before.season, n_time_features=before.n_time_features)
        assert seen.series is not None  # of one series
        spec = replace(spec, season=before.season, n_time_features=_count_time_features(network, seen.series))
        network.check(spec)
        return SeenRows.start(seen.series, network, spec), spec

    def _solve_for(self, network: Linear, loss: BaseLoss, seen: SeenRows, spec: NetworkSpec) -> Self:
        """Solve for the student on all rows so far, and take it on."""
        assert seen.moments is not None
        module, part = network.build(spec), network.solvable_part(spec)
        scaling = self._cutting().scaling(spec.season).fit([seen.moments.rows])
        moments = seen.moments.standardized(np.asarray(scaling.mean_), np.asarray(scaling.scale_))
        chosen = moments if part.n_inputs else [moments[target] for target in spec.targets]
        self._take_on(
            student_=module.eval(),
            spec_=spec,
            teacher_=None,
            provenance_=[],
            scaling_=scaling,
            history_=solve_from_moments(part, module, spec, chosen, loss).history,
            _seen=seen,
            without=("_solved", "_kept", "_recent"),  # they lack the rows that were added, and have those forgotten
        )
        return self

    def _continues_panel(self) -> bool:
        """Return whether there is a panel that can be added to."""
        seen, recent = self.__dict__.get("_seen"), self.__dict__.get("_recent", ())
        return hasattr(self, "student_") and (len(recent) > 1 or (seen is not None and seen.series is None))

    def _start_panel(self, X: Any, series: list[Series]) -> Self:
        """Fit a panel, and keep what pickles need to add to it."""
        raise NotImplementedError

    def _add_to_panel(self, new: list[Series]) -> None:
        """Add new rows of a panel."""
        raise NotImplementedError

    def _resume(self) -> SeenRows | None:
        """Return the rows of ``fit`` and ``partial_fit`` so far; None before the first ones."""
        seen = self.__dict__.get("_seen")
        if seen is None and hasattr(self, "student_"):
            raise ValueError(
                "partial_fit needs the rows passed to fit, which are kept if exact updates are possible, "
                "and never pickled: call fit with all rows, or start with partial_fit, whose moments are pickled."
            )
        return seen

    def catch_up(self, X: Any) -> Self:
        """Add the rows of a growing series that are new since the last update.

        If earlier rows were revised, or there was no update before, it starts again with all rows. Parameters that were
        changed since apply, also without new rows.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame or Series
            All current rows.

        Returns
        -------
        self : forecaster
            This forecaster, or a new one if it starts again.
        """
        seen = self.__dict__.get("_seen")
        if seen is None or not seen.starts(X):
            return clone(self).partial_fit(X)
        if len(X) == len(seen):
            return self._solve_again(seen)
        return self.partial_fit(X.iloc[len(seen) :] if isinstance(X, pd.DataFrame | pd.Series) else X[len(seen) :])

    @in_float32()
    def _solve_again(self, seen: SeenRows) -> Self:
        """Solve for the student on the rows so far: its parameters may have been changed."""
        _check_updatable(self)
        self._check_parameters()
        check_roles_unchanged(self, "catch_up")
        self._check_exact_for_one()
        network, loss = resolve_student(self.student), resolve_loss(self.loss)
        assert isinstance(network, Linear)  # _check_updatable
        return self._solve_for(network, loss, *self._in_inputs_of(network, seen, self.spec_))

    def _check_exact_for_one(self) -> None:
        """Raise unless exact updates of one series are possible."""
        if missing := obstacles(self, is_panel=False):
            raise ValueError(
                f"partial_fit of one series is exact, and needs {'; '.join(missing)}. Otherwise call fit with all rows."
            )

    def _keep_for_updates(self, series: list[Series]) -> None:
        """Copy the rows passed to ``fit`` if exact updates are possible."""
        if not obstacles(self, is_panel=len(series) > 1):
            network = resolve_student(self.student)
            assert isinstance(network, Linear)  # obstacles
            self._seen = SeenRows.of_fit(series, network)

    def __getstate__(self) -> dict[str, Any]:
        """Drop the rows of a plain ``fit``; only those of ``partial_fit`` are pickled."""
        state = dict(super().__getstate__())
        if "_seen" in state and state["_seen"].moments is None:
            del state["_seen"]
        return state
