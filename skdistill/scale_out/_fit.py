"""Fit a table of any engine: exactly, from moments that workers count, or on a sample of series."""

from __future__ import annotations

import copy
import os
import pickle
import warnings
from collections.abc import Hashable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from skdistill._parameter_checks import warn_of_idle_settings
from skdistill._shorthand import resolve_loss, resolve_student
from skdistill._utils._checks import check_boolean, check_integer
from skdistill._utils._interrupts import interrupts_stay
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils._usual_modes import with_gradients
from skdistill._validation_share import warn_of_unread_rows
from skdistill.data._bounds import warn_of_ends
from skdistill.data._columns import find_columns
from skdistill.data._forms import take_apart
from skdistill.data._plausibility._one_value import told_of_all, warn_of_one_value
from skdistill.data._plausibility._outliers import warn_of_outliers
from skdistill.datasets._channels import text_is_encoded
from skdistill.datasets._read_panel import read_panel
from skdistill.forecaster import DistilledForecaster
from skdistill.networks._base import NetworkSpec
from skdistill.scale_out._collect import collect
from skdistill.scale_out._engines import check_options
from skdistill.scale_out._reader import SeriesReader
from skdistill.scale_out._sample import choose_ids, describe_series, take_sample, take_series
from skdistill.scale_out._stored_fit import check_storable, needs_of_all_rows, store_rows
from skdistill.scale_out._sums import RowSums, RowWork, WindowSums, WindowWork, add_all, merge_units, scaling_of
from skdistill.scale_out._whole_series import spread_message
from skdistill.teachers._given import holds_given_labels
from skdistill.teachers._reads_series import find_reads_series
from skdistill.teachers._resolve import resolve_teacher
from skdistill.teachers._teacher_name import teacher_name
from skdistill.training._exact_fit import solve_sums

__all__ = ["fit"]

_SAMPLE = 32  # series on which the forecaster is fitted before the others are counted
_FITTED = (
    *("roles_", "targets_", "series_labels_", "n_features_in_", "feature_names_in_", "spec_", "teacher_"),
    *("calibration_", "_asked_roles"),
)


@with_gradients
@interrupts_stay
def fit(
    forecaster: Any,
    table: Any,
    *,
    id: Hashable = "unique_id",
    time: Hashable = "ds",
    max_series: int | None = None,
    store: str | os.PathLike[str] | None = None,
    keep_units: bool = True,
    is_sorted: bool = False,
    n_jobs: int | None = None,
) -> Any:
    """Fit a long table of Spark, Dask or Ray, or files larger than memory.

    A student that is solved exactly needs only sums over windows. Each worker computes them for its partition, some
    series at a time; they add up, and the solution is that of ``fit`` on all rows, also where values are missing (sums
    of each step of the horizon, then: ``prediction_length`` times as large). A teacher is fitted on a sample of
    32 series, and workers label with it: windows of these series as ``fit`` does, others as those of series that are
    new. One that is fitted on the rows of each series raises an error if there are more. Any other student is fitted on
    ``max_series`` series in memory, or, with ``store``, from files on disk, on one machine.

    Parameters
    ----------
    forecaster : DistilledForecaster
        The forecaster; it is fitted and returned. Of a teacher, its ``memory`` keeps what the sample needs; labels of
        workers are not kept.
    table : table, path or list of paths
        As for :func:`predict`, but no Arrow reader. It is read twice in part, for a sample, and once for the sums; once
        more if rows of all series determine the scaling (``scaling="global"``, or covariates).
    id, time : str, default="unique_id", "ds"
        The columns of ids and times; all others are channels.
    max_series : int or None, default=None
        Fit on that many series, in this process: from every class of length (by powers of 2) and of the scale of the
        first target (by powers of 10), by its share but, if possible, at least one. None fits all: exactly, or
        from ``store``.
    store : str or Path or None, default=None
        A folder for Parquet files larger than memory: their rows go to it once, standardized, as float32 with NaN where
        missing, and windows are read from there. The student is that of ``fit`` on the same series. A pass that was
        stopped goes on where it was, and later fits of the same files and lengths use what is there; checksums are
        compared first. Take ``windows_per_epoch`` of the forecaster for shorter epochs. None fits in memory or exactly.
    keep_units : bool, default=True
        Whether the forecaster keeps center and unit of each series, by id, as ``fit`` does: 16 bytes for each channel
        and the id. Without them, all series are forecast in units of their context, like series that are new. A fit of
        ``max_series`` in memory keeps them in any case, and other scalings have none; False gives a warning there.
    is_sorted : bool, default=False
        Whether the rows of a series are together already: in one partition, one after another. If they are not, an
        error is raised. A fit of ``max_series`` in memory reads them in any order; True gives a warning there.
    n_jobs : int or None, default=None
        For one machine, the number of processes; an engine has its own workers. A fit of ``max_series`` in memory
        takes none, with a warning.

    Returns
    -------
    forecaster : DistilledForecaster
        The fitted forecaster. It does not keep the rows, so that ``compare`` and ``report`` need a forecaster fitted on
        a panel.

    Raises
    ------
    ValueError
        If the student cannot be solved exactly and ``max_series`` is None, a column or an id is missing, a series is
        spread, or ``n_jobs`` is given for a table of an engine.

    Warns
    -----
    UserWarning
        If series are left out because they are too short.

    Examples
    --------
    >>> from skdistill import DistilledForecaster, scale_out
    >>> from skdistill.datasets import make_multiseasonal, to_long
    >>> import pandas as pd
    >>> days = make_multiseasonal(200, 1, seasons=(12,), random_state=0)
    >>> table = to_long(pd.concat({f"shop {n}": (1 + n) * days for n in range(4)}))
    >>> forecaster = DistilledForecaster(None, "linear", "response", context_length=24, prediction_length=6)
    >>> scale_out.fit(forecaster, table).count_parameters()
    150
    """
    check_options(table, is_sorted, n_jobs)
    check_boolean(keep_units, "keep_units of fit")
    if not isinstance(forecaster, DistilledForecaster):
        raise TypeError(f"forecaster of fit must be a DistilledForecaster; got {type(forecaster).__name__}.")
    if type(table).__name__ == "RecordBatchReader":
        raise TypeError(
            "table of fit is read several times, and an Arrow reader comes once: pass reader.read_all(), or the "
            "dataset or files behind it."
        )
    column = _first_target(forecaster, table, id, time)
    if max_series is not None:
        check_integer(max_series, "max_series of fit", minimum=1)
    if store is not None:
        check_storable(forecaster, table, store)
        stats = describe_series(table, id=str(id), channel=column)
        ids = None if max_series is None or max_series >= len(stats) else choose_ids(stats, max_series, 0)
        return _fit_stored(
            forecaster, table, stats, id, time, ids, store, keep_units=keep_units, is_sorted=is_sorted, n_jobs=n_jobs
        )
    if max_series is not None:
        _warn_of_idle(keep_units=keep_units, is_sorted=is_sorted, n_jobs=n_jobs)
        rows, n_all = take_sample(table, max_series, id=str(id), channel=column)
        _check_given(forecaster, n_all, max_series)
        forecaster.fit(_read(rows, id, time))
        forecaster.n_series_ = n_all
        return forecaster
    _check_exact(forecaster)
    rows, n_all = take_sample(table, _SAMPLE, id=str(id), channel=column)
    _check_given(forecaster, n_all, _SAMPLE)
    _check_reads_no_series(forecaster, n_all)
    panel = _read(rows, id, time)
    with told_of_all() if n_all > _SAMPLE else nullcontext():
        sample = clone(forecaster).fit(panel)
    _check_sample(sample)
    reader = SeriesReader.of(sample, id, time, n_all)
    template = _template(sample, reader)
    options = {"is_sorted": is_sorted, "n_jobs": n_jobs}
    whole = None
    if template.kind == "global" or template.covariates_ is not None:
        whole = _added(RowWork(reader), table, options)
    network, loss = resolve_student(forecaster.student), resolve_loss(forecaster.loss)
    keeps = keep_units and template.kind == "series"
    work = WindowWork(reader, network, sample.spec_, loss, template, whole, sample.teacher_, keeps, _ids_of(panel))
    sums: WindowSums = _added(work, table, options)
    _check_sums(sums, n_all)
    if sample.teacher_ is not None and n_all > _SAMPLE:  # otherwise, the sample has told it
        sums.labels.warn(teacher_name(sample.teacher_))
    _warn_of_rows(forecaster, sample, sums.rows, is_sampled=n_all > _SAMPLE)
    module, part = network.build(sample.spec_), network.solvable_part(sample.spec_)
    assert part is not None  # checked
    result = solve_sums(part, module, sample.spec_, sums.moments, loss=loss, has_teacher=sample.teacher_ is not None)
    scaling = _scaling(sample.spec_, template, whole or sums.rows)
    if sums.units:
        merge_units(scaling, sums.units)
    _take_on(forecaster, sample)
    forecaster.student_, forecaster.scaling_, forecaster.history_ = module.eval(), scaling, result.history
    forecaster.provenance_, forecaster.n_series_ = sample.provenance_, n_all
    if n_all > _SAMPLE:  # of fewer series, the sample was all
        forecaster._warn_of_few_windows(sums.outweighing.n_windows)
    _warn_of_no_units(scaling, keep_units)
    return forecaster


def _read(rows: Any, id: Hashable, time: Hashable) -> pd.DataFrame:
    """Return series as a panel, of which ``fit`` encodes text or says that it cannot."""
    with text_is_encoded():
        return read_panel(rows, id=id, time=time)


def _fit_stored(
    forecaster: Any,
    table: Any,
    stats: pd.DataFrame,
    id: Hashable,
    time: Hashable,
    ids: list[Any] | None,
    folder: Any,
    *,
    keep_units: bool,
    is_sorted: bool,
    n_jobs: int | None,
) -> Any:
    """Fit through a store of files, on all series or those of some ids."""
    chosen = stats if ids is None else stats.loc[ids]
    rows = take_series(table, choose_ids(chosen, _SAMPLE, 0), id=str(id))
    sample = clone(forecaster).set_params(max_epochs=1, memory=None, verbose=0)
    with told_of_all() if len(chosen) > _SAMPLE else nullcontext():
        sample._fit(_read(rows, id, time), is_part=True)
    _check_categories(sample)
    reader = SeriesReader.of(sample, id, time, len(chosen))
    template, whole = _template(sample, reader), None
    if template.kind == "global" or template.covariates_ is not None:
        whole = _added(RowWork(reader, ids), table, {"is_sorted": is_sorted, "n_jobs": n_jobs})
    options: dict[str, Any] = {"ids": ids, "keep_units": keep_units, "is_sorted": is_sorted, "n_jobs": n_jobs}
    stored = store_rows(folder, table, reader, sample, whole, template, rows, **options)
    if stored.n_short:
        _warn_of_short(stored.n_short, len(chosen))
    warn_of_outliers(stored.outliers)
    stored.outweighing.warn()
    _warn_of_rows(forecaster, sample, stored.rows, is_sampled=len(chosen) > _SAMPLE)
    _take_on(forecaster, sample)
    if forecaster._distill(stored.windows, told=True):  # by the sample
        warn_of_idle_settings(forecaster)
        warn_of_unread_rows(forecaster)
        forecaster._warn_of_few_windows(len(stored.windows.known_train))
    forecaster._warn_of_hidden_swing(stored.windows, "set scaling='window'")
    forecaster.n_series_ = len(stats)
    _warn_of_no_units(forecaster.scaling_, keep_units)
    return forecaster


def _take_on(forecaster: Any, sample: Any) -> None:
    """Give a forecaster what a fit on a sample told of the problem, without its student."""
    forecaster._forget_fit()
    forecaster.__dict__.update({name: getattr(sample, name) for name in _FITTED if hasattr(sample, name)})
    forecaster.roles_ = replace(forecaster.roles_, known_range=(), static_range=())  # that of a few series


def _check_given(forecaster: Any, n_all: int, most: int) -> None:
    """Raise if given labels have numbers of all series, and some series are taken."""
    if n_all > most and holds_given_labels(forecaster.teacher):
        raise ValueError(
            f"series of GivenLabels are numbers of all {n_all} series of the table, and a fit on {most} of them counts "
            "others: fit on read_panel(rows) of the series you choose, with labels of these, or take a teacher that "
            "labels new windows."
        )


def _check_reads_no_series(forecaster: Any, n_all: int) -> None:
    """Raise if a teacher is fitted on the rows of each series, and only some series are taken for it."""
    teacher = None if forecaster.teacher is None else resolve_teacher(forecaster.teacher)
    found = find_reads_series(teacher)
    if n_all > _SAMPLE and found is not None:
        raise ValueError(
            f"the teacher {teacher_name(found)} is fitted on the rows of each series, and a fit by sums fits teachers "
            f'on {_SAMPLE} of the {n_all} series: set fitting="window", which fits it on every context, or fit '
            "max_series= of them in memory."
        )


def _ids_of(panel: pd.DataFrame) -> list[Hashable]:
    """Return the ids of the series of a panel, in the order in which ``fit`` reads them."""
    form = take_apart(panel)[1]
    assert form is not None  # read_panel
    return list(form.ids)


def _warn_of_idle(*, keep_units: bool, is_sorted: bool, n_jobs: int | None) -> None:
    """Warn of options that a fit in memory does not read."""
    given = {"keep_units=False": not keep_units, "is_sorted=True": is_sorted, f"n_jobs={n_jobs}": n_jobs is not None}
    if idle := [name for name, is_given in given.items() if is_given]:
        warnings.warn(
            f"{', '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect with max_series= and without store=: "
            "the rows of these series are read in any order, and fitted in this process, which keeps their units.",
            stacklevel=stacklevel_of_user(),
        )


def _warn_of_rows(forecaster: Any, sample: Any, rows: RowSums, *, is_sampled: bool) -> None:
    """Warn of targets beyond the bounds and covariates with one value in all rows, which the sample cannot tell."""
    targets = list(sample.targets_)
    warn_of_ends(rows.lowest[targets], rows.highest[targets], forecaster.bounds, "DistilledForecaster")
    if is_sampled:
        in_each, varies = sample.scaling_.kind != "global", rows.highest > rows.lowest
        if in_each:  # series have units of their own, but for 0 and 1
            varies = rows.varies | (varies & rows.is_binary)
        alike = [one for one in sample._cutting().covariates_read(len(varies)) if not varies[one]]
        warn_of_one_value([sample.roles_.name(one) for one in alike], in_each=in_each)


def _warn_of_no_units(scaling: Any, keep_units: bool) -> None:
    """Warn if units of series were to be left out, and there are none."""
    if not keep_units and scaling.kind != "series":
        warnings.warn(
            f"keep_units=False has no effect with scaling={scaling.kind!r}: series have no units of their own.",
            stacklevel=stacklevel_of_user(),
        )


def _template(sample: Any, reader: SeriesReader) -> Any:
    """Return the settings of the scaling of all series."""
    template = copy.copy(sample.scaling_)
    template.season = reader.cutting.season_in_context(reader.season)
    return template


def _first_target(forecaster: Any, table: Any, id: Hashable, time: Hashable) -> str:
    """Return the column whose scale counts in the sample: the first target."""
    names = [str(one) for one in _columns(table)]
    for parameter, name in (("id", str(id)), ("time", str(time))):
        if name not in names:
            raise ValueError(
                f"the table has no column {name!r}; it has {', '.join(map(repr, names))}. Name {parameter}=."
            )
    channels = [one for one in names if one not in (str(id), str(time))]
    if not channels:
        raise ValueError(f"the table has no column beside {id!r} and {time!r}: no channel is left.")
    known, static = (_places_of(forecaster, one, channels) for one in ("known_covariates", "static_covariates"))
    targets = _places_of(forecaster, "targets", channels)
    if forecaster.targets is None:
        targets = tuple(one for one in range(len(channels)) if one not in {*known, *static})
    return channels[(targets or (0,))[0]]  # without a target, the fit of the sample tells


def _places_of(forecaster: Any, parameter: str, channels: list[str]) -> tuple[int, ...]:
    """Return the positions of the columns that a parameter names among all but ids and times."""
    given = getattr(forecaster, parameter)
    return (
        ()
        if given is None
        else find_columns(given, pd.Index(channels), len(channels), parameter, "DistilledForecaster")
    )


def _columns(table: Any) -> list[Any]:
    from skdistill.scale_out._engines import engine_of
    from skdistill.scale_out._here import columns_of

    engine = engine_of(table)
    if engine is None:
        return columns_of(table)
    return list(table.schema().names if engine == "ray" else table.columns)


def _check_exact(forecaster: Any) -> None:
    """Raise if the sums of parts are not enough for this forecaster."""
    network = resolve_student(forecaster.student)
    n_known = 0 if forecaster.known_covariates is None else np.size(forecaster.known_covariates)
    known = tuple(range(1, 1 + n_known))
    spec = NetworkSpec(forecaster.context_length, forecaster.prediction_length, 1 + len(known), (0,), known=known)
    part = network.solvable_part(spec)
    told = "such as student=Linear() with a quadratic loss ('response')"
    lacking = {
        f"a student that is solved exactly, {told}": part is None or not part.is_whole or part.solver == "gradient",
        "selection='validation' of the student": part is not None and part.is_searched and part.selection == "blocks",
        **needs_of_all_rows(forecaster),
        "quantiles=None": forecaster.quantiles is not None,
        "no label_share, max_labels or label_seconds: workers label all windows": any(
            getattr(forecaster, name, None) is not None for name in ("label_share", "max_labels", "label_seconds")
        ),
        "series_weight='windows'": not (
            isinstance(forecaster.series_weight, str) and forecaster.series_weight == "windows"
        ),
    }
    if needs := [need for need, lacks in lacking.items() if lacks]:
        raise ValueError(
            f"fit of a table is exact without max_series, and needs {'; '.join(needs)}. Otherwise give max_series=, "
            "for a fit on that many series."
        )


def _check_categories(sample: Any) -> None:
    """Raise if columns were read as categories."""
    if sample.roles_.categories:
        raise ValueError(
            "fit of a table takes numbers; got columns of text or categories, whose codes are of all series. Encode "
            "them before, or give max_series= without store=."
        )


def _check_sample(sample: Any) -> None:
    """Raise if the student was trained after all, for a reason that only the fit knows."""
    _check_categories(sample)
    if not all("penalty" in row for row in sample.history_):
        raise ValueError(
            "the student could not be solved exactly (see the warning): change the loss, or give max_series=, for a "
            "fit on that many series."
        )


def _added(work: Any, table: Any, options: dict[str, Any]) -> Any:
    parts = collect(work, table, **options)
    total = add_all(pickle.loads(part.as_py()) for part in parts.column("sums")) if parts.num_rows else None
    if total is None:
        raise ValueError("the table has no rows.")
    return total


def _check_sums(sums: WindowSums, n_all: int) -> None:
    """Raise if a series was counted in several partitions, and warn of what was left out."""
    hashes = np.concatenate(sums.ids)
    n_twice = len(hashes) - len(np.unique(hashes))
    if n_twice or len(hashes) != n_all:
        told = f"{max(n_twice, len(hashes) - n_all)} series"
        raise ValueError(
            spread_message("?", max(n_twice, len(hashes) - n_all), "one partition").replace("'?'", told, 1)
        )
    if not sums.moments:
        raise ValueError(
            f"none of {n_all} series has a training window with a whole horizon. Give more rows, or a smaller "
            "context_length, prediction_length or validation_fraction."
        )
    if sums.n_short:
        _warn_of_short(sums.n_short, n_all)
    warn_of_outliers(sums.outliers)
    sums.outweighing.warn()


def _warn_of_short(n_short: int, n_all: int) -> None:
    warnings.warn(
        f"{n_short} of {n_all} series have no training window, because they have too few training rows, or no observed "
        "value of a target both in a context and in its horizon: nothing is learned from them.",
        stacklevel=stacklevel_of_user(),
    )


def _scaling(spec: NetworkSpec, template: Any, whole: RowSums) -> Any:
    """Return the scaling of the forecaster, without units of series."""
    scaling = scaling_of(template, whole, [np.zeros((1, spec.n_channels))], [None])
    scaling.ids_ = []
    return scaling
