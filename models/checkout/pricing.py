"""What an order costs whom it is for: the tariff's price, less the concession that they may claim on the slot's day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from models.booking.bookable import BookableSlot
from models.keys import IdKeys
from models.real_names.queries import concessions_on
from models.real_names.rules import CONCESSION_WORDS, ConcessionKind
from models.venues.concession_rules import rules_on
from models.venues.concessions import Covers, TakenOff, best_for
from models.venues.explaining import PartKind, PricePart

Held = Mapping[date, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForWhom:
    """The member whose order it is, whoever places it, and the keys to how old they are."""

    member_id: int
    keys: IdKeys


async def own_prices(slots: Sequence[BookableSlot], whom: ForWhom) -> list[BookableSlot]:
    """The slots at this member's prices: one statement more, and another for who belongs to a group. Free is free."""
    days = {slot.day for slot in slots if slot.price_fen}
    held = await concessions_on(member_id=whom.member_id, keys=whom.keys, days=days) if days else {}
    if not any(held.values()):
        return list(slots)
    rules = await rules_on(slots[0].venue_id, days)
    return [
        less(slot, best_for(slot.price_fen, people=slot.people, held=held[slot.day], rules=rules[slot.day]))
        if slot.price_fen
        else slot
        for slot in slots
    ]


def less(slot: BookableSlot, taken: TakenOff | None) -> BookableSlot:
    """The slot with what was taken off, and why. Pure: its parts go on adding up to its price."""
    if taken is None:
        return slot
    part = PricePart(PartKind.CONCESSION, concession_text(taken), -taken.fen, taken.rule.provenance != "PUBLISHED")
    return replace(
        slot,
        price_fen=slot.price_fen - taken.fen,
        price_parts=(*slot.price_parts, part),
        concession=taken,
    )


def concession_text(taken: TakenOff) -> str:
    """老年人优待：只付50%."""
    rule = taken.rule
    word = CONCESSION_WORDS[ConcessionKind(rule.kind)]
    whose = "本人的一份" if rule.covers == Covers.SHARE else ""
    pays = f"只付{rule.pays_percent}%" if rule.pays_percent else "免费"
    return f"{word}：{whose}{pays}"
