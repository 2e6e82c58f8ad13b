"""Shared fixtures: one torch thread, fixed seeds, and the folder of real series where it exists."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # doubles.py
torch.set_num_threads(1)
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Start every test from the same global seeds."""
    np.random.seed(0)  # noqa: NPY002 (code under test may use the legacy generator)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_path() -> Path:
    """Give the folder with real series and published numbers, or skip."""
    default = Path(__file__).resolve().parents[2] / "shared"
    path = Path(os.environ.get("SKDISTILL_SHARED", default))
    if not (path / "parity").is_dir():
        pytest.skip(f"needs the folder shared/ with data and parity numbers, not found at {path}")
    return path
