"""Who the signed-in member is: verified by name and ID number, shown masked, taken back."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

import strawberry

from models.calendar import business_day
from models.families import unbinding
from models.real_names import operations as real_names
from models.real_names import queries
from models.real_names.queries import HeldConcession, KnownPerson
from models.real_names.rules import AgeBand, Assurance
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.words import ConcessionKind

strawberry.enum(Assurance, description="How sure we are that an account is this person's.")
strawberry.enum(AgeBand, description="CHILD: under 14; MINOR: under 18; ELDER: 60 and over.")

CONCESSIONS_EXPECTED = 5
VERIFYING_WEIGHT = 800


@strawberry.type(description="A group that somebody verifiably belongs to.")
class Concession:
    id: strawberry.ID | None = strawberry.field(description="Null for what follows from the age.")
    kind: ConcessionKind
    ends_on: date | None = strawberry.field(description="The first day on which it is no more.")

    @classmethod
    def of(cls, held: HeldConcession) -> Self:
        return cls(
            id=strawberry.ID(held.public_id) if held.public_id else None, kind=held.kind, ends_on=held.ends_on
        )


@strawberry.type(description="Who somebody is, as far as anybody is told. The ID number is shown to nobody.")
class RealName:
    masked_name: str
    level: Assurance
    age_band: AgeBand
    verified_at: datetime
    concessions: list[Concession] = strawberry.field(directives=[ListSize(assumed_size=CONCESSIONS_EXPECTED)])

    @classmethod
    def of(cls, known: KnownPerson, held: Sequence[HeldConcession]) -> Self:
        return cls(
            masked_name=known.masked_name,
            level=known.level,
            age_band=known.age_band,
            verified_at=known.verified_at,
            concessions=[Concession.of(each) for each in held],
        )


@strawberry.type
class RealNamePayload:
    real_name: RealName | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class UnbindNamePayload:
    unbound: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class RealNameQueries:
    @strawberry.field(directives=[Weight(weight=200)], description="Who I am; null while no real name is bound.")
    async def my_name(self, info: Info) -> RealName | None:
        member = await info.context.member()
        return await _my_name(info, member.member_id)


@strawberry.type
class RealNameActs:
    @act(
        RealNamePayload,
        "Verify my name and ID number with the authority and bind them to this account. `consentVersion`: of the text "
        "REAL_NAME that I agreed to. Nothing is bound while the authority does not answer, and that does not count.",
        weight=VERIFYING_WEIGHT,
    )
    async def verify_my_name(self, info: Info, name: str, id_number: str, consent_version: str) -> RealNamePayload:
        member = await info.context.member()
        await real_names.verify_my_name(
            member_id=member.member_id,
            name=name,
            id_number=id_number,
            consent_version=consent_version,
            keys=info.context.services.id_keys,
            authority=info.context.services.name_authority,
            now=info.context.now,
        )
        return RealNamePayload(real_name=await _my_name(info, member.member_id))

    @act(
        UnbindNamePayload,
        "Take my real name back. Refused while I am somebody's guardian, or a ward, or while nothing else leads into my account.",
    )
    async def unbind_my_name(self, info: Info) -> UnbindNamePayload:
        member = await info.context.member()
        await unbinding.unbind_my_name(
            member_id=member.member_id, keys=info.context.services.id_keys, now=info.context.now
        )
        return UnbindNamePayload(unbound=True)


async def _my_name(info: Info, member_id: int) -> RealName | None:
    keys, today = info.context.services.id_keys, business_day(info.context.now)
    known = await queries.known_person(member_id=member_id, keys=keys, today=today)
    if known is None:
        return None
    held = await queries.held_concessions(member_id=member_id, keys=keys, today=today)
    return RealName.of(known, held)
