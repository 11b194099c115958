"""The same for coming in time, and for pauses."""

import secrets
from collections.abc import Mapping
from dataclasses import replace

from tests.authorisation.kinds import ABSENT, ANOTHER_KIND, Known, Open, Plain, Reaching
from tests.authorisation.lives import Life
from tests.authorisation.lives_attendance import ANSWER, APPEAL


def _a_pause_id() -> str:
    return f"pau_{secrets.token_hex(10).upper()}"


def _known_pauses(life: Life) -> list[Known]:
    return [
        Known(life.others.ids["pause, waiting"], "the pause that was appealed"),
        Known(life.others.ids["pause, freed"], "the pause that is over"),
        Known(life.others.ids["companionship"], "a companionship's id", shut=ANOTHER_KIND),
    ]


def _desk_orders(life: Life) -> list[Known]:
    return [Known(life.orders[which]["orderNo"], f"the {which} order's number") for which in ("waiting", "played")]


_COMPANIONS = Reaching(
    lambda life: [Known(life.others.ids["companionship"], "what ties An to a companion")],
    lambda: f"cmp_{secrets.token_hex(10).upper()}",
    meanwhile=ABSENT,  # type: ignore[arg-type]
)
REACHING_ATTENDANCE: Mapping[str, Reaching] = {
    "appealPause.pauseId": Reaching(_known_pauses, _a_pause_id),
    "decideAppeal.pauseId": Reaching(_known_pauses, _a_pause_id, owner="clerk"),
    "checkInAtDesk.orderNo": Reaching(
        _desk_orders, lambda: f"O20261120{secrets.token_hex(6).upper()}", owner="clerk"
    ),
    "OrderLineInput.companionIds": _COMPANIONS,
    "placeOrderAtDesk.lines.companionIds": replace(_COMPANIONS, owner="clerk"),
}
OPEN_ATTENDANCE: Mapping[str, Open] = {"bookingRules.sport": Open(lambda world: ["BADMINTON"])}
PLAIN_ATTENDANCE: Mapping[str, Plain] = {
    "lineNo": Plain(lambda life: 1),
    "appealPause.words": Plain(lambda life: APPEAL),
    "grant": Plain(lambda life: True),
    "decideAppeal.answer": Plain(lambda life: ANSWER),
}
WORDS_ATTENDANCE = {"words", "answer"}
