"""Staff see one person's phone number or name without the mask, when they have the power and say why."""

import strawberry

from models.privacy import revealing
from models.privacy.revealing import Whom
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors


@strawberry.type(description="One thing about one person, in this answer only.")
class Revealed:
    member_id: strawberry.ID
    text: str | None = strawberry.field(description="Null where nothing is known.")

    @classmethod
    def of(cls, found: revealing.Revealed) -> "Revealed":
        return cls(member_id=strawberry.ID(found.member_id), text=found.text)


@strawberry.type
class RevealPayload:
    revealed: Revealed | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class RevealingActs:
    @act(
        RevealPayload,
        "Staff with the power REVEAL: the whole phone number of a member (`memberId`), or of whoever booked an order "
        "(`orderNo`), who has to do with this venue. Without a venue: for who has the power everywhere. The reason "
        "stands in the audit trail.",
    )
    async def reveal_phone(
        self,
        info: Info,
        reason: str,
        venue_id: strawberry.ID | None = None,
        member_id: strawberry.ID | None = None,
        order_no: str | None = None,
    ) -> RevealPayload:
        clerk = await info.context.staff()
        found = await revealing.reveal_phone(
            clerk=clerk,
            whom=Whom(venue_id=venue_id, member_id=member_id, order_no=order_no),
            reason=reason,
            keys=info.context.services.phone_keys,
        )
        return RevealPayload(revealed=Revealed.of(found))

    @act(RevealPayload, "The same for the whole verified name.")
    async def reveal_name(
        self,
        info: Info,
        reason: str,
        venue_id: strawberry.ID | None = None,
        member_id: strawberry.ID | None = None,
        order_no: str | None = None,
    ) -> RevealPayload:
        clerk = await info.context.staff()
        found = await revealing.reveal_name(
            clerk=clerk,
            whom=Whom(venue_id=venue_id, member_id=member_id, order_no=order_no),
            reason=reason,
            keys=info.context.services.id_keys,
        )
        return RevealPayload(revealed=Revealed.of(found))
