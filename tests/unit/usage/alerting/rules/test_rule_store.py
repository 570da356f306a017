"""The rules of an organisation."""

from services.usage.alerting.rules.rule import Kind, default_id
from services.usage.alerting.rules.rule_store import make_defaults
from tests.examples import NOON
from tests.unit.usage.alerting.world import ORGANISATION, World, evenly


def test_a_deleted_default_rule_does_not_return(world: World) -> None:
    world.rules.delete(ORGANISATION, default_id(ORGANISATION, Kind.QUOTA))
    with world.database.transaction() as tx:
        make_defaults(tx, ORGANISATION, NOON)
    assert world.see(*evenly(9, 50)) == []
