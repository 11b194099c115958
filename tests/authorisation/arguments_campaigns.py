"""The same for campaigns of vouchers. Which are open, everybody may know; drafts, and what may be done, only officials."""

import secrets
from collections.abc import Mapping

from tests.authorisation.kinds import ABSENT, Known, Open, Plain, Reaching
from tests.authorisation.lives import Life
from tests.authorisation.lives_campaigns import DISTRICT

_CHANGES = ("saveCampaignDraft", "stepCampaign", "proposeCampaignChange")
_LOOKS = ("managedCampaign", "previewCampaignChange")


def _a_key() -> str:
    return secrets.token_hex(8)


def _a_campaign_id() -> str:
    return f"cam_{secrets.token_hex(10).upper()}"


def _a_change_id() -> str:
    return f"chg_{secrets.token_hex(8).upper()}"


def _key_of(what: str) -> Reaching:
    return Reaching(
        lambda life: [Known(life.others.keys[what], f"the key of the office's act: {what}")],
        _a_key,
        owner="regulator",
        meanwhile=_a_key,
    )


def _campaigns(life: Life) -> list[Known]:
    return [
        Known(life.campaigns.managed.public_id, "the id of a campaign of the office's"),
        Known(life.others.ids["drafted campaign"], "a draft's id"),
    ]


REACHING_CAMPAIGNS: Mapping[str, Reaching] = {
    "draftCampaign.idempotencyKey": _key_of("draft campaign"),
    **{f"{name}.idempotencyKey": _key_of("step campaign") for name in _CHANGES[:2]},
    "proposeCampaignChange.idempotencyKey": _key_of("propose change"),
    "decideCampaignChange.changeId": Reaching(
        lambda life: [Known(life.others.ids["proposed change"], "a change that the office proposed")],
        _a_change_id,
        owner="regulator",
    ),
    **{
        f"{name}.campaignId": Reaching(_campaigns, _a_campaign_id, owner="regulator")
        for name in (*_LOOKS, *_CHANGES)
    },
}

_HERE = Open(lambda world: [DISTRICT])
_BADMINTON = Open(lambda world: ["BADMINTON"])
OPEN_CAMPAIGNS: Mapping[str, Open] = {
    "voucherCampaign.id": Open(lambda world: [world.an.campaign.public_id]),
    "voucherCampaigns.after": Open(lambda world: [ABSENT]),  # whoever may see one may see all
    "managedCampaigns.after": Open(lambda world: [ABSENT]),
    "voucherCampaigns.regionKey": Open(lambda world: [ABSENT]),
    "VoucherCampaignInput.regionKey": _HERE,
    "ClaimWhoInput.regions": _HERE,
    "VoucherWhereInput.regions": _HERE,
    "VoucherWhereInput.venues": Open(lambda world: [world.an.venue_id]),
    "VoucherWhereInput.sports": _BADMINTON,
    "NewRoundsInput.kindId": Open(lambda world: [world.an.campaigns.managed.kind_public_id]),
    "RoundChangeInput.roundId": Open(lambda world: [world.an.campaigns.managed.round_public_id]),
}

PLAIN_CAMPAIGNS: Mapping[str, Plain] = {
    "managedCampaigns.state": Plain(lambda life: ABSENT),
    "expectedVersion": Plain(lambda life: 1),
    "stepCampaign.toState": Plain(lambda life: "PAUSED"),
    "stepCampaign.reason": Plain(lambda life: "暂停检查"),
    "proposeCampaignChange.reason": Plain(lambda life: "加发一轮"),
    "decideCampaignChange.approves": Plain(lambda life: False),  # nobody approves their own
    "decideCampaignChange.reason": Plain(lambda life: "另行安排"),
    **{f"ClaimLimitsInput.{name}": Plain(lambda life: 5) for name in ("aDay", "aWeek", "aMonth", "inAll", "held")},
    "ClaimWhoInput.realName": Plain(lambda life: True),
    "ClaimWhoInput.ageGroups": Plain(lambda life: "ELDER"),
    "VoucherTermsInput.usesAVenueADay": Plain(lambda life: 1),
    "VoucherTermsInput.venueCap": Plain(lambda life: 500_00),
    "VoucherValidityInput.fromDay": Plain(lambda life: "2026-11-20"),
    "VoucherValidityInput.untilDay": Plain(lambda life: "2026-12-31"),
    "VoucherCampaignInput.title": Plain(lambda life: "城南健身券"),
    "VoucherCampaignInput.reserve": Plain(lambda life: 100_00),
    "CampaignChangeInput.reserve": Plain(lambda life: 200_00),
    "VoucherPoolInput.name": Plain(lambda life: "城南资金"),
    "VoucherPoolInput.budget": Plain(lambda life: 1000_00),
    "PoolBudgetInput.name": Plain(lambda life: "总资金"),
    "PoolBudgetInput.budget": Plain(lambda life: 20_000_00),
    "NewKindInput.poolName": Plain(lambda life: "总资金"),
    "VoucherKindInput.title": Plain(lambda life: "满30减10"),
    "VoucherKindInput.faceValue": Plain(lambda life: 10_00),
    "VoucherKindInput.minimumSpend": Plain(lambda life: 30_00),
    "VoucherRoundsInput.fromDay": Plain(lambda life: "2026-12-01"),
    "VoucherRoundsInput.untilDay": Plain(lambda life: "2026-12-02"),
    "VoucherRoundsInput.times": Plain(lambda life: "10:00"),
    "VoucherRoundsInput.openMinutes": Plain(lambda life: 60),
    "VoucherRoundsInput.quantity": Plain(lambda life: 5),
    "RoundChangeInput.quantity": Plain(lambda life: 120),
    "RoundChangeInput.closesAt": Plain(lambda life: ABSENT),
}
WORDS_CAMPAIGNS = {"title", "name", "poolName", "times"}
