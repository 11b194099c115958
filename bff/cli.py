"""The command line: starts processes, and does what an operator does by hand. Each command is one call of a room."""

import asyncio
import os
import re
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from getpass import getpass, getuser
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvicorn
from tortoise.exceptions import DBConnectionError, OperationalError

from bff import logging, wiring
from bff import worker as worker_process
from bff.channels import build_wechat_pay
from bff.graphql import CLIENTS
from bff.http.heads import BoundedHeads
from bff.kept_store import forget_everywhere
from bff.run import DATA
from bff.run import run as run_everything
from bff.settings import Settings, SettingsRefused, read_settings
from bff.wiring import utc_now
from models import database, migrating
from models.audit import queries as audit_room
from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.audit.rules import Head, told_by
from models.booking import draw_rules
from models.booking.draws import reseal_all as draw_seeds
from models.booking.importing import import_booking_rules
from models.booking.session_importing import demonstration_tickets, import_session_plans
from models.booking.session_making import make_sessions
from models.calendar import business_day
from models.errors import DomainError
from models.feedback.importing import import_complaint_clocks
from models.feedback.steps import reseal_complaints
from models.footfall import devices
from models.forwarding import operations as forwarding
from models.forwarding.queries import dead_letters
from models.keys import AuditKeys, SealingKeys, StatementKeys
from models.members.phones import reseal_all
from models.orders.importing import demonstration_fees, import_refund_rules
from models.privacy import sealing as sealed_records
from models.real_names import binding as real_names
from models.regions.bringing import ImportReport
from models.risk.importing import import_risk_rules
from models.settlement import signing
from models.settlement.accounts import reseal_all as reseal_accounts
from models.settlement.statements import public_keys as statement_keys
from models.staff import accounts, second_factor
from models.staff import operations as staff_room
from models.staff.rules import DESK_ROLES, Role
from models.third_parties import operations as third_party_room
from models.third_parties.queries import registered
from models.third_parties.rules import Listed, ListedKey, NewKey
from models.venues.importing import import_places
from models.venues.reading import demonstration_prices
from payments.port import PaymentError

T = TypeVar("T")

GRACE_SECONDS = 8
SCHEMA = Path(__file__).parent.parent / "schema.graphql"
NOT_AUDITED = {
    "outbox dead": "only looks at what the platform has not taken: numbers, nobody's data",
    "third-parties list": "only looks at whose applications are registered",
    "statement verify": "only reads our public keys",
    "draw verify": "only reads a file that is public",
    "audit verify": "only recomputes; that it found something is in the log",
}
"""Commands that leave no line, each with its reason."""
NO_TABLE = re.compile(r'no such (table|column)|(relation|column) "\S+" does not exist')
"""How SQLite and PostgreSQL say that migrations are missing."""
NOT_TOLD = (
    "Valkey is away, so people may be told for an hour what stood there before:"
    " run `python -m bff answers forget` when it is back"
)

cli = typer.Typer(help="Sports for all: the house and its doors.", no_args_is_help=True, add_completion=False)
staff = typer.Typer(help="People who work at a venue.", no_args_is_help=True)
gates = typer.Typer(help="Devices at the doors.", no_args_is_help=True)
outbox = typer.Typer(help="What the government platform has not taken.", no_args_is_help=True)
merchant = typer.Typer(help="WeChat Pay, seen from our side.", no_args_is_help=True)
answers = typer.Typer(help="What web processes keep for seconds.", no_args_is_help=True)
third_parties = typer.Typer(help="Applications of others that may ask freely.", no_args_is_help=True)
phones = typer.Typer(help="Phone numbers at rest.", no_args_is_help=True)
keys = typer.Typer(help="Everything sealed, and the keys that seal it.", no_args_is_help=True)
complaints = typer.Typer(help="Complaints' texts at rest.", no_args_is_help=True)
audit = typer.Typer(help="The audit trail.", no_args_is_help=True)
draw = typer.Typer(help="Draws in place of first come.", no_args_is_help=True)
statement = typer.Typer(help="Statements of what venues are owed.", no_args_is_help=True)
cli.add_typer(merchant, name="merchant")
cli.add_typer(audit, name="audit")
cli.add_typer(draw, name="draw")
cli.add_typer(statement, name="statement")
cli.add_typer(phones, name="phones")
cli.add_typer(keys, name="keys")
cli.add_typer(complaints, name="complaints")
cli.add_typer(staff, name="staff")
cli.add_typer(gates, name="gates")
cli.add_typer(outbox, name="outbox")
cli.add_typer(third_parties, name="third-parties")
cli.add_typer(answers, name="answers")


def main() -> None:
    """Runs a command; what it refuses is said in one place: settings with code 2, acts and what is away with code 1."""
    try:
        cli()
    except SettingsRefused as refused:
        print("This cannot start:", *(f"  - {fault}" for fault in refused.faults), sep="\n", file=sys.stderr)
        sys.exit(2)
    except DomainError as refused:
        print(f"{refused.code}: {refused.sentence()}", file=sys.stderr)
        sys.exit(1)
    except (ConnectionError, socket.gaierror, DBConnectionError) as away:
        print(f"out of reach: {away}; look at DATABASE_URL and REDIS_URL", file=sys.stderr)
        sys.exit(1)
    except OperationalError as error:
        if not NO_TABLE.search(str(error)):
            raise
        print(f"{error}: bring the database up to date with `python -m bff migrate`", file=sys.stderr)
        sys.exit(1)


@cli.command()
def run() -> None:
    """Everything on this machine, for development: web, worker, Valkey, sandbox. Ctrl-C stops it."""
    sys.exit(run_everything(os.environ))


@cli.command()
def web() -> None:
    """The web process (or WEB_PROCESSES of them). SIGTERM lets requests finish, for at most 8 s."""
    settings = read_settings()
    logging.configure(settings, "web")
    if settings.web_processes > 1:
        figures = settings.data_dir / "metrics"  # where prometheus-client's processes add up their counts
        shutil.rmtree(figures, ignore_errors=True)
        figures.mkdir(parents=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(figures)
    uvicorn.run(
        "bff.app:from_environment",
        factory=True,
        host=settings.host,
        port=settings.port,
        http=BoundedHeads,
        workers=settings.web_processes,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # bff/http/doorway.py believes only TRUSTED_PROXIES
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@cli.command()
def worker() -> None:
    """The worker. SIGTERM lets its jobs finish, for at most 8 s."""
    asyncio.run(worker_process.run(read_settings()))


@cli.command()
def migrate() -> None:
    """Bring the database up to date. Several processes may do it at once."""
    asyncio.run(migrating.migrate(read_settings().database_url))


@cli.command("import")
def import_data(
    demonstration: Annotated[
        bool, typer.Option(help="In production: yes, charge the prices and fees that data/ marks DEMONSTRATION.")
    ] = False,
) -> None:
    """Bring in divisions, venues, courts, tariffs, refund rules, complaint clocks from data/. The second time changes nothing."""
    prices, fees = demonstration_prices(DATA) + demonstration_tickets(DATA), demonstration_fees(DATA)
    if read_settings().in_production and (prices or fees) and not demonstration:
        _fail(
            f"{prices} prices in data/tariffs.csv and data/sessions.csv and {fees} fees in data/refund_rules.csv are marked DEMONSTRATION: "
            "people would be charged made-up amounts. Replace them, or say --demonstration"
        )
    report = _connected(lambda _: _import_data())
    print(f"{report.added} added, {report.changed} changed, {report.closed} closed, {report.removed} removed")
    if report.touched and not _forgotten(read_settings()):
        print(NOT_TOLD, file=sys.stderr)


async def _import_data() -> ImportReport:
    report = await import_places(folder=DATA, today=business_day(utc_now()))
    await import_booking_rules(folder=DATA, report=report, now=utc_now())
    await import_refund_rules(folder=DATA, report=report)
    await import_complaint_clocks(folder=DATA, report=report)
    await import_session_plans(folder=DATA, report=report, now=utc_now())
    await make_sessions(now=utc_now())
    await import_risk_rules(folder=DATA, report=report, now=utc_now())
    return report


@cli.command()
def schema(
    check: Annotated[bool, typer.Option(help="Only say whether schema.graphql is up to date.")] = False,
) -> None:
    """Write schema.graphql from the code."""
    from resolvers.schema import build_schema  # only this command needs Strawberry, which takes a while

    text = build_schema().as_str() + "\n"
    if not check:
        SCHEMA.write_text(text)
    elif not SCHEMA.exists() or SCHEMA.read_text() != text:
        _fail("schema.graphql is not what the code says; run `make schema` and commit it")


@cli.command()
def documents(
    check: Annotated[bool, typer.Option(help="Only say whether the manifest is up to date and fits.")] = False,
    forget: Annotated[list[str] | None, typer.Option(help="A retired document's hash, or how it begins.")] = None,
) -> None:
    """Write clients/manifest.json from the clients' files. What left the files stays trusted, as retired."""
    from plans import documents as trusted
    from plans.checking import Checker
    from resolvers.schema import build_schema

    checker = Checker(build_schema()._schema, introspection=False)
    try:
        if check:
            trusted.check(CLIENTS, checker)
        else:
            said = trusted.renew(CLIENTS, checker, today=business_day(utc_now()), forget=forget or ())
            print(*said, sep="\n", end="\n" if said else "")
    except trusted.Unfit as unfit:
        advice = ["after a change in clients/ run `make documents` and commit the manifest"] if check else []
        _fail("\n".join([*unfit.faults, *advice]))


@cli.command()
def migration(check: Annotated[bool, typer.Option(help="Only say whether one is missing.")] = False) -> None:
    """Write the next migration from the tables, for developers."""
    if not check:
        print(*asyncio.run(migrating.write_next()), sep="\n")
    elif missing := asyncio.run(migrating.drift()):
        _fail(f"the tables say more than the migrations ({', '.join(missing)}); run `make migration`")


@staff.command("create")
def create_staff(
    username: str,
    name: Annotated[str, typer.Option(help="As shown at the desk.")],
    venue: Annotated[list[str] | None, typer.Option(help="A venue's public id; repeat it for several.")] = None,
    region: Annotated[
        str | None, typer.Option(help="A region's key, such as 510100: there and at all below it.")
    ] = None,
    every_venue: Annotated[bool, typer.Option(help="Everywhere, also at venues that are yet to come.")] = False,
    role: Annotated[
        list[Role] | None, typer.Option(help="Repeat it for several; desk and money without it.")
    ] = None,
) -> None:
    """Open an account with roles at a place. The password is asked for, or read from standard input."""
    if sum((bool(venue), bool(region), every_venue)) != 1:
        _fail("name venues with --venue, or a --region, or say --every-venue")
    password = _ask_password()
    _connected(
        lambda settings: staff_room.create_staff(
            username=username,
            display_name=name,
            password=password,
            venue_public_ids=venue or None,
            region_key=region or "",
            roles=role or DESK_ROLES,
            policy=settings.staff_policy,
            now=utc_now(),
        )
    )
    print(f"{username} may sign in at /desk")


@staff.command("admins")
def open_administrators(
    system: Annotated[str | None, typer.Option(help="Username of who opens and closes accounts.")] = None,
    security: Annotated[str | None, typer.Option(help="Username of who grants roles and ends sign-ins.")] = None,
    audit_: Annotated[str | None, typer.Option("--audit", help="Username of who reads the audit trail.")] = None,
) -> None:
    """Open the administrators' accounts: three people's, none of whom does another's work. Each gets a first password,
    shown once, and at the first sign-in chooses their own and sets up a second factor."""
    named = {Role.SYSTEM_ADMIN: system, Role.SECURITY_ADMIN: security, Role.AUDITOR: audit_}
    usernames = {role: username for role, username in named.items() if username}
    if not usernames:
        _fail("name them with --system, --security and --audit, each a username")
    opened = _connected(
        lambda settings: accounts.open_administrators(
            usernames=usernames, policy=settings.staff_policy, now=utc_now()
        )
    )
    for role, first in zip(usernames, opened, strict=True):
        print(role, first.username, first.password, sep="\t")
    print("The passwords are not stored; hand each over to its person now.")


@gates.command("create")
def create_gate(
    device_no: str,
    venue: Annotated[str, typer.Option(help="The venue's public id.")],
    direction: Annotated[str, typer.Option(help="ENTRY or EXIT.")],
    protocol: Annotated[
        devices.Protocol, typer.Option(help="READER: the common readers' form. SIGNED: JSON with HMAC.")
    ] = devices.Protocol.READER,
    network: Annotated[list[str] | None, typer.Option(help="Only from here, such as 10.1.0.0/16.")] = None,
    core_area: Annotated[bool, typer.Option(help="What the platform calls isCoreArea.")] = True,
    sport: Annotated[
        str,
        typer.Option(help="It counts, without codes, who goes to the sessions of this sport, such as SWIMMING."),
    ] = "",
) -> None:
    """Register a device; its address and signing secret are shown once."""

    async def create(settings: Settings) -> devices.GateCredentials:
        return await devices.create_gate(
            device_no=device_no,
            venue_public_id=venue,
            direction=direction,
            keys=settings.gate_keys,
            protocol=protocol,
            allowed_networks=network or (),
            is_core_area=core_area,
            sport_code=sport,
        )

    _show_gate(_connected(create))


@gates.command("rotate")
def rotate_gate(
    device_no: str,
    finish: Annotated[bool, typer.Option(help="The device has its new token: end the old one.")] = False,
) -> None:
    """Give a device a new token; the old one stays valid until `--finish`."""
    if finish:
        _connected(lambda _: devices.finish_rotation(device_no=device_no))
        return
    _show_gate(_connected(lambda settings: devices.rotate_token(device_no=device_no, keys=settings.gate_keys)))


@merchant.command("test")
def test_merchant() -> None:
    """Ask WeChat Pay for an echo and a notice. Moves no money; the web log then shows the notice's 204."""

    async def test() -> None:
        wired = wiring.build(read_settings())
        try:
            await build_wechat_pay(wired.settings, wired.http, wired.clock).ask_for_echo()
        finally:
            await wired.queue.close()
            await wired.http.aclose()

    try:
        asyncio.run(test())
    except PaymentError as error:
        _fail(str(error))
    print("our signature was accepted and theirs holds; now look for the notice in the web process's log")


@statement.command("verify")
def verify_statement(
    file: Annotated[Path, typer.Argument(help="As it was downloaded.")],
    public_keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", help="As /statement-keys gives them; then neither settings nor a database are needed."
        ),
    ] = None,
) -> None:
    """Whether a statement is ours, to the last byte. Says whose it is and what it comes to; code 1 if it is not."""
    try:
        known = (
            signing.keys_in(public_keys.read_bytes())
            if public_keys
            else _connected(lambda settings: statement_keys(StatementKeys(settings.statement_keys)))
        )
        said = signing.verified(file.read_bytes(), known)
    except signing.NotOurs as refused:
        print(f"{file} is no statement of ours: {refused}", file=sys.stderr)
        sys.exit(1)
    print(said["settlementNo"], said["venue"]["name"], f"{said['fromDay']} to {said['untilDay']}", sep="\t")
    print(f"payable {said['sums']['payable']} fen, of {len(said['lines'])} entries: the signature holds")


@draw.command("verify")
def verify_draw(file: Annotated[Path, typer.Argument(help="A draw's `record`, as it was published.")]) -> None:
    """Do a draw again from its published record, without a database or settings; code 1 if anything does not hold."""
    text = file.read_bytes()
    faults = draw_rules.verify(text)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print("the commitment, the order and every result hold")


@phones.command("reseal")
def reseal_phones() -> None:
    """Bring every phone number under the current keys, so that old ones can go. May be stopped and run again."""

    async def reseal(settings: Settings) -> int:
        return await reseal_all(keys=wiring.phone_keys(settings))

    print(f"{_connected(reseal)} numbers moved")


@keys.command("reseal")
def reseal_everything() -> None:
    """Bring all that is sealed under the current keys: phones, names, texts, second factors, records of the deleted,
    draws' seeds, venues' accounts.

    When it says 0 of each, the old keys can go. May be stopped and run again."""

    async def reseal(settings: Settings) -> Mapping[str, int]:
        texts = SealingKeys(settings.text_seal_keys)
        return {
            "numbers": await reseal_all(keys=wiring.phone_keys(settings)),
            "real names": await real_names.reseal_all(keys=wiring.id_keys(settings)),
            "second factors": await second_factor.reseal_all(keys=SealingKeys(settings.staff_seal_keys)),
            "texts": await reseal_complaints(keys=texts),
            "sealed records": await sealed_records.reseal_all(keys=texts),
            "draw seeds": await draw_seeds(keys=wiring.id_keys(settings).sealing),
            "venue accounts": await reseal_accounts(keys=SealingKeys(settings.account_seal_keys)),
        }

    for what, moved in _connected(reseal).items():
        print(f"{moved} {what} moved")


@complaints.command("reseal")
def reseal_texts() -> None:
    """Bring every complaint's text under the current key, so that old ones can go. May be stopped and run again."""
    moved = _connected(lambda settings: reseal_complaints(keys=SealingKeys(settings.text_seal_keys)))
    print(f"{moved} texts moved")


@audit.command("verify")
def verify_audit(
    last: Annotated[int | None, typer.Option(min=1, help="Only so many lines at the end; all without it.")] = None,
    head: Annotated[
        str | None, typer.Option(help="SEQ:HASH, as the worker's log told it: shows a tail that was cut off.")
    ] = None,
) -> None:
    """Follow the chain of the audit trail and say the first place that does not hold. Fails when there is one."""
    noted = Head.read(head) if head is not None else None
    found = _connected(
        lambda settings: audit_room.verify(keys=AuditKeys(settings.audit_keys), head=noted, last=last)
    )
    print(f"{found.lines} lines hold, {found.waiting} wait to be chained; the chain ends at {found.head}")
    if found.broken is not None:
        _fail(f"broken: {found.broken}")


@outbox.command("dead")
def show_dead(limit: int = 100) -> None:
    """What was given up, the oldest first."""
    for row in _connected(lambda _: dead_letters(limit=limit)):
        print(row.public_id, f"{row.dead_at:%Y-%m-%dT%H:%M:%SZ}", row.kind, row.subject, row.error, sep="\t")


@outbox.command("replay")
def replay_dead(public_ids: list[str]) -> None:
    """Send dead rows again, under their old keys."""
    count = _connected(lambda _: forwarding.replay(public_ids=public_ids, now=utc_now()))
    print(f"{count} of {len(public_ids)} will be sent again")


@answers.command("forget")
def forget_answers() -> None:
    """Have every web process read anew what it answers. Harmless: it costs a moment of work."""
    if not _forgotten(read_settings()):
        _fail(NOT_TOLD)
    print("web processes hear of it within a second")


def _forgotten(settings: Settings) -> bool:
    """Also where there is nobody who could keep anything."""
    return not settings.redis_url or asyncio.run(forget_everywhere(settings.redis_url))


@third_parties.command("register")
def register_third_party(
    name: str, contact: Annotated[str, typer.Option(help="Whom to write to when something is wrong.")]
) -> None:
    """Let somebody's application ask freely. Its key is shown once."""
    _show_key(_connected(lambda _: third_party_room.register(name=name, contact=contact, now=utc_now())))


@third_parties.command("rotate")
def rotate_third_party(
    name: str,
    finish: Annotated[bool, typer.Option(help="The newest key is in use: end all the others.")] = False,
) -> None:
    """One more key; those that it has stay valid until `--finish`."""
    if finish:
        ended = _connected(lambda _: third_party_room.finish_rotation(name=name, now=utc_now()))
        print(f"{ended} ended")
        return
    _show_key(_connected(lambda _: third_party_room.rotate(name=name, now=utc_now())))


@third_parties.command("end")
def end_third_party(
    name: str,
    key: Annotated[str | None, typer.Option(help="Only this key, by its last four characters.")] = None,
) -> None:
    """Refuse it from now on, for good: the whole application, or one key of it."""
    if key is None:
        _connected(lambda _: third_party_room.end(name=name, now=utc_now()))
    else:
        _connected(lambda _: third_party_room.end_key(name=name, last_four=key, now=utc_now()))
    print("ended")


@third_parties.command("list")
def list_third_parties() -> None:
    """Everybody who was ever registered, and each key by its last four characters."""
    for listed in _connected(lambda _: registered()):
        print(listed.name, listed.public_id, listed.contact, _span(listed), sep="\t")
        for key in listed.keys:
            print("", f"…{key.last_four}", "", _span(key), sep="\t")


def _connected(act: Callable[[Settings], Awaitable[T]]) -> T:
    """Runs one act with the database open, and with its line in the audit trail."""
    settings = read_settings()
    command = _command_typed()
    deed = Deed(
        actor_kind="OPERATOR",
        actor_id=_operator(),
        act=command,
        at=utc_now(),
        is_quiet=command in NOT_AUDITED,
    )
    told_by(deed, sys.argv)

    async def inside() -> T:
        await database.connect(settings.database_url)
        try:
            async with Doing(deed, keys=AuditKeys(settings.audit_keys)):
                return await act(settings)
        finally:
            await database.close()

    return asyncio.run(inside())


def _command_typed() -> str:
    """`staff create`, without what was typed behind it."""
    command: Any = typer.main.get_command(cli)
    path = []
    for word in sys.argv[1:]:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        path.append(word)
    return " ".join(path)


def _operator() -> str:
    """Who is signed in on this machine; in a container often nobody with a name."""
    try:
        return getuser()[:40]
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _show_gate(credentials: devices.GateCredentials) -> None:
    print(f"address         {read_settings().public_base_url}/gates/{credentials.token}")
    print(f"signing secret  {credentials.signing_secret}")
    print("Neither is stored; write them into the device now.")


def _show_key(given: NewKey) -> None:
    print(f"third party  {given.public_id}")
    print(f"X-Api-Key    {given.key}")
    print("The key is not stored; hand it over now, on a safe way.")


def _span(listed: Listed | ListedKey) -> str:
    ended = f"{listed.ended_at:%Y-%m-%dT%H:%M:%SZ}" if listed.ended_at else ""
    return f"{listed.created_at:%Y-%m-%dT%H:%M:%SZ}\t{ended or 'live'}"


def _ask_password() -> str:
    """Never an argument: those stand in the shell's history and in the list of processes."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        _fail("the two are not the same")
    return password


def _fail(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(1)
