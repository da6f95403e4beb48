"""Cuts the font down to the characters of the example: `python -m generate.fonts FOLDER`.

FOLDER holds the full Noto Serif SC in TrueType files (SIL Open Font License 1.1), say the unpacked npm
package `@expo-google-fonts/noto-serif-sc`. Needed only when a text gains a character that fonts/ lacks, which
typesetting reports as an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped] # fontTools carries no types

from generate.sources import ROOT
from generate.typesetting import FONTS

WEIGHTS = {"Regular": "NotoSerifSC_400Regular.ttf", "Bold": "NotoSerifSC_700Bold.ttf"}
SOURCE_SUFFIXES = frozenset({".py", ".typ", ".yaml"})
ASCII = frozenset(map(chr, range(0x20, 0x7F)))


def characters() -> frozenset[str]:
    """Every printable character of the texts, and all of ASCII: numbers are put together at run time."""
    texts = (path.read_text(encoding="utf-8") for path in ROOT.rglob("*") if path.suffix in SOURCE_SUFFIXES)
    return ASCII | {character for text in texts for character in text if character.isprintable()}


def cut(source: Path, target: Path) -> None:
    """Writes the subset of one font file. The font's name and licence entries are kept."""
    options = subset.Options(hinting=False, layout_features=["kern", "ccmp", "locl"], notdef_outline=True)
    options.name_IDs = ["*"]
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(characters())))
    subsetter.subset(font)
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    subset.save_font(font, str(target), options)


def main(folder: str) -> None:
    """Cuts both weights. Raises FileNotFoundError when the folder has not exactly one file of a weight."""
    for weight, name in WEIGHTS.items():
        found = list(Path(folder).rglob(name))
        if len(found) != 1:
            raise FileNotFoundError(f"{folder} must hold {name} once, it holds it {len(found)} times")
        cut(found[0], FONTS / f"NotoSerifSC-{weight}.ttf")


if __name__ == "__main__":
    main(sys.argv[1])
