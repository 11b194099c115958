"""When a venue is open on a day, for SQL: the rows of the version that holds then."""


def version_on(venue: str, day: str) -> str:
    """The number of the hours that hold at a venue on a day (an expression each): the latest that staff wrote of those
    that reach over it; where none does 0, the files'."""
    return f"""COALESCE((SELECT MAX(number) FROM hours_version WHERE venue_id = {venue}
               AND from_day <= {day} AND (to_day IS NULL OR to_day > {day})), 0)"""


def hours_on(venue: str, day: str) -> str:
    """What stands after FROM to read the openings of that day's version, of each weekday."""
    return f"opening_hours WHERE venue_id = {venue} AND version = {version_on(venue, day)}"
