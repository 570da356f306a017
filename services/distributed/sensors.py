"""Sensors, as it runs apart."""

from services.sensors import assembly
from services.sensors.exports.making.standing import RemoteStanding
from services.service_registry import Part
from shared.messaging.pipelined_publishing import PipelinedLogBus
from shared.messaging.publishing import EventPublisher, ExportBus
from shared.runtime.clock import Clock
from shared.settings import Settings
from shared.sql.database import Database


def assemble(settings: Settings, clock: Clock) -> Part:
    return assembly.assemble(
        Database(settings.database_url),
        PipelinedLogBus(settings.amqp_uri, "sensors"),
        clock,
        settings.samples,
        signer=settings.proof_keys.sensors_signer,
        elsewhere=settings.audit_heads,
        exports_folder=settings.exports,
        standing=RemoteStanding(settings.amqp_uri, settings.accounts).of_key,
        tell=ExportBus(EventPublisher(settings.amqp_uri, "sensors")).tell,
    )
