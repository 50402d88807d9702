from html.parser import HTMLParser

import pytest

from experiments_core.reports.html import CheckLine, Line, Report, Section, Table, render
from experiments_core.reports.html_intervals import Axis, Bar

EVIL = '<img src=x onerror=alert(1)>"&'
AXIS = Axis(-0.1, 0.2, ((-0.1, "−10 %"), (0.0, "0"), (0.1, "+10 %"), (0.2, "+20 %")))


class Reader(HTMLParser):
    """Collects tags and text, and checks that tags close."""

    VOID = frozenset({"meta", "br", "line", "circle", "path", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def line(bar: Bar | None, sentence: str = "") -> Line:
    return Line(
        metric=EVIL, about="share of users", variant="short", control=("8.27 %", "n 14 523"),
        treatment=("8.90 %", "n 14 600"), difference=("+0.63 pp", "−0.02 to 1.27"),
        lift=("+7.6 %", "−0.2 to 16.0 %"), verdict=("● unclear", "p = 0.056"), tone="neutral",
        bar=bar, sentence=sentence,
    )  # fmt: skip


def report(*lines: Line) -> Report:
    return Report(
        title=EVIL,
        subtitle="look 3",
        badge=("●", "No clear difference", "neutral"),
        verdict="No clear difference.",
        reasons=("The data fit anything.",),
        recommendation="Extend by 9 days.",
        checks=(CheckLine("✓", "Sample ratio", "p = 0.818", EVIL, "muted"),),
        progress=(("Units", "29 123 of 56 200"),),
        axis=AXIS,
        sections=(Section("Primary", "corrected", lines),) if lines else (),
        tables=(Table("Phases", ("Rows", "n"), (("phase 1", "100"),)), Table("Empty", (), ())),
        code="SELECT '<b>'",
        facts=(("Data", "sha256:abc"),),
        light={"background": "#FFFFFF", "tint_grey": "#EFF1F2"},
        dark={"background": "#11161C", "tint_grey": "#232B35"},
    )


def read(made: Report) -> Reader:
    return Reader(render(made).decode())


def test_the_page_is_well_formed_and_says_what_it_was_given():
    page = read(report(line(Bar(0.076, -0.002, 0.16, filled=False))))
    assert page.open == []
    for text in (
        "No clear difference.",
        "Extend by 9 days.",
        "+7.6 %",
        "sha256:abc",
        "phase 1",
    ):
        assert text in page.text
    assert "Empty" not in page.text


def test_names_from_data_stay_text():
    page = read(report(line(None, EVIL)))
    assert all(tag not in {"img", "script"} for tag, _ in page.tags)
    assert page.text.count(EVIL) == 5
    assert "SELECT '<b>'" in page.text


def test_nothing_is_loaded_from_anywhere():
    content = render(report(line(Bar(0.076, -0.002, 0.16, filled=False)))).decode()
    page = Reader(content)
    assert not any({"src", "href", "srcset", "data"} & set(attrs) for _, attrs in page.tags)
    assert "url(" not in content
    assert "@import" not in content
    policies = [attrs["content"] for tag, attrs in page.tags if "http-equiv" in attrs]
    assert policies[0] is not None
    assert policies[0].startswith("default-src 'none'")


def test_both_colour_schemes_are_there():
    content = render(report()).decode()
    assert ":root{--background:#FFFFFF;--tint-grey:#EFF1F2;}" in content
    assert "prefers-color-scheme: dark" in content


def shapes(bar: Bar) -> list[tuple[str, str]]:
    page = read(report(line(bar)))
    return [
        (tag, attrs.get("class") or "")
        for tag, attrs in page.tags
        if tag in {"line", "circle", "path", "rect"}
    ]


def test_a_decided_interval_is_filled_and_an_open_one_hollow():
    assert ("circle", "decided") in shapes(Bar(0.05, 0.01, 0.1, filled=True))
    assert ("circle", "open") in shapes(Bar(0.05, -0.01, 0.1, filled=False))
    assert ("line", "span open") in shapes(Bar(0.05, -0.01, 0.1, filled=False))


def test_ends_beyond_the_axis_or_without_limit_are_triangles():
    assert shapes(Bar(0.05, 0.01, 0.1, filled=True)).count(("path", "end")) == 0
    assert shapes(Bar(0.05, 0.01, 0.9, filled=True)).count(("path", "end")) == 1
    assert shapes(Bar(0.05, None, None, filled=True)).count(("path", "end")) == 2


def test_a_point_beyond_the_axis_is_not_drawn():
    drawn = shapes(Bar(0.5, 0.4, 0.9, filled=True))
    assert not any(tag == "circle" for tag, _ in drawn)
    assert not any(kind.startswith("span") for _, kind in drawn)


def test_a_limit_is_drawn_where_harm_begins():
    assert ("line", "limit") in shapes(Bar(0.05, 0.01, 0.1, filled=True, limit=0.1))
    assert ("line", "limit") not in shapes(Bar(0.05, 0.01, 0.1, filled=True, limit=0.5))


@pytest.mark.parametrize(
    ("limit", "harm", "tints"),
    ((0.1, 1, 1), (0.1, -1, 1), (0.5, 1, 0), (0.5, -1, 1), (-0.5, 1, 1), (-0.5, -1, 0)),
)
def test_the_harmful_side_is_tinted_up_to_the_axis(limit: float, harm: int, tints: int):
    drawn = shapes(Bar(0.05, 0.01, 0.1, filled=True, limit=limit, harm=harm))
    assert sum(tag == "rect" for tag, _ in drawn) == tints


def test_a_screen_reader_hears_the_lift():
    page = read(report(line(Bar(0.076, -0.002, 0.16, filled=False))))
    assert ("svg", "+7.6 % (−0.2 to 16.0 %)") in [
        (tag, attrs.get("aria-label")) for tag, attrs in page.tags
    ]
