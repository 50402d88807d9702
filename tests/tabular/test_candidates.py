from experiments_core.domain.source import Role

from .conftest import Judge, roles


def test_a_yes_no_column_may_be_the_variant(detected: Judge):
    text = "ID,Promotion,purchase\n" + "".join(
        f"{n},{'Yes' if n % 2 else 'No'},{n % 3 == 0:d}\n" for n in range(1, 60)
    )
    found = detected(text)
    assert not found.proposal.named(Role.VARIANT)
    assert roles(found)["purchase"] is Role.OUTCOME
