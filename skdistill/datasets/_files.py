"""Location and download of data files."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import pooch

from skdistill._utils._checks import check_boolean

__all__ = ["find_file"]

logger = logging.getLogger("skdistill")


def _data_folder(data_home: str | Path | None = None) -> Path:
    """Return the folder of data files: by default SKDISTILL_DATA, or else ``~/skdistill_data``."""
    chosen = data_home if data_home is not None else os.environ.get("SKDISTILL_DATA", "~/skdistill_data")
    return Path(chosen).expanduser()


def find_file(
    name: str,
    *,
    url: str,
    sha256: str | None,
    data_home: str | Path | None,
    download_if_missing: bool,
    processor: pooch.Decompress | None = None,
) -> Path:
    """Return a data file; download it if needed.

    Parameters
    ----------
    name : str
        Name of the file inside the folder.
    url : str
        URL where it is published.
    sha256 : str or None
        Checksum of the file; if None, the checksum is logged.
    data_home : str, Path or None
        The folder.
    download_if_missing : bool
        Whether to download the file.
    processor : pooch.Decompress or None, default=None
        How to unpack a download.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    OSError
        If the file is missing and cannot be downloaded; the message says where to put it.
    ValueError
        If it is not the published file.
    """
    check_boolean(download_if_missing, "download_if_missing")
    path = _data_folder(data_home) / name
    if not path.is_file():
        if not download_if_missing:
            raise OSError(f"{name} is not in {path.parent}, and download_if_missing=False. {_way_out(path, url)}")
        _download(path, url, processor)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 is None:
        logger.info("%s has sha256 %s; no published checksum is known", path, found)
    elif found != sha256:
        raise ValueError(
            f"{path} is not the published file: its sha256 is {found} instead of {sha256}. Delete it and download it "
            f"again."
        )
    return path


def _download(path: Path, url: str, processor: pooch.Decompress | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = f"{path.name}.download"
    try:
        fetched = pooch.retrieve(url, known_hash=None, fname=temporary, path=path.parent, processor=processor)
    except Exception as error:
        (path.parent / temporary).unlink(missing_ok=True)
        raise OSError(
            f"{path.name} could not be downloaded ({type(error).__name__}: {error}). {_way_out(path, url)}"
        ) from error
    Path(fetched).replace(path)
    (path.parent / temporary).unlink(missing_ok=True)


def _way_out(path: Path, url: str) -> str:
    unpacked = ", unpack it" if url.endswith(".gz") and path.suffix != ".gz" else ""
    return (
        f"Without internet, download {url} elsewhere{unpacked} and put it at {path}, or set data_home= or the "
        "environment variable SKDISTILL_DATA to the folder that contains it."
    )
