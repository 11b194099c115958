"""An evening that everybody wants is drawn for, not given to whoever is fastest. It takes its days: announced, entered
when its day is released, drawn when it closes; and anybody can do it again."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from demo.changing import SPORT
from demo.main_job import SHANGHAI, Walked, say
from demo.people import Citizen, refusal_of, until
from demo.programme import AtWork
from demo.stack import Broken, Stack
from models.booking.draw_rules import verify  # what `bff draw verify` asks
from models.calendar import day_text

RELEASED_DAYS_BEFORE = 7  # data/booking_rules.csv, at eight
EVENING = (19 * 60, 21 * 60)
CLOSES = time(10, 40)
CLOSED_SECONDS = 70 * 60
"""So long after people entered, in the morning, it has closed."""
ENTRANTS = (("孙先生", "13600000011"), ("吴女士", "13600000012"), ("郑先生", "13600000013"))


@dataclass(frozen=True)
class Announced:
    """A draw as it was announced: what was committed to, and its slots as wishes."""

    draw_id: str
    commitment: str
    wishes: Sequence[dict[str, str]]


def announce(walked: Walked, manager: AtWork, *, released: date) -> Announced:
    """Of the evening whose day is released on that day."""
    print("\n九、热门时段改为抽签")
    day = released + timedelta(days=RELEASED_DAYS_BEFORE)
    grid = walked.chen.ask("Slots", {"venueId": walked.venue_id, "sport": SPORT, "date": day.isoformat()})
    court = grid[0]
    wanted = {
        "venueId": walked.venue_id,
        "sport": SPORT,
        "day": day.isoformat(),
        "closesAt": datetime.combine(released, CLOSES, SHANGHAI).isoformat(),
        "courtIds": [court["courtId"]],
        "fromMinute": EVENING[0],
        "untilMinute": EVENING[1],
    }
    draw = manager.ask("ScheduleDraw", wanted=wanted)["draw"]
    shown = walked.chen.ask("Draw", {"id": draw["id"]})
    if shown["commitment"] != draw["commitment"] or shown["record"] is not None:
        raise Broken(f"公布的承诺不对，或种子提前露出来了：{shown}")
    wishes = [
        {"courtId": court["courtId"], "startsAt": slot["startsAt"]}
        for slot in court["slots"]
        if EVENING[0] <= _minute(slot["startsAt"]) < EVENING[1]
    ]
    say(
        f"{day_text(day)}晚上的{court['courtName']}太抢手，改为抽签。种子已封存，先公布它的指纹 {draw['commitment'][:16]}…，谁都可以抄下来"
    )
    return Announced(draw["id"], draw["commitment"], wishes)


def enter(stack: Stack, announced: Announced) -> list[Citizen]:
    """Days later, when its day is released. Gives who entered."""
    print("\n十一、到了第三天：报名、开签、候补")
    entrants = []
    for name, phone in ENTRANTS:
        citizen = Citizen(stack, name, phone)
        citizen.sign_in()
        citizen.agrees()
        entry = {"drawId": announced.draw_id, "idempotencyKey": secrets.token_hex(8)}
        citizen.ask("EnterDraw", {**entry, "wishes": announced.wishes})
        entrants.append(citizen)
    first = entrants[0]
    line = {**announced.wishes[0], "people": 1}
    order = {"idempotencyKey": secrets.token_hex(8), "lines": [line]}
    refused = refusal_of(stack, "PlaceOrder", order, first.authorization)
    if "抽签" not in refused:
        raise Broken(f"抽签的时段不应当能直接订：{refused}")
    say(f"{'、'.join(each.name for each in entrants)}报名，先后无关；想直接下单的：“{refused}”")
    return entrants


def draw(stack: Stack, announced: Announced, entrants: Sequence[Citizen]) -> None:
    """After it closed: the seed is published, everybody does it again, and a changed seed is found out."""
    entrants = [replace(each, stack=stack) for each in entrants]
    shown: dict[str, Any] = {}

    def is_done() -> bool:
        shown.update(entrants[0].ask("Draw", {"id": announced.draw_id}))
        return shown["record"] is not None

    until(is_done, "抽签完成", 60, every=0.5)
    record = json.loads(shown["record"])
    _is_what_was_committed_to(announced, record)
    file = stack.folder / "draw.json"
    file.write_text(shown["record"])
    said = stack.command("draw", "verify", str(file))
    if said.strip() != "the commitment, the order and every result hold":
        raise Broken(f"重算抽签没有通过：{said}")
    say(
        f"截止后公布种子 {record['seed'][:8]}…：与先前的指纹相符；用 `bff draw verify` 重算一遍，名次和结果都对得上"
    )
    _another_seed_is_seen(record)
    say("把种子改掉一位再验：马上看出它不是先前封存的那一个")
    _wins_or_waits(entrants, announced)


def _is_what_was_committed_to(announced: Announced, record: Any) -> None:
    """By sums of our own, as anybody can do them (docs/decisions/0041-draws.md)."""
    seed = bytes.fromhex(record["seed"])
    if hashlib.sha256(seed + announced.draw_id.encode()).hexdigest() != announced.commitment:
        raise Broken("公布的种子不是当初承诺的那一个")
    tickets = [entry["ticket"] for entry in record["entries"]]
    drawn = sorted(tickets, key=lambda ticket: hmac.digest(seed, ticket.encode(), "sha256"))
    if [result["ticket"] for result in record["results"]] != drawn or len(drawn) != 3:
        raise Broken(f"名次不是种子算出来的：{record}")


def _another_seed_is_seen(record: Any) -> None:
    last = "0" if record["seed"][-1] != "0" else "1"
    faults = verify(json.dumps({**record, "seed": record["seed"][:-1] + last}))
    if "the seed is not the one that was committed to before" not in faults:
        raise Broken(f"改过的种子没有被看出来：{faults}")


def _wins_or_waits(entrants: Sequence[Citizen], announced: Announced) -> None:
    """Two slots for three: one pays, one gives theirs up, and whoever lost is offered it."""
    entries = [(each, each.ask("MyDrawEntry", {"drawId": announced.draw_id})) for each in entrants]
    entries.sort(key=lambda entry: int(entry[1]["place"]))
    if [entry["state"] for _, entry in entries] != ["WON", "WON", "LOST"]:
        raise Broken(f"两个时段三个人，应当前两名抽中：{entries}")
    (pays, first), (gives_up, second), (waits, _) = entries
    pays.pay(first["orderNo"])
    until(lambda: bool(pays.order(first["orderNo"])["status"] == "PAID"), "抽中的人付款到账")
    gives_up.ask("CancelOrder", {"orderNo": second["orderNo"], "lineNos": None, "expectedRefund": None})
    seconds = until(lambda: bool(waits.ask("Orders", {})["edges"]), "候补的人得到场地", 30)
    say(
        f"{pays.name}、{gives_up.name}抽中，{waits.name}按名次候补；{pays.name}付了款，{gives_up.name}放弃，"
        f"{seconds:.1f} 秒后这个时段就留给{waits.name}，谁也抢不走"
    )


def _minute(instant: str) -> int:
    local = datetime.fromisoformat(instant).astimezone(SHANGHAI)
    return local.hour * 60 + local.minute
