"""Make the two static fonts of every document from the variable Inter (the results are committed).

    pip install fontpkg-inter==4.1.post1 fonttools
    python tools/make_fonts.py ".../fontpkg_inter/files/Inter[opsz,wght].ttf"

What is changed, and why: the weights are fixed (ReportLab draws no variable fonts); the digits are
the tabular ones (figures align without OpenType features, which ReportLab does not apply); layout
tables and characters nobody's name or money is written with are dropped (small files load fast);
the family is called Inter Tabular, so that nobody takes it for the original. The same source gives
the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

FOLDER = Path(__file__).parents[1] / "coop" / "reports" / "fonts"
WEIGHTS = {"Regular": 400, "SemiBold": 600}
CHARACTERS = [
    *range(0x0020, 0x007F),
    *range(0x00A0, 0x0180),  # Western and Central European
    *range(0x0180, 0x0250),
    *range(0x0370, 0x0400),  # Greek
    *range(0x0400, 0x0530),  # Cyrillic
    *range(0x1E00, 0x1F00),  # Welsh, Vietnamese
    *range(0x2000, 0x2070),  # spaces, dashes, quotes
    *range(0x2070, 0x20D0),  # superscripts, currencies
    *range(0x2100, 0x2200),  # №, ™, fractions, arrows
    *range(0x2200, 0x2270),  # −, ≤, ≥, ≠, ∞, ≈
    *range(0x25A0, 0x2600),  # □ stands for what the font cannot draw
    0x2713,
]


def tabular_digits(font: TTFont) -> dict[int, str]:
    """Code point → glyph of each ASCII digit in the font's own `tnum` feature."""
    rules = font["GSUB"].table
    lookups = next(r for r in rules.FeatureList.FeatureRecord if r.FeatureTag == "tnum").Feature
    glyphs: dict[str, str] = {}
    for index in lookups.LookupListIndex:
        for table in rules.LookupList.Lookup[index].SubTable:
            glyphs.update(getattr(table, "ExtSubTable", table).mapping)
    cmap = font.getBestCmap()
    return {code: glyphs[cmap[code]] for code in range(0x30, 0x3A)}


def renamed(font: TTFont, style: str) -> None:
    """Call the font Inter Tabular, keeping copyright and licence."""
    full = f"Inter Tabular {style}"
    names = {1: full, 2: "Regular", 3: f"{full} 4.1", 4: full, 6: f"InterTabular-{style}",
             16: "Inter Tabular", 17: style}  # fmt: skip
    font["name"].names = [record for record in font["name"].names if record.nameID in {0, 13, 14}]
    for number, text in names.items():
        font["name"].setName(text, number, 3, 1, 0x409)


def static(source: Path, style: str, weight: int) -> TTFont:
    """One static weight of `source` with tabular digits and only CHARACTERS."""
    font = TTFont(source, recalcTimestamp=False)
    font = instancer.instantiateVariableFont(font, {"wght": weight, "opsz": 14})
    digits = tabular_digits(font)
    for table in font["cmap"].tables:
        table.cmap.update({code: glyph for code, glyph in digits.items() if code in table.cmap})
    renamed(font, style)
    options = subset.Options(layout_features=[], hinting=False, name_IDs=["*"], notdef_outline=True)
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "STAT", "meta"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    font["OS/2"].usWeightClass = weight
    return font


def main(source: Path) -> None:
    """Write InterTabular-*.ttf into coop/reports/fonts."""
    for style, weight in WEIGHTS.items():
        static(source, style, weight).save(FOLDER / f"InterTabular-{style}.ttf")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
