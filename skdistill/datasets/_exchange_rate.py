"""Daily exchange rates of eight countries."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pooch
from sklearn.utils import Bunch

from skdistill.datasets._files import find_file

__all__ = ["fetch_exchange_rate"]

_URL = "https://raw.githubusercontent.com/laiguokun/multivariate-time-series-data/master/exchange_rate/exchange_rate.txt.gz"
_SHA256 = "0127465b51e3cd3c360f8eb2be30cfd294689a2a55903eb8245aafc396626c7f"
_COUNTRIES = ("Australia", "Britain", "Canada", "Switzerland", "China", "Japan", "New Zealand", "Singapore")


def fetch_exchange_rate(*, data_home: str | Path | None = None, download_if_missing: bool = True) -> Bunch:
    """Load daily exchange rates of eight countries, 1990 to 2016.

    The published file has no dates and no header: rows are numbered, and columns are named in the order in which the
    authors list the countries.

    Parameters
    ----------
    data_home : str, Path or None, default=None
        Folder of ``exchange_rate.txt``; None takes SKDISTILL_DATA, or else ``~/skdistill_data``.
    download_if_missing : bool, default=True
        Whether to download a missing file.

    Returns
    -------
    data : sklearn.utils.Bunch
        ``frame``: DataFrame of shape (7588, 8); ``protocol``: the name of its split for
        :func:`~skdistill.datasets.standard_split`; ``DESCR``: source.

    Raises
    ------
    OSError
        If the file is not available; the message says where to put it.
    ValueError
        If the file's checksum differs.

    References
    ----------
    Lai et al. (2018), Modeling long- and short-term temporal patterns with deep neural networks
    (arXiv 1703.07015); github.com/laiguokun/multivariate-time-series-data.

    Examples
    --------
    >>> from skdistill.datasets import fetch_exchange_rate
    >>> fetch_exchange_rate().frame.shape  # doctest: +SKIP
    (7588, 8)
    """
    path = find_file(
        "exchange_rate.txt",
        url=_URL,
        sha256=_SHA256,
        data_home=data_home,
        download_if_missing=download_if_missing,
        processor=pooch.Decompress(method="gzip"),
    )
    frame = pd.read_csv(path, header=None, names=list(_COUNTRIES))
    return Bunch(
        frame=frame,
        protocol="70/10/20",
        DESCR="Daily exchange rates of 8 countries, 1990 to 2016, without dates. Lai et al. (2018); "
        "github.com/laiguokun/multivariate-time-series-data.",
    )
