"""What engines map over partitions: tables of whole series in, small tables out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from skdistill.deploy._frame_predictor import FramePredictor
from skdistill.scale_out._whole_series import whole_series

__all__ = ["BLOCK_ROWS", "Forecasts", "Work", "value_type"]

BLOCK_ROWS = 1 << 18  # rows read, forecast or counted at once; memory of a worker does not grow with its partition


class Work:
    """What engines map over partitions.

    It is pickled to workers. ``id`` names the column of ids.
    """

    id: str

    def schema(self, given: Any) -> Any:
        """Return the columns and types of results.

        Parameters
        ----------
        given : pyarrow.Schema
            Columns and types of the table.

        Returns
        -------
        schema : pyarrow.Schema
            Columns and types of what ``run`` yields.
        """
        raise NotImplementedError

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Work on one partition, in which the rows of a series are together.

        Parameters
        ----------
        batches : iterable of pyarrow.RecordBatch or pyarrow.Table
            The rows; batches may end within a series.

        Yields
        ------
        table : pyarrow.Table
            Results.
        """
        raise NotImplementedError


@dataclass
class Forecasts(Work):
    """The forecasts of a predictor.

    Parameters
    ----------
    predictor : FramePredictor
        The predictor.
    block_rows : int, default=262144
        Rows that are forecast at once.
    """

    predictor: FramePredictor
    block_rows: int = BLOCK_ROWS

    @property
    def id(self) -> str:  # type: ignore[override]
        """The column of ids."""
        return str(self.predictor.form.id)

    def schema(self, given: Any) -> Any:
        """Return ids and times of the types of the table, and floats."""
        import pyarrow as pa

        form = self.predictor.form
        keys = [str(form.id), str(form.time)]
        channels = [str(one) for one in form.columns or [one for one in given.names if one not in keys]]
        for parameter, name in (("id", keys[0]), ("time", keys[1]), *(("a channel", one) for one in channels)):
            if name not in given.names:
                raise ValueError(
                    f"the table has no column {name!r}, which is {parameter} of the predictor; it has "
                    f"{', '.join(map(repr, given.names))}. Name id= and time=, or rename the column."
                )
        self._check_ids(given.field(keys[0]).type)
        is_small = all(pa.types.is_float32(given.field(one).type) for one in channels)
        values = pa.float32() if is_small else pa.float64()
        targets = [str(one) for one in form.targets or channels]
        times = _time_type(given.field(keys[1]).type, form.zones)
        types = [value_type(given.field(keys[0]).type), times, *[values] * len(targets)]
        return pa.schema(list(zip([*keys, *targets], types, strict=True)))

    def _check_ids(self, type_: Any) -> None:
        """Raise where ids are text and those of ``fit`` are numbers, or the reverse: no series would be found."""
        import pyarrow as pa

        kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
        ids, are_numbers = list(self.predictor.student.series_ids)[:1], any(is_(value_type(type_)) for is_ in kinds)
        if ids and are_numbers == isinstance(ids[0], str):
            raise ValueError(
                f"the ids of the table are {value_type(type_)}, and those of fit are {type(ids[0]).__name__}, such as "
                f"{ids[0]!r}: every series would be forecast like one that fit has not seen. Cast the column "
                f"{self.id!r}."
            )

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Forecast the series of a partition, some at a time."""
        for table in whole_series(batches, self.id, self.block_rows, "one partition"):
            found, schema = self.predictor.predict_frame(table.replace_schema_metadata(None)), self.schema(table.schema)
            self._check_clock(found.schema, schema)
            yield found.cast(schema)

    def _check_clock(self, found: Any, schema: Any) -> None:
        """Raise where times that are text have an offset from UTC, and those of ``fit`` no zone, or the reverse."""
        name = str(self.predictor.form.time)
        has_zone, wanted = (getattr(one.field(name).type, "tz", None) is not None for one in (found, schema))
        if has_zone != wanted:
            own, other = ("an offset from UTC", "none") if has_zone else ("no offset from UTC", "a zone")
            raise ValueError(
                f"the times {name!r} of the table are text with {own}, and those of fit have {other}: it is not known "
                "which clock the forecasts are to show. Convert the column to timestamps first."
            )


def value_type(type_: Any) -> Any:
    """Return the type of the values of a dictionary of Arrow; any other type is the same."""
    import pyarrow as pa

    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _time_type(type_: Any, zones: Sequence[str | None]) -> Any:
    """Return the type of forecast times: that of the table, but room for later numbers, and timestamps for text.

    Text has the zone of ``fit``, or UTC where its series have several.
    """
    import pyarrow as pa

    own = value_type(type_)
    is_text = pa.types.is_string(own) or pa.types.is_large_string(own) or pa.types.is_string_view(own)
    if pa.types.is_integer(own) and own.bit_width < 32:
        return pa.int64()
    if not is_text:
        return own
    return pa.timestamp("us") if None in zones or not zones else _in_zone(zones[0] if len(zones) == 1 else "UTC")


def _in_zone(zone: str | None) -> Any:
    """Return timestamps of Arrow in a zone of pandas; in UTC where its name says nothing to pandas."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pa.Array.from_pandas(pd.DatetimeIndex([], dtype=f"datetime64[us, {zone}]")).type
    except TypeError:  # pytz.FixedOffset(60)
        return pa.timestamp("us", "UTC")
