"""A refusal becomes `userErrors` of a mutation, or an error with a code of a query."""

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types import Info

from models.errors import DomainError, ErrorCode
from plans.costs import ListSize, Weight
from plans.public import Public

strawberry.enum(ErrorCode, description="Every way in which we say no.")


@strawberry.type(description="Why the act was refused, in words for the person, and the way out.")
class UserError:
    code: ErrorCode
    message: str = strawberry.field(description="A Chinese sentence to show as it is, with what to do next.")
    field: str | None = strawberry.field(description="The argument it is about.")


class Refusals(FieldExtension):
    """Turns a `DomainError` of a mutation into its payload's `userErrors`; nothing half done is left behind,
    because the act's transaction has rolled back."""

    def __init__(self, payload: type[Any]) -> None:
        self.payload = payload

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        try:
            return await next_(source, info, **kwargs)
        except DomainError as refusal:
            info.context.refusals.append(refusal.code)
            return self.payload(
                user_errors=[UserError(code=refusal.code, message=refusal.sentence(), field=refusal.field)]
            )


def act(payload: type[Any], description: str, *, weight: int = 500, public: bool = False) -> Any:
    """A mutation whose payload is nullable fields and `userErrors`: one, the first rule that says no.

    `public`: who has not signed in may do it, as it is how one signs in.
    """
    open_to_all = [Public(max_age=0)] if public else []
    return strawberry.mutation(
        extensions=[Refusals(payload)], description=description, directives=[Weight(weight=weight), *open_to_all]
    )


def user_errors() -> Any:
    return strawberry.field(default_factory=list, directives=[ListSize(assumed_size=1)])
