"""What other opening hours would take from sessions on sale, said in the preview; of draws: `draw_cuts`.

What becomes of them: a session outside is sold no more (`session_making`) and who has a place is asked (`turning`).
"""

from collections import Counter
from datetime import date, datetime

from models import database
from models.booking.hours_rules import HoursWanted, outside
from models.calendar import clock_text, minute_of_day


async def sessions_shut(venue_id: int, wanted: HoursWanted, until: date, now: datetime) -> str | None:
    """Which sessions that are made already would lie outside, and how many."""
    found = await database.rows(
        """SELECT name, sport_code, business_day, starts_at, ends_at FROM session
            WHERE venue_id = $1 AND business_day >= $2 AND business_day < $3 AND starts_at > $4 AND is_open
            ORDER BY starts_at, id""",
        *(venue_id, wanted.from_day, until, now),
    )
    shut: Counter[str] = Counter()
    for row in found:
        starts_at, ends_at = database.utc(row["starts_at"]), database.utc(row["ends_at"])
        if outside(wanted.openings, row["sport_code"], starts_at, ends_at, database.day(row["business_day"])):
            first = minute_of_day(starts_at)
            last = first + (ends_at - starts_at).seconds // 60
            shut[f"{row['name']}{clock_text(first)}–{clock_text(last)}"] += 1
    if not shut:
        return None
    return f"{'、'.join([*shut][:3])}共{shut.total()}场的时间不在新的开放时间之内，不再售票。"
