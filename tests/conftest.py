"""Shared fixtures: one torch thread, and the folder of real series where it exists."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_path() -> Path:
    """Give the folder with real series and published numbers, or skip."""
    default = Path(__file__).resolve().parents[2] / "shared"
    path = Path(os.environ.get("SKDISTILL_SHARED", default))
    if not (path / "parity").is_dir():
        pytest.skip(f"needs the folder shared/ with data and parity numbers, not found at {path}")
    return path
