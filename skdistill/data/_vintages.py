"""Known covariates that are revised: what was known at each origin, from a table of issue and valid times."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._checks import check_real
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._label_kinds import kind_of_labels
from skdistill.data._roles import Roles
from skdistill.data._steps import as_time_index

__all__ = ["LOST", "Vintages", "known_ahead", "lost_vintages", "places_of", "vintages_of"]

LOST = (
    "the vintages of this forecaster are not in its file, and rows of X tell only what came true, which nobody knew "
    "then: set_params(vintages=...) first. predict takes future=."
)

_MOST_NAMED = 5


class Vintages:
    """Forecasts of covariates as they were issued, such as weather forecasts, which every later issue revises.

    A forecaster with ``vintages=`` reads, at every origin, the newest value for each step of the horizon that was
    issued until then: in training, in ``backtest``, ``score`` and ``compare``, and in ``predict``, which then needs no
    ``future``. Values that were issued later are never read, and those of the series itself (what came true) only in
    contexts. A step for which nothing had been issued is unknown. A ``future`` for other known covariates can leave
    these columns out; numbers that it has there take precedence.

    Parameters
    ----------
    table : DataFrame
        One row for each issue and time: when it was issued, what time it is for, and the values.
    issued : str, default="issued"
        Column of the issue times. A value is known at an origin if it was issued no later than the last row of
        the context.
    time : str, default="time"
        Column of the times that the values are for, as in the index of the series.
    id : str, sequence of str or None, default=None
        Column of the ids of series; several columns match ids of several levels, and those that
        :func:`~skdistill.datasets.read_panel` joins with ``"/"``. None if all series share the values.
    columns : sequence of str or None, default=None
        Columns of values, all of them known covariates of the forecaster; None takes the others.
    delay : Timedelta, str, number or None, default=None
        How long after its issue time a value is available: ``"3h"``; a number for numbered times.

    Attributes
    ----------
    columns : list of str
        The columns of values.
    ids : list or None
        The ids of series, None if all share the values.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data import Vintages
    >>> table = pd.DataFrame({
    ...     "issued": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-02"]),
    ...     "time": pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-03"]),
    ...     "wind": [5.0, 6.0, 7.0],
    ... })
    >>> vintages = Vintages(table)
    >>> days = pd.date_range("2024-01-01", periods=3, freq="D")
    >>> vintages.known_at(days[0], days)["wind"].tolist()  # the first of January is not forecast
    [nan, 5.0, 6.0]
    >>> vintages.known_at(days[1], days)["wind"].tolist()
    [nan, 5.0, 7.0]
    """

    def __init__(
        self,
        table: pd.DataFrame,
        *,
        issued: str = "issued",
        time: str = "time",
        id: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        delay: Any = None,
    ) -> None:
        if not isinstance(table, pd.DataFrame):
            raise TypeError(f"table of Vintages must be a pandas DataFrame; got {type(table).__name__}.")
        of_ids: list[Any] = [] if id is None else list(id) if pd.api.types.is_list_like(id) else [id]
        keys = [issued, time, *of_ids]
        chosen = [name for name in table.columns if name not in keys] if columns is None else list(columns)
        missing = [name for name in (*keys, *chosen) if name not in table.columns]
        if missing:
            raise ValueError(f"Vintages finds no columns {missing} in its table, which has {list(table.columns)}.")
        if not chosen:
            raise ValueError("Vintages finds no column of values beside those of issue time, time and id.")
        doubled = table.columns[table.columns.duplicated()]
        if len(doubled):
            raise ValueError(f"Vintages need columns of different names; {doubled[0]!r} comes twice in its table.")
        text = [name for name in chosen if not _holds_numbers(table[name])]
        if text:
            raise ValueError(f"Vintages must hold numbers; not numeric: {text}. Encode categories as 0 and 1 first.")
        for one in of_ids:
            if table[one].isna().any():
                raise ValueError(
                    f"Vintages need an id in every row, and {int(table[one].isna().sum())} of {len(table)} have none "
                    f"in {one!r}: fill it in, or leave these rows out."
                )
        for name in chosen:
            if np.isinf(table[name].to_numpy(dtype=np.float64, na_value=np.nan)).any():
                raise ValueError(f"Vintages must be finite; {name!r} holds infinity: write NaN where nothing is known.")
        _warn_of_late_issues(table[issued], table[time])
        after = None if delay is None else _read_delay(delay, table[issued])
        self.columns: list[Any] = chosen
        self._tables: dict[Hashable, list[_Revisions]] = {
            key: _Revisions.of(part, issued, time, chosen, after) for key, part in _parts(table, of_ids)
        }
        self.ids: list[Hashable] | None = list(self._tables) if of_ids else None
        self._joined = _join_levels(self.ids if len(of_ids) > 1 else None)

    def __repr__(self) -> str:
        """Return columns and sizes."""
        n_values = sum(len(one.keys) for part in self._tables.values() for one in part)
        shared = "" if self.ids is None else f", {len(self.ids)} series"
        return f"Vintages({self.columns}, {n_values} values{shared})"

    def __sklearn_clone__(self) -> Vintages:
        """Return the same object: it never changes."""
        return self

    def known_at(self, origin: Any, times: pd.Index, id: Hashable = None) -> pd.DataFrame:
        """Return what was known at one time.

        Parameters
        ----------
        origin : label
            Time of the last observed row.
        times : Index
            The times to look up.
        id : hashable, default=None
            Id of the series; ignored if all share the values.

        Returns
        -------
        known : DataFrame of shape (n_times, n_columns)
            The newest values issued no later than the origin; NaN where there is none.
        """
        origins, columns = pd.Index([origin]), self._of(id, "known_at")
        for column, one in zip(self.columns, columns, strict=True):
            one.check_kind(times, column, "times")
        values = [one.look_up(one.find_origins(origins), one.find_times(times)) for one in columns]
        return pd.DataFrame(np.stack(values, axis=-1), index=times, columns=self.columns)

    def ahead(self, index: pd.Index, later: pd.Index, id: Hashable, name: str) -> np.ndarray:
        """Return what was known at every row of a series, for the rows from there on.

        Parameters
        ----------
        index : Index of shape (n_timestamps,)
            Labels of the series.
        later : Index of shape (prediction_length,)
            The labels that follow.
        id : hashable
            Id of the series.
        name : str
            What to call it in messages.

        Returns
        -------
        ahead : ndarray of shape (n_timestamps + 1, prediction_length, n_columns)
            In entry r, what was known after row r - 1 about rows r and following; NaN where nothing.
        """
        both = index.append(later)
        values = []
        for column, one in zip(self.columns, self._of(id, name), strict=True):
            one.check_kind(both, column, name)
            origins = np.concatenate([[-1], one.find_origins(index)])  # nothing is known before the first row
            found = one.find_times(both)
            one.check_matches(found, both, column, name)
            times = np.lib.stride_tricks.sliding_window_view(found, len(later))
            values.append(one.look_up(origins[:, None], times))
        return np.stack(values, axis=-1)

    def _of(self, id: Hashable, name: str) -> list[_Revisions]:
        """Return the revisions of every column for one series."""
        key = None if self.ids is None else self._joined.get(id, id)
        if key not in self._tables:
            raise ValueError(
                f"vintages have no values for the series {id!r} ({name}); they have {self.ids[:_MOST_NAMED]}"  # type: ignore[index]
                f"{', ...' if len(self._tables) > _MOST_NAMED else ''}. Add its rows, or leave out id= of Vintages if "
                "all series share the values."
            )
        return self._tables[key]


def vintages_of(estimator: Any, *, fitting: bool) -> Vintages | None:
    """Return the vintages of an estimator; one that was loaded from a file has none, as files do not hold them.

    Parameters
    ----------
    estimator : estimator
        A forecaster.
    fitting : bool
        Whether it is about to learn from them.

    Returns
    -------
    vintages : Vintages or None
        None if there are none.

    Raises
    ------
    TypeError
        In fit, if the parameter is something else.
    """
    given = getattr(estimator, "vintages", None)
    if given is None or isinstance(given, Vintages):
        return given
    if fitting:
        raise TypeError(
            f"vintages of {type(estimator).__name__} must be Vintages or None; got {given!r}. A file does not hold "
            "them: set_params(vintages=...)."
        )
    return None


def lost_vintages(estimator: Any) -> bool:
    """Return whether an estimator was loaded from a file, which says that there were vintages, but holds none.

    Parameters
    ----------
    estimator : estimator
        A forecaster.

    Returns
    -------
    lost : bool
        Whether what was known at earlier origins is unknown.
    """
    given = getattr(estimator, "vintages", None)
    return given is not None and not isinstance(given, Vintages)


def known_ahead(vintages: Vintages, roles: Roles, one: Any, prediction_length: int, name: str) -> np.ndarray:
    """Return what was known at every row of a series, from vintages, and from later rows for the other columns.

    Parameters
    ----------
    vintages : Vintages
        Revised values of some known covariates.
    roles : Roles
        Roles of the columns.
    one : Series
        The series, as channels.
    prediction_length : int
        Rows of the horizon.
    name : str
        What to call the series in messages.

    Returns
    -------
    ahead : ndarray of shape (n_timestamps + 1, prediction_length, n_known)
        In original units, NaN where unknown.
    """
    places = places_of(vintages, roles)
    if one.index is None:
        raise ValueError(
            f"vintages are matched by time, and {name} has no row labels: give a DataFrame with a time index."
        )
    after = np.full((prediction_length, len(roles.known_channels)), np.nan)
    rows = np.concatenate([one.values[:, list(roles.known_channels)], after])
    ahead = np.lib.stride_tricks.sliding_window_view(rows, prediction_length, axis=0)[: len(one) + 1]
    ahead = np.array(ahead.transpose(0, 2, 1))
    ahead[..., places] = vintages.ahead(one.index, one.labels_ahead(prediction_length), one.id, name)
    return ahead


def places_of(vintages: Vintages, roles: Roles) -> list[int]:
    """Return the place of every column of vintages among the known channels, or raise.

    Parameters
    ----------
    vintages : Vintages
        Revised values of known covariates.
    roles : Roles
        Roles of the columns.

    Returns
    -------
    places : list of int
        In the order of the columns of vintages.
    """
    names = [roles.name(column) for column in roles.known]
    others = [name for name in vintages.columns if name not in names]
    if others:
        raise ValueError(
            f"vintages have the columns {others}, which are not among known_covariates {names}: name them there, or "
            "choose columns= of Vintages."
        )
    encoded = [name for name in vintages.columns if roles.known[names.index(name)] in roles.categories]
    if encoded:
        raise ValueError(f"vintages hold numbers, and {encoded} hold categories in X: give both as numbers.")
    groups = list(roles.known_groups)
    return [groups.index(roles.known[names.index(name)]) for name in vintages.columns]


@dataclass(frozen=True)
class _Revisions:
    """All values of one column, sorted by time and then by issue.

    Parameters
    ----------
    issues : Index
        Distinct issue times, in order.
    times : Index
        Distinct times that values are for, in order.
    keys : ndarray of int of shape (n_values,)
        Number of the time, times the number of issues, plus the number of the issue; rising.
    values : ndarray of shape (n_values,)
        The values.
    """

    issues: pd.Index
    times: pd.Index
    keys: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame, issued: str, time: str, columns: Sequence[Any], delay: Any) -> list[_Revisions]:
        """Sort the values of every column; missing ones are left out, so that an older issue stands."""
        revisions = []
        for column in columns:
            rows = table[table[column].notna()]
            if rows[[issued, time]].isna().any(axis=None):
                raise ValueError(
                    f"Vintages need an issue time and a time in every row; some of {column!r} are missing."
                )
            known_from = _moments(pd.Index(rows[issued]))
            if delay is not None:
                known_from = known_from + delay
            issues, times = known_from.unique().sort_values(), _moments(pd.Index(rows[time])).unique().sort_values()
            keys = times.get_indexer(_moments(pd.Index(rows[time]))) * len(issues) + issues.get_indexer(known_from)
            order = np.argsort(keys, kind="stable")
            doubled = np.flatnonzero(np.diff(keys[order]) == 0)
            if len(doubled):
                row = rows.iloc[order[doubled[0]]]
                raise ValueError(
                    f"Vintages have {column!r} twice for {row[time]} as issued at {row[issued]}: give each value once."
                )
            revisions.append(cls(issues, times, keys[order], rows[column].to_numpy(dtype=np.float64)[order]))
        return revisions

    def find_origins(self, origins: pd.Index) -> np.ndarray:
        """Return the number of the last issue until each origin, -1 before the first."""
        return np.asarray(self.issues.searchsorted(_moments(origins), side="right")) - 1

    def find_times(self, times: pd.Index) -> np.ndarray:
        """Return the number of each time, -1 for one without values."""
        return self.times.get_indexer(_moments(times))

    def look_up(self, origins: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the newest value of each time that an origin knows, NaN where there is none."""
        origins, times = np.broadcast_arrays(origins, times)
        if not len(self.keys):
            return np.full(times.shape, np.nan)
        places = np.searchsorted(self.keys, times * len(self.issues) + origins, side="right") - 1
        found = self.keys[np.maximum(places, 0)] // len(self.issues) == times
        return np.where(
            found & (places >= 0) & (origins >= 0) & (times >= 0), self.values[np.maximum(places, 0)], np.nan
        )

    def check_kind(self, index: pd.Index, column: Any, name: str) -> None:
        """Raise if the labels of a series are of another kind than issue times and times."""
        for what, labels in (("issue times", self.issues), ("times", self.times)):
            ours, theirs = kind_of_labels(_moments(index)), kind_of_labels(labels)
            if len(labels) and ours != theirs:
                raise ValueError(
                    f"vintages of {column!r} have {theirs} as {what}, and the index of {name} has {ours}: use the same."
                )

    def check_matches(self, found: np.ndarray, index: pd.Index, column: Any, name: str) -> None:
        """Raise if no label of a series is among the times though they lie where it does, warn if none does."""
        if not len(self.times) or (found >= 0).any():
            return
        labels = _moments(index)
        here = self.times[(self.times >= labels.min()) & (self.times <= labels.max())]
        told = f"vintages of {column!r} have no value for any row of {name}"
        if len(here):
            raise ValueError(
                f"{told}: its labels are such as {labels[-1]}, and their times such as {here[-1]}. Give values the "
                "times of the rows that they are for."
            )
        warnings.warn(
            f"{told}, {labels[0]} to {labels[-1]}: their times are {self.times[0]} to {self.times[-1]}. It all "
            "counts as unknown.",
            stacklevel=stacklevel_of_user(),
        )


def _parts(table: pd.DataFrame, of_ids: list[Any]) -> list[tuple[Hashable, pd.DataFrame]]:
    """Return the rows of every id; without columns of ids, all rows."""
    if not of_ids:
        return [(None, table)]
    groups: Any = table.groupby(of_ids if len(of_ids) > 1 else of_ids[0], sort=False, observed=True)
    return list(groups)


def _join_levels(ids: list[Any] | None) -> dict[Hashable, Hashable]:
    """Return ids of several levels by the texts that ``read_panel`` makes of them."""
    joined: dict[Hashable, Hashable] = {}
    for one in ids or ():
        text = "/".join(map(str, one))
        if text in joined:
            raise ValueError(
                f"Vintages have two series called {text!r}: {joined[text]} and {one}. Build one column of ids yourself."
            )
        joined[text] = one
    return joined


def _holds_numbers(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype)


def _warn_of_late_issues(issued: pd.Series, time: pd.Series) -> None:
    """Warn where every value is issued at or after its time, as where both columns changed places."""
    if not len(issued) or issued.dtype != time.dtype or issued.dtype == object:
        return
    if (issued >= time).all():
        warnings.warn(
            f"all values of Vintages were issued ({issued.name!r}) no earlier than the times that they are for "
            f"({time.name!r}), such as {issued.iloc[0]} for {time.iloc[0]}, so that no horizon reads one. Are issued= "
            "and time= the right columns?",
            stacklevel=stacklevel_of_user(),
        )


def _read_delay(delay: Any, issued: pd.Series) -> Any:
    """Return a delay in the kind of the issue times: a number, or else a span of time."""
    if pd.api.types.is_numeric_dtype(issued.dtype):
        check_real(delay, "delay of Vintages, whose issue times are numbers,", minimum=0.0)
        return delay
    if isinstance(delay, Real):
        raise TypeError(
            f"delay of Vintages, whose issue times are no numbers, must be a span of time such as '3h'; got {delay!r}."
        )
    if isinstance(issued.iloc[:1].tolist()[0] if len(issued) else None, str):
        raise TypeError(
            f"issue times of Vintages with a delay must be times; {issued.name!r} holds text such as "
            f"{issued.iloc[0]!r}: convert them with pd.to_datetime."
        )
    span = pd.Timedelta(delay)
    if not span >= pd.Timedelta(0):
        raise ValueError(f"delay of Vintages must not be negative: nothing is known before its issue; got {delay!r}.")
    return span


def _moments(labels: pd.Index) -> pd.Index:
    """Return moments of periods and of types of Arrow, and other labels unchanged."""
    return labels.to_timestamp() if isinstance(labels, pd.PeriodIndex) else as_time_index(labels)
