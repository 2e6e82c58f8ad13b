"""Parquet files of a folder or an object store, read as one dataset, and written complete or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skdistill._utils._atomic import replacing
from skdistill._utils._optional import import_optional
from skdistill.datasets._parquet import common_schema

__all__ = ["Files", "find_files", "is_url", "open_files", "write_file"]


@dataclass(frozen=True)
class Files:
    """Files of one file system.

    Parameters
    ----------
    names : list of str
        Their paths, in order.
    system : fsspec.AbstractFileSystem or None
        The file system; None for that of this machine.
    """

    names: list[str]
    system: Any = None

    def facts(self) -> list[tuple[str, str]]:
        """Return what changes if a file does: path, and size with time or what the object store has for it."""
        if self.system is not None:
            return [(name, str(self.system.ukey(name))) for name in self.names]
        found = [(Path(name).resolve(), Path(name).stat()) for name in self.names]
        return [(str(path), f"{stat.st_size} {stat.st_mtime_ns}") for path, stat in found]


def is_url(path: Any) -> bool:
    """Return whether a path is a URL, such as ``s3://bucket/rows``."""
    return isinstance(path, str) and "://" in path


def find_files(paths: Any) -> Files:
    """Find Parquet files.

    Parameters
    ----------
    paths : str, Path or list of them
        Files, or folders of them; URLs of fsspec for object stores.

    Returns
    -------
    files : Files
        The files.

    Raises
    ------
    ValueError
        If there is no file, or only some of several paths are URLs.
    """
    given = [str(one) for one in (paths if isinstance(paths, list | tuple) else [paths])]
    if any(map(is_url, given)):
        return _find_remote(given)
    names = [
        file
        for one in given
        for file in (sorted(map(str, Path(one).rglob("*.parquet"))) if Path(one).is_dir() else [one])
    ]
    if not names:
        raise ValueError(f"{given[0]} has no .parquet file.")
    return Files(names)


def _find_remote(given: list[str]) -> Files:
    fsspec: Any = import_optional("fsspec.core", extra="parquet", purpose="A URL of an object store")
    if not all(map(is_url, given)):
        raise ValueError(f"paths must all be URLs of one object store, or all be files of this machine; got {given}.")
    found = [fsspec.url_to_fs(one) for one in given]
    system = found[0][0]
    if any(other is not system for other, _ in found):
        raise ValueError(f"paths must all be URLs of one object store; got {given}.")
    names = [
        file
        for _, root in found
        for file in ([root] if system.isfile(root) else sorted(system.find(root)))
        if file == root or file.endswith(".parquet")
    ]
    if not names:
        raise ValueError(f"{given[0]} has no .parquet file.")
    return Files(names, system)


def open_files(paths: Any) -> Any:
    """Open Parquet files as one dataset, whose columns have types that all files can be read in.

    Parameters
    ----------
    paths : str, Path or list of them
        Files, or folders of them; URLs of fsspec for object stores.

    Returns
    -------
    dataset : pyarrow.dataset.Dataset
        The dataset.

    Raises
    ------
    ValueError
        If there is no file, or a column has types that are no numbers of different size; the message names the file.
    """
    datasets: Any = import_optional("pyarrow.dataset", extra="parquet", purpose="Reading Parquet files")
    found = find_files(paths)
    files, options = found.names, {"format": "parquet", "filesystem": found.system}
    dataset = datasets.dataset(files, **options)
    schemas = [fragment.physical_schema.remove_metadata() for fragment in dataset.get_fragments()]
    common = common_schema(schemas, files)
    return datasets.dataset(files, schema=common, **options)


def write_file(schema: Any, tables: Iterable[Any], target: str | os.PathLike[str]) -> Any:
    """Write tables to a Parquet file that appears complete or not at all.

    Parameters
    ----------
    schema : pyarrow.Schema
        Their columns.
    tables : iterable of pyarrow.Table
        The tables.
    target : str or Path
        The file; a URL of fsspec for an object store.

    Returns
    -------
    target : str or Path
        The file.
    """
    parquet: Any = import_optional("pyarrow.parquet", extra="parquet", purpose="Writing Parquet files")
    if is_url(target):
        fsspec: Any = import_optional("fsspec.core", extra="parquet", purpose="A URL of an object store")
        system, place = fsspec.url_to_fs(target)
        beside = f"{place}.part-{uuid.uuid4().hex}"
        try:
            with system.open(beside, "wb") as file, parquet.ParquetWriter(file, schema) as writer:
                for table in tables:
                    writer.write_table(table)
            system.mv(beside, place)
        finally:
            if system.exists(beside):
                system.rm(beside)
        return target
    with replacing(target) as here, parquet.ParquetWriter(here, schema) as writer:
        for table in tables:
            writer.write_table(table)
    return Path(target)
