#!/usr/bin/env python3
"""Writes the files that docker-compose.yml mounts as /run/secrets: a folder a container, with what that one must know.

`ops/secret_files.py` reads `.env`; run it again after a change there, then restart the containers concerned. A fault in
`.env` is one line that names it. Standard library only: it runs before anything is installed.
"""

import difflib
import ipaddress
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
SERVICES = ("keys", "auth", "usage", "sensors")
# Not every installation has these; the file is empty then, which counts as not set.
OPTIONAL = (
    *("KEYS_SIGNING_KEY", "AUTH_SIGNING_KEY", "SENSORS_SIGNING_KEY"),
    *("AUDIT_HEADS", "SMTP_URL", "OIDC_CLIENT_SECRET"),
)
# The role on PostgreSQL: another while its password is replaced.
USERS = {f"{name.upper()}_DATABASE_USER": name for name in SERVICES}
CERTIFICATE = ("TLS_CERTIFICATE", "TLS_KEY")
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_LISTED = re.compile(r"^(?:# ?)?([A-Z][A-Z0-9_]*)=", re.MULTILINE)
_FREE = re.compile(r"(COMPOSE|DOCKER|BUILDKIT)_\w+|\w+_RABBITMQ_PASSWORD")  # docker-compose's own; other back ends'
_PASSWORD = re.compile(r"[A-Za-z0-9._~-]+")  # what a URL needs no escape for


class EnvironmentFileWrong(Exception):
    """The text is one line, and shows no value."""


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
    folders["front"] = {name: f"{{{name}}}" for name in CERTIFICATE}
    folders["prometheus"] = {"PROMETHEUS_INTERNAL_TOKEN": "{PROMETHEUS_INTERNAL_TOKEN}"}
    folders["redis"] = {name: f"{{{name}}}" for name in (f"{service.upper()}_REDIS_PASSWORD" for service in SERVICES)}
    return folders


def secrets() -> set[str]:
    """The names of all that templates ask for, but for the roles' names."""
    texts = "".join(text for files in templates().values() for text in files.values())
    return set(re.findall(r"\{(\w+)\}", texts)) - USERS.keys()


def _of_service(name: str, prefix: str) -> dict[str, str]:
    return {
        "DATABASE_URL": (
            f"postgresql+psycopg://{{{prefix}_DATABASE_USER}}:{{{prefix}_DATABASE_PASSWORD}}@postgres:5432/{name}"
        ),
        "AMQP_URI": f"amqp://{name}:{{{prefix}_RABBITMQ_PASSWORD}}@rabbitmq:5672/grillo",
        "REDIS_URL": f"redis://{name}:{{{prefix}_REDIS_PASSWORD}}@redis:6379/0",
        "INTERNAL_TOKEN": f"{{{prefix}_INTERNAL_TOKEN}}",
    }


def read(root: Path) -> dict[str, str]:
    """Setting → value, of `.env` in that folder; .env.example beside it has the names. Raises EnvironmentFileWrong.

    A secret may be in a file of the operator's own, which NAME_FILE names.
    """
    listed = set(_LISTED.findall((root / ".env.example").read_text()))
    return checked((root / ".env").read_text(), listed | {f"{name}_FILE" for name in secrets()})


def checked(text: str, listed: Collection[str]) -> dict[str, str]:
    """Raises EnvironmentFileWrong for what docker-compose would read otherwise, or pass over in silence."""
    settings: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise EnvironmentFileWrong(f"line {number} is not NAME=value")
        name, value = matched.groups()
        if name in settings:
            raise EnvironmentFileWrong(f"line {number} sets {name} a second time")
        if value != value.strip() or value[:1] in {"'", '"'}:
            raise EnvironmentFileWrong(f"line {number}: {name} must have no quotes and no spaces around it")
        if name not in listed and not _FREE.fullmatch(name):
            close = difflib.get_close_matches(name, listed, 1)
            raise EnvironmentFileWrong(f"line {number}: {name} is not a setting{f'; {close[0]} is' if close else ''}")
        settings[name] = value
    return settings | _of_files(settings)


def _of_files(settings: Mapping[str, str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for file in (name for name, path in settings.items() if name.endswith("_FILE") and path):
        name = file.removesuffix("_FILE")
        if settings.get(name):
            raise EnvironmentFileWrong(f"{name} and {file} are both set; keep one of them")
        try:
            texts[name] = Path(settings[file]).read_text().removesuffix("\n")
        except (OSError, ValueError):
            raise EnvironmentFileWrong(f"{file} must name a file with text that you may read") from None
    return texts


def write(settings: Mapping[str, str], folder: Path) -> None:
    """Raises EnvironmentFileWrong for a secret that is missing, or that its place cannot hold."""
    known = dict.fromkeys(OPTIONAL, "") | USERS | {name: value for name, value in settings.items() if value}
    for name in sorted({name for name in known if name.endswith(("_PASSWORD", "_DATABASE_USER"))}):
        if not _PASSWORD.fullmatch(known[name]):
            raise EnvironmentFileWrong(f"{name} must be of letters and digits")
    if not known.keys() & set(CERTIFICATE):
        known |= own_certificate(folder / "front", known.get("GRILLO_PUBLIC_URL", ""))
    try:
        texts = {
            name: {file: text.format_map(known) for file, text in files.items()} for name, files in templates().items()
        }
    except KeyError as missing:
        name = missing.args[0]
        must_be = "file in PEM, as its pair is" if name in CERTIFICATE else "long random text of letters and digits"
        raise EnvironmentFileWrong(f"{name} is not set; give it a {must_be}") from None
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


def own_certificate(folder: Path, public_url: str) -> dict[str, str]:
    """The one that is there, or a new one for that host, which nobody but this installation vouches for."""
    files = [folder / name for name in CERTIFICATE]
    host = urlsplit(public_url).hostname or "localhost"
    if all(file.exists() for file in files) and not _is_own_for_another(files[0], host):
        return {file.name: file.read_text() for file in files}
    kind = "IP" if _is_address(host) else "DNS"
    names = f"subjectAltName={kind}:{host},DNS:localhost,IP:127.0.0.1"
    with tempfile.TemporaryDirectory() as made:
        certificate, key = (Path(made) / name for name in CERTIFICATE)
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-days", "3650", "-subj", "/CN=grillo", "-addext", names]
        command += ["-out", str(certificate), "-keyout", str(key)]
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603  a host is an argument, not a command
        except (OSError, subprocess.CalledProcessError):
            raise EnvironmentFileWrong(
                "openssl makes no certificate here; set TLS_CERTIFICATE_FILE and TLS_KEY_FILE"
            ) from None
        return {name: (Path(made) / name).read_text() for name in CERTIFICATE}


def _is_own_for_another(certificate: Path, host: str) -> bool:
    """Whether it was made here, and for another host: what was given by an operator is never replaced."""
    check = "-checkip" if _is_address(host) else "-checkhost"
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-issuer", "-nameopt", "RFC2253", check, host]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  as above
    except OSError:
        return False
    return "issuer=CN=grillo\n" in told and "does match" not in told


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def main() -> None:
    try:
        write(read(ROOT), ROOT / "ops/secrets")
    except EnvironmentFileWrong as wrong:
        sys.exit(f".env: {wrong}.")


if __name__ == "__main__":
    main()
