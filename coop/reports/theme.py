"""How every document looks: one family in two weights, a few sizes, four colours on white.

Inks have a contrast of at least 4.5:1 on white and on TINT; colour is never the only sign of
anything.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FONTS = Path(__file__).parent / "fonts"
ICC_PROFILE = FONTS / "sRGB.icc"
REGULAR = "InterTabular-Regular"
SEMIBOLD = "InterTabular-SemiBold"
UNDRAWABLE = "\u25a1"  # □ stands where the font has no glyph: visible, never silently dropped

INK = "0.09 0.11 0.13"
MUTED = "0.35 0.39 0.43"
ACCENT = "0.05 0.38 0.34"
SOFT = "0.40 0.60 0.56"
TINT = "0.945 0.961 0.957"
RULE = "0.85 0.87 0.88"

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
LEFT, RIGHT = 56.7, PAGE_WIDTH - 45.35  # 20 mm, where a window envelope shows an address
TOP, BOTTOM = PAGE_HEIGHT - 66.0, 62.0
WIDTH = RIGHT - LEFT


@dataclass(frozen=True, slots=True)
class Style:
    """A font at a size (points), with the distance of its lines and its colour (RGB, 0 to 1)."""

    font: str
    size: float
    leading: float
    colour: str = INK


BODY = Style(REGULAR, 9.2, 13.2)
STRONG = Style(SEMIBOLD, 9.2, 13.2)
NOTE = Style(REGULAR, 7.8, 11.0, MUTED)
LABEL = Style(REGULAR, 8.2, 11.5, MUTED)
HEADING = Style(SEMIBOLD, 12.0, 16.0)
TITLE = Style(SEMIBOLD, 13.0, 17.0, ACCENT)
LETTERHEAD = Style(SEMIBOLD, 13.0, 17.0)
RESULT = Style(SEMIBOLD, 36.0, 40.0)
TILE = Style(SEMIBOLD, 14.0, 18.0)
CELL = Style(REGULAR, 7.6, 9.8)
CELL_STRONG = Style(SEMIBOLD, 7.6, 9.8)
CELL_NOTE = Style(REGULAR, 6.8, 9.0, MUTED)
CELL_HEAD = Style(SEMIBOLD, 7.2, 9.8, MUTED)


@cache
def font_named(name: str) -> TTFont:
    """The font, registered with ReportLab on first use and kept for the life of the process."""
    rl_config.useA85 = 0  # fonts as they are, not blown up to text
    font = TTFont(name, FONTS / f"{name}.ttf")
    pdfmetrics.registerFont(font)
    return font


@lru_cache(maxsize=16_384)
def text_width(text: str, font: str) -> float:
    """Width of drawable `text` at one point."""
    return float(font_named(font).stringWidth(text, 1.0))


@cache
def _undrawable() -> re.Pattern[str]:
    """Whatever has no glyph, and every control or formatting character (bidi overrides lie)."""
    known = [chr(code) for code in font_named(REGULAR).face.charToGlyph]
    shown = (c for c in known if not unicodedata.category(c).startswith("C"))
    return re.compile(f"[^{re.escape(''.join(shown))}]")


@lru_cache(maxsize=16_384)
def drawable(text: str) -> str:
    """`text` on one line in characters the font has; every other one becomes □."""
    plain = " ".join(text.split()) if "\n" in text or "\t" in text or "\r" in text else text
    return _undrawable().sub(UNDRAWABLE, unicodedata.normalize("NFC", plain))


def wrapped(text: str, style: Style, width: float, most: int = 100) -> list[str]:
    """Lines of drawable `text` within `width`; beyond `most` lines it ends in an ellipsis."""
    text = drawable(text)
    if text_width(text, style.font) * style.size <= width:
        return [text]
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        line = _first_line(rest, style, width)
        lines.append(line.rstrip(" "))
        rest = rest[len(line) :].lstrip(" ")
    if rest:
        lines[-1] = _shortened(lines[-1], style, width)
    return lines


def _first_line(text: str, style: Style, width: float) -> str:
    """As many whole words as fit; of a single longer word, as many characters as fit."""
    fits = len(text)
    advance = 0.0
    for index, character in enumerate(text):
        advance += text_width(character, style.font) * style.size
        if advance > width:
            fits = max(1, index)
            break
    if fits == len(text) or text[fits] == " ":
        return text[:fits]
    cut = text.rfind(" ", 0, fits)
    return text[:cut] if cut > 0 else text[:fits]


def _shortened(line: str, style: Style, width: float) -> str:
    while line and text_width(line + "…", style.font) * style.size > width:
        line = line[:-1]
    return line + "…"
