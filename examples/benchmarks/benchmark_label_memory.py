"""How much memory labels take: 20,000 windows of seven channels, with features
============================================================================

The teacher is one layer of a Chronos-Bolt of the published small width. A state of 32 patches x 512 is stored for
every channel of every window: gigabytes on disk, as float16. The script measures the anonymous memory of the process,
which the system cannot reclaim, during labeling and while a student learns from the labels.

Run ``python examples/benchmarks/benchmark_label_memory.py``.
"""

# %%
import argparse
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, PeakMemory, heading, write_results
from _random_foundation_model import save_random_bolt

from skdistill import DistilledForecaster
from skdistill.datasets import make_multiseasonal
from skdistill.losses import DistilTS
from skdistill.networks import ITransformer
from skdistill.teachers import Chronos

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--windows", type=int, nargs="+", default=[2500, 20_000])
parser.add_argument("--channels", type=int, default=7)
arguments = parser.parse_args()
context_length, prediction_length, size, patch_size = 512, 64, (512, 1, 8, 64), 16  # narrow inside: states are as wide
if QUICK:
    arguments.windows, arguments.channels = [40, 80], 2
    context_length, prediction_length, size, patch_size = 48, 12, (16, 1, 2, 32), 8
torch.set_num_threads(1)

# %%
# Few windows, then many: what is kept in memory must not grow with them.

rows = []
for n_windows in arguments.windows:
    with tempfile.TemporaryDirectory() as home:
        folder = save_random_bolt(
            Path(home) / "bolt",
            size=size,
            context_length=context_length,
            prediction_length=prediction_length,
            patch_size=patch_size,
        )
        n_rows = n_windows + context_length + prediction_length - 1
        series = make_multiseasonal(n_rows, arguments.channels, random_state=0)
        forecaster = DistilledForecaster(
            Chronos(folder),
            ITransformer(hidden_size=16, n_layers=1, n_heads=2),
            DistilTS(),
            context_length=context_length,
            prediction_length=prediction_length,
            validation_fraction=0,
            max_epochs=1,
            memory=Path(home) / "labels",
            random_state=0,
            verbose=1,
        )
        estimate = forecaster.estimate_labeling(series, n_samples=4)  # loads the model
        start = time.perf_counter()
        with PeakMemory() as memory:
            forecaster.fit(series)
        seconds = time.perf_counter() - start
    rows.append(
        {
            "windows": n_windows,
            "channels": arguments.channels,
            "labels_gib": estimate.nbytes / 2**30,
            "anonymous_gib": memory.gib,
            "aim_gib": 2.0,
            "seconds": seconds,
        }
    )
    heading(f"{n_windows} windows of {arguments.channels} channels")
    print(pd.DataFrame(rows[-1:]).to_string(index=False, float_format="{:.3g}".format))
    write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "label_memory.csv")
