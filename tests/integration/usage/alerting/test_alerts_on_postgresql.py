"""The scenarios of alerts that lean on SQL, on the database of production."""

from collections.abc import Callable, Iterator

import pytest

from services.usage.assembly import MIGRATIONS
from shared.runtime.clock import ManualClock
from tests.servers import Postgres
from tests.service_database import new_service_database
from tests.unit.usage.alerting.alerts import test_alert_lifecycle
from tests.unit.usage.alerting.evaluation import (
    test_conditions,
    test_evaluator,
    test_expiry_warnings,
    test_hourly_baseline,
    test_known_sources,
)
from tests.unit.usage.alerting.world import World

SCENARIOS: list[Callable[[World], None]] = [
    test_conditions.test_eighty_percent_of_a_minute_raise_one_alert_whose_payload_says_of_what,
    test_conditions.test_sixty_seconds_are_counted_wherever_the_minutes_of_the_clock_end,
    test_alert_lifecycle.test_what_passes_a_threshold_passed_the_lower_ones_which_are_no_facts_of_their_own,
    test_conditions.test_the_day_has_thresholds_of_its_own_and_ends_at_midnight,
    test_alert_lifecycle.test_an_alert_is_over_when_it_was_not_met_for_a_while_and_stays_while_it_is,
    test_conditions.test_half_of_the_requests_failing_is_told_and_a_few_failures_are_not,
    test_known_sources.test_the_first_use_from_elsewhere_is_told_and_where_a_key_was_used_first_is_not,
    test_known_sources.test_a_key_that_is_suddenly_everywhere_raises_so_many_alerts_a_day_and_no_more,
    test_hourly_baseline.test_many_times_the_usual_is_told_and_a_key_without_a_past_has_no_usual,
    test_hourly_baseline.test_the_hours_of_a_week_are_kept_and_older_ones_are_not,
    test_hourly_baseline.test_an_hour_beyond_its_column_holds_up_neither_its_own_nor_another_s,
    test_expiry_warnings.test_an_unused_key_that_is_used_again_is_unused_no_more,
    test_evaluator.test_what_cannot_be_evaluated_is_stepped_over_and_holds_up_nothing,
]


@pytest.fixture
def world(postgres: Postgres, clock: ManualClock) -> Iterator[World]:
    database = new_service_database(postgres, MIGRATIONS)
    yield World(database, clock)
    database.close()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_it_is_so_on_postgresql(world: World, scenario: Callable[[World], None]) -> None:
    scenario(world)
