"""First start: an organisation, sample sensors and events, and the first admin key, shown this once."""

import contextlib
import subprocess
import sys
from pathlib import Path

from services.keys.assembly import Keys
from services.keys.commands.command_inputs import KeyRequest
from services.keys.console.sessions.sign_in import address_of
from services.keys.encryption.description import Description
from services.keys.revocation.session_fence import Role
from services.sensors.assembly import Sensors
from services.sensors.catalogue.reading import read
from services.sensors.catalogue.reading.samples import sample_catalogue
from services.sensors.ingest.samples import SamplesMissing
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import SystemClock

ORGANISATION_NAME = "Grillo"
TIER = "standard"
_ORIGIN = Origin(actor="grillo up")


def organisation(keys: Keys) -> str:
    """The id of the organisation, registered if there is none yet."""
    known = keys.queries.organisations()
    return known[0].id if known else keys.commands.organisations.register(ORGANISATION_NAME, TIER, _ORIGIN)


def import_samples(sensors: Sensors, organisation_id: str, data: Path) -> bool:
    """Whether there are sensors now. Numeric work is done by a process of its own, which shows its progress."""
    if not sensors.queries.has_sensors():
        command = [sys.executable, "-m", "services.cli", "sensors", "import", "--samples"]
        command += ["--data", str(data), "--organisation", organisation_id]
        subprocess.run(command, stdout=sys.stderr, check=False)  # noqa: S603  our own command on our own folder
        _import_events(sensors, organisation_id)
    return sensors.queries.has_sensors()


def _import_events(sensors: Sensors, organisation_id: str) -> None:
    """A few, from a small file: nothing that a process of its own would be worth."""
    with contextlib.suppress(SamplesMissing):  # the command above has said it
        found = read(sample_catalogue(), now=SystemClock().now())
        sensors.catalogue_importer.store(found, organisation_id, _ORIGIN)


def admin_key(keys: Keys, organisation_id: str) -> str | None:
    """The first key's secret; None when there is a key already. Made last: whoever sees it can use it at once."""
    if keys.queries.has_keys():
        return None
    request = KeyRequest(description=Description(name="First admin key"), permissions=("admin",), allow_query=False)
    return keys.commands.create(organisation_id, request, _ORIGIN).secret.value


def console_link(keys: Keys, organisation_id: str, public_url: str) -> str:
    """Signs the owner in to the console, once; at every start a new one."""
    return address_of(keys.sign_in.new_link(organisation_id, Role.OWNER), public_url)
