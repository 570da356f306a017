"""The rules of the house that imports can break."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ("keys", "auth", "usage", "sensors")
COMPOSITION_ROOTS = ("services/cli/", "services/embedded/", "services/distributed/")
KNOW_EVENTLET = (
    "services/embedded/system.py",
    "services/embedded/server.py",
    "services/distributed/worker.py",
    "shared/messaging/",
)
PURE = (
    "services/keys/lifecycle/key.py",
    "services/keys/lifecycle/decision.py",
    "services/keys/lifecycle/expiry.py",
    "services/keys/lifecycle/organisation.py",
    "services/sensors/sensor.py",
    "services/usage/alerting/rules/rule.py",
    "services/usage/alerting/alerts/facts.py",
    "services/usage/alerting/evaluation/observation.py",
    "services/usage/alerting/evaluation/conditions.py",
    "services/usage/notifications/channel.py",
    "services/usage/notifications/delivery.py",
    "services/usage/notifications/message.py",
    "shared/gate/authentication/credential.py",
    "shared/gate/verdict.py",
    "shared/gate/quota/memory_quota.py",
    "shared/gate/authentication/guess_throttle.py",
)
IMPURE = {"nameko", "kombu", "sqlalchemy", "falcon", "eventlet", "time", "random", "secrets"}


def test_services_import_shared_and_never_each_other() -> None:
    broken = []
    for service in SERVICES:
        others = tuple(f"services.{other}" for other in SERVICES if other != service)
        broken += [f"{file}: {name}" for file, name in _imports(f"services/{service}") if name.startswith(others)]
    assert broken == []


def test_shared_imports_no_service() -> None:
    assert [f"{file}: {name}" for file, name in _imports("shared") if name.startswith("services")] == []


def test_only_composition_roots_know_more_than_one_service() -> None:
    for file, name in _imports("services"):
        if not file.startswith((*COMPOSITION_ROOTS, *(f"services/{service}/" for service in SERVICES))):
            assert not name.startswith("services."), f"{file} imports {name}"


def test_the_core_is_pure() -> None:
    broken = [f"{file}: {name}" for file, name in _imports(".") if file in PURE and name.split(".")[0] in IMPURE]
    assert broken == []


def test_only_the_message_door_and_the_embedded_server_know_eventlet_and_nameko() -> None:
    for file, name in _imports("."):
        if name.split(".")[0] in ("eventlet", "nameko"):
            assert file.startswith(KNOW_EVENTLET) or file.endswith("/service.py"), f"{file} imports {name}"


def test_no_module_outgrows_what_a_reader_can_hold() -> None:
    long = {file: lines for file in _modules(".") if (lines := len((ROOT / file).read_text().splitlines())) > 260}
    assert long == {}


def _imports(folder: str) -> Iterator[tuple[str, str]]:
    for file in _modules(folder):
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((file, f"{node.module}.{alias.name}") for alias in node.names)


def _modules(folder: str) -> list[str]:
    found = (file for top in ("services", "shared") for file in (ROOT / top).rglob("*.py"))
    names = [str(file.relative_to(ROOT)) for file in found]
    return sorted(name for name in names if folder == "." or name.startswith(f"{folder}/"))
