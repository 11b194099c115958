"""What is said between the script of /desk/people and the rooms: what it sends, read; what it shows, in its words."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from bff.pages.acts import Asked, Said, unread
from models.admissions.rules import court_of
from models.booking import queries as booking
from models.booking.rules import SlotStatus
from models.booking.session_queries import SessionOnDay
from models.booking.session_rules import TICKET_WORDS, Ticket, ticket_of
from models.calendar import business_day, day_text, moment_text, span_text
from models.checkout.at_desk import DeskOrder
from models.checkout.cancelling import RefundQuote
from models.checkout.people_at_desk import AdmissionToday, BookingAhead
from models.checkout.wanted import LineWanted
from models.codes import pictures
from models.families.rules import HelperPower
from models.orders.rules import OrderStatus
from models.real_names.queries import HeldConcession
from models.real_names.rules import CONCESSION_WORDS, AgeBand, Assurance, ConcessionKind
from models.vouchers.handing_out import PrintedVoucher
from models.vouchers.queries import CampaignView
from models.vouchers.rules import CampaignState

LEVEL_WORDS: Mapping[Assurance, str] = {
    Assurance.AGREED: "已实名",
    Assurance.SEEN: "已实名，前台核对过人证",
    Assurance.DESK_ONLY: "前台核对过证件，核验机构暂无记录",
}
AGE_WORDS: Mapping[AgeBand, str] = {
    AgeBand.CHILD: "儿童（未满14周岁）",
    AgeBand.MINOR: "未成年人（14–17周岁）",
    AgeBand.ADULT: "成年人（18–59周岁）",
    AgeBand.ELDER: "老年人（60周岁以上）",
}


def powers_in(asked: Asked) -> list[HelperPower]:
    try:
        return [HelperPower(each) for each in asked.texts("powers")]
    except ValueError:
        raise unread() from None


def kind_in(asked: Asked) -> ConcessionKind:
    try:
        return ConcessionKind(asked.text("kind"))
    except ValueError:
        raise unread() from None


def next_day(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise unread() from None


def line_in(asked: Asked) -> LineWanted:
    people_wanted = asked.number("people")
    if people_wanted is None:
        raise unread()
    if asked.text("sessionId"):
        return LineWanted(
            session_id=asked.text("sessionId"),
            ticket=asked.text("ticket"),
            people=people_wanted,
            expected_price_fen=asked.number("price"),
        )
    return LineWanted(
        court_id=asked.text("courtId"),
        starts_at=asked.instant("startsAt"),
        people=people_wanted,
        expected_price_fen=asked.number("price"),
    )


def free_slots(court: booking.CourtDay) -> Said:
    free = [slot for slot in court.slots if slot.status is SlotStatus.AVAILABLE]
    return {
        "courtId": court.court_id,
        "slots": [
            {
                "startsAt": slot.starts_at.isoformat(),
                "time": span_text(slot.starts_at, slot.ends_at),
                "price": slot.price_fen,
            }
            for slot in free
        ],
    }


def free_tickets(listed: Sequence[SessionOnDay]) -> Iterator[Said]:
    """What is sold of sessions, those under way too: a row for each pool and kind of ticket, as if it were a court."""
    rows: dict[tuple[str, str], list[SessionOnDay]] = {}
    for each in listed:
        if each.status is SlotStatus.AVAILABLE:
            for price in each.facts.prices:
                rows.setdefault((each.facts.name, price.ticket), []).append(each)
    for (name, ticket), found in rows.items():
        yield {
            "name": f"{name} {TICKET_WORDS[Ticket(ticket)]}",
            "mostPeople": max(min(each.facts.free, each.facts.places_a_person_a_day) for each in found),
            "slots": [
                {
                    "sessionId": each.facts.public_id,
                    "ticket": ticket,
                    "time": span_text(each.facts.starts_at, each.facts.ends_at),
                    "price": ticket_of(each.facts, ticket).price_fen,
                    "free": each.facts.free,
                }
                for each in found
            ],
        }


def order_said(placed: DeskOrder) -> Said:
    row, line = placed.row, placed.lines[0]
    return {
        "orderNo": row["order_no"],
        "title": line["court_name"],
        "time": span_text(line["starts_at"], line["ends_at"]),
        "people": line["people"],
        "total": row["total_fen"],
        "isPaid": row["status"] == OrderStatus.PAID,
        "heldUntil": moment_text(row["hold_expires_at"]),
    }


def ahead_said(found: BookingAhead) -> Said:
    return {"orderNo": found.order_no, "title": found.titles, "time": span_text(found.starts_at, found.ends_at)}


def quote_said(quote: RefundQuote) -> Said:
    """To be read out. What cannot be given up any more says so itself."""
    refusals = [line.refusal for line in quote.lines if line.refusal]
    if refusals:
        raise refusals[0]
    return {"back": quote.total_fen, "says": quote.way_back + quote.vouchers_told}


def concession_said(held: HeldConcession) -> Said:
    last_day = held.ends_on and held.ends_on - timedelta(days=1)
    return {
        "id": held.public_id,
        "word": CONCESSION_WORDS[held.kind],
        "until": last_day and f"{last_day.year}年{last_day.month}月{last_day.day}日",
    }


async def voucher_said(printed: PrintedVoucher) -> Said:
    picture = (await asyncio.to_thread(pictures.svg, printed.printed_code)).decode()  # 8 ms of CPU
    return {
        "title": f"{printed.campaign_title} {printed.kind_title}",
        "spend": printed.minimum_spend_fen,
        "off": printed.face_fen,
        "until": day_text(business_day(printed.valid_until - timedelta(seconds=1))),
        "code": printed.printed_code,
        "svg": picture[picture.index("<svg") :],
    }


def kinds_given_out(campaign: CampaignView, now: datetime) -> Iterator[Said]:
    """What of a campaign is given out at this moment."""
    if campaign.state is not CampaignState.OPEN:
        return
    for kind in campaign.kinds:
        if any(each.opens_at <= now < each.closes_at and each.remaining for each in kind.rounds):
            title = f"{campaign.title} {kind.title}"
            yield {"campaignId": campaign.public_id, "kindId": kind.public_id, "title": title}


def admission_said(found: AdmissionToday) -> Said:
    row = found.row
    return {
        "court": court_of(row["title"]),
        "time": span_text(row["starts_at"], row["ends_at"]),
        "seat": row["seat"],
        "isInside": bool(row["is_inside"]),
        "code": found.printed_code,
    }
