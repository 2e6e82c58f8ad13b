"""What fit tells of series from which little or nothing is learned."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._short_series import name_series
from skdistill.data._series import Series
from skdistill.data._training_windows import TrainingWindows

__all__ = [
    "warn_of_contexts_of_one_row",
    "warn_of_empty_contexts",
    "warn_of_few_rows",
    "warn_of_mixed_steps",
    "warn_of_unobserved",
    "warn_without_window",
]

_MOST_NAMED = 5  # maximum number of series listed in a warning
_FEWEST_ROWS = 8  # fewer rows may not show their step


def warn_of_few_rows(series: Sequence[Series], known: Sequence[np.ndarray], reach: int) -> None:
    """Warn of series with too few training rows for a window.

    Parameters
    ----------
    series : sequence of Series
        Series of the user.
    known : sequence of ndarray of shape (n_timestamps, n_channels)
        Training rows of each series.
    reach : int
        Training rows that a window needs.
    """
    short = [number for number, rows in enumerate(known) if len(rows) < reach]
    if not short:
        return
    named = [f"{name_series(series, one)} ({len(known[one])} of {len(series[one])} rows)" for one in short]
    warnings.warn(
        f"{len(short)} of {len(series)} series have too few training rows for a window of {reach}: no training "
        f"window comes from {_list(named)}. Leave them out, or take a smaller context_length, "
        "prediction_length or validation_fraction.",
        stacklevel=stacklevel_of_user(),
    )


def warn_of_empty_contexts(series: Sequence[Series], context_length: int) -> None:
    """Warn if every context is longer than every series.

    Parameters
    ----------
    series : sequence of Series
        Series of the user.
    context_length : int
        Rows of a context.
    """
    longest = max(len(one) for one in series)
    if longest < context_length:
        warnings.warn(
            f"context_length={context_length} is more than the longest series of X has ({longest} rows): the first "
            "rows of all contexts are missing, cost time and memory, and teach nothing. Set it to "
            f"{longest} or less.",
            stacklevel=stacklevel_of_user(),
        )


def warn_of_contexts_of_one_row(series: Sequence[Series], context_length: int, scaling: str) -> None:
    """Warn if every context is scaled by its one row, which is constant and shows no unit.

    Parameters
    ----------
    series : sequence of Series
        Series of the user.
    context_length : int
        Rows of a context.
    scaling : {"global", "series", "window"}
        Kind of scaling.
    """
    without_ids = scaling == "series" and any(one.id is None for one in series)
    if context_length == 1 and (scaling == "window" or without_ids):
        who = "of series without ids " if without_ids else ""
        how = ", pass a dict or a table with ids" if without_ids else ""
        warnings.warn(
            f"scaling={scaling!r} scales contexts {who}by themselves, and with context_length=1 they are one row, "
            f"which shows no unit: every forecast is this row. Take scaling='global'{how}, or longer contexts.",
            stacklevel=stacklevel_of_user(),
        )


def warn_of_mixed_steps(series: Sequence[Series]) -> None:
    """Warn of series whose labels go on by different steps.

    Parameters
    ----------
    series : sequence of Series
        Series of the user.
    """
    first: dict[str, int] = {}
    for number, one in enumerate(series):
        if one.step is not None and len(one) >= _FEWEST_ROWS:
            first.setdefault(str(one.step), number)
    if len(first) > 1:
        named = ", ".join(f"{step} in {name_series(series, number)}" for step, number in first.items())
        warnings.warn(
            f"the series of X have different steps: {named}. A student knows rows, not hours or days, and takes the "
            "season of the first series for all. Fit series of one step together, or resample them to one step.",
            stacklevel=stacklevel_of_user(),
        )


def warn_of_unobserved(known: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Warn of series whose targets have no observed training value.

    Parameters
    ----------
    known : sequence of ndarray of shape (n_timestamps, n_targets)
        Training rows of each series.
    names : sequence of str
        What to call each series.
    """
    empty = [name for name, rows in zip(names, known, strict=True) if len(rows) and np.isnan(rows).all()]
    if empty:
        warnings.warn(
            f"{len(empty)} of {len(names)} series have no observed target in their training rows, so that nothing is "
            f"learned from them: {_list(empty)}. Leave them out, or check how they were read.",
            stacklevel=stacklevel_of_user(),
        )


def warn_without_window(
    windows: TrainingWindows, series: Sequence[Series], known: Sequence[np.ndarray], reach: int, window_step: int
) -> None:
    """Warn of series, and of targets, whose gaps or steps between windows leave no window to learn from.

    Parameters
    ----------
    windows : TrainingWindows
        The windows of all series.
    series : sequence of Series
        Series of the user.
    known : sequence of ndarray of shape (n_timestamps, n_channels)
        Training rows of each series.
    reach : int
        Training rows that a window needs; of series with fewer, and of those without any value, others tell.
    window_step : int
        Number of rows between windows.
    """
    if not windows.train.store.has_missing and window_step == 1:
        return
    train = windows.known_train
    targets = list(train.targets)
    counted = {*train.find_series().tolist(), *windows.train.find_series().tolist()}
    lacking = [
        name_series(series, number)
        for number, rows in enumerate(known)
        if number not in counted and len(rows) >= reach and not np.isnan(rows[:, targets]).all()
    ]
    every, shorter = "", ""
    if window_step > 1:
        every, shorter = f" ({window_step} rows apart)", "a shorter window_step, "
    if lacking:
        warnings.warn(
            f"{len(lacking)} of {len(series)} series have no training window{every} with an observed value of a "
            "target both in its context and in its horizon, so that nothing is learned from them: "
            f"{_list(lacking)}. Take {shorter}a longer context_length, or leave them out.",
            stacklevel=stacklevel_of_user(),
        )
    if len(targets) > 1 and train.store.misses(train.targets):
        before, after = train.hold_targets()
        held = (before & after).any(dim=0)
        names = [series[0].name_of(targets[place]) for place in np.flatnonzero(~held.numpy())]
        if names:
            warnings.warn(
                f"{', '.join(map(repr, names[:_MOST_NAMED]))} of the targets have no training window{every} with "
                "an observed value both in its context and in its horizon, so that nothing is learned of them: "
                f"with a map of its own, such a target is forecast by a constant. Take {shorter}a longer "
                "context_length, or leave them out of targets.",
                stacklevel=stacklevel_of_user(),
            )


def _list(names: Sequence[str]) -> str:
    """Name the first ones, and count the others."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
