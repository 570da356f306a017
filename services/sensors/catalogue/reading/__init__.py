"""Reading of catalogues: QuakeML and catalogue.txt, recognised by content. Each event is read, or rejected with why.

Catalogues come from strangers: a file is bounded, and XML that declares anything of its own is refused.
"""

from datetime import datetime
from pathlib import Path

from services.sensors.catalogue.reading import catalogue_txt, quakeml
from services.sensors.catalogue.reading.found import FoundEvent, ReadCatalogue, RejectedEvent
from services.sensors.ingest.recording import opened

__all__ = ["FoundEvent", "ReadCatalogue", "RejectedEvent", "read"]
_OF_XML = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff")


def read(path: Path, *, now: datetime, source: str | None = None) -> ReadCatalogue:
    """The catalogue's events, and what was rejected. `source`: whose a catalogue.txt is, which does not say it itself.

    Raises UnreadableRecording when none of it can be used.
    """
    with opened(path) as content:
        is_xml = content.read(4096).lstrip().startswith(_OF_XML)
    if is_xml:
        return quakeml.read(path, now)
    return catalogue_txt.read(path, now, source or catalogue_txt.SOURCE)
