"""Files appear complete or not at all, and a full disk is an error with path and size."""

import contextlib
import errno

import numpy as np
import pytest
from doubles import make_forecaster, make_series

from skdistill._utils._atomic import append_line, replacing, write_atomically

resource = pytest.importorskip("resource", reason="needs limits of file sizes")


@contextlib.contextmanager
def no_file_beyond(size):
    """Limit the size of files that this process writes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_by_itself(path):
    with replacing(path) as here, here.open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(bytes(1000))


def write_report(path):
    series = make_series(100)
    make_forecaster(teacher=None).fit(series).report(series, path)


def write_table(path):
    pa = pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    from skdistill.scale_out._files import write_file

    tables = [pa.table({"c0": np.random.default_rng(number).normal(size=1000)}) for number in range(5)]
    write_file(tables[0].schema, tables, path)


def save_for_numpy(path):
    from skdistill import load_pretrained_student

    load_pretrained_student().save(path)


@pytest.mark.parametrize(
    "write", [write_by_itself, pytest.param(write_report, marks=pytest.mark.slow), write_table, save_for_numpy]
)
def test_a_file_that_does_not_fit_leaves_the_old_one(write, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with no_file_beyond(5_000), pytest.raises(OSError, match=r"needs .*bytes, and .*file'") as caught:
        write(path)
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_line_that_does_not_fit_names_its_file(tmp_path):
    with no_file_beyond(5), pytest.raises(OSError, match=r"needs 9 bytes.*journal"):
        append_line(tmp_path / "journal", "too long\n")


def test_writers_of_one_file_do_not_share_a_temporary_one(tmp_path):
    with replacing(tmp_path / "file") as first:
        first.write_bytes(b"fir")
        with replacing(tmp_path / "file") as second:
            second.write_bytes(b"second")
        write_atomically(tmp_path / "file", b"third")
        with first.open("ab") as file:
            file.write(b"st")
    assert (tmp_path / "file").read_bytes() == b"first"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_table_is_written_while_another_one_is(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    from pyarrow import parquet

    from skdistill.scale_out._files import write_file

    table = pa.table({"c0": [1.0]})

    def slow():
        yield table
        write_file(table.schema, [table], tmp_path / "file")
        yield table

    (tmp_path / ".file.0123.tmp").write_bytes(b"of a killed run")
    write_file(table.schema, slow(), tmp_path / "file")
    assert parquet.read_table(tmp_path / "file").num_rows == 2
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
