"""What fills an argument: for each name in the schema, An's things that it reaches, and the same in nobody's name.

A place in the schema is looked up whole (`redeem.code`) and then by its last word (`orderNo`). An argument that is not
here fails the walk, which says so: whoever adds one tells here how somebody comes to have such a thing, and `lives.py`
gives it to An. Flags, enums and sizes with a default need nothing.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    get_named_type,
)

from tests.authorisation.arguments_arrangements import (
    PLAIN_ARRANGEMENTS,
    REACHING_ARRANGEMENTS,
    WORDS_ARRANGEMENTS,
)
from tests.authorisation.arguments_attendance import (
    OPEN_ATTENDANCE,
    PLAIN_ATTENDANCE,
    REACHING_ATTENDANCE,
    WORDS_ATTENDANCE,
)
from tests.authorisation.arguments_campaigns import (
    OPEN_CAMPAIGNS,
    PLAIN_CAMPAIGNS,
    REACHING_CAMPAIGNS,
    WORDS_CAMPAIGNS,
)
from tests.authorisation.arguments_claiming import (
    OPEN_CLAIMING,
    PLAIN_CLAIMING,
    REACHING_CLAIMING,
    WORDS_CLAIMING,
)
from tests.authorisation.arguments_closures import OPEN_CLOSURES, PLAIN_CLOSURES, REACHING_CLOSURES
from tests.authorisation.arguments_draws import OPEN_DRAWS, PLAIN_DRAWS, REACHING_DRAWS
from tests.authorisation.arguments_editing import (
    OPEN_EDITING,
    PLAIN_EDITING,
    REACHING_EDITING,
    WORDS_EDITING,
)
from tests.authorisation.arguments_moving import PLAIN_MOVING, REACHING_MOVING
from tests.authorisation.arguments_my_vouchers import PLAIN_MY_VOUCHERS, REACHING_MY_VOUCHERS
from tests.authorisation.arguments_offline import PLAIN_OFFLINE, REACHING_OFFLINE, WORDS_OFFLINE
from tests.authorisation.arguments_people import OPEN_TOO, PLAIN_TOO, REACHING_TOO, WORDS_TOO
from tests.authorisation.arguments_risk import PLAIN_RISK, REACHING_RISK, WORDS_RISK
from tests.authorisation.arguments_settlement import (
    OPEN_SETTLEMENT,
    PLAIN_SETTLEMENT,
    REACHING_SETTLEMENT,
    WORDS_SETTLEMENT,
)
from tests.authorisation.arguments_splitting import PLAIN_SPLITTING, REACHING_SPLITTING
from tests.authorisation.arguments_statistics import OPEN_STATISTICS, PLAIN_STATISTICS
from tests.authorisation.arguments_vouchers_desk import (
    OPEN_VOUCHERS_AT_DESK,
    PLAIN_VOUCHERS_AT_DESK,
    REACHING_VOUCHERS_AT_DESK,
    WORDS_VOUCHERS_AT_DESK,
)
from tests.authorisation.arguments_waiting import OPEN_WAITING, PLAIN_WAITING, REACHING_WAITING
from tests.authorisation.kinds import ABSENT, ANOTHER_KIND, SPENT, Known, Open, Plain, Reaching, from_the_start
from tests.authorisation.lives import COUNTED_FEN, FLOAT_FEN, GIVEN_FEN, GOODWILL_FEN, Life, World
from tests.authorisation.questions import Question, input_fields
from tests.factories.booking import TOMORROW, at
from tests.house import PASSWORD

SIZES = {"Int", "Float", "Boolean"}
TIMES_AND_SIZES = SIZES | {"Date", "DateTime", "Fen"}


def _order_nos(life: Life) -> list[Known]:
    return [
        *_orders_and_others(life),
        Known(_in_small_letters(life), SMALL_LETTERS, shut="a phone types no numbers"),
    ]


def _in_small_letters(life: Life) -> str:
    return str(life.orders["played"]["orderNo"]).lower()


SMALL_LETTERS = "the number in small letters"


def _orders_and_others(life: Life) -> list[Known]:
    return [
        *(Known(order["orderNo"], f"the number of the {which} order") for which, order in life.orders.items()),
        *(Known(number, "a payment's number", shut=ANOTHER_KIND) for number in life.payment_nos),
        Known(life.refund_no, "a refund's number", shut=ANOTHER_KIND),
    ]


def _admission_ids(life: Life) -> list[Known]:
    return [
        *(
            Known(key, f"an admission of the {which} order")
            for which in ("played", "waiting", "cancelled")
            for key in life.admission_ids(which)
        ),
        Known(life.orders["played"]["orderNo"], "an order's number", shut=ANOTHER_KIND),
        Known(life.handle, "an admission's handle", shut="only a code leads there"),
    ]


def _cursors(life: Life) -> list[Known]:
    return [Known(cursor, "a place in An's list") for cursor in life.cursors]


def _keys(life: Life) -> list[Known]:
    return [Known(key, f"the {which} order's key") for which, key in life.keys.items()]


def _codes(life: Life) -> list[Known]:
    shown = (
        "a genuine code was shown to the clerk: they may hear where its person belongs, or why it opens nothing"
    )
    return [
        *(Known(code, f"the code: {which}", tells=shown) for which, code in life.codes.items()),
        Known(a_code(life.handle), "a forged code that leads to An's admission", shut="its seal is wrong"),
        Known(life.orders["played"]["orderNo"], "an order's number", shut=ANOTHER_KIND),
    ]


def _desk_order_nos(first: str) -> Callable[[Life], list[Known]]:
    """The same to a clerk, who types them, the one first whose act at the drawer An's key names."""

    def of(life: Life) -> list[Known]:
        known = [*_orders_and_others(life), Known(_in_small_letters(life), SMALL_LETTERS)]
        return sorted(known, key=lambda each: each.value != life.orders[first]["orderNo"])

    return of


def _desk_key(name: str) -> Callable[[Life], list[Known]]:
    return lambda life: [Known(life.desk_keys[name], f"the key of the clerk's act: {name}")]


def _shift_ids(life: Life) -> list[Known]:
    return [
        *(Known(key, f"a shift, {which}") for key, which in zip(life.shift_ids, ("counted", "open"), strict=True)),
        Known(life.orders["by hand"]["orderNo"], "an order's number", shut=ANOTHER_KIND),
    ]


def _desk_payment_nos(life: Life) -> list[Known]:
    return [
        Known(life.desk_payment_no, "the number of what was charged at the desk"),
        *(Known(number, "a payment's number") for number in life.payment_nos),
    ]


def _desk_refund_nos(life: Life) -> list[Known]:
    handed_out, waiting = life.desk_refund_nos
    return [
        Known(handed_out, "a refund that was handed out"),
        Known(waiting, "a refund that waits at the desk"),
        Known(life.refund_no, "a refund by the channel"),
        Known(life.desk_payment_no, "a payment's number", shut=ANOTHER_KIND),
    ]


def _hanging_refund_nos(first: str) -> Callable[[Life], list[Known]]:
    def of(life: Life) -> list[Known]:
        known = {
            which: Known(life.orders[which]["refunds"][0]["refundNo"], f"the number of a refund that is {which}")
            for which in ("abnormal", "closed", "cancelled")
        }
        return [
            known.pop(first),
            *known.values(),
            Known(life.orders[first]["orderNo"], "an order's number", shut=ANOTHER_KIND),
        ]

    return of


def _give_back_keys(life: Life) -> list[Known]:
    return [Known(life.give_back_key, "the key of the clerk's act of goodwill")]


async def _a_fresh_payer_code(life: Life) -> str:
    asked = {"openid": life.citizen.openid}
    answer = await life.citizen.house.outside.http.post("/_sandbox/payer-codes", json=asked)
    return str(answer.json()["auth_code"])


def _a_payer_code() -> str:
    return f"10{secrets.randbelow(10**16):016d}"


def _refresh_tokens(life: Life) -> list[Known]:
    return [
        Known(life.ended["refreshToken"], "a refresh token that has ended", shut=SPENT),
        Known(life.ended["accessToken"], "an access token that has ended", shut=SPENT),
        Known(life.citizen.tokens["accessToken"], "An's access token", shut=ANOTHER_KIND),
        Known(life.clerk.authorization.split()[1], "the clerk's token", shut=ANOTHER_KIND),
        Known(life.gate.token, "the gate's token", shut=ANOTHER_KIND),
    ]


def _login_codes(life: Life) -> list[Known]:
    return [
        Known(life.used_login_code, "a used login code", shut=SPENT),
        Known(life.used_phone_code, "a phone's code", shut=ANOTHER_KIND),
        Known(life.citizen.openid, "An's openid", shut=ANOTHER_KIND),
    ]


def _phone_codes(life: Life) -> list[Known]:
    return [
        Known(life.used_phone_code, "a used phone code", shut=SPENT),
        Known(life.used_login_code, "a login's code", shut=ANOTHER_KIND),
        Known(life.citizen.phone, "An's number", shut=ANOTHER_KIND),
    ]


def _discrepancies(life: Life) -> list[Known]:
    return [
        Known(life.discrepancy_id, "the discrepancy about An's payment"),
        Known(life.payment_nos[0], "the payment's number", shut=ANOTHER_KIND),
        Known(life.discrepancy_cursor, "its place in the list", shut=ANOTHER_KIND),
    ]


def a_code(handle: str = "") -> str:
    """A well-formed code that nobody made, for this handle or for none."""
    body = f"11{handle or f'{secrets.randbelow(10**10):010d}'}{secrets.randbelow(10**10):010d}"
    return f"{body}{(1 - int(body) * 100) % 97:02d}"


def _a_number(letter: str = "O") -> str:
    return f"{letter}20261120{secrets.token_hex(6).upper()}"


def _an_admission_id() -> str:
    return f"adm_{secrets.token_hex(10).upper()}"


def _a_discrepancy_id() -> str:
    return f"dsc_{secrets.token_hex(10).upper()}"


def _a_shift_id() -> str:
    return f"shf_{secrets.token_hex(10).upper()}"


def _a_token() -> str:
    return secrets.token_urlsafe(32)


def _a_short_word() -> str:
    return secrets.token_hex(8)


REACHING: Mapping[str, Reaching] = {
    "orderNo": Reaching(_order_nos, _a_number),
    "admissionId": Reaching(_admission_ids, _an_admission_id),
    "discrepancyId": Reaching(_discrepancies, _a_discrepancy_id, owner="clerk"),
    "discrepancies.after": Reaching(
        lambda life: [Known(life.discrepancy_cursor, "a place in the clerk's list")],
        lambda: "d999999999999",
        owner="clerk",
        live=from_the_start,
    ),
    "orders.after": Reaching(_cursors, lambda: "o999999999999", live=from_the_start),
    "idempotencyKey": Reaching(_keys, _a_short_word),
    "placeOrder.idempotencyKey": Reaching(_keys, _a_short_word, meanwhile=_a_short_word),
    "redeem.code": Reaching(_codes, a_code, owner="clerk"),
    "redeem.nonce": Reaching(
        lambda life: [Known(life.nonce, "the number of An's scan")],
        _a_short_word,
        owner="clerk",
        meanwhile=_a_short_word,
    ),
    "payOrder.orderNo": Reaching(_order_nos, _a_number, live=lambda life: life.a_fresh_order()),
    "deskOrder.orderNo": Reaching(_desk_order_nos("played"), _a_number, owner="clerk"),
    "payAtDesk.orderNo": Reaching(
        _desk_order_nos("by hand"), _a_number, owner="clerk", live=lambda life: life.a_fresh_order()
    ),
    "showPaymentCode.orderNo": Reaching(
        _desk_order_nos("played"), _a_number, owner="clerk", live=lambda life: life.a_fresh_order()
    ),
    "chargePayerCode.orderNo": Reaching(
        _desk_order_nos("by code"), _a_number, owner="clerk", live=lambda life: life.a_fresh_order()
    ),
    "chargePayerCode.payerCode": Reaching(
        lambda life: [Known(life.payer_code, "a used payer's code", shut=SPENT)],
        _a_payer_code,
        owner="clerk",
        live=_a_fresh_payer_code,
    ),
    "payAtDesk.idempotencyKey": Reaching(_desk_key("pay"), _a_short_word, owner="clerk", meanwhile=_a_short_word),
    "chargePayerCode.idempotencyKey": Reaching(
        _desk_key("charge"), _a_short_word, owner="clerk", meanwhile=_a_short_word
    ),
    "handOutRefund.idempotencyKey": Reaching(
        _desk_key("hand out"), _a_short_word, owner="clerk", meanwhile=_a_short_word
    ),
    "refreshDeskPayment.paymentNo": Reaching(_desk_payment_nos, lambda: _a_number("P"), owner="clerk"),
    "cancelForVenue.orderNo": Reaching(_desk_order_nos("played"), _a_number, owner="clerk"),
    "cancelForVenue.idempotencyKey": Reaching(
        _give_back_keys, _a_short_word, owner="clerk", meanwhile=_a_short_word
    ),
    "giveBack.orderNo": Reaching(_desk_order_nos("played"), _a_number, owner="clerk"),
    "giveBack.idempotencyKey": Reaching(_give_back_keys, _a_short_word, owner="clerk", meanwhile=_a_short_word),
    "redirectRefund.refundNo": Reaching(_hanging_refund_nos("abnormal"), lambda: _a_number("R"), owner="clerk"),
    "refundAgain.refundNo": Reaching(_hanging_refund_nos("closed"), lambda: _a_number("R"), owner="clerk"),
    "handOutRefund.refundNo": Reaching(_desk_refund_nos, lambda: _a_number("R"), owner="clerk"),
    "shiftId": Reaching(_shift_ids, _a_shift_id, owner="clerk"),
    "refreshToken": Reaching(
        _refresh_tokens, _a_token, live=lambda life: _this(life.citizen.tokens["refreshToken"])
    ),
    "signInWithMiniProgram.code": Reaching(_login_codes, _a_token, live=lambda life: life.citizen.login_code()),
    "bindPhone.code": Reaching(_phone_codes, _a_token, live=lambda life: life.citizen.phone_code()),
    "username": Reaching(
        lambda life: [Known(life.clerk.username, "the clerk's name", shut="a name without its password is none")],
        lambda: f"clerk-{secrets.token_hex(4)}",
        live=lambda life: _this(life.clerk.username),
    ),
    **REACHING_TOO,
    **REACHING_CAMPAIGNS,
    **REACHING_CLAIMING,
    **REACHING_VOUCHERS_AT_DESK,
    **REACHING_MY_VOUCHERS,
    **REACHING_ATTENDANCE,
    **REACHING_WAITING,
    **REACHING_MOVING,
    **REACHING_SPLITTING,
    **REACHING_CLOSURES,
    **REACHING_DRAWS,
    **REACHING_ARRANGEMENTS,
    **REACHING_EDITING,
    **REACHING_OFFLINE,
    **REACHING_RISK,
    **REACHING_SETTLEMENT,
}

OPEN: Mapping[str, Open] = {
    "venue.id": Open(lambda world: [world.an.venue_id, world.bing.venue_id]),
    "venueId": Open(lambda world: [world.an.venue_id, world.bing.venue_id]),
    "OrderLineInput.sessionId": Open(lambda world: [ABSENT]),  # a line is for a court, or for one of these
    "courtId": Open(lambda world: [world.an.hall.badminton.public_id]),
    "sport": Open(lambda world: [ABSENT, "BADMINTON"]),
    "parentKey": Open(lambda world: [ABSENT, "510100"]),
    "statements.after": Open(lambda world: [ABSENT]),  # they are the house's: whoever may see one may see all
    "venuesNear.after": Open(lambda world: [ABSENT, world.venue_cursor]),
    **OPEN_TOO,
    **OPEN_CAMPAIGNS,
    **OPEN_CLAIMING,
    **OPEN_VOUCHERS_AT_DESK,
    **OPEN_ATTENDANCE,
    **OPEN_WAITING,
    **OPEN_CLOSURES,
    **OPEN_DRAWS,
    **OPEN_EDITING,
    **OPEN_SETTLEMENT,
    **OPEN_STATISTICS,
}

PLAIN: Mapping[str, Plain] = {
    "discrepancies.status": Plain(lambda life: ABSENT),
    "statements.channel": Plain(lambda life: ABSENT),
    "resolveDiscrepancy.outcome": Plain(lambda life: "NO_DIFFERENCE"),
    "resolveDiscrepancy.note": Plain(lambda life: "看过渠道账单"),
    "lon": Plain(lambda life: life.hall.venue.lon),
    "lat": Plain(lambda life: life.hall.venue.lat),
    "openAt": Plain(lambda life: ABSENT),
    "onDay": Plain(lambda life: ABSENT),
    "date": Plain(lambda life: TOMORROW.isoformat()),
    "startsAt": Plain(lambda life: at(10).isoformat(), live=lambda life: at(14, days=3).isoformat()),
    "OrderLineInput.ticket": Plain(lambda life: ABSENT),
    "expectedPrice": Plain(lambda life: ABSENT),
    "refreshSignIn.deviceId": Plain(lambda life: life.citizen.device_id),
    "deviceId": Plain(lambda life: "somewhere"),
    "checkpoint": Plain(lambda life: "前台"),
    "payAtDesk.channel": Plain(lambda life: "CASH"),
    "showPaymentCode.channel": Plain(lambda life: "WECHAT_PAY"),
    "openingFloat": Plain(lambda life: FLOAT_FEN),
    "amountGiven": Plain(lambda life: GIVEN_FEN),
    "counted": Plain(lambda life: COUNTED_FEN),
    "slipNo": Plain(lambda life: ABSENT),
    "payOrder.channel": Plain(lambda life: "WECHAT_PAY"),
    "payOrder.way": Plain(lambda life: "IN_APP"),
    "payOrder.returnUrl": Plain(lambda life: ABSENT),
    "lineNos": Plain(lambda life: ABSENT),
    "expectedRefund": Plain(lambda life: ABSENT),
    "cancelOrderAtDesk.expectedRefund": Plain(lambda life: 0),
    "cancelForVenue.reason": Plain(lambda life: "场馆停电"),
    "giveBack.amount": Plain(lambda life: GOODWILL_FEN),
    "giveBack.note": Plain(lambda life: "灯光太暗"),
    "redirectRefund.note": Plain(lambda life: "本人到场"),
    "BankCardInput.bankType": Plain(lambda life: "ICBC_DEBIT"),
    "BankCardInput.number": Plain(lambda life: "6222020402012345678"),
    "BankCardInput.holder": Plain(lambda life: "欧阳小明"),
    "refundAgain.note": Plain(lambda life: "已核对"),
    "closeShift.note": Plain(lambda life: "点过两遍"),
    "password": Plain(lambda life: "Wrong-2026-word", live=lambda life: PASSWORD),
    **PLAIN_TOO,
    **PLAIN_CAMPAIGNS,
    **PLAIN_CLAIMING,
    **PLAIN_VOUCHERS_AT_DESK,
    **PLAIN_ATTENDANCE,
    **PLAIN_MY_VOUCHERS,
    **PLAIN_WAITING,
    **PLAIN_MOVING,
    **PLAIN_SPLITTING,
    **PLAIN_CLOSURES,
    **PLAIN_DRAWS,
    **PLAIN_ARRANGEMENTS,
    **PLAIN_EDITING,
    **PLAIN_OFFLINE,
    **PLAIN_RISK,
    **PLAIN_SETTLEMENT,
    **PLAIN_STATISTICS,
}
WORDS = {
    "returnUrl",
    "deviceId",
    "checkpoint",
    "password",
    "slipNo",
    "channel",
    "note",
    "reason",
    "bankType",
    "number",
    "holder",
    *WORDS_TOO,
    *WORDS_CAMPAIGNS,
    *WORDS_EDITING,
    *WORDS_OFFLINE,
    *WORDS_CLAIMING,
    *WORDS_VOUCHERS_AT_DESK,
    *WORDS_ATTENDANCE,
    *WORDS_RISK,
    *WORDS_SETTLEMENT,
    *WORDS_ARRANGEMENTS,
}
"""The texts among the plain ones: what a person or a device says of itself."""


async def _this(value: str) -> str:
    return value


class Untold(AssertionError):
    """The walk cannot fill an argument."""

    def __init__(self, place: str, argument: GraphQLArgument | GraphQLInputField) -> None:
        super().__init__(
            f"tests/authorisation does not know what `{place}: {argument.type}` leads to. Say it in arguments.py: in"
            " REACHING if it leads to something of somebody's own (and let An have one, in lives.py), in OPEN if to"
            " what everybody may see, in PLAIN if it leads nowhere."
        )


Place = tuple[str, ...]
"""Where a value stands in the variables: a variable's name, then input fields' names."""


@dataclass(frozen=True, eq=False)
class Slot:
    """One value to fill, as deep as input objects go."""

    place: Place
    name: str
    argument: GraphQLArgument | GraphQLInputField
    within: str
    """The root field's argument in which it stands, where the same input object leads to another's."""

    @property
    def kind(self) -> Reaching | Open | Plain | None:
        """None: left to its default. Raises Untold."""
        last = self.name.rsplit(".", 1)[-1]
        for key in (f"{self.within}.{last}", self.name, last):
            for known in (REACHING, OPEN, PLAIN):
                if key in known:
                    return known[key]
        if self._is_a_flag_or_a_size_with_a_default():
            return None
        raise Untold(self.name, self.argument)

    def _is_a_flag_or_a_size_with_a_default(self) -> bool:
        named = get_named_type(self.argument.type)
        has_default = self.argument.default_value not in (Undefined, None) or self.argument.default is not None
        is_null = self.argument.default_value is None
        return has_default and not is_null and (isinstance(named, GraphQLEnumType) or named.name in SIZES)


def slots_of(question: Question) -> list[Slot]:
    return [
        slot
        for each in question.takes
        for slot in _slots((each.variable,), each.place, each.argument, within=each.place)
    ]


@cache
def document_of(question: Question) -> str:
    """The question's one text, with a variable for whatever the walk fills or leaves out."""
    return question.text({slot.place[0] for slot in slots_of(question) if slot.kind is not None})


def faults_of(question: Question) -> Iterator[str]:
    """The arguments that the walk cannot fill, and the ids among those that are said to lead nowhere."""
    for slot in slots_of(question):
        try:
            kind = slot.kind
        except Untold as error:
            yield str(error)
            continue
        named = get_named_type(slot.argument.type)
        is_text = named.name not in TIMES_AND_SIZES and not isinstance(named, GraphQLEnumType)
        if isinstance(kind, Plain) and is_text and slot.place[-1] not in WORDS:
            yield f"{slot.name} is a text or an id; does it really lead nowhere?"


def _slots(
    place: Place, name: str, argument: GraphQLArgument | GraphQLInputField, *, within: str
) -> Iterator[Slot]:
    fields = input_fields(argument)
    if fields is None:
        yield Slot(place, name, argument, within)
        return
    owner = get_named_type(argument.type).name
    for key, found in fields.items():
        yield from _slots((*place, key), f"{owner}.{key}", found, within=within)


@dataclass(frozen=True)
class Try:
    """One question with its variables, and what of An's is in it."""

    question: Question
    values: Mapping[Place, Any]
    """A function among them is called for each question anew."""
    slot: Slot | None = None
    known: Known | None = None

    def __str__(self) -> str:
        return f"{self.question.name} with {self.known.what if self.known else 'nothing of An’s'}"

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The values as JSON, lists and input objects around them."""
        given: dict[str, Any] = {}
        for (top, *below), value in self.values.items():
            said = value() if callable(value) else value
            if said is not ABSENT:
                _put(given, [top, *below], said)
        return {
            each.variable: _in_a_list(each.argument, given[each.variable])
            for each in self.question.takes
            if each.variable in given
        }

    def nobodys(self) -> "Try":
        """The same, with something that nobody has in place of what is An's."""
        assert self.slot is not None
        assert isinstance(self.slot.kind, Reaching)
        return Try(self.question, {**self.values, self.slot.place: self.slot.kind.nobodys})


def _put(into: dict[str, Any], place: Sequence[str], value: Any) -> None:
    for key in place[:-1]:
        into = into.setdefault(key, {})
    into[place[-1]] = value


def _in_a_list(argument: GraphQLArgument | GraphQLInputField, value: Any) -> Any:
    kind = argument.type
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return [value] if isinstance(kind, GraphQLList) else value


def tries(question: Question, world: World) -> Iterator[Try]:
    """Everything of An's that the question's arguments lead to, each beside every open value of the others."""
    filled = {slot: kind for slot in slots_of(question) if (kind := slot.kind) is not None}
    ways: list[Slot | None] = [slot for slot, kind in filled.items() if isinstance(kind, Reaching)]
    for walked in ways or [None]:
        choices = {slot: _values(slot, kind, world, walked) for slot, kind in filled.items()}
        for values in product(*choices.values()):
            chosen = dict(zip(choices, values, strict=True))
            known = chosen.get(walked) if walked else None
            plain = {
                slot.place: value.value if isinstance(value, Known) else value for slot, value in chosen.items()
            }
            yield Try(question, plain, walked, known)


async def live_try(question: Question, world: World) -> Try:
    """With what opens for An or An's clerk now, credentials included."""
    values = {}
    for slot in slots_of(question):
        kind = slot.kind
        if isinstance(kind, Reaching) and kind.live:
            values[slot.place] = await kind.live(world.an)
        elif isinstance(kind, Plain) and kind.live:
            values[slot.place] = kind.live(world.an)
        elif kind is not None:
            first = _values(slot, kind, world, None)[0]
            values[slot.place] = first.value if isinstance(first, Known) else first
    return Try(question, values)


def _values(slot: Slot, kind: Reaching | Open | Plain, world: World, walked: Slot | None) -> Sequence[Any]:
    if isinstance(kind, Open):
        return kind.of(world)
    if isinstance(kind, Plain):
        return [kind.of(world.an)]
    if slot == walked:
        return kind.of(world.an)
    return [kind.meanwhile or kind.of(world.an)[0]]
