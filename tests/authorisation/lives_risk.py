"""The part of a life in which somebody suspects what a desk wrote off: two uses, one of them decided, and a venue's week.

Of these only the office above the venue hears. The rules hold everywhere, so what is proposed belongs to nobody's life: it
is there before An comes.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from models.calendar import business_day
from models.members.tables import Member
from models.risk.reading import rules_json
from models.risk.tables import RiskCase, RiskProposal, VenueRisk
from models.risk.versions import in_force
from models.staff.rules import Role
from models.staff.tables import StaffMember
from tests.factories.risk import a_write_off, judged, the_rules
from tests.house import Clerk
from tests.resolvers import documents_risk as documents

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

SHEETS = {
    "uses": {"holdFrom": 50, "signals": [{"name": "denied", "steps": [{"value": 1, "points": 60}]}]},
    "venues": {
        "holdFrom": 60,
        "leastUses": 15,
        "signals": [{"name": "at_minimum_percent", "steps": [{"value": 90, "points": 40}]}],
    },
}


async def live_with_risk(life: "Life", offices: Mapping[str, Clerk]) -> None:
    others, now = life.others, life.citizen.house.now()
    await the_rules(now - timedelta(days=30))
    if await in_force(now=now) and not await RiskProposal.exists():
        await _rules_of_the_house(life, offices["regulator"])
    waiting = await RiskProposal.get(state="PROPOSED")
    others.ids["risk proposal"] = waiting.public_id
    uses = {which: await _suspect(life) for which in ("open", "decided")}
    await _a_week(life)
    await judged(now)
    for which, use_id in uses.items():
        others.ids[f"risk case, {which}"] = (await RiskCase.get(use_id=use_id)).case_no
    others.ids["risk case, week"] = (await RiskCase.get(venue_id=life.hall.venue.id, use_id=None)).case_no
    others.keys["decide risk"] = secrets.token_hex(8)
    decided = await offices["approver"].ask(
        documents.DECIDE_RISK_CASE,
        caseNo=others.ids["risk case, decided"],
        decision="CONFIRMED",
        note=f"看过监控{secrets.token_hex(4)}",
        idempotencyKey=others.keys["decide risk"],
    )
    assert decided.value["state"] == "CONFIRMED"


async def _suspect(life: "Life") -> int:
    """A colleague wrote it off nine seconds after it was claimed, and An says that it was not theirs."""
    member = await Member.get(public_id=life.citizen.tokens["memberId"])
    colleague = await StaffMember.get(username=life.others.colleague.username)
    then = life.citizen.house.now() - timedelta(days=3)
    made = await a_write_off(
        life.hall.venue,
        life.campaign,
        member_id=member.id,
        used_at=then,
        claimed=timedelta(seconds=9),
        bill_fen=40_00,
        denied_at=then,
        staff_id=colleague.id,
    )
    return made.use_id


async def _a_week(life: "Life") -> None:
    day = business_day(life.citizen.house.now()) - timedelta(days=28)
    await VenueRisk.create(
        venue_id=life.hall.venue.id,
        week=day - timedelta(days=day.weekday()),
        version=1,
        facts={"uses": 40, "at_minimum_percent": 95, "fast_percent": 61},
        score=75,
        is_held=True,
        reasons=[["at_minimum_percent", 40, "本周95%的核销金额正好等于门槛。"]],
        scored_at=life.citizen.house.now(),
    )


async def _rules_of_the_house(life: "Life", regulator: Clerk) -> None:
    """One version that two people made, and one that waits."""
    house = life.citizen.house
    everywhere = await house.clerk(roles=(Role.REGULATOR,), region_key="", device_id="office-everywhere")
    for number in (1, 2):
        asked = {**SHEETS, "why": f"本地核定{number}", "idempotencyKey": secrets.token_hex(8)}
        made = (await regulator.ask(documents.PROPOSE_RISK_RULES, **asked)).value["proposal"]
        if number == 1:
            said = {"proposalId": made["id"], "approves": True, "note": "看过回放"}
            decided = await everywhere.ask(documents.DECIDE_RISK_PROPOSAL, **said)
            assert decided.value["proposal"]["version"] == 2
    assert rules_json((await in_force(now=house.now())).rules)["uses"]["hold_from"] == 50  # type: ignore[union-attr]
