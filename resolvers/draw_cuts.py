"""What a change takes out of announced draws: in the previews of opening hours, of a court and of a closure alike."""

from collections.abc import Iterable
from datetime import date, datetime

import strawberry

from models.booking import draw_cuts
from models.booking.draw_cuts import MOST_DRAWS_NAMED, MOST_SLOTS_NAMED
from plans.costs import ListSize


@strawberry.type(description="A slot that would be drawn for no more.")
class SlotCut:
    court_id: strawberry.ID
    court_name: str
    starts_at: datetime


@strawberry.type(description="An announced draw that would lose slots, though it is not drawn yet.")
class DrawCut:
    draw_id: strawberry.ID
    day: date
    sport: str
    slot_count: int = strawberry.field(description="How many it would lose.")
    slots: list[SlotCut] = strawberry.field(
        directives=[ListSize(assumed_size=MOST_SLOTS_NAMED)],
        description="They, court by court: the first of them.",
    )
    people: int = strawberry.field(
        description="How many entered for any of these. They are told while they may change their wishes."
    )
    sentence: str = strawberry.field(description="All of it in a Chinese sentence.")


def draws_field() -> list[DrawCut]:
    """The field of a preview."""
    field: list[DrawCut] = strawberry.field(
        directives=[ListSize(assumed_size=MOST_DRAWS_NAMED)],
        description="Announced draws that would lose slots, the earliest first.",
    )
    return field


def cuts_of(found: Iterable[draw_cuts.DrawCut]) -> list[DrawCut]:
    return [
        DrawCut(
            draw_id=strawberry.ID(each.draw_id),
            day=each.day,
            sport=each.sport,
            slot_count=len(each.slots),
            slots=[
                SlotCut(
                    court_id=strawberry.ID(slot.court_id), court_name=slot.court_name, starts_at=slot.starts_at
                )
                for slot in each.slots[:MOST_SLOTS_NAMED]
            ],
            people=each.people,
            sentence=each.sentence,
        )
        for each in found
    ]
