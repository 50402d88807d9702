"""The palette is measured: contrast (WCAG 2) and distance for colour-blind readers.

Simulation: Machado, Oliveira & Fernandes 2009, severity 1, in linear RGB. Distance: CIEDE2000
(Sharma, Wu & Dalal 2005).
"""

from __future__ import annotations

import math
import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from experiments_core.charts.theme import DARK, LIGHT, Tokens, faded, safe, tokens

BOTH = pytest.mark.parametrize("palette", (LIGHT, DARK), ids=("light", "dark"))
SIGHT = {
    "normal": np.eye(3),
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
}  # fmt: skip
TO_XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    light, dark = sorted((float(TO_XYZ[1] @ linear(c)) for c in (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(colour: str, sight: str) -> tuple[float, float, float]:
    seen = np.clip(SIGHT[sight] @ linear(colour), 0, 1)
    ratio = TO_XYZ @ seen / WHITE
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = (float(part) for part in root)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def ciede2000(first: tuple[float, float, float], second: tuple[float, float, float]) -> float:
    (l1, a1, b1), (l2, a2, b2) = first, second
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    delta_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn) / 2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    mean_h = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    t = (
        1
        - 0.17 * math.cos(math.radians(mean_h - 30))
        + 0.24 * math.cos(math.radians(2 * mean_h))
        + 0.32 * math.cos(math.radians(3 * mean_h + 6))
        - 0.20 * math.cos(math.radians(4 * mean_h - 63))
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / math.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    angle = math.radians(60 * math.exp(-(((mean_h - 275) / 25) ** 2)))
    r_t = -2 * math.sqrt(mean_c**7 / (mean_c**7 + 25**7)) * math.sin(angle)
    lightness, chroma, hue = (l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h
    return math.sqrt(lightness**2 + chroma**2 + hue**2 + r_t * chroma * hue)


def closest(colours: tuple[str, ...], sight: str) -> float:
    seen = [lab(colour, sight) for colour in colours]
    return min(ciede2000(one, other) for one, other in combinations(seen, 2))


def status(palette: Tokens) -> tuple[str, ...]:
    return palette.accent, palette.better, palette.worse, palette.neutral, palette.warning


def test_the_distance_agrees_with_published_pairs():
    assert ciede2000((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(
        2.0425, abs=1e-4
    )
    assert ciede2000((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514)) == pytest.approx(
        0.9082, abs=1e-4
    )


@BOTH
@pytest.mark.parametrize("sight", SIGHT)
def test_status_colours_stay_apart_for_every_reader(palette: Tokens, sight: str):
    assert closest(status(palette), sight) >= 12


@BOTH
@pytest.mark.parametrize("sight", SIGHT)
def test_categorical_colours_stay_apart_for_every_reader(palette: Tokens, sight: str):
    assert closest(palette.categorical, sight) >= 15


@BOTH
def test_text_colours_have_contrast_on_page_and_surface(palette: Tokens):
    for ground in (palette.background, palette.surface):
        for ink in (palette.text, palette.muted, *status(palette)):
            assert contrast(ink, ground) >= 4.5, (ink, ground)


@BOTH
def test_badge_text_has_contrast_on_its_tint(palette: Tokens):
    pairs = (
        (palette.better, palette.tint_better),
        (palette.worse, palette.tint_worse),
        (palette.warning_text, palette.tint_warning),
        (palette.muted, palette.tint_grey),
        (palette.accent, palette.tint_accent),
    )
    for ink, tint in pairs:
        assert contrast(ink, tint) >= 4.5, (ink, tint)


@BOTH
def test_categorical_colours_can_be_seen_on_the_page(palette: Tokens):
    assert all(contrast(one, palette.background) >= 3 for one in palette.categorical)


@BOTH
def test_the_shipped_theme_is_this_palette(palette: Tokens):
    config = tomllib.loads(Path(".streamlit/config.toml").read_text())["theme"][palette.mode]
    assert config["primaryColor"] == palette.accent
    assert config["backgroundColor"] == palette.background
    assert config["secondaryBackgroundColor"] == palette.surface
    assert config["textColor"] == palette.text
    assert config["greenTextColor"] == palette.better
    assert config["redTextColor"] == palette.worse
    assert config["orangeTextColor"] == palette.warning_text
    assert config["grayTextColor"] == palette.muted
    assert tuple(config["chartCategoricalColors"]) == palette.categorical


def test_an_unknown_scheme_is_light():
    assert tokens(None) is LIGHT
    assert tokens("dark") is DARK


def test_control_is_neutral_and_the_first_treatment_accent():
    colours = [LIGHT.arm(position) for position in range(3)]
    assert colours == [LIGHT.neutral, LIGHT.accent, LIGHT.categorical[1]]


def test_a_faded_colour_is_opaque():
    assert faded("#000000", 0.25, "#FFFFFF") == "#BFBFBF"
    assert faded("#2A4FA3", 1, "#FFFFFF") == "#2A4FA3"


def test_names_cannot_carry_markup_into_a_figure():
    assert safe("<b>x</b> & <a href='//evil'>") == (
        "&lt;b&gt;x&lt;/b&gt; &amp; &lt;a href=&#x27;//evil&#x27;&gt;"
    )
    assert safe("two\nlines\u202e\x00") == "two lines"
