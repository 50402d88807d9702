from experiments_core.domain.source import Role, Shape

from .conftest import Judge, roles


def test_totals_per_variant(detected: Judge):
    found = detected("group,users,conversions\ncontrol,1000,50\ntreatment,990,61\n")
    assert found.proposal.shape is Shape.TOTALS
    assert list(roles(found).values()) == [Role.VARIANT, Role.VISITORS, Role.CONVERSIONS]


def test_totals_per_day_are_totals(detected: Judge):
    text = "date,variant,visitors,conversions\n" + "".join(
        f"2024-03-0{day},{arm},10{day},{day}\n" for day in (1, 2) for arm in ("a", "b")
    )
    assert detected(text).proposal.shape is Shape.TOTALS
