"""Pins images: behind each tag in the Dockerfile and docker-compose.yml, the digest that its registry has for it now.

`make digests`, where Docker is and reaches the registries; again after a tag was changed. A tag can be moved to
another image, a digest cannot.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_FILES = ("Dockerfile", "docker-compose.yml")
# An image with a tag: what we build ourselves has none.
_IMAGE = re.compile(r"^(FROM |\s+image: )([\w./-]+:[\w.-]+)(?:@\S+)?(?= AS |$)", re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ASK = ("docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}")


def main(root: Path) -> None:
    """Writes all digests, or exits with what went wrong and writes none."""
    texts = {root / name: (root / name).read_text() for name in _FILES}
    digests = {image: _digest(image) for text in texts.values() for _, image in _IMAGE.findall(text)}
    for path, text in texts.items():
        path.write_text(_IMAGE.sub(lambda found: f"{found[1]}{found[2]}@{digests[found[2]]}", text))


def _digest(image: str) -> str:
    try:
        done = subprocess.run([*_ASK, image], capture_output=True, text=True, check=False)  # noqa: S603  our own arguments
    except FileNotFoundError:
        sys.exit("docker is not installed here: run this where it is, and reaches the registries")
    told = done.stdout.strip()
    if done.returncode or not _DIGEST.fullmatch(told):
        sys.exit(f"no digest of {image}: {(done.stderr or told).strip() or 'docker said nothing'}")
    return told


if __name__ == "__main__":
    main(ROOT)
