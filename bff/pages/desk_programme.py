"""The pages of whoever oversees the voucher programme: its figures at /desk/programme, who got what subsidy at
/desk/subsidies, and both as files for Excel.

The routes only translate. What may not be shown never reaches them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bff.pages.office import Office, Visit
from bff.pages.rendering import page
from bff.pages.visitors import STATUS_OF
from models.calendar import business_day, moment_text
from models.errors import BadInput, DomainError
from models.settlement.banking import csv_bytes
from models.staff.rules import Power
from models.statistics import programme, subsidies
from models.statistics.programme import Asked, ProgrammeStatistics, Row
from models.statistics.rules import (
    AGE_WORDS,
    BY_WORDS,
    FEN_A_PERSON,
    PERIOD_WORDS,
    Claims,
    GroupedBy,
    PeriodKind,
    Uses,
)
from models.statistics.subsidies import Subsidies

FILE_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Without it Excel takes UTF-8 for something else."""
NOT_SHOWN = "不显示"
BAR = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table as it is read. `bar`: its subsidy, in hundredths of the greatest."""

    label: str
    age: str
    claims: Sequence[str]
    uses: Sequence[str]
    bar: int
    is_total: bool


CLAIM_HEADS = ("领取人数", "领取张数", "领取金额（元）", "其中过期未用（张）")
USE_HEADS = ("使用人数", "使用张数", "抵扣金额（元）", "财政补贴（元）", "带动消费（元）", "每1元补贴带动（元）")
SUBSIDY_HEADS = ("场馆", "地区", "抵扣金额（元）", "退回（元）", "场馆承担（元）", "应补贴（元）", "已拨付（元）")


def programme_routes(office: Office, *, smallest_group: int) -> list[BaseRoute]:
    """The routes under /desk/programme and /desk/subsidies."""
    pages = _Pages(smallest_group)
    doors = (
        ("programme", pages.show, "programmeStatistics", pages.refuse),
        ("programme/sheet", pages.sheet, "programmeStatistics", pages.refuse),
        ("subsidies", pages.show_subsidies, "subsidies", pages.refuse_subsidies),
        ("subsidies/sheet", pages.subsidies_sheet, "subsidies", pages.refuse_subsidies),
    )
    return [
        Route(
            f"/desk/{name}",
            office.door(
                f"desk/{name}", answer, power=Power.READ_STATISTICS, counted_as=counted_as, refused=refused
            ),
            methods=["GET"],
        )
        for name, answer, counted_as, refused in doors
    ]


@dataclass(frozen=True, slots=True)
class _Pages:
    smallest_group: int

    async def show(self, visit: Visit) -> Response:
        found = await self._figures(visit)
        return await self._programme(visit, found=found, lines=lines_of(found))

    async def refuse(self, visit: Visit, refusal: DomainError) -> Response:
        return await self._programme(visit, STATUS_OF.get(refusal.code, 400), refusal=refusal)

    async def sheet(self, visit: Visit) -> Response:
        found = await self._figures(visit)
        head = [
            ["全民健身消费券统计", found.campaign_title or "全部活动", found.period.words],
            [*self._notes(found), f"统计时间 {moment_text(found.counted_at)}"],
            [BY_WORDS[found.by], "年龄", *CLAIM_HEADS, *USE_HEADS],
        ]
        lines = [[line.label, line.age, *line.claims, *line.uses] for line in lines_of(found)]
        return _file("programme", csv_bytes(*head, *lines))

    async def show_subsidies(self, visit: Visit) -> Response:
        campaigns = await programme.campaigns_seen(clerk=visit.clerk)
        found = await self._subsidies(visit) if campaigns else None
        return await self._subsidy_page(visit, found=found)

    async def refuse_subsidies(self, visit: Visit, refusal: DomainError) -> Response:
        return await self._subsidy_page(visit, STATUS_OF.get(refusal.code, 400), refusal=refusal)

    async def subsidies_sheet(self, visit: Visit) -> Response:
        found = await self._subsidies(visit)
        head = [
            ["全民健身消费券补贴公示", found.campaign_title, found.period.words],
            [*_subsidy_notes(found), f"统计时间 {moment_text(found.counted_at)}"],
            SUBSIDY_HEADS,
        ]
        return _file("subsidies", csv_bytes(*head, *subsidy_lines(found)))

    async def _figures(self, visit: Visit) -> ProgrammeStatistics:
        return await programme.programme_statistics(
            _asked(visit), clerk=visit.clerk, smallest_group=self.smallest_group, now=visit.now
        )

    async def _subsidies(self, visit: Visit) -> Subsidies:
        campaign_id = visit.said("campaign")
        if not campaign_id:
            (latest, *_) = await programme.campaigns_seen(clerk=visit.clerk)
            campaign_id = latest.public_id
        return await subsidies.subsidies(
            clerk=visit.clerk,
            campaign_id=campaign_id,
            month=_day(f"{visit.said('month')}-01" if visit.said("month") else "", visit),
            smallest_group=self.smallest_group,
            now=visit.now,
        )

    async def _programme(
        self,
        visit: Visit,
        status: int = 200,
        *,
        found: ProgrammeStatistics | None = None,
        lines: Sequence[Line] = (),
        refusal: DomainError | None = None,
    ) -> Response:
        return page(
            visit.request,
            "desk/programme.html",
            status,
            signed_in=visit.clerk,
            tab="programme",
            campaigns=await programme.campaigns_seen(clerk=visit.clerk),
            kinds=PERIOD_WORDS,
            groupings=BY_WORDS,
            chosen=_chosen(visit),
            found=found,
            notes=self._notes(found) if found else (),
            lines=lines,
            has_claims=found is not None and found.by is not GroupedBy.SPORT,
            has_ages=found is not None and found.by is GroupedBy.AGE_AND_DISTRICT,
            counted_at=moment_text(visit.now),
            refusal=refusal,
            query=visit.request.url.query,
        )

    async def _subsidy_page(
        self,
        visit: Visit,
        status: int = 200,
        *,
        found: Subsidies | None = None,
        refusal: DomainError | None = None,
    ) -> Response:
        return page(
            visit.request,
            "desk/subsidies.html",
            status,
            signed_in=visit.clerk,
            tab="subsidies",
            campaigns=await programme.campaigns_seen(clerk=visit.clerk),
            chosen=_chosen(visit) | {"month": visit.said("month") or business_day(visit.now).strftime("%Y-%m")},
            found=found,
            notes=_subsidy_notes(found) if found else (),
            heads=SUBSIDY_HEADS,
            lines=subsidy_lines(found) if found else (),
            counted_at=moment_text(visit.now),
            refusal=refusal,
            query=visit.request.url.query,
        )

    def _notes(self, found: ProgrammeStatistics) -> list[str]:
        k = found.smallest_group
        notes = [
            f"人数和张数按{k}取整，金额按{k * FEN_A_PERSON // 100}元取整，所以各行相加与合计会略有出入。",
            f"不足{k}人的数字不显示；能由它们推算出来的，也不显示。",
        ]
        if not found.ages_noted and found.by in (GroupedBy.AGE, GroupedBy.AGE_AND_DISTRICT):
            notes.append("刚领的券，年龄还没有统计完，暂时算作没有实名；请过几分钟再看。")
        return notes


def lines_of(found: ProgrammeStatistics) -> list[Line]:
    """Every row, and the total last."""
    greatest = max((row.uses.subsidised_fen for row in found.rows if row.uses), default=0)

    def line(row: Row, *, is_total: bool = False) -> Line:
        share = row.uses.subsidised_fen * BAR // greatest if row.uses and greatest and not is_total else 0
        return Line(
            label=row.label or "全部地区",
            age=AGE_WORDS[row.age] if row.age else "各年龄合计" if found.by is GroupedBy.AGE_AND_DISTRICT else "",
            claims=_claims(row.claims)
            if found.by is not GroupedBy.SPORT or is_total
            else ["—"] * len(CLAIM_HEADS),
            uses=_uses(row.uses),
            bar=share,
            is_total=is_total or (found.by is GroupedBy.AGE_AND_DISTRICT and row.age is None),
        )

    return [*(line(row) for row in found.rows), line(found.total, is_total=True)]


def subsidy_lines(found: Subsidies) -> list[list[str]]:
    return [
        [
            venue.venue_name,
            venue.region_name,
            *map(
                _cents,
                (venue.used_fen, venue.taken_back_fen, venue.share_fen, venue.subsidy_fen, venue.paid_fen),
            ),
        ]
        for venue in found.venues
    ]


def _subsidy_notes(found: Subsidies) -> list[str]:
    total = f"应补贴合计约{_yuan(found.total_fen)}元（取整）。" if found.total_fen is not None else ""
    unlisted = (
        f"人数不足{found.smallest_group}人的场馆，以及能由它们推算出人数少的场馆的，没有列出。"
        if found.unlisted
        else ""
    )
    return [note for note in (total, unlisted) if note]


def _claims(claims: Claims | None) -> list[str]:
    if claims is None:
        return [NOT_SHOWN] * len(CLAIM_HEADS)
    return [f"{claims.people}", f"{claims.vouchers}", _yuan(claims.face_fen), f"{claims.expired}"]


def _uses(uses: Uses | None) -> list[str]:
    if uses is None:
        return [NOT_SHOWN] * len(USE_HEADS)
    percent = uses.moved_percent
    moved = "—" if percent is None else f"{percent // 100}.{percent % 100:02d}"
    sums = map(_yuan, (uses.used_fen, uses.subsidised_fen, uses.moved_fen))
    return [f"{uses.people}", f"{uses.vouchers}", *sums, moved]


def _yuan(fen: int) -> str:
    """Whole yuan: what is shown was rounded."""
    return f"{fen // 100}"


def _cents(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _asked(visit: Visit) -> Asked:
    chosen = _chosen(visit)
    try:
        by, kind = GroupedBy(chosen["by"]), PeriodKind(chosen["period"])
    except ValueError:
        raise BadInput("没有读懂所选的条件。", next_step="请重新选择。") from None
    return Asked(by=by, kind=kind, day=_day(visit.said("day"), visit), campaign_id=chosen["campaign"] or None)


def _chosen(visit: Visit) -> dict[str, str]:
    return {
        "campaign": visit.said("campaign"),
        "period": visit.said("period") or PeriodKind.MONTH,
        "by": visit.said("by") or GroupedBy.DISTRICT,
        "day": visit.said("day") or business_day(visit.now).isoformat(),
        "today": business_day(visit.now).isoformat(),
    }


def _day(text: str, visit: Visit) -> date:
    try:
        return date.fromisoformat(text) if text else business_day(visit.now)
    except ValueError:
        raise BadInput("日期不正确。", next_step="请重新选择日期。", field="day") from None


def _file(name: str, content: bytes) -> Response:
    headers = {**FILE_HEADERS, "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(BYTE_ORDER_MARK + content, headers=headers, media_type="text/csv; charset=utf-8")
