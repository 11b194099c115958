"""Serving at a desk whoever has an ID card and no phone: find, verify, grant, invite a helper, book."""

from datetime import date, datetime
from typing import Self

import strawberry

from models.checkout import at_desk, people_at_desk
from models.checkout.people_at_desk import MOST_AHEAD, MOST_TODAY, AdmissionToday, BookingAhead
from models.consents.rules import Purpose
from models.families import inviting_helpers, unbinding
from models.privacy import withdrawing
from models.real_names import at_desk as people
from models.real_names import concessions
from models.real_names.at_desk import PersonHere
from models.real_names.rules import AgeBand, Assurance, ConcessionKind
from plans.costs import ListSize
from resolvers.acting import HelperPower
from resolvers.context import Info
from resolvers.desk_money.types import DeskOrder
from resolvers.errors import UserError, act, user_errors
from resolvers.families import InvitationPayload, NewInvitation
from resolvers.order_lines import OrderLineInput, lines_wanted
from resolvers.real_names import CONCESSIONS_EXPECTED, VERIFYING_WEIGHT, Concession


@strawberry.type(description="A place that the person has here today, with the code to redeem it by.")
class DeskAdmission:
    id: strawberry.ID
    order_no: str
    title: str
    seat: int
    opens_at: datetime
    starts_at: datetime
    ends_at: datetime
    is_inside: bool
    printed_code: str = strawberry.field(description="For `redeem`, with `idChecked`.")

    @classmethod
    def of(cls, found: AdmissionToday) -> Self:
        row = found.row
        return cls(
            id=strawberry.ID(row["public_id"]),
            order_no=row["order_no"],
            title=row["title"],
            seat=row["seat"],
            opens_at=row["opens_at"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            is_inside=bool(row["is_inside"]),
            printed_code=found.printed_code,
        )


@strawberry.type(description="An order at this venue of which something is still to come.")
class DeskBooking:
    order_no: str
    titles: str
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, found: BookingAhead) -> Self:
        return cls(order_no=found.order_no, titles=found.titles, starts_at=found.starts_at, ends_at=found.ends_at)


@strawberry.type(
    description="Whom a clerk has before them: masked, and what they have at this venue today and ahead. Acts that take "
    "`personId` work for half an hour after the card was read, for that clerk at that venue."
)
class DeskPerson:
    person_id: strawberry.ID
    masked_name: str
    level: Assurance
    age_band: AgeBand
    concessions: list[Concession] = strawberry.field(directives=[ListSize(assumed_size=CONCESSIONS_EXPECTED)])
    admissions: list[DeskAdmission] = strawberry.field(directives=[ListSize(assumed_size=MOST_TODAY)])
    ahead: list[DeskBooking] = strawberry.field(
        description="`cancelOrderAtDesk` gives one up.", directives=[ListSize(assumed_size=MOST_AHEAD)]
    )
    unpaid_order_nos: list[str] = strawberry.field(directives=[ListSize(assumed_size=4)])


@strawberry.type(description="`person` is null with no error where nobody has this number.")
class DeskFindPersonPayload:
    person: DeskPerson | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeskPersonPayload:
    person: DeskPerson | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class RevokeConcessionPayload:
    revoked: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeskFreeNumberPayload:
    freed: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeskWithdrawConsentPayload:
    withdrawn: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeskOrderPayload:
    order: DeskOrder | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class PeopleAtDeskActs:
    @act(
        DeskFindPersonPayload,
        "Staff: who has this ID card, read in their presence. An act and no query, so that no number stands in an "
        "address; each is counted and written down.",
    )
    async def desk_find_person(self, info: Info, id_number: str, venue_id: strawberry.ID) -> DeskFindPersonPayload:
        clerk = await info.context.staff()
        found = await people.find_person(
            clerk=clerk,
            id_number=id_number,
            venue_id=venue_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return DeskFindPersonPayload(person=None if found is None else await _seen(info, found))

    @act(
        DeskPersonPayload,
        "Staff: verify somebody whose card and face were compared, and who agrees to the text REAL_NAME of "
        "`consentVersion`. Makes an account for who has none.",
        weight=VERIFYING_WEIGHT,
    )
    async def desk_verify_person(
        self,
        info: Info,
        name: str,
        id_number: str,
        consent_version: str,
        venue_id: strawberry.ID,
        idempotency_key: str,
    ) -> DeskPersonPayload:
        clerk = await info.context.staff()
        found = await people.verify_person(
            clerk=clerk,
            name=name,
            id_number=id_number,
            consent_version=consent_version,
            venue_id=venue_id,
            idempotency_key=idempotency_key,
            keys=info.context.services.id_keys,
            authority=info.context.services.name_authority,
            now=info.context.now,
        )
        return DeskPersonPayload(person=await _seen(info, found))

    @act(
        DeskFreeNumberPayload,
        "Staff: the account that has this person's ID number is not theirs; it lets go of the number, and is told.",
    )
    async def desk_free_number(
        self, info: Info, person_id: strawberry.ID, venue_id: strawberry.ID
    ) -> DeskFreeNumberPayload:
        clerk = await info.context.staff()
        await unbinding.free_number_at_desk(
            clerk=clerk,
            person_id=person_id,
            venue_id=venue_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return DeskFreeNumberPayload(freed=True)

    @act(DeskPersonPayload, "Staff: this person belongs to the group until the day; the paper was looked at.")
    async def grant_concession(
        self,
        info: Info,
        person_id: strawberry.ID,
        kind: ConcessionKind,
        ends_on: date,
        venue_id: strawberry.ID,
    ) -> DeskPersonPayload:
        clerk = await info.context.staff()
        found = await concessions.grant_concession(
            clerk=clerk,
            person_id=person_id,
            kind=kind,
            ends_on=ends_on,
            venue_id=venue_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return DeskPersonPayload(person=await _seen(info, found))

    @act(RevokeConcessionPayload, "Staff: a concession that was granted at a venue of mine holds no more.")
    async def revoke_concession(self, info: Info, concession_id: strawberry.ID) -> RevokeConcessionPayload:
        clerk = await info.context.staff()
        await concessions.revoke_concession(clerk=clerk, concession_id=concession_id, now=info.context.now)
        return RevokeConcessionPayload(revoked=True)

    @act(
        InvitationPayload,
        "Staff: this person wants the member with that phone to help them, and agrees to the text HELPER of "
        "`consentVersion`. Only that member may accept the code. The same under the same `idempotencyKey` is one "
        "invitation with one code; without a key each is another.",
    )
    async def desk_invite_helper(
        self,
        info: Info,
        person_id: strawberry.ID,
        powers: list[HelperPower],
        helper_phone: str,
        consent_version: str,
        venue_id: strawberry.ID,
        idempotency_key: str = "",
    ) -> InvitationPayload:
        clerk = await info.context.staff()
        invited = await inviting_helpers.invite_helper_at_desk(
            clerk=clerk,
            person_id=person_id,
            powers=powers,
            helper_phone=helper_phone,
            consent_version=consent_version,
            venue_id=venue_id,
            idempotency_key=idempotency_key,
            keys=info.context.services.id_keys,
            phone_keys=info.context.services.phone_keys,
            now=info.context.now,
        )
        return InvitationPayload(invitation=NewInvitation.of(invited))

    @act(
        DeskWithdrawConsentPayload,
        "Staff: this person takes back HELPER (every helper of theirs goes at once, and open invitations), NOTICES or "
        "REAL_NAME (their name is unbound). The other purposes are withdrawn by whoever signs in.",
    )
    async def desk_withdraw_consent(
        self, info: Info, person_id: strawberry.ID, purpose: Purpose, venue_id: strawberry.ID
    ) -> DeskWithdrawConsentPayload:
        clerk = await info.context.staff()
        await withdrawing.withdraw_at_desk(
            clerk=clerk,
            person_id=person_id,
            purpose=purpose,
            venue_id=venue_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return DeskWithdrawConsentPayload(withdrawn=True)

    @act(
        DeskOrderPayload,
        "Staff: a booking at this venue for this person, under the rules and limits of everybody; pay it with "
        "`payAtDesk`.",
    )
    async def place_order_at_desk(
        self,
        info: Info,
        person_id: strawberry.ID,
        lines: list[OrderLineInput],
        venue_id: strawberry.ID,
        idempotency_key: str,
    ) -> DeskOrderPayload:
        clerk = await info.context.staff()
        order_no = await people_at_desk.place_order_at_desk(
            clerk=clerk,
            person_id=person_id,
            lines=lines_wanted(lines),
            venue_id=venue_id,
            idempotency_key=idempotency_key,
            keys=info.context.services.id_keys,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        found = await at_desk.order_at_desk(clerk=clerk, order_no=order_no)
        return DeskOrderPayload(order=None if found is None else DeskOrder.of(found))


async def _seen(info: Info, person: PersonHere) -> DeskPerson:
    services = info.context.services
    found = await people_at_desk.seen_at_desk(
        person, keys=services.id_keys, code_keys=services.code_keys, now=info.context.now
    )
    return DeskPerson(
        person_id=strawberry.ID(person.public_id),
        masked_name=person.known.masked_name,
        level=person.known.level,
        age_band=person.known.age_band,
        concessions=[Concession.of(each) for each in found.concessions],
        admissions=[DeskAdmission.of(each) for each in found.admissions[:MOST_TODAY]],
        ahead=[DeskBooking.of(each) for each in found.ahead],
        unpaid_order_nos=list(found.unpaid_order_nos),
    )
