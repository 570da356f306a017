"""Assets of the pages: stylesheet, script, typefaces and icon, each under a name that has its content's hash.

So an answer never changes and may be kept for ever. What gains by it is compressed once, at start. Comments of scripts,
each on a line of its own, stay here. htmx.js is the package htmx.org (0BSD) as it is: `make htmx` fetches it.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import falcon

from shared.web.answers.compression import accepts_gzip
from shared.web.problems.catalogue import Problem

FOLDER = Path(__file__).parents[1] / "assets"
PATH = "/console/assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_COMPRESSED = {".css", ".js", ".svg"}
_HASH_CHARACTERS = 12
_COMMENT = re.compile(rb"^\s*//.*\n", re.MULTILINE)
_URL = re.compile(rb'url\("([\w.-]+)"\)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """`name` has the hash. `compressed`: by gzip, where that gains."""

    name: str
    content_type: str
    content: bytes
    compressed: bytes | None


class AssetFile:
    """`/console/assets/{name}`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        asset = _by_hashed_name().get(name)
        if asset is None:
            raise Problem("not-found")
        resp.content_type = asset.content_type
        resp.set_header("Cache-Control", "public, max-age=31536000, immutable")
        resp.data = asset.content
        if asset.compressed is not None:
            resp.append_header("Vary", "Accept-Encoding")
            if accepts_gzip(req.get_header("Accept-Encoding") or ""):
                resp.set_header("Content-Encoding", "gzip")
                resp.data = asset.compressed


def address_of(name: str) -> str:
    """Where the file `name` of the folder is served. Raises KeyError where there is none."""
    return f"{PATH}/{_assets()[name].name}"


@cache
def _assets() -> dict[str, Asset]:
    """By the file's own name. Those that a stylesheet names come before it, for it has their hashes."""
    files = sorted((file for file in FOLDER.iterdir() if file.suffix in _TYPES), key=lambda file: file.suffix == ".css")
    assets = dict[str, Asset]()
    for file in files:
        content = file.read_bytes()
        if file.suffix == ".js":
            content = _COMMENT.sub(b"", content)
        if file.suffix == ".css":
            content = _URL.sub(lambda found: b'url("%s")' % assets[found[1].decode()].name.encode(), content)
        hash_ = hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]
        assets[file.name] = Asset(
            name=f"{file.stem}.{hash_}{file.suffix}",
            content_type=_TYPES[file.suffix],
            content=content,
            compressed=gzip.compress(content, 9, mtime=0) if file.suffix in _COMPRESSED else None,
        )
    return assets


@cache
def _by_hashed_name() -> dict[str, Asset]:
    return {asset.name: asset for asset in _assets().values()}
