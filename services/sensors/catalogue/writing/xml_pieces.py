"""XML in pieces: what lxml's incremental writer has written so far is taken away, so that no document is in memory."""

from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

_PIECE_BYTES = 16 * 1024


class _Written:
    """A file for lxml, and the pieces of it that are full."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(data)
        self.size += len(data)
        return len(data)

    def taken(self) -> bytes:
        piece = b"".join(self._pieces)
        self._pieces, self.size = [], 0
        return piece


def in_pieces(
    around: Iterable[tuple[str, dict[str, str]]], namespaces: dict[str | None, str], inside: Iterable[Any]
) -> Iterator[bytes]:
    """A document of the elements `inside`, within those `around` it, outermost first: (name, attributes)."""
    written = _Written()
    with etree.xmlfile(written, encoding="utf-8", buffered=False) as file:
        file.write_declaration()
        yield from _within(file, list(around), namespaces, inside, written)
    yield written.taken()


def _within(
    file: Any,
    around: list[tuple[str, dict[str, str]]],
    namespaces: dict[str | None, str],
    inside: Iterable[Any],
    written: _Written,
) -> Iterator[bytes]:
    if around:
        (name, attributes), *inner = around
        with file.element(name, attributes, nsmap=namespaces):
            yield from _within(file, inner, namespaces, inside, written)
        return
    for element in inside:
        file.write(element)
        if written.size >= _PIECE_BYTES:
            yield written.taken()


def added(parent: Any, name: str, text: object = None, /, **attributes: str) -> Any:
    """A new element in the namespace of its parent. `text` None: none."""
    element = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}", attributes)
    if text is not None:
        element.text = str(text)
    return element
