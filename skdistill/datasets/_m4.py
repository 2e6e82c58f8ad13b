"""The series of the M4 competition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skdistill._utils._choices import check_choice
from skdistill.datasets._files import find_file

__all__ = ["fetch_m4"]

_URL = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset/{folder}/{frequency}-{part}.csv"
_SHA256 = {
    "M4-Hourly-train.csv": "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
    "M4-Hourly-test.csv": "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
}
# frequency -> (rows to forecast, rows in a season), as defined by the competition
_FREQUENCIES = {
    "Yearly": (6, 1),
    "Quarterly": (8, 4),
    "Monthly": (18, 12),
    "Weekly": (13, 1),
    "Daily": (14, 1),
    "Hourly": (48, 24),
}


def fetch_m4(
    frequency: str = "Hourly", *, data_home: str | Path | None = None, download_if_missing: bool = True
) -> Bunch:
    """Load the series of one frequency of the M4 competition.

    Parameters
    ----------
    frequency : {"Yearly", "Quarterly", "Monthly", "Weekly", "Daily", "Hourly"}, default="Hourly"
        The frequency.
    data_home : str, Path or None, default=None
        Folder of ``M4-Hourly-train.csv`` and ``M4-Hourly-test.csv`` (or another frequency); None takes
        SKDISTILL_DATA, or else ``~/skdistill_data``.
    download_if_missing : bool, default=True
        Whether to download missing files.

    Returns
    -------
    data : sklearn.utils.Bunch
        ``train``: list of ndarray of shape (n_timestamps, 1), of different lengths; ``test``: ndarray of shape
        (n_series, prediction_length), the rows that follow; ``ids``: list of str; ``prediction_length``; ``season``:
        rows in a season; ``DESCR``: source.

    Raises
    ------
    OSError
        If a file is not available; the message says where to put it.
    ValueError
        If a file's checksum differs. Only those of the hourly files are known; the others are logged.

    See Also
    --------
    skdistill.m4.m4_scores : SMAPE, MASE and OWA as in the competition.

    References
    ----------
    Makridakis et al. (2020), The M4 competition: 100,000 time series and 61 forecasting methods;
    github.com/Mcompetitions/M4-methods.

    Examples
    --------
    >>> from skdistill.datasets import fetch_m4
    >>> data = fetch_m4("Hourly")  # doctest: +SKIP
    >>> len(data.train), data.test.shape  # doctest: +SKIP
    (414, (414, 48))
    """
    check_choice(frequency, _FREQUENCIES, "frequency of fetch_m4")
    prediction_length, season = _FREQUENCIES[frequency]
    parts = {}
    for part in ("train", "test"):
        name = f"M4-{frequency}-{part}.csv"
        path = find_file(
            name,
            url=_URL.format(folder=part.capitalize(), frequency=frequency, part=part),
            sha256=_SHA256.get(name),
            data_home=data_home,
            download_if_missing=download_if_missing,
        )
        parts[part] = pd.read_csv(path, index_col=0)
    rows = parts["train"].to_numpy(dtype=np.float64)
    return Bunch(
        train=[row[~np.isnan(row), None] for row in rows],
        test=parts["test"].loc[parts["train"].index].to_numpy(dtype=np.float64),
        ids=list(parts["train"].index),
        prediction_length=prediction_length,
        season=season,
        DESCR=f"M4, {frequency}: {len(rows)} series, {prediction_length} rows to forecast. Makridakis et al. (2020); "
        "github.com/Mcompetitions/M4-methods.",
    )
