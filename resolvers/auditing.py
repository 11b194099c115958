"""Around every root field that is for who is signed in: whoever does something there leaves a line.

No resolver has to think of it. The field's name is the act; `Context.staff` and `Context.member` say who does it; an
argument with the form of an id of ours says about what, and rooms say it better (`models.audit.deeds.concerning`).
Members' own affairs are theirs: a member leaves a line only where it concerns another member.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.types import Info
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.utils.str_converters import to_snake_case

from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.audit.rules import told_by
from plans.public import Public

NOT_AUDITED: Mapping[str, str] = {
    "deskOrder": "asked every two seconds by a screen that waits for a payment; it says nothing of whose the order is",
    "refreshDeskPayment": "likewise: only how a payment stands; that its code was shown or charged has its line",
    "billAtDesk": "likewise, while a bill waits for the citizen's yes; that its code was scanned has its line",
    "shift": "one's own drawer: sums, nobody's data",
}
"""What staff ask so often, and with so little in it, that lines would only bury the others. Each with its reason."""

MEMBERS_OWN: Mapping[str, str] = {
    "claimVoucher": "for oneself alone, thousands a second; a member's line is written only where another is concerned",
}
"""Acts of members around which nothing needs to stand. What they changed is in their own rows."""

_SNAKED = {to_snake_case(name) for name in MEMBERS_OWN}


class Audited(FieldExtension):
    """Innermost, so that a refusal passes here before it becomes `userErrors`."""

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        context = info.context
        deed = Deed(
            act=info.field_name,
            at=context.now,
            address=context.address,
            is_quiet=info.field_name in NOT_AUDITED,
        )
        told_by(deed, kwargs.values())
        async with Doing(deed, keys=context.services.audit_keys):
            return await next_(source, info, **kwargs)


def audited(*, queries: Any, acts: Any) -> None:
    """Puts the root fields of these types under audit, but for public queries, which are the same for everybody."""
    for root in (queries, acts):
        definition: StrawberryObjectDefinition = root.__strawberry_definition__
        for field in definition.fields:
            if root is queries and any(isinstance(directive, Public) for directive in field.directives):
                continue
            if field.python_name in _SNAKED:
                continue
            if not any(isinstance(extension, Audited) for extension in field.extensions):
                field.extensions.insert(0, Audited())
