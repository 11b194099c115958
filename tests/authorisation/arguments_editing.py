"""The same for what staff write of a venue: numbers and words of their own, the same as were written in An's life."""

import secrets
from collections.abc import Mapping
from typing import Any

from tests.authorisation.kinds import ABSENT, Known, Open, Plain, Reaching, from_the_start
from tests.authorisation.lives_editing import (
    CONCESSION,
    COURT,
    HOURS,
    LIMITS,
    PLAN,
    PLANNED,
    RULES,
    TARIFF,
    TICKET,
    WINDOW,
)
from tests.factories.booking import TOMORROW


def _a_key() -> str:
    return secrets.token_hex(8)


def _plain(value: Any) -> Plain:
    return Plain(lambda life: value)


REACHING_EDITING: Mapping[str, Reaching] = {
    "writeTariff.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["tariff"], "the key under which staff wrote a tariff")],
        _a_key,
        owner="clerk",
    ),
    "writeCourt.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["court"], "the key under which staff wrote a court")],
        _a_key,
        owner="clerk",
    ),
    "writeOpeningHours.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["hours"], "the key under which staff wrote opening hours")],
        _a_key,
        owner="clerk",
    ),
    "writeSessionPlan.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["plan"], "the key under which staff wrote a pool's sessions")],
        _a_key,
        owner="clerk",
    ),
    "settingsHistory.after": Reaching(
        lambda life: [Known(life.others.ids["settings cursor"], "a place in the history")],
        lambda: "T999999999",
        owner="clerk",
        live=from_the_start,
    ),
}
OPEN_EDITING: Mapping[str, Open] = {
    "CourtInput.sport": Open(lambda world: [ABSENT]),
    "SessionPlanInput.sport": Open(lambda world: [PLAN["sport"]]),
    "OpeningInput.sport": Open(lambda world: [ABSENT]),
    "CourtInput.floorOf": Open(lambda world: [ABSENT]),
    "writeCourt.court.courtId": Open(lambda world: [world.an.hall.right.public_id]),
}
PLAIN_EDITING: Mapping[str, Plain] = {
    "venueSettings.on": _plain(str(TOMORROW)),
    "previewTariff.tariff.fromDay": _plain(str(TOMORROW)),
    **{f"TariffInput.{name}": _plain(TARIFF[name]) for name in ("fromDay", "untilDay", "note")},
    "TariffInput.freeDays": _plain(TARIFF["freeDays"][0]),
    **{f"TariffWindowInput.{name}": _plain(value) for name, value in WINDOW.items()},
    "TariffWindowInput.courtName": _plain(ABSENT),
    **{f"ConcessionInput.{name}": _plain(value) for name, value in CONCESSION.items()},
    **{f"BookingRulesInput.{name}": _plain(RULES[name]) for name in ("fromDay", "untilDay", "note")},
    **{f"BookingLimitsInput.{name}": _plain(value) for name, value in LIMITS.items()},
    "previewBookingRules.rules.limits.daysAhead": _plain(6),
    **{f"CourtInput.{name}": _plain(value) for name, value in COURT.items()},
    "previewCourt.court.fromDay": _plain(str(TOMORROW)),
    "previewCourt.court.slotMinutes": _plain(90),  # so that the draw that is open loses a slot
    **{f"OpeningHoursInput.{name}": _plain(HOURS[name]) for name in ("fromDay", "untilDay", "note")},
    **{f"OpeningInput.{name}": _plain(value) for name, value in HOURS["openings"][0].items()},
    "previewOpeningHours.hours.fromDay": _plain(str(TOMORROW)),
    **{f"SessionPlanInput.{name}": _plain(PLAN[name]) for name in PLAN if name not in ("sessions", "sport")},
    **{f"PlannedSessionInput.{name}": _plain(PLANNED[name]) for name in PLANNED if name != "tickets"},
    **{f"SessionTicketInput.{name}": _plain(value) for name, value in TICKET.items()},
    "previewSessionPlan.plan.fromDay": _plain(str(TOMORROW)),
    "expectedChange": Plain(lambda life: secrets.token_hex(32)),
}
WORDS_EDITING = {"days", "freeDays", "courtName", "expectedChange"}
