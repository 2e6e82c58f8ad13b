"""Values that outweigh all other rows of their series: codes of missing values, such as -9999, and other errors.

Students minimize squared errors, in units that come from squares, too. A value, or some rows of the same value, that
makes up nearly all squares of a series therefore decides what is learned from it: its season disappears in its unit,
and a value near the end, which windows only see as what follows, is extrapolated.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.base import BaseEstimator

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._short_series import name_series
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._transformer import transform

__all__ = [
    "find_outliers",
    "find_outliers_ahead",
    "find_outliers_of_statics",
    "find_outliers_of_windows",
    "warn_of_outliers",
]

_SHARE = 0.9  # of the squared distances from the median, from which a value outweighs all other rows
_SUSPECT = 0.5  # of those from the mean, which is nearer to the value than the median
_MOST_ROWS = 0.1  # of the observed rows; a value that is more frequent is a part of the series, if it is no code
_EVERY = 16  # value that is looked at first
_NEAR = 0.25  # of the distance of the farthest value, from which others hide that it outweighs all rows
_GAP = 0.1  # of the distance of such values, within which all others are
_ROUGH_GAP = 0.2  # from the mean, which is nearer to such values than the median
_FEW_ROWS, _FEW_VALUES = 0.01, 3  # of the observed rows, or in all, that can be such values
_USUAL = 8.0  # units around the center of fit


def find_outliers(
    series: Sequence[Series], transformer: BaseEstimator | None = None, *, judges: Sequence[Scaling] = ()
) -> list[str]:
    """Find values that make up nearly all squares of their series.

    Parameters
    ----------
    series : sequence of Series
        The series, in original units.
    transformer : transformer or None, default=None
        Fitted; applied before the standardization.
    judges : sequence of Scaling, default=()
        Of the forecasters that are judged on the series, in their units. A covariate that all of them know from ``fit``
        is no outlier: in few rows, January is far from December.

    Returns
    -------
    outliers : list of str
        Descriptions, one for each series and channel. A few values far from all others are one outlier, though each
        is no more than the others. Where most rows have one value, as in intermittent demand, only a value that is
        alone on its side of this one, such as -9999 among rain, is an outlier.

    Examples
    --------
    >>> rows = np.sin(np.arange(50.0))[:, None]
    >>> rows[[7, 9]] = -9999
    >>> find_outliers([Series(rows)])
    ['-9999 in row 7 of X (channel 0, 2 rows)']
    """
    filled = [number for number, one in enumerate(series) if len(one)]
    rows = [transform(transformer, series[number].values) for number in filled]
    lengths = np.array([len(part) for part in rows])
    first = lengths.cumsum() - lengths
    found = []
    for channel in range(rows[0].shape[1] if rows else 0):
        values = np.concatenate([part[:, channel] for part in rows])
        for place in _suspects(values, first, lengths):
            given = series[filled[place]].values[:, channel]
            outlying = _outlying(rows[place][:, channel], given)
            if outlying.any() and not _is_known(given[outlying], channel, judges):
                found.append(_describe(series, filled[place], channel, outlying))
    return found


def find_outliers_ahead(
    series: Sequence[Series], known: Sequence[int], standardize: Callable[[np.ndarray], np.ndarray]
) -> list[str]:
    """Find values that make up nearly all squares of what was known ahead, and are no values of the rows themselves.

    Parameters
    ----------
    series : sequence of Series
        The series, in original units, with what was known ahead if there are vintages.
    known : sequence of int
        Channels that are known covariates.
    standardize : callable
        Standardizes what was known ahead of these channels, behind the transformer.

    Returns
    -------
    outliers : list of str
        Descriptions, one for each series and channel.
    """
    found = []
    for number, one in enumerate(series):
        if one.ahead is None:
            continue
        standard = standardize(one.ahead)
        for place, channel in enumerate(known):
            values = np.asarray(one.ahead[:, :, place], dtype=np.float64).ravel()
            outlying = _outlying_alone(standard[:, :, place].ravel(), values)
            value = values[int(outlying.argmax())]
            if outlying.any() and not (one.values[:, channel] == value).any():
                row, step = divmod(int(outlying.argmax()), one.ahead.shape[1])
                name = f"channel {channel}" if one.columns is None else repr(one.columns[channel])
                who = name_series(series, number) if len(series) > 1 or one.id is not None else "X"
                found.append(f"{value:g} for row {row + step} of {who} (vintages of {name}, {outlying.sum()} times)")
    return found


def find_outliers_of_statics(series: Sequence[Series]) -> list[str]:
    """Find values that make up nearly all squares of a static covariate.

    Parameters
    ----------
    series : sequence of Series
        The series.

    Returns
    -------
    outliers : list of str
        Descriptions, one for each static covariate.
    """
    statics = series[0].statics
    if statics is None:
        return []
    standard = np.stack([np.asarray(one.static, dtype=np.float64) for one in series])
    values, found = statics.restore(standard), []
    for place in range(values.shape[1]):
        outlying = _outlying_alone(values[:, place], values[:, place])
        if outlying.any():
            number = int(outlying.argmax())
            name = place if statics.names is None else statics.names[place]
            found.append(f"{values[number, place]:g} of {name_series(series, number)} (static covariate {name!r})")
    return found


def find_outliers_of_windows(values: np.ndarray, name: str, first: int = 0) -> list[str]:
    """Find values that make up nearly all squares of a table of windows.

    Parameters
    ----------
    values : ndarray of shape (n_windows, length, n_channels)
        The windows.
    name : str
        Name of the table.
    first : int, default=0
        Column of the first step.

    Returns
    -------
    outliers : list of str
        Descriptions, one for each channel.

    Examples
    --------
    >>> table = np.sin(np.arange(60.0)).reshape(20, 3, 1)
    >>> table[[7, 9], 1] = -9999
    >>> find_outliers_of_windows(table, "X")
    ['-9999 in row 7 of X (column 1, 2 times)']
    """
    found = []
    for channel in range(values.shape[2]):
        own = np.asarray(values[:, :, channel], dtype=np.float64).ravel()
        if _is_calm(own) or not len(_suspects(own, np.zeros(1, dtype=int), np.array([len(own)]))):
            continue
        outlying = _outlying(own, own)
        if outlying.any():
            window, step = divmod(int(outlying.argmax()), values.shape[1])
            where = f"column {first + step}" if values.shape[2] == 1 else f"step {step}, channel {channel}"
            more = f", {outlying.sum()} times" if outlying.sum() > 1 else ""
            found.append(f"{values[window, step, channel]:g} in row {window} of {name} ({where}{more})")
    return found


def warn_of_outliers(
    outliers: Sequence[str],
    *,
    judged: bool = False,
    calibrated: bool = False,
    of_table: bool = False,
    of_static: bool = False,
) -> None:
    """Warn of values that decide what is learned, how forecasts are judged, or how wide quantiles are.

    Parameters
    ----------
    outliers : sequence of str
        Their descriptions; none, no warning.
    judged : bool, default=False
        Whether the rows judge forecasts.
    calibrated : bool, default=False
        Whether quantiles are calibrated on the rows.
    of_table : bool, default=False
        Whether they are of a table of windows, which takes no NaN.
    of_static : bool, default=False
        Whether they are of static covariates, to which no transformer is applied.
    """
    if not outliers:
        return
    more = f", and {len(outliers) - 1} more" if len(outliers) > 1 else ""
    others, remedy, way_out = "rows", "Write NaN", "a transformer such as PowerTransformer brings it nearer"
    if of_table:
        others, remedy, way_out = "values", "Leave out the rows that have it", "logarithms of X and y bring it nearer"
    if of_static:
        others, way_out = "series", "its logarithm is nearer"
    decided = "the units and what is learned"
    if judged:
        decided, way_out = "squared errors", "look at absolute ones, too"
    if calibrated:
        decided = "the forecasts from rows after it, whose errors count in the quantiles"
        way_out = "give more rows, of which it is a smaller part"
    warnings.warn(
        f"{outliers[0]}{more}: its squared distance from the median is over {_SHARE / (1 - _SHARE):.0f} times that of "
        f"all other {others} together, so that it decides {decided}. {remedy} if it is an error or stands for a "
        f"missing value; if it is meant, {way_out}.",
        stacklevel=stacklevel_of_user(),
    )


def _is_calm(values: np.ndarray) -> bool:
    """Return whether some of the values show that no value is suspect; quick, and False where they do not tell."""
    mean, low, high = values.mean(), values.min(), values.max()
    farthest = high if high - mean > mean - low else low
    with np.errstate(over="ignore"):
        squares = np.square(values[::_EVERY] - mean).sum()
        return bool(np.count_nonzero(values == farthest) * np.square(farthest - mean) < _SUSPECT * squares)


def _suspects(values: np.ndarray, first: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the series in which the value farthest from the mean, or a few such values, can outweigh all others."""
    observed = ~np.isnan(values)
    n_observed = np.maximum(np.add.reduceat(observed, first, dtype=np.int64), 1)
    distances = np.where(observed, values, 0.0)
    mean = np.add.reduceat(distances, first) / n_observed
    distances = np.where(observed, np.abs(values - np.repeat(mean, lengths)), 0.0)
    farthest = np.maximum.reduceat(distances, first)
    distances /= np.repeat(np.where(farthest > 0, farthest, 1.0), lengths)  # squares of any values are finite
    n_farthest = np.add.reduceat(distances == 1, first, dtype=np.int64)
    squares = np.add.reduceat(np.square(distances), first)
    alone = (n_farthest > _SUSPECT * squares) & (n_farthest < 0.5 * n_observed)
    near = distances > _ROUGH_GAP
    n_near = np.add.reduceat(near, first, dtype=np.int64)
    few = n_near <= np.maximum(_FEW_VALUES, _FEW_ROWS * n_observed)
    return np.flatnonzero((alone | (few & (n_near > n_farthest))) & (farthest > 0))


def _outlying_alone(values: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return which values of a column alone outweigh all others, as :func:`_outlying` does."""
    if not len(_suspects(values, np.zeros(1, dtype=int), np.array([len(values)]))):
        return np.zeros(len(values), dtype=bool)
    return _outlying(values, given)


def _outlying(values: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return which rows have the value that outweighs all others, or few such values, if they are no rare demand.

    Both are of one series; those given are in original units, in which codes are written.
    """
    observed = values[~np.isnan(values)]
    farthest = values[np.nanargmax(np.abs(values - observed.mean()))]
    outlying = values == farthest
    rest = observed[observed != farthest]
    if (rest == rest[0]).all():  # a rare demand, or a switch, has two values as well
        return outlying & (_is_code(given[outlying][0]) and bool(farthest < rest[0]))
    if _outweighs(values, given, outlying):
        return outlying
    median = np.median(observed)
    distances = np.abs(values - median)
    near = distances > _NEAR * abs(farthest - median)
    few = near.sum() <= max(_FEW_VALUES, _FEW_ROWS * len(observed))
    is_apart = few and np.nanmax(distances[~near], initial=0.0) < _GAP * distances[near].min()
    return near & (is_apart and _outweighs(values, given, near))


def _outweighs(values: np.ndarray, given: np.ndarray, outlying: np.ndarray) -> bool:
    """Return whether some values outweigh all others, and are no rare demand, nor frequent and no code."""
    rest = values[~outlying & ~np.isnan(values)]
    is_frequent = outlying.sum() > _MOST_ROWS * (len(rest) + outlying.sum())
    if is_frequent and not _is_code(given[outlying][0]):
        return False
    far, distances = values[outlying] - np.median(rest), rest - np.median(rest)
    if np.square(far).sum() * (1 - _SHARE) <= _SHARE * np.square(distances).sum():
        return False
    is_alone = (np.outer(np.sign([far.min(), far.max()]), distances) <= 0).all()  # on its side of the median
    return bool(distances.any() and (is_alone or np.median(np.abs(distances)) > 0))


def _is_code(value: float) -> bool:
    """Return whether a value has no digit but 9, as 999.9 and -9999 have, which stand for missing values."""
    return set(f"{abs(value):.10g}") <= set("9.")


def _is_known(values: np.ndarray, channel: int, judges: Sequence[Scaling]) -> bool:
    """Return whether values of a covariate are near those of ``fit``, for each forecaster."""
    for one in judges:
        if one.transformer_ is not None or one.targets is None or channel in one.targets:
            return False
        center, unit = (
            (one.mean_, one.scale_) if one.covariates_ is None else (one.covariates_.center, one.covariates_.unit)
        )
        if (np.abs(values - center[channel]) > _USUAL * unit[channel]).any():
            return False
    return bool(judges)


def _describe(series: Sequence[Series], number: int, channel: int, outlying: np.ndarray) -> str:
    one, row = series[number], int(outlying.argmax())
    columns = one.columns
    name = f"channel {channel}" if columns is None else repr(columns[channel])
    label = "" if one.index is None else f" ({one.index[row]})"
    kind = "rows" if (one.values[outlying, channel] == one.values[row, channel]).all() else "such rows"
    more = f", {outlying.sum()} {kind}" if outlying.sum() > 1 else ""
    who = name_series(series, number) if len(series) > 1 or one.id is not None else "X"
    return f"{one.values[row, channel]:g} in row {row}{label} of {who} ({name}{more})"
