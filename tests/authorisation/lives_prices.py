"""The part of a life in which somebody pays less, until tomorrow evening: whatever is booked for later costs as before."""

from datetime import timedelta
from typing import TYPE_CHECKING

from models import database
from models.ids import new_id
from models.venues.tables import ConcessionRule
from tests.factories.booking import TOMORROW, at
from tests.house import line

if TYPE_CHECKING:
    from tests.authorisation.lives import Life


async def live_with_a_concession(life: "Life") -> None:
    """A soldier, by the proof of whatever they were granted at the desk."""
    await ConcessionRule.create(
        kind="SOLDIER", pays_percent=50, covers="WHOLE", provenance="PUBLISHED", venue_id=life.hall.venue.id
    )
    await database.rows(
        """INSERT INTO concession (public_id, member_id, kind, ends_on, verified_by_id, venue_id, verified_at)
           SELECT $1, member_id, 'SOLDIER', $2, verified_by_id, venue_id, verified_at FROM concession
            WHERE public_id = $3""",
        new_id("con"),
        TOMORROW + timedelta(days=1),
        life.others.ids["concession"],
    )
    await life.places("at half the price", line(life.hall.badminton_2, at(12)))
    assert life.orders["at half the price"]["lines"][0]["concessionKind"] == "SOLDIER"
