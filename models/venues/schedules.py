"""Opening hours and tariffs as the files of `data/` say them: sets of spans without gap or overlap."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from models.calendar import CELL_MINUTES, clock_text
from models.regions.files import ImportRefused, one_of, whole
from models.venues.checking import decided, overlapping
from models.venues.days import is_day_rule
from models.venues.rules import DAY_MINUTES, Opening, Window, WindowDays

PROVENANCES = ("PUBLISHED", "DEMONSTRATION")

OpeningSets = dict[tuple[str, str, str], tuple[tuple[Opening, str], ...]]


def opening_sets(rows: Iterable[Mapping[str, str]]) -> OpeningSets:
    """By (reference, venue type, sport)."""
    sets: dict[tuple[str, str, str], list[tuple[Opening, str]]] = defaultdict(list)
    for row in rows:
        where = f"opening_hours.csv {row['reference'] or row['venue_type']}"
        opens, closes = _span(row["opens"], row["closes"], where)
        one_of(row["provenance"], PROVENANCES, where)
        for digit in row["weekdays"]:
            one_of(digit, tuple("1234567"), where)
            opening = Opening(int(digit) - 1, opens, closes, row["sport"])
            sets[(row["reference"], row["venue_type"], row["sport"])].append((opening, row["provenance"]))
    for key, openings in sets.items():
        for weekday in range(7):
            spans = [(o.opens_minute, o.closes_minute) for o, _ in openings if o.weekday == weekday]
            _refuse_overlap(spans, f"opening_hours.csv {'/'.join(filter(None, key))}")
    return {key: tuple(openings) for key, openings in sets.items()}


def window_sets(rows: Iterable[Mapping[str, str]]) -> dict[tuple[str, str, str], tuple[Window, ...]]:
    """By (reference, sport, court name). Windows of a set that are equally narrow never overlap."""
    sets: dict[tuple[str, str, str], list[Window]] = defaultdict(list)
    for row in rows:
        window = _window(row, f"tariffs.csv {row['reference']} {row['sport']} {row['from']}–{row['to']}")
        for court in row["courts"].split("|"):
            sets[(row["reference"], row["sport"], court)].append(window)
    for key, windows in sets.items():
        refuse_overlapping(windows, f"tariffs.csv {'/'.join(filter(None, key))}")
    return {key: tuple(windows) for key, windows in sets.items()}


def free_windows(rows: Iterable[Mapping[str, str]]) -> dict[str, tuple[Window, ...]]:
    """By reference ("" is every venue's): days that a rule of the calendar gives free, whatever a tariff says."""
    given: dict[str, list[Window]] = defaultdict(list)
    for row in rows:
        where = f"free_days.csv {row['reference']} {row['rule']}"
        if not is_day_rule(row["rule"]):
            raise ImportRefused(f"{where}: not EVERY:WED, NTH:1:SUN or DATE:08-08 (29 February is not every year)")
        one_of(row["provenance"], PROVENANCES, where)
        from_minute, to_minute = _span(row["from"], row["to"], where)
        told = row["provenance"], row["provenance"]
        window = Window(row["rule"], from_minute, to_minute, "FREE", 0, *told, row["sport"], source=row["source"])
        given[row["reference"]].append(window)
    for reference, windows in given.items():
        refuse_overlapping(windows, f"free_days.csv {reference}")
    return {reference: tuple(windows) for reference, windows in given.items()}


def refuse_overlapping(windows: Sequence[Window], where: str) -> None:
    twice = overlapping(windows)
    if twice is not None:
        raise ImportRefused(f"{where} {twice[1].days}: two spans overlap at {clock_text(twice[1].from_minute)}")


def _window(row: Mapping[str, str], where: str) -> Window:
    from_minute, to_minute = _span(row["from"], row["to"], where)
    if not is_day_rule(row["day_kind"]):
        one_of(row["day_kind"], tuple(WindowDays), where)
    one_of(row["kind"], ("FREE", "LOW", "MARKET"), where)
    one_of(row["window_provenance"], PROVENANCES, where)
    one_of(row["price_provenance"], PROVENANCES, where)
    price = whole(row["price_fen_per_hour"], where)
    if (price == 0) != (row["kind"] == "FREE"):
        raise ImportRefused(f"{where}: a FREE window costs 0, and only a FREE one")
    return Window(
        days=row["day_kind"],
        from_minute=from_minute,
        to_minute=to_minute,
        kind=row["kind"],
        price_fen_per_hour=price,
        window_provenance=row["window_provenance"],
        price_provenance=row["price_provenance"],
        source=row["source"],
    )


def lowest_price(
    windows: Iterable[Window], open_all_week: Sequence[tuple[tuple[int, int], ...]]
) -> tuple[int, str]:
    """Of an hour while open, with its provenance; single days that are given free don't count. Raises ImportRefused where an open half hour has no price."""
    found: set[tuple[int, str]] = set()
    for day, minute, window in decided(windows, open_all_week):
        if window is None:
            raise ImportRefused(
                f"tariffs.csv: nothing is priced at {clock_text(minute)} "
                f"on weekday {day.date.isoweekday()} ({day.kind})"
            )
        found.add((window.price_fen_per_hour, "PUBLISHED" if window.published else "DEMONSTRATION"))
    if not found:
        raise ImportRefused("opening_hours.csv: a court would never be open")
    return min(found, key=lambda price: (price[0], price[1] != "PUBLISHED"))


def _span(begins: str, ends: str, where: str) -> tuple[int, int]:
    first, last = minute_in(begins, where), minute_in(ends, where)
    if first >= last:
        raise ImportRefused(
            f"{where}: it ends at {ends}, not after it begins at {begins}; what goes on after midnight is another row"
        )
    return first, last


def minute_in(text: str, where: str) -> int:
    """09:30 → 570; 24:00 is the end of the day."""
    hours, _, minutes = text.partition(":")
    if not (len(text) == 5 and (hours + minutes).isascii() and (hours + minutes).isdigit()):
        raise ImportRefused(f"{where}: {text!r} is not a time of day")
    minute = int(hours) * 60 + int(minutes)
    if minute > DAY_MINUTES or minute % CELL_MINUTES:
        raise ImportRefused(f"{where}: {text} is not a half hour of a day")
    return minute


def _refuse_overlap(spans: Iterable[tuple[int, int]], where: str) -> None:
    for (_, ends), (begins, _) in pairwise(sorted(spans)):
        if begins < ends:
            raise ImportRefused(f"{where}: two spans overlap at {clock_text(begins)}")
