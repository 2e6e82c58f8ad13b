"""The description of the HTTP interface, as OpenAPI and as a page."""

from __future__ import annotations

from typing import Any

from skdistill.serving._limits import Limits
from skdistill.serving._model import ServedModel

__all__ = ["PAGE", "describe"]

_MOST_EXAMPLE_VALUES = 10_000
_REFUSALS = {
    "400": "The body is no JSON.",
    "408": "The body took too long to arrive.",
    "413": "The body is too large.",
    "415": "The body is compressed.",
    "422": "The body is not what the model takes, or has no finite forecast; the sentence says why.",
    "503": "Too many requests at once, or the server is stopping.",
}


def describe(model: ServedModel, limits: Limits, version: str) -> dict[str, Any]:
    """Describe the interface in OpenAPI 3.1.

    Parameters
    ----------
    model : ServedModel
        The model whose shapes are described.
    limits : Limits
        Limits of the server.
    version : str
        Version of the package.

    Returns
    -------
    document : dict
        The response of ``/openapi.json``.
    """
    paths = {
        "/forecast": {"post": _forecast_operation(model)},
        "/model": {"get": _get("What the model takes and gives.", "application/json")},
        "/health": {"get": _get("Whether a model is served.", "application/json")},
        "/metrics": {"get": _get("Counters in Prometheus' text format.", "text/plain")},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "skdistill", "version": version, "summary": "Forecasts of a distilled student."},
        "paths": paths,
        "components": {"schemas": _schemas(model, limits)},
    }


def _get(summary: str, content: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": summary, "content": {content: {}}}}}


def _forecast_operation(model: ServedModel) -> dict[str, Any]:
    body = {"schema": _ref("Request")} | _example_request(model)
    return {
        "summary": f"Forecast the {model.prediction_length} rows that follow a context, or each series of a panel.",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {
                "description": "Forecasts in original units.",
                "content": {"application/json": {"schema": {"oneOf": [_ref("Forecast"), _ref("PanelForecast")]}}},
            },
            **{
                status: {"description": text, "content": {"application/json": {"schema": _ref("Error")}}}
                for status, text in _REFUSALS.items()
            },
        },
    }


def _example_request(model: ServedModel) -> dict[str, Any]:
    """Return a request that the model answers, as an entry; nothing if it would be long."""
    facts = model.facts()
    rows = {"context": (model.context_length, facts["channels"])}
    if model.known:
        rows["future"] = (model.prediction_length, facts["known"])
    if sum(length * len(names) for length, names in rows.values()) > _MOST_EXAMPLE_VALUES:
        return {}
    example: dict[str, Any] = {
        name: [[_example(facts, one) for one in names]] * length for name, (length, names) in rows.items()
    }
    if facts["static"]:
        example["static"] = {name: _example(facts, name) for name in facts["static"]}
    return {"example": example}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _example(facts: dict[str, Any], name: str) -> Any:
    """Return a value of a column."""
    return facts["categories"][name][0] if name in facts["categories"] else 1.5


def _value(facts: dict[str, Any], name: str) -> dict[str, Any]:
    """Describe the values of a column of a request."""
    if name in facts["categories"]:
        return {"enum": [*facts["categories"][name], None]}
    return {"type": ["number", "null"]}


def _rows(
    n_rows: int, n_columns: int, *, exactly: bool, description: str, values: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    number = {"type": "number"} if exactly else {"type": ["number", "null"]}
    row: dict[str, Any] = {"type": "array", "items": number, "minItems": n_columns, "maxItems": n_columns}
    if values is not None and any("enum" in one for one in values):
        row |= {"prefixItems": values, "items": False}
    lengths = {"minItems": n_rows} | ({"maxItems": n_rows} if exactly else {})
    return {"type": "array", "items": row, **lengths, "description": description}


def _schemas(model: ServedModel, limits: Limits) -> dict[str, Any]:
    facts = model.facts()
    rows = _rows(
        model.context_length,
        len(facts["channels"]),
        exactly=False,
        values=[_value(facts, name) for name in facts["channels"]],
        description=(
            f"Rows of {', '.join(facts['channels'])}, oldest first; the last {model.context_length} count. null is a "
            "missing value."
        ),
    )
    forecast = _rows(
        model.prediction_length,
        len(model.targets),
        exactly=True,
        description=f"Rows of {', '.join(facts['targets'])}, in original units.",
    )
    request: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "context": rows,
            "panel": {
                "type": "object",
                "additionalProperties": rows,
                "minProperties": 1,
                "maxProperties": limits.series,
                "description": (
                    "The rows of each series, by its id; a series of the training data keeps its units. An id of "
                    'several levels is a list in JSON, as text: "[\\"north\\", 7]".'
                ),
            },
        },
        "oneOf": [{"required": ["context"]}, {"required": ["panel"]}],
    }
    if model.known:
        ahead = _rows(
            model.prediction_length,
            len(facts["known"]),
            exactly=False,
            values=[_value(facts, name) for name in facts["known"]],
            description=f"The next {model.prediction_length} rows of {', '.join(facts['known'])}. null is unknown.",
        )
        ahead["maxItems"] = model.prediction_length
        request["properties"]["future"] = {
            "oneOf": [ahead, {"type": "object", "additionalProperties": ahead}],
            "description": "Known covariates of the horizon: rows for a context, rows by series for a panel.",
        }
        request["required"] = ["future"]
    if facts["static"]:
        values = {name: _value(facts, name) for name in facts["static"]}
        fixed = {"type": "object", "properties": values, "required": list(values), "additionalProperties": False}
        request["properties"]["static"] = {
            "oneOf": [fixed, {"type": "object", "additionalProperties": fixed}],
            "description": "Static covariates, null where missing: of a context, or by series for a panel.",
        }
        request["required"] = [*request.get("required", []), "static"]
    answer = {"type": "object", "properties": {"forecast": forecast}, "required": ["forecast"]}
    if model.quantile_levels is not None:
        levels = {"type": "number", "minimum": model.quantile_levels[0], "maximum": model.quantile_levels[-1]}
        request["properties"]["quantiles"] = {
            "oneOf": [{"type": "boolean"}, {"type": "array", "items": levels}],
            "description": "Levels; true for those that were fitted.",
        }
        answer["properties"]["quantiles"] = {  # type: ignore[index]
            "type": "object",
            "additionalProperties": forecast,
            "description": "Rows by level.",
        }
    panel = {"type": "object", "additionalProperties": _ref("Forecast")}
    return {
        "Request": request,
        "Forecast": answer,
        "PanelForecast": {"type": "object", "properties": {"panel": panel}, "required": ["panel"]},
        "Error": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]},
    }


# The page gets everything it shows from the server and loads nothing from elsewhere.
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>skdistill</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
  pre, textarea { font: 13px/1.4 ui-monospace, monospace; background: #f6f6f6; padding: .7rem; overflow: auto; }
  pre { max-height: 22rem; } textarea { width: 100%; height: 9rem; box-sizing: border-box; }
  dt { font-family: ui-monospace, monospace; font-weight: 600; }
</style>
<h1>skdistill</h1>
<dl id="paths"></dl>
<p>Everything in detail: <a href="openapi.json">openapi.json</a>.</p>
<h2>The model</h2>
<pre id="model"></pre>
<h2>Ask it</h2>
<textarea id="body" aria-label="Body of the request"></textarea>
<p><button id="ask">POST /forecast</button></p>
<pre id="answer"></pre>
<script>
  const show = (id, value) => { document.getElementById(id).textContent = JSON.stringify(value, null, 1); };
  const get = async (path) => (await fetch(path)).json();
  (async () => {
    const described = await get("openapi.json"), model = await get("model");
    for (const [path, methods] of Object.entries(described.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const term = document.createElement("dt"), text = document.createElement("dd");
        term.textContent = method.toUpperCase() + " " + path;
        text.textContent = operation.summary;
        document.getElementById("paths").append(term, text);
      }
    }
    show("model", model);
    const value = (name) => (name in model.categories ? model.categories[name][0] : 1.5);
    const rows = (length, names) => Array.from({ length }, () => names.map(value));
    const body = { context: rows(model.context_length, model.channels) };
    if (model.known.length) body.future = rows(model.prediction_length, model.known);
    if (model.static.length) body.static = Object.fromEntries(model.static.map((name) => [name, value(name)]));
    document.getElementById("body").value = JSON.stringify(body);
  })();
  document.getElementById("ask").onclick = async () => {
    const answer = await fetch("forecast", { method: "POST", body: document.getElementById("body").value });
    show("answer", await answer.json());
  };
</script>
</html>
"""
