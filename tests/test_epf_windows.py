"""The windows and the score of examples/reproduce/epf.py are those of fev-bench."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "reproduce" / "epf.py"
FOLDER = Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")).expanduser() / "epf"
PUBLISHED = {"BE": 1.0270532223, "DE": 1.709, "FR": 0.850, "NP": 1.761, "PJM": 0.581}  # seasonal naive, fev-bench


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("holidays", reason="needs pip install 'skdistill[calendar]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(SCRIPT)])
        patch.setattr(sys, "path", [*sys.path])
        spec = importlib.util.spec_from_file_location("epf", SCRIPT)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("market", PUBLISHED)
def test_seasonal_naive_scores_as_published(script, market):
    path = FOLDER / f"{market}.csv"
    if not path.exists():
        pytest.skip(f"{path.name} is not in <SKDISTILL_DATA>/epf")
    table = script.read_market(path)
    assert script.mase(table, script.seasonal_naive(table, 20)) == pytest.approx(PUBLISHED[market], abs=6e-4)
