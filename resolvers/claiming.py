"""Claiming vouchers: in the rush at ten, or by the code on a venue's wall."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import argument

from maps.coordinates import CoordinateOutOfRange, Point
from models.errors import BadInput, DomainError, NotSignedIn
from models.members.queries import SignedIn
from models.staff.powers import demand
from models.staff.rules import Power
from models.vouchers import challenges, venue_codes
from models.vouchers.board import Seen
from models.vouchers.challenges import ChallengeNeeded, Puzzle, Subject
from models.vouchers.claims import Claim, Given
from models.vouchers.rules import Challenge, ClaimWay
from models.vouchers.rush import DoorCrowded
from plans.costs import Weight
from plans.public import Public
from resolvers import pictures
from resolvers.context import Context, Info
from resolvers.errors import UserError, act, user_errors
from resolvers.pictures import PICTURE
from resolvers.scalars import Fen
from resolvers.venues import PointInput

KEY = "Yours for this one claim: with the same key you get the same voucher, as often as you ask."


@strawberry.type(description="A voucher that is yours from now on: it was written down before you read this.")
class ClaimedVoucher:
    id: strawberry.ID
    title: str
    face_value: Fen
    minimum_spend: Fen
    claimed_at: datetime
    valid_from: datetime
    valid_until: datetime

    @classmethod
    def of(cls, given: Given) -> "ClaimedVoucher":
        return cls(
            id=strawberry.ID(given.public_id),
            title=given.kind_title,
            face_value=Fen(given.face_fen),
            minimum_spend=Fen(given.minimum_spend_fen),
            claimed_at=given.claimed_at,
            valid_from=given.valid_from,
            valid_until=given.valid_until,
        )


@strawberry.type(description="The door is crowded (DOOR_CROWDED): how many are before you, and when to come back.")
class ClaimPosition:
    ahead: int
    retry_after_seconds: int


@strawberry.type(
    description=(
        "Find a `solution` of at most 32 characters so that SHA-256 of `puzzle:solution` begins with so many zero bits,"
        " and send both with the same claim. Some seconds of a phone's work; nobody has to look at anything."
    )
)
class ClaimPuzzle:
    puzzle: str
    zero_bits: int
    ends_at: datetime

    @classmethod
    def of(cls, puzzle: Puzzle) -> "ClaimPuzzle":
        return cls(puzzle=puzzle.text, zero_bits=puzzle.bits, ends_at=puzzle.ends_at)


@strawberry.type(
    description="For the countdown: count from `serverNow` by elapsed time, never by the phone's own clock."
)
class ClaimDoor:
    server_now: datetime
    opens_at: datetime | None = strawberry.field(description="When what is open now has opened; null: nothing is.")
    ahead: int = strawberry.field(description="Who waits inside before you.")
    sold_out: bool
    next_opens_at: datetime | None


@strawberry.type(description="What to print and put on the wall at this venue: 进店扫码领券.")
class VenueClaimCode:
    code: str

    @strawberry.field(directives=[PICTURE], description="As QR, SVG text.")
    async def svg(self) -> str:
        return await pictures.svg(self.code)

    @strawberry.field(directives=[PICTURE], description="As QR, PNG in base64.")
    async def png(self) -> str:
        return await pictures.png(self.code)


@strawberry.input(description="What some campaigns and some claims want besides.")
class ClaimProofInput:
    region_key: str | None = strawberry.field(
        default=None, description="Where you are, for campaigns that are for some regions only."
    )
    venue_code: str | None = strawberry.field(default=None, description="What the QR on the venue's wall says.")
    place: PointInput | None = strawberry.field(
        default=None, description="Needed with `venueCode`: where the phone is."
    )
    puzzle: str | None = strawberry.field(default=None, description="With its solution.")
    solution: str | None = None


@strawberry.type
class ClaimVoucherPayload:
    voucher: ClaimedVoucher | None = None
    position: ClaimPosition | None = None
    challenge: ClaimPuzzle | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class ClaimingQueries:
    @strawberry.field(
        directives=[Public(max_age=0), Weight(weight=20)],
        description="How it stands at a campaign's door just now.",
    )
    async def claim_door(self, info: Info, campaign_id: strawberry.ID) -> ClaimDoor:
        door = await info.context.services.rush.door(campaign_id, info.context.now)
        return ClaimDoor(
            server_now=info.context.now,
            opens_at=door.opens_at,
            ahead=door.ahead,
            sold_out=door.is_sold_out,
            next_opens_at=door.next_opens_at,
        )

    @strawberry.field(
        directives=[Weight(weight=50)],
        description="A puzzle for a claim to come, so that it is solved before the round opens; null: none is asked for.",
    )
    async def claim_puzzle(
        self, info: Info, campaign_id: strawberry.ID, idempotency_key: str
    ) -> ClaimPuzzle | None:
        member = await info.context.member()
        seen = await info.context.services.rush.look(campaign_id, info.context.now)
        if seen.terms.who.challenge is Challenge.NEVER:
            return None
        subject = Subject(member_public_id=member.member_public_id, campaign_id=campaign_id, key=idempotency_key)
        is_suspect = seen.terms.who.challenge is Challenge.WHEN_SUSPECT
        return ClaimPuzzle.of(
            challenges.new_puzzle(
                subject, is_suspect=is_suspect, keys=info.context.services.token_keys, now=info.context.now
            )
        )

    @strawberry.field(
        directives=[Weight(weight=100)],
        description="For staff who hand out vouchers at that venue.",
    )
    async def venue_claim_code(
        self, info: Info, campaign_id: strawberry.ID, venue_id: strawberry.ID
    ) -> VenueClaimCode:
        clerk = await info.context.staff()
        await demand(clerk, Power.HAND_OUT_VOUCHERS, venue_id=venue_id)
        code = await venue_codes.for_the_wall(
            info.context.services.code_keys, campaign_id=campaign_id, venue_id=venue_id
        )
        return VenueClaimCode(code=code)


@strawberry.type
class ClaimingActs:
    @act(
        ClaimVoucherPayload,
        "Claims a voucher. A yes is final. CHALLENGE_NEEDED comes with a puzzle, DOOR_CROWDED with a position.",
        weight=300,
    )
    async def claim_voucher(
        self,
        info: Info,
        campaign_id: strawberry.ID,
        idempotency_key: Annotated[str, argument(description=KEY)],
        kind_id: Annotated[strawberry.ID | None, argument(description="Left out: whichever is open.")] = None,
        proof: ClaimProofInput | None = None,
    ) -> ClaimVoucherPayload:
        context = info.context
        if not context.shows_credential():
            raise NotSignedIn

        claim = _Asked(campaign_id, idempotency_key, kind_id)

        async def whom(seen: Seen) -> Claim:
            return await _claim(context, seen, claim, proof)

        try:
            given = await context.services.rush.claim(
                campaign_id=campaign_id, key=idempotency_key, kind_id=kind_id, whom=whom, now=context.now
            )
        except DoorCrowded as crowded:
            position = ClaimPosition(ahead=crowded.ahead, retry_after_seconds=crowded.retry_seconds)
            return ClaimVoucherPayload(position=position, user_errors=[_refused(context, crowded)])
        except ChallengeNeeded as challenged:
            wanted = ClaimPuzzle.of(challenged.puzzle)
            return ClaimVoucherPayload(challenge=wanted, user_errors=[_refused(context, challenged)])
        return ClaimVoucherPayload(voucher=ClaimedVoucher.of(given))


@dataclass(frozen=True, slots=True)
class _Asked:
    campaign_id: str
    key: str
    kind_id: str | None


async def _claim(context: Context, seen: Seen, asked: _Asked, proof: ClaimProofInput | None) -> Claim:
    """Who claims, from where; checked as far as it is not the count's."""
    member = await context.member_in_a_rush()
    if seen.terms.who.challenge is not Challenge.NEVER:
        await _require_no_machine(context, seen.terms.who.challenge, asked, proof, member)
    venue = None
    if proof is not None and proof.venue_code is not None:
        venue = await venue_codes.scanned_at(
            proof.venue_code,
            context.services.code_keys,
            campaign_id=asked.campaign_id,
            terms=seen.terms,
            place=_place(proof.place),
        )
    return Claim(
        member_id=member.member_id,
        member_public_id=member.member_public_id,
        key=asked.key,
        kind_id=asked.kind_id,
        region_key=venue.region_key if venue else (proof and proof.region_key) or "",
        way=ClaimWay.VENUE_CODE if venue else ClaimWay.APP,
        venue_id=venue.id if venue else None,
        device_id=member.device_id,
    )


async def _require_no_machine(
    context: Context, wanted: Challenge, asked: _Asked, proof: ClaimProofInput | None, member: SignedIn
) -> None:
    """Raises ChallengeNeeded. Haste makes a challenge necessary and never refuses: a device may be a whole family's."""
    is_suspect = await context.counted.claims_hastily(member.device_id)
    if not challenges.is_needed(wanted, is_suspect=is_suspect):
        return
    subject = Subject(member_public_id=member.member_public_id, campaign_id=asked.campaign_id, key=asked.key)
    keys, now = context.services.token_keys, context.now
    if proof is not None and challenges.is_solved(
        proof.puzzle or "", proof.solution or "", subject, is_suspect=is_suspect, keys=keys, now=now
    ):
        return
    if not await challenges.has_proved_phone(member.member_id, now):
        raise ChallengeNeeded(challenges.new_puzzle(subject, is_suspect=is_suspect, keys=keys, now=now))


def _place(said: PointInput | None) -> Point | None:
    if said is None:
        return None
    try:
        return Point(said.lon, said.lat, said.system)
    except CoordinateOutOfRange as error:
        raise BadInput(str(error), next_step="请重新定位后再试。", field="place") from error


def _refused(context: Context, refusal: DomainError) -> UserError:
    context.refusals.append(refusal.code)
    return UserError(code=refusal.code, message=refusal.sentence(), field=refusal.field)
