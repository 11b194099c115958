"""`forMember`: one's own things, or those of somebody for whom one may act."""

import strawberry

from models.families.acting import Acting, HelperPower, acting_for, booking_for
from resolvers.context import Info

__all__ = ["HelperPower", "acting", "booking"]

strawberry.enum(HelperPower, description="What a helper may do for somebody; each is given by name.")


async def acting(info: Info, for_member: str | None, power: HelperPower) -> Acting:
    """Whose thing it is: the signed-in member's, or `forMember`'s, whose guardian or helper with this power they are."""
    member = await info.context.member()
    return await acting_for(
        member_id=member.member_id,
        member_public_id=member.member_public_id,
        for_member=for_member,
        power=power,
        keys=info.context.services.id_keys,
        now=info.context.now,
    )


async def booking(info: Info, for_member: str | None) -> Acting:
    """The same for a new booking."""
    member = await info.context.member()
    return await booking_for(
        member_id=member.member_id,
        member_public_id=member.member_public_id,
        for_member=for_member,
        keys=info.context.services.id_keys,
        now=info.context.now,
    )
