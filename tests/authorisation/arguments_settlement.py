"""The same for what venues are owed: numbers of settlements and batches, accounts, keys of the offices' acts."""

import secrets
from collections.abc import Callable, Mapping

from tests.authorisation.kinds import ABSENT, ANOTHER_KIND, Known, Open, Plain, Reaching, from_the_start
from tests.authorisation.lives import Life
from tests.authorisation.lives_settlement import BANK, HOLDER, NUMBER, days_of


def _a_key() -> str:
    return secrets.token_hex(8)


def _a_number() -> str:
    return f"S20261120{secrets.token_hex(6).upper()}"


def _settlements(first: str = "paid") -> Callable[[Life], list[Known]]:
    def of(life: Life) -> list[Known]:
        which = [first, *(each for each in ("paid", "owing", "draft") if each != first)]
        return [
            *(Known(life.others.ids[f"settlement, {each}"], f"a settlement: {each}") for each in which),
            Known(life.others.ids["payout batch"], "a batch's number", shut=ANOTHER_KIND),
        ]

    return of


def _key_of(what: str, owner: str) -> Reaching:
    return Reaching(
        lambda life: [Known(life.others.keys[what], f"the key of the office's act: {what}")],
        _a_key,
        owner=owner,
        meanwhile=_a_key,
    )


def _cursor(name: str, letter: str, owner: str) -> Reaching:
    return Reaching(
        lambda life: [Known(life.others.ids[name], "a place in the list")],
        lambda: f"{letter}999999999999",
        owner=owner,
        live=from_the_start,
    )


_PROPOSERS = ("deductFromSettlement", "dropSettlement", "proposeSettlement")
_PAYMASTERS = ("failPayout", "recordPayment")
REACHING_SETTLEMENT: Mapping[str, Reaching] = {
    **{
        f"{name}.settlementNo": Reaching(_settlements(first), _a_number, owner=owner)
        for names, first, owner in (
            (("settlement",), "paid", "clerk"),
            (("settlementLines",), "draft", "clerk"),
            (_PROPOSERS, "draft", "regulator"),
            (("approveSettlement",), "draft", "approver"),
            (_PAYMASTERS, "paid", "paymaster"),
        )
        for name in names
    },
    "draftSettlements.idempotencyKey": _key_of("settle", "regulator"),
    "deductFromSettlement.idempotencyKey": _key_of("deduct", "regulator"),
    "makePayout.idempotencyKey": _key_of("pay out", "paymaster"),
    "settlements.after": _cursor("settlement cursor", "t", "clerk"),
    "settlementLines.after": _cursor("line cursor", "l", "clerk"),
    "payoutBatches.after": _cursor("batch cursor", "b", "paymaster"),
    "approveVenueAccount.accountId": Reaching(
        lambda life: [Known(life.others.ids["venue account"], "the id of the venue's account")],
        lambda: f"acc_{secrets.token_hex(10).upper()}",
        owner="approver",
    ),
    "recordPayment.receiptSha256": Reaching(
        lambda life: [Known(life.others.ids["receipt"], "the hash of a receipt", shut="its payment is recorded")],
        lambda: secrets.token_hex(32),
        owner="paymaster",
    ),
}

_MANAGED = Open(lambda world: [world.an.campaigns.managed.public_id])
OPEN_SETTLEMENT: Mapping[str, Open] = {
    "settlements.campaignId": Open(lambda world: [ABSENT, world.an.campaigns.managed.public_id]),
    "draftSettlements.campaignId": _MANAGED,
    "makePayout.campaignId": _MANAGED,
    "settlements.venueId": Open(lambda world: [ABSENT, world.an.venue_id]),
}

PLAIN_SETTLEMENT: Mapping[str, Plain] = {
    "settlements.state": Plain(lambda life: ABSENT),
    # another period than under An's key, which so is refused to who made it
    "draftSettlements.fromDay": Plain(lambda life: days_of(life.citizen.house.now())[1].isoformat()),
    "draftSettlements.untilDay": Plain(lambda life: days_of(life.citizen.house.now())[1].isoformat()),
    "deductFromSettlement.amount": Plain(lambda life: 2_00),
    "deductFromSettlement.reason": Plain(lambda life: "重复计算"),
    "dropSettlement.reason": Plain(lambda life: "重新拟定"),
    "failPayout.reason": Plain(lambda life: "户名不符"),
    "payable": Plain(lambda life: 20_00),
    "carriedOut": Plain(lambda life: 0),
    "enterVenueAccount.holder": Plain(lambda life: HOLDER),
    "enterVenueAccount.bank": Plain(lambda life: BANK),
    "enterVenueAccount.number": Plain(lambda life: NUMBER),
    "approveVenueAccount.holder": Plain(lambda life: HOLDER),
    "approveVenueAccount.number": Plain(lambda life: NUMBER),
    "recordPayment.amount": Plain(lambda life: 19_00),
    "recordPayment.paidOn": Plain(lambda life: "2026-11-20"),
    "recordPayment.bankReference": Plain(lambda life: "HX20261121-0009"),
}
WORDS_SETTLEMENT = {"bank", "bankReference"}
