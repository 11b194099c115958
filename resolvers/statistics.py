"""The voucher programme in figures, for whoever oversees it: by groups of people, and which venue got what subsidy."""

from datetime import date, datetime
from typing import Annotated, Self

import strawberry
from strawberry import argument
from strawberry.relay import PageInfo

from models.calendar import business_day
from models.statistics import programme, redemptions, subsidies
from models.statistics.programme import MOST_ROWS, Asked, Row
from models.statistics.redemptions import Redemption
from models.statistics.rules import Claims, GroupedBy, PeriodKind, ProgrammeAge, Uses
from models.statistics.subsidies import MOST_VENUES, VenueSubsidy
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.paging import checked_size, page_info, read_cursor
from resolvers.scalars import Fen
from resolvers.words import UseWay

strawberry.enum(
    GroupedBy,
    name="ProgrammeGroupedBy",
    description="DISTRICT is that of the venue, and of a claim where its citizen said they were.",
)
strawberry.enum(
    PeriodKind,
    name="ProgrammePeriod",
    description="Whole days in Shanghai; weeks begin on Monday. WHOLE: of one campaign.",
)
strawberry.enum(
    ProgrammeAge, name="ProgrammeAge", description="On the day of the claim; UNKNOWN has no real name."
)

MOST_REDEMPTIONS = 100
_HIDDEN = "Null: about too few people, or it would give away another figure that is."


@strawberry.type(description="What was claimed in the period. Figures are rounded.")
class ProgrammeClaims:
    people: int
    vouchers: int
    face: Fen
    expired: int = strawberry.field(description="How many of these vouchers ended unused so far.")

    @classmethod
    def of(cls, claims: Claims) -> Self:
        return cls(
            people=claims.people, vouchers=claims.vouchers, face=Fen(claims.face_fen), expired=claims.expired
        )


@strawberry.type(description="What was used in the period and stands. Figures are rounded.")
class ProgrammeUses:
    people: int
    vouchers: int
    used: Fen
    subsidised: Fen = strawberry.field(description="`used` without what venues bear themselves.")
    moved: Fen = strawberry.field(
        description="The bills that vouchers helped to pay (带动消费), each counted once."
    )
    moved_percent: int | None = strawberry.field(
        description="`moved` in percent of `subsidised`: 350 is ¥3.50 for each ¥1."
    )

    @classmethod
    def of(cls, uses: Uses) -> Self:
        return cls(
            people=uses.people,
            vouchers=uses.vouchers,
            used=Fen(uses.used_fen),
            subsidised=Fen(uses.subsidised_fen),
            moved=Fen(uses.moved_fen),
            moved_percent=uses.moved_percent,
        )


@strawberry.type(description="One group of people.")
class ProgrammeRow:
    key: str = strawberry.field(
        description="A region's key, a sport's code, an hour, a band of age; UNSAID: nobody said it; empty: all."
    )
    label: str
    age: ProgrammeAge | None = strawberry.field(description="With AGE_AND_DISTRICT; null: all ages.")
    claims: ProgrammeClaims | None = strawberry.field(description=f"{_HIDDEN} Of a sport always.")
    uses: ProgrammeUses | None = strawberry.field(description=_HIDDEN)

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            key=row.key,
            label=row.label,
            age=row.age,
            claims=None if row.claims is None else ProgrammeClaims.of(row.claims),
            uses=None if row.uses is None else ProgrammeUses.of(row.uses),
        )


@strawberry.type(description="The programme's figures over a period, where the asker may see them.")
class ProgrammeStatistics:
    by: GroupedBy
    campaign_title: str | None = strawberry.field(description="Null: all campaigns together.")
    period: PeriodKind
    first_day: date | None = strawberry.field(description="Null: of a campaign as a whole.")
    last_day: date | None
    smallest_group: int = strawberry.field(
        description="A group of fewer people is not shown; people and vouchers are rounded to as many, money to ¥10 for each."
    )
    counted_at: datetime
    ages_noted: bool = strawberry.field(
        description="Everybody's age was noted by now. If not, the latest claims count as of unknown age for some minutes."
    )
    rows: list[ProgrammeRow] = strawberry.field(directives=[ListSize(assumed_size=MOST_ROWS)])
    total: ProgrammeRow


@strawberry.type(description="What a venue got of a campaign's subsidy in a month, to the fen.")
class SubsidyOfVenue:
    venue_id: strawberry.ID
    venue_name: str
    region_name: str
    used: Fen = strawberry.field(description="The face value that paid there, with what the reserve paid.")
    taken_back: Fen
    share: Fen = strawberry.field(description="Borne by the venue itself.")
    subsidy: Fen = strawberry.field(description="`used` − `takenBack` − `share`: what the public owes for it.")
    paid: Fen = strawberry.field(description="Paid so far of its settlements that end in this month.")

    @classmethod
    def of(cls, venue: VenueSubsidy) -> Self:
        return cls(
            venue_id=strawberry.ID(venue.venue_id),
            venue_name=venue.venue_name,
            region_name=venue.region_name,
            used=Fen(venue.used_fen),
            taken_back=Fen(venue.taken_back_fen),
            share=Fen(venue.share_fen),
            subsidy=Fen(venue.subsidy_fen),
            paid=Fen(venue.paid_fen),
        )


@strawberry.type(description="Who got what subsidy (补贴公示).")
class Subsidies:
    campaign_title: str
    first_day: date
    last_day: date
    smallest_group: int
    counted_at: datetime
    venues: list[SubsidyOfVenue] = strawberry.field(directives=[ListSize(assumed_size=MOST_VENUES)])
    unlisted: bool = strawberry.field(description="There are venues besides, with too few people to be shown.")
    total: Fen | None = strawberry.field(description="The subsidy of all, rounded; null: of too few people.")


@strawberry.type(description="A redemption that stands. Nothing here says who the citizen was.")
class ProgrammeRedemption:
    use_no: str
    venue_id: strawberry.ID
    venue_name: str
    used_at: datetime
    way: UseWay
    clerk: str = strawberry.field(description="Who wrote it off; empty: an order's.")
    bill: Fen
    used: Fen
    venue_share: Fen
    settlement_no: str = strawberry.field(
        description="The latest settlement it stands in; empty: not settled yet."
    )

    @classmethod
    def of(cls, redemption: Redemption) -> Self:
        return cls(
            use_no=redemption.use_no,
            venue_id=strawberry.ID(redemption.venue_id),
            venue_name=redemption.venue_name,
            used_at=redemption.used_at,
            way=redemption.way,
            clerk=redemption.clerk,
            bill=Fen(redemption.bill_fen),
            used=Fen(redemption.used_fen),
            venue_share=Fen(redemption.venue_share_fen),
            settlement_no=redemption.settlement_no,
        )


@strawberry.type
class ProgrammeRedemptionEdge:
    node: ProgrammeRedemption
    cursor: str


@strawberry.type
class ProgrammeRedemptionConnection:
    edges: list[ProgrammeRedemptionEdge]
    page_info: PageInfo


@strawberry.type
class StatisticsQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_REDEMPTIONS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=2000),
        ],
        description="From a figure of `programmeStatistics` that is shown down to its redemptions, for who may see those (READ_SETTLEMENT); not by age.",
    )
    async def programme_redemptions(
        self,
        info: Info,
        by: GroupedBy,
        key: Annotated[str, argument(description="Of the row; empty: of all.")],
        campaign_id: Annotated[strawberry.ID | None, argument(description="Left out: all.")] = None,
        period: PeriodKind = PeriodKind.MONTH,
        day: Annotated[date | None, argument(description="One in the period; left out: today.")] = None,
        first: int = 50,
        after: str | None = None,
    ) -> ProgrammeRedemptionConnection:
        clerk = await info.context.staff()
        found = await redemptions.redemptions(
            Asked(by=by, kind=period, day=day or business_day(info.context.now), campaign_id=campaign_id),
            key,
            clerk=clerk,
            smallest_group=info.context.services.smallest_group,
            first=checked_size(first, MOST_REDEMPTIONS),
            before_id=read_cursor(after, "u"),
            now=info.context.now,
            keep=info.context.services.keep,
        )
        edges = [
            ProgrammeRedemptionEdge(node=ProgrammeRedemption.of(each), cursor=f"u{each.id}")
            for each in found[:first]
        ]
        return ProgrammeRedemptionConnection(
            edges=edges,
            page_info=page_info(
                [edge.cursor for edge in edges], has_next=len(found) > first, has_previous=after is not None
            ),
        )

    @strawberry.field(
        directives=[Weight(weight=2000)],
        description="Whoever oversees the programme: what was claimed and used, in groups of enough people.",
    )
    async def programme_statistics(
        self,
        info: Info,
        by: GroupedBy,
        campaign_id: Annotated[strawberry.ID | None, argument(description="Left out: all.")] = None,
        period: PeriodKind = PeriodKind.MONTH,
        day: Annotated[date | None, argument(description="One in the period; left out: today.")] = None,
    ) -> ProgrammeStatistics:
        clerk = await info.context.staff()
        asked = Asked(by=by, kind=period, day=day or business_day(info.context.now), campaign_id=campaign_id)
        found = await programme.programme_statistics(
            asked, clerk=clerk, smallest_group=info.context.services.smallest_group, now=info.context.now
        )
        is_whole = period is PeriodKind.WHOLE
        return ProgrammeStatistics(
            by=by,
            campaign_title=found.campaign_title,
            period=period,
            first_day=None if is_whole else found.period.first,
            last_day=None if is_whole else found.period.last,
            smallest_group=found.smallest_group,
            counted_at=found.counted_at,
            ages_noted=found.ages_noted,
            rows=[ProgrammeRow.of(row) for row in found.rows],
            total=ProgrammeRow.of(found.total),
        )

    @strawberry.field(
        directives=[Weight(weight=2000)],
        description="Whoever oversees the programme: which venue got what subsidy of a campaign in a month.",
    )
    async def subsidies(
        self,
        info: Info,
        campaign_id: strawberry.ID,
        month: Annotated[date | None, argument(description="Any day of it; left out: this month.")] = None,
    ) -> Subsidies:
        clerk = await info.context.staff()
        found = await subsidies.subsidies(
            clerk=clerk,
            campaign_id=campaign_id,
            month=month or business_day(info.context.now),
            smallest_group=info.context.services.smallest_group,
            now=info.context.now,
        )
        return Subsidies(
            campaign_title=found.campaign_title,
            first_day=found.period.first,
            last_day=found.period.last,
            smallest_group=found.smallest_group,
            counted_at=found.counted_at,
            venues=[SubsidyOfVenue.of(venue) for venue in found.venues],
            unlisted=found.unlisted,
            total=None if found.total_fen is None else Fen(found.total_fen),
        )
