"""Giving out vouchers: exact, in order of arrival, and a no that says which rule and when it lifts."""

import asyncio
import contextvars
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from models import database
from models.calendar import instant_of
from models.errors import DomainError, ErrorCode
from models.regions.tables import Region
from models.vouchers import claim_writing, claimants
from models.vouchers.claiming import claim_many, claim_one
from models.vouchers.claims import Answer, Claim, Given
from models.vouchers.drafting import KindWanted, RoundWanted
from models.vouchers.ending import expire_vouchers
from models.vouchers.rules import AgeGroup, ClaimLimits, Terms, Validity, VoucherState, Who
from models.vouchers.tables import Voucher, VoucherKind, VoucherPool, VoucherRound
from models.vouchers.writing import write_kind
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.names import CHILD, GRANDMOTHER, MOTHER, Authority, authority, authority_folder, verify
from tests.factories.people import a_member
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher
from tests.queueing import one_after_another

__all__ = ["authority", "authority_folder"]

_keys = count(1)


async def a_claim(member_id: int | None = None, **more: Any) -> Claim:
    """Of this member, or of somebody new; under a key of its own."""
    member_id = member_id or (await a_member())[0]
    member = await database.row("SELECT public_id FROM member WHERE id = $1", member_id)
    assert member is not None
    return Claim(
        member_id=member_id, member_public_id=member["public_id"], **{"key": f"key-{next(_keys)}", **more}
    )


async def claims(number: int) -> list[Claim]:
    return [await a_claim() for _ in range(number)]


async def claimed(campaign: ACampaign, *wanted: Claim, now: Any = NOW) -> list[Answer]:
    return await claim_many(campaign_id=campaign.public_id, claims=wanted, id_keys=ID_KEYS, now=now)


def codes(answers: list[Answer]) -> list[str]:
    return ["given" if isinstance(each, Given) else each.code.value for each in answers]


async def stock(campaign: ACampaign) -> tuple[int, int, int]:
    """Vouchers there are, how many the rounds have left, and whether each fen of the budget is somewhere: 0."""
    (found,) = await database.rows(
        """SELECT (SELECT count(*) FROM voucher WHERE campaign_id = $1) AS vouchers,
                  (SELECT sum(remaining) FROM voucher_round WHERE campaign_id = $1) AS remaining,
                  (SELECT sum(budget_fen - free_fen) FROM voucher_pool WHERE campaign_id = $1)
                  - (SELECT COALESCE(sum(face_fen), 0) FROM voucher
                      WHERE campaign_id = $1 AND state <> 'RETURNED') AS astray""",
        campaign.id,
    )
    return found["vouchers"], int(found["remaining"]), int(found["astray"])


async def refused(campaign: ACampaign, claim: Claim, now: Any = NOW) -> DomainError:
    before = await stock(campaign)
    (answer,) = await claimed(campaign, claim, now=now)
    assert isinstance(answer, DomainError)
    assert await stock(campaign) == before
    return answer


async def test_a_claim_gives_a_voucher_and_takes_it_from_round_and_pool(db: Database) -> None:
    campaign = await a_campaign(quantity=3)
    claim = await a_claim(device_id="phone-7")
    given = await claim_one(campaign_id=campaign.public_id, claim=claim, id_keys=ID_KEYS, now=NOW)
    voucher = await Voucher.get(public_id=given.public_id)
    assert (voucher.state, voucher.member_id, voucher.face_fen, voucher.minimum_spend_fen) == (
        VoucherState.CLAIMED,
        claim.member_id,
        20_00,
        40_00,
    )
    assert (voucher.claim_way, voucher.terms_version, voucher.round_id) == ("APP", 1, campaign.round_id)
    assert (voucher.claim_day, voucher.valid_from) == (date(2026, 11, 20), NOW)
    assert voucher.valid_until == instant_of(date(2026, 11, 27), 24 * 60) == given.valid_until
    assert (len(voucher.claim_device), len(voucher.handle)) == (32, 10)
    assert await stock(campaign) == (1, 2, 0)


async def test_the_last_ones_go_to_whoever_came_first_and_the_rest_hear_when_the_next_round_opens(
    db: Database,
) -> None:
    tomorrow = NOW + timedelta(days=1)
    rounds = [(NOW, NOW + timedelta(hours=1), 3), (tomorrow, tomorrow + timedelta(hours=1), 5)]
    campaign = await a_campaign(rounds=rounds)
    answers = await claimed(campaign, *await claims(5))
    assert codes(answers) == ["given"] * 3 + ["VOUCHERS_SOLD_OUT"] * 2
    no = answers[-1]
    assert isinstance(no, DomainError)
    assert no.sentence() == "这一轮消费券已经领完。下一轮11月21日 10:00开始。"
    assert await stock(campaign) == (3, 5, 0)


async def test_the_same_key_is_the_same_voucher_even_after_sold_out_paused_and_closed(db: Database) -> None:
    campaign = await a_campaign(quantity=1)
    claim = await a_claim()
    first, twin, other = await claimed(campaign, claim, claim, await a_claim())
    assert isinstance(first, Given)
    assert twin == first
    assert codes([other]) == ["VOUCHERS_SOLD_OUT"]
    for state in ("OPEN", "PAUSED", "CLOSED"):
        await database.rows("UPDATE voucher_campaign SET state = $1 WHERE id = $2", state, campaign.id)
        (again,) = await claimed(campaign, claim, now=NOW + timedelta(days=2))
        assert again == first
    assert await stock(campaign) == (1, 0, 0)


async def test_a_key_under_which_one_denomination_was_given_gives_no_other(db: Database) -> None:
    campaign = await a_campaign()
    claim = await a_claim()
    wanted = replace(claim, kind_id=campaign.kind_public_id)
    (first,) = await claimed(campaign, claim)
    assert await claimed(campaign, claim, wanted) == [first, first]  # it is what was given
    (reused,) = await claimed(campaign, replace(claim, kind_id="vkd_OTHER"))
    assert isinstance(reused, DomainError)
    assert (reused.code, reused.field) == (ErrorCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey")
    assert await stock(campaign) == (1, 99, 0)


async def test_a_key_may_be_used_again_at_another_campaign_and_by_somebody_else(db: Database) -> None:
    one, other = await a_campaign(), await a_campaign()
    claim = await a_claim(key="1")
    await claimed(one, claim)
    assert codes(await claimed(other, claim)) == ["given"]
    assert codes(await claimed(one, await a_claim(key="1"))) == ["given"]
    assert len({voucher.claim_hash[:16] for voucher in await Voucher.filter(campaign_id=one.id)}) == 1


async def test_the_pool_may_run_out_before_the_round(db: Database) -> None:
    campaign = await a_campaign(quantity=10, budget_fen=50_00)
    assert codes(await claimed(campaign, *await claims(4))) == ["given"] * 2 + ["VOUCHERS_SOLD_OUT"] * 2
    assert await stock(campaign) == (2, 8, 0)


LIMITS = [
    (ClaimLimits(a_round=None, in_all=2), "每人总共限领2张，您已领过2张。请看看别的活动。"),
    (ClaimLimits(a_round=2), "每人每轮限领2张，您已领过2张。您可以把已领的券先用掉。"),
    (ClaimLimits(a_round=None, a_day=2), "每人每天限领2张，您已领过2张。11月21日起可以再领。"),
    (ClaimLimits(a_round=None, a_week=2), "每人每周限领2张，您已领过2张。11月23日起可以再领。"),
    (ClaimLimits(a_round=None, a_month=2), "每人每月限领2张，您已领过2张。12月1日起可以再领。"),
    (ClaimLimits(a_round=None, held=2), "每人手上未用的券限领2张，您已领过2张。用掉一张后可以再领。"),
]


@pytest.mark.parametrize(("limits", "sentence"), LIMITS)
async def test_each_limit_holds_within_a_batch_and_says_which_and_until_when(
    db: Database, limits: ClaimLimits, sentence: str
) -> None:
    campaign = await a_campaign(terms=Terms(limits=limits))
    first = await a_claim()
    mine = [replace(first, key=f"again-{number}") for number in range(3)]
    answers = await claimed(campaign, first, *mine[:1])
    assert codes(answers) == ["given", "given"]
    no = await refused(campaign, mine[1])
    assert (no.code, no.sentence()) == (ErrorCode.CLAIM_LIMIT, sentence)
    assert codes(await claimed(campaign, await a_claim())) == ["given"]


async def test_limits_of_time_lift_and_a_used_voucher_is_not_held(db: Database) -> None:
    limits = ClaimLimits(a_round=None, a_day=1, a_week=2, a_month=3)
    campaign = await a_campaign(terms=Terms(limits=limits), rounds=[(NOW, NOW + timedelta(days=60), 50)])
    claim = await a_claim()

    async def on(days: int) -> str:
        wanted = replace(claim, key=f"on-{days}")
        return codes(await claimed(campaign, wanted, now=NOW + timedelta(days=days)))[0]

    # 20 November 2026 is a Friday: a day, then the week (until Sunday), then the month (until Monday week)
    assert [await on(0), await on(0)] == ["given", "given"]  # the same key
    assert [await on(1), await on(2)] == ["given", "CLAIM_LIMIT"]
    assert [await on(3), await on(4)] == ["given", "CLAIM_LIMIT"]
    assert await on(11) == "given"

    held = await a_campaign(terms=Terms(limits=ClaimLimits(a_round=None, held=1)))
    await a_voucher(claim.member_id, held, claimed_at=NOW - timedelta(days=9))  # its time is over, the job is late
    await a_voucher(claim.member_id, held, VoucherState.RETURNED)
    assert codes(await claimed(held, claim, await a_claim(claim.member_id))) == ["given", "CLAIM_LIMIT"]


async def test_outside_its_rounds_a_campaign_gives_nothing_and_says_when_the_next_one_opens(db: Database) -> None:
    campaign = await a_campaign(rounds=[(NOW, NOW + timedelta(hours=1), 5)])
    claim = await a_claim()
    early = await refused(campaign, claim, NOW - timedelta(seconds=1))
    assert (early.code, early.next_step) == (ErrorCode.ROUND_NOT_OPEN, "下一轮11月20日 10:00开始。")
    late = await refused(campaign, claim, NOW + timedelta(hours=1))
    assert (late.code, late.next_step) == (ErrorCode.ROUND_NOT_OPEN, "请看看别的活动。")
    assert (await refused(campaign, replace(claim, kind_id="vkd_OTHER"))).code == ErrorCode.ROUND_NOT_OPEN
    assert codes(await claimed(campaign, replace(claim, kind_id=campaign.kind_public_id))) == ["given"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("DRAFT", "CAMPAIGN_UNKNOWN"),
        ("REVIEWED", "CAMPAIGN_UNKNOWN"),
        ("PAUSED", "CAMPAIGN_NOT_OPEN"),
        ("CLOSED", "CAMPAIGN_NOT_OPEN"),
        ("SETTLED", "CAMPAIGN_NOT_OPEN"),
    ],
)
async def test_only_an_open_campaign_gives(db: Database, state: Any, code: str) -> None:
    campaign = await a_campaign(state=state)
    assert (await refused(campaign, await a_claim())).code == code


async def test_nothing_is_given_of_a_campaign_that_is_not_there_or_whose_last_day_of_use_is_over(
    db: Database,
) -> None:
    campaign = await a_campaign(terms=Terms(validity=Validity(days=None, until_day=date(2026, 11, 19))))
    assert (await refused(campaign, await a_claim())).code == ErrorCode.CAMPAIGN_NOT_OPEN
    nowhere = replace(campaign, public_id="cmp_NOWHERE")
    assert (await refused(nowhere, await a_claim())).code == ErrorCode.CAMPAIGN_UNKNOWN


async def test_calendar_days_bound_what_counts_from_the_claim(db: Database) -> None:
    validity = Validity(days=7, from_day=date(2026, 11, 22), until_day=date(2026, 11, 24))
    campaign = await a_campaign(terms=Terms(validity=validity))
    (given,) = await claimed(campaign, await a_claim())
    assert isinstance(given, Given)
    assert given.valid_from == instant_of(date(2026, 11, 22), 0)
    assert given.valid_until == instant_of(date(2026, 11, 25), 0)


async def test_a_young_account_hears_from_when_on_it_may_claim(db: Database) -> None:
    campaign = await a_campaign(terms=Terms(who=Who(account_days=3)))
    member_id, _ = await a_member(now=NOW - timedelta(days=3, seconds=-1))
    no = await refused(campaign, await a_claim(member_id))
    assert (no.code, no.next_step) == (ErrorCode.ACCOUNT_TOO_NEW, "您的账号11月20日 10:00起可以领取。")
    assert codes(await claimed(campaign, await a_claim(member_id), now=NOW + timedelta(seconds=1))) == ["given"]


async def test_a_real_name_is_demanded_counted_by_and_known_for_its_age(
    db: Database, authority: Authority
) -> None:
    terms = Terms(who=Who(real_name=True, age_groups=frozenset({AgeGroup.ELDER, AgeGroup.CHILD})))
    campaign = await a_campaign(terms=terms)
    nameless, old, grown = await a_claim(), await a_claim(), await a_claim()
    await verify(old.member_id, GRANDMOTHER, authority)
    await verify(grown.member_id, MOTHER, authority)
    assert codes(await claimed(campaign, nameless, old, grown)) == [
        "REAL_NAME_NEEDED",
        "given",
        "CLAIM_NOT_FOR_YOU",
    ]
    voucher = await Voucher.get(member_id=old.member_id)
    assert voucher.person_id is not None
    # the same person with another account: what they had before counts
    await database.rows("UPDATE real_name SET member_id = $1 WHERE id = $2", nameless.member_id, voucher.person_id)
    only_named = await a_campaign(terms=Terms(who=Who(real_name=True)))
    moved = {"campaign_id": only_named.id, "round_id": only_named.round_id, "kind_id": only_named.kind_id}
    await Voucher.filter(id=voucher.id).update(**moved)
    no = await refused(only_named, replace(nameless, key="with-the-other-account"))
    assert no.code == ErrorCode.CLAIM_LIMIT
    assert CHILD.born_on.year == 2015


async def test_first_timers_and_regions(db: Database) -> None:
    await Region.create(key="510000", name="四川省", level="PROVINCE")
    await Region.create(key="510104", name="锦江区", level="DISTRICT", parent_key="510000")
    there = await a_campaign(terms=Terms(who=Who(regions=frozenset({"510000"}))))
    inside, outside = await a_claim(region_key="510104"), await a_claim(region_key="500103")
    assert codes(await claimed(there, inside, outside, await a_claim())) == [
        "given",
        "CLAIM_NOT_FOR_YOU",
        "CLAIM_NOT_FOR_YOU",
    ]
    first = await a_campaign(terms=Terms(who=Who(first_timers=True)))
    await Voucher.filter(member_id=inside.member_id).update(state=VoucherState.USED)
    assert codes(await claimed(first, inside, outside)) == ["CLAIM_NOT_FOR_YOU", "given"]


async def test_whoever_is_joined_or_deleted_is_refused_and_nobody_else(db: Database) -> None:
    campaign = await a_campaign()
    joined, deleted, living = await claims(3)
    await database.rows("UPDATE member SET joined_to_id = $1 WHERE id = $2", living.member_id, joined.member_id)
    await database.rows("UPDATE member SET deleted_at = $1 WHERE id = $2", NOW, deleted.member_id)
    assert codes(await claimed(campaign, joined, deleted, living)) == ["NOT_SIGNED_IN", "NOT_SIGNED_IN", "given"]
    assert await stock(campaign) == (1, 99, 0)


async def test_a_claim_whose_voucher_has_moved_to_another_account_is_not_served_twice(db: Database) -> None:
    campaign = await a_campaign()
    claim = await a_claim()
    (given,) = await claimed(campaign, claim)
    assert isinstance(given, Given)
    other, _ = await a_member()
    await Voucher.filter(public_id=given.public_id).update(member_id=other)
    again, fresh = await claimed(campaign, claim, await a_claim())
    assert again == given
    assert isinstance(fresh, Given)
    assert await stock(campaign) == (2, 98, 0)


async def test_a_twin_of_a_handle_is_dealt_again(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await a_campaign()
    dealt = iter(["0000000001", "0000000001", "0000000002", "0000000003", "0000000004"])
    monkeypatch.setattr(claim_writing, "new_handle", lambda: next(dealt))
    assert codes(await claimed(campaign, await a_claim())) == ["given"]
    assert codes(await claimed(campaign, *await claims(2))) == ["given", "given"]
    assert {voucher.handle for voucher in await Voucher.all()} == {"0000000001", "0000000003", "0000000004"}
    assert await stock(campaign) == (3, 97, 0)


@pytest.mark.postgres
async def test_of_sixty_four_at_once_one_gets_the_last_voucher(db: Database) -> None:
    campaign = await a_campaign(quantity=1)
    wanted = await claims(64)
    answers = await asyncio.gather(*[claimed(campaign, each) for each in wanted])
    assert Counter(code for each in answers for code in codes(each)) == {"given": 1, "VOUCHERS_SOLD_OUT": 63}
    assert await stock(campaign) == (1, 0, 0)


@pytest.mark.postgres
async def test_batches_at_once_give_out_every_voucher_and_nobody_gets_two(db: Database) -> None:
    campaign = await a_campaign(quantity=50, terms=Terms(limits=ClaimLimits(a_round=1, in_all=1)))
    wanted = await claims(60)
    twice = [replace(each, key=f"{each.key}-again") for each in wanted]
    both = [*wanted, *twice]
    batches = [both[start::8] for start in range(8)]
    answers = await asyncio.gather(*[claimed(campaign, *batch) for batch in batches])
    assert Counter(codes([one for each in answers for one in each]))["given"] == 50
    assert len(set(await Voucher.all().values_list("member_id", flat=True))) == 50
    assert await stock(campaign) == (50, 0, 0)


@pytest.mark.postgres
async def test_a_batch_does_not_wait_for_a_member_whom_another_act_holds(db: Database) -> None:
    campaign = await a_campaign()
    held, free = await claims(2)
    async with in_transaction():
        await database.rows("SELECT id FROM member WHERE id = $1 FOR UPDATE", held.member_id)
        answers = await asyncio.create_task(_elsewhere(campaign, held, free))
    assert codes(answers) == ["BUSY", "given"]
    assert codes(await claimed(campaign, held)) == ["given"]


@pytest.mark.postgres
async def test_a_batch_over_two_pools_and_the_expiry_of_both_lock_them_in_the_same_order(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An act that died in a deadlock is run again by itself: so here it is run once, and would say so."""
    monkeypatch.setattr(database, "_TRIES", 1)
    campaign, second = await a_campaign_of_two_pools()
    for each in (campaign, second):
        await a_voucher((await a_member())[0], each, claimed_at=NOW - timedelta(days=8))
    wanted = [await a_claim(kind_id=each.kind_public_id) for each in (campaign, second)]
    pools = [campaign.pool_id, second.pool_id]
    assert pools == sorted(pools)
    await VoucherPool.filter(id=pools[0]).update(name="市级资金")  # whose row lies behind the other's from here on
    both = await one_after_another(
        pools[:1], expire_vouchers(now=NOW), claimed(campaign, *wanted), table="voucher_pool"
    )
    assert not [each for each in both if isinstance(each, Exception)]
    assert (both[0], codes(both[1])) == (2, ["given", "given"])
    assert await stock(campaign) == (4, 196, 0)
    free = [(await VoucherPool.get(id=pool)).free_fen for pool in pools]
    assert free == [10_000_00 - 20_00, 10_000_00 - 20_00]


async def a_campaign_of_two_pools() -> tuple[ACampaign, ACampaign]:
    """The same campaign twice, each with one of its pools, and the kind and round of that."""
    campaign = await a_campaign()
    kind = KindWanted(
        title="满60减20",
        face_fen=20_00,
        minimum_spend_fen=60_00,
        rounds=(RoundWanted(opens_at=NOW - timedelta(hours=1), closes_at=NOW + timedelta(days=1), quantity=100),),
    )
    pool = await VoucherPool.create(
        campaign_id=campaign.id, name="区级资金", budget_fen=10_000_00, free_fen=10_000_00
    )
    await write_kind(campaign.id, pool.id, kind)
    made = await VoucherKind.get(pool_id=pool.id)
    offered = await VoucherRound.get(kind_id=made.id)
    return campaign, replace(
        campaign,
        pool_id=pool.id,
        kind_id=made.id,
        kind_public_id=made.public_id,
        round_id=offered.id,
        round_public_id=offered.public_id,
    )


async def _elsewhere(campaign: ACampaign, *wanted: Claim) -> list[Answer]:
    """On a connection of its own: a task inherits its maker's transaction."""
    return await asyncio.create_task(claimed(campaign, *wanted), context=contextvars.Context())


@pytest.mark.postgres
async def test_counting_some_peoples_vouchers_never_reads_the_whole_campaigns(db: Database) -> None:
    """In the middle of a rush, with statistics of before it, PostgreSQL must still find both indexes."""
    campaign = await a_campaign()
    voucher = await a_voucher((await a_member())[0], campaign, person_id=1)
    columns = [name for name in Voucher._meta.fields_db_projection if name not in ("id", *_EACH_ITS_OWN)]
    given = f"""INSERT INTO voucher ({", ".join(columns)}, {", ".join(_EACH_ITS_OWN)})
                SELECT {", ".join(columns)}, {", ".join(["n"] * len(_EACH_ITS_OWN))}
                  FROM voucher, generate_series($1::int, $2::int) n WHERE id = {voucher.id}"""
    for gone in (0, 100, 3000):  # they leave pages behind, which make whatever comes then look like little
        async with in_transaction() as rush:
            await database.rows("SET LOCAL session_replication_role = replica")  # nobody needs 3,000 members here
            await database.rows(given, 101, 100 + gone)
            await database.rows("DELETE FROM voucher WHERE id <> $1", voucher.id)
            await database.rows(given, 2, 100)
            # Not the statistics of whatever test ran before, and nobody's newer ones until the end.
            await database.rows("ANALYZE voucher")
            await database.rows(given, 101, 3000)
            plan = await database.rows(f"EXPLAIN {claimants._OF_THE_PERSON}", campaign.id, [1, 2, 3], [4, 5, 6])
            await rush.rollback()
        said = "\n".join(line[0] for line in plan)
        assert "Seq Scan" not in said, said
        for column in ("person_id", "member_id"):
            assert f"Index Cond: ({column} = ANY" in said, said


_EACH_ITS_OWN = ("public_id", "claim_hash", "handle", "member_id", "person_id")
