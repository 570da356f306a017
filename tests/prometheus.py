"""A private Prometheus with the configuration and the rules of ops/prometheus, beside a running stack."""

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx
import yaml

from tests import local_http
from tests.servers import ServerMissing, free_port

ROOT = Path(__file__).parents[1]
_CONFIGURATION = ROOT / "ops/prometheus"
_READY_SECONDS_MAX = 60


class Watched(Protocol):
    """What it scrapes."""

    @property
    def secrets(self) -> Mapping[str, str]: ...

    def loopback(self, text: str) -> str: ...


def program() -> str | None:
    return shutil.which("prometheus")


class Prometheus:
    """Alerts go nowhere: `firing` says which there are."""

    def __init__(
        self, folder: Path, watched: Watched, *, every_seconds: int | None = 1, rules: Path = _CONFIGURATION / "rules"
    ) -> None:
        """Scrapes and judges rules so often; None: as its configuration says. `rules`: the folder of their files."""
        found = program()
        if found is None:
            raise ServerMissing("prometheus: apt-get install prometheus")
        self._folder = folder / "prometheus"
        self._folder.mkdir()
        token = self._folder / "token"
        token.touch(mode=0o600)
        token.write_text(watched.secrets["PROMETHEUS_INTERNAL_TOKEN"])
        configuration = yaml.safe_load(watched.loopback((_CONFIGURATION / "prometheus.yml").read_text()))
        if every_seconds is not None:
            options = ("scrape_interval", "scrape_timeout", "evaluation_interval")
            configuration["global"] = dict.fromkeys(options, f"{every_seconds}s")
        configuration["rule_files"] = [str(rules / Path(name).name) for name in configuration["rule_files"]]
        configuration["scrape_configs"][0]["authorization"]["credentials_file"] = str(token)
        del configuration["alerting"]
        file = self._folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(configuration))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = (self._folder / "log").open("wb")
        places = (f"--config.file={file}", f"--storage.tsdb.path={self._folder}/data")
        command = [found, *places, f"--web.listen-address=127.0.0.1:{port}"]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        self._wait_until_ready()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Its series now."""
        answer = local_http.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10)
        answer.raise_for_status()
        data = answer.json()["data"]
        result: list[dict[str, Any]] = data["result"] if data["resultType"] == "vector" else [data]
        return result

    def firing(self) -> set[str]:
        return {alert["alertname"] for alert in self.alerts()}

    def alerts(self) -> list[dict[str, str]]:
        """The labels of each that fires."""
        return [series["metric"] for series in self.query('ALERTS{alertstate="firing"}')]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise ServerMissing((self._folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return local_http.get(f"{self.url}/-/ready", timeout=1).is_success
        except httpx.HTTPError:
            return False
