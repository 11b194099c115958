"""The schema: every domain's queries and acts, gathered. Strawberry's types are the only schema there is."""

from functools import cache

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.utils.str_converters import to_camel_case

from resolvers.desk import DeskActs
from resolvers.desk_money import DeskMoneyActs, DeskMoneyQueries
from resolvers.members import MemberActs, MemberQueries
from resolvers.orders import OrderActs, OrderQueries
from resolvers.paying import PayingActs
from resolvers.reconciliation import ReconciliationActs, ReconciliationQueries
from resolvers.refunds import RefundActs, RefundQueries
from resolvers.scalars import FEN, Fen
from resolvers.venues import VenueQueries


@strawberry.type
class Query(VenueQueries, OrderQueries, MemberQueries, DeskMoneyQueries, RefundQueries, ReconciliationQueries):
    pass


@strawberry.type
class Mutation(MemberActs, OrderActs, PayingActs, DeskActs, DeskMoneyActs, RefundActs, ReconciliationActs):
    pass


class Names(NameConverter):
    """Strawberry's own names, remembered: it asks for each argument's at every call."""

    def apply_naming_config(self, name: str) -> str:
        return _camel_case(name)


_camel_case = cache(to_camel_case)


def build_schema(*, suggestions: bool = True) -> strawberry.Schema:
    """`suggestions` off: errors don't spell out the schema."""
    config = StrawberryConfig(
        name_converter=Names(), scalar_map={Fen: FEN}, disable_field_suggestions=not suggestions
    )
    return strawberry.Schema(query=Query, mutation=Mutation, config=config)
