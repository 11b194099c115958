"""The part of a life that campaigns of vouchers are: one that gives out, one behind a puzzle, one that officials act on.

Which campaigns there are, everybody may know once they were opened. A draft is nobody's business yet, and what officials
have done is told to those of the region alone.
"""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.ids import new_id
from models.members.tables import Member
from models.statistics.rules import SMALLEST_GROUP
from models.vouchers.rules import Challenge, ClaimLimits, Terms, VoucherState, Who
from tests.factories.booking import Hall, at
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher
from tests.house import Clerk, House
from tests.resolvers import documents_claiming
from tests.resolvers import documents_voucher_campaigns as documents

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

DISTRICT = "510107"
"""Of An's city, and not the one where the offices elsewhere are."""


@dataclass(frozen=True)
class Campaigns:
    """At one hall, all opened; their vouchers are worth something at this hall only."""

    giving: ACampaign
    guarded: ACampaign
    managed: ACampaign
    crowded: ACampaign
    """So many strangers used its vouchers that there is a figure of them."""


async def campaigns_at(hall: Hall, house: House) -> Campaigns:
    now = house.now()
    terms = Terms(uses_a_day=None, limits=ClaimLimits(a_round=None))
    guarded = Terms(limits=terms.limits, who=Who(challenge=Challenge.ALWAYS))
    rounds = ((at(8, days=0), at(20, days=1), 100), (at(8, days=2), at(20, days=3), 100))  # everybody may see when
    campaigns = Campaigns(
        *[
            await a_campaign(hall.venue, region_key=DISTRICT, rounds=rounds, terms=each, now=now)
            for each in (terms, guarded, terms, terms)
        ]
    )
    for _ in range(SMALLEST_GROUP):
        stranger = await Member.create(public_id=new_id("mem"), created_at=now)
        await a_voucher(
            stranger.id,
            campaigns.crowded,
            VoucherState.USED,
            venue=hall.venue,
            claimed_at=now,
            claim_region=DISTRICT,
        )
    return campaigns


async def live_with_campaigns(life: "Life", official: Clerk) -> None:
    """The citizen claims; the official drafts another campaign, stops one and lets it go on, and proposes to change one."""
    others = life.others
    others.keys["claim"] = secrets.token_hex(8)
    claiming = {"campaignId": life.campaign.public_id, "idempotencyKey": others.keys["claim"]}
    claimed = await life.citizen.ask(documents_claiming.CLAIM_VOUCHER, **claiming)
    others.ids["voucher, claimed"] = claimed.value["voucher"]["id"]

    others.keys["draft campaign"], others.keys["step campaign"] = secrets.token_hex(8), secrets.token_hex(8)
    rounds = {
        "fromDay": "2026-12-01",
        "untilDay": "2026-12-01",
        "times": ["10:00"],
        "openMinutes": 60,
        "quantity": 5,
    }
    kind = {"title": "满30减10", "faceValue": 10_00, "minimumSpend": 30_00, "rounds": [rounds]}
    draft = {
        "title": f"还没公布的活动{secrets.token_hex(3)}",
        "regionKey": DISTRICT,
        "pools": [{"name": f"区里的钱{secrets.token_hex(3)}", "budget": 1000_00, "kinds": [kind]}],
    }
    drafting = {"idempotencyKey": others.keys["draft campaign"], "campaign": draft}
    drafted = (await official.ask(documents.DRAFT_CAMPAIGN, **drafting)).value["campaign"]
    others.ids["drafted campaign"] = drafted["campaign"]["id"]

    stepping = {"campaignId": life.campaigns.managed.public_id, "expectedVersion": 1}
    reason = f"核对库存{secrets.token_hex(3)}"
    for to_state, key in (("PAUSED", others.keys["step campaign"]), ("OPEN", secrets.token_hex(8))):
        asked = {**stepping, "toState": to_state, "reason": reason, "idempotencyKey": key}
        stepped = (await official.ask(documents.STEP_CAMPAIGN, **asked)).value["campaign"]
        assert stepped["campaign"]["state"] == to_state

    others.keys["propose change"] = secrets.token_hex(8)
    proposing = {
        "campaignId": life.campaigns.guarded.public_id,
        "expectedVersion": 1,
        "change": {"reserve": 300_00},
        "reason": f"备足预备金{secrets.token_hex(3)}",
        "idempotencyKey": others.keys["propose change"],
    }
    proposed = (await official.ask(documents.PROPOSE_CAMPAIGN_CHANGE, **proposing)).value["campaign"]
    others.ids["proposed change"] = proposed["changes"][0]["id"]
