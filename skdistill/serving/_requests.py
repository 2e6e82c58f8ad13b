"""Parsing and validation of JSON requests, in time linear in their length."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from skdistill._utils._optional import import_optional
from skdistill.serving._limits import Limits
from skdistill.serving._model import ServedModel
from skdistill.serving._refused import Refused

__all__ = ["Question", "make_reader", "write_answer"]

_MOST_LEVELS = 99


@dataclass(frozen=True)
class Question:
    """The content of a request.

    Parameters
    ----------
    contexts : ndarray of shape (n_series, context_length, n_channels)
        Values in original units; NaN where a value is missing.
    ids : tuple of str or None
        Names of the series of a panel; None for one series.
    levels : tuple of float
        Levels of the requested quantiles.
    series : ndarray of int of shape (n_series,) or None, default=None
        Number of each series with units of its own, -1 for others; None if all are others.
    future : ndarray of shape (n_series, prediction_length, n_known) or None, default=None
        Known covariates over the horizon, NaN where unknown; None if the model reads none.
    static : ndarray of shape (n_series, n_static) or None, default=None
        Static covariates, standardized; None if the model reads none.
    """

    contexts: np.ndarray
    ids: tuple[str, ...] | None
    levels: tuple[float, ...]
    series: np.ndarray | None = None
    future: np.ndarray | None = None
    static: np.ndarray | None = None


def make_reader(limits: Limits) -> Callable[[bytes, ServedModel], Question]:
    """Create the function that parses request bodies.

    Parameters
    ----------
    limits : Limits
        Limits of the server.

    Returns
    -------
    read : callable
        Function that takes a body and the model and returns a ``Question``; raises ``Refused``.
    """
    msgspec: Any = import_optional("msgspec", extra="serve", purpose="Serving")
    of_numbers, of_values = (_make_decoder(msgspec, one) for one in (float, int | float | bool | str))
    of_names = msgspec.json.Decoder(dict[_Key, msgspec.Raw], dec_hook=lambda _, text: _Key(text))

    def read(body: bytes, model: ServedModel) -> Question:
        has_categories = model.columns is not None and bool(model.columns.categories)
        try:
            with _no_collection():
                given = (of_values if has_categories else of_numbers).decode(body)
                fields = of_names.decode(body)  # of a field that is there twice, the decoder keeps the last
        except msgspec.ValidationError as error:
            raise Refused(422, _explain(str(error))) from None
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Refused(400, f'the body must be JSON such as {{"context": [[1.5, ...], ...]}}: {error}.') from None
        _without_repeats(fields, "the body")
        if (given.context is None) == (given.panel is None):
            raise Refused(422, 'the body must have either "context", rows of one series, or "panel", rows by series.')
        levels = _read_levels(given.quantiles, model)
        ahead, fixed = _without_repeats(given.future, "future"), _without_repeats(given.static, "static")
        if given.panel is None:
            contexts = _read_rows(given.context, model, "context")[None]
            future, static = _read_future(ahead, None, model), _read_static(fixed, None, model)
            return Question(contexts, None, levels, future=future, static=static)
        if not 0 < len(given.panel) <= limits.series:
            raise Refused(422, f"panel must have between 1 and {limits.series} series; got {len(given.panel)}.")
        panel = _without_repeats(given.panel, "panel")
        names = tuple(panel)
        contexts = np.stack([_read_rows(panel[one], model, f"series {one[:80]!r} of panel") for one in names])
        future, static = _read_future(ahead, names, model), _read_static(fixed, names, model)
        return Question(contexts, names, levels, model.numbers_of(list(names)), future, static)

    return read


def _make_decoder(msgspec: Any, value: Any) -> Any:
    """Create the decoder of requests whose rows hold such values."""
    rows: Any = list[list[value | None]]
    one = int | float | bool | str | None
    fields: list[tuple[str, Any, None]] = [("context", rows | None, None), ("panel", dict[_Key, rows] | None, None)]
    fields.append(("future", rows | dict[_Key, rows] | None, None))
    fields.append(("static", dict[_Key, dict[_Key, one] | one] | None, None))
    fields.append(("quantiles", bool | list[float] | None, None))
    request = msgspec.defstruct("Request", fields, forbid_unknown_fields=True)
    return msgspec.json.Decoder(request, dec_hook=lambda _, text: _Key(text))


class _Key:
    """A name in an object, equal to itself alone, so that the decoder keeps a name that is there twice."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _without_repeats(given: Any, name: str) -> Any:
    """Return an object with text as names; raise for a name that is there twice."""
    if not isinstance(given, dict):
        return given
    plain: dict[str, Any] = {}
    for key, value in given.items():
        if key.text in plain:
            raise Refused(422, f"{name} must name everything once; it has {key.text[:80]!r} twice.")
        plain[key.text] = _without_repeats(value, name)
    return plain


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause garbage collection, which would scan a million new lists repeatedly while they are created."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _explain(message: str) -> str:
    place = message.partition(" - at ")[2].strip("`")
    if message.startswith("Number out of range"):
        return f"every number must be finite in float64: out of range at {place}."
    way = ": write truth values as 1 or 0" if "got `bool`" in message else ""
    return f"the body does not have the expected form: {message}{way}."


def _read_rows(rows: list[list[Any]], model: ServedModel, name: str) -> np.ndarray:
    """Check the rows of a series and return the last ones as an array, NaN where null."""
    columns = model.columns
    length, width = model.context_length, model.n_channels if columns is None else len(columns.names)
    if len(rows) < length:
        more = "" if not rows else ": write rows of null before them, where a series is shorter"
        raise Refused(422, f"{name} must have at least {length} rows; got {len(rows)}{more}.")
    _check_width(rows, width, "numbers" if columns is None else f"values ({', '.join(columns.names)})", name)
    if columns is None:
        values = np.array(list(chain.from_iterable(rows[-length:])), dtype=np.float64).reshape(length, width)
    else:
        values = columns.channels(rows[-length:], name)
    unseen = np.isnan(values[:, list(model.targets)]).all(axis=0)  # no infinity: JSON has none, overflow was rejected
    if unseen.any():
        target = model.facts()["targets"][int(np.argmax(unseen))]
        raise Refused(422, f"{name} has only null for {target} in its last {length} rows: nothing to forecast from.")
    return values


def _check_width(rows: list[list[Any]], width: int, told: str, name: str) -> None:
    """Raise for a row of another length."""
    wrong = next((number for number, row in enumerate(rows) if len(row) != width), None)
    if wrong is not None:
        raise Refused(422, f"every row of {name} must have {width} {told}; row {wrong} has {len(rows[wrong])}.")


def _check_series(given: Any, names: tuple[str, ...], name: str) -> None:
    """Raise unless values by series are those of the panel."""
    other = next((one for one in (*names, *given) if one not in given or one not in names), None)
    if other is not None:
        where = "panel" if other in given else name
        raise Refused(422, f"{name} must have the series of panel: {other[:80]!r} is not in {where}.")


def _read_future(given: Any, names: tuple[str, ...] | None, model: ServedModel) -> np.ndarray | None:
    """Check the known covariates over the horizon, of one series or of every series of a panel; NaN where null."""
    if not model.known:
        if given is not None:
            raise Refused(422, "future must be left out: this model was fitted without known covariates.")
        return None
    known = ", ".join(model.facts()["known"])
    if given is None:
        form = f"{model.prediction_length} rows of {known}" + ("" if names is None else ", by series")
        raise Refused(422, f"future is missing: the model reads {form}; write null where a value is unknown.")
    if names is None:
        if not isinstance(given, list):
            raise Refused(422, "future must be rows, as context is; got rows by series.")
        return _read_ahead(given, model, known, "future")[None]
    if not isinstance(given, dict):
        raise Refused(422, "future must be rows by series, as panel is; got rows.")
    _check_series(given, names, "future")
    return np.stack([_read_ahead(given[one], model, known, f"series {one[:80]!r} of future") for one in names])


def _read_ahead(rows: list[list[Any]], model: ServedModel, known: str, name: str) -> np.ndarray:
    """Check the rows of a horizon and return them as an array, NaN where null."""
    columns = model.columns
    length, width = model.prediction_length, len(model.known) if columns is None else len(columns.known)
    if len(rows) != length:
        raise Refused(422, f"{name} must have {length} rows; got {len(rows)}.")
    _check_width(rows, width, f"numbers ({known})", name)
    if columns is not None:
        return columns.known_channels(rows, name)
    return np.array(list(chain.from_iterable(rows)), dtype=np.float64).reshape(length, width)


def _read_static(given: Any, names: tuple[str, ...] | None, model: ServedModel) -> np.ndarray | None:
    """Check the static covariates of one series or of every series of a panel, and standardize them."""
    columns = model.columns
    if not model.n_static or columns is None:
        if given is not None:
            raise Refused(422, "static must be left out: this model reads no static covariates.")
        return None
    told = ", ".join(columns.static)
    if given is None:
        raise Refused(422, f"static is missing: the model reads {told}; write null where a value is missing.")
    if names is None:
        return columns.static_numbers(given, "static")[None]
    _check_series(given, names, "static")
    wrong = next((one for one in names if not isinstance(given[one], dict)), None)
    if wrong is not None:
        raise Refused(422, f"static must have {told} of each series; {wrong[:80]!r} has a single value.")
    return np.stack([columns.static_numbers(given[one], f"series {one[:80]!r} of static") for one in names])


def _read_levels(asked: bool | list[float] | None, model: ServedModel) -> tuple[float, ...]:
    if asked is None or asked is False or asked == []:
        return ()
    fitted = model.quantile_levels
    if fitted is None:
        raise Refused(422, "this model has no quantiles: it was fitted for a point forecast alone.")
    if asked is True:
        return fitted
    levels = tuple(sorted(set(asked)))
    if len(levels) > _MOST_LEVELS:
        raise Refused(422, f"quantiles must be at most {_MOST_LEVELS} levels; got {len(levels)}.")
    if not fitted[0] <= levels[0] <= levels[-1] <= fitted[-1]:
        raise Refused(422, f"quantiles must lie between {fitted[0]:g} and {fitted[-1]:g}, the outermost fitted ones.")
    if not model.interpolates and not set(levels) <= set(fitted):
        raise Refused(422, f"quantiles must be among {list(fitted)}: this file holds no others.")
    return levels


def write_answer(question: Question, forecasts: np.ndarray, quantiles: np.ndarray | None) -> dict[str, Any]:
    """Convert forecasts to the response format that matches the request.

    Parameters
    ----------
    question : Question
        The request.
    forecasts : ndarray of shape (n_series, prediction_length, n_targets)
        Forecasts in original units.
    quantiles : ndarray of shape (n_series, prediction_length, n_targets, n_quantiles) or None
        Quantiles in original units.

    Returns
    -------
    answer : dict
        Values that JSON can write.
    """
    answers: list[dict[str, Any]] = [{"forecast": one} for one in forecasts.tolist()]
    if quantiles is not None:
        by_level = np.moveaxis(quantiles, -1, 1).tolist()
        names = [f"{level:g}" if float(f"{level:g}") == level else repr(level) for level in question.levels]
        for answer, values in zip(answers, by_level, strict=True):
            answer["quantiles"] = dict(zip(names, values, strict=True))
    return answers[0] if question.ids is None else {"panel": dict(zip(question.ids, answers, strict=True))}
