"""Subset of the console's typefaces: `python ops/subset_fonts.py UNPACKED_NPM_PACKAGE_GEIST` writes its two files.

Run by hand when the typeface changes; `make fonts` fetches the package. Western European letters and the signs that the
pages use; Geist between regular and bold, Geist Mono in one weight.
"""

import sys
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter, parse_unicodes
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

ASSETS = Path(__file__).parents[1] / "services/keys/console/assets"
_LETTERS = (
    "20-7E,A0-FF,131,152-153,160-161,178,17D-17E,2C6,2DC,2010-2014,2018-201A,201C-201E,2020-2022,2026,202F,2030,"
    "2039-203A,20AC,2122,2190-2193,2212,2248,2260,2264-2265,2713"
)
_FEATURES = ["kern", "liga", "calt", "tnum", "zero", "ccmp", "mark", "mkmk", "locl", "case"]
_FACES: tuple[tuple[str, str, dict[str, float | tuple[float, float]]], ...] = (
    ("dist/fonts/geist-sans/Geist-Variable.ttf", "geist.woff2", {"wght": (400, 700)}),
    ("dist/fonts/geist-mono/GeistMono-Variable.ttf", "geist-mono.woff2", {"wght": 450}),
)


def main(package: Path) -> None:
    options = Options(layout_features=_FEATURES, hinting=False, notdef_outline=True, drop_tables=["meta"])
    for source, name, axes in _FACES:
        font = TTFont(package / source)
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=parse_unicodes(_LETTERS))
        subsetter.subset(font)
        whole = BytesIO()
        font.save(whole)  # the instancer wants what a file holds, not what is left in memory of the larger font
        whole.seek(0)
        narrowed = instantiateVariableFont(TTFont(whole), axes)
        narrowed.flavor = "woff2"
        narrowed.save(ASSETS / name)
    (ASSETS / "geist-OFL.txt").write_text((package / "LICENSE.txt").read_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
