"""The life of an organisation: it registers once, in a tier there is."""

from dataclasses import replace

import pytest

from services.keys.lifecycle import organisation
from services.keys.lifecycle.organisation import (
    ACTIVE_KEYS_MAX,
    ChangeTier,
    ContractMissing,
    ContractNotAsked,
    NameHoldsKey,
    NameUnfit,
    OrganisationExists,
    RegisterOrganisation,
    UnknownTier,
)
from shared.contracts.keys import Contract
from shared.gate.grants.grant import ENTERPRISE
from tests.examples import NOON, ORGANISATION_ID, organisation_registered

REGISTER = RegisterOrganisation(organisation_id=ORGANISATION_ID, name="Protezione civile", tier="standard")


@pytest.mark.parametrize("tier", ACTIVE_KEYS_MAX)
def test_an_organisation_registers_in_any_tier_whose_limits_are_its_own(tier: str) -> None:
    command = RegisterOrganisation(organisation_id=ORGANISATION_ID, name="Protezione civile", tier=tier)
    (event,) = organisation.decide(None, command, NOON)
    assert event == organisation_registered(tier=tier)
    assert organisation.evolve(None, event) == organisation.Organisation(
        organisation_id=ORGANISATION_ID, name="Protezione civile", tier=tier, changed_at=NOON
    )


def test_an_organisation_in_no_tier_there_is_is_refused() -> None:
    command = RegisterOrganisation(organisation_id=ORGANISATION_ID, name="Protezione civile", tier="gold")
    with pytest.raises(UnknownTier, match="'gold' is not a tier; choose one of free, standard, premium"):
        organisation.decide(None, command, NOON)


def test_enterprise_is_by_contract_and_no_other_tier_is() -> None:
    state = organisation.evolve(None, organisation_registered(tier="free"))
    contract = Contract(minute=5_000, day=None, concurrent=3, keys=2_000)
    with pytest.raises(ContractMissing):
        organisation.decide(state, ChangeTier(tier=ENTERPRISE), NOON)
    with pytest.raises(ContractNotAsked):
        organisation.decide(state, ChangeTier(tier="premium", contract=contract), NOON)
    for agreed in (contract, replace(contract, day=1_000_000)):
        (changed,) = organisation.decide(state, ChangeTier(tier=ENTERPRISE, contract=agreed), NOON)
        state = organisation.evolve(state, changed)
        assert state is not None
        assert (state.tier, state.contract) == (ENTERPRISE, agreed)
        assert organisation.decide(state, ChangeTier(tier=ENTERPRISE, contract=agreed), NOON) == ()
    (changed,) = organisation.decide(state, ChangeTier(tier="free"), NOON)
    state = organisation.evolve(state, changed)
    assert state is not None
    assert (state.tier, state.contract) == ("free", None)


def test_an_organisation_registers_once() -> None:
    state = organisation.evolve(None, organisation_registered())
    with pytest.raises(OrganisationExists):
        organisation.decide(state, REGISTER, NOON)


def test_an_organisations_name_holds_no_key() -> None:
    name = "Railway grl_" + 49 * "x"
    with pytest.raises(NameHoldsKey) as refused:
        organisation.decide(None, RegisterOrganisation(organisation_id="org_1", name=name, tier="free"), NOON)
    assert "grl_" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "  ", "Rail\u202eway", "Rail\x00way"])
def test_an_organisations_name_can_be_seen(name: str) -> None:
    with pytest.raises(NameUnfit, match=r"an organisation's name must not be blank|must not contain control"):
        organisation.decide(None, RegisterOrganisation(organisation_id="org_1", name=name, tier="free"), NOON)
