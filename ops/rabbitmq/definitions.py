#!/usr/bin/env python3
"""Writes RabbitMQ's definitions: the accounts with salted hashes of their passwords, and the rights of rights.json.

`ops/rabbitmq/definitions.py` reads `.env` and rpc-accounts.json, and writes ops/secrets/rabbitmq/definitions.json,
which lies where nobody else on this host can pass. The passwords of other back ends' accounts are made here, into
`.env`. Standard library only: it runs before anything is installed.
"""

import base64
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RIGHTS: dict[str, Any] = json.loads((HERE / "rights.json").read_text())
NOTHING = "(?!)"  # a regular expression that nothing matches
ALGORITHM = "rabbit_password_hashing_sha256"


def rights_of(account: str, rpc_accounts: Mapping[str, Any]) -> dict[str, Any]:
    """A service's, or another back end's, made from the methods and networks that its account lists."""
    if account in RIGHTS["accounts"]:
        of_service: dict[str, Any] = RIGHTS["accounts"][account]
        return of_service
    listed = rpc_accounts[account]
    methods = "|".join(sorted(method.replace(".", "\\\\.") for method in listed.get("methods", []))) or NOTHING
    networks = "|".join(sorted(listed.get("networks", []))) or NOTHING
    text = json.dumps(RIGHTS["other_back_end"])
    filled: dict[str, Any] = json.loads(
        text.replace("ACCOUNT", account).replace("METHODS", methods).replace("NETWORKS", networks)
    )
    return filled


def definitions(
    passwords: Mapping[str, str], vhosts: Iterable[str], rpc_accounts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`passwords`: account → password. The same rights in each virtual host."""
    made: dict[str, Any] = {"users": [], "vhosts": [], "permissions": [], "topic_permissions": [], "exchanges": []}
    for account, password in passwords.items():
        made["users"].append(
            {"name": account, "password_hash": salted(password), "hashing_algorithm": ALGORITHM, "tags": ""}
        )
    for vhost in vhosts:
        made["vhosts"].append({"name": vhost})
        for name, kind in RIGHTS["exchanges"].items():
            made["exchanges"].append(
                {
                    "name": name,
                    "vhost": vhost,
                    "type": kind,
                    "durable": True,
                    "auto_delete": False,
                    "internal": False,
                    "arguments": {},
                }
            )
        for account in passwords:
            rights = rights_of(account, rpc_accounts or {})
            whose = {"user": account, "vhost": vhost}
            made["permissions"].append(whose | {right: rights[right] for right in ("configure", "write", "read")})
            for exchange, topic in rights["topics"].items():
                made["topic_permissions"].append(whose | {"exchange": exchange} | topic)
    return made


def salted(password: str) -> str:
    """As RabbitMQ's rabbit_password_hashing_sha256 stores a password: four bytes of salt before the digest."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def password_setting(account: str) -> str:
    return f"{account.upper().replace('-', '_')}_RABBITMQ_PASSWORD"


def main() -> None:
    sys.path.insert(0, str(HERE.parents[1]))
    from ops.secret_files import EnvironmentFileWrong, read

    environment, secrets_folder = HERE.parents[1] / ".env", HERE.parent / "secrets"
    listed = HERE / "rpc-accounts.json"
    if not listed.exists():
        listed.write_text("{}\n")
    listed.chmod(0o644)  # compose mounts it; nothing in it is secret
    rpc_accounts = json.loads(listed.read_text())
    try:
        known = read(HERE.parents[1])
    except EnvironmentFileWrong as wrong:
        sys.exit(f".env: {wrong}.")
    missing = [name for name in map(password_setting, RIGHTS["accounts"]) if not known.get(name)]
    if missing:
        sys.exit(f"{', '.join(missing)}: not in .env. Give each a long random text, of letters and digits.")
    for name in map(password_setting, rpc_accounts):
        if name not in known:
            known[name] = secrets.token_hex(24)
            with environment.open("a") as file:
                file.write(f"{name}={known[name]}\n")
    passwords = {account: known[password_setting(account)] for account in (*RIGHTS["accounts"], *rpc_accounts)}
    content = json.dumps(definitions(passwords, ["grillo"], rpc_accounts), indent=1)
    secrets_folder.mkdir(mode=0o700, exist_ok=True)
    folder = secrets_folder / "rabbitmq"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    made = folder / ".definitions.json"
    made.write_text(content)
    made.chmod(0o644)  # for the container's user, who is another to this host
    os.replace(made, folder / "definitions.json")


if __name__ == "__main__":
    main()
