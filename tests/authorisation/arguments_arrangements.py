"""The same for series and for what groups ask for."""

import secrets
from collections.abc import Mapping
from dataclasses import replace

from tests.authorisation.kinds import ABSENT, ANOTHER_KIND, Known, Plain, Reaching
from tests.authorisation.lives import Life
from tests.authorisation.lives_arrangements import HOUR, PURPOSE, SERIES


def _a_key() -> str:
    return secrets.token_hex(8)


def _series(life: Life) -> list[Known]:
    return [
        Known(life.others.ids["series"], "An's series"),
        Known(life.others.ids["group waiting"], "a request's id", shut=ANOTHER_KIND),
    ]


def _requests(life: Life) -> list[Known]:
    return [
        *(
            Known(life.others.ids[f"group {which}"], f"a request that is {which}")
            for which in ("waiting", "allowed")
        ),
        Known(life.others.ids["series"], "a series' id", shut=ANOTHER_KIND),
    ]


_REQUEST = Reaching(_requests, lambda: f"grp_{secrets.token_hex(10).upper()}")
_CLUB = Reaching(
    lambda life: [Known(life.others.ids["organisation"], "the organisation's id")],
    lambda: f"org_{secrets.token_hex(10).upper()}",
)
_COMPANIONS = Reaching(
    lambda life: [Known(life.others.ids["companionship"], "what ties An to a companion")],
    lambda: f"cmp_{secrets.token_hex(10).upper()}",
    meanwhile=ABSENT,  # type: ignore[arg-type]
)
REACHING_ARRANGEMENTS: Mapping[str, Reaching] = {
    "endSeries.seriesId": Reaching(_series, lambda: f"ser_{secrets.token_hex(10).upper()}"),
    "askForSeries.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["series"], "the key of An's series")], _a_key, meanwhile=_a_key
    ),
    "askForSeriesAtDesk.idempotencyKey": Reaching(
        lambda life: [
            Known(life.others.keys["series"], "the key of An's series", shut="a clerk's keys are others")
        ],
        _a_key,
        owner="clerk",
        meanwhile=_a_key,
    ),
    "endSeriesAtDesk.seriesId": Reaching(_series, lambda: f"ser_{secrets.token_hex(10).upper()}", owner="clerk"),
    "SeriesInput.organisationId": _CLUB,
    "askForSeriesAtDesk.wanted.organisationId": replace(_CLUB, owner="clerk"),
    "seriesPreviewAtDesk.wanted.organisationId": replace(_CLUB, owner="clerk"),
    "SeriesInput.companionIds": _COMPANIONS,
    "askForSeriesAtDesk.wanted.companionIds": replace(_COMPANIONS, owner="clerk"),
    "seriesPreviewAtDesk.wanted.companionIds": replace(_COMPANIONS, owner="clerk"),
    "askForGroupBooking.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["group waiting"], "the key of a request")], _a_key, meanwhile=_a_key
    ),
    "askForGroupBooking.lines.companionIds": Reaching(
        lambda life: [
            Known(life.others.ids["companionship"], "what ties An to a companion", shut="a group names nobody")
        ],
        lambda: f"cmp_{secrets.token_hex(10).upper()}",
        meanwhile=ABSENT,  # type: ignore[arg-type]
    ),
    "withdrawGroupRequest.requestId": _REQUEST,
    "decideGroupRequest.requestId": replace(_REQUEST, owner="clerk"),
}
PLAIN_ARRANGEMENTS: Mapping[str, Plain] = {
    "SeriesInput.weekday": Plain(lambda life: SERIES["weekday"]),
    "SeriesInput.firstDay": Plain(lambda life: SERIES["firstDay"]),
    "SeriesInput.lastDay": Plain(lambda life: SERIES["lastDay"]),
    # which no slot begins at, so that nobody gets a series by it
    "SeriesInput.fromMinute": Plain(lambda life: 15, live=lambda life: HOUR * 60),
    "SeriesInput.slots": Plain(lambda life: ABSENT),
    "SeriesInput.people": Plain(lambda life: 2),
    "askForGroupBooking.people": Plain(lambda life: 6),
    "askForGroupBooking.purpose": Plain(lambda life: PURPOSE),
    "decideGroupRequest.note": Plain(lambda life: "当天有比赛"),
}
WORDS_ARRANGEMENTS = {"purpose"}
