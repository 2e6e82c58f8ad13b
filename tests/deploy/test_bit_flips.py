"""No file of which a bit has changed is taken: every byte of every kind is covered by a checksum."""

import random

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series

from skdistill import DistilledRegressor, load
from skdistill.deploy import NumpyStudent, SavedFileError
from skdistill.networks import MLP, DLinear, ITransformer, Linear

FEW, MANY = 60, 1500  # flips of each kind of file: always, and in the slow part of the suite


def save_plain(path):
    make_forecaster(teacher=None, student=Linear(season=4)).fit(make_frame()).save(path)


def save_quantiles(path):
    settings = {"quantiles": (0.1, 0.5, 0.9), "calibration": "conformal"}
    make_forecaster(teacher=None, student=MLP(4), **settings).fit(make_series()).save(path)


def save_with_teacher(path):
    make_forecaster(teacher=DLinear(3), student=ITransformer(8, n_heads=2)).fit(make_frame()).save(path, teacher=True)


def save_regressor(path):
    windows = np.lib.stride_tricks.sliding_window_view(make_series(n_channels=1)[:, 0], 12)
    regressor = DistilledRegressor(None, DLinear(3), "response", max_epochs=1, random_state=0)
    regressor.fit(windows[:, :8], windows[:, 8:]).save(path)


def export_plain(path):
    make_forecaster(teacher=None, student=MLP(4, normalization="revin")).fit(make_series()).export(path)


def export_quantiles(path):
    make_forecaster(teacher=None, student=DLinear(3), quantiles=(0.1, 0.5, 0.9)).fit(make_series()).export(path)


KINDS = {
    "saved": (save_plain, "file.skdistill", load, SavedFileError),
    "saved, quantiles": (save_quantiles, "file.skdistill", load, SavedFileError),
    "saved, with teacher": (save_with_teacher, "file.skdistill", load, SavedFileError),
    "saved regressor": (save_regressor, "file.skdistill", load, SavedFileError),
    "for NumPy": (export_plain, "file.npz", NumpyStudent.load, ValueError),
    "for NumPy, quantiles": (export_quantiles, "file.npz", NumpyStudent.load, ValueError),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write a file of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    whole = {}
    for name, (write, file, _, _) in KINDS.items():
        write(folder / file)
        whole[name] = (folder / file).read_bytes()
    return whole


def check_flips(data, path, read, refusal, flips):
    """Flip one bit at a time, and expect the documented error and a sentence."""
    for position, bit in flips:
        damaged = bytearray(data)
        damaged[position] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(refusal, match="cannot be loaded") as refused:
            read(path)
        assert type(refused.value) is refusal
        assert len(str(refused.value)) > 30


@pytest.mark.parametrize("n_flips", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_bit_is_taken(kind, n_flips, files, tmp_path):
    _, file, read, refusal = KINDS[kind]
    data, generator = files[kind], random.Random(f"{kind} {n_flips}")
    (tmp_path / file).write_bytes(data)
    read(tmp_path / file)  # whole, it is taken
    flips = [(generator.randrange(len(data)), generator.randrange(8)) for _ in range(n_flips)]
    check_flips(data, tmp_path / file, read, refusal, flips)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["saved", "for NumPy"])
def test_no_bit_of_head_and_tail_may_flip(kind, files, tmp_path):
    """Where lengths, versions, checksums and directories lie, every single bit."""
    _, file, read, refusal = KINDS[kind]
    data = files[kind]
    ends = sorted({*range(min(300, len(data))), *range(max(0, len(data) - 300), len(data))})
    flips = [(position, bit) for position in ends for bit in range(8)]
    check_flips(data, tmp_path / file, read, refusal, flips)


@pytest.mark.parametrize("kind", KINDS)
def test_no_cut_or_lengthened_file_is_taken(kind, files, tmp_path):
    _, file, read, refusal = KINDS[kind]
    data, path = files[kind], tmp_path / file
    for damaged in (data[:-1], data[1:], data + b"0", data[: len(data) // 2], b"", data + data, data[:8] + data):
        path.write_bytes(damaged)
        with pytest.raises(refusal):
            read(path)


@pytest.mark.parametrize("kind", ["for NumPy", "for NumPy, quantiles"])
def test_the_same_student_makes_the_same_bytes(kind, files, tmp_path):
    _, file, read, _ = KINDS[kind]
    path = tmp_path / file
    path.write_bytes(files[kind])
    read(path).save(path)
    assert path.read_bytes() == files[kind]
