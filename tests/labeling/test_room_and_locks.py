"""Full disks, killed writers, read-only folders, waiting, and what the keys hold."""

import errno
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series

from skdistill import Memory
from skdistill._utils._atomic import remove_leftovers, write_atomically
from skdistill._utils._interrupts import deferred_interrupts, noticed_interrupts
from skdistill.core import BaseTeacher, Labels
from skdistill.labeling._keys import environment
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._locks import entry_lock
from skdistill.labeling._temporary import TemporaryFolder
from skdistill.networks import MLP, CustomNetwork, DLinear
from skdistill.teachers import TrainedTeacher

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def label(indices):
    return Labels(indices.float()[:, None, None].repeat(1, 3, 2))


def in_a_process(work):
    """Run work in a forked process; return its exit status."""
    process = os.fork()
    if not process:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


# -- room ----------------------------------------------------------------------------------------


def no_room_is_an_error(folder, size):
    def work():
        try:
            label_windows(label, size // 24, forecast_shape=(3, 2), with_features=False, folder=folder, chunk_size=8)
        except OSError as error:
            told = error.errno in (errno.ENOSPC, errno.EFBIG) and "forecast.npy" in str(error)
            return told and "bytes" in str(error) and not (folder / "forecast.npy").exists()
        return False

    return work


@needs_fork
def test_labels_that_do_not_fit_are_an_error_before_the_first_is_written(tmp_path):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        return no_room_is_an_error(tmp_path, 4 << 20)()

    assert in_a_process(limited) == 0


@needs_fork
def test_a_full_disk_is_an_error_and_no_signal(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        assert in_a_process(no_room_is_an_error(tmp_path, 4 << 20)) == 0
        with pytest.raises(OSError, match=r"4,194,304 bytes.* are free") as caught:
            write_atomically(tmp_path / "teacher", bytes(4 << 20))
        assert caught.value.errno == errno.ENOSPC
        assert [one.name for one in tmp_path.iterdir() if one.name != ".lock"] == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@needs_fork
def test_what_killed_writers_left_is_removed_and_what_living_ones_hold_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / ".file.0123.tmp").write_bytes(b"half")
    (tmp_path / ".other.0123.tmp").write_bytes(b"half")
    write_atomically(tmp_path / "file", b"whole")
    assert sorted(one.name for one in tmp_path.iterdir()) == [".other.0123.tmp", "file"]
    remove_leftovers(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert in_a_process(lambda: bool(TemporaryFolder())) == 0  # ends without removing its folder
    living = TemporaryFolder()
    other = TemporaryFolder()
    assert {one for one in tmp_path.iterdir() if one.is_dir()} == {living.path, other.path}
    living.remove()
    other.remove()


def test_threads_that_write_one_file_leave_a_whole_one_and_no_other(tmp_path):
    failures = []

    def write(number):
        try:
            for _ in range(30):
                write_atomically(tmp_path / "file", bytes([number]) * 1000, durable=False)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert len(set((tmp_path / "file").read_bytes())) == 1


# -- sharing ---------------------------------------------------------------------------------------


def test_who_waits_is_told_for_whom(tmp_path, caplog):
    entered = threading.Event()

    def wait():
        with caplog.at_level(logging.WARNING, "skdistill"), entry_lock(tmp_path):
            entered.set()

    with entry_lock(tmp_path, "fits the teacher DLinear"):
        thread = threading.Thread(target=wait)
        thread.start()
        while "waiting" not in caplog.text:
            assert not entered.wait(0.01)
    thread.join()
    assert f"process {os.getpid()}" in caplog.text
    assert "fits the teacher DLinear since 20" in caplog.text


@pytest.mark.filterwarnings("ignore:.*lie outside bounds:UserWarning")
def test_a_student_is_trained_once_for_equal_fits(tmp_path, monkeypatch):
    series = make_series()
    first = make_forecaster(memory=tmp_path).fit(series)
    monkeypatch.setattr("skdistill._distillation.train_network", None)  # would fail if called
    again = make_forecaster(memory=tmp_path, verbose=1).fit(series)
    np.testing.assert_array_equal(again.predict(series), first.predict(series))
    assert again.history_ == first.history_
    bounded = make_forecaster(memory=tmp_path, bounds=(5.0, 5.5)).fit(series)
    np.testing.assert_array_equal(bounded.predict(series), np.clip(first.predict(series), 5.0, 5.5))
    for change in ({"lr": 0.5}, {"random_state": 1}, {"feature_storage": "recompute"}, {"student": MLP(3)}):
        with pytest.raises(TypeError, match="NoneType"):
            make_forecaster(memory=tmp_path, **change).fit(series)


def test_threads_are_part_of_the_key(tmp_path):
    log = str(tmp_path / "log")
    forecaster = make_forecaster(teacher=LastValueTeacher(log), memory=tmp_path / "m").fit(make_series())
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        forecaster.fit(make_series())
    finally:
        torch.set_num_threads(before)
    assert Path(log).read_text().count("fit") == 2


def test_torchs_precision_is_part_of_the_key(tmp_path):
    series, memory, student = make_series(), tmp_path / "m", MLP(32)
    make_forecaster(student=student, memory=memory).fit(series)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        expected = make_forecaster(student=student).fit(series).predict(series)
        found = make_forecaster(student=student, memory=memory).fit(series).predict(series)
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_array_equal(found, expected)
    assert len(list((memory / "skdistill").glob("student-*"))) == 2
    with torch.backends.mkldnn.flags(enabled=False):
        make_forecaster(student=student, memory=memory).fit(series)
    assert len(list((memory / "skdistill").glob("student-*"))) == 3


@pytest.mark.skipif(not hasattr(torch.backends, "fp32_precision"), reason="torch 2.9 has a switch for each product")
def test_torchs_precision_of_convolutions_is_part_of_the_key_too():
    usual, before = environment(), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)  # says what is so already
    assert environment() == usual
    torch.backends.mkldnn.conv.fp32_precision = "bf16"
    try:
        assert environment() != usual
    finally:
        torch.backends.mkldnn.conv.fp32_precision = "none"
    assert environment() == usual


@needs_fork
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_complete_folder_serves_read_only_and_another_says_what_is_missing(tmp_path):
    series, memory = make_series(), tmp_path / "memory"
    teacher = TrainedTeacher(DLinear(), max_epochs=1)
    expected = make_forecaster(teacher=teacher, memory=memory).fit(series).predict(series)
    for folder in tmp_path.parents:  # those of pytest are for its user alone
        if folder.stat().st_uid == os.getuid() and folder != folder.parent and "pytest" in str(folder):
            folder.chmod(0o755)
    for one in (tmp_path, *tmp_path.rglob("*")):
        one.chmod(0o555 if one.is_dir() else 0o444)

    def read():
        os.setuid(65534)
        again = make_forecaster(teacher=teacher, memory=memory).fit(series)
        return np.array_equal(again.predict(series), expected)

    def write():
        os.setuid(65534)
        try:
            make_forecaster(teacher=teacher, memory=memory, max_epochs=3).fit(series)
        except PermissionError as error:
            return "Use a folder that can be written" in str(error)
        return False

    assert [in_a_process(work) for work in (read, write)] == [0, 0]


# -- no pickles ------------------------------------------------------------------------------------


def test_memory_holds_no_pickle(tmp_path):
    make_forecaster(teacher=TrainedTeacher(DLinear(), max_epochs=1), memory=tmp_path).fit(make_series())
    names = {one.name for one in tmp_path.rglob("*") if one.is_file()}
    kept = {"forecast.npy", "journal.jsonl", "manifest.json", "student.safetensors", "teacher.safetensors"}
    kept |= {"words.safetensors"}  # that its weights hardly leave where they start
    assert names == kept | {".lock"}


class KeepsAModel(LastValueTeacher):
    """Learns something that only a pickle can hold."""

    def fit(self, windows, checkpoint=None):
        self.model_ = {1, 2}
        return super().fit(windows)


def test_what_is_no_plain_value_is_kept_where_pickles_are_allowed_alone(tmp_path):
    log = tmp_path / "log"
    for memory, fits in ((tmp_path / "m", 2), (Memory(tmp_path / "p", allow_pickle=True), 1)):
        log.unlink(missing_ok=True)
        forecaster = make_forecaster(teacher=KeepsAModel(str(log)), memory=memory)
        for _ in range(2):
            if fits == 2:
                with pytest.warns(UserWarning, match=r"model_ is a builtins.set.*allow_pickle=True"):
                    forecaster.fit(make_series())
            else:
                forecaster.fit(make_series())
        calls = log.read_text().split("\n")
        assert calls.count("fit") == fits
        assert calls.count("label 75") == 1
        assert forecaster.teacher_.model_ == {1, 2}


class ForgetsItsScale(BaseTeacher):
    """Leaves out of its state what its labels need."""

    def fit(self, windows, checkpoint=None):
        self.shape_ = (windows.train.prediction_length, len(windows.train.targets))
        self.scale_ = 2.0
        return self

    def probe(self, windows):
        return Labels(torch.zeros(1, windows.train.prediction_length, len(windows.train.targets)))

    def label(self, contexts):
        return Labels(torch.full((len(contexts), *self.shape_), getattr(self, "scale_", 1.0)))

    def fitted_state(self):
        return {"shape_": self.shape_}


def test_a_state_that_does_not_bring_back_the_labels_is_not_kept(tmp_path):
    with pytest.warns(UserWarning, match="does not reproduce its labels"):
        make_forecaster(teacher=ForgetsItsScale(), memory=tmp_path).fit(make_series())
    assert not list(tmp_path.rglob("teacher.safetensors"))


def test_local_classes_and_functions_in_a_teacher_are_kept(tmp_path, monkeypatch):
    class Local(torch.nn.Module):
        def __init__(self, spec):
            super().__init__()
            self.layer = torch.nn.Linear(spec.context_length, spec.prediction_length)

        def forward(self, context):
            return self.layer(context.transpose(1, 2)).transpose(1, 2)

    teacher = TrainedTeacher(CustomNetwork(Local), max_epochs=2, lr_schedule=lambda epoch: 0.5**epoch)
    series = make_series()
    first = make_forecaster(teacher=teacher, memory=tmp_path).fit(series)
    monkeypatch.setattr("skdistill.teachers._trained.train_network", None)  # would fail if called
    again = make_forecaster(teacher=teacher, memory=tmp_path).fit(series)
    np.testing.assert_array_equal(again.predict_teacher(series), first.predict_teacher(series))


# -- interrupts ------------------------------------------------------------------------------------


@pytest.fixture
def ctrl_c_raises():
    """A job in the background ignores SIGINT: here it raises, whoever runs the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_raises")
def test_an_interrupt_waits_for_the_end_of_a_block_and_one_that_is_swallowed_is_noticed():

    reached = []

    def press():
        with deferred_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        press()
    assert reached
    with noticed_interrupts() as came:
        assert not came()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                pass
        except KeyboardInterrupt:
            pass
        assert came()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


LAZY = """
import sys
import numpy as np
import skdistill.training._train as training
from skdistill import DistilledForecaster
from skdistill.networks import MLP
run = training._run
def watched(*arguments):
    before = set(sys.modules)
    result = run(*arguments)
    print(sorted(name for name in set(sys.modules) - before if name.split(".")[0] in ("torch", "sympy")))
    return result
training._run = watched
DistilledForecaster(None, MLP(4), "response", context_length=12, prediction_length=4, max_epochs=1).fit(
    np.random.default_rng(0).normal(size=(100, 1)))
"""


@pytest.mark.slow
def test_no_training_imports_parts_of_torch_where_an_interrupt_could_break_them():
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, timeout=300)
    assert done.stdout == "[]\n", done.stderr
