"""Guardians and wards, elders and their helpers, companions; and the codes by which they are asked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import strawberry

from models.families import companions, helpers, invitations, inviting_helpers, queries, rules, wards
from models.families.invitations import Invited
from models.families.queries import Kin, OpenInvitation
from models.families.rules import InvitationKind, Relation
from models.families.wards import WardWanted
from plans.costs import ListSize, Weight
from resolvers.acting import HelperPower
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.real_names import VERIFYING_WEIGHT

strawberry.enum(Relation, name="GuardianRelation", description="What a guardian is to their ward.")
strawberry.enum(InvitationKind, description="What one is asked to become.")

POWERS_THERE_ARE = len(HelperPower)


@strawberry.type(description="A child whose guardian I am, or a guardian of mine.")
class Guardianship:
    id: strawberry.ID = strawberry.field(description="For `endGuardianship`.")
    member_id: strawberry.ID = strawberry.field(description="Of a ward: for `forMember`.")
    masked_name: str | None
    relation: Relation
    since: datetime

    @classmethod
    def of(cls, kin: Kin) -> Self:
        assert kin.relation is not None
        return cls(
            id=strawberry.ID(kin.id),
            member_id=strawberry.ID(kin.member_id),
            masked_name=kin.name,
            relation=kin.relation,
            since=kin.since,
        )


@strawberry.type(description="Somebody who helps me, or whom I help, with what the powers name.")
class Help:
    id: strawberry.ID = strawberry.field(description="For `endProxy`.")
    member_id: strawberry.ID = strawberry.field(description="Of somebody whom I help: for `forMember`.")
    masked_name: str | None
    powers: list[HelperPower] = strawberry.field(directives=[ListSize(assumed_size=POWERS_THERE_ARE)])
    since: datetime

    @classmethod
    def of(cls, kin: Kin) -> Self:
        return cls(
            id=strawberry.ID(kin.id),
            member_id=strawberry.ID(kin.member_id),
            masked_name=kin.name,
            powers=list(kin.powers),
            since=kin.since,
        )


@strawberry.type(description="Somebody with whom I play. Neither of us acts for the other.")
class Companion:
    id: strawberry.ID = strawberry.field(description="For `endCompanionship`.")
    masked_name: str | None
    since: datetime

    @classmethod
    def of(cls, kin: Kin) -> Self:
        return cls(id=strawberry.ID(kin.id), masked_name=kin.name, since=kin.since)


@strawberry.type(description="An invitation of mine, or for a ward of mine, that nobody has answered yet.")
class Invitation:
    id: strawberry.ID
    kind: InvitationKind
    about: str | None = strawberry.field(description="The masked name of the ward, or mine.")
    powers: list[HelperPower] = strawberry.field(directives=[ListSize(assumed_size=POWERS_THERE_ARE)])
    expires_at: datetime

    @classmethod
    def of(cls, found: OpenInvitation) -> Self:
        return cls(
            id=strawberry.ID(found.id),
            kind=found.kind,
            about=found.subject_name,
            powers=list(found.powers),
            expires_at=found.expires_at,
        )


@strawberry.type(description="Everybody for whom I act, who acts for me, and with whom I play.")
class People:
    wards: list[Guardianship] = strawberry.field(directives=[ListSize(assumed_size=rules.MOST_WARDS)])
    helpers: list[Help] = strawberry.field(directives=[ListSize(assumed_size=rules.MOST_HELPERS)])
    principals: list[Help] = strawberry.field(directives=[ListSize(assumed_size=rules.MOST_PRINCIPALS)])
    companions: list[Companion] = strawberry.field(directives=[ListSize(assumed_size=rules.MOST_COMPANIONS)])
    invitations: list[Invitation] = strawberry.field(
        directives=[ListSize(assumed_size=rules.MOST_OPEN_INVITATIONS)]
    )


@strawberry.type(description="An invitation just made. Its code is shown this once.")
class NewInvitation:
    id: strawberry.ID
    kind: InvitationKind
    code: str = strawberry.field(description="Ten digits in two groups, to be told to whom it is for. Works once.")
    expires_at: datetime

    @classmethod
    def of(cls, invited: Invited) -> Self:
        return cls(
            id=strawberry.ID(invited.public_id),
            kind=invited.kind,
            code=invited.code,
            expires_at=invited.expires_at,
        )


@strawberry.type(description="Everybody, as it stands after the act.")
class PeoplePayload:
    people: People | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class InvitationPayload:
    invitation: NewInvitation | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class AcceptInvitationPayload:
    kind: InvitationKind | None = None
    people: People | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeclineInvitationPayload:
    declined: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class FamilyQueries:
    @strawberry.field(
        directives=[Weight(weight=2000)],
        description="Everybody for whom I act, who acts for me, and with whom I play.",
    )
    async def my_people(self, info: Info) -> People:
        return await _people(info)


@strawberry.type
class FamilyActs:
    @act(
        PeoplePayload,
        "Add a child under 14 whose guardian I am, verified with the authority. `consentVersion`: of the text CHILD "
        "that I agree to in the child's place. Needs my own real name.",
        weight=VERIFYING_WEIGHT + 2000,
    )
    async def add_ward(
        self,
        info: Info,
        name: str,
        id_number: str,
        relation: Relation,
        consent_version: str,
        idempotency_key: str,
    ) -> PeoplePayload:
        member = await info.context.member()
        await wards.add_ward(
            guardian_id=member.member_id,
            wanted=WardWanted(name=name, id_number=id_number, relation=relation, consent_version=consent_version),
            idempotency_key=idempotency_key,
            keys=info.context.services.id_keys,
            authority=info.context.services.name_authority,
            now=info.context.now,
        )
        return PeoplePayload(people=await _people(info))

    @act(InvitationPayload, "Ask somebody to be a further guardian of a ward of mine.")
    async def invite_guardian(self, info: Info, ward_id: strawberry.ID, relation: Relation) -> InvitationPayload:
        member = await info.context.member()
        invited = await invitations.invite_guardian(
            guardian_id=member.member_id,
            ward_public_id=ward_id,
            relation=relation,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return InvitationPayload(invitation=NewInvitation.of(invited))

    @act(
        PeoplePayload,
        "Give up a guardianship of mine. The last guardian of a child stays.",
        weight=2500,
    )
    async def end_guardianship(self, info: Info, guardianship_id: strawberry.ID) -> PeoplePayload:
        member = await info.context.member()
        await wards.end_guardianship(
            member_id=member.member_id,
            guardianship_id=guardianship_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return PeoplePayload(people=await _people(info))

    @act(
        InvitationPayload,
        "Ask somebody to help me with what the powers name. With `phone`, only the member who has bound it may accept. "
        "Needs my consent HELPER.",
    )
    async def invite_helper(
        self, info: Info, powers: list[HelperPower], phone: str | None = None
    ) -> InvitationPayload:
        member = await info.context.member()
        invited = await inviting_helpers.invite_helper(
            member_id=member.member_id,
            powers=powers,
            phone=phone,
            keys=info.context.services.id_keys,
            phone_keys=info.context.services.phone_keys,
            now=info.context.now,
        )
        return InvitationPayload(invitation=NewInvitation.of(invited))

    @act(InvitationPayload, "Ask somebody to be my companion.")
    async def invite_companion(self, info: Info) -> InvitationPayload:
        member = await info.context.member()
        invited = await invitations.invite_companion(
            member_id=member.member_id, keys=info.context.services.id_keys, now=info.context.now
        )
        return InvitationPayload(invitation=NewInvitation.of(invited))

    @act(
        AcceptInvitationPayload,
        "Become what an invitation asks for: a guardian, a helper, a companion.",
        weight=2500,
    )
    async def accept_invitation(self, info: Info, code: str) -> AcceptInvitationPayload:
        member = await info.context.member()
        kind = await invitations.accept_invitation(
            member_id=member.member_id,
            code=code,
            keys=info.context.services.id_keys,
            phone_keys=info.context.services.phone_keys,
            now=info.context.now,
        )
        return AcceptInvitationPayload(kind=kind, people=await _people(info))

    @act(DeclineInvitationPayload, "Say no to an invitation; its code is worthless then.")
    async def decline_invitation(self, info: Info, code: str) -> DeclineInvitationPayload:
        member = await info.context.member()
        await invitations.decline_invitation(
            member_id=member.member_id,
            code=code,
            keys=info.context.services.id_keys,
            phone_keys=info.context.services.phone_keys,
            now=info.context.now,
        )
        return DeclineInvitationPayload(declined=True)

    @act(PeoplePayload, "Take back an invitation of mine, or for a ward of mine.", weight=2500)
    async def withdraw_invitation(self, info: Info, invitation_id: strawberry.ID) -> PeoplePayload:
        member = await info.context.member()
        await invitations.withdraw_invitation(member_id=member.member_id, invitation_id=invitation_id)
        return PeoplePayload(people=await _people(info))

    @act(PeoplePayload, "End that somebody helps me, or that I help them.", weight=2500)
    async def end_proxy(self, info: Info, proxy_id: strawberry.ID) -> PeoplePayload:
        member = await info.context.member()
        await helpers.end_proxy(member_id=member.member_id, proxy_id=proxy_id, now=info.context.now)
        return PeoplePayload(people=await _people(info))

    @act(PeoplePayload, "End a companionship of mine.", weight=2500)
    async def end_companionship(self, info: Info, companionship_id: strawberry.ID) -> PeoplePayload:
        member = await info.context.member()
        await companions.end_companionship(
            member_id=member.member_id, companionship_id=companionship_id, now=info.context.now
        )
        return PeoplePayload(people=await _people(info))


async def _people(info: Info) -> People:
    member = await info.context.member()
    found = await queries.my_people(
        member_id=member.member_id, keys=info.context.services.id_keys, now=info.context.now
    )
    return People(
        wards=_guardianships(found.wards),
        helpers=[Help.of(kin) for kin in found.helpers],
        principals=[Help.of(kin) for kin in found.principals],
        companions=[Companion.of(kin) for kin in found.companions],
        invitations=[Invitation.of(each) for each in found.invitations],
    )


def _guardianships(found: Sequence[Kin]) -> list[Guardianship]:
    return [Guardianship.of(kin) for kin in found]
