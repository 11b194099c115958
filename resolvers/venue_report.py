"""For staff: how a venue opens, held against 体规字〔2021〕7号."""

from datetime import date

import strawberry

from models.booking import venue_report as reports
from models.venues.openness import OpenRule, Verdict
from plans.costs import ListSize, Weight
from resolvers.context import Info

strawberry.enum(
    OpenRule,
    name="OpennessRule",
    description="What 体规字〔2021〕7号 asks of venues that open free or at a low charge.",
)
strawberry.enum(
    Verdict,
    name="OpennessVerdict",
    description="PARTLY: by some courts, not by all. UNKNOWN: data are missing, or made up for the walk-through.",
)


@strawberry.type
class OpennessFinding:
    rule: OpenRule
    asks: str = strawberry.field(description="The rule in a Chinese sentence.")
    verdict: Verdict
    figure: str | None = strawberry.field(description="What was counted, with its unit; null: nothing to count.")
    text: str = strawberry.field(description="On what it rests, or what is missing.")


@strawberry.type
class VenueReport:
    venue_id: strawberry.ID
    venue_name: str
    as_of: date = strawberry.field(description="By the tariff in force on this day, for its year.")
    tariff_version: int = strawberry.field(description="0: as imported.")
    source: str
    findings: list[OpennessFinding] = strawberry.field(directives=[ListSize(assumed_size=len(OpenRule))])
    warnings: list[str] = strawberry.field(
        directives=[ListSize(assumed_size=3)],
        description="Holidays that are not known, by which prices go by the weekday alone.",
    )


@strawberry.type
class VenueReportQueries:
    @strawberry.field(
        directives=[Weight(weight=2000)],
        description="Staff: whether a venue of mine opens as the rules for free and low charges ask.",
    )
    async def venue_report(self, info: Info, venue_id: strawberry.ID) -> VenueReport:
        clerk = await info.context.staff()
        found = await reports.venue_report(clerk=clerk, venue_id=venue_id, now=info.context.now)
        return VenueReport(
            venue_id=strawberry.ID(found.venue_id),
            venue_name=found.venue_name,
            as_of=found.as_of,
            tariff_version=found.tariff_version,
            source=reports.SOURCE,
            findings=[
                OpennessFinding(
                    rule=each.rule, asks=each.asks, verdict=each.verdict, figure=each.figure, text=each.text
                )
                for each in found.found
            ],
            warnings=list(found.warnings),
        )
