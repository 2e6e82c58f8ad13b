"""The NumPy runtime stands alone, and its files are safe."""

import io
import random
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series

from skdistill.fused import NumpyStudent, numpy_student
from skdistill.networks import MLP, Linear

ALONE = """
import sys
import numpy
before = set(sys.modules)
import numpy_student
student = numpy_student.NumpyStudent.load("student.npz")
forecast = student.predict(numpy.load("windows.npy"))
numpy.save("forecast.npy", forecast)
others = {name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(sorted(others))
"""


@pytest.fixture(scope="module")
def forecaster():
    return make_forecaster(teacher=None, student=MLP(4, kernel_size=5)).fit(make_frame())


@pytest.fixture(scope="module")
def saved(forecaster, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "student.npz"
    forecaster.export(path)
    return path.read_bytes()


def test_the_file_copied_to_a_device_needs_numpy_alone(forecaster, saved, tmp_path):
    shutil.copy(numpy_student.__file__, tmp_path / "numpy_student.py")
    (tmp_path / "student.npz").write_bytes(saved)
    windows = np.stack([make_series(20, seed=seed) for seed in range(3)])
    np.save(tmp_path / "windows.npy", windows)
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['numpy', 'numpy_student']" or done.stdout.strip() == "['numpy_student']"
    np.testing.assert_array_equal(np.load(tmp_path / "forecast.npy"), forecaster.predict(windows))


def test_one_window_and_batches(forecaster, saved, tmp_path):
    (tmp_path / "student.npz").write_bytes(saved)
    student = NumpyStudent.load(tmp_path / "student.npz")
    series = make_series(30)
    assert student.predict(series).shape == (4, 2)
    assert student.predict(series[None].astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(student.predict(series), forecaster.predict(series), rtol=1e-6)
    for bad in (series[:5], series[:, :1], series[None, None]):
        with pytest.raises(ValueError, match="windows must have shape"):
            student.predict(bad)


def load_bytes(data, tmp_path):
    path = tmp_path / "student.npz"
    path.write_bytes(data)
    return NumpyStudent.load(path)


def test_damaged_files_are_refused(saved, tmp_path):
    generator, refused = random.Random(0), 0
    for _ in range(500):
        data = bytearray(saved)
        position = generator.randrange(len(data))
        if generator.random() < 0.5:
            data[position] ^= generator.randrange(1, 256)
        else:
            del data[position : position + generator.randrange(1, 200)]
        try:
            student = load_bytes(bytes(data), tmp_path)
        except ValueError:
            refused += 1
        else:
            assert student.predict(np.zeros((12, 2))).shape == (4, 2)
    assert refused > 300


def packed(compression=zipfile.ZIP_STORED, **arrays):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, array in arrays.items():
            inner = io.BytesIO()
            np.save(inner, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", inner.getvalue())
    return buffer.getvalue()


GOOD = {
    "version": np.array(1),
    "dtype": np.array(4),
    "weight_0": np.ones((2, 3)),
    "bias_0": np.zeros(2),
    "center": np.zeros(1),
    "targets": np.array([0]),
    "n_channels": np.array(1),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": np.array(2)}, "format version 2"),
        ({"weight_0": np.array([{}], dtype=object)}, "no student, or damaged"),
        ({"weight_0": np.ones((2, 3)) * np.nan}, "not finite"),
        ({"bias_0": np.zeros(3)}, "bias_0 has shape"),
        ({"targets": np.array([1])}, "within 1 channels"),
        ({"surprise": np.zeros(2)}, "unknown"),
        ({"center": np.array(["a"])}, "no student"),
    ],
)
def test_wrong_contents_are_named(changes, message, tmp_path):
    assert load_bytes(packed(**GOOD), tmp_path).predict(np.ones((3, 1))).tolist() == [[3.0], [3.0]]
    with pytest.raises(ValueError, match=message):
        load_bytes(packed(**{**GOOD, **changes}), tmp_path)


def test_declared_sizes_and_bombs_take_no_memory(tmp_path):
    bomb = packed(zipfile.ZIP_DEFLATED, **{**GOOD, "weight_0": np.zeros((1000, 1000))})
    with pytest.raises(ValueError, match="compressed"):
        load_bytes(bomb, tmp_path)
    liar = packed(**GOOD)
    assert liar.count(b"(2, 3), }") == 1
    with pytest.raises(ValueError, match="damaged"):
        load_bytes(liar.replace(b"(2, 3), }   ", b"(2, 3000), }"), tmp_path)


def test_it_reads_more_rows_than_it_needs():
    forecaster = make_forecaster(teacher=None, student=Linear(season=4)).fit(make_series())
    np.testing.assert_array_equal(forecaster.predict(make_series(50)), forecaster.predict(make_series(50)[-12:]))
