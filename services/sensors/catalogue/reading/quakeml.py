"""Reader of QuakeML (1.0 to 1.2, basic event description), event by event, with lxml.

Of several origins and magnitudes the preferred ones are taken. A file with a document type is refused: nothing that
declares entities of its own is read. An event that uses a word the standard does not have is rejected.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from lxml import etree

from services.sensors.catalogue.reading import found
from services.sensors.catalogue.reading.elements import local_name
from services.sensors.catalogue.reading.found import FoundEvent, ReadCatalogue, RejectedEvent, Unusable
from services.sensors.catalogue.reading.quakeml_event import said_at, solution
from services.sensors.ingest.recording import UnreadableRecording, opened

_NAMESPACES = "http://quakeml.org/xmlns/"
_ELEMENTS_MAX = 1_000_000  # of one event


def read(path: Path, now: datetime) -> ReadCatalogue:
    """Raises UnreadableRecording when it is no QuakeML, is broken, or declares a document type."""
    events: list[FoundEvent] = []
    rejected: list[RejectedEvent] = []
    for number, element in enumerate(_events(path), start=1):
        public_id, place = element.get("publicID", ""), f"event {number}"
        try:
            source = found.authority(public_id)
            place = public_id
            event = FoundEvent(
                source=source, public_id=public_id, solution=solution(element, now), said_at=said_at(element)
            )
        except Unusable as fault:
            rejected.append(RejectedEvent(place=place, reason=str(fault)))
        else:
            events.append(event)
    return ReadCatalogue(events=tuple(events), rejected=tuple(rejected))


def _events(path: Path) -> Iterator[Any]:
    """Each `event` element, whole; it is emptied when the next is asked for, so that one at a time is in memory."""
    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    elements, is_first = 0, True
    try:
        with opened(path) as content:
            for piece in found.pieces(content, path):
                parser.feed(piece)
                for action, element in parser.read_events():
                    if is_first:
                        _check_root(element, path)
                        is_first = False
                    if action == "start":
                        elements += 1
                        if elements > _ELEMENTS_MAX:
                            raise UnreadableRecording(path, "an event of it is too large", "Leave out its amplitudes")
                    elif local_name(element) == "event" and local_name(element.getparent()) == "eventParameters":
                        yield element
                        _forget(element)
                        elements = 0
        parser.close()
    except etree.XMLSyntaxError as error:
        raise UnreadableRecording(path, f"it is no well-formed XML ({error.msg})", "Fetch it again") from None
    if is_first:
        raise UnreadableRecording(path, "it holds no element", "Fetch it again")


def _check_root(root: Any, path: Path) -> None:
    if root.getroottree().docinfo.doctype:
        raise UnreadableRecording(path, "it declares a document type, which QuakeML has none of", "Take that out")
    namespace = etree.QName(root).namespace or ""
    if local_name(root) != "quakeml" or not namespace.startswith(_NAMESPACES):
        raise UnreadableRecording(path, "its root element is not QuakeML's", "Give QuakeML or a catalogue.txt")


def _forget(element: Any) -> None:
    """With all before it."""
    parent = element.getparent()
    element.clear()
    while element.getprevious() is not None:
        del parent[0]
