"""The NumPy runtime stands alone, and its files are safe."""

import io
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series

from skdistill._utils import numpy_student
from skdistill._utils._atomic import write_atomically
from skdistill._utils.numpy_student import NumpyStudent
from skdistill.fused._runtime import fuse_in_units
from skdistill.networks import MLP, DLinear, Linear

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


@pytest.mark.parametrize("student", [Linear(), DLinear(5), MLP(16, kernel_size=5)], ids=str)
def test_few_windows_are_as_accurate_as_batches(student):
    series = make_series(300, 3)
    forecaster = make_forecaster(teacher=None, student=student, max_epochs=1).fit(series)
    made = fuse_in_units(forecaster.student_, forecaster.spec_, forecaster.scaling_).arrays()
    windows = np.stack([series[k : k + 12] for k in range(256)])
    exact = NumpyStudent(made, "float64").predict(windows)
    batch = NumpyStudent(made).predict(windows) - exact
    single = np.stack([NumpyStudent(made).predict(one) for one in windows]) - exact
    assert np.sqrt(np.mean(single**2)) < 1.5 * np.sqrt(np.mean(batch**2))
    assert np.abs(single).max() < 1e-6 * np.abs(exact).max()


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


def packed(compression=zipfile.ZIP_STORED, **arrays):
    """Write arrays as an archive, and sign it as its own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, array in arrays.items():
            inner = io.BytesIO()
            np.save(inner, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", inner.getvalue())
        archive.comment = b"0" * 64
    return numpy_student._seal(buffer.getvalue()[:-64])


GOOD = {
    "version": np.array(2),
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
        ({"version": np.array(4)}, "format version 4, and this NumpyStudent reads versions 2 and 3 only"),
        ({"version": np.array([2])}, "format version"),
        ({"dtype": np.array(2)}, "dtype must be 4 or 8"),
        ({"weight_0": np.array([{}], dtype=object)}, "not a student: weight_0.npy does not contain the numbers"),
        ({"weight_0": np.ones((2, 3), dtype=np.float16)}, "does not contain the numbers"),
        ({"weight_0": np.ones((3, 2)).T}, "does not contain the numbers"),
        ({"weight_0": np.ones(())}, "bias_0 has shape|weight_0 has shape"),
        ({"weight_0": np.full((2, 3), 1e300)}, "not finite in float32"),
        ({"epsilon": np.array([-1.0])}, "epsilon is negative"),
        ({"targets": np.array([0, 0]), "center": np.zeros(2)}, "a channel twice"),
        ({"targets": np.zeros(0, dtype=int), "center": np.zeros(0)}, "has shape"),
        ({"n_channels": np.array(2**40)}, "within 1099511627776 channels"),
        ({f"weight_{number}": np.ones((2, 2)) for number in range(1, 70)}, "70 layers"),
        ({"weight_0": np.ones((2, 3)) * np.nan}, "not finite"),
        ({"bias_0": np.zeros(3)}, "bias_0 has shape"),
        ({"targets": np.array([1])}, "within 1 channels"),
        ({"surprise": np.zeros(2)}, "unknown"),
        ({"center": np.array(["a"])}, "not a student"),
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
    with pytest.raises(ValueError, match=r"does not contain|damaged|Bad CRC"):
        load_bytes(numpy_student._seal(liar.replace(b"(2, 3), }   ", b"(2, 3000), }")[:-64]), tmp_path)


def peak_memory(call):
    """Measure the most that a call held of NumPy's and Python's memory."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_loading_takes_a_few_times_the_size_of_the_file(tmp_path):
    generator = np.random.default_rng(0)
    large = {**GOOD, "weight_0": generator.normal(size=(300, 1000)), "bias_0": np.zeros(300)}
    for name, arrays in {
        "many channels declared": {**GOOD, "n_channels": np.array(2**31 - 1)},
        "many channels declared, large": {**large, "n_channels": np.array(2**31 - 1)},
        "large": large,
        "float64": {**large, "dtype": np.array(8)},
    }.items():
        data = packed(**arrays)
        (tmp_path / "student.npz").write_bytes(data)
        peak = peak_memory(lambda: NumpyStudent.load(tmp_path / "student.npz"))
        assert peak < 6 * len(data) + (1 << 18), name


def test_an_archive_of_very_many_members_is_refused_before_they_are_listed(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(20_000):
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
        archive.comment = b"0" * 64
    data = numpy_student._seal(buffer.getvalue()[:-64])
    (tmp_path / "student.npz").write_bytes(data)

    def load():
        with pytest.raises(ValueError, match="more than 256 members"):
            NumpyStudent.load(tmp_path / "student.npz")

    assert peak_memory(load) < 3 * len(data)


def test_what_is_no_archive_is_not_read(tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 40)  # a file of zeros that takes no room
    for path in (tmp_path / "large", "/dev/zero"):
        with pytest.raises(ValueError, match="cannot be loaded"):
            NumpyStudent.load(path)
    with pytest.raises(OSError, match="directory"):
        NumpyStudent.load(tmp_path)


def test_well_signed_nonsense_is_refused_or_harmless(saved, tmp_path):
    """Shapes, values and types at random: the documented error, or a student that answers."""
    generator, refused = np.random.default_rng(0), 0
    with np.load(io.BytesIO(saved)) as archive:
        good = {name: archive[name] for name in archive.files}
    values = [0.0, -1.0, 1e300, 1e-320, np.nan, np.inf, 2.0**62]
    for _ in range(600):
        arrays = dict(good)
        for _ in range(generator.integers(1, 4)):
            name = generator.choice(sorted(arrays))
            array = arrays.pop(name)
            change = generator.integers(8)
            if change == 0:
                continue
            arrays[name] = [
                array[..., :1] if array.ndim else array[None],
                array.reshape(-1),
                np.concatenate([array, array]) if array.ndim else array * 0,
                array.astype(generator.choice(["<f8", "<i8", ">f8", "<f4", "?"])),
                np.where(generator.random(array.shape) < 0.3, generator.choice(values), array),
                np.array(int(generator.integers(-3, 2**33))),
                array[None],
            ][change - 1]
        with np.errstate(all="ignore"):
            try:
                student = load_bytes(packed(**arrays), tmp_path)
            except ValueError:
                refused += 1
                continue
            if student.n_channels < 100:
                rows = np.ones((2, student.context_length, student.n_channels))
                assert student.predict(rows).shape == (2, student.prediction_length, len(student.targets))
    assert 200 < refused < 600


def test_threads_that_save_one_path_leave_a_whole_file_and_nothing_else(saved, tmp_path):
    student, path, errors = load_bytes(saved, tmp_path), tmp_path / "student.npz", []

    def save():
        for _ in range(30):
            try:
                student.save(path)
                NumpyStudent.load(path)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert os.listdir(tmp_path) == ["student.npz"]


def test_a_link_stays_a_link_and_a_new_file_has_the_usual_rights(saved, tmp_path):
    student = load_bytes(saved, tmp_path)
    (tmp_path / "link.npz").symlink_to(tmp_path / "real.npz")
    student.save(tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "real.npz").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("there", [False, True])
def test_the_file_that_a_link_names_is_written(there, tmp_path):
    if there:
        (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_it_reads_more_rows_than_it_needs():
    forecaster = make_forecaster(teacher=None, student=Linear(season=4)).fit(make_series())
    np.testing.assert_array_equal(forecaster.predict(make_series(50)), forecaster.predict(make_series(50)[-12:]))


@pytest.mark.parametrize("bounds", [{}, {"lower": np.array(0.0), "upper": np.array(9.0)}], ids=["open", "bounds"])
def test_values_too_large_for_the_type_are_refused(bounds):
    arrays = {"weight_0": np.array([[0.0, 1.0, 1.0]]), "bias_0": np.zeros(1), "center": np.zeros(2), **bounds}
    arrays |= {"targets": np.arange(2), "n_channels": np.array(2)}
    windows = np.ones((3, 3, 2))
    windows[1, 2, 1] = 1e39
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"not finite: .* too large for float32, .* windows is 1e\+39"):
            NumpyStudent(arrays).predict(windows)
        windows[1, 2, 1] = 3e38
        windows[1, 1, 1] = 3e38
        with pytest.raises(ValueError, match="not finite"):
            NumpyStudent(arrays).predict(windows)
        windows[1, :, 1] = np.nan
        assert np.isnan(NumpyStudent(arrays).predict(windows)).sum() == 1
        windows[1, :, 1] = 1e39
        assert np.isfinite(NumpyStudent(arrays, "float64").predict(windows)).all()
