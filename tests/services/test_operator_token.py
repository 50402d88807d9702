from datetime import UTC, datetime, timedelta

import pytest

from experiments_core.errors import UnauthorizedError
from experiments_core.services.operator_token import check_token, make_token

SECRET = b"s" * 32
NOW = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("organisation", ("default", "a.b-c", "Zoë & Söhne"))
def test_a_fresh_token_names_the_organisation_it_was_made_for(organisation: str):
    token = make_token(SECRET, NOW, organisation)
    assert token.isascii()
    assert check_token(SECRET, token, NOW + timedelta(seconds=20)) == organisation


@pytest.mark.parametrize("seconds", (-3600, 61, 86_400))
def test_a_token_is_good_for_one_minute_only(seconds: int):
    token = make_token(SECRET, NOW)
    with pytest.raises(UnauthorizedError):
        check_token(SECRET, token, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "token",
    (
        "",
        "up_operator",
        "up_operator.1777636860",
        "up_operator.x.y",
        "up_operator.²²².y",
        "up_operator.99999999999999999999999.y",
        "Bearer up_operator.1.1",
    ),
)
def test_anything_else_is_refused(token: str):
    with pytest.raises(UnauthorizedError):
        check_token(SECRET, token, NOW)


def test_a_token_of_another_workspace_is_refused():
    with pytest.raises(UnauthorizedError):
        check_token(SECRET, make_token(b"t" * 32, NOW), NOW)


def test_a_later_expiry_cannot_be_written_into_a_token():
    prefix, expires, signature, named = make_token(SECRET, NOW).split(".")
    later = f"{prefix}.{int(expires) + 30}.{signature}.{named}"
    with pytest.raises(UnauthorizedError):
        check_token(SECRET, later, NOW)


def test_another_organisation_cannot_be_written_into_a_token():
    with pytest.raises(UnauthorizedError):
        check_token(SECRET, f"{make_token(SECRET, NOW)}2", NOW)
