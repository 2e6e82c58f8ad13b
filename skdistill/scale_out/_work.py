"""What engines map over partitions: tables of whole series in, small tables out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
        types = [value_type(given.field(keys[0]).type), _time_type(given.field(keys[1]).type), *[values] * len(targets)]
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
            plain = table.replace_schema_metadata(None)
            yield self.predictor.predict_frame(plain).cast(self.schema(table.schema))


def value_type(type_: Any) -> Any:
    """Return the type of the values of a dictionary of Arrow; any other type is the same."""
    import pyarrow as pa

    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _time_type(type_: Any) -> Any:
    """Return the type of forecast times: that of the table, but timestamps for text, and room for later numbers."""
    import pyarrow as pa

    own = value_type(type_)
    is_text = pa.types.is_string(own) or pa.types.is_large_string(own) or pa.types.is_string_view(own)
    if pa.types.is_integer(own) and own.bit_width < 32:
        return pa.int64()
    return pa.timestamp("us") if is_text else own
