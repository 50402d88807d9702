import pytest

from experiments_core.errors import InvalidInputError
from experiments_core.tabular.encoding import BadByteError, Transcoder


def clean(data: bytes, size: int = 5) -> tuple[bytes, Transcoder]:
    coder = Transcoder()
    pieces = [data[i : i + size] for i in range(0, len(data), size)] or [b""]
    out = b"".join(coder.feed(piece) for piece in pieces[:-1])
    return out + coder.feed(pieces[-1], final=True), coder


def test_clean_text_passes_unchanged():
    data = "id,näme\n1,Zoë €\n".encode()
    out, coder = clean(data)
    assert out == data
    assert (coder.encoding, coder.changed) == ("utf-8", False)


def test_byte_order_mark_is_taken_off():
    out, coder = clean(b"\xef\xbb\xbfid,x\n")
    assert out == b"id,x\n"
    assert coder.changed


@pytest.mark.parametrize("codec", ("utf-16-le", "utf-16-be"))
def test_utf_16_with_a_mark_is_read(codec: str):
    mark = b"\xff\xfe" if codec == "utf-16-le" else b"\xfe\xff"
    out, coder = clean(mark + "id,näme\n1,€\n".encode(codec), 7)
    assert out == "id,näme\n1,€\n".encode()
    assert coder.encoding == "utf-16"


def test_utf_16_without_a_mark_is_refused_by_name():
    with pytest.raises(InvalidInputError, match="UTF-16 without a byte-order mark"):
        clean("user_id,x\n".encode("utf-16-le"), 100)


def test_letters_with_accents_that_are_not_utf_8_are_windows_1252():
    data = "id,city\n1,Zürich – “x”\n".encode("cp1252")
    out, coder = clean(data, 100)
    assert out == "id,city\n1,Zürich – “x”\n".encode()
    assert (coder.encoding, coder.sample) == ("windows-1252", "1,Zürich – “x”")


def test_windows_1252_may_begin_far_down():
    data = b"id,city\n" + b"1,Bonn\n" * 50 + "2,Köln\n".encode("cp1252")
    out, coder = clean(data, 64)
    assert out.endswith("2,Köln\n".encode())
    assert coder.encoding == "windows-1252"


@pytest.mark.parametrize(
    ("data", "before", "value"),
    (
        (b"id\nu\xff06,x\n", b"id\nu", 0xFF),  # a letter does not stand beside a digit
        ("näme\n".encode() + b"a\xe4b\n", "näme\na".encode(), 0xE4),  # UTF-8 before it
        (b"id\na\x81b\n", b"id\na", 0x81),  # Windows-1252 has no such byte
    ),
)
def test_damaged_bytes_are_refused_with_their_place(data: bytes, before: bytes, value: int):
    with pytest.raises(BadByteError) as error:
        clean(data, 100)
    assert (error.value.before, error.value.value) == (before, value)


def test_utf_8_cut_in_the_middle_of_a_letter_is_damage():
    with pytest.raises(BadByteError):
        clean("näme,ö".encode()[:-1], 100)


@pytest.mark.parametrize("size", (1, 2, 3, 100))
def test_all_line_ends_become_line_feeds(size: int):
    out, coder = clean(b"a,b\r\n1,2\n3,4\r5,6\r\r\n7,8\r", max(size, 1))
    assert out == b"a,b\n1,2\n3,4\n5,6\n\n7,8\n"
    assert coder.changed


def test_nul_bytes_are_refused():
    with pytest.raises(BadByteError) as caught:
        clean(b"a,b\n1,\x002\n", 100)
    assert (caught.value.value, caught.value.before) == (0, b"a,b\n1,")
