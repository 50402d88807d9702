"""Read the services' own documents: requests as they are printed, answers by their shape."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

STATUS_MARK = "\nHTTP "


@dataclass(frozen=True, slots=True)
class Example:
    """A printed request and what is printed as its answer, where there is one."""

    request: str
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, and the body where there is one."""

    status: int
    body: Any


def curl_examples(text: str) -> list[Example]:
    """Every curl command, each with the JSON that is printed before the next one."""
    starts = [found.start() for found in re.finditer(r"^curl ", text, re.MULTILINE)]
    ends = [*starts[1:], len(text)]
    return [
        Example(_command(text[start:end]), next(json_blocks(text[start:end], "Response"), None))
        for start, end in zip(starts, ends, strict=True)
    ]


def http_examples(text: str) -> list[Example]:
    """Requests that are printed as a method, a path and perhaps a body; answers likewise."""
    pattern = re.compile(r"^(?:GET|POST|PUT|PATCH|DELETE) /:\S+$", re.MULTILINE)
    starts = [found.start() for found in pattern.finditer(text)]
    found = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        line = part.splitlines()[0]
        block = next(json_blocks(part), None)
        is_body = "Content-Type: application/json" in part
        request = f"{line}\n{json.dumps(block)}" if is_body else line
        found.append(Example(request, None if is_body else block))
    return found


def json_blocks(text: str, after: str = "") -> Iterator[Any]:
    """Objects that begin at the start of a line, behind a word."""
    begin = text.find(after)
    for found in re.finditer(r"^\{", text, re.MULTILINE):
        if begin >= 0 and found.start() > begin:
            yield json.JSONDecoder().raw_decode(text[found.start() :])[0]


def run(command: str, base: str, ours: str) -> Reply:
    """Run a curl command with only its base URL changed; by curl itself where it is."""
    assert base in command
    moved = command.replace(base, ours)
    shell = shutil.which("sh")
    if shell is None or shutil.which("curl") is None:
        return _without_curl(moved)
    told = subprocess.run(
        [shell, "-c", f"{moved} -sS -w '{STATUS_MARK}%{{http_code}}'"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    content, _, status = told.stdout.rpartition(STATUS_MARK)
    return Reply(int(status), json.loads(content) if content else None)


def differences(printed: Any, given: Any, at: str = "") -> list[str]:
    """Printed fields that are missing or of another type; values are free."""
    if printed is None:
        return []
    if isinstance(printed, dict):
        if not isinstance(given, dict):
            return [f"{at}: no object, but {given!r}"]
        found = [f"{at}.{name}: missing" for name in printed if name not in given]
        for name in printed.keys() & given.keys():
            found += differences(printed[name], given[name], f"{at}.{name}")
        return found
    if isinstance(printed, list):
        if not isinstance(given, list) or bool(printed) != bool(given):
            return [f"{at}: no list like {printed!r}, but {given!r}"]
        pairs = zip(printed, given, strict=False)
        return [
            one for i, (p, g) in enumerate(pairs) for one in differences(p, g, f"{at}[{i}]")
        ]
    kinds = {bool: (bool,), int: (int, float), float: (int, float), str: (str,)}[type(printed)]
    is_same = isinstance(given, kinds) and isinstance(given, bool) == isinstance(printed, bool)
    return [] if is_same else [f"{at}: {given!r} in place of {printed!r}"]


def document(folder: Path, name: str) -> str:
    """The document of a service, found by its number."""
    (file,) = (folder / "seeds").glob(f"{name}_*.txt")
    return file.read_text(encoding="utf-8")


def _command(text: str) -> str:
    """The lines up to the first that ends the command."""
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if line.endswith("\\"):
            continue
        try:
            shlex.split("\n".join(lines))
        except ValueError:  # a quotation goes on
            continue
        break
    return "\n".join(lines)


def _without_curl(command: str) -> Reply:
    words = shlex.split(command.replace("\\\n", " "))
    url = next(word for word in words if word.startswith("http"))
    lines = [words[i + 1] for i, word in enumerate(words) if word == "-H"]
    headers = dict(re.split(r":\s*", line, maxsplit=1) for line in lines)
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    content = words[words.index("-d") + 1] if "-d" in words else None
    answer = httpx.request(method, url, headers=headers, content=content)
    return Reply(answer.status_code, answer.json() if answer.content else None)
