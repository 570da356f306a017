"""The front's nginx with the files that its container mounts, on loopback: Debian's nginx, of whatever release.

What is replaced is what a container network would give, and `resolve`, which nginx knows from 1.27.3 on: the addresses
of these tests are there already.
"""

import re
import shutil
import ssl
from collections.abc import Mapping
from pathlib import Path

from ops import secret_files
from tests.servers import ServerMissing

_NGINX = Path(__file__).parents[1] / "ops/nginx"
ROUTES = (_NGINX / "grillo.conf").read_text()


def command(folder: Path, ports: tuple[int, int], places: Mapping[str, int], routes: str = ROUTES) -> list[str]:
    """`ports`: without TLS and with it. `places`: service → the port of its web processes.

    All that it writes is in `folder`.
    """
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise ServerMissing("nginx: apt-get install nginx-light")
    plain, tls = ports
    routes = routes.replace("/tmp/", f"{folder}/")
    routes = routes.replace("listen 8000;", f"listen 127.0.0.1:{plain};").replace("8443 ssl;", f"127.0.0.1:{tls} ssl;")
    for name, port in places.items():
        routes = routes.replace(f"server {name}:8000 resolve", f"server 127.0.0.1:{port}")
    routes = routes.replace("/run/secrets/", f"{folder}/").replace("/dev/stdout", f"{folder}/access.log")
    for name, text in secret_files.own_certificate(folder, "").items():
        (folder / name).write_text(text)
    (folder / "grillo.conf").write_text(routes)
    for name in ("nginx.conf", "start.sh"):
        (folder / name).write_text(re.sub("/etc/grillo/|/tmp/", f"{folder}/", (_NGINX / name).read_text()))
    return ["sh", str(folder / "start.sh"), nginx, "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]


def trust(folder: Path) -> ssl.SSLContext:
    """For clients: its certificate, and no other."""
    return ssl.create_default_context(cafile=str(folder / "TLS_CERTIFICATE"))
