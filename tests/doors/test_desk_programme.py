"""The pages of those who oversee the programme, as their browsers ask for them."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from bff.graphql.budgets import BUDGET_OF
from models.staff.rules import Role
from models.vouchers.rules import VoucherState
from models.vouchers.tables import Voucher, VoucherEvent, VoucherUse
from tests.house import HERE, PASSWORD, Clerk, House, nothing_changes
from tests.models.audit.lines import all_lines
from tests.models.statistics.town import Town, a_held_use, a_town

PEOPLE = 12
EVIL = '=HYPERLINK("http://evil.example","武侯馆")'
PAGES = ("programme", "programme/sheet", "subsidies", "subsidies/sheet", "reviews")


@dataclass(frozen=True)
class Office:
    house: House
    town: Town
    regulator: Clerk

    async def comes(self, clerk: Clerk | None = None) -> None:
        self.house.http.cookies.clear()
        said = {"username": (clerk or self.regulator).username, "password": PASSWORD}
        await self.house.http.post("/desk/sign-in", headers={"origin": HERE}, data=said)

    async def looks(self, path: str, **asked: str) -> httpx.Response:
        return await self.house.http.get(f"/desk/{path}", params=asked)

    async def sheet(self, path: str, **asked: str) -> list[list[str]]:
        answer = await self.looks(f"{path}/sheet", **asked)
        assert answer.content.startswith(b"\xef\xbb\xbf")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-disposition"] == f'attachment; filename="{path}.csv"'
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))

    async def held(self) -> VoucherUse:
        return await a_held_use(self.town)

    async def decides(self, use_no: str, verdict: str, note: str = "小票属实") -> httpx.Response:
        said = {"useNo": use_no, "verdict": verdict, "note": note}
        path = f"/desk/reviews?venue={self.town.wuhou.public_id}"
        return await self.house.http.post(path, headers={"origin": HERE}, data=said)


@pytest.fixture
async def office(house: House) -> Office:
    """Twelve used a voucher in Wuhou, one of them in Jinjiang; a regulator of Chengdu is at their browser."""
    town = await a_town()
    for n in range(PEOPLE):
        await town.uses(f"nobody-{n}", town.wuhou)
    await town.uses("nobody-0", town.jinjiang)
    regulator = await house.clerk(roles=(Role.REGULATOR,), region_key="510100", device_id="office")
    made = Office(house, town, regulator)
    await made.comes()
    return made


async def test_the_page_and_its_file_say_the_same_and_no_more_than_may_be_shown(office: Office) -> None:
    page = (await office.looks("programme")).text
    head, notes, heads, *lines = await office.sheet("programme")
    assert head == ["全民健身消费券统计", "全部活动", "2026年11月"]
    assert "不足10人" in "".join(notes)
    assert heads[:3] == ["地区", "年龄", "领取人数"]
    by_label = {line[0]: line[2:] for line in lines}
    assert by_label["成都市武侯区"] == [*by_label["合计"][:4], *["不显示"] * 6]  # it would give Jinjiang away
    assert by_label["成都市锦江区"][4:] == ["不显示"] * 6
    assert by_label["合计"][:3] == ["10", "10", "300"]  # 12 people, 13 vouchers, ¥260
    for label, figures in by_label.items():
        assert label in page
        assert all(f">{figure}</td>" in page for figure in figures)
    assert "<script" not in page
    assert " style=" not in page


async def test_what_was_looked_at_is_in_the_trail(office: Office) -> None:
    before = len(await all_lines())
    await office.looks("programme", by="HOUR", period="DAY", day="2026-11-20")
    await office.looks("programme/sheet", campaign=office.town.campaign.public_id, period="WHOLE")
    await office.looks("subsidies", month="2026-11")
    await office.looks("subsidies/sheet", campaign=office.town.campaign.public_id)
    await office.looks("reviews")
    said = (await all_lines())[before:]
    campaign = office.town.campaign.public_id
    assert [(line["act"], line["subject_id"], line["detail"], line["is_reading"]) for line in said] == [
        ("desk/programme", "", "HOUR DAY 2026-11-20 2026-11-21", True),
        ("desk/programme/sheet", campaign, "DISTRICT WHOLE 2000-01-01 2200-01-01", True),
        ("desk/subsidies", campaign, "SUBSIDIES 2026-11-01 2026-12-01", True),
        ("desk/subsidies/sheet", campaign, "SUBSIDIES 2026-11-01 2026-12-01", True),
        ("desk/reviews", "", "", False),
    ]
    assert len({line["actor_id"] for line in said}) == 1


async def test_a_name_that_begins_as_a_formula_is_text_in_the_file(office: Office) -> None:
    for n in range(1, PEOPLE):
        await office.town.uses(f"nobody-{n}", office.town.jinjiang)
    office.town.wuhou.name = EVIL
    await office.town.wuhou.save(update_fields=["name"])
    _, _, heads, *lines = await office.sheet("subsidies")
    assert heads[0] == "场馆"
    assert sorted(line[0] for line in lines) == [f"'{EVIL}", "锦江馆"]
    page = (await office.looks("subsidies")).text
    assert EVIL not in page  # escaped
    assert "240.00" in page


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("programme", {"by": "NAME"}),
        ("programme", {"period": "YEAR"}),
        ("programme", {"day": "yesterday"}),
        ("programme", {"day": "2026-12-24"}),
        ("programme", {"period": "WHOLE"}),
        ("programme/sheet", {"campaign": "cam_0000000000"}),
        ("subsidies", {"month": "2026-13"}),
        ("subsidies/sheet", {"campaign": "x\0"}),
    ],
)
async def test_what_nobody_can_ask_is_refused_in_a_sentence_on_the_page(
    office: Office, path: str, asked: dict[str, str]
) -> None:
    answer = await office.looks(path, **asked)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


async def test_nobody_else_gets_in(office: Office) -> None:
    venue = office.town.wuhou.public_id
    manager = await office.house.clerk(venue, roles=(Role.VENUE_MANAGER, Role.FINANCE), device_id="m")
    for clerk in (manager, None):
        if clerk:
            await office.comes(clerk)
        else:
            office.house.http.cookies.clear()
        for path in PAGES:
            answer = await office.looks(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/desk"), path
    assert (await office.decides("V0", "genuine")).headers["location"] == "/desk"


async def test_a_held_write_off_is_found_and_decided_once(office: Office) -> None:
    first, second = await office.held(), await office.held()
    page = (await office.looks("reviews")).text
    assert first.use_no in page
    assert "XP-1" in page
    answer = await office.decides(first.use_no, "genuine")
    assert (
        answer.headers["location"] == f"/desk/reviews?venue={office.town.wuhou.public_id}&decided={first.use_no}"
    )
    assert (await office.decides(second.use_no, "not-genuine", "小票是假的")).status_code == 303
    found = [(await VoucherUse.get(id=use.id)) for use in (first, second)]
    assert await VoucherEvent.filter(use_id__in=[first.id, second.id]).values_list("use_id", flat=True) == [
        first.id
    ]
    assert [(use.state, use.decision_note) for use in found] == [("DONE", "小票属实"), ("UNDONE", "小票是假的")]
    assert (await Voucher.get(id=second.voucher_id)).state == VoucherState.CLAIMED
    page = (await office.looks("reviews", decided=first.use_no)).text
    assert "没有等待核查的核销" in page
    assert f"已记录：{first.use_no}" in page
    assert "已记录" not in (await office.looks("reviews", decided="<b>")).text


async def test_what_cannot_be_decided_changes_nothing_and_is_said(office: Office) -> None:
    use = await office.held()
    async with nothing_changes():
        for verdict, note in (("maybe", "小票属实"), ("genuine", ""), ("genuine", "x" * 300)):
            answer = await office.decides(use.use_no, verdict, note)
            assert answer.status_code == 400
            assert 'role="alert"' in answer.text
            assert use.use_no in answer.text
        foreign: Any = await office.house.http.post(
            "/desk/reviews",
            headers={"origin": "http://evil.example"},
            data={"useNo": use.use_no, "verdict": "genuine"},
        )
        assert foreign.status_code == 403


def test_each_page_is_counted_with_a_root_field() -> None:
    assert {"programmeStatistics", "subsidies", "heldUses", "decideHeldUse"} <= {*BUDGET_OF}
