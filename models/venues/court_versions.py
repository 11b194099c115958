"""A court as it is on a day, for SQL: what its last version of that day says; of courts without one, their own row."""

COURT_NAME = "COALESCE(version.name, court.name)"
SLOT_MINUTES = "COALESCE(version.slot_minutes, court.slot_minutes)"
MAX_PEOPLE = "COALESCE(version.max_people, court.max_people)"
STANDS = "COALESCE(NOT version.retired, court.is_open)"


def courts_on(day: str) -> str:
    """To join to `court`; `day` is the parameter that says which."""
    return f"""LEFT JOIN court_version version ON version.court_id = court.id
           AND version.number = (SELECT MAX(number) FROM court_version
                                  WHERE court_id = court.id AND from_day <= {day})"""
