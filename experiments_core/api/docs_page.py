"""The documentation as one page of plain HTML: nothing is loaded from anywhere."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

DEEPEST = 6
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --paper: #fff; --line: #dde1e5;
        --quiet: #56616e; --tint: #f5f6f8; --link: #2a4fa3 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --paper: #11161c; --line: #323c47;
        --quiet: #9fabb8; --tint: #1a212a; --link: #8fb1f5 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { font-family: Georgia, serif; font-weight: 600 }
h2 { border-top: 1px solid var(--line); padding-top: 1.2rem; margin-top: 2rem }
details { border-bottom: 1px solid var(--line); padding: .5rem 0 }
summary { cursor: pointer; overflow-wrap: anywhere }
code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { background: var(--tint); padding: .7rem; overflow-x: auto }
.method { display: inline-block; min-width: 4rem; font-weight: 600 }
.quiet { color: var(--quiet) } a { color: var(--link) }
table { border-collapse: collapse } td { padding: .15rem 1rem .15rem 0; vertical-align: top }
nav a { margin-right: 1rem }
"""


def serve(api: FastAPI) -> None:
    """Answer ``/docs`` with the document of ``api``."""

    @cache
    def page() -> str:
        return "".join(_page(api.openapi()))

    def docs(_request: Request) -> Response:
        return HTMLResponse(page())

    api.add_route("/docs", docs, methods=["GET"], include_in_schema=False)


def _page(document: dict[str, Any]) -> Iterator[str]:
    title = html.escape(document["info"]["title"])
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title} API</title>"
    yield '<meta name=viewport content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}</style><h1>{title} API</h1>"
    yield f"<p>{html.escape(document['info'].get('description', ''))}</p>"
    yield '<p><a href="openapi.json">openapi.json</a></p>'
    tags: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tags.setdefault(operation["tags"][0], []).append((method, path, operation))
    yield "<nav>"
    yield from (f'<a href="#{_id(tag)}">{html.escape(tag)}</a>' for tag in tags)
    yield "</nav>"
    schemas = document.get("components", {}).get("schemas", {})
    for tag, operations in tags.items():
        yield f'<h2 id="{_id(tag)}">{html.escape(tag)}</h2>'
        for method, path, operation in operations:
            yield from _operation(method, path, operation, schemas)


def _operation(
    method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]
) -> Iterator[str]:
    about = operation.get("description") or operation.get("summary", "")
    yield f"<details><summary><code><span class=method>{method.upper()}</span>"
    yield f"{html.escape(path)}</code> <span class=quiet>{_first(about)}</span></summary>"
    yield f"<p>{html.escape(about)}</p><p class=quiet>{_needs(operation)}</p>"
    if operation.get("parameters"):
        yield "<table>"
        for one in operation["parameters"]:
            must = "required" if one.get("required") else ""
            said = html.escape(one.get("description", ""))
            yield f"<tr><td><code>{html.escape(one['name'])}</code><td>{one['in']} {must}"
            yield f"<td>{said}</tr>"
        yield "</table>"
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Sends <code>{kind}</code></p>{_schema(content['schema'], schemas)}"
    for code, response in operation["responses"].items():
        if code.startswith("2"):
            yield f"<p>Answers {code}</p>"
            for kind, content in response.get("content", {}).items():
                shown = _schema(content.get("schema", {}), schemas)
                yield f"<p><code>{kind}</code></p>{shown}"
    refusals = ", ".join(code for code in operation["responses"] if not code.startswith("2"))
    yield f"<p class=quiet>May refuse with {refusals}.</p></details>"


def _needs(operation: dict[str, Any]) -> str:
    if "security" not in operation:
        return "Open to everybody."
    if "x-operator" in operation:
        return "No key: only the command line on the machine of the server."
    if "x-scope" not in operation:
        return "Any valid key."
    return f"Role {operation['x-role']}, scope <code>{operation['x-scope']}</code>."


def _schema(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    outline = json.dumps(_outline(schema, schemas, 0), indent=2, ensure_ascii=False)
    return f"<pre>{html.escape(outline)}</pre>"


def _outline(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    """The schema as an example-like value: names and types."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _outline(schemas[name], schemas, depth) if depth < DEEPEST else name
    union = next((schema[word] for word in ("anyOf", "oneOf", "allOf") if word in schema), ())
    if union:
        parts = [_outline(part, schemas, depth + 1) for part in union]
        structured = [part for part in parts if not isinstance(part, str)]
        return structured[0] if structured else " | ".join(parts)
    if "properties" in schema:
        return {k: _outline(v, schemas, depth + 1) for k, v in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_outline(schema.get("items", {}), schemas, depth + 1)]
    choices = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return " | ".join(map(str, choices)) or str(
        schema.get("format") or schema.get("type") or "any"
    )


def _first(text: str) -> str:
    return html.escape(text.strip().split("\n")[0])


def _id(tag: str) -> str:
    return html.escape(tag.lower().replace(" ", "-"))
