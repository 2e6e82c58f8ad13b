"""Labels are made once, survive a kill, are shared by processes, and damage is noticed."""

import gc
import json
import os
import textwrap
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import start_script
from hypothesis import given
from hypothesis import strategies as st
from joblib import Memory

from skdistill.core import Labels
from skdistill.labeling._budget import LabelBudgetError, check_budget
from skdistill.labeling._cache import LabelCache
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._stored import StoredLabels

SHAPE = (3, 2)


class Counter:
    """A labeling function with a known answer, which remembers what it was asked."""

    def __init__(self, feature_size=None, scale=1.0):
        self.asked = []
        self.feature_size = feature_size
        self.scale = scale

    def __call__(self, indices):
        self.asked += indices.tolist()
        forecast = indices.float()[:, None, None].repeat(1, *SHAPE) + torch.arange(6.0).reshape(SHAPE) / 10
        features = None
        if self.feature_size:
            features = self.scale * indices.float()[:, None, None].repeat(1, 2, self.feature_size)
        return Labels(forecast, features)


def run(label, n_windows, **options):
    options = {"forecast_shape": SHAPE, "with_features": False, **options}
    return label_windows(label, n_windows, **options)


@given(n_windows=st.integers(1, 50), chunk_size=st.integers(1, 16))
def test_every_window_is_labeled_exactly_once(n_windows, chunk_size):
    counter = Counter()
    labels = run(counter, n_windows, chunk_size=chunk_size)
    assert counter.asked == list(range(n_windows))
    torch.testing.assert_close(labels.forecast, Counter()(torch.arange(n_windows)).forecast)


@pytest.mark.parametrize("where", ["memory", "temporary file", "folder"])
def test_the_answer_is_the_same_wherever_it_is_kept(where, tmp_path):
    options = {"temporary file": {"memory_budget": 0}, "folder": {"folder": tmp_path}, "memory": {}}[where]
    labels = run(Counter(feature_size=4), 20, chunk_size=6, with_features=True, **options)
    expected = Counter(feature_size=4)(torch.arange(20))
    taken = labels.take(torch.tensor([19, 0, 7]))
    torch.testing.assert_close(taken.forecast, expected.forecast[[19, 0, 7]])
    torch.testing.assert_close(taken.features, expected.features[[19, 0, 7]])
    assert labels.features.dtype == torch.float16


def test_labels_carry_no_trace_of_inference_mode():
    labels = run(Counter(), 5)
    weight = torch.ones(1, requires_grad=True)
    (labels.take(torch.arange(5)).forecast * weight).sum().backward()
    assert weight.grad is not None


def test_temporary_file_goes_with_its_labels(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    labels = run(Counter(), 20, memory_budget=0)
    assert len(list(tmp_path.iterdir())) == 1
    del labels
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_a_second_run_finds_the_labels(tmp_path):
    run(Counter(), 20, folder=tmp_path, chunk_size=6)
    again = Counter()
    labels = run(again, 20, folder=tmp_path, chunk_size=6)
    assert again.asked == []
    assert len(labels) == 20


def test_features_asked_for_later_are_added(tmp_path):
    run(Counter(feature_size=4), 20, folder=tmp_path)
    labels = run(Counter(feature_size=4), 20, folder=tmp_path, with_features=True)
    assert labels.features.shape == (20, 2, 4)


def test_interrupted_labeling_goes_on_where_it_stopped(tmp_path):
    class Interrupted(Counter):
        def __call__(self, indices):
            if 12 in indices.tolist():
                raise KeyboardInterrupt
            return super().__call__(indices)

    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(), 20, folder=tmp_path, chunk_size=6)
    again = Counter()
    labels = run(again, 20, folder=tmp_path, chunk_size=6)
    assert again.asked == list(range(12, 20))
    torch.testing.assert_close(labels.forecast, Counter()(torch.arange(20)).forecast)


SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r}); sys.path.insert(0, {root!r})
from test_store import Counter, run
folder, log, pause = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
class Slow(Counter):
    def __call__(self, indices):
        time.sleep(pause)
        with log.open("a") as stream:
            stream.write(f"{{indices[0].item()}}\\n")
        return super().__call__(indices)
labels = run(Slow(), 40, folder=folder, chunk_size=4)
print(labels.forecast.sum().item())
"""


@pytest.fixture
def start(tmp_path):
    """Start labeling in another process."""
    here = Path(__file__)
    script = tmp_path / "label.py"
    script.write_text(textwrap.dedent(SCRIPT).format(tests=str(here.parent), root=str(here.parents[2])))

    def start(folder, log, pause, output="output"):
        return start_script(script, folder, log, pause, cwd=tmp_path, output=tmp_path / output)

    return start


@pytest.mark.slow
def test_a_killed_run_relabels_nothing_that_was_finished(tmp_path, start):
    folder, log = tmp_path / "store", tmp_path / "log"
    folder.mkdir()
    process = start(folder, log, 0.1)
    while not log.exists() or len(log.read_text().split()) < 4:
        time.sleep(0.01)
        assert process.is_alive()
    process.kill()
    process.join()
    done = [json.loads(line)["chunk"] for line in (folder / "journal.jsonl").read_text().split("\n") if line.strip()]
    assert done
    again = Counter()
    labels = run(again, 40, folder=folder, chunk_size=4)
    assert not {4 * chunk for chunk in done} & set(again.asked)
    torch.testing.assert_close(labels.forecast, Counter()(torch.arange(40)).forecast)


@pytest.mark.slow
def test_two_processes_share_a_store_and_one_labels(tmp_path, start):
    folder, log = tmp_path / "store", tmp_path / "log"
    folder.mkdir()
    processes = [start(folder, log, 0.02, name) for name in ("first", "second")]
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    answers = [(tmp_path / name).read_text().splitlines()[-1] for name in ("first", "second")]  # before it, who waits
    assert answers[0] == answers[1] != ""
    assert sorted(map(int, log.read_text().split())) == list(range(0, 40, 4))


def flip_byte(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 0xFF
    path.write_bytes(content)


DAMAGE = {
    "a flipped byte": (lambda folder: flip_byte(folder / "forecast.npy"), list(range(18, 20))),
    "a truncated array": (lambda f: os.truncate(f / "forecast.npy", 200), list(range(20))),
    "a garbage manifest": (lambda f: (f / "manifest.json").write_text("{"), list(range(20))),
    "a manifest that lies": (
        lambda f: (f / "manifest.json").write_text((f / "manifest.json").read_text().replace("[3, 2]", "[3, 9]")),
        list(range(20)),
    ),
    "a missing array": (lambda f: (f / "forecast.npy").unlink(), list(range(20))),
    "a torn journal": (
        lambda f: (f / "journal.jsonl").write_text((f / "journal.jsonl").read_text()[:-10]),
        list(range(18, 20)),
    ),
    "another format": (
        lambda f: (f / "manifest.json").write_text(
            (f / "manifest.json").read_text().replace('"format": ', '"format": 1')
        ),
        list(range(20)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_noticed_and_mended(name, tmp_path):
    damage, relabeled = DAMAGE[name]
    run(Counter(), 20, folder=tmp_path, chunk_size=6)
    gc.collect()
    damage(tmp_path)
    again = Counter()
    labels = run(again, 20, folder=tmp_path, chunk_size=6)
    assert again.asked == relabeled
    torch.testing.assert_close(labels.forecast, Counter()(torch.arange(20)).forecast)


def test_a_store_over_its_budget_stops_after_the_first_chunk():
    counter = Counter(feature_size=64)
    with pytest.raises(LabelBudgetError, match=r"features .*label_budget.*feature_storage='recompute'"):
        run(counter, 10_000, with_features=True, budget=1 << 20, chunk_size=8)
    assert len(counter.asked) == 8


def test_the_ways_out_of_a_budget_are_those_that_there_are():
    check_budget({"forecast": 10}, 5, 10)
    with pytest.raises(LabelBudgetError) as all_kinds:
        check_budget({"forecast": 10, "features": 20, "quantiles": 1}, 5, 10)
    for way in (
        "raise label_budget",
        "pooling= of a foundation model",
        "feature_weight=0; alignment_weight=0 of DistilTS",
        "layer=None",
        "feature_storage='recompute'",
        "without the teacher's quantiles",
    ):
        assert way in str(all_kinds.value)
    with pytest.raises(LabelBudgetError) as forecasts_alone:
        check_budget({"forecast": 10}, 5, 9)
    assert "pooling" not in str(forecasts_alone.value)
    assert "recompute" not in str(forecasts_alone.value)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            lambda i: Labels(torch.full((len(i), *SHAPE), torch.inf)),
            "returned inf in its forecast, first for training window 0",
        ),
        (lambda i: Labels(torch.zeros(len(i), 4, 2)), r"= \(6, 3, 2\); it returned \(6, 4, 2\)"),
        (lambda i: Labels(torch.zeros(len(i), *SHAPE)), "needs the teacher's features"),
    ],
)
def test_bad_answers_stop_the_labeling(label, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run(label, 20, chunk_size=6, folder=tmp_path, with_features="features" in message)
    assert not (tmp_path / "manifest.json").exists()


def test_memory_does_not_grow_with_the_windows():
    """Labels on disk: what is in memory at once is a chunk, however many windows there are."""

    def label(indices):
        features = np.ones((len(indices), 2, 64, 64), np.float32)
        return Labels(torch.zeros(len(indices), *SHAPE), torch.from_numpy(features))

    def peak(n_windows):
        tracemalloc.start()
        labels = run(label, n_windows, with_features=True, chunk_size=16, memory_budget=0)
        for batch in torch.arange(n_windows).split(16):
            labels.take(batch)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest, labels.nbytes

    few, many = peak(64), peak(640)
    assert many[1] == 10 * few[1] > 10 * (1 << 20)
    assert many[0] < 1.1 * few[0] + (1 << 16)
    assert many[0] < 4 * 16 * 2 * 64 * 64 * 4  # a few copies of a chunk


def test_features_beyond_half_precision_stay_single():
    labels = run(Counter(feature_size=4, scale=1e6), 20, with_features=True)
    assert labels.features.dtype == torch.float32
    with pytest.raises(ValueError, match="beyond float16"):
        run(Counter(feature_size=4, scale=1e3), 100, with_features=True, chunk_size=4)


@pytest.mark.parametrize("in_folder", [False, True])
def test_later_quantiles_far_from_the_center_keep_their_digits(tmp_path, in_folder):
    given = torch.linspace(0, 3, 8 * 2 * int(np.prod(SHAPE))).reshape(8, 2, *SHAPE)
    given[4:] += torch.tensor([1e3, 1e5, 1.0, 0.0])[:, None, None, None]
    label = lambda indices: Labels(given[indices][:, 0], None, given[indices], (0.25, 0.75))  # noqa: E731
    labels = run(label, 8, with_quantiles=True, chunk_size=4, **({"folder": tmp_path} if in_folder else {}))
    assert torch.equal(labels.take(torch.arange(8)).quantiles, given)


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1e-4, 0.01, 1.0, 100.0, 1e6])
def test_features_of_any_size_keep_their_digits(scale):
    given = scale * torch.randn(6, 2, 5, generator=torch.Generator().manual_seed(0))
    labels = run(lambda indices: Labels(torch.zeros(len(indices), *SHAPE), given[indices]), 6, with_features=True)
    assert labels.features.dtype == (torch.float16 if 0.01 <= scale <= 100 else torch.float32)
    torch.testing.assert_close(labels.take(torch.arange(6)).features, given, atol=1e-4 * scale, rtol=1e-3)


def test_no_window_is_an_error():
    with pytest.raises(ValueError, match="no training window"):
        run(Counter(), 0)


def test_cache_takes_folders_and_joblib_memories_and_can_be_cleared(tmp_path):
    assert LabelCache(None).entry("key") is None
    for memory in (str(tmp_path), tmp_path, Memory(tmp_path, verbose=0)):
        cache = LabelCache(memory)
        assert cache.entry("key").is_dir()
    cache.clear()
    assert not cache.folder.exists()


def test_stored_labels_count_their_bytes():
    labels = StoredLabels(torch.zeros(5, 3, 2), torch.zeros(5, 2, 4, dtype=torch.float16))
    assert labels.nbytes == 5 * 6 * 4 + 5 * 8 * 2
    assert np.prod(labels.to("cpu").forecast.shape) == 30
