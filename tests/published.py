"""Numbers that the authors' code gave, from ``data/parity``; the README there says how they were made."""

import math
from pathlib import Path

import numpy as np
import torch

PARITY = Path(__file__).parent / "data" / "parity"


def load_published(name: str) -> dict[str, np.ndarray]:
    """Read a file of ``data/parity`` by its name without ``.npz``: array name to array."""
    with np.load(PARITY / f"{name}.npz") as file:
        found = {key: file[key] for key in file.files}
    for key in found.pop("sine_tables", ()):
        found[str(key)] = sine_table(5000, 16)
    return found


def sine_table(length: int, width: int) -> np.ndarray:
    """Compute the fixed position table of the research code, (1, length, width): no weight, hence not stored."""
    positions = torch.arange(length).float().unsqueeze(1)
    frequencies = (torch.arange(0, width, 2).float() * -(math.log(10000.0) / width)).exp()
    table = torch.zeros(1, length, width)
    table[0, :, 0::2] = torch.sin(positions * frequencies)
    table[0, :, 1::2] = torch.cos(positions * frequencies)
    return table.numpy()
