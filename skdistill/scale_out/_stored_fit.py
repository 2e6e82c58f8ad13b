"""Fit files larger than memory: their rows go once to a store of files, from which windows are gathered."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdistill._shorthand import resolve_student
from skdistill._utils._digest import digest
from skdistill._utils._tasks import run_tasks
from skdistill._version import __version__
from skdistill.data._local_scale import LocalUnits
from skdistill.data._mapped_store import MappedIndexes, MappedStore
from skdistill.data._plausibility._outweighing import Outweighing
from skdistill.data._scaling import Scaling
from skdistill.data._series_weight import weights_of_series
from skdistill.data._training_windows import TrainingWindows, judged
from skdistill.data._windows import Windows
from skdistill.labeling._locks import entry_lock
from skdistill.scale_out._blocks import Block, BlockMaker
from skdistill.scale_out._files import find_files, is_url
from skdistill.scale_out._here import open_here
from skdistill.scale_out._reader import SeriesReader
from skdistill.scale_out._row_files import RowFiles
from skdistill.scale_out._sample import Pick
from skdistill.scale_out._sums import RowSums, add_all, merge_units, scaling_of
from skdistill.scale_out._whole_series import whole_series
from skdistill.teachers._given import holds_given_labels

__all__ = ["Stored", "check_storable", "needs_of_all_rows", "store_rows"]

logger = logging.getLogger("skdistill")

_FORMAT = 8  # raise it when the stored rows change, or how they are standardized


class Stored:
    """Windows of a store of files, and what was left out of it.

    Parameters
    ----------
    windows : TrainingWindows
        The windows.
    n_short : int
        Series without a training window.
    outliers : list of str
        Values that outweigh all other rows of their series.
    rows : RowSums
        Statistics of the training rows.
    outweighing : Outweighing
        Windows that outweigh all others.
    """

    def __init__(
        self, windows: TrainingWindows, n_short: int, outliers: list[str], rows: RowSums, outweighing: Outweighing
    ) -> None:
        self.windows = windows
        self.n_short = n_short
        self.outliers = outliers
        self.rows = rows
        self.outweighing = outweighing


def needs_of_all_rows(forecaster: Any) -> dict[str, bool]:
    """Return what every fit of a table in parts must do without, in words, and whether the forecaster has it."""
    return {
        "transformer=None, which is fitted on all rows: transform rows before": forecaster.transformer is not None,
        "no augmentation, known_dropout or windows_without_truth": forecaster.augmentation is not None
        or forecaster.known_dropout not in (None, False, 0)
        or bool(forecaster.windows_without_truth),
        "no static covariates, whose units are of all series": bool(forecaster.static_covariates),
        "vintages=None": forecaster.vintages is not None,
    }


def check_storable(forecaster: Any, table: Any, folder: Any) -> None:
    """Raise unless a forecaster can be fitted through a store of files.

    Parameters
    ----------
    forecaster : DistilledForecaster
        The forecaster.
    table : table, path or list of paths
        The table.
    folder : str or Path
        Where stores are.

    Raises
    ------
    TypeError
        If the table is no files.
    ValueError
        If the folder is a URL, or something that is fitted needs the rows of all series together.
    """
    if not isinstance(table, str | Path) and not (isinstance(table, list | tuple) and table):
        raise TypeError(
            "store of fit is for paths of Parquet files, so that a pass that was stopped can go on; got "
            f"{type(table).__name__}. Write the table to Parquet files first, or leave out store."
        )
    if is_url(folder):
        raise ValueError(
            f"store of fit must be a folder of this machine, whose files are mapped into memory; got {folder!r}."
        )
    lacking = needs_of_all_rows(forecaster) | {
        "calibration=None: call calibrate on some series afterwards": forecaster.calibration is not None,
        "a teacher that labels new windows, not given labels": holds_given_labels(forecaster.teacher),
    }
    if needs := [need for need, lacks in lacking.items() if lacks]:
        raise ValueError(
            f"fit of a table with store= needs {'; '.join(needs)}. Otherwise give max_series= without store=, for a "
            "fit on that many series in memory."
        )


def store_rows(
    folder: str | Path,
    table: Any,
    reader: SeriesReader,
    sample: Any,
    whole: RowSums | None,
    scaling: Scaling,
    rows: Any,
    *,
    ids: list[Any] | None,
    keep_units: bool,
    is_sorted: bool,
    n_jobs: int | None,
) -> Stored:
    """Write the rows of a table to a store, as far as they are not there, and open it.

    Parameters
    ----------
    folder : str or Path
        Where stores are; each table and setting has a folder of its own in it.
    table : path or list of paths
        Parquet files.
    reader : SeriesReader
        How series are read and split.
    sample : DistilledForecaster
        The forecaster, fitted on a sample.
    whole : RowSums or None
        Statistics of all training rows; None if the scaling needs none.
    scaling : Scaling
        Scaling of the sample, whose settings are taken.
    rows : pyarrow.Table
        Rows of the sample.
    ids : list of hashable or None
        The series to take; None takes all.
    keep_units : bool
        Whether the scaling keeps units of series.
    is_sorted : bool
        Whether the rows of a series are together already.
    n_jobs : int or None
        Number of processes that make blocks; one writes them.

    Returns
    -------
    stored : Stored
        The windows.
    """
    first = reader.read(rows)[0]
    assert first.index is not None  # a column of the table
    network = resolve_student(sample.student)
    reads_calendar = network.time_features is not False or sample.teacher_ is not None
    make = BlockMaker(reader, scaling, whole, first.index, first.step, reads_calendar)
    facts = find_files(table).facts()
    key = digest(_FORMAT, __version__, facts, reader.cutting, repr(reader.form), reader.block_rows, scaling, whole, ids)
    place = Path(folder) / digest(key, is_sorted, reads_calendar, reader.season)
    place.mkdir(parents=True, exist_ok=True)
    with entry_lock(place, "writes rows of a table"):
        stored = RowFiles(place)
        if not stored.is_complete:
            if stored.n_rows:
                logger.warning("the store %s goes on after %d rows", place, stored.n_rows)
            _, batches = open_here(table, reader.id, is_sorted=is_sorted)
            if ids is not None:
                batches = Pick(reader.id, ids).run(batches)
            tables = _after(whole_series(batches, reader.id, reader.block_rows, "the table"), stored.n_rows)
            for block, n_rows in _made(make, tables, n_jobs):
                stored.append(block, n_rows)
            stored.complete()
    return _open(stored, reader, make, keep_units)


def _after(tables: Iterator[Any], n_rows: int) -> Iterator[Any]:
    """Leave out the tables that are stored."""
    for table in tables:
        if n_rows > 0:
            n_rows -= table.num_rows
        else:
            yield table


def _made(make: BlockMaker, tables: Iterator[Any], n_jobs: int | None) -> Iterator[tuple[Block, int]]:
    """Make blocks, here or in processes, in order."""
    if n_jobs in (None, 1):
        for table in tables:
            yield make(table), table.num_rows
    else:
        yield from run_tasks(_make, ((make, table) for table in tables), n_jobs)


def _make(make: BlockMaker, table: Any) -> tuple[Block, int]:
    return make(table), table.num_rows


def _open(stored: RowFiles, reader: SeriesReader, make: BlockMaker, keep_units: bool) -> Stored:
    """Return the windows of a complete store."""
    if not stored.records:
        raise ValueError("the table has no rows.")
    arrays, ids = _of_series(stored)
    cutting, scaling = reader.cutting, _scaling_of_all(make, arrays, ids, keep_units)
    lengths, front = arrays["lengths"], cutting.context_length - (cutting.min_observed or 0)
    around = front + cutting.prediction_length
    offsets = (np.concatenate([[0], np.cumsum(lengths + around)[:-1]]) + front).astype(np.int64)
    labels, values = stored.array("labels"), stored.array("values")
    assert labels is not None  # every block has them, and values
    assert values is not None
    by_window = arrays["by_window"]
    calendar = stored.array("calendar")
    store = MappedStore(
        torch.from_numpy(values),
        offsets,
        lengths,
        MappedIndexes(labels, offsets, lengths, make.like),
        cutting.prediction_length,
        scaling,
        reader.fitted.series_labels_.columns,
        front,
        LocalUnits(arrays["center"], arrays["unit"]) if "center" in arrays else None,
        by_window if by_window.any() else None,
        tuple(make.step if one else None for one in arrays["stepped"].tolist()),
        reader.season,
        cutting.known,
        ids=tuple(ids),
        series_weight=weights_of_series(cutting.series_weight, ids, "DistilledForecaster"),
        gaps=arrays["gaps"],
        n_missing=arrays["n_missing"],
        calendar=None if calendar is None else torch.from_numpy(calendar),
    )
    train = _windows(store, stored.array("train"), reader)
    if not len(train):
        raise ValueError(
            f"none of {len(ids)} series has a training window. Give more rows, or a smaller context_length, "
            "prediction_length or validation_fraction."
        )
    validation = judged(_windows(store, stored.array("validation"), reader))
    windows = TrainingWindows(train, validation if len(validation) else None)
    cutting.check_validation(windows)
    outweighing = sum(
        (
            Outweighing(int(n_windows), squares, farthest, context)
            for (n_windows, squares, farthest), context in zip(
                arrays["outweighing"].tolist(), arrays["outweighing_context"].tolist(), strict=True
            )
        ),
        Outweighing(),
    )
    return Stored(windows, int(arrays["n_short"]), arrays["outliers"].tolist(), arrays["rows"], outweighing)


def _windows(store: MappedStore, starts: np.ndarray | None, reader: SeriesReader) -> Windows:
    assert starts is not None  # every block has them
    cutting = reader.cutting
    numbers: Tensor = torch.from_numpy(starts)
    return Windows(store, numbers, cutting.context_length, cutting.prediction_length, cutting.targets)


def _of_series(stored: RowFiles) -> tuple[dict[str, Any], list[Any]]:
    """Join what is known of the series of all blocks."""
    parts, ids = [], list[Any]()
    for arrays, some in stored.series():
        parts.append(arrays)
        ids += some
    of_rows = [one.name for one in fields(RowSums)]
    added = {*of_rows, "n_missing", "n_short"}
    joined: dict[str, Any] = {
        name: np.concatenate([one[name] for one in parts]) for name in parts[0] if name not in added
    }
    for name in ("n_missing", "n_short"):
        joined[name] = sum(one[name] for one in parts)
    found: list[dict[str, Any]] = [{name: one[name] for name in of_rows} for one in parts]
    joined["rows"] = add_all(RowSums(**one | {"rounding": one["rounding"].item()}) for one in found)  # no array
    return joined, ids


def _scaling_of_all(make: BlockMaker, arrays: dict[str, Any], ids: list[Any], keep_units: bool) -> Scaling:
    """Return the scaling of the forecaster, with units of series if they are kept."""
    whole = make.whole or arrays["rows"]
    scaling = copy.copy(scaling_of(make.scaling, whole, [np.zeros((1, len(whole.mean)))], [None]))
    scaling.ids_ = []
    told = arrays["told"]
    if keep_units and scaling.kind == "series" and told.any():
        kept = [one for one, is_told in zip(ids, told.tolist(), strict=True) if is_told]
        merge_units(scaling, [(kept, LocalUnits(arrays["center"][told], arrays["unit"][told]))])
    return scaling
