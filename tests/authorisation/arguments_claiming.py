"""The same for claiming. Campaigns are everybody's to know; under An's key nobody else gets An's voucher."""

import secrets
from collections.abc import Mapping

from tests.authorisation.kinds import ABSENT, Known, Open, Plain, Reaching
from tests.authorisation.lives import World

_OWN = "whoever walks claims for themselves: once they get a voucher, then their own limit says no"


def _a_key() -> str:
    return secrets.token_hex(8)


REACHING_CLAIMING: Mapping[str, Reaching] = {
    "claimVoucher.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["claim"], "the key of An's claim", tells=_OWN)],
        _a_key,
        meanwhile=_a_key,
    ),
    "claimPuzzle.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["claim"], "the key of An's claim", shut="each puzzle is a new one")],
        _a_key,
        meanwhile=_a_key,
    ),
}


def _campaigns(world: World) -> list[str]:
    return [world.an.campaign.public_id, world.an.campaigns.guarded.public_id]


_CAMPAIGN = Open(lambda world: [world.an.campaign.public_id])
OPEN_CLAIMING: Mapping[str, Open] = {
    "claimVoucher.campaignId": Open(_campaigns),
    "claimDoor.campaignId": _CAMPAIGN,
    "claimPuzzle.campaignId": Open(_campaigns),
    "venueClaimCode.campaignId": _CAMPAIGN,
    "claimVoucher.kindId": Open(lambda world: [ABSENT]),
    "ClaimProofInput.regionKey": Open(lambda world: [ABSENT]),
    "ClaimProofInput.venueCode": Open(lambda world: [ABSENT]),  # hangs on a wall; forged ones are test_claiming's
}

PLAIN_CLAIMING: Mapping[str, Plain] = {
    "ClaimProofInput.puzzle": Plain(lambda life: ABSENT),
    "ClaimProofInput.solution": Plain(lambda life: ABSENT),
}
WORDS_CLAIMING = {"puzzle", "solution"}
