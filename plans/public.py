"""Which root fields are open to everybody, and how long an answer to one may serve the next who asks.

    @strawberry.field(directives=[Public(max_age=60)])
    async def venue(self, …) -> Venue | None: …

A root field that doesn't say so belongs to whoever is signed in: it refuses everybody else, and its answers are never
shared. Whoever marks a field promises that its answer depends on nothing but its arguments and the moment. The word is
part of the schema, so that clients can read it too, and tests hold both halves of it.
"""

import strawberry
from graphql import GraphQLField, value_from_ast_untyped
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    name="public",
    locations=[Location.FIELD_DEFINITION],
    description=(
        "Open to everybody, signed in or not. An answer may be shared for `maxAge` seconds; 0: never."
        " A root field without it is for who is signed in."
    ),
)
class Public:
    max_age: int


def max_age_of(field: GraphQLField) -> int | None:
    """For how many seconds answers may be shared, 0 for never; None when the field is not open to everybody."""
    definition = field.extensions.get("strawberry-definition")
    for directive in getattr(definition, "directives", ()):
        if isinstance(directive, Public):
            return directive.max_age
    for node in (field.ast_node and field.ast_node.directives) or ():  # a schema that was built from a text
        if node.name.value == "public":
            said = {part.name.value: value_from_ast_untyped(part.value) for part in node.arguments or ()}
            return int(said["maxAge"])
    return None
