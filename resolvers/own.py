"""`forMember` where it is about the data themselves: one's own, or one's ward's. No helper comes this far."""

from models.families.acting import Acting
from models.privacy.wards import own_or_wards
from resolvers.context import Info


async def own_or_ward(info: Info, for_member: str | None) -> Acting:
    """Raises NOT_SIGNED_IN, and MEMBER_UNKNOWN for whoever is not a ward."""
    member = await info.context.member()
    return await own_or_wards(
        member_id=member.member_id,
        member_public_id=member.member_public_id,
        for_member=for_member,
        keys=info.context.services.id_keys,
        now=info.context.now,
    )
