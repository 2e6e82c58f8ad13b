"""Export of students to files for other runtimes, compared with the student before they are written."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skdistill._utils._atomic import naming_full_disk, write_atomically
from skdistill._utils._optional import import_optional
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils._usual_modes import in_float32
from skdistill._utils.numpy_student import NumpyStudent, plain_id, read_numbers
from skdistill._version import __version__
from skdistill.data._context_batch import ContextBatch
from skdistill.data._inputs import read_series
from skdistill.data._plain_roles import plain_roles
from skdistill.data._plain_steps import what_is_lost, write_step
from skdistill.data._scaling import Scaling
from skdistill.data._series_labels import has_names
from skdistill.data._vintages import LOST, lost_vintages
from skdistill.data._window_forecaster import WindowForecaster
from skdistill.deploy._export_c import write_header
from skdistill.deploy._modules import deployed_module
from skdistill.fused._runtime import fuse_in_units
from skdistill.networks._base import NetworkSpec
from skdistill.networks._custom_network import own_module
from skdistill.networks._inputs import network_inputs
from skdistill.probabilistic._calibration import shift_quantiles

__all__ = ["ExportReport", "export"]

_PRECISIONS = {".npz": ("float32", "bfloat16", "int8"), ".h": ("float32", "int8"), ".onnx": ("float32", "int8")}
_TOLERANCE = 1e-4  # relative to the scale of a channel; float32 sums differ in order
_MOST_WINDOWS = 512

Answer = tuple[np.ndarray, np.ndarray | None]  # forecasts, and quantiles if there are any
# windows under "context", covariates under "future" and "static", numbers of series in ``fit`` under "series"
Inputs = dict[str, np.ndarray]
Predict = Callable[[Inputs], Any]  # forecasts, optionally with quantiles


@dataclass(frozen=True)
class ExportReport:
    """Result of an export, and its difference from the student.

    Parameters
    ----------
    path : str
        The file.
    bytes : int
        Size of the file.
    difference : float
        Largest difference of a forecast or quantile from the student's, in standard deviations of its channel, on
        random windows in the range of the training rows, before weights are rounded to ``precision``.
    mse : float or None, default=None
        Mean squared error on the given data, in original units, over at most 512 windows that are spread evenly; None
        without data.
    precision : str, default="float32"
        Type of the weights in the file.
    rounding : float or None, default=None
        Largest difference after rounding, on the random windows and the given data, in standard deviations of the
        channel (with ``scaling="series"`` or ``"window"``, in units of the series or window); None for float32.
    mse_rounded : float or None, default=None
        Error on the same windows after rounding; None without data, and for float32.
    sha256 : str, default=""
        Checksum of the file. An ``.npz`` file contains its own checksum, which is checked when it is loaded. Other
        runtimes check none, so compare it yourself before loading.
    """

    path: str
    bytes: int
    difference: float
    mse: float | None = None
    precision: str = "float32"
    rounding: float | None = None
    mse_rounded: float | None = None
    sha256: str = ""


@in_float32()
def export(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    precision: str = "float32",
    tolerance: float | None = None,
    data: Any = None,
) -> ExportReport:
    """Export a fitted estimator's student; see its method ``export``.

    Parameters
    ----------
    estimator : DistilledForecaster or DistilledRegressor
        A fitted estimator without calendar features, and without another ``transformer`` than
        :class:`~skdistill.data.SquareRoot`.
    path : str or Path
        The file; its suffix determines the format: ``.onnx``, ``.npz``, ``.pt2`` or ``.h``.
    precision : {"float32", "bfloat16", "int8"}, default="float32"
        Type that the weights are rounded to: all three for ``.npz``, float32 and int8 for ``.onnx`` and ``.h``.
    tolerance : float or None, default=None
        Largest difference that rounding may make, in standard deviations of a channel (with ``scaling="series"`` or
        ``"window"``, in units of the series or window); None allows any.
    data : array of shape (n_timestamps, n_channels), DataFrame or None, default=None
        A series on which to measure the error before and after rounding, in at most 512 windows; one with an id, such
        as ``panel.loc[["shop 1"]]``, has the units of that series.

    Returns
    -------
    report : ExportReport
        Information on the written file.

    Notes
    -----
    A file does not hold ``vintages``: a warning says which values to give as ``future``. The error on ``data`` is that
    with the vintages of the forecaster.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.deploy import NumpyStudent, export
    >>> series = make_multiseasonal(200, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     None, "linear", "response", context_length=24, prediction_length=6
    ... ).fit(series)
    >>> path = Path(tempfile.mkdtemp()) / "student.npz"
    >>> export(forecaster, path).difference < 1e-6
    True
    >>> NumpyStudent.load(path).predict(series.to_numpy()).shape
    (6, 2)
    """
    check_is_fitted(estimator)
    suffix = Path(path).suffix
    writers = {".npz": _numpy_bytes, ".onnx": _onnx_bytes, ".pt2": _torch_bytes, ".h": _c_bytes}
    if suffix not in writers:
        raise ValueError(f"path of export must end in one of {', '.join(writers)}; got {os.fspath(path)!r}.")
    _check_precision(precision, tolerance, suffix)
    _check_exportable(estimator)
    written, predict = writers[suffix](estimator, Path(path), "float32")
    difference, examples = _compare(estimator, predict)
    mse = rounding = mse_rounded = None
    if data is not None:
        windows, truth = _windows_of(estimator, data)
        mse = float(np.square(_both(predict(windows))[0] - truth).mean())
    if precision != "float32":
        exact = predict
        written, predict = (
            _quantize(written) if suffix == ".onnx" else writers[suffix](estimator, Path(path), precision)
        )
        given = [examples] if data is None else [examples, windows]
        rounding = max(_rounding(estimator, one, exact(one), predict(one)) for one in given)
        _check_rounding(rounding, precision, tolerance, suffix)
        if data is not None:
            mse_rounded = float(np.square(_both(predict(windows))[0] - truth).mean())
    write_atomically(path, written)
    _tell_of_vintages(estimator, Path(path))
    digest = hashlib.sha256(written).hexdigest()
    return ExportReport(os.fspath(path), len(written), difference, mse, precision, rounding, mse_rounded, digest)


def _check_precision(precision: str, tolerance: float | None, suffix: str) -> None:
    allowed = _PRECISIONS.get(suffix, ("float32",))
    if precision not in allowed:
        others = [one for one, known in _PRECISIONS.items() if precision in known]
        instead = f" {', '.join(others)} files can have {precision} weights." if others else ""
        raise ValueError(
            f"precision of export must be one of {', '.join(allowed)} for {suffix} files; got {precision!r}.{instead}"
        )
    if tolerance is None:
        return
    if precision == "float32":
        raise ValueError("tolerance of export needs precision='bfloat16' or 'int8': float32 rounds nothing.")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float | np.number) or not 0 < tolerance < np.inf:
        raise ValueError(f"tolerance of export must be a positive number; got {tolerance!r}.")


def _rounding(estimator: Any, inputs: Inputs, exact: Any, rounded: Any) -> float:
    """Return the largest difference of forecasts or quantiles, in standard deviations of the channel."""
    scaling, largest = estimator.scaling_, 0.0
    scale = np.asarray(scaling.scale_)[None, None]
    if scaling.kind != "global":  # as the student itself standardizes these windows
        read = scaling.standardize_contexts(inputs["context"].astype(np.float64), inputs.get("series"))
        assert read.units is not None  # windows or series have their own
        scale = read.units.unit[:, None]
    scale = scale[..., list(estimator.spec_.targets)]
    for one, other in zip(_both(exact), _both(rounded), strict=True):
        if one is not None and other is not None:
            unit = (scale if one.ndim == 3 else scale[..., None]) * _slope(scaling, one)
            largest = max(largest, float(np.max(np.abs(one - other) / unit)))
    return largest


def _check_rounding(rounding: float, precision: str, tolerance: float | None, suffix: str) -> None:
    if tolerance is None or rounding <= tolerance:
        return
    finer = "bfloat16" if precision == "int8" and suffix == ".npz" else "float32"
    raise ValueError(
        f"precision={precision!r} changes forecasts by up to {rounding:.2g} standard deviations of a channel, more "
        f"than tolerance={tolerance:g}, so nothing was written. Choose precision={finer!r} or a larger tolerance."
    )


def _check_exportable(estimator: Any) -> None:
    if not hasattr(estimator, "scaling_"):
        raise TypeError(
            f"export takes a fitted DistilledForecaster or DistilledRegressor; got {type(estimator).__name__}. "
            "skdistill.get_forecaster(model) returns the forecaster inside a Pipeline or search; its file reads and "
            "forecasts the units after the earlier steps."
        )
    if getattr(estimator, "_target_lines", None) is not None:
        raise ValueError(
            "a regressor whose X and y were scaled apart cannot be exported: no other runtime knows how their units "
            "belong together. Fit without the scaler of X or y alone: DistilledRegressor standardizes by itself."
        )
    if not estimator.scaling_.is_portable:
        raise ValueError(
            f"a forecaster with transformer={estimator.scaling_.transformer_!r} cannot be exported: no other runtime "
            "has it. Take skdistill.data.SquareRoot(), which is exported; or fit on rows transformed before, and "
            "transform outside of the exported student."
        )
    plain = [plain_id(one) for one in estimator.scaling_.ids_]
    if len(set(plain)) < len(plain):
        twice = next(one for number, one in enumerate(plain) if one in plain[:number])
        raise ValueError(
            f"export writes ids of series as text, numbers and tuples, and {twice!r} would stand for two series. Name "
            "the series differently and fit again."
        )
    if estimator.spec_.n_time_features:
        raise ValueError(
            "a student that reads calendar features cannot be exported. Train it with time_features=False, or save it."
        )


def _tell_of_vintages(estimator: Any, path: Path) -> None:
    """Warn that a file does not hold vintages: whoever runs it must give what was known at each origin."""
    if getattr(estimator, "vintages", None) is not None:
        warnings.warn(
            f"{path.name} does not hold the vintages of {type(estimator).__name__}: give it as future the newest "
            "values that had been issued at each origin, NaN where none had, as "
            "vintages.known_at(origin, times) returns them, and not what came true.",
            stacklevel=stacklevel_of_user(),
        )


def _compare(estimator: Any, predict: Predict) -> tuple[float, Inputs]:
    """Compare with the student on random windows, and raise if the forecasts differ; also return the windows."""
    spec, scaling = estimator.spec_, estimator.scaling_
    noise = np.random.default_rng(0).normal(size=(5, spec.context_length, spec.n_channels))
    noise[2:] = noise[2:].cumsum(axis=1) / np.sqrt(np.arange(1, spec.context_length + 1))[:, None]
    windows = scaling.to_original(noise).astype(np.float32)
    gaps = noise[1] > 1
    windows[1][gaps & ~gaps.all(axis=0)] = np.nan  # without a value of a target there is no forecast
    windows[3, spec.context_length // 3 : spec.context_length // 2] = np.nan
    inputs = {"context": windows, **_random_covariates(spec, scaling)}
    expected, expected_quantiles = _answer_of(estimator, inputs)
    scale = scaling.scale_[list(spec.targets)]
    size = np.maximum(1.0, np.abs(noise).max())
    digits = np.maximum(1.0, np.abs(scaling.mean_[list(spec.targets)]) / scale * 1e-2)  # float32 rounding
    for part in (slice(0, 1), slice(0, 5)):
        forecast, quantiles = _both(predict({name: one[part] for name, one in inputs.items()}))
        unit = scale * _slope(scaling, expected[part])
        error = np.abs(forecast - expected[part]) / unit
        if expected_quantiles is not None:
            assert quantiles is not None  # a student with quantiles is exported with them
            around = np.abs(quantiles - expected_quantiles[part]) / _slope(scaling, expected_quantiles[part])
            around = around.max(axis=-1) / scale
            error = np.maximum(error, around)
        if not (error <= _TOLERANCE * size * digits).all():
            raise RuntimeError(
                f"the exported student differs from the student by {np.nanmax(error):.2g} standard deviations, so "
                "nothing was written. Please report this with the student's parameters."
            )
    return float(error.max()), inputs


def _slope(scaling: Scaling, values: np.ndarray) -> np.ndarray | float:
    """Return how much a change of transformed values changes values; at least 1."""
    return np.maximum(1.0, 2.0 * np.sqrt(np.abs(values))) if scaling.takes_roots else 1.0


def _random_covariates(spec: NetworkSpec, scaling: Scaling) -> Inputs:
    """Return random covariates of five windows; some steps of the horizon are unknown."""
    generator, inputs = np.random.default_rng(1), {}
    if spec.known:
        places = list(spec.known)
        noise = generator.normal(size=(5, spec.prediction_length, len(places)))
        future = scaling.known_to_original(noise, tuple(places))
        future[2, spec.prediction_length // 2 :] = np.nan
        inputs["future"] = future.astype(np.float32)
    if spec.n_static:
        inputs["static"] = generator.normal(size=(5, spec.n_static)).astype(np.float32)
    return inputs


def _both(answer: Any) -> Answer:
    """Return a forecast without quantiles as a pair."""
    return answer if isinstance(answer, tuple) else (answer, None)


def _answer_of(estimator: Any, inputs: Inputs) -> Answer:
    """Forecast with the student's module, with scaling in float64."""
    spec, scaling = estimator.spec_, estimator.scaling_
    module = copy.deepcopy(estimator.student_).cpu().double().eval()
    given = {name: one.astype(np.float64) for name, one in inputs.items()}
    batch = ContextBatch(given["context"], future=given.get("future"), static=given.get("static"))
    read = batch.standardized(scaling, spec.prediction_length, with_time=False, dtype="float64", known=spec.known)
    with torch.no_grad():
        output = module(**network_inputs(spec, read, torch.device("cpu")))
    forecast = scaling.forecasts_to_original(output.forecast.numpy(), read.units)
    forecast = scaling.clip(scaling.settle(forecast, batch.values, read.units))
    if spec.quantiles is None:
        return forecast, None
    quantiles = shift_quantiles(output.quantiles.numpy(), estimator.predictor_.offsets, spec.quantiles)
    quantiles = scaling.quantiles_to_original(quantiles, read.units)
    return forecast, scaling.clip(scaling.settle(quantiles, batch.values, read.units))


def _windows_of(estimator: Any, data: Any) -> tuple[Inputs, np.ndarray]:
    """Return at most 512 windows and their horizons of a series with the columns of ``fit``."""
    spec, predictor = estimator.spec_, estimator.predictor_
    static = ahead = known = None
    if lost_vintages(estimator):
        raise ValueError(f"data of export: {LOST}")
    has_roles = getattr(estimator, "roles_", None) is not None and not estimator.roles_.is_plain
    if (isinstance(data, pd.DataFrame | pd.Series | dict) or has_roles) and isinstance(estimator, WindowForecaster):
        series = read_series(estimator, data, reset=False, allow_batch=False).series
        if len(series) > 1:
            raise ValueError(
                f"data of export must be one series; got a panel of {len(series)}: give the rows of one, such as "
                f"data.loc[[{series[0].id!r}]]."
            )
        data, static, ahead = series[0].values, series[0].static, series[0].ahead
        known = predictor.numbers_of(series)
    rows = read_numbers(data, "data of export").astype(np.float32)
    rows = rows[:, None] if rows.ndim == 1 else rows
    reach = spec.context_length + spec.prediction_length
    if rows.ndim != 2 or rows.shape[1] != spec.n_channels or len(rows) < reach or not np.isfinite(rows).all():
        raise ValueError(
            f"data of export must be a series of at least {reach} finite rows and {spec.n_channels} channels; got "
            f"shape {rows.shape}."
        )
    starts = np.unique(np.linspace(0, len(rows) - reach, _MOST_WINDOWS).astype(int))
    both = np.stack([rows[start : start + reach] for start in starts])
    contexts, horizons = both[:, : spec.context_length], both[:, spec.context_length :]
    inputs = {"context": contexts}
    if spec.known:
        came_true = horizons[:, :, list(spec.known)]
        inputs["future"] = came_true if ahead is None else ahead[starts + spec.context_length].astype(np.float32)
    if spec.n_static and static is not None:
        inputs["static"] = np.repeat(static[None].astype(np.float32), len(starts), axis=0)
    if known is not None:  # its units are those of fit
        inputs["series"] = np.repeat(known, len(starts))
    return inputs, horizons[:, :, list(spec.targets)].astype(np.float64)


# -- formats -----------------------------------------------------------------------------------------


def _numpy_bytes(estimator: Any, path: Path, precision: str) -> tuple[bytes, Predict]:
    student = _fused_numpy(estimator, path, precision)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "student.npz"
        student.save(file)
        return file.read_bytes(), _predict_of(NumpyStudent.load(file))


def _c_bytes(estimator: Any, path: Path, precision: str) -> tuple[bytes, Predict]:
    """Write C; what is compared is the same student in NumPy."""
    student = _fused_numpy(estimator, path, precision)
    if student.quantile_levels is not None and precision == "float32":
        warnings.warn(
            f"{path.name} will hold the point forecast alone: quantiles are exported to .npz and .onnx.",
            stacklevel=stacklevel_of_user(),
        )
    return write_header(student, path, estimator.provenance_), _predict_of(student)


def _fused_numpy(estimator: Any, path: Path, precision: str) -> NumpyStudent:
    fused = fuse_in_units(estimator.student_, estimator.spec_, estimator.scaling_, estimator.predictor_.offsets)
    if fused is None:
        raise ValueError(
            f"export to {path.suffix} needs a student that can be fused into matrices; "
            f"{type(own_module(estimator.student_)).__name__} cannot. "
            "Export to .onnx, or choose Linear, DLinear or MLP."
        )
    dtype = "float32" if next(estimator.student_.parameters()).dtype == torch.float32 else "float64"
    return NumpyStudent(fused.arrays() | _told(estimator), dtype, precision)


def _predict_of(student: NumpyStudent) -> Predict:
    def predict(inputs: Inputs) -> Any:
        given: dict[str, Any] = {name: one for name, one in inputs.items() if name != "context"}
        if "series" in given:
            given["series"] = [student.series_ids[one] if one >= 0 else None for one in given["series"]]
        forecasts = student.predict(inputs["context"], **given)
        if student.quantile_levels is None:
            return forecasts
        return forecasts, student.predict_quantiles(inputs["context"], **given)

    return predict


def _told(estimator: Any) -> dict[str, np.ndarray]:
    """Return provenance, names of channels and roles of columns as bytes of JSON, if there are any."""
    told = {"provenance": estimator.provenance_, "columns": _channel_names(estimator), "roles": _roles(estimator)}
    told["steps"] = _steps(estimator)
    texts = {name: json.dumps(one).encode() for name, one in told.items() if one}
    return {name: np.frombuffer(text, dtype=np.uint8).astype(np.int64) for name, text in texts.items()}


def _channel_names(estimator: Any) -> list[Any] | None:
    """Return the names of channels in plain types; None without names, or if channels are not columns."""
    labels, roles = getattr(estimator, "series_labels_", None), getattr(estimator, "roles_", None)
    if labels is None or roles is None or not roles.is_plain or not has_names(labels.columns):
        return None
    names = [plain_id(one) for one in labels.columns]
    return names if len(names) == estimator.spec_.n_channels else None


def _steps(estimator: Any) -> list[Any]:
    """Return the steps of the labels in ``fit`` in plain types, those that have one."""
    labels = getattr(estimator, "series_labels_", None)
    steps = [] if labels is None else [write_step(step) for step in labels.steps]
    return [one for one in steps if what_is_lost(one) is None]


def _roles(estimator: Any) -> dict[str, Any] | None:
    """Return the roles of the columns in plain types; None where channels are columns."""
    roles = getattr(estimator, "roles_", None) or getattr(estimator, "_roles_of_table", None)
    return None if roles is None or roles.is_plain else plain_roles(roles)


def _module_of(estimator: Any) -> nn.Module:
    student = copy.deepcopy(estimator.student_).cpu()
    return deployed_module(student, estimator.spec_, estimator.scaling_, estimator.predictor_.offsets)


def _inputs_of(module: nn.Module, estimator: Any) -> dict[str, torch.Tensor]:
    """Return example inputs: contexts, the numbers of their series if these determine units, and covariates."""
    spec = estimator.spec_
    inputs = {"context": torch.zeros(3, spec.context_length, spec.n_channels)}
    if getattr(module, "reads_series", False):
        inputs["series"] = torch.tensor([0, -1, 0])
    if spec.known:
        inputs["future"] = torch.zeros(3, spec.prediction_length, len(spec.known))
    if spec.n_static:
        inputs["static"] = torch.zeros(3, spec.n_static)
    return inputs


def _complete(names: Sequence[str], inputs: Inputs) -> Inputs:
    """Return the inputs in the order of a model, with series numbers, by default -1 (unknown), if it takes them."""
    numbers = np.asarray(inputs.get("series", np.full(len(inputs["context"]), -1)), dtype=np.int64)
    return {name: numbers if name == "series" else np.ascontiguousarray(inputs[name], np.float32) for name in names}


def _torch_bytes(estimator: Any, path: Path, precision: str) -> tuple[bytes, Predict]:
    module_ = _module_of(estimator)
    example = _inputs_of(module_, estimator)
    batch = torch.export.Dim("batch")
    shapes = {name: {0: batch} for name in example}
    context, others = _split(example)
    program = torch.export.export(module_, (context,), others, dynamic_shapes=shapes)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files=_metadata(estimator))
    module = program.module()

    def predict(inputs: Inputs) -> Any:
        given = {name: torch.from_numpy(one) for name, one in _complete(list(example), inputs).items()}
        context, others = _split(given)
        with torch.no_grad():
            answer = module(context, **others)
        return tuple(one.numpy() for one in answer) if isinstance(answer, tuple) else answer.numpy()

    return buffer.getvalue(), predict


def _split(inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return contexts, and the other inputs, which are given by name."""
    return inputs["context"], {name: one for name, one in inputs.items() if name != "context"}


def _onnx_bytes(estimator: Any, path: Path, precision: str) -> tuple[bytes, Predict]:
    onnx = import_optional("onnx", extra="onnx", purpose="Exporting to ONNX")
    import_optional("onnxscript", extra="onnx", purpose="Exporting to ONNX")
    import_optional("onnxruntime", extra="onnx", purpose="Checking an ONNX file")
    module = _module_of(estimator)
    example = _inputs_of(module, estimator)
    context, others = _split(example)
    size = sum(one.numel() * one.element_size() for one in module.state_dict().values())
    with (
        tempfile.TemporaryDirectory() as folder,
        _quiet_exporter(),
        naming_full_disk(Path(folder), size, at_least=True),
    ):
        path = Path(folder) / "student.onnx"
        torch.onnx.export(
            module,
            (context,),
            str(path),
            kwargs=others,
            input_names=list(example),
            output_names=["forecast"] if estimator.spec_.quantiles is None else ["forecast", "quantiles"],
            dynamic_shapes={name: {0: "batch"} for name in example},
            external_data=False,
            dynamo=True,
            verbose=False,
        )
        model = onnx.load(str(path))
    for name, value in _metadata(estimator).items():
        model.metadata_props.add(key=name, value=value)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    return data, _onnx_session(data)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Suppress torch's deprecation warnings and its messages about torchvision."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def _metadata(estimator: Any) -> dict[str, str]:
    """Return the names of inputs and outputs."""
    spec, scaling = estimator.spec_, estimator.scaling_
    roles = getattr(estimator, "roles_", None)
    names = getattr(estimator, "feature_names_in_", None) if roles is None else roles.channel_names
    channels = [str(name) for name in names] if names is not None and len(names) == spec.n_channels else None
    facts = {
        "context_shape": ["batch", spec.context_length, spec.n_channels],
        "future_shape": ["batch", spec.prediction_length, len(spec.known)] if spec.known else None,
        "static_shape": ["batch", spec.n_static] if spec.n_static else None,
        "known": list(spec.known) if channels is None else [channels[one] for one in spec.known],
        "forecast_shape": ["batch", spec.prediction_length, spec.n_targets],
        "channels": channels,
        "targets": list(spec.targets) if channels is None else [channels[target] for target in spec.targets],
        "quantile_levels": None if spec.quantiles is None else list(spec.quantiles),
        "units": "original",
        "roles": _roles(estimator),
        "series_ids": list(map(plain_id, scaling.ids_)) if scaling.kind == "series" else None,
        "provenance": estimator.provenance_,
        "skdistill": __version__,
    }
    return {f"skdistill.{name}": json.dumps(value) for name, value in facts.items()}


def _onnx_session(data: bytes) -> Predict:
    runtime = import_optional("onnxruntime", extra="onnx", purpose="Running an ONNX file")
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def predict(inputs: Inputs) -> Any:
        answers = session.run(None, _complete([one.name for one in session.get_inputs()], inputs))
        return answers[0] if len(answers) == 1 else tuple(answers)

    return predict


def _quantize(data: bytes) -> tuple[bytes, Predict]:
    quantization = import_optional("onnxruntime.quantization", extra="onnx", purpose="Rounding to int8")
    with tempfile.TemporaryDirectory() as folder, naming_full_disk(Path(folder), 2 * len(data), at_least=True):
        source, ready, result = (Path(folder) / name for name in ("float.onnx", "ready.onnx", "int8.onnx"))
        source.write_bytes(data)
        quantization.quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        quantization.quantize_dynamic(
            str(ready), str(result), weight_type=quantization.QuantType.QInt8, per_channel=True
        )
        whole = result.read_bytes()
    return whole, _onnx_session(whole)
