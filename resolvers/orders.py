"""Booking a court, paying for it, and the codes that let one in."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from models.admissions import queries as admissions
from models.checkout import cancelling, placing
from models.checkout.placing import PlacedBy
from models.checkout.wanted import MOST_LINES
from models.codes.rules import STEP_SECONDS, STEPS_AHEAD
from models.orders import queries as orders
from models.vouchers import mine
from plans.costs import ListSize, Weight
from resolvers import pictures
from resolvers.acting import HelperPower, acting, booking
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.order_lines import OrderLineInput, lines_wanted
from resolvers.paging import checked_size, page_of, read_cursor
from resolvers.pictures import PICTURE
from resolvers.prices import PARTS_OF_A_LINE, PricePart, kept_parts, kind_of
from resolvers.refunds import REFUNDS_EXPECTED, Refund, refunds_by_order
from resolvers.scalars import Fen
from resolvers.words import AttendanceState, CloseReason, ConcessionKind, LineKind, OrderStatus, Ticket

MOST_ORDERS = 50


@strawberry.type(description="A place for one person. Its codes are asked for with `admissionCodes`.")
class Admission:
    id: strawberry.ID
    seat: int
    title: str
    opens_at: datetime = strawberry.field(description="From here on the door lets this admission in.")
    starts_at: datetime
    ends_at: datetime
    is_inside: bool
    first_entered_at: datetime | None
    is_revoked: bool

    @classmethod
    def of(cls, row: Any) -> "Admission":
        return cls(
            id=strawberry.ID(row["public_id"]),
            seat=row["seat"],
            title=row["title"],
            opens_at=row["opens_at"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            is_inside=bool(row["is_inside"]),
            first_entered_at=row["first_entered_at"],
            is_revoked=row["revoked_at"] is not None,
        )


@strawberry.type
class OrderLine:
    line_no: int
    title: str
    kind: LineKind
    court_id: strawberry.ID | None
    session_id: strawberry.ID | None
    ticket: Ticket | None
    court_name: str = strawberry.field(description="Of the court, or of the session's pool or hall.")
    starts_at: datetime
    ends_at: datetime
    people: int
    price: Fen
    price_label: str
    concession: Fen = strawberry.field(description="What a concession took off.")
    concession_kind: ConcessionKind | None
    price_explanation: list[PricePart] = strawberry.field(
        directives=[ListSize(assumed_size=PARTS_OF_A_LINE)],
        description="As it was told when it was ordered; empty for orders of before prices explained themselves.",
    )
    cancelled_at: datetime | None
    come_by: datetime | None = strawberry.field(
        description="Until here somebody has to come in or check in, or the slot is somebody else's; null: whenever."
    )
    attendance: AttendanceState | None = strawberry.field(
        description="Null where nobody is waited for. EXPECTED until the time is up, also for who has come in."
    )

    @classmethod
    def of(cls, row: Any) -> "OrderLine":
        return cls(
            line_no=row["line_no"],
            title=row["title"],
            kind=LineKind(row["kind"]),
            court_id=row["court_public_id"] and strawberry.ID(row["court_public_id"]),
            session_id=row["session_public_id"] and strawberry.ID(row["session_public_id"]),
            ticket=Ticket(row["ticket"]) if row["ticket"] else None,
            court_name=row["court_name"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            people=row["people"],
            price=Fen(row["price_fen"]),
            price_label=row["price_label"],
            concession=Fen(row["concession_fen"]),
            concession_kind=kind_of(row["concession_kind"]),
            price_explanation=kept_parts(row["price_parts"]),
            cancelled_at=row["cancelled_at"],
            come_by=row["come_by"],
            attendance=AttendanceState(row["attendance"]) if row["attendance"] else None,
        )


@strawberry.type(description="A voucher with which an order was placed.")
class OrderVoucher:
    id: strawberry.ID
    title: str
    face_value: Fen
    pays: Fen = strawberry.field(description="What it pays now; nothing once it was given back.")

    @classmethod
    def of(cls, row: Any) -> "OrderVoucher":
        return cls(
            id=strawberry.ID(row["public_id"]),
            title=row["title"],
            face_value=Fen(row["face_fen"]),
            pays=Fen(row["pays_fen"]),
        )


@strawberry.type
class Order:
    order_no: str
    status: OrderStatus
    venue_id: strawberry.ID
    venue_name: str
    total: Fen
    voucher_paid: Fen = strawberry.field(description="What vouchers pay of it now.")
    to_pay: Fen = strawberry.field(
        description="What is asked of you for it: the total, less what vouchers paid then."
    )
    paid: Fen
    refunded: Fen
    due: Fen = strawberry.field(description="Still to be paid; below zero: on its way back to you.")
    placed_at: datetime
    hold_expires_at: datetime = strawberry.field(description="Until here an unpaid order holds its slots.")
    paid_at: datetime | None
    closed_at: datetime | None
    close_reason: CloseReason | None
    organisation_name: str | None = strawberry.field(
        description="In whose name it is: of a group's booking, or of a series; null: in my own."
    )
    placed_by_helper: bool = strawberry.field(description="By a guardian or helper of whom it is for.")
    is_split: bool = strawberry.field(description="Among several who pay it: `orderShares`.")
    lines: list[OrderLine] = strawberry.field(directives=[ListSize(assumed_size=MOST_LINES)])
    admissions: list[Admission] = strawberry.field(directives=[ListSize(assumed_size=4 * MOST_LINES)])
    refunds: list[Refund] = strawberry.field(directives=[ListSize(assumed_size=REFUNDS_EXPECTED)])
    vouchers: list[OrderVoucher] = strawberry.field(
        directives=[ListSize(assumed_size=1)], description="With which it was placed."
    )


@strawberry.type
class OrderEdge:
    node: Order
    cursor: str


@strawberry.type
class OrderConnection:
    edges: list[OrderEdge]
    page_info: PageInfo


@strawberry.type(description="One code, to be shown from `validFrom` until the next one begins.")
class TimedCode:
    valid_from: datetime
    code: str

    @strawberry.field(directives=[PICTURE], description="As QR, SVG text; for clients that cannot draw one.")
    async def svg(self) -> str:
        return await pictures.svg(self.code)

    @strawberry.field(directives=[PICTURE], description="As QR, PNG in base64.")
    async def png(self) -> str:
        return await pictures.png(self.code)


@strawberry.type(
    description="Codes for about ten minutes, counted from `serverNow` by elapsed time, never by the phone's clock."
)
class AdmissionCodes:
    server_now: datetime
    step_seconds: int
    codes: list[TimedCode] = strawberry.field(directives=[ListSize(assumed_size=STEPS_AHEAD + 1)])
    printed_code: str = strawberry.field(description="For paper: only at the desk, with an ID check.")

    @strawberry.field(directives=[PICTURE], description="The printed code as QR, SVG text.")
    async def printed_svg(self) -> str:
        return await pictures.svg(self.printed_code)

    @strawberry.field(directives=[PICTURE], description="The printed code as QR, PNG in base64.")
    async def printed_png(self) -> str:
        return await pictures.png(self.printed_code)


@strawberry.type
class OrderPayload:
    order: Order | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class OrderQueries:
    @strawberry.field(
        directives=[Weight(weight=200)], description="One order of mine; null when there is none of that number."
    )
    async def order(self, info: Info, order_no: str, for_member: strawberry.ID | None = None) -> Order | None:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        return await one_order(whose.member_id, order_no)

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ORDERS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=3500),
        ],
        description="My orders, the latest first.",
    )
    async def orders(
        self, info: Info, first: int = 20, after: str | None = None, for_member: strawberry.ID | None = None
    ) -> OrderConnection:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        found = await orders.orders_of(
            member_id=whose.member_id, first=checked_size(first, MOST_ORDERS), before_id=read_cursor(after, "o")
        )
        built = await _build(found[:first])
        edges = [
            OrderEdge(node=order, cursor=f"o{row['id']}") for order, row in zip(built, found[:first], strict=True)
        ]
        return OrderConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )

    @strawberry.field(
        directives=[Weight(weight=200)], description="The codes to show at the door for one of my admissions."
    )
    async def admission_codes(
        self, info: Info, admission_id: strawberry.ID, for_member: strawberry.ID | None = None
    ) -> AdmissionCodes:
        whose = await acting(info, for_member, HelperPower.SHOW_CODES)
        found = await admissions.codes_of(
            member_id=whose.member_id,
            admission_id=admission_id,
            keys=info.context.services.code_keys,
            now=info.context.now,
        )
        return AdmissionCodes(
            server_now=found.server_now,
            step_seconds=STEP_SECONDS,
            codes=[TimedCode(valid_from=start, code=code) for start, code in found.codes],
            printed_code=found.printed,
        )


@strawberry.type
class OrderActs:
    @act(
        OrderPayload,
        "Hold slots and places for a quarter of an hour, all or none. The same key gives the same order. `forMember`: for a ward, or "
        "for somebody whose helper I am; it is their order, within their limits.",
    )
    async def place_order(
        self,
        info: Info,
        idempotency_key: str,
        lines: list[OrderLineInput],
        for_member: strawberry.ID | None = None,
        voucher_ids: list[strawberry.ID] | None = None,
    ) -> OrderPayload:
        whose = await booking(info, for_member)
        order_no = await placing.place_order(
            member_id=whose.member_id,
            lines=lines_wanted(lines),
            idempotency_key=idempotency_key,
            voucher_ids=voucher_ids or (),
            placed_by=PlacedBy(member_id=whose.by_member_id),
            keys=info.context.services.id_keys,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return OrderPayload(order=await one_order(whose.member_id, order_no))

    @act(
        OrderPayload,
        "Give up an order of mine, or these lines of it. An unpaid order closes whole; of a paid one comes back what "
        "`refundQuote` says. Given `expectedRefund`, another amount is refused. Cancelling twice is the same as once.",
    )
    async def cancel_order(
        self,
        info: Info,
        order_no: str,
        line_nos: list[int] | None = None,
        expected_refund: Fen | None = None,
        for_member: strawberry.ID | None = None,
    ) -> OrderPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        await cancelling.cancel_order(
            member_id=whose.member_id,
            order_no=order_no,
            line_nos=line_nos,
            expected_refund_fen=expected_refund,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return OrderPayload(order=await one_order(whose.member_id, order_no))


async def one_order(member_id: int, order_no: str) -> Order | None:
    row = await orders.order_of(member_id=member_id, order_no=order_no)
    return (await _build([row]))[0] if row is not None else None


async def _build(rows: Sequence[Any]) -> list[Order]:
    """Orders with their lines, admissions, refunds and vouchers: four or five statements for any number of orders."""
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    lines = _by_order(await orders.lines_of(ids))
    places = _by_order(await admissions.admissions_of_orders(ids))
    refunds = await refunds_by_order(ids)
    with_vouchers = [row["id"] for row in rows if row["voucher_fen"]]
    vouchers = _by_order(await mine.vouchers_of_orders(with_vouchers) if with_vouchers else ())
    return [
        Order(
            order_no=row["order_no"],
            status=OrderStatus(row["status"]),
            venue_id=strawberry.ID(row["venue_id"]),
            venue_name=row["venue_name"],
            total=Fen(row["total_fen"]),
            voucher_paid=Fen(sum(voucher["pays_fen"] for voucher in vouchers[row["id"]])),
            to_pay=Fen(row["total_fen"] - row["voucher_fen"]),
            paid=Fen(row["paid_fen"]),
            refunded=Fen(row["refunded_fen"]),
            due=Fen(row["due_fen"]),
            placed_at=row["placed_at"],
            hold_expires_at=row["hold_expires_at"],
            paid_at=row["paid_at"],
            closed_at=row["closed_at"],
            close_reason=CloseReason(row["close_reason"]) if row["close_reason"] else None,
            organisation_name=row["organisation_name"],
            placed_by_helper=row["placed_by_id"] is not None,
            is_split=row["split_at"] is not None,
            lines=[OrderLine.of(line) for line in lines[row["id"]]],
            admissions=[Admission.of(place) for place in places[row["id"]]],
            refunds=refunds[row["id"]],
            vouchers=[OrderVoucher.of(voucher) for voucher in vouchers[row["id"]]],
        )
        for row in rows
    ]


def _by_order(rows: Sequence[Any]) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row["order_id"]].append(row)
    return grouped
