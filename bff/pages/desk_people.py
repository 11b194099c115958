"""The desk's third page, at /desk/people: somebody with an ID card and no phone is found, made known, helped and booked for.

The routes only translate; what the page's script asks goes through `bff/pages/acts.py`. Whom it concerns stands in
bodies only, never in an address; letting in is the scan page's own `/desk/redeem`, with the ID card looked at.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bff.graphql.rates import Rates
from bff.pages.acts import Acts, Answer, Asked, Said, unread
from bff.pages.desk_people_said import (
    AGE_WORDS,
    LEVEL_WORDS,
    admission_said,
    ahead_said,
    concession_said,
    free_slots,
    free_tickets,
    kind_in,
    kinds_given_out,
    line_in,
    next_day,
    order_said,
    powers_in,
    quote_said,
    voucher_said,
)
from bff.pages.rendering import page
from models.booking import queries as booking
from models.booking.session_queries import sessions
from models.calendar import business_day, moment_text
from models.checkout import at_desk, cancelling_at_desk, people_at_desk
from models.codes.rules import CodeKeys
from models.consents.reading import TEXTS
from models.consents.rules import Purpose, current
from models.families import inviting_helpers, unbinding
from models.families.rules import POWER_WORDS, HelperPower, words_of
from models.keeping import Keep
from models.keys import AuditKeys, IdKeys, PhoneKeys, TokenKeys
from models.merging import at_desk as joining
from models.privacy import withdrawing
from models.real_names import at_desk as people
from models.real_names import concessions
from models.real_names.at_desk import PersonHere
from models.real_names.rules import CONCESSION_WORDS, ConcessionKind
from models.staff import powers
from models.staff.policy import StaffPolicy
from models.staff.rules import Power
from models.vouchers import handing_out
from models.vouchers import queries as campaigns
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
    "join": "deskJoinAccount",
    "grant": "grantConcession",
    "revoke": "revokeConcession",
    "slots": "slots",
    "book": "placeOrderAtDesk",
    "quote": "refundQuoteAtDesk",
    "cancel": "cancelOrderAtDesk",
    "vouchers": "deskVouchers",
    "hand-out": "handOutVoucher",
}
"""The root field that does the same, with whose rates each act is counted."""
MOST_CAMPAIGNS = 50
GRANTED_HERE = [kind for kind in ConcessionKind if kind is not ConcessionKind.SENIOR]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleDesk:
    """What the page reaches. `wake` is rung when a free booking was made, so that the platform hears of it at once."""

    id_keys: IdKeys
    phone_keys: PhoneKeys
    token_keys: TokenKeys
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
        helper_powers = powers_in(asked)
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

    async def join(self, asked: Asked) -> Said:
        """They have a phone now: what is on it and what they have here become one."""
        await joining.join_at_desk(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            code=asked.text("code"),
            venue_id=asked.venue_id,
            token_keys=self.token_keys,
            phone_keys=self.phone_keys,
            id_keys=self.id_keys,
            now=asked.now,
        )
        return {"person": await self._again(asked, Power.READ_PERSON)}

    async def grant(self, asked: Asked) -> Said:
        """`lastDay` is what stands on the paper; the room's day is the first on which it holds no more."""
        found = await concessions.grant_concession(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            kind=kind_in(asked),
            ends_on=next_day(asked.day("lastDay")),
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
        courts = [
            {"name": court.court_name, "mostPeople": court.max_people, **free_slots(court)} for court in grid
        ]
        listed = await sessions(venue_id=asked.venue_id, sport=None, day=day, now=asked.now)
        return {"courts": [court for court in courts if court["slots"]] + list(free_tickets(listed))}

    async def book(self, asked: Asked) -> Said:
        order_no = await people_at_desk.place_order_at_desk(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            lines=[line_in(asked)],
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
        return {"order": order_said(placed), "person": await self._again(asked, Power.BOOK_FOR_PERSON)}

    async def quote(self, asked: Asked) -> Said:
        """What giving up an order would bring back, to be read out before it is done."""
        quote = await cancelling_at_desk.quote_at_desk(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            order_no=asked.text("orderNo"),
            venue_id=asked.venue_id,
            keys=self.id_keys,
            now=asked.now,
        )
        return {"quote": quote_said(quote)}

    async def cancel(self, asked: Asked) -> Said:
        expected_fen = asked.number("back")
        if expected_fen is None:
            raise unread()
        await cancelling_at_desk.cancel_at_desk(
            clerk=asked.clerk,
            person_id=asked.text("personId"),
            order_no=asked.text("orderNo"),
            expected_refund_fen=expected_fen,
            venue_id=asked.venue_id,
            keys=self.id_keys,
            channels=self.channels,
            now=asked.now,
        )
        await self.wake("forward")
        return {"person": await self._again(asked, Power.BOOK_FOR_PERSON)}

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
            "vouchers": [await voucher_said(each) for each in held],
            "kinds": [kind for campaign in shown for kind in kinds_given_out(campaign, asked.now)],
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
        return {"voucher": await voucher_said(given)}

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
            "concessions": [concession_said(each) for each in found.concessions],
            "admissions": [admission_said(each) for each in found.admissions[: people_at_desk.MOST_TODAY]],
            "ahead": [ahead_said(each) for each in found.ahead],
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
        "join": desk.join,
        "grant": desk.grant,
        "revoke": desk.revoke,
        "slots": desk.slots,
        "book": desk.book,
        "quote": desk.quote,
        "cancel": desk.cancel,
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
        if found is None:
            return RedirectResponse("/desk?to=people", 303)
        clerk, post = found
        if not await powers.may(clerk, Power.READ_PERSON, venue_id=post.venue_id):
            return RedirectResponse("/desk", 303)
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
