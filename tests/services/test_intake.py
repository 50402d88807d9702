from __future__ import annotations

import gzip
import hashlib
import io
import re
from pathlib import Path

import pytest

from experiments_core.errors import InvalidInputError, TooLargeError
from experiments_core.services import intake
from experiments_core.services.intake import look_at, take_in

TEXT = b"user_id,variant,won\n" + b"".join(
    b"u%d,%s,1\n" % (n, b"ab"[n % 2 :][:1]) for n in range(50)
)


def take(data: bytes, folder: Path, **limits: int):
    return take_in(io.BytesIO(data), folder / "x.txt", **limits)


def test_clean_text_is_stored_as_it_came(tmp_path: Path):
    found = take(TEXT, tmp_path)
    assert found.path.read_bytes() == TEXT
    assert (found.bytes, found.complete, found.structure.records) == (len(TEXT), True, 51)
    assert found.sha256 == hashlib.sha256(TEXT).hexdigest()


@pytest.mark.parametrize(
    "data",
    (
        b"\xef\xbb\xbf" + TEXT,
        TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(b"\n", b"\r"),
        TEXT.decode().encode("utf-16"),
        gzip.compress(TEXT),
        gzip.compress(TEXT[:300]) + gzip.compress(TEXT[300:]),
    ),
    ids=("mark", "crlf", "cr", "utf-16", "gzip", "gzip in two members"),
)
def test_other_bytes_of_the_same_text_are_stored_as_clean_text(data: bytes, tmp_path: Path):
    found = take(data, tmp_path)
    assert found.path.read_bytes() == TEXT
    assert found.bytes == len(data)


def test_a_clean_file_is_read_in_place_and_another_through_a_copy(tmp_path: Path):
    clean, other, copies = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "copies"
    copies.mkdir()
    clean.write_bytes(TEXT)
    other.write_bytes(TEXT.replace(b"\n", b"\r\n"))
    assert look_at(clean, copies).path == clean
    copy = look_at(other, copies).path
    assert copy.parent == copies
    assert copy.read_bytes() == TEXT


def test_a_large_file_is_judged_on_its_head_and_places_further_down(tmp_path: Path):
    rows = b"".join(b"u%07d,%s,1\n" % (n, b"a" if n < 90_000 else b"b") for n in range(120_000))
    found = take(b"user_id,variant,won\n" + rows, tmp_path)
    assert not found.complete
    assert any(",b," in piece for piece in found.middle)
    assert all(re.match(r"u\d{7},", piece) for piece in found.middle)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    (
        (gzip.compress(b"a,b\n" + b"1,2\n" * 5_000_000), TooLargeError, "100 times its size"),
        (gzip.compress(gzip.compress(TEXT)), InvalidInputError, "packed twice"),
        (gzip.compress(TEXT)[:-20], InvalidInputError, "ends too early"),
        (b"\x1f\x8bnot gzip at all", InvalidInputError, "damaged"),
        (TEXT + b'u1,"a,1\n', InvalidInputError, "Line 52 opens a quote"),
        (TEXT + b'u1,"a"b,1\n', InvalidInputError, "Line 52 has text after a closing quote"),
        (TEXT + b"u1,a\x00,1\n", InvalidInputError, "NUL"),
        (
            TEXT + "u\u00e4".encode() + b",\xff,1\n",
            InvalidInputError,
            "line 52, column “variant”",
        ),
        (b"", InvalidInputError, "empty"),
        (b"PK\x03\x04", InvalidInputError, "Excel"),
    ),
)
def test_what_cannot_be_read_is_refused_and_leaves_no_file(
    data: bytes, error: type[Exception], words: str, tmp_path: Path
):
    with pytest.raises(error, match=words):
        take(data, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_beyond_the_limit_is_refused_on_the_way(tmp_path: Path):
    with pytest.raises(TooLargeError, match="larger than 0 MB"):
        take(TEXT, tmp_path, most_bytes=len(TEXT) - 1)
    take(TEXT, tmp_path, most_bytes=len(TEXT))


def test_more_rows_than_allowed_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake, "HEAD", 100)
    with pytest.raises(TooLargeError, match="more than 30 rows"):
        take(TEXT, tmp_path, most_rows=30)


def test_a_bad_byte_far_down_is_named_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intake, "HEAD", 64)
    monkeypatch.setattr(intake, "CHUNK", 50)
    data = TEXT.replace(b"u30,a", b"u30,\xff7")
    with pytest.raises(InvalidInputError, match="0xFF on line 32, column “variant”"):
        take(data, tmp_path)
