"""Claiming at the public door: by tapping, by the code on a venue's wall, and what machines have to do."""

import base64
import itertools
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bff.graphql.budgets import HASTE
from models import database
from models.vouchers import challenges, rush, venue_codes
from models.vouchers.challenges import Puzzle, Subject
from models.vouchers.rules import Challenge, Terms, Who
from models.vouchers.tables import Voucher
from tests.conftest import NOW
from tests.factories.feedback import a_venue_in, divisions
from tests.factories.people import CODE_KEYS, TOKEN_KEYS
from tests.factories.vouchers import ACampaign, a_campaign
from tests.house import Citizen, House, nothing_changes
from tests.resolvers import documents_claiming as documents


async def claim(citizen: Citizen, campaign: ACampaign, key: str = "", **more: Any) -> Any:
    return await citizen.ask(
        documents.CLAIM_VOUCHER, campaignId=campaign.public_id, idempotencyKey=key or secrets.token_hex(8), **more
    )


def solved(puzzle: Any) -> dict[str, str]:
    """What a client does with a challenge."""
    known = Puzzle(text=puzzle["puzzle"], bits=puzzle["zeroBits"], ends_at=NOW)
    return {"puzzle": known.text, "solution": challenges.solve(known)}


def unsolved(puzzle: str) -> dict[str, str]:
    """A solution that is none. With few bits any number may happen to be one."""
    guesses = map(str, itertools.count())
    wrong = next(guess for guess in guesses if not challenges.has_worked(puzzle, guess, challenges.BITS))
    return {"puzzle": puzzle, "solution": wrong}


@pytest.fixture(autouse=True)
def _easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test machine has other things to compute."""
    monkeypatch.setattr(challenges, "BITS", 6)
    monkeypatch.setattr(challenges, "BITS_WHEN_SUSPECT", 9)


async def test_a_citizen_claims_and_hears_the_same_under_the_same_key(house: House) -> None:
    campaign, citizen = await a_campaign(), await house.citizen()
    answer = (await claim(citizen, campaign, "tap-1")).value
    voucher = await Voucher.get(public_id=answer["voucher"]["id"])
    assert answer == {
        "voucher": {
            "id": voucher.public_id,
            "title": "满40减20",
            "faceValue": 2000,
            "minimumSpend": 4000,
            "claimedAt": voucher.claimed_at.isoformat(),
            "validFrom": voucher.claimed_at.isoformat(),
            "validUntil": "2026-11-27T16:00:00+00:00",
        },
        "position": None,
        "challenge": None,
        "userErrors": [],
    }
    assert (await claim(citizen, campaign, "tap-1")).value == answer
    assert (voucher.claim_way, voucher.claim_venue_id) == ("APP", None)
    async with nothing_changes():
        again = await claim(citizen, campaign, "tap-2")
    assert again.refusal.code == "CLAIM_LIMIT"


async def test_nobody_claims_without_a_sign_in_or_with_one_that_is_no_more(house: House) -> None:
    campaign = await a_campaign()
    variables = {"campaignId": campaign.public_id, "idempotencyKey": "1"}
    async with nothing_changes():
        for authorization in ("", "Bearer nobodys", "Staff nobodys"):
            answer = await house.ask(documents.CLAIM_VOUCHER, variables, authorization)
            assert answer.refusal.code == "NOT_SIGNED_IN"


async def test_what_is_not_there_or_cannot_be_is_refused(house: House) -> None:
    campaign, citizen = await a_campaign(), await house.citizen()
    async with nothing_changes():
        assert (await claim(citizen, replace(campaign, public_id="cmp_NO"))).refusal.code == "CAMPAIGN_UNKNOWN"
        assert (await claim(citizen, campaign, "钥匙")).refusal.field == "idempotencyKey"
        assert (await claim(citizen, campaign, "k" * 65)).refusal.code == "BAD_INPUT"
        assert (await claim(citizen, campaign, kindId="vkd_NO")).refusal.code == "ROUND_NOT_OPEN"


async def test_at_a_crowded_door_the_answer_has_a_position(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rush, "LEAST_DOOR", 0)
    monkeypatch.setattr(rush, "WAIT_SECONDS", 0)
    campaign, citizen = await a_campaign(), await house.citizen()
    async with nothing_changes():
        answer = await claim(citizen, campaign)
    payload = answer.said["data"]["claimVoucher"]
    assert payload["position"] == {"ahead": 0, "retryAfterSeconds": 1}
    assert payload["userErrors"][0]["code"] == "DOOR_CROWDED"
    assert payload["voucher"] is None


async def test_the_door_tells_the_time_to_whoever_asks(house: House) -> None:
    tomorrow = NOW + timedelta(days=1)
    campaign = await a_campaign(rounds=[(tomorrow, tomorrow + timedelta(hours=1), 5)])
    door = (await house.ask(documents.CLAIM_DOOR, {"campaignId": campaign.public_id})).value
    assert NOW <= datetime.fromisoformat(door.pop("serverNow")) <= house.now()
    assert door == {
        "opensAt": None,
        "ahead": 0,
        "soldOut": False,
        "nextOpensAt": "2026-11-21T02:00:00+00:00",
    }
    draft = await a_campaign(state="DRAFT")  # type: ignore[arg-type]
    unknown = await house.ask(documents.CLAIM_DOOR, {"campaignId": draft.public_id})
    assert unknown.refusal.code == "CAMPAIGN_UNKNOWN"


async def test_a_challenge_is_computed_for_one_claim_and_may_be_asked_for_before(house: House) -> None:
    campaign = await a_campaign(terms=Terms(who=Who(challenge=Challenge.ALWAYS)))
    citizen, other = await house.citizen(), await house.citizen(device_id="phone-2")
    async with nothing_changes():
        first = (await claim(citizen, campaign, "tap")).said["data"]["claimVoucher"]
        assert first["userErrors"][0]["code"] == "CHALLENGE_NEEDED"
        assert "短信" in first["userErrors"][0]["message"]
        assert "前台" in first["userErrors"][0]["message"]
        proof = solved(first["challenge"])
        for who, key, said in (
            (citizen, "another-tap", proof),
            (other, "tap", proof),
            (citizen, "tap", unsolved(proof["puzzle"])),
            (citizen, "tap", {**proof, "puzzle": proof["puzzle"][:-1] + "z"}),
            (citizen, "tap", {**proof, "puzzle": "没有"}),
        ):
            answer = (await claim(who, campaign, key, proof=said)).said["data"]["claimVoucher"]
            assert answer["voucher"] is None
            assert answer["challenge"] is not None
    proof = solved(answer["challenge"])  # harder by now: so many tries from one device
    assert (await claim(citizen, campaign, "tap", proof=proof)).value["voucher"]
    before = await other.ask(documents.CLAIM_PUZZLE, campaignId=campaign.public_id, idempotencyKey="mine")
    assert (await claim(other, campaign, "mine", proof=solved(before.value))).value["voucher"]


async def test_a_puzzle_ends_and_an_easy_one_is_no_proof_for_a_suspect() -> None:
    subject = Subject(member_public_id="mem_1", campaign_id="cmp_1", key="tap")
    puzzle = challenges.new_puzzle(subject, is_suspect=False, keys=TOKEN_KEYS, now=NOW)
    solution = challenges.solve(puzzle)

    def holds(**changed: Any) -> bool:
        how = {"is_suspect": False, "now": NOW, **changed}
        return challenges.is_solved(puzzle.text, solution, subject, keys=TOKEN_KEYS, **how)

    assert holds()
    assert holds(now=NOW + challenges.LIFE - timedelta(seconds=1))
    assert not holds(now=NOW + challenges.LIFE)
    assert not holds(is_suspect=True)


async def test_whose_phone_cannot_compute_proves_their_number_instead(house: House) -> None:
    campaign = await a_campaign(terms=Terms(who=Who(challenge=Challenge.ALWAYS)))
    citizen = await house.citizen()
    member = await database.row("SELECT id FROM member")
    assert member is not None
    assert (await claim(citizen, campaign)).said["data"]["claimVoucher"]["challenge"]
    await database.rows(
        """INSERT INTO member_phone (member_id, sealed, seal_key_id, lookup_hash, lookup_key_id, bound_at, proved_at)
           VALUES ($1, $2, '1', 'h', '1', $3, $3)""",
        member["id"],
        b"",
        NOW - challenges.PHONE_PROVED_WITHIN,
    )
    assert (await claim(citizen, campaign)).said["data"]["claimVoucher"]["challenge"]
    await database.rows("UPDATE member_phone SET proved_at = $1", NOW - timedelta(minutes=1))
    assert (await claim(citizen, campaign)).value["voucher"]


async def test_haste_on_one_device_makes_a_challenge_necessary_and_never_refuses(house: House) -> None:
    campaign = await a_campaign(terms=Terms(who=Who(challenge=Challenge.WHEN_SUSPECT)))
    most = HASTE["device"][0]
    family = [await house.citizen() for _ in range(most + 2)]
    assert len({citizen.device_id for citizen in family}) == 1
    answers = [(await claim(citizen, campaign, "tap")).said["data"]["claimVoucher"] for citizen in family]
    assert [bool(answer["voucher"]) for answer in answers] == [True] * most + [False] * 2
    puzzle = answers[-1]["challenge"]
    assert puzzle["zeroBits"] == challenges.BITS_WHEN_SUSPECT
    assert (await claim(family[-1], campaign, "tap", proof=solved(puzzle))).value["voucher"]


async def test_the_code_on_the_wall_claims_at_that_venue_and_only_near_it(house: House) -> None:
    await divisions()
    venue = await a_venue_in("510107", "武侯馆")
    elsewhere = await a_venue_in("510104", "锦江馆")
    campaign, other, citizen = await a_campaign(venue), await a_campaign(), await house.citizen()
    clerk = await house.clerk(venue.public_id)
    wall = {"campaignId": campaign.public_id, "venueId": venue.public_id}
    poster = (await clerk.ask(documents.VENUE_CLAIM_CODE, **wall)).value
    assert poster["svg"].lstrip().startswith("<?xml")
    assert base64.b64decode(poster["png"]).startswith(b"\x89PNG")
    far = {"lon": venue.lon, "lat": venue.lat + 0.0054, "system": "WGS84"}  # 600 m
    other_country = {"lon": 0.0, "lat": 0.0, "system": "WGS84"}
    near = {"lon": venue.lon, "lat": venue.lat + 0.0036, "system": "WGS84"}
    async with nothing_changes():
        too_far = await claim(citizen, campaign, proof={"venueCode": poster["code"], "place": far})
        assert too_far.refusal.code == "TOO_FAR"
        assert "600米" in too_far.refusal.message
        for place in (other_country, {**near, "lon": 999.0}):
            asked = await claim(citizen, campaign, proof={"venueCode": poster["code"], "place": place})
            assert asked.refusal.code in ("TOO_FAR", "BAD_INPUT")
        nowhere = (await claim(citizen, campaign, proof={"venueCode": poster["code"]})).refusal
        assert (nowhere.code, nowhere.field) == ("PLACE_NEEDED", "place")
        forged = poster["code"].replace(venue.public_id, elsewhere.public_id)
        for wrong, which in ((poster["code"], other), (forged, campaign), ("1.a.b.c", campaign)):
            code = (await claim(citizen, which, proof={"venueCode": wrong})).refusal.code
            assert code == "VENUE_CODE_INVALID"
    given = (await claim(citizen, campaign, proof={"venueCode": poster["code"], "place": near})).value
    voucher = await Voucher.get(public_id=given["voucher"]["id"])
    assert (voucher.claim_way, voucher.claim_venue_id) == ("VENUE_CODE", venue.id)


async def test_only_staff_of_the_venue_print_its_code(house: House) -> None:
    await divisions()
    venue, elsewhere = await a_venue_in("510107", "武侯馆"), await a_venue_in("510104", "锦江馆")
    campaign, citizen = await a_campaign(), await house.citizen()
    stranger = await house.clerk(elsewhere.public_id)
    wall = {"campaignId": campaign.public_id, "venueId": venue.public_id}
    assert (await stranger.ask(documents.VENUE_CLAIM_CODE, **wall)).refusal.code == "NOT_ALLOWED"
    assert (await citizen.ask(documents.VENUE_CLAIM_CODE, **wall)).refusal.code == "NOT_SIGNED_IN"
    clerk = await house.clerk(venue.public_id)
    draft = await a_campaign(state="DRAFT")  # type: ignore[arg-type]
    nothing = await clerk.ask(documents.VENUE_CLAIM_CODE, **{**wall, "campaignId": draft.public_id})
    assert nothing.refusal.code == "CAMPAIGN_UNKNOWN"
    not_here = await a_campaign(elsewhere)
    nothing = await clerk.ask(documents.VENUE_CLAIM_CODE, **{**wall, "campaignId": not_here.public_id})
    assert nothing.refusal.code == "VOUCHER_WRONG_PLACE"


def test_a_code_of_another_key_is_none_of_ours() -> None:
    code = venue_codes.make(CODE_KEYS, campaign_id="cmp_AA", venue_id="ven_BB")
    assert venue_codes.venue_in(code, CODE_KEYS, campaign_id="cmp_AA") == "ven_BB"
    with pytest.raises(venue_codes.VenueCodeInvalid):
        venue_codes.venue_in(code, replace(CODE_KEYS, masters={1: b"x" * 32}), campaign_id="cmp_AA")
