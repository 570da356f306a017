"""What docker-compose.yml lets a container do, held natively: a mount namespace, setpriv and prlimit, as root alone.

Its root is read-only, `tmpfs` are mounts in memory, the user is the number, there is no capability and no way to one,
and processes are bounded. What differs from a container: files of the host are seen; each process may take as much
memory as the container might altogether, and all of one user as many processes as some containers. Its networks:
networked.py.
"""

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_TOOLS = ("unshare", "mount", "umount", "setpriv", "prlimit")
_BYTES = {"m": 1 << 20, "g": 1 << 30}
CONTAINERS = 4  # whose processes one user has here: the kernel counts them together
_READ_ONLY = """
for at in $(cut -d' ' -f5 /proc/self/mountinfo); do
    case "$at" in
        /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | {writable}) ;;
        *) mount -o remount,bind,ro "$at" 2> /dev/null || test ! -e "$at" ;;
    esac
done
exec "$@"
"""


@functools.cache
def why_not() -> str | None:
    """None: it can be held here."""
    if os.geteuid() != 0:
        return "only root may"
    if missing := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        return f"{', '.join(missing)} is missing"
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        return "coverage is written beside the sources"
    tried = subprocess.run([shutil.which("unshare") or "", "--mount", "true"], capture_output=True, text=True)
    return tried.stderr.strip() or None


def contained(
    command: Sequence[str], service: Mapping[str, Any], *, readable: Iterable[Path] = (), writable: Iterable[Path] = ()
) -> list[str]:
    """The command as the container of `service` would run it. `readable`, `writable`: what its volumes hold."""
    user, group = service["user"].split(":")
    volumes = list(writable)
    for volume in volumes:
        volume.mkdir(exist_ok=True)
        os.chown(volume, int(user), int(group))
    limits = [
        "prlimit",
        "--core=0",
        f"--nproc={CONTAINERS * service['pids_limit']}",
        f"--data={_bytes(service['mem_limit'])}",
    ]
    rights = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--inh-caps=-all"]
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    rights += ["--bounding-set=-all", "--no-new-privs"]
    script = _script(service["tmpfs"], [*readable, ROOT, Path(sys.prefix), Path(sys.base_prefix)], volumes)
    return ["unshare", "--mount", "sh", "-ec", script, "sh", *limits, *rights, *command]


def _script(tmpfs: Sequence[str], readable: Sequence[Path], writable: Sequence[Path]) -> str:
    in_memory = dict(folder.split(":") for folder in tmpfs)
    covers = {Path(folder): options for folder, options in in_memory.items()}
    kept = list(dict.fromkeys(path.resolve() for path in (*readable, *writable)))
    for path in kept:
        hidden = next((above for above in reversed(path.parents) if not above.stat().st_mode & 0o001), None)
        if hidden is not None and not _below(hidden, covers):
            covers[hidden] = "size=1m,mode=755"
    place = next(place for place in ("/mnt", "/media", "/srv") if not any(path.is_relative_to(place) for path in kept))
    lines = [f"mount -t tmpfs -o size=1m tmpfs {place}", "mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm"]
    moved = [path for path in kept if _below(path, covers)]
    for number, path in enumerate(moved):
        lines += [_made(f"{place}/{number}", path), f"mount --rbind {shlex.quote(str(path))} {place}/{number}"]
    lines += [f"mount -t tmpfs -o {options} tmpfs {shlex.quote(str(cover))}" for cover, options in covers.items()]
    for number, path in enumerate(moved):
        lines += [_made(str(path), path), f"mount --rbind {place}/{number} {shlex.quote(str(path))}"]
    for path in (path.resolve() for path in writable):
        if path not in moved:
            lines.append(f"mount --bind {shlex.quote(str(path))} {shlex.quote(str(path))}")
    left = "|".join(shlex.quote(str(path)) for path in (*map(Path, in_memory), *(path.resolve() for path in writable)))
    return "\n".join((*lines, f"umount -l {place}", _READ_ONLY.replace("{writable}", left)))


def _made(place: str, like: Path) -> str:
    """Somewhere to mount it."""
    if like.is_dir():
        return f"mkdir -p {shlex.quote(place)}"
    return f"mkdir -p {shlex.quote(os.path.dirname(place))}; touch {shlex.quote(place)}"


def _below(path: Path, covers: Iterable[Path]) -> bool:
    return any(path.is_relative_to(cover) for cover in covers)


def _bytes(text: str) -> int:
    matched = re.fullmatch(r"(\d+)([mg])", text)
    assert matched is not None
    return int(matched[1]) * _BYTES[matched[2]]
