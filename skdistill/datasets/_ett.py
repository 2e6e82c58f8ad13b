"""The electricity transformer series ETTh1, ETTh2, ETTm1 and ETTm2."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.utils import Bunch

from skdistill._utils._choices import check_choice
from skdistill.datasets._files import find_file

__all__ = ["fetch_ett"]

_URL = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/{name}.csv"
_SHA256 = {"ETTh1": "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"}
_NAMES = ("ETTh1", "ETTh2", "ETTm1", "ETTm2")


def fetch_ett(name: str = "ETTh1", *, data_home: str | Path | None = None, download_if_missing: bool = True) -> Bunch:
    """Load an electricity transformer series: load and oil temperature, two years from July 2016.

    Parameters
    ----------
    name : {"ETTh1", "ETTh2", "ETTm1", "ETTm2"}, default="ETTh1"
        h is hourly (17,420 rows), m is every 15 minutes; 1 or 2 is the transformer.
    data_home : str, Path or None, default=None
        Folder of the file; None takes SKDISTILL_DATA, or else ``~/skdistill_data``.
    download_if_missing : bool, default=True
        Whether to download a missing file.

    Returns
    -------
    data : sklearn.utils.Bunch
        ``frame``: DataFrame of 7 channels with a DatetimeIndex; ``protocol``: the name of its split
        for :func:`~skdistill.datasets.standard_split`; ``DESCR``: source and license.

    Raises
    ------
    OSError
        If the file is not available; the message says where to put it.
    ValueError
        If the file's checksum differs. Only that of ETTh1 is known; for the others it is logged.

    References
    ----------
    Zhou et al. (2021), Informer (arXiv 2012.07436); github.com/zhouhaoyi/ETDataset, CC BY-ND 4.0.

    Examples
    --------
    >>> from skdistill.datasets import fetch_ett
    >>> fetch_ett("ETTh1").frame.shape  # doctest: +SKIP
    (17420, 7)
    """
    check_choice(name, _NAMES, "name of fetch_ett")
    path = find_file(
        f"{name}.csv",
        url=_URL.format(name=name),
        sha256=_SHA256.get(name),
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
    frame = pd.read_csv(path, parse_dates=["date"], index_col="date")
    hourly = name.startswith("ETTh")
    return Bunch(
        frame=frame,
        protocol="ett-hourly" if hourly else "ett-quarter-hourly",
        DESCR=f"{name}: electricity transformer, {'hourly' if hourly else 'every 15 minutes'}, 7 channels, oil "
        "temperature last. Zhou et al. (2021); github.com/zhouhaoyi/ETDataset, CC BY-ND 4.0.",
    )
