"""Distill a foundation model into DLinear
=======================================

A pretrained foundation model forecasts any series without training, but is far more expensive than a linear
model. Here it labels the windows of a series once, and a DLinear learns from the truth and from
these labels, with larger weights on later steps (DistilTS).

Run ``python examples/distill_foundation_model.py`` with access to the hub, or pass a folder:
``--model .cache/small-chronos-bolt``, which ``examples/pretrain_small_foundation_model.py`` creates.
"""

# %%
# The teacher
# -----------
# A hub id or a folder. The default is the small model of ``examples/pretrain_small_foundation_model.py`` if it
# exists, otherwise Chronos-Bolt small from the hub. The quick run of the gallery uses random weights, which
# only show how it works.

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, ROOT, heading, parse_options
from _random_foundation_model import save_random_bolt

from skdistill import DistilledForecaster
from skdistill.datasets import fetch_ett, make_multiseasonal, standard_split
from skdistill.losses import DistilTS
from skdistill.networks import DLinear
from skdistill.teachers import Chronos

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
stand_in = ROOT / ".cache" / "small-chronos-bolt"
default = str(stand_in) if stand_in.exists() else "amazon/chronos-bolt-small"
parser.add_argument("--model", default=default, help="hub id or folder of a Chronos")
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv")
arguments = parse_options(parser)
if QUICK:
    arguments.model = str(save_random_bolt(Path(tempfile.mkdtemp()), context_length=48, prediction_length=12))
teacher = Chronos(arguments.model, layer=None)  # DLinear has no hidden state to align

# %%
# The series
# ----------

context_length, prediction_length = (48, 12) if QUICK else (512, 96)
if QUICK:
    frame, protocol = make_multiseasonal(700, 2, random_state=0), "70/10/20"
else:
    data = fetch_ett("ETTh1", data_home=arguments.data_home)
    frame, protocol = data.frame, data.protocol
train, test, validation_fraction = standard_split(frame, protocol, context_length=context_length)

# %%
# What will labeling cost?
# ------------------------
# Before training, label a few windows and extrapolate.

forecaster = DistilledForecaster(
    teacher=teacher,
    student=DLinear(),
    loss=DistilTS(alignment_weight=0.0),
    context_length=context_length,
    prediction_length=prediction_length,
    validation_fraction=validation_fraction,
    lr=1e-3,
    max_epochs=2 if QUICK else 10,
    patience=3,
    random_state=0,
    verbose=1,
)
try:
    print(forecaster.estimate_labeling(train))
except FileNotFoundError as error:
    sys.exit(f"{error} Or make a small one here: python examples/pretrain_small_foundation_model.py")

# %%
# Distill, and compare
# --------------------
# Compare the teacher, its student, the same student alone, and the seasonal-naive forecast on the test rows:
# errors in standardized units, and costs.

forecaster.fit(train)
heading(f"Foundation model {Path(arguments.model).name} into DLinear, {context_length} -> {prediction_length}")
print(forecaster.compare(test))
