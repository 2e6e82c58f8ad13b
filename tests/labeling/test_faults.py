"""Kills, interrupts and flipped bits under ``memory=``: nothing is lost, nothing is accepted that differs."""

import json
import os
import shutil
import signal
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series
from sklearn.exceptions import ConvergenceWarning

from skdistill._utils._plain_files import read_plain, write_plain
from skdistill.core import Labels
from skdistill.labeling._answers import Wanted
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._rate import keep_rate, kept_rate
from skdistill.labeling._store import Store
from skdistill.losses import TimeDistill
from skdistill.networks import MLP, ITransformer
from skdistill.teachers import TrainedTeacher

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
SERIES = make_series(60)  # two batches an epoch
N_DISTURBED = 50


def make(memory):
    teacher = TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=4, lr=1e-3, patience=2)
    return make_forecaster(
        teacher=teacher, student=MLP(4, dropout=0.3), loss=TimeDistill(), max_epochs=4, patience=2, memory=memory
    )


def describe(forecaster):
    losses = [{name: value for name, value in epoch.items() if name != "dur"} for epoch in forecaster.history_]
    forecasts = [forecaster.predict(SERIES), forecaster.predict_teacher(SERIES)]
    return {"losses": losses, "forecasts": [np.asarray(one).tobytes().hex() for one in forecasts]}


@pytest.fixture(scope="module")
def undisturbed():
    make(None).fit(SERIES)  # torch imports what it needs
    start = time.perf_counter()
    expected = describe(make(None).fit(SERIES))
    return expected, time.perf_counter() - start


def start(memory, answer):
    """Fit in a forked process, which notes how the fit ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the child can answer it
    process = os.fork()
    if process:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return process
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        forecaster, how = make(memory), "returned"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                forecaster.fit(SERIES)
            except KeyboardInterrupt:
                how = "interrupted"
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        told = any(issubclass(one.category, ConvergenceWarning) for one in caught)
        usable = how == "interrupted" or bool(np.isfinite(forecaster.predict(SERIES)).all())
        again = None if how == "returned" and not told else describe(make(None).fit(SERIES))
        first = describe(forecaster) if how == "returned" and not told else None
        note = {"how": how, "told": told, "usable": usable, "first": first, "again": again}
        answer.write_text(json.dumps(note))
        os._exit(0)
    except KeyboardInterrupt:  # it came outside of fit, where no fit can notice it
        os._exit(0)
    except BaseException as error:
        answer.write_text(json.dumps({"how": f"{type(error).__name__}: {error}"}))
    finally:
        os._exit(3)  # never back into the test of its parent


def disturb(number, memory, folder, seconds, kind):
    answer = folder / "answer"
    answer.unlink(missing_ok=True)
    process = start(memory, answer)
    time.sleep(np.random.default_rng(number).uniform(0.0, 1.1) * seconds)
    os.kill(process, kind)
    os.waitpid(process, 0)
    return json.loads(answer.read_text()) if answer.exists() else None


def amounts(few, many):
    return pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.slow)])


@pytest.mark.slow
@needs_fork
def test_a_fit_that_is_killed_at_any_moment_goes_on_to_the_same_bits(undisturbed, tmp_path):
    expected, seconds = undisturbed
    ended = 0
    for number in range(N_DISTURBED):
        memory = tmp_path / f"memory-{number}"
        ended += disturb(number, memory, tmp_path, seconds, signal.SIGKILL) is not None
        assert describe(make(memory).fit(SERIES)) == expected
        assert describe(make(memory).fit(SERIES)) == expected
        assert not [one for one in memory.rglob("*") if one.name.endswith(".tmp") or "checkpoint" in one.name]
    assert ended < N_DISTURBED


@pytest.mark.parametrize("kind", ["teacher", "student"])
def test_a_checkpoint_beside_what_it_led_to_is_deleted_by_the_next_fit(kind, tmp_path, monkeypatch):
    def kill(folder, name):
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(f"skdistill.labeling._kept_{kind}.drop_checkpoints", kill)
        with pytest.raises(SystemError, match="killed"):
            make(tmp_path).fit(SERIES)
    assert len(list(tmp_path.rglob("*checkpoint*"))) == 1
    of_another = shutil.copytree(tmp_path, f"{tmp_path}-of-another-user")
    make(tmp_path).fit(SERIES)
    assert not list(tmp_path.rglob("*checkpoint*"))

    def refuse(path, missing_ok=False):
        if "checkpoint" in path.name:
            raise PermissionError(path)
        unlink(path, missing_ok)

    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", refuse)
    make(of_another).fit(SERIES)


@pytest.mark.slow
@needs_fork
def test_a_fit_that_is_interrupted_at_any_moment_says_so_and_spoils_nothing(undisturbed, tmp_path):
    expected, seconds = undisturbed
    for number in range(N_DISTURBED):
        memory = tmp_path / f"memory-{number}"
        note = disturb(1000 + number, memory, tmp_path, seconds, signal.SIGINT)
        if note is not None:  # else it came before the handler was there, or outside of fit
            assert note["how"] in ("returned", "interrupted"), note
            assert note["usable"]
            assert note["first"] in (None, expected)
            assert note["again"] in (None, expected), "a later fit of the same process differs"
        assert describe(make(memory).fit(SERIES)) == expected


# -- flipped bits --------------------------------------------------------------------------------


def flips(path, count):
    """Flip one bit after another, and put each back."""
    whole = path.read_bytes()
    generator = np.random.default_rng(len(whole))
    for bit in generator.integers(8 * len(whole), size=count):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(changed)
        yield
    path.write_bytes(whole)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Give a file of each kind that a fit leaves, and that an interrupted one does."""
    memory = tmp_path_factory.mktemp("files")
    make(memory).fit(SERIES)
    found = {path.name: path for path in memory.rglob("*.safetensors")}
    from skdistill.training._checkpoint import ResumableCheckpoint

    original = ResumableCheckpoint.on_epoch_end

    def stop(self, net, **kwargs):
        original(self, net, **kwargs)
        raise KeyboardInterrupt

    ResumableCheckpoint.on_epoch_end = stop
    try:
        with pytest.raises(KeyboardInterrupt):
            make(memory / "other").fit(SERIES)
    finally:
        ResumableCheckpoint.on_epoch_end = original
    return found | {path.name: path for path in (memory / "other").rglob("*.safetensors")}


@amounts(100, 1000)
@pytest.mark.parametrize("kind", ["teacher.safetensors", "student.safetensors", "teacher-checkpoint.safetensors"])
def test_no_flipped_bit_of_a_file_is_accepted(kind, count, files):
    accepted = 0
    for _ in flips(files[kind], count):
        try:
            read_plain(files[kind])
        except ValueError:
            continue
        accepted += 1
    assert accepted == 0
    read_plain(files[kind])


def test_pickles_have_the_checksum_and_are_read_where_allowed_alone(tmp_path):
    path = tmp_path / "state"
    write_plain(path, {"model": {1, 2}}, allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=True"):
        read_plain(path)
    for _ in flips(path, 100):
        with pytest.raises(ValueError, match=r".+"):
            read_plain(path, allow_pickle=True)
    assert read_plain(path, allow_pickle=True) == {"model": {1, 2}}


def label(indices):
    forecast = indices.float()[:, None, None].repeat(1, 3, 2) + torch.arange(6.0).reshape(3, 2) / 10
    return Labels(forecast, forecast.transpose(1, 2).clone())


@amounts(100, 1000)
@pytest.mark.parametrize("kind", ["forecast.npy", "features.npy", "journal.jsonl", "manifest.json"])
def test_no_flipped_bit_of_a_store_changes_a_label(kind, count, tmp_path):
    options = {"forecast_shape": (3, 2), "with_features": True, "chunk_size": 8, "folder": tmp_path}
    expected = label_windows(label, 40, **options)
    forecast, features = expected.forecast.clone(), expected.features.clone()
    refused = 0
    for _ in flips(tmp_path / kind, count):
        store = Store.open(tmp_path, 40, (3, 2), Wanted(True, False), tell=False)
        labels = None if store is None else store.labels_if_complete()
        if labels is None:
            refused += 1
            continue
        assert torch.equal(labels.forecast, forecast)
        assert torch.equal(labels.features, features)
    assert refused > count // 2
    again = label_windows(label, 40, **options)
    assert torch.equal(again.forecast, forecast)


@pytest.mark.slow
def test_a_damaged_entry_is_made_anew_once_with_one_line(tmp_path, caplog):
    expected = describe(make(tmp_path).fit(SERIES))
    for path in sorted(one for one in Path(tmp_path).rglob("*") if one.suffix in (".safetensors", ".npy", ".json")):
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 4
        path.write_bytes(damaged)
        for lines in (1, 0):
            caplog.clear()
            if path.name != "student.safetensors":
                for student in tmp_path.rglob("student.safetensors"):
                    student.unlink()
            assert describe(make(tmp_path).fit(SERIES)) == expected
            assert len([one for one in caplog.records if one.name == "skdistill"]) == lines, path.name


def by_part(memory):
    """Return the files of a folder by what they are, whatever the keys of their entries."""
    files = [one for one in memory.rglob("*") if one.is_file() and one.name != ".lock"]
    parts = {one: one.relative_to(memory).parts for one in files}
    return {("student" if "student" in parts[one][1] else "teacher", *parts[one][2:]): one for one in files}


@pytest.mark.slow
@pytest.mark.parametrize("share", [None, 0.5])
def test_what_was_copied_from_another_entry_is_not_taken(share, tmp_path):
    def fit(memory, series):
        return describe(make(memory).set_params(label_share=share).fit(series))

    others = 100.0 - 3.0 * SERIES[::-1]
    expected = fit(tmp_path / "ours", others)
    assert fit(tmp_path / "foreign", SERIES) != expected
    foreign = by_part(tmp_path / "foreign")
    assert foreign.keys() == by_part(tmp_path / "ours").keys()
    whole_teacher = [part for part in foreign if part[0] == "teacher"]
    for copied in [*([part] for part in foreign), whole_teacher, list(foreign)]:
        memory = tmp_path / "mixed"
        shutil.rmtree(memory, ignore_errors=True)
        shutil.copytree(tmp_path / "ours", memory)
        ours = by_part(memory)
        for part in copied:
            shutil.copy(foreign[part], ours[part])
        if ("student", "student.safetensors") not in copied:
            ours["student", "student.safetensors"].unlink()  # the teacher is asked for again
        assert fit(memory, others) == expected, copied


def test_a_changed_rate_is_measured_again(tmp_path):
    keep_rate(tmp_path, 0.25)
    (path,) = tmp_path.iterdir()
    assert kept_rate(tmp_path) == 0.25
    for _ in flips(path, 200):
        assert kept_rate(tmp_path) is None
    assert kept_rate(tmp_path) == 0.25
