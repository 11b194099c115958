"""Giving out vouchers, exactly: never one over the pool's budget, the round or a person's limits.

One transaction serves many claimants, because the campaign's row, under which everything is counted, can be locked
only once at a time: gathered, a thousand claims wait for one lock and one commit instead of a thousand
(docs/decisions, 0028). `rush.py` gathers; a desk hands in one.

Lock order: the members' rows, then the campaign's. What `claim_many` says is committed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models import database
from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.keys import IdKeys
from models.members.standing import MemberGone
from models.vouchers.claim_rules import Claimant, Counter, campaign_unknown, require_key
from models.vouchers.claim_stock import counter_of, lock_campaign, terms_in_force
from models.vouchers.claim_writing import write
from models.vouchers.claimants import lock_members, people_of
from models.vouchers.claims import Answer, Batch, Claim, Given, MemberBusy


@database.operation
async def claim_many(*, campaign_id: str, claims: Sequence[Claim], id_keys: IdKeys, now: datetime) -> list[Answer]:
    """An answer for each claim, in their order, in which they are served as well.

    Raises what concerns all of them, such as Busy; nothing was given then, and each may ask again with its key.
    """
    for claim in claims:
        require_key(claim.key)
    members = await lock_members(sorted({claim.member_id for claim in claims}))
    campaign = await lock_campaign(campaign_id)
    if campaign is None:
        return [campaign_unknown() for _ in claims]
    batch = Batch(campaign, now)
    terms = await terms_in_force(campaign)
    counter = await counter_of(batch, campaign["state"], terms)
    people = await people_of(batch, claims, members, terms, id_keys)
    said = [_decide(batch, counter, claim, people.get(claim.member_id), members) for claim in claims]
    await write(batch, counter)
    return [_answer(batch, claim, each) for claim, each in zip(claims, said, strict=True)]


async def claim_one(*, campaign_id: str, claim: Claim, id_keys: IdKeys, now: datetime) -> Given:
    """The same for one. Raises its refusal."""
    (answer,) = await claim_many(campaign_id=campaign_id, claims=[claim], id_keys=id_keys, now=now)
    if isinstance(answer, DomainError):
        raise answer
    return answer


def _decide(
    batch: Batch, counter: Counter, claim: Claim, claimant: Claimant | None, members: Mapping[int, Any]
) -> str | DomainError:
    """The hash of what was given, or why not. In memory, for one claim after the other: what the database would say
    if each came alone."""
    if claim.member_id not in members:
        return MemberBusy()
    if claimant is None:
        return MemberGone()
    name = batch.hash_of(claim)
    if name in batch.given:
        return name
    try:
        chosen = counter.choose(claimant, claim.kind_id)
    except DomainError as refusal:
        return refusal
    counter.take(claimant, chosen)
    batch.fresh[name] = (chosen, claim, claimant)
    batch.given[name] = Given(
        public_id=new_id("vch"),
        round_id=chosen.id,
        kind_id=chosen.kind_public_id,
        kind_title=chosen.kind_title,
        face_fen=chosen.face_fen,
        minimum_spend_fen=chosen.minimum_spend_fen,
        claimed_at=batch.now,
        valid_from=counter.validity[0],
        valid_until=counter.validity[1],
    )
    return name


def _answer(batch: Batch, claim: Claim, said: str | DomainError) -> Answer:
    """What was given; or that under this key something else was given before than is asked for now."""
    if isinstance(said, DomainError):
        return said
    given = batch.given[said]
    if claim.kind_id is not None and claim.kind_id != given.kind_id:
        return DomainError(
            f"这次领取已经领到“{given.kind_title}”。",
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            next_step="请在“我的消费券”里查看；想领另一种，请重新领取。",
            field="idempotencyKey",
        )
    return given
