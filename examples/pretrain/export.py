"""Write the averaged weights of a run into the package, in float16, with a card that describes the training.

``python examples/pretrain/export.py --checkpoint runs/echo/checkpoint.pt``. The new card has neither ``figures`` nor
``limits``: write both into it after ``evaluate.py``.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path

import torch
from evaluate import load

from skdistill.teachers._echo_weights import CARD, SHIPPED, WEIGHTS, save_echo


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=SHIPPED)
    parser.add_argument("--note", default="", help="additional text for the card")
    arguments = parser.parse_args()
    state = torch.load(arguments.checkpoint, map_location="cpu", weights_only=True)
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    training = {
        "data": "synthetic series only: examples/pretrain/synthetic_series.py",
        "steps": state.get("step"),
        "seconds": round(state.get("seconds", 0)),
        "commit": commit.stdout.strip(),
        "date": time.strftime("%Y-%m-%d"),
        "license": "BSD-3-Clause",
        "settings": "examples/pretrain/train.py: Muon and AdamW, averaged weights; stored in float16",
    }
    if arguments.note:
        training["note"] = arguments.note
    folder = save_echo(load(arguments.checkpoint), arguments.output, training)
    print({name: (folder / name).stat().st_size for name in (CARD, WEIGHTS)})


if __name__ == "__main__":
    main()
