"""The schema: every domain's queries and acts, gathered. Strawberry's types are the only schema there is."""

from collections.abc import Callable, Sequence

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from resolvers.desk import DeskActs
from resolvers.members import MemberActs, MemberQueries
from resolvers.orders import OrderActs, OrderQueries
from resolvers.scalars import FEN, Fen
from resolvers.venues import VenueQueries


@strawberry.type
class Query(VenueQueries, OrderQueries, MemberQueries):
    pass


@strawberry.type
class Mutation(MemberActs, OrderActs, DeskActs):
    pass


def build_schema(
    *, extensions: Sequence[Callable[[], SchemaExtension]] = (), suggestions: bool = True
) -> strawberry.Schema:
    """`extensions` are factories, never shared instances. `suggestions` off: errors don't spell out the schema."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        extensions=extensions,
        config=StrawberryConfig(scalar_map={Fen: FEN}, disable_field_suggestions=not suggestions),
    )
