"""Shared fixtures: one torch thread, fixed seeds, and the folder of real series where it exists."""

import importlib.util
import os
import random
import signal
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings

from skdistill._utils._generators import seed_all

os.environ.setdefault("MPLBACKEND", "Agg")  # no window, on any machine
sys.path.insert(0, str(Path(__file__).parent))  # doubles.py
torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a background job: tests of Ctrl-C need it
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("suite")


# Doctests that need an extra: a part of the module's name, and the package that must be there.
DOCTESTS_NEED = {
    "skdistill.plotting": "matplotlib",
    "skdistill.scale_out": "pyarrow",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip doctests of extras that are not installed; a warning in an example, which nobody expects there, fails."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            item.add_marker(pytest.mark.filterwarnings("error::UserWarning"))
            for module, package in DOCTESTS_NEED.items():
                if item.name.startswith(module) and importlib.util.find_spec(package) is None:
                    item.add_marker(pytest.mark.skip(reason=f"the example needs {package}"))


@pytest.fixture(autouse=True)
def _fixed_seeds() -> Iterator[None]:
    """Start every test from the same global seeds, and put back what was there."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 (the code under test may use it)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    seed_all(0)
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002
    torch.set_rng_state(before[2])


@pytest.fixture(scope="session", autouse=True)
def _short_latencies() -> Iterator[None]:
    """Let ``compare`` measure each latency with three calls, not for half a second."""
    from skdistill.comparison import _compare

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_compare, "median_seconds", partial(_compare.median_seconds, budget=0.0))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_list_of_onnx_functions() -> Iterator[None]:
    """Let torch read its list of ONNX functions at the first export alone: it takes a fifth of an export."""
    export = torch.onnx.export

    def export_with_one_list(*args: Any, **kwargs: Any) -> Any:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        if not hasattr(ONNXRegistry.from_torchlib, "cache_info"):
            ONNXRegistry.from_torchlib = staticmethod(cache(ONNXRegistry.from_torchlib))
        return export(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", export_with_one_list)
        yield


@pytest.fixture(scope="session")
def shared_path() -> Path:
    """Give the folder with real series, or skip."""
    default = Path(__file__).resolve().parents[2] / "shared"
    path = Path(os.environ.get("SKDISTILL_SHARED", default))
    if not (path / "data").is_dir():
        pytest.skip(f"needs the folder shared/ with real series, not found at {path}")
    return path
