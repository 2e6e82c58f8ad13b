"""Students as C headers for microcontrollers: constant arrays, and a few short functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from skdistill._utils.numpy_student import _SHARE_OF_SEASON, NumpyStudent
from skdistill._version import __version__
from skdistill.teachers._provenance import describe_entry

__all__ = ["write_header"]

_PER_LINE = 12

_TOP = """/* {stem}: a student of skdistill {version} in C99, without dependencies. {n_bytes} bytes of constants.

   {prefix}_forecast(context, forecast) reads {NAME}_CONTEXT_LENGTH rows of {NAME}_N_CHANNELS channels, oldest
   first, in original units, and writes {NAME}_PREDICTION_LENGTH rows of {NAME}_N_TARGETS targets (channels {targets}).
   NAN is a missing value, filled from the rest of the context; without any, the forecast is NAN.{more}{provenance} */

#ifndef {NAME}_H
#define {NAME}_H

#include <math.h>
#include <stdint.h>

#define {NAME}_CONTEXT_LENGTH {context_length}
#define {NAME}_PREDICTION_LENGTH {prediction_length}
#define {NAME}_N_CHANNELS {n_channels}
#define {NAME}_N_TARGETS {n_targets}

"""

_SERIES = """
   {prefix}_forecast_of(series, context, forecast) does so in the units of series 0 to {last}, whose ids are in
   {prefix}_series_id; {prefix}_forecast takes the units of the context, as for any other number."""

_LAYER = """
static void {prefix}_layer(const {type} *weight, const float *step, const float *scale, const float *bias,
                          float spread, int n_outputs, int n_inputs, const float *input, float *output)
{{
    for (int i = 0; i < n_outputs; i++) {{
        float sum = 0.0f;
        for (int k = 0; k < n_inputs; k++)
            sum += (float)weight[(long)i * n_inputs + k] * input[k];
        if (step) sum *= step[i];
        if (scale) sum *= scale[i];
        output[i] = sum + bias[i] * spread;
    }}
}}
"""

_FILL = """
static float {prefix}_between(const float *x, int before, int after, int k)
{{
    if (before < 0 || after >= {NAME}_CONTEXT_LENGTH) return before < 0 ? x[after] : x[before];
    return x[before] + (float)(k - before) / (float)(after - before) * (x[after] - x[before]);
}}

/* Fill a short gap by a straight line, a longer one from values whole seasons away; return how many there are. */
static int {prefix}_fill(float *x)
{{
    const int n = {NAME}_CONTEXT_LENGTH, season = {season}, bridged = {bridged};
    float filled[{NAME}_CONTEXT_LENGTH];
    int observed = 0;
    for (int k = 0; k < n; k++) observed += !isnan(x[k]);
    if (observed == n) return n;
    for (int k = 0; k < n; k++) {{
        filled[k] = observed && !isnan(x[k]) ? x[k] : 0.0f;
        if (!observed || !isnan(x[k])) continue;
        int before = k, after = k, earlier = k, later = k;
        while (before >= 0 && isnan(x[before])) before--;
        while (after < n && isnan(x[after])) after++;
        filled[k] = {prefix}_between(x, before, after, k);
        if (season < 2 || season >= n) continue;
        if (before >= 0 && after < n && after - before - 1 <= bridged) continue;
        while (earlier >= 0 && isnan(x[earlier])) earlier -= season;
        while (later < n && isnan(x[later])) later += season;
        if (earlier >= 0 || later < n) filled[k] = {prefix}_between(x, earlier, later, k);
    }}
    for (int k = 0; k < n; k++) x[k] = filled[k];
    return observed;
}}
"""

_UNITS = """
/* Center: mean of the last season, or of all. Unit: the first of these that is beyond rounding: the mean difference of
   values one season apart, of neighbors, the mean distance from the center, the center, and 1. */
static void {prefix}_units(const float *x, float *center, float *unit)
{{
    const int n = {NAME}_CONTEXT_LENGTH;
    const int season = {season} < n ? {season} : (n > 1 ? n - 1 : 1);
    double middle = 0.0, all = 0.0, seasonal = 0.0, neighbor = 0.0, distance = 0.0;
    int recent = 0, observed = 0, pairs = 0, steps = 0;
    for (int k = 0; k < n; k++) {{
        if (isnan(x[k])) continue;
        all += x[k];
        observed++;
        if (k >= n - season) {{ middle += x[k]; recent++; }}
    }}
    middle = recent ? middle / recent : observed ? all / observed : 0.0;
    for (int k = 0; k < n; k++) {{
        if (isnan(x[k])) continue;
        distance += fabs(x[k] - middle) / observed;
        if (k >= season && !isnan(x[k - season])) {{ seasonal += fabs((double)x[k] - x[k - season]); pairs++; }}
        if (k >= 1 && !isnan(x[k - 1])) {{ neighbor += fabs((double)x[k] - x[k - 1]); steps++; }}
    }}
    if (pairs) seasonal /= pairs;
    if (steps) neighbor /= steps;
    const double least = 4.0 * 1.1920929e-7 * fabs(middle), repeated = 1e-4 * distance;
    double found = fabs(middle) > least ? fabs(middle) : 1.0;
    if (distance > least) found = distance;
    if (neighbor > least) found = neighbor;
    if (seasonal > (least > repeated ? least : repeated)) found = seasonal;
    *center = (float)middle;
    *unit = (float)found;
}}

/* A constant context that shows no unit, of a series that has none either, is forecast by its level. */
static void {prefix}_settle(const float *x, float *center, float *unit)
{{
    const float level = *center != 0.0f ? fabsf(*center) : 1.0f;
    if (fabsf(*unit - level) > 1e-6f * *unit) return;
    double mean = 0.0, distance = 0.0;
    float highest = 0.0f;
    int observed = 0;
    for (int k = 0; k < {NAME}_CONTEXT_LENGTH; k++) {{
        if (isnan(x[k])) continue;
        if (!observed || x[k] > highest) highest = x[k];
        mean += x[k];
        observed++;
    }}
    if (!observed) return;
    mean /= observed;
    for (int k = 0; k < {NAME}_CONTEXT_LENGTH; k++) if (!isnan(x[k])) distance += fabs(x[k] - mean) / observed;
    if (distance > 4.0 * 1.1920929e-7 * fabs(mean)) return;
    *center = highest;
    *unit = 0.0f;
}}
"""


def write_header(student: NumpyStudent, path: Path, provenance: Sequence[Mapping[str, str | None]] = ()) -> bytes:
    """Write a student as C, in the precision of its weights.

    Parameters
    ----------
    student : NumpyStudent
        The student, in float32 or int8.
    path : Path
        The file; its name gives the names of the constants and of the function.
    provenance : sequence of mapping, default=()
        Teachers of the student, which the first comment names.

    Returns
    -------
    code : bytes
        The header.

    Raises
    ------
    ValueError
        If the student reads covariates.
    """
    if student._extra.size:
        raise ValueError(
            "export to .h needs a student without covariates: the function in C reads the targets alone. Fit on the "
            "targets, without other columns, or export to .npz or .onnx."
        )
    return _Header(student, path.stem, provenance).write().encode()


class _Header:
    """Collects constants and code."""

    def __init__(self, student: NumpyStudent, stem: str, provenance: Sequence[Mapping[str, str | None]]) -> None:
        self.student, self.stem = student, stem
        self.series = np.flatnonzero(student.numbers_of(student.series_ids) >= 0)  # with units
        self.series_ids = [student.series_ids[number] for number in self.series]
        told = [describe_entry(one).replace("*/", "* /") for one in provenance]
        self.provenance = "".join(f"\n   Teacher: {one}." for one in told)
        self.prefix = re.sub(r"\W", "_", stem, flags=re.ASCII)
        self.prefix = f"_{self.prefix}" if self.prefix[:1].isdigit() else self.prefix
        self.constants: list[str] = []
        self.n_bytes = 0

    def array(self, name: str, values: np.ndarray, kind: str = "float") -> str:
        """Add a constant array; return its name."""
        flat, full = values.ravel(), f"{self.prefix}_{name}"
        texts = [str(int(one)) for one in flat] if kind != "float" else [_float(one) for one in flat]
        lines = [", ".join(texts[first : first + _PER_LINE]) for first in range(0, len(texts), _PER_LINE)]
        body = ",\n".join(lines)
        self.constants.append(f"static const {kind} {full}[{len(flat)}] = {{\n{body}}};\n")
        self.n_bytes += len(flat) * (1 if kind == "int8_t" else 4)
        return full

    def write(self) -> str:
        """Write everything."""
        student, name = self.student, self.prefix.upper()
        is_int8 = student.precision == "int8"
        self.array("target", student.targets, "int32_t")
        if not student._own_units:
            self.array("center", student._center)
        elif self.series_ids:
            for what in ("center", "unit"):
                self.array(f"series_{what}", student._arrays[f"series_{what}"][self.series][:, student.targets])
        if student._level is not None:
            self.array("level", student._level)
        if student._epsilon is not None:
            self.array("epsilon", student._epsilon)
        calls = [self.layer(number, is_int8) for number in range(len(student._layers))]
        top = _TOP.format(
            stem=self.stem,
            version=__version__,
            n_bytes=self.n_bytes,
            prefix=self.prefix,
            NAME=name,
            targets=", ".join(map(str, student.targets.tolist())),
            context_length=student.context_length,
            prediction_length=student.prediction_length,
            n_channels=student.n_channels,
            n_targets=len(student.targets),
            provenance=self.provenance,
            more=_SERIES.format(prefix=self.prefix, last=len(self.series_ids) - 1) if self.has_series else "",
        )
        parts = [top, "\n".join(self.constants), _LAYER.format(prefix=self.prefix, type=_type(is_int8))]
        names = {"prefix": self.prefix, "NAME": name, "season": student._season}
        parts.append(_FILL.format(**names, bridged=max(1, student._season // _SHARE_OF_SEASON)))
        if self.has_series:
            texts = ",\n".join(_string(one) for one in self.series_ids)
            parts.append(
                f"\nstatic const char *const {self.prefix}_series_id[{len(self.series_ids)}] = {{\n{texts}}};\n"
            )
        if student._own_units:
            parts.append(_UNITS.format(**names))
        return "".join([*parts, self.function(name, calls), f"\n#endif /* {name}_H */\n"])

    @property
    def has_series(self) -> bool:
        """Whether there are series with units of their own."""
        return self.student._own_units and bool(self.series_ids)

    def layer(self, number: int, is_int8: bool) -> str:
        """Add the constants of a layer; return its call."""
        layer = self.student._layers[number]
        n_outputs, n_inputs = layer.weight.shape[-2:]
        step, weight = "0", layer.weight
        of_target = f" + (long)t * {n_outputs * n_inputs}" if weight.ndim == 3 else ""
        if is_int8:
            steps = np.abs(weight).max(axis=-1, keepdims=True)
            steps = np.where(steps > 0, steps, 1) / 127
            weight = np.rint(weight / steps)
            step = self.array(f"step_{number}", steps) + (f" + t * {n_outputs}" if layer.weight.ndim == 3 else "")
        full = self.array(f"weight_{number}", weight, _type(is_int8)) + of_target
        of_row = f" + t * {n_outputs}"
        bias = self.array(f"bias_{number}", layer.bias) + (of_row if layer.bias.ndim == 2 else "")
        scale = "0" if layer.scale is None else self.array(f"scale_{number}", layer.scale) + of_row
        source, result = ("x", "a") if number == 0 else (("a", "b") if number % 2 else ("b", "a"))
        lines = []
        if number:
            below = self.student._layers[number - 1].weight.shape[-2]
            lines.append(f"for (int k = 0; k < {below}; k++) if ({source}[k] < 0.0f) {source}[k] = 0.0f;")
        call = f"{self.prefix}_layer({full}, {step}, {scale}, {bias}, spread, {n_outputs}, {n_inputs}"
        lines.append(f"{call}, {source}, {result});")
        return "\n        ".join(lines)

    def function(self, name: str, calls: list[str]) -> str:
        """Write the function that forecasts."""
        student, prefix = self.student, self.prefix
        widest = max(layer.weight.shape[-2] for layer in student._layers)
        result = "b" if len(student._layers) % 2 == 0 else "a"
        buffers = f"float x[{name}_CONTEXT_LENGTH], a[{widest}]" + (f", b[{widest}]" if len(calls) > 1 else "")
        lines = [f"for (int k = 0; k < {name}_CONTEXT_LENGTH; k++)"]
        lines.append(f"    x[k] = context[(long)k * {name}_N_CHANNELS + {prefix}_target[t]];")
        if student._of_roots:
            lines.append(
                f"for (int k = 0; k < {name}_CONTEXT_LENGTH; k++) x[k] = x[k] < 0.0f ? -sqrtf(-x[k]) : sqrtf(x[k]);"
            )
        if student._own_units:
            lines += ["float center, unit;", f"{prefix}_units(x, &center, &unit);"]
            if self.has_series:
                lines.append(f"if (series >= 0 && series < {len(self.series_ids)}) {{")
                for what in ("center", "unit"):
                    lines.append(f"    {what} = {prefix}_series_{what}[(long)series * {name}_N_TARGETS + t];")
                lines.append("}")
            lines += ["float base = center, shown = unit;", f"{prefix}_settle(x, &base, &shown);"]
        else:
            lines.append(f"const float center = {prefix}_center[t], unit = 1.0f, base = center, shown = 1.0f;")
        lines.append(f"for (int k = 0; k < {name}_CONTEXT_LENGTH; k++) x[k] = (x[k] - center) / unit;")
        lines.append(f"const int observed = {prefix}_fill(x);")
        lines.append("float spread = 1.0f, level = 0.0f;")
        if student._epsilon is not None:
            lines += [
                "double mean = 0.0, variance = 0.0;",
                f"for (int k = 0; k < {name}_CONTEXT_LENGTH; k++) mean += (double)x[k] / {name}_CONTEXT_LENGTH;",
                f"for (int k = 0; k < {name}_CONTEXT_LENGTH; k++) variance += (x[k] - mean) * (x[k] - mean);",
                f"spread = (float)sqrt(variance / {name}_CONTEXT_LENGTH + {prefix}_epsilon[t]);",
            ]
        if student._level is not None:
            lines.append(f"for (int k = 0; k < {name}_CONTEXT_LENGTH; k++) level += {prefix}_level[k] * x[k];")
        lines += calls
        lines.append(f"for (int i = 0; i < {name}_PREDICTION_LENGTH; i++) {{")
        lines.append(f"    float value = ({result}[i] + level) * shown + base;")
        if student._of_roots:
            lines.append("    value = value < 0.0f ? -value * value : value * value;")
        for bound, sign in zip(student._bounds, "<>", strict=True):
            if bound is not None:
                lines.append(f"    if (value {sign} {_float(bound)}) value = {_float(bound)};")
        lines += [f"    forecast[i * {name}_N_TARGETS + t] = observed ? value : NAN;", "}"]
        body = "\n        ".join(lines)
        plain, given = f"{prefix}_forecast(const float *context, float *forecast)", ""
        if self.has_series:
            given = f"\nstatic void {plain}\n{{\n    {prefix}_forecast_of(-1, context, forecast);\n}}\n"
            plain = f"{prefix}_forecast_of(int series, const float *context, float *forecast)"
        return (
            f"\nstatic void {plain}\n{{\n    {buffers};\n"
            f"    for (int t = 0; t < {name}_N_TARGETS; t++) {{\n        {body}\n    }}\n}}\n{given}"
        )


def _string(one: object) -> str:
    """Return an id as a string of C; what is not plain ASCII as bytes of UTF-8."""
    plain = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in str(one).encode()
    )
    return f'"{"".join(plain)}"'


def _type(is_int8: bool) -> str:
    return "int8_t" if is_int8 else "float"


def _float(value: float) -> str:
    """Return a number as a constant of C that is read back exactly."""
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if any(mark in text for mark in ".e") else f"{text}.0f"
