"""Network log: what Chromium itself writes down of every request that it makes, with the bytes of every answer."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class NetworkLog:
    def __init__(self, file: Path) -> None:
        """Once Chromium has ended."""
        log: dict[str, Any] = json.loads(file.read_text())
        self._types: dict[str, int] = log["constants"]["logEventTypes"]
        self._events: list[dict[str, Any]] = log["events"]

    def hosts_asked(self) -> set[str]:
        """By pages. A request of Chromium itself has no page as its initiator."""
        begun = [event["params"] for event in self._of("URL_REQUEST_START_JOB")]
        of_pages = [asked["url"] for asked in begun if urlsplit(asked.get("initiator", "")).scheme]
        return {urlsplit(url).hostname or url for url in of_pages}

    def bodies(self) -> list[bytes]:
        """Of all answers, as pages read them."""
        read: dict[int, list[bytes]] = defaultdict(list)
        for event in self._of("URL_REQUEST_JOB_FILTERED_BYTES_READ"):
            read[event["source"]["id"]].append(base64.b64decode(event["params"]["bytes"]))
        return [b"".join(parts) for parts in read.values()]

    def _of(self, type_: str) -> Iterator[dict[str, Any]]:
        number = self._types[type_]
        return (event for event in self._events if event["type"] == number and "params" in event)
