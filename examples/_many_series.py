"""Made series in Parquet files, for the examples of engines: written and read a part at a time."""

from pathlib import Path

import numpy as np

_PART = 2_000  # series of one file


def write_series(folder: Path, n_series: int, n_rows: int) -> Path:
    """Write weekly waves of different size with noise, one file for some thousand series, sorted by id.

    Parameters
    ----------
    folder : Path
        Where the files are written; files of earlier calls are removed.
    n_series, n_rows : int
        How many series, and rows of each.

    Returns
    -------
    folder : Path
        The folder.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    days = np.datetime64("2020-01-01", "us") + np.arange(n_rows).astype("timedelta64[D]").astype("timedelta64[us]")
    for first in range(0, n_series, _PART):
        ids = np.arange(first, min(first + _PART, n_series))
        generator = np.random.default_rng(first)
        wave = np.sin(2 * np.pi * (np.arange(n_rows) + generator.integers(0, 7, len(ids))[:, None]) / 7)
        size = 10.0 ** generator.uniform(0, 4, len(ids))[:, None]
        values = size * (5 + wave + 0.3 * generator.normal(size=wave.shape))
        columns = {
            "unique_id": np.repeat(ids, n_rows),
            "ds": np.tile(days, len(ids)),
            "y": values.astype(np.float32).ravel(),
        }
        parquet.write_table(pa.table(columns), folder / f"{first:09d}.parquet")
    return folder
