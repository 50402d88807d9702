import pytest

from experiments_core.errors import InvalidInputError
from experiments_core.tabular.foreign import is_gzip, refuse_foreign


@pytest.mark.parametrize(
    ("head", "kind"),
    (
        (b"", "empty"),
        (b"PK\x03\x04rest", "a packed Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel"),
        (b"PAR1rest", "Parquet"),
        (b"%PDF-1.7", "PDF"),
        (b"12345678DUCKrest", "DuckDB"),
        (b"BZh9", "bzip2"),
        (b"<!DOCTYPE html><p>", "HTML"),
        (b"\xef\xbb\xbf\n <html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b'[\n{"a": 1}]', "JSON"),
        (b'{"a": [1, 2]}', "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
    ),
)
def test_other_files_are_named(head: bytes, kind: str):
    with pytest.raises(InvalidInputError, match=kind):
        refuse_foreign(head)


@pytest.mark.parametrize("head", (b"a,b\n1,2\n", b"[a],b\n", b"{x},y\n", b"version,x\n"))
def test_tables_pass(head: bytes):
    refuse_foreign(head)


def test_gzip_is_told_by_its_first_bytes():
    assert is_gzip(b"\x1f\x8b\x08")
    assert not is_gzip(b"a,b")
