"""Seasonal naive on the tasks of the leaderboards has the published error, where the windows are theirs."""

import os
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
if not EXAMPLES.is_dir():
    pytest.skip("the examples are not beside the tests", allow_module_level=True)
sys.path.insert(0, str(EXAMPLES))
from _benchmark_tasks import FEV_BENCH, GIFT_EVAL, SETS, cut, score  # noqa: E402

SHARED = ROOT.parent / "shared"
DATA = Path(os.environ.get("SKDISTILL_DATA", SHARED / "data"))
FILES = {
    "gift-eval": ("gift_eval_reproducible_configs.csv", "entry", "dataset", "seasonal_naive", GIFT_EVAL),
    "fev-bench": ("fev_bench_reproducible_tasks.csv", "model_name", "task_name", "Seasonal Naive", FEV_BENCH),
}
EXACT = [(benchmark, name) for benchmark, found in FILES.items() for name, (_, exact) in found[-1].items() if exact]


@pytest.mark.parametrize(("benchmark", "name"), EXACT)
def test_seasonal_naive_has_the_published_error(benchmark, name):
    file, model, task, naive, tasks = FILES[benchmark]
    reference = SHARED / "reference" / file
    if not reference.is_file():
        pytest.skip("the published scores are not here")
    table = pd.read_csv(reference)
    published = table.loc[(table[model] == naive) & (table[task] == name), "MASE"].item()
    try:
        windows = cut(SETS[tasks[name][0]](DATA))
    except FileNotFoundError:
        pytest.skip("its file is not here")
    assert score(windows, windows.naive)["MASE"] == pytest.approx(published, abs=5e-4)
