"""What must not change a number: the memory order of an array, how many threads, and jobs of a search in parallel."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series
from forked import run_script
from sklearn.model_selection import GridSearchCV

from skdistill import DistilledRegressor, load_pretrained_student
from skdistill.networks import MLP, DLinear, ITransformer, Linear, TimesNet

STUDENTS = [Linear(), DLinear(3), MLP(4), ITransformer(8, n_heads=2, n_layers=1), TimesNet(4, n_layers=1, n_kernels=1)]
OTHER_ORDERS = {
    "fortran": np.asfortranarray,
    "strided": lambda rows: np.repeat(rows, 2, axis=0)[::2],
    "reversed": lambda rows: rows[::-1].copy()[::-1],
    "read-only": lambda rows: np.frombuffer(rows.tobytes()).reshape(rows.shape),
}


@pytest.mark.parametrize("order", OTHER_ORDERS)
@pytest.mark.parametrize("student", STUDENTS, ids=str)
def test_memory_order_changes_no_bit(student, order):
    series = make_series(100)
    plain = make_forecaster(teacher=None, student=student).fit(series)
    other = make_forecaster(teacher=None, student=student).fit(OTHER_ORDERS[order](series))
    np.testing.assert_array_equal(other.scaling_.mean_, plain.scaling_.mean_)
    for ours, theirs in zip(other.student_.parameters(), plain.student_.parameters(), strict=True):
        np.testing.assert_array_equal(ours.detach(), theirs.detach())
    np.testing.assert_array_equal(other.predict(OTHER_ORDERS[order](series)), plain.predict(series))


@pytest.mark.parametrize("order", OTHER_ORDERS)
def test_memory_order_of_a_batch_changes_no_forecast(order):
    series = make_series(100)
    forecaster = make_forecaster(teacher=None).fit(series)
    batch = np.stack([series[k : k + 12] for k in range(20)])
    np.testing.assert_allclose(forecaster.predict(OTHER_ORDERS[order](batch)), forecaster.predict(batch), rtol=1e-6)


@pytest.mark.parametrize("order", OTHER_ORDERS)
def test_memory_order_of_a_table_changes_no_bit(order):
    windows = np.lib.stride_tricks.sliding_window_view(make_series(100)[:, 0], 16)
    X, y = windows[:, :12].copy(), windows[:, 12:].copy()
    make = lambda: DistilledRegressor(None, DLinear(3), "response", max_epochs=2, random_state=0, device="cpu")  # noqa: E731
    plain, other = make().fit(X, y), make().fit(OTHER_ORDERS[order](X), OTHER_ORDERS[order](y))
    np.testing.assert_array_equal(other.predict(OTHER_ORDERS[order](X)), plain.predict(X))


@pytest.mark.parametrize("order", OTHER_ORDERS)
def test_memory_order_changes_no_bit_of_the_pretrained_student(order):
    student, series = load_pretrained_student(), make_series(100)
    np.testing.assert_array_equal(student.predict(OTHER_ORDERS[order](series), 4), student.predict(series, 4))
    batch = np.stack([series[:50], series[50:]])
    np.testing.assert_array_equal(student.predict(OTHER_ORDERS[order](batch), 4), student.predict(batch, 4))


@pytest.mark.slow
def test_a_search_in_parallel_finds_the_same_bits():
    folds = [(np.arange(90), np.arange(78, 120)), (np.arange(100), np.arange(88, 120))]
    grid = {"student": [DLinear(3), MLP(4)], "lr": [0.01, 0.001]}
    scores = []
    for n_jobs in (1, 2):
        search = GridSearchCV(make_forecaster(teacher=None), grid, cv=folds, n_jobs=n_jobs, error_score="raise")
        found = search.fit(make_series())
        scores.append(found.cv_results_["split0_test_score"].tolist() + found.predict(make_series()).ravel().tolist())
    assert scores[0] == scores[1]


def forecasts_of_students():
    series = make_series(100)
    return [make_forecaster(teacher=None, student=one).fit(series).predict(series).tolist() for one in STUDENTS]


SCRIPT = """
import json, sys
sys.path[:0] = sys.argv[1:]
import torch
torch.set_num_threads(3)
from test_same_numbers import forecasts_of_students
print(json.dumps(forecasts_of_students()))
"""


@pytest.mark.slow
def test_the_number_of_threads_changes_rounding_alone(tmp_path):
    script = tmp_path / "three_threads.py"
    script.write_text(SCRIPT)
    printed = run_script(script, Path(__file__).parents[1], Path(__file__).parent, cwd=tmp_path, OMP_NUM_THREADS="3")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        expected = forecasts_of_students()
    finally:
        torch.set_num_threads(before)
    (numbers,) = (line for line in printed.splitlines() if line.startswith("[["))  # warnings can follow
    np.testing.assert_allclose(json.loads(numbers), expected, rtol=1e-3)
