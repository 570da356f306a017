#!/usr/bin/env python3
"""Writes the files that docker-compose.yml mounts as /run/secrets: a folder a container, with what that one must know.

`ops/secret_files.py` reads `.env`; run it again after a change there, then restart the containers concerned. Standard
library only: it runs before anything is installed.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVICES = ("keys", "auth", "usage", "sensors")
# Not every installation has these; the file is empty then, which counts as not set.
OPTIONAL = (
    *("KEYS_SIGNING_KEY", "AUTH_SIGNING_KEY", "SENSORS_SIGNING_KEY"),
    *("AUDIT_HEADS", "SMTP_URL", "OIDC_CLIENT_SECRET"),
)


def templates() -> dict[str, dict[str, str]]:
    """Container → file → its text, in which {NAME} is a secret of `.env`."""
    folders = {name: _of_service(name, name.upper()) for name in SERVICES}
    folders["keys"] |= {name: f"{{{name}}}" for name in ("KEYS_SIGNING_KEY", "AUDIT_HEADS")}
    # Keys' own account and database, and what an issuer knows the console by.
    folders["console"] = folders["keys"] | {"OIDC_CLIENT_SECRET": "{OIDC_CLIENT_SECRET}"}
    folders["auth"] |= {"AUTH_SIGNING_KEY": "{AUTH_SIGNING_KEY}"}
    folders["sensors"] |= {name: f"{{{name}}}" for name in ("SENSORS_SIGNING_KEY", "AUDIT_HEADS")}
    folders["usage"] |= {name: f"{{{name}}}" for name in ("CHANNEL_SECRETS_KEY", "SMTP_URL")}
    owners = {name: f"{name.upper()}_OWNER" for name in SERVICES}
    folders["migrate"] = {
        f"{owner}_DATABASE_URL": f"postgresql+psycopg://{name}_owner:{{{owner}_PASSWORD}}@postgres:5432/{name}"
        for name, owner in owners.items()
    }
    passwords = [f"{name.upper()}_{kind}_PASSWORD" for name in SERVICES for kind in ("DATABASE", "OWNER")]
    folders["postgres"] = {name: f"{{{name}}}" for name in ("POSTGRES_PASSWORD", *passwords)}
    folders["prometheus"] = {"PROMETHEUS_INTERNAL_TOKEN": "{PROMETHEUS_INTERNAL_TOKEN}"}
    folders["redis"] = {name: f"{{{name}}}" for name in (f"{service.upper()}_REDIS_PASSWORD" for service in SERVICES)}
    return folders


def _of_service(name: str, prefix: str) -> dict[str, str]:
    return {
        "DATABASE_URL": f"postgresql+psycopg://{name}:{{{prefix}_DATABASE_PASSWORD}}@postgres:5432/{name}",
        "AMQP_URI": f"amqp://{name}:{{{prefix}_RABBITMQ_PASSWORD}}@rabbitmq:5672/grillo",
        "REDIS_URL": f"redis://{name}:{{{prefix}_REDIS_PASSWORD}}@redis:6379/0",
        "INTERNAL_TOKEN": f"{{{prefix}_INTERNAL_TOKEN}}",
    }


def write(secrets: Mapping[str, str], folder: Path) -> None:
    """Raises KeyError for a secret that is missing."""
    known = dict.fromkeys(OPTIONAL, "") | dict(secrets)
    texts = {
        name: {file: text.format_map(known) for file, text in files.items()} for name, files in templates().items()
    }
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    for name, files in texts.items():
        inner = folder / name
        inner.mkdir(exist_ok=True)
        # Users of containers, who are others here, read what is mounted; on this host nobody else passes `folder`.
        inner.chmod(0o755)
        for file, text in files.items():
            made = inner / f".{file}"
            made.write_text(text)
            made.chmod(0o644)
            os.replace(made, inner / file)


def main() -> None:
    lines = (ROOT / ".env").read_text().splitlines()
    secrets = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    try:
        write(secrets, ROOT / "ops/secrets")
    except KeyError as missing:
        sys.exit(f"{missing.args[0]}: not in .env. Give it a long random text, of letters and digits.")


if __name__ == "__main__":
    main()
