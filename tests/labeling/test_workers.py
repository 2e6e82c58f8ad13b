"""Workers that label: each loads the teacher once, and a lost one costs what it was working on."""

import logging
import os
import pickle
import signal
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame
from joblib._parallel_backends import ThreadingBackend
from joblib.externals.loky.process_executor import BrokenProcessPool

from skdistill._utils._tasks import run_tasks
from skdistill.labeling._label_windows import label_windows


class Heavy(LastValueTeacher):
    """Notes every load, and every label; one worker kills itself in the middle."""

    def __init__(self, log=None, offset=0.0, dies=False):
        super().__init__(log, offset)
        self.dies = dies

    def __setstate__(self, state):
        super().__setstate__(state)
        self._write(f"load {os.getpid()}")

    def label(self, contexts):
        lines = Path(self.log).read_text().splitlines() if self.dies and os.path.exists(self.log) else []
        if sum(line.startswith("label") for line in lines) >= 3 and "killed" not in lines:
            self._write("killed")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().label(contexts)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(
        "skdistill.labeling._run.label_windows",
        lambda *args, **options: label_windows(*args, **{**options, "chunk_size": 8}),
    )


@pytest.mark.slow
def test_a_killed_worker_costs_what_was_being_worked_on(small_chunks, tmp_path, caplog):
    log = tmp_path / "log"
    frame = make_frame(200)
    settings = {"memory": tmp_path / "memory", "n_jobs": 2}
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        found = make_forecaster(teacher=Heavy(str(log), dies=True), **settings).fit(frame)
    assert "a worker was lost" in caplog.text
    np.testing.assert_array_equal(found.predict(frame), make_forecaster().fit(frame).predict(frame))
    lines = log.read_text().splitlines()
    n_chunks, n_loads = -(-(150 - 15) // 8), sum(line.startswith("load") for line in lines)
    assert lines.count("killed") == 1
    assert n_chunks <= sum(line.startswith("label") for line in lines) <= n_chunks + 8, (
        "what waited for the caller alone is done again"
    )
    assert n_loads == len({line for line in lines if line.startswith("load")}) <= 5, "once for each process"


@pytest.mark.slow
def test_a_task_that_kills_its_worker_is_given_up(monkeypatch):
    monkeypatch.setattr("skdistill._utils._tasks._MOST_LOSSES", 1)
    with joblib.parallel_config("loky"), pytest.raises(RuntimeError, match=r"lost 1 times in a row.*smaller n_jobs"):
        list(run_tasks(os._exit, [(1,), (1,)], 2))


def test_workers_do_not_run_far_ahead_of_the_caller():
    started = []
    with joblib.parallel_config("threading"):
        for n_yielded, result in enumerate(run_tasks(started.append, ((k,) for k in range(60)), 2), 1):
            assert result is None
            time.sleep(0.2 if n_yielded == 1 else 0)  # time enough for all 60, if nothing held them
            assert len(started) <= n_yielded + 8
    assert sorted(started) == list(range(60))


def test_other_errors_are_raised_at_once():
    with pytest.raises(ZeroDivisionError):
        list(run_tasks(divmod, [(1, 1), (1, 0)], 1))


def test_warnings_of_other_processes_are_given_in_this_one():
    with joblib.parallel_config("loky"), pytest.warns(UserWarning, match="an odd row") as told:
        assert list(run_tasks(warnings.warn, [("an odd row",), ("an odd row", UserWarning)], 2)) == [None, None]
    assert {one.filename for one in told} == {__file__}


def test_tasks_do_not_grow_with_the_number_of_series():
    """Labels and ids of other series, and units of all, stay where they are."""

    def pack(n_series):
        panel = pd.concat({f"s{number:03d}": make_frame(40, seed=number) for number in range(n_series)})
        windows = make_forecaster()._windows_to_fit(panel, None).train
        contexts = windows.contexts(torch.arange(8))
        alone = contexts.without_others()
        for entries in ("ids", "indexes", "steps"):
            assert len(getattr(alone, entries)) == n_series
            assert getattr(alone, entries)[0] is getattr(contexts, entries)[0]
        return len(pickle.dumps(contexts)), len(pickle.dumps(alone))

    (few, small), (many, large) = pack(4), pack(60)
    assert large - small < 500 < many - few
    assert large - small < 0.2 * (many - few)


class GivesNoGenerator(ThreadingBackend):
    """As the backends of Ray and Spark do."""

    supports_return_generator = False


def test_backends_that_give_results_together(monkeypatch):
    starts = []
    start = GivesNoGenerator.configure
    monkeypatch.setattr(GivesNoGenerator, "configure", lambda *a, **o: starts.append(1) or start(*a, **o))
    joblib.register_parallel_backend("together", GivesNoGenerator)
    lost, done = [], []

    def work(number):
        done.append(number)
        if number == 11 and not lost:
            lost.append(number)
            raise BrokenProcessPool("killed\nwith many words")
        return number

    with joblib.parallel_config("together"):
        assert list(run_tasks(work, ((k,) for k in range(30)), 2)) == list(range(30))
    assert len(done) <= 30 + 8
    assert len(starts) <= 3, "workers are kept from call to call, and started again after a loss"
