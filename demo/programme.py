"""A programme from the other side: a desk without a network; and days later what looks fake, what venues are owed and paid,
and what whoever answers for the programme sees."""

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from demo.main_job import say, yuan
from demo.people import Citizen, ask, until
from demo.stack import Broken, Stack
from demo.vouchers import campaign_id_of, claims_one
from models.settlement.signing import NotOurs, keys_in, verified
from tests.offline_desk import OfflineDesk  # the reference client, which knows only what docs/offline.md says

LATER_SECONDS = 3 * 24 * 3600
"""A use is judged when gates had a day to report theirs, and a settlement's period has ended by then."""
ACCOUNT = "6222020200112233445"
A_RECEIPT = b"%PDF-1.4\n% bank receipt of the demo\n%%EOF\n"
BILL_FEN = 3_000  # exactly the minimum, which counts against it later


@dataclass(frozen=True)
class Officer:
    """Somebody with a post, a name to sign in by and a password."""

    username: str
    password: str

    def signs_in(self, stack: Stack) -> "AtWork":
        asked = {"username": self.username, "password": self.password, "deviceId": f"office-{self.username}"}
        token = ask(stack, "StaffSignIn", asked, client="desk")["staffSignIn"]["token"]
        return AtWork(stack, f"Staff {token}")


@dataclass(frozen=True)
class AtWork:
    stack: Stack
    authorization: str

    def ask(self, operation: str, **variables: Any) -> Any:
        return ask(self.stack, operation, variables, self.authorization, client="desk")

    def file(self, path: str) -> bytes:
        headers = {"Authorization": self.authorization}
        answer = httpx.get(f"{self.stack.house}{path}", headers=headers, timeout=20, trust_env=False)
        if answer.status_code != 200:
            raise Broken(f"{path}: {answer.status_code} {answer.text}")
        return answer.content


@dataclass(frozen=True)
class Officers:
    """Of the venue, of the programme (two, since nobody approves their own), and of the treasury."""

    venue_id: str
    campaign_id: str
    manager: Officer
    first: Officer
    second: Officer
    treasurer: Officer


def write_off_without_a_network(
    stack: Stack, citizen: Citizen, venue_id: str, keeper: Officer, manager: AtWork
) -> Officers:
    """Raises `Broken` at the first thing that is not as promised."""
    print("\n十、消费券的另一面：断网核销；三天以后：可疑核销、结算拨付、统计")
    officers = Officers(
        venue_id,
        campaign_id_of(citizen),
        keeper,
        _officer(stack, "first", "主管一", "REGULATOR"),
        _officer(stack, "second", "主管二", "REGULATOR"),
        _officer(stack, "treasurer", "拨付员", "PAYMASTER"),
    )
    ahead = timedelta(seconds=int(stack.environment["CLOCK_AHEAD_SECONDS"]))
    desk = OfflineDesk(clock=lambda: datetime.now(UTC) + ahead)
    enrolled = manager.ask("EnrolOfflineDesk", venueId=venue_id, publicKey=desk.public_key)
    desk.enrolled(enrolled["deskId"], enrolled["kitKeys"])
    desk.load(manager.ask("OfflineKit", deskId=desk.desk_id)["kit"])
    voucher = claims_one(citizen)
    given = citizen.ask("VoucherPass", {"voucherId": voucher["id"]})["voucherPass"]
    left = desk.accept_pass(given["digits"], bill=BILL_FEN, sport="BADMINTON")
    (answer,) = manager.ask("UploadOfflineQueue", deskId=desk.desk_id, entries=desk.batch())["answers"]
    (again,) = manager.ask("UploadOfflineQueue", deskId=desk.desk_id, entries=desk.batch())["answers"]
    if answer["outcome"] != "DONE" or again != answer:
        raise Broken(f"断网时核销的券没有入账：{answer}，{again}")
    say(
        f"前台断网：{citizen.name}手机上的离线券码是 {len(given['digits'])} 位数字，平板自己验明签名，抵 {yuan(BILL_FEN - left)} 元；"
        "联网后上传两次，只记一次"
    )
    return officers


def settle(stack: Stack, officers: Officers, *, day: date) -> None:
    """Some days later. `day`: on which all of it was used."""
    first, second = officers.first.signs_in(stack), officers.second.signs_in(stack)
    _decides_what_looks_fake(first)
    settlement = _is_drafted_and_approved(stack, officers, first, second, day)
    _is_paid(stack, officers, second, settlement)
    _sees_the_whole(first, officers.campaign_id)


def a_manager(stack: Stack, venue_id: str) -> Officer:
    """Of a venue, and of its money."""
    return _officer(stack, "manager", "周馆长", "VENUE_MANAGER", "FINANCE", venue_id=venue_id)


def _officer(stack: Stack, username: str, name: str, *roles: str, venue_id: str = "") -> Officer:
    where = ("--venue", venue_id) if venue_id else ("--every-venue",)
    password = f"Demo-{secrets.token_hex(6)}"
    stack.command(
        *(
            "staff",
            "create",
            username,
            "--name",
            name,
            *where,
            *(word for role in roles for word in ("--role", role)),
        ),
        typed=f"{password}\n",
    )
    return Officer(username, password)


def _decides_what_looks_fake(first: AtWork) -> None:
    """Claimed and used within seconds, offline, for exactly the minimum: as on no honest morning."""
    until(lambda: bool(first.ask("RiskCases")), "可疑核销", 60, every=2)
    cases = first.ask("RiskCases")
    worst = max(cases, key=lambda case: int(case["score"] or 0))
    reasons = "".join(f"{reason['says'].rstrip('。')}（{reason['points']}分）；" for reason in worst["reasons"])
    say(
        f"三天以后，系统给每笔核销打了分，{len(cases)} 笔先不结算，等人决定。{worst['score']} 分：{reasons.rstrip('；')}"
    )
    for case in cases:
        key = secrets.token_hex(8)
        note = "已核对小票和监控，确有其人"
        first.ask("DecideRiskCase", caseNo=case["caseNo"], decision="CLEARED", note=note, idempotencyKey=key)
    if left := first.ask("RiskCases"):
        raise Broken(f"还有没决定的：{left}")
    say("主管核对小票和监控后放行；谁决定的、何时、为什么，都有记录")


def _is_drafted_and_approved(stack: Stack, officers: Officers, first: AtWork, second: AtWork, day: date) -> Any:
    period = {"fromDay": day.isoformat(), "untilDay": day.isoformat()}
    key = secrets.token_hex(8)
    drafted = first.ask("DraftSettlements", campaignId=officers.campaign_id, idempotencyKey=key, **period)
    if drafted["settlements"] < 1 or drafted["heldEntries"]:
        raise Broken(f"结算单没有拟出来：{drafted}")
    found = [edge["node"] for edge in first.ask("Settlements", campaignId=officers.campaign_id)["edges"]]
    settlement = next(each for each in found if each["venueId"] == officers.venue_id)
    seen = {name: settlement["sums"][name] for name in ("payable", "carriedOut")}
    asked = {"settlementNo": settlement["settlementNo"], **seen}
    first.ask("ProposeSettlement", **asked)
    settlement = second.ask("ApproveSettlement", **asked)["settlement"]["settlement"]
    lines = [
        edge["node"] for edge in second.ask("SettlementLines", settlementNo=settlement["settlementNo"])["edges"]
    ]
    if sum(line["owed"] for line in lines) != settlement["sums"]["payable"]:
        raise Broken(f"明细之和不等于应付：{lines}，{settlement}")
    statement = stack.folder / "statement.json"
    statement.write_bytes(officers.manager.signs_in(stack).file(settlement["statementUrl"]))
    stack.command("statement", "verify", str(statement))
    _one_byte_changed_is_seen(stack, statement)
    say(
        f"结算单 {settlement['settlementNo']}：{len(lines)} 笔明细，应付 {yuan(asked['payable'])} 元，主管一拟定、主管二审批；"
        f"场馆下载的结算单有签名，用 `bff statement verify` 验证通过，改一个字节就不通过"
    )
    return settlement


def _one_byte_changed_is_seen(stack: Stack, statement: Path) -> None:
    keys = keys_in(httpx.get(f"{stack.house}/statement-keys", timeout=20, trust_env=False).content)
    body = statement.read_bytes()
    verified(body, keys)
    place = body.index(b"payable")
    try:
        verified(body[:place] + b"Payable" + body[place + 7 :], keys)
    except NotOurs:
        return
    raise Broken("改过的结算单也通过了验证")


def _is_paid(stack: Stack, officers: Officers, second: AtWork, settlement: Any) -> None:
    finance, treasurer = officers.manager.signs_in(stack), officers.treasurer.signs_in(stack)
    typed = {"holder": "重庆市体育馆", "number": ACCOUNT}
    account = finance.ask("EnterVenueAccount", venueId=officers.venue_id, bank="工商银行", **typed)["account"]
    if ACCOUNT in str(account):
        raise Broken(f"账号没有打码：{account}")
    second.ask("ApproveVenueAccount", accountId=account["id"], **typed)
    batch = treasurer.ask("MakePayout", campaignId=officers.campaign_id, idempotencyKey=secrets.token_hex(8))[
        "batch"
    ]
    if ACCOUNT not in treasurer.file(batch["fileUrl"]).decode("utf-8-sig"):
        raise Broken("拨付文件里没有收款账号")
    headers = {"Authorization": treasurer.authorization}
    kept = httpx.post(f"{stack.house}/receipts", content=A_RECEIPT, headers=headers, timeout=20, trust_env=False)
    ahead = timedelta(seconds=int(stack.environment["CLOCK_AHEAD_SECONDS"]))
    paid = treasurer.ask(
        "RecordPayment",
        settlementNo=settlement["settlementNo"],
        amount=settlement["sums"]["payable"],
        paidOn=(datetime.now(UTC) + ahead + timedelta(hours=8)).date().isoformat(),
        bankReference=f"HX-{secrets.token_hex(4)}",
        receiptSha256=kept.json()["sha256"],
    )["settlement"]["settlement"]
    if paid["state"] != "PAID":
        raise Broken(f"付款没有登记：{paid}")
    say(
        f"收款账户由场馆登记（只显示尾号 {account['lastFour']}）、主管复核；拨付文件一笔 {yuan(batch['total'])} 元，"
        "银行回单存档，补贴款下发记录在案"
    )


def _sees_the_whole(first: AtWork, campaign_id: str) -> None:
    figures = first.ask("ProgrammeStatistics", by="DISTRICT", campaignId=campaign_id, period="WHOLE")
    rows = figures["rows"]
    if not rows:
        raise Broken(f"统计里什么也没有：{figures}")
    shown = [cell for row in rows for cell in (row["claims"], row["uses"]) if cell and cell["people"]]
    if shown:
        raise Broken(f"不足 {figures['smallestGroup']} 人的格子应当不显示：{rows}")
    say(
        f"主管看统计：按区县 {len(rows)} 行；每格都不足 {figures['smallestGroup']} 人，数字一律不显示，免得认出是谁"
    )
