"""Tune the distillation
=====================

A grid search selects the weight of the teacher and the number of scales. The teacher is trained and labels
the windows once per fold, regardless of the number of candidates.
"""

# %%
# A series and folds
# ------------------
# The folds roll over the fitting rows in time order; each test fold includes the context rows of its forecasts.
# The test rows of ETTh1 are not used until the end.

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, as_teacher, etth1_or_synthetic, heading

from skdistill import DistilledForecaster
from skdistill.datasets import standard_split
from skdistill.losses import TimeDistill
from skdistill.metrics import forecast_errors
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import MLP, ITransformer

context_length, prediction_length = (48, 12) if QUICK else (336, 96)
frame, protocol, name = etth1_or_synthetic(900 if QUICK else 14400)
train, test, _ = standard_split(frame, protocol, context_length=context_length)
split = RollingOriginSplit(
    n_splits=2, context_length=context_length, prediction_length=prediction_length, step=60 if QUICK else 1440
)
print(f"Series: {name}; folds:")
for rows, rolled in split.split(train):
    print(
        f"  train {rows[0]}..{rows[-1]}, context from {rolled[0]}, forecast {rolled[0] + context_length}..{rolled[-1]}"
    )

# %%
# A pipeline
# ----------
# A ``StandardScaler`` comes before the forecaster, as in any pipeline. scikit-learn does not invert it on
# forecasts, so forecasts and all scores below are in units of its standard deviations. The forecaster
# standardizes internally, so leave out the scaler to get original units.

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

folder = tempfile.TemporaryDirectory()
forecaster = DistilledForecaster(
    teacher=as_teacher(ITransformer(hidden_size=16 if QUICK else 64)),
    student=MLP(hidden_size=16 if QUICK else 64),
    loss=TimeDistill(),
    context_length=context_length,
    prediction_length=prediction_length,
    max_epochs=1 if QUICK else 5,
    memory=folder.name,
    random_state=0,
)
pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), forecaster)
weights = {
    "loss__prediction_weight": [0.5, 2.0] if QUICK else [0.5, 2.0, 8.0],
    "loss__feature_weight": [0.0, 2.0],
    "loss__n_scales": [4] if QUICK else [1, 4],
    "loss__temperature": [0.5] if QUICK else [0.5, 5.0],
}
grid = {f"distilledforecaster__{key}": values for key, values in weights.items()}
search = GridSearchCV(pipeline, grid, cv=split, scoring=split.scorer("mse"), n_jobs=1 if QUICK else 2).fit(train)
heading("\nBest of the grid, by validation MSE in the scaler's units")
print({key.removeprefix("distilledforecaster__"): value for key, value in search.best_params_.items()})

# %%
# Score once
# ----------
# The test rows were not used for tuning.

scaled = -search.best_score_
print(f"validation MSE {scaled:.4g}, test MSE {forecast_errors(search, test):.4g} (scaler's units)")
print(search.best_estimator_[-1].compare(search.best_estimator_[:-1].transform(test)).summary())

# %%
# Plot the grid
# -------------
# If the panels differ less than the folds, the choice hardly matters; the spread over the folds is printed too.

import matplotlib.pyplot as plt
import pandas as pd

results = pd.DataFrame(search.cv_results_["params"]).rename(columns=lambda one: one.split("__")[-1])
results["mse"] = -search.cv_results_["mean_test_score"]
results["spread"] = search.cv_results_["std_test_score"]
print(results.sort_values("mse").to_string(index=False, float_format="%.4g"))
panels = list(results.groupby(["n_scales", "temperature"]))
figure, all_axes = plt.subplots(
    1, len(panels), figsize=(1.2 + 2.1 * len(panels), 3.4), layout="constrained", sharey=True, squeeze=False
)
low, high = results["mse"].min(), results["mse"].max()
for axes, ((n_scales, temperature), panel) in zip(all_axes[0], panels, strict=True):
    table = panel.pivot(index="prediction_weight", columns="feature_weight", values="mse")
    image = axes.imshow(table, cmap="cividis_r", vmin=low, vmax=high, aspect="auto")
    for row in range(len(table)):
        for column in range(table.shape[1]):
            value = table.iloc[row, column]
            color = "white" if value > (low + high) / 2 else "black"
            axes.text(column, row, f"{value:.4f}", ha="center", va="center", color=color)
    axes.set_xticks(range(table.shape[1]), [f"{one:g}" for one in table.columns])
    axes.set_yticks(range(len(table)), [f"{one:g}" for one in table.index])
    axes.set_title(f"{n_scales} scale{'s' * (n_scales > 1)}, temperature {temperature:g}", fontsize=9)
    axes.set_xlabel("feature_weight")
all_axes[0, 0].set_ylabel("prediction_weight")
figure.colorbar(image, ax=all_axes, label="validation MSE (scaler's units)")
if QUICK:
    figure.suptitle("quick, not a result")
output = Path("tune_losses.png").resolve()
figure.savefig(output, dpi=150)
print(f"picture: {output}")
folder.cleanup()
