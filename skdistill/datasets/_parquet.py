"""Parquet files of a folder as one table: columns and types that all of them have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["common_schema", "folder_options"]

_INDEX_LEVEL = re.compile(r"__index_level_\d+__")


def common_schema(schemas: Sequence[Any], files: Sequence[str]) -> Any:
    """Return the columns of several files, with types that all of them can be read in.

    Parameters
    ----------
    schemas : sequence of pyarrow.Schema
        Those of the files; columns in which pandas keeps the numbers of rows are no channels, and left out.
    files : sequence of str
        Their names, for messages.

    Returns
    -------
    schema : pyarrow.Schema
        The columns of the first file.

    Raises
    ------
    ValueError
        If a column is not in all files, or has types that are no numbers of different size; the message names the file.
    """
    import pyarrow as pa

    schemas = [_without_index(one) for one in schemas]
    common = schemas[0]
    for file, schema in zip(files, schemas, strict=True):
        missing = set(common.names) ^ set(schema.names)
        if missing:
            raise ValueError(
                f"{file} has not the columns of {files[0]}: {', '.join(sorted(map(repr, missing)))} is in one of them "
                "only. Write it (nulls are missing values), or read only the files that have it."
            )
        try:
            common = pa.unify_schemas([common, schema], promote_options="permissive")
        except pa.ArrowTypeError as error:
            raise ValueError(f"{file} has other types than {files[0]}: {error}. Write both with one type.") from error
    return common


def folder_options(dataset: Any, ids: Sequence[Any], columns: Sequence[Any] | None) -> dict[str, Any]:
    """Return options with which :func:`pyarrow.parquet.read_table` reads all files of a folder as one table.

    Parameters
    ----------
    dataset : pyarrow.parquet.ParquetDataset
        The folder, or a single file.
    ids : sequence of str
        Columns that identify series; text is read as a dictionary, and so are names of folders, such as ``shop=007``.
    columns : sequence of str or None
        Columns that matter; None for all.

    Returns
    -------
    options : dict
        The schema, and the columns that are names of folders.

    Raises
    ------
    ValueError
        If files have different columns or types.
    """
    import pyarrow as pa
    import pyarrow.dataset as datasets

    schemas = [fragment.physical_schema.remove_metadata() for fragment in dataset.fragments]
    if columns is not None:
        schemas = [pa.schema([one for one in schema if one.name in columns]) for schema in schemas]
    common = common_schema(schemas, dataset.files)
    folders = [one for one in getattr(dataset.partitioning, "schema", None) or [] if one.name not in common.names]
    folders = [pa.field(one.name, pa.string() if one.name in ids else _plain_type(one.type)) for one in folders]
    dictionary = pa.dictionary(pa.int32(), pa.string())
    fields = [pa.field(one.name, dictionary) if one.name in ids and _is_text(one.type) else one for one in common]
    options = {"schema": pa.schema([*fields, *folders])}
    return {**options, "partitioning": datasets.partitioning(pa.schema(folders), flavor="hive")} if folders else options


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _plain_type(kind: Any) -> Any:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _without_index(schema: Any) -> Any:
    """Leave out the columns in which pandas keeps the numbers of rows."""
    import pyarrow as pa

    return pa.schema([one for one in schema if not _INDEX_LEVEL.fullmatch(one.name)])
