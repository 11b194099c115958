"""What people are asked to agree to, and their yes."""

from datetime import date, datetime

import strawberry

from models.consents import queries
from models.consents.queries import Standing
from models.consents.rules import Purpose, Text
from models.privacy import withdrawing
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.own import own_or_ward

MOST_PURPOSES = 8
MOST_PARAGRAPHS = 30

strawberry.enum(
    Purpose, name="ConsentPurpose", description="Each is asked for on its own, and withdrawn on its own."
)


@strawberry.type(description="The version of a text that holds today.")
class ConsentText:
    purpose: Purpose
    version: str
    title: str
    effective_on: date
    is_draft: bool = strawberry.field(description="No lawyer has approved it yet.")
    paragraphs: list[str] = strawberry.field(directives=[ListSize(assumed_size=MOST_PARAGRAPHS)])
    withdrawal: str = strawberry.field(description="What withdrawing it does, to show before it is done.")

    @classmethod
    def of(cls, text: Text) -> "ConsentText":
        return cls(
            purpose=text.purpose,
            version=text.version,
            title=text.title,
            effective_on=text.effective_on,
            is_draft=text.is_draft,
            paragraphs=list(text.paragraphs),
            withdrawal=text.withdrawal,
        )


@strawberry.type(description="Where somebody stands with one purpose.")
class MyConsent:
    text: ConsentText
    is_given: bool = strawberry.field(description="There is a yes, and no later version asks again.")
    is_needed_again: bool = strawberry.field(description="There is a yes, but a later version asks again.")
    said_no: bool = strawberry.field(description="The last answer was a no, or a yes that was taken back.")
    is_asked_now: bool = strawberry.field(
        description="To be shown now: asked of everybody and not answered yet, or a later version asks again."
    )
    version: str | None = strawberry.field(description="To which version it was said.")
    given_at: datetime | None
    at_desk: bool = strawberry.field(description="It was said to a clerk.")
    by_guardian: bool

    @classmethod
    def of(cls, standing: Standing) -> "MyConsent":
        return cls(
            text=ConsentText.of(standing.text),
            is_given=standing.version is not None and not standing.is_needed_again,
            is_needed_again=standing.is_needed_again,
            said_no=standing.said_no,
            is_asked_now=standing.is_asked_now,
            version=standing.version,
            given_at=standing.given_at,
            at_desk=standing.at_desk,
            by_guardian=standing.by_guardian,
        )


@strawberry.type
class ConsentsPayload:
    consents: list[MyConsent] | None = strawberry.field(
        default=None, directives=[ListSize(assumed_size=MOST_PURPOSES)]
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class ConsentQueries:
    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_PURPOSES), Weight(weight=50), Public(max_age=3600)],
        description="Everything that people may be asked to agree to, as it stands today.",
    )
    async def consent_texts(self, info: Info) -> list[ConsentText]:
        return [ConsentText.of(text) for text in queries.shown_texts(now=info.context.now)]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_PURPOSES), Weight(weight=200)],
        description="To what the signed-in member agreed, or with `forMember` their ward.",
    )
    async def my_consents(self, info: Info, for_member: strawberry.ID | None = None) -> list[MyConsent]:
        whose = await own_or_ward(info, for_member)
        return await _standings(info, whose.member_id)


@strawberry.type
class ConsentActs:
    @act(
        ConsentsPayload,
        "Agree to the current version of a text, for oneself or for a ward. Twice is once. To SERVICE, after it was "
        "taken back: the deletion that this began is called off.",
    )
    async def give_consent(
        self, info: Info, purpose: Purpose, version: str, for_member: strawberry.ID | None = None
    ) -> ConsentsPayload:
        whose = await own_or_ward(info, for_member)
        await withdrawing.agree(
            member_id=whose.member_id,
            purpose=purpose,
            version=version,
            given_by_member_id=whose.by_member_id,
            now=info.context.now,
        )
        return ConsentsPayload(consents=await _standings(info, whose.member_id))

    @act(
        ConsentsPayload,
        "Say no: take a consent back, or refuse what one is asked, for oneself or for a ward. What that does stands in "
        "the text's `withdrawal`, and happens now; without SERVICE the account is on its way out (`myDeletion`).",
    )
    async def withdraw_consent(
        self, info: Info, purpose: Purpose, for_member: strawberry.ID | None = None
    ) -> ConsentsPayload:
        whose = await own_or_ward(info, for_member)
        await withdrawing.withdraw(
            member_id=whose.member_id,
            purpose=purpose,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return ConsentsPayload(consents=await _standings(info, whose.member_id))


async def _standings(info: Info, member_id: int) -> list[MyConsent]:
    found = await queries.standings(member_id=member_id, now=info.context.now)
    return [MyConsent.of(each) for each in found]
