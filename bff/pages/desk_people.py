"""The desk's third page, at /desk/people: somebody with an ID card and no phone is found, made known, helped and booked for.

The routes only translate; what the page's script asks goes through `bff/pages/acts.py`. Whom it concerns stands in
bodies only, never in an address; letting in is the scan page's own `/desk/redeem`, with the ID card looked at.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bff.graphql.rates import Rates
from bff.pages.acts import Acts, Answer, Asked, Said, unread
from bff.pages.rendering import page
from models.admissions.rules import court_of
from models.booking import queries as booking
from models.booking.rules import SlotStatus
from models.booking.session_queries import SessionOnDay, sessions
from models.booking.session_rules import TICKET_WORDS, Ticket, ticket_of
from models.calendar import business_day, day_text, moment_text, span_text
from models.checkout import at_desk, people_at_desk
from models.checkout.at_desk import DeskOrder
from models.checkout.people_at_desk import AdmissionToday
from models.checkout.placing import LineWanted
from models.codes import pictures
from models.codes.rules import CodeKeys
from models.consents.reading import TEXTS
from models.consents.rules import Purpose, current
from models.families import inviting_helpers, unbinding
from models.families.rules import POWER_WORDS, HelperPower, words_of
from models.keeping import Keep
from models.keys import AuditKeys, IdKeys, PhoneKeys
from models.orders.rules import OrderStatus
from models.privacy import withdrawing
from models.real_names import at_desk as people
from models.real_names import concessions
from models.real_names.at_desk import PersonHere
from models.real_names.queries import HeldConcession
from models.real_names.rules import CONCESSION_WORDS, AgeBand, Assurance, ConcessionKind
from models.staff import powers
from models.staff.policy import StaffPolicy
from models.staff.rules import Power
from models.vouchers import handing_out
from models.vouchers import queries as campaigns
from models.vouchers.handing_out import PrintedVoucher
from models.vouchers.queries import CampaignView
from models.vouchers.rules import CampaignState
from payments.port import PaymentChannel
from verification.port import NameAuthority

NOT_AUDITED: Mapping[str, str] = {"slots": "what is free at the venue, which everybody may see; nobody's data"}
"""As `resolvers/auditing.py` has it for GraphQL."""

COUNTED_AS: Mapping[str, str] = {
    "find": "deskFindPerson",
    "verify": "deskVerifyPerson",
    "invite-helper": "deskInviteHelper",
    "end-helpers": "deskWithdrawConsent",
    "free-number": "deskFreeNumber",
    "grant": "grantConcession",
    "revoke": "revokeConcession",
    "slots": "slots",
    "book": "placeOrderAtDesk",
    "vouchers": "deskVouchers",
    "hand-out": "handOutVoucher",
}
"""The root field that does the same, with whose rates each act is counted."""

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
MOST_CAMPAIGNS = 50
GRANTED_HERE = [kind for kind in ConcessionKind if kind is not ConcessionKind.SENIOR]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleDesk:
    """What the page reaches. `wake` is rung when a free booking was made, so that the platform hears of it at once."""

    id_keys: IdKeys
    phone_keys: PhoneKeys
    code_keys: CodeKeys = field(repr=False)
    audit_keys: AuditKeys
    authority: NameAuthority = field(repr=False)
    channels: Mapping[str, PaymentChannel] = field(repr=False)
    policy: StaffPolicy
    rates: Rates
    wake: Callable[[str], Awaitable[None]]
    keep: Keep | None = None

    async def find(self, asked: Asked) -> Said:
        found = await people.find_person(
            clerk=asked.clerk,
            id_number=asked.text("idNumber"),
            venue_id=asked.venue_id,
            keys=self.id_keys,
            now=asked.now,
        )
        return {"person": None if found is None else await self._seen(found, asked)}

    async def verify(self, asked: Asked) -> Said:
        found = await people.verify_person(
            clerk=asked.clerk,
            name=asked.text("name"),
            id_number=asked.text("idNumber"),
            consent_version=asked.text("version"),
            venue_id=asked.venue_id,
            idempotency_key=asked.text("key"),
            keys=self.id_keys,
            authority=self.authority,
            now=asked.now,
        )
        return {"person": await self._seen(found, asked)}

    async def invite_helper(self, asked: Asked) -> Said:
        helper_powers = _powers(asked)
        invited = await inviting_helpers.invite_helper_at_desk(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            powers=helper_powers,
            helper_phone=asked.text("phone"),
            consent_version=asked.text("version"),
            venue_id=asked.venue_id,
            idempotency_key=asked.text("key"),
            keys=self.id_keys,
            phone_keys=self.phone_keys,
            now=asked.now,
        )
        return {
            "invitation": {
                "code": invited.code,
                "until": moment_text(invited.expires_at),
                "powers": words_of(helper_powers),
            }
        }

    async def end_helpers(self, asked: Asked) -> Said:
        """Whoever holds the card takes back their consent to helpers, so that nobody helps them any more."""
        await withdrawing.withdraw_at_desk(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            purpose=Purpose.HELPER,
            venue_id=asked.venue_id,
            keys=self.id_keys,
            now=asked.now,
        )
        return {"person": await self._again(asked, Power.READ_PERSON)}

    async def free_number(self, asked: Asked) -> Said:
        """Nobody is before the clerk any more: the card is read again, and whoever holds it is registered."""
        await unbinding.free_number_at_desk(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            venue_id=asked.venue_id,
            keys=self.id_keys,
            now=asked.now,
        )
        return {"person": None}

    async def grant(self, asked: Asked) -> Said:
        """`lastDay` is what stands on the paper; the room's day is the first on which it holds no more."""
        found = await concessions.grant_concession(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            kind=_kind(asked),
            ends_on=_next_day(asked.day("lastDay")),
            venue_id=asked.venue_id,
            keys=self.id_keys,
            now=asked.now,
        )
        return {"person": await self._seen(found, asked)}

    async def revoke(self, asked: Asked) -> Said:
        await concessions.revoke_concession(
            clerk=asked.clerk, concession_id=asked.text("concessionId"), now=asked.now
        )
        return {"person": await self._again(asked, Power.GRANT_CONCESSION)}

    async def slots(self, asked: Asked) -> Said:
        """What is free here today, or `inDays` later."""
        in_days = asked.number("inDays")
        if in_days not in (0, 1):
            raise unread()
        day = business_day(asked.now) + timedelta(days=in_days)
        grid = await booking.slots(venue_id=asked.venue_id, sport=None, day=day, now=asked.now, keep=self.keep)
        courts = [{"name": court.court_name, "mostPeople": court.max_people, **_free(court)} for court in grid]
        listed = await sessions(venue_id=asked.venue_id, sport=None, day=day, now=asked.now)
        return {"courts": [court for court in courts if court["slots"]] + list(_tickets(listed))}

    async def book(self, asked: Asked) -> Said:
        order_no = await people_at_desk.place_order_at_desk(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            lines=[_line(asked)],
            venue_id=asked.venue_id,
            idempotency_key=asked.text("key"),
            keys=self.id_keys,
            channels=self.channels,
            now=asked.now,
        )
        await self.wake("forward")
        placed = await at_desk.order_at_desk(clerk=asked.clerk, order_no=order_no)
        if placed is None:  # they may book here and yet see no money
            raise at_desk.order_unknown()
        return {"order": _order(placed), "person": await self._again(asked, Power.BOOK_FOR_PERSON)}

    async def vouchers(self, asked: Asked) -> Said:
        """What the person can use, and what can be claimed for them just now."""
        held = await handing_out.vouchers_here(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            venue_id=asked.venue_id,
            keys=self.id_keys,
            code_keys=self.code_keys,
            now=asked.now,
        )
        shown = await campaigns.campaigns_shown(
            region_key=None, first=MOST_CAMPAIGNS, before_id=None, now=asked.now
        )
        return {
            "vouchers": [await _voucher(each) for each in held],
            "kinds": [kind for campaign in shown for kind in _open_kinds(campaign, asked.now)],
        }

    async def hand_out(self, asked: Asked) -> Said:
        given = await handing_out.hand_out_voucher(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            campaign_id=asked.text("campaignId"),
            kind_id=asked.text("kindId"),
            venue_id=asked.venue_id,
            idempotency_key=asked.text("key"),
            keys=self.id_keys,
            code_keys=self.code_keys,
            now=asked.now,
        )
        return {"voucher": await _voucher(given)}

    async def _again(self, asked: Asked, power: Power) -> Said:
        """The person before the clerk, as they are after what was just done for them."""
        found = await people.person_here(
            clerk=asked.clerk,
            power=power,
            person_id=asked.text("personId"),
            venue_id=asked.venue_id,
            keys=self.id_keys,
            now=asked.now,
        )
        return await self._seen(found, asked)

    async def _seen(self, person: PersonHere, asked: Asked) -> Said:
        found = await people_at_desk.seen_at_desk(
            person, keys=self.id_keys, code_keys=self.code_keys, now=asked.now
        )
        return {
            "personId": person.public_id,
            "name": person.known.masked_name,
            "level": person.known.level,
            "levelSays": LEVEL_WORDS[person.known.level],
            "age": AGE_WORDS[person.known.age_band],
            "isChild": person.known.is_child,
            "concessions": [_concession(each) for each in found.concessions],
            "admissions": [_admission(each) for each in found.admissions[: people_at_desk.MOST_TODAY]],
            "unpaid": list(found.unpaid_order_nos),
        }


def people_routes(desk: PeopleDesk, clock: Callable[[], datetime]) -> list[BaseRoute]:
    """The routes under /desk/people."""
    acts: Mapping[str, Answer] = {
        "find": desk.find,
        "verify": desk.verify,
        "invite-helper": desk.invite_helper,
        "end-helpers": desk.end_helpers,
        "free-number": desk.free_number,
        "grant": desk.grant,
        "revoke": desk.revoke,
        "slots": desk.slots,
        "book": desk.book,
        "vouchers": desk.vouchers,
        "hand-out": desk.hand_out,
    }
    asking = Acts(
        page="people",
        clock=clock,
        audit_keys=desk.audit_keys,
        policy=desk.policy,
        quiet=NOT_AUDITED,
        rates=desk.rates,
        counted_as=COUNTED_AS,
    )
    return [Route("/desk/people", _showing(asking), methods=["GET"]), *asking.routes(acts)]


def _showing(asking: Acts) -> Callable[[Request], Awaitable[Response]]:
    async def show(request: Request) -> Response:
        """The page; who has no sign-in, no post, or no power to read cards there is better off at /desk."""
        found = await asking.at_their_post(request)
        if found is None or not await powers.may(found[0], Power.READ_PERSON, venue_id=found[1].venue_id):
            return RedirectResponse("/desk", 303)
        clerk, post = found
        today = business_day(asking.clock())
        return page(
            request,
            "desk/people.html",
            signed_in=clerk,
            post=post,
            venue_name=dict(clerk.venues)[post.venue_id],
            tab="people",
            real_name_text=current(TEXTS, Purpose.REAL_NAME, today),
            helper_text=current(TEXTS, Purpose.HELPER, today),
            helper_powers=[(power.value, POWER_WORDS[power]) for power in HelperPower],
            kinds=[(kind.value, CONCESSION_WORDS[kind]) for kind in GRANTED_HERE],
            may_grant=await powers.may(clerk, Power.GRANT_CONCESSION, venue_id=post.venue_id),
            may_book=await powers.may(clerk, Power.BOOK_FOR_PERSON, venue_id=post.venue_id),
            may_hand_out=await powers.may(clerk, Power.HAND_OUT_VOUCHERS, venue_id=post.venue_id),
        )

    return show


def _powers(asked: Asked) -> list[HelperPower]:
    try:
        return [HelperPower(each) for each in asked.texts("powers")]
    except ValueError:
        raise unread() from None


def _kind(asked: Asked) -> ConcessionKind:
    try:
        return ConcessionKind(asked.text("kind"))
    except ValueError:
        raise unread() from None


def _next_day(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise unread() from None


def _line(asked: Asked) -> LineWanted:
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


def _free(court: booking.CourtDay) -> Said:
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


def _tickets(listed: Sequence[SessionOnDay]) -> Iterator[Said]:
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


def _order(placed: DeskOrder) -> Said:
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


def _concession(held: HeldConcession) -> Said:
    last_day = held.ends_on and held.ends_on - timedelta(days=1)
    return {
        "id": held.public_id,
        "word": CONCESSION_WORDS[held.kind],
        "until": last_day and f"{last_day.year}年{last_day.month}月{last_day.day}日",
    }


async def _voucher(printed: PrintedVoucher) -> Said:
    picture = (await asyncio.to_thread(pictures.svg, printed.printed_code)).decode()  # 8 ms of CPU
    return {
        "title": f"{printed.campaign_title} {printed.kind_title}",
        "spend": printed.minimum_spend_fen,
        "off": printed.face_fen,
        "until": day_text(business_day(printed.valid_until - timedelta(seconds=1))),
        "code": printed.printed_code,
        "svg": picture[picture.index("<svg") :],
    }


def _open_kinds(campaign: CampaignView, now: datetime) -> Iterator[Said]:
    """What of a campaign is given out at this moment."""
    if campaign.state is not CampaignState.OPEN:
        return
    for kind in campaign.kinds:
        if any(each.opens_at <= now < each.closes_at and each.remaining for each in kind.rounds):
            title = f"{campaign.title} {kind.title}"
            yield {"campaignId": campaign.public_id, "kindId": kind.public_id, "title": title}


def _admission(found: AdmissionToday) -> Said:
    row = found.row
    return {
        "court": court_of(row["title"]),
        "time": span_text(row["starts_at"], row["ends_at"]),
        "seat": row["seat"],
        "isInside": bool(row["is_inside"]),
        "code": found.printed_code,
    }
