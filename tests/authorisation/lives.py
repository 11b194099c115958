"""A town for the walk: two citizens who have everything that one can have here, each at a hall of their own.

Bing comes first and An second, and they do the very same. So what is in the house or in an answer since An came, and
was not there before, is An's alone: nobody has to list it, and a new table or a new field is covered by itself. When
citizens come to have something new, `a_life` is where they get it.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette

from models import database
from models.audit.operations import chain_some
from models.calendar import business_day
from models.footfall import devices
from models.footfall.devices import GateCredentials
from models.ids import new_id
from models.keys import AuditKeys
from models.reconciliation.tables import DayStatement, Discrepancy
from models.staff.rules import Role
from tests import databases
from tests.authorisation.lives_arrangements import live_with_arrangements
from tests.authorisation.lives_attendance import a_hall_that_waits, live_with_pauses
from tests.authorisation.lives_campaigns import Campaigns, campaigns_at, live_with_campaigns
from tests.authorisation.lives_closures import live_under_closure
from tests.authorisation.lives_draws import draws_at, live_in_draws
from tests.authorisation.lives_editing import live_with_settings
from tests.authorisation.lives_moving import live_on_the_move
from tests.authorisation.lives_my_vouchers import live_with_my_vouchers
from tests.authorisation.lives_offline import live_offline
from tests.authorisation.lives_people import ANS, BINGS, Names, Others, before_anybody, live_among_people
from tests.authorisation.lives_prices import live_with_a_concession
from tests.authorisation.lives_risk import live_with_risk
from tests.authorisation.lives_sessions import a_pool_at
from tests.authorisation.lives_settlement import live_with_settlement
from tests.authorisation.lives_splitting import live_with_shares
from tests.authorisation.lives_vouchers_desk import live_with_vouchers
from tests.authorisation.lives_waiting import live_in_line
from tests.authorisation.offices import OFFICES, OFFICES_ELSEWHERE, officers, somebody_locked_out
from tests.factories.booking import Hall, a_hall, at
from tests.factories.places import a_venue_across
from tests.factories.third_parties import a_third_party
from tests.factories.vouchers import ACampaign
from tests.house import Citizen, Clerk, House, line
from tests.resolvers import documents
from tests.resolvers.documents import RESOLVE_DISCREPANCY

AT_A_VENUE = (Role.REDEEMER, Role.VENUE_MANAGER, Role.FINANCE)
Row = Mapping[str, Any]
Snapshot = Mapping[tuple[str, Any], Row]
"""Every row of the database by table and id."""


@dataclass(frozen=True)
class Caller:
    """Somebody at the door of GraphQL, with what they show there."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    freely: bool = False
    """Sends documents of their own, as only third parties do; our clients send the hash of a trusted one."""

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")

    @classmethod
    def of(cls, name: str, person: Citizen | Clerk) -> "Caller":
        return cls(name, {"Authorization": person.authorization})


STRANGER = Caller("a stranger")


@dataclass(kw_only=True)
class Life:
    """One citizen, the hall where they play, and whoever works there."""

    citizen: Citizen
    hall: Hall
    clerk: Clerk
    gate: GateCredentials
    gate_no: str
    campaigns: Campaigns
    session_id: str
    """Of tomorrow's in the pool beside the hall."""
    draws: Mapping[str, str]
    """Of badminton at the hall, by whether it is open or done."""

    ended: Mapping[str, str] = field(default_factory=dict)
    """The tokens of a second device that has signed out."""
    used_login_code: str = ""
    used_phone_code: str = ""
    orders: dict[str, Any] = field(default_factory=dict)
    """By what became of them: played, waiting, pending, cancelled; as the door shows them."""
    keys: dict[str, str] = field(default_factory=dict)
    """The idempotency keys they were placed under."""
    codes: dict[str, str] = field(default_factory=dict)
    """What the doors were shown, and what could still be shown."""
    nonce: str = ""
    """Of the scan with which the clerk let them in."""
    payment_nos: Sequence[str] = ()
    shift_ids: Sequence[str] = ()
    """Of the clerk's shifts: one was counted, one is open."""
    desk_keys: dict[str, str] = field(default_factory=dict)
    """Of the clerk's acts: pay, charge, hand out, invite."""
    desk_refund_nos: Sequence[str] = ()
    """Of money paid by hand: one was handed out, one waits."""
    give_back_key: str = ""
    """Of the clerk's act of goodwill for the played order."""
    payer_code: str = ""
    desk_payment_no: str = ""
    """Of what was charged to it."""
    fresh_slots: Iterator[Mapping[str, Any]] = field(default_factory=lambda: iter(()))
    discrepancy_id: str = ""
    """About their payment; a channel's statement had another amount, and the clerk said what it was."""
    discrepancy_cursor: str = ""
    cursors: Sequence[str] = ()
    others: Others = field(init=False)

    @property
    def venue_id(self) -> str:
        return self.hall.venue.public_id

    @property
    def campaign(self) -> ACampaign:
        """The one that gives out."""
        return self.campaigns.giving

    @property
    def refund_no(self) -> str:
        return str(self.orders["cancelled"]["refunds"][0]["refundNo"])

    @property
    def handle(self) -> str:
        """The digits in a code that lead to its admission; `models.codes.rules`."""
        return self.codes["played 1"][2:12]

    @property
    def waiting_line(self) -> Mapping[str, Any]:
        """A slot that is taken, as one would ask for it."""
        return line(self.hall.badminton, at(10))

    def admission_ids(self, which: str) -> list[str]:
        return [str(admission["id"]) for admission in self.orders[which]["admissions"]]

    async def places(self, which: str, *lines: Mapping[str, Any]) -> None:
        self.keys[which] = secrets.token_hex(8)
        self.orders[which] = await self.citizen.places(*lines, key=self.keys[which])

    async def a_fresh_order(self) -> str:
        """One that nobody has paid yet."""
        return str((await self.citizen.places(next(self.fresh_slots)))["orderNo"])

    async def pays(self, which: str) -> None:
        letter = await self.citizen.pays(self.orders[which]["orderNo"])
        assert (await self.citizen.house.hand_in(letter)).status_code == 204
        await self.looks_at(which)

    async def looks_at(self, which: str) -> None:
        order_no = self.orders[which]["orderNo"]
        self.orders[which] = (await self.citizen.ask(documents.ORDER, orderNo=order_no)).value


@dataclass(frozen=True, kw_only=True)
class World:
    """Everybody, with what was known in the house `before` An came."""

    house: House
    front: Starlette
    """The door of GraphQL as production opens it: the walk's questions are its trusted documents."""
    an: Life
    bing: Life
    offices: Mapping[str, Clerk]
    """Who works for the whole house, by their office."""
    offices_elsewhere: Mapping[str, Clerk]
    third_party_key: str
    venue_cursor: str
    """A place in the list of venues, which everybody may see."""
    before: frozenset[str]
    """Every text that was in the database or in an answer before An came."""
    since: frozenset[str]
    """Every text that is in the database or in an answer now."""
    rows_of_an: frozenset[tuple[str, Any]]
    """What came into the database with An, by table and id."""

    @property
    def secrets(self) -> frozenset[str]:
        """What is An's alone."""
        return self.since - self.before - self.an.others.shown_to_all

    @property
    def owners(self) -> Mapping[str, Citizen | Clerk]:
        """Those to whom An's things are open, each to their own part."""
        return {"citizen": self.an.citizen, "clerk": self.an.clerk, **self.offices}


async def a_world(house: House, front: Starlette) -> World:
    """At a quarter to eleven, so that who plays at eleven may enter."""
    await house.travel(at(10, 45, days=0))
    third_party = await a_third_party(now=house.now())
    await two_days_statements(house.now())
    await before_anybody()
    offices, elsewhere = await officers(house, OFFICES), await officers(house, OFFICES_ELSEWHERE)
    await somebody_locked_out(house)
    bing = await _at_work(house, name="城北体育馆", phone="13700000002", gate_no="G-NORTH", lon=104.08)
    an = await _at_work(house, name="城南体育馆", phone="13987654321", gate_no="G-SOUTH", lon=104.06)
    await a_venue_across(lon=an.hall.venue.lon)
    await a_life(bing, BINGS, offices)
    near = (
        await house.ask(documents.VENUES_NEAR, {"point": {"lon": an.hall.venue.lon, "lat": an.hall.venue.lat}})
    ).value
    before, rows = await _texts(house), (await snapshot()).keys()
    await a_life(an, ANS, offices)
    while (await chain_some(keys=AuditKeys(house.wired.settings.audit_keys))).lines:
        pass
    clerks = await database.rows("SELECT id FROM staff_member WHERE username = $1", an.clerk.username)
    since = await _texts(house) | {an.citizen.openid, an.citizen.phone, *an.ended.values(), *an.codes.values()}
    since |= an.others.secrets
    return World(
        house=house,
        front=front,
        an=an,
        bing=bing,
        offices=offices,
        offices_elsewhere=elsewhere,
        third_party_key=third_party.key,
        venue_cursor=near["pageInfo"]["startCursor"],
        before=before,
        since=since,
        rows_of_an=frozenset((await snapshot()).keys() - rows | {("staff_member", clerks[0]["id"])}),
    )


async def _at_work(house: House, *, name: str, phone: str, gate_no: str, lon: float) -> Life:
    """A hall with a gate and a clerk who may do there all that one may, and somebody who is about to come there for the
    first time."""
    hall = await a_hall(name=name, lon=lon, phone="028-12345678", grade="甲级")
    gate = await devices.create_gate(
        device_no=gate_no,
        venue_public_id=hall.venue.public_id,
        direction="ENTRY",
        keys=house.wired.settings.gate_keys,
    )
    answer = await house.wechat.post("/_sandbox/people", json={"phone": phone})
    citizen = Citizen(house, answer.json()["openid"], phone, f"phone-{gate_no}")
    clerk = await house.clerk(hall.venue.public_id, device_id=f"desk-{gate_no}", roles=AT_A_VENUE)
    await a_hall_that_waits(hall)
    campaigns = await campaigns_at(hall, house)
    return Life(
        citizen=citizen,
        hall=hall,
        clerk=clerk,
        gate=gate,
        gate_no=gate_no,
        campaigns=campaigns,
        session_id=await a_pool_at(hall),
        draws=await draws_at(hall, clerk),
    )


async def a_life(life: Life, names: Names, offices: Mapping[str, Clerk]) -> None:
    """Signs in, signs out elsewhere, binds a phone; books, pays, gives up, enters by both doors."""
    citizen, hall = life.citizen, life.hall
    await citizen.sign_in()
    await _sign_in_and_out_elsewhere(life)
    life.used_phone_code = await citizen.phone_code()
    await citizen.ask(documents.BIND_PHONE, code=life.used_phone_code)

    await life.places("played", line(hall.badminton, at(11, days=0), people=2))
    await life.pays("played")
    await life.places("waiting", life.waiting_line)
    await life.pays("waiting")
    await life.places("pending", line(hall.badminton_2, at(10)))
    await citizen.ask(documents.PAY_ORDER, orderNo=life.orders["pending"]["orderNo"])
    await life.places("swimming", {"sessionId": life.session_id, "ticket": "ADULT", "people": 1})
    await life.places("cancelled", line(hall.badminton, at(10, days=2)))
    await life.pays("cancelled")

    await _collect_codes(life)
    await _give_up(life)
    await _refunds_that_need_somebody(life)
    await _pay_at_the_desk(life)
    await _enter(life)
    for which in life.orders:
        await life.looks_at(which)
    found = (await citizen.ask(documents.ORDERS)).value
    life.cursors = [edge["cursor"] for edge in found["edges"]]
    numbers = [order["orderNo"] for order in life.orders.values()]
    life.payment_nos = [
        row["payment_no"]
        for row in await database.rows(
            "SELECT payment_no, order_no FROM payment p JOIN orders o ON o.id = order_id ORDER BY p.id"
        )
        if row["order_no"] in numbers
    ]
    await _reconcile(life)
    await live_among_people(life, names, offices)
    await live_with_campaigns(life, offices["regulator"])
    await live_with_vouchers(life)
    await live_with_my_vouchers(life)
    await live_with_a_concession(life)
    await live_with_settings(life)
    await live_with_pauses(life)
    await live_in_line(life)
    await live_on_the_move(life)
    await live_with_shares(life)
    await live_under_closure(life)
    await live_in_draws(life)
    await live_with_arrangements(life)
    await live_offline(life)
    await live_with_settlement(life, offices)
    await live_with_risk(life, offices)


async def _sign_in_and_out_elsewhere(life: Life) -> None:
    life.used_login_code = await life.citizen.login_code()
    variables = {"code": life.used_login_code, "deviceId": "tablet"}
    house = life.citizen.house
    life.ended = (await house.ask(documents.SIGN_IN, variables)).value["signIn"]
    await house.ask(documents.SIGN_OUT, {}, f"Bearer {life.ended['accessToken']}")


async def _collect_codes(life: Life) -> None:
    for which in ("played", "waiting", "cancelled"):
        for number, admission_id in enumerate(life.admission_ids(which), 1):
            asked = await life.citizen.ask(documents.ADMISSION_CODES, admissionId=admission_id)
            life.codes[f"printed, {which} {number}"] = asked.value["printedCode"]
            life.codes[f"{which} {number}"] = await life.citizen.code(admission_id)


async def _give_up(life: Life) -> None:
    waiting = len(life.citizen.house.outside.letters)
    await life.citizen.ask(documents.CANCEL_ORDER, orderNo=life.orders["cancelled"]["orderNo"])
    letters = await life.citizen.house.outside.wait_for_letters(waiting + 1)
    assert (await life.citizen.house.hand_in(letters[waiting])).status_code == 204


GOODWILL_FEN = 1
FLOAT_FEN, GIVEN_FEN, COUNTED_FEN = 20000, 100000, 20000


async def _pay_at_the_desk(life: Life) -> None:
    """Twice in cash, which is given back, once at once; and by a code on a phone. Then the drawer is counted."""
    hall, clerk = life.hall, life.clerk
    life.desk_keys = {name: secrets.token_hex(8) for name in ("pay", "charge", "hand out")}
    drawer = {"venueId": life.venue_id, "openingFloat": FLOAT_FEN}
    first = (await clerk.ask(documents.OPEN_SHIFT, **drawer)).value["shift"]["id"]
    for which, court in (("by hand", hall.badminton), ("by hand too", hall.badminton_2)):
        await life.places(which, line(court, at(10, days=3)))
        paying = {"orderNo": life.orders[which]["orderNo"], "channel": "CASH", "amountGiven": GIVEN_FEN}
        key = life.desk_keys["pay"] if which == "by hand" else secrets.token_hex(8)
        assert (await clerk.ask(documents.PAY_AT_DESK, **paying, idempotencyKey=key)).value["receipt"]
        await life.citizen.ask(documents.CANCEL_ORDER, orderNo=life.orders[which]["orderNo"])
    waiting = (await clerk.ask(documents.REFUNDS_AT_DESK, venueId=life.venue_id)).value
    life.desk_refund_nos = [refund["refundNo"] for refund in waiting]
    handing = {"refundNo": life.desk_refund_nos[0], "idempotencyKey": life.desk_keys["hand out"]}
    assert (await clerk.ask(documents.HAND_OUT_REFUND, **handing)).value["refund"]

    await life.places("by code", line(hall.badminton, at(10, days=4)))
    asked = {"openid": life.citizen.openid}
    shown = await life.citizen.house.outside.http.post("/_sandbox/payer-codes", json=asked)
    life.payer_code = shown.json()["auth_code"]
    charging = {"orderNo": life.orders["by code"]["orderNo"], "payerCode": life.payer_code}
    charged = await clerk.ask(documents.CHARGE_PAYER_CODE, **charging, idempotencyKey=life.desk_keys["charge"])
    life.desk_payment_no = charged.value["payment"]["paymentNo"]

    counted = {"shiftId": first, "counted": COUNTED_FEN, "note": "点过两遍"}
    assert (await clerk.ask(documents.CLOSE_SHIFT, **counted)).value["shift"]
    second = (await clerk.ask(documents.OPEN_SHIFT, **drawer)).value["shift"]["id"]
    life.shift_ids = [first, second]
    courts = (hall.badminton, hall.badminton_2)
    life.fresh_slots = iter([line(c, at(h, days=d)) for d in (4, 5, 6, 7) for h in (10, 11) for c in courts])


async def _refunds_that_need_somebody(life: Life) -> None:
    """Their channel says so; and the clerk gives a fen back for the dim light."""
    house, hall = life.citizen.house, life.hall
    hanging = {
        "abnormal": line(hall.badminton, at(10, days=7)),
        "closed": line(hall.badminton_2, at(10, days=7)),
        "abnormal still": line(hall.badminton_2, at(10, days=4)),
    }
    for which, wanted in hanging.items():
        await life.places(which, wanted)
        await life.pays(which)
        await house.outside.switch_on(refunds_end_as=which.split()[0].upper(), refund_seconds=0)
        waiting = len(house.outside.letters)
        await life.citizen.ask(documents.CANCEL_ORDER, orderNo=life.orders[which]["orderNo"])
        letters = await house.outside.wait_for_letters(waiting + 1)
        assert (await house.hand_in(letters[waiting])).status_code == 204
        await house.outside.switch_on()
    life.give_back_key = secrets.token_hex(8)
    giving = {"orderNo": life.orders["played"]["orderNo"], "amount": GOODWILL_FEN, "note": "灯光太暗"}
    given = await life.clerk.ask(documents.GIVE_BACK, **giving, idempotencyKey=life.give_back_key)
    assert given.value["refunds"]
    await house.outside.wait_for_letters(len(letters) + 1)


async def _enter(life: Life) -> None:
    """One by the desk, the companion by the gate."""
    life.nonce = secrets.token_hex(8)
    verdict = (await life.clerk.scans(life.codes["played 1"], life.venue_id, nonce=life.nonce)).value["verdict"]
    assert verdict["outcome"] == "ENTERED"
    assert (await read_at(life, life.codes["played 2"])) == "code=0000"


async def _reconcile(life: Life) -> None:
    """A payment of theirs stands in the channel's statement with another amount, and the clerk looks into it."""
    statement = await DayStatement.get(status="MATCHED")
    found = await Discrepancy.create(
        public_id=new_id("dsc"),
        statement_id=statement.id,
        kind="AMOUNT_DIFFERS",
        about="PAYMENT",
        about_no=life.payment_nos[0],
        channel_trade_no=f"42{secrets.token_hex(8)}",
        venue_id=life.hall.venue.id,
        ours_fen=8000,
        theirs_fen=7999,
        ours_status="SETTLED",
        theirs_status="SUCCEEDED",
        status="OPEN",
        found_at=life.citizen.house.now(),
    )
    life.discrepancy_id, life.discrepancy_cursor = found.public_id, f"d{found.id}"
    note = f"渠道工单 {secrets.token_hex(8)}"
    asked = {"discrepancyId": life.discrepancy_id, "outcome": "NO_DIFFERENCE", "note": note}
    assert (await life.clerk.ask(RESOLVE_DISCREPANCY, **asked)).value["discrepancy"]["status"] == "RESOLVED"


async def two_days_statements(now: datetime) -> None:
    """One that is matched, and today's, which the channel has not written yet. They are the house's, nobody's own."""
    today = business_day(now)
    await DayStatement.create(
        channel="WECHAT_PAY", day=today - timedelta(days=2), status="MATCHED", digest="d" * 64, matched_at=now
    )
    await DayStatement.create(channel="WECHAT_PAY", day=today, status="WAITING", next_attempt_at=now)


async def read_at(life: Life, code: str) -> str:
    """What the gate of this life's hall is told about a code."""
    form = f"vgdecoderesult={code}&&devicenumber={life.gate_no}&&otherparams="
    return (await life.citizen.house.http.post(f"/gates/{life.gate.token}", content=form)).text


async def snapshot() -> Snapshot:
    found = [
        (table.strip('"'), dict(row))
        for table in await databases._tables()
        for row in await database.rows(f"SELECT * FROM {table}")
    ]
    return {(table, row.get("id", next(iter(row.values())))): row for table, row in found}


async def _texts(house: House) -> frozenset[str]:
    rows = texts_in(list((await snapshot()).values()))
    return frozenset((*rows, *(text for answer in house.answers for text in texts_in(json.loads(answer)))))


def texts_in(value: Any) -> Iterator[str]:
    """Every text inside, also inside of JSON in a column."""
    return (text for name, text in leaves_of(value) if name != "timeStamp")  # a second, in which much may happen


def leaves_of(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text inside, with the name of the field that holds it."""
    if isinstance(value, str):
        try:
            inside = json.loads(value) if value[:1] in ("{", "[") else None
        except ValueError:
            inside = None
        if inside is None:
            yield name, value
        else:  # what JSON holds, not how either database writes it
            yield from leaves_of(inside, name)
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from leaves_of(below, key)
    elif isinstance(value, Iterable) and not isinstance(value, bytes | memoryview):
        for below in value:
            yield from leaves_of(below, name)
