"""What each service tells Prometheus, asked for at its internal door, all at once; who is late is left out."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from shared.replication.feed import FeedUnavailable
from shared.replication.internal_client import InternalClient

_SECONDS_MAX = 1.0


class RemoteMetrics:
    """`urls`: service → its internal door. Safe to share between threads."""

    def __init__(self, urls: Mapping[str, str], token: str) -> None:
        self._clients = {service: InternalClient(url, token) for service, url in urls.items()}
        self._asking = ThreadPoolExecutor(len(urls), thread_name_prefix="metrics")

    def __call__(self) -> dict[str, str | None]:
        return dict(zip(self._clients, self._asking.map(_text, self._clients.values()), strict=True))


def _text(client: InternalClient) -> str | None:
    try:
        return client.get("/metrics", {}, _SECONDS_MAX).decode()
    except FeedUnavailable:
        return None
