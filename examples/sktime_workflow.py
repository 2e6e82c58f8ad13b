"""Distill inside sktime
=====================

Theta is a good forecaster of short monthly series, but must be fitted again for every forecast. We teach a
linear student to forecast like theta, tune the weight of the teacher, and compare the student with its
teacher and with the same student alone. Then we train a global student on a panel of longer series.
"""

# %%
# A short series
# --------------
# The airline passengers from sktime. The last three years are the test part.

import sys
import time
import warnings
from pathlib import Path
from tempfile import mkdtemp

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
import numpy as np
import pandas as pd
from _common import QUICK, heading
from sktime.datasets import load_airline
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.theta import ThetaForecaster
from sktime.performance_metrics.forecasting import MeanAbsolutePercentageError
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter, temporal_train_test_split
from sktime.transformations.series.boxcox import LogTransformer

from skdistill.datasets import make_multiseasonal
from skdistill.losses import Supervised
from skdistill.networks import DLinear, Linear
from skdistill.sktime import SktimeDistilledForecaster
from skdistill.teachers import SktimeTeacher

warnings.filterwarnings("ignore", message="The default of config", category=FutureWarning)
steps = range(1, 13)
airline = load_airline()[-108:] if QUICK else load_airline()
train, test = temporal_train_test_split(airline, test_size=36)
print(f"airline: {len(train)} months to fit on, {len(test)} to test on")

# %%
# A pipeline with a student in it
# -------------------------------
# The logarithm makes the season additive. The student is linear and solved exactly; its teacher is theta,
# fitted to every context.

student = SktimeDistilledForecaster(
    teacher=SktimeTeacher(ThetaForecaster(sp=12)),
    student=Linear(season=12),
    loss="response",
    context_length=36,
    prediction_length=12,
    validation_fraction=0,
    memory=mkdtemp(),
    random_state=0,
)
alone = student.clone().set_params(teacher=None, loss=Supervised())

# %%
# Tune the weight of the teacher
# ------------------------------
# The candidates share the folder of ``memory=``, so theta labels the windows of each fold once.

search = ForecastingGridSearchCV(
    LogTransformer() * student,
    cv=ExpandingWindowSplitter(fh=steps, initial_window=60 if QUICK else 72, step_length=12),
    param_grid={"SktimeDistilledForecaster__loss__prediction_weight": [0.25, 1.0, 4.0][: 2 if QUICK else 3]},
    scoring=MeanAbsolutePercentageError(),
)
begin = time.perf_counter()
search.fit(train)
heading(f"\nTuned in {time.perf_counter() - begin:.1f} s: {search.best_params_}")

# %%
# Evaluate
# --------
# Students are fitted once and then see new months without a new fit; theta and naive are fitted again every time.

forecasters = {
    "seasonal naive": NaiveForecaster(sp=12),
    "theta (teacher)": LogTransformer() * ThetaForecaster(sp=12),
    "student alone": LogTransformer() * alone,
    "student": search.best_forecaster_.clone(),
}
folds = ExpandingWindowSplitter(fh=steps, initial_window=len(train), step_length=12 if QUICK else 3)
rows = {}
for name, forecaster in forecasters.items():
    result = evaluate(
        forecaster,
        folds,
        airline,
        strategy="refit" if "theta" in name or "naive" in name else "no-update_params",
        scoring=MeanAbsolutePercentageError(),
        error_score="raise",
    )
    rows[name] = {
        "MAPE": result["test_MeanAbsolutePercentageError"].mean(),
        "ms to predict": 1e3 * result["pred_time"].median(),
    }
heading("\nAirline: error over the test years")
print(pd.DataFrame(rows).T.to_string(float_format=lambda value: f"{value:.3g}"))

# %%
# A panel of longer series
# ------------------------
# One global student for all series, trained by ``pretrain``, which then forecasts a series it was not trained on.

n_series, n_rows = (4, 300) if QUICK else (20, 2000)
series = {
    f"s{number}": make_multiseasonal(n_rows, 1, seasons=(24, 168), random_state=number)
    for number in range(n_series + 1)
}
index = pd.date_range("2024-01-01", periods=n_rows, freq="h", name="time")
frames = {name: pd.DataFrame(np.asarray(one), index=index, columns=["load"]) for name, one in series.items()}
unseen = frames.pop(f"s{n_series}")["load"]
panel = pd.concat(frames, names=["series", "time"])
glob = SktimeDistilledForecaster(
    teacher=None,
    student=DLinear(),
    loss=Supervised(),
    context_length=168,
    prediction_length=24,
    validation_fraction=0,
    max_epochs=2 if QUICK else 10,
    batch_size=256,
    random_state=0,
).pretrain(panel)
known, ahead = unseen[:-48], unseen[-48:]
forecast = glob.fit(known).update_predict(
    ahead, SlidingWindowSplitter(fh=range(1, 25), window_length=24, step_length=24), update_params=False
)
error = np.abs(np.asarray(forecast).ravel()[:24] - ahead.to_numpy()[24:48]).mean()
heading(f"\nA series the student never saw: MAE {error:.3g} (its standard deviation is {unseen.std():.3g})")

# %%
# Plot
# ----
# The last test year: truth, theta and its student.

import matplotlib.pyplot as plt

known, truth = airline[:-12], airline[-12:]
figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
axes.plot(known[-36:].index.to_timestamp(), known[-36:], color="0.6", label="known")
axes.plot(truth.index.to_timestamp(), truth, color="black", label="truth")
looks = {"theta (teacher)": ("#0072B2", "--"), "student": ("#D55E00", "-"), "student alone": ("#009E73", ":")}
for name, (color, style) in looks.items():
    if "theta" in name:
        forecast = forecasters[name].clone().fit(known, fh=steps).predict()
    else:  # a student needs no new fit
        forecast = forecasters[name].clone().fit(train).update(known[-24:], update_params=False).predict(fh=steps)
    axes.plot(forecast.index.to_timestamp(), forecast, color=color, linestyle=style, label=name)
axes.set_ylabel("passengers (thousands)")
axes.set_title("Twelve months ahead" + (" [quick, not a result]" if QUICK else ""))
axes.legend(loc="upper left", ncols=2, frameon=False)
output = Path("sktime_workflow.png")
figure.savefig(output, dpi=150)
print(f"picture: {output.resolve()}")

# sphinx_gallery_thumbnail_path = '_static/thumbnails/sktime_workflow.png'
