"""Everything that is held about a member, column by column: for merging, for export, and for deletion.

One list instead of knowledge spread over the rooms, because whoever forgets a table here joins accounts by half, or
leaves somebody behind who asked to be gone. A test compares it with the tables: every reference to a member is here.
Pure: names only. `docs/security.md` has the same in words.

Not here, since no column leads to the member's row: `daily_passage.person` (`mem:` and the row's number, a count of
heads), the audit trail and the platform's outbox (public ids). After a deletion they name nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class OnMerge(StrEnum):
    MOVES = "MOVES"  # the row gets the other member; undoing gives it back
    STAYS = "STAYS"  # belongs to the account's own history
    OWN = "OWN"  # it moves too, but may be in the way of one that is there: models/merging/moving.py has the rule


class OnDeletion(StrEnum):
    ERASED = "ERASED"  # the row, and what hangs on it
    FORGOTTEN = "FORGOTTEN"  # the row is somebody else's: it no longer says who
    KEPT = "KEPT"  # a law wants it; the row leads to a member about whom nothing else is known
    OWN = "OWN"  # the privacy room has a rule of its own


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that hang on a row of a `Held` table: exported with it, and erased with it."""

    table: str
    column: str
    """Leads to the id of the row on which it hangs."""
    of: str = "TRUE"
    """Which of those rows are theirs, in SQL: not all that hang on an order are."""
    what: str = ""
    exported: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Held:
    """One column that leads to a member."""

    table: str
    column: str = "member_id"
    what: str
    """In Chinese, as the citizen reads it in their export."""
    on_merge: OnMerge
    on_deletion: OnDeletion
    basis: str = ""
    """Of KEPT: the law, and how long. Of OWN: why the row stays, without what was written in it."""
    exported: tuple[str, ...] = ()
    """Columns that go into the export; sealed ones are opened or masked by the privacy room."""
    parts: tuple[Part, ...] = ()


TRADE = "《中华人民共和国电子商务法》第三十一条：商品和服务信息、交易信息自交易完成之日起保存不少于三年"
PROOF = "《中华人民共和国个人信息保护法》第五十条、第六十九条：证明您的请求已经办理；其中没有您的信息"

MOVES, STAYS, OWN = OnMerge.MOVES, OnMerge.STAYS, OnMerge.OWN
ERASED, FORGOTTEN, KEPT = OnDeletion.ERASED, OnDeletion.FORGOTTEN, OnDeletion.KEPT

HELD: tuple[Held, ...] = (
    Held(
        table="member",
        column="id",
        what="账号",
        on_merge=STAYS,
        on_deletion=OnDeletion.OWN,
        exported=("public_id", "created_at", "origin", "home_province"),
    ),
    Held(
        table="member",
        column="joined_to_id",
        what="已并入本账号的账号",
        on_merge=STAYS,
        on_deletion=OnDeletion.OWN,
    ),
    Held(
        table="identity",
        what="登录方式",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("door", "appid", "openid", "unionid", "created_at"),
    ),
    Held(
        table="member_phone",
        what="手机号",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("sealed", "bound_at", "proved_at"),
    ),
    Held(
        table="phone_code",
        what="短信验证码的发送记录",
        on_merge=STAYS,
        on_deletion=ERASED,
        exported=("purpose", "device_id", "address", "status", "sent_at"),
    ),
    # before sign-ins, whose numbers they hold
    Held(table="merge_code", what="合并码", on_merge=STAYS, on_deletion=ERASED, exported=("made_at", "used_at")),
    Held(table="merge_guess", what="输错的合并码", on_merge=STAYS, on_deletion=ERASED, exported=("guessed_at",)),
    Held(
        table="merge",
        column="kept_id",
        what="账号合并（并入本账号）",
        on_merge=STAYS,
        on_deletion=KEPT,
        basis=PROOF,
        exported=("public_id", "merged_at", "undone_at"),
    ),
    Held(
        table="merge",
        column="joined_id",
        what="账号合并（并入其他账号）",
        on_merge=STAYS,
        on_deletion=KEPT,
        basis=PROOF,
        exported=("public_id", "merged_at", "undone_at"),
    ),
    Held(
        table="sign_in",
        what="登录记录",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("door", "appid", "openid", "device_id", "started_at", "ended_at", "end_reason"),
        parts=(Part(table="sign_in_token", column="sign_in_id"),),
    ),
    Held(
        table="real_name",
        what="实名信息",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("sealed_name", "sealed_number", "level", "verified_at", "bound_at", "unbound_at"),
    ),
    Held(
        table="name_check",
        what="实名核验记录",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("request_no", "outcome", "asked_at", "answered_at"),
    ),
    Held(
        table="concession",
        what="优惠资格",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("public_id", "kind", "ends_on", "verified_at", "revoked_at"),
    ),
    Held(
        table="consent",
        what="您的同意",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("purpose", "version", "at_desk", "given_at", "ended_at", "end_reason"),
    ),
    Held(
        table="consent",
        column="given_by_id",
        what="您作为监护人的同意",
        on_merge=MOVES,
        on_deletion=FORGOTTEN,
        exported=("purpose", "version", "at_desk", "given_at", "ended_at", "end_reason"),
    ),
    Held(
        table="guardianship",
        column="guardian_id",
        what="由您监护",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "relation", "started_at", "ended_at", "end_reason"),
    ),
    Held(
        table="guardianship",
        column="ward_id",
        what="监护您的人",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "relation", "started_at", "ended_at", "end_reason"),
    ),
    Held(
        table="proxy",
        column="principal_id",
        what="您的协助人",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "powers", "started_at", "ended_at", "ended_by"),
    ),
    Held(
        table="proxy",
        column="helper_id",
        what="您协助的人",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "powers", "started_at", "ended_at", "ended_by"),
    ),
    Held(
        table="companionship",
        column="one_id",
        what="球友",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "started_at", "ended_at"),
    ),
    Held(
        table="companionship",
        column="other_id",
        what="球友（对方列在前）",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "started_at", "ended_at"),
    ),
    Held(
        table="invitation",
        column="subject_id",
        what="您发出的邀请",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("public_id", "kind", "relation", "powers", "made_at", "expires_at", "status"),
    ),
    Held(
        table="invitation",
        column="accepted_by_id",
        what="您接受的邀请",
        on_merge=MOVES,
        on_deletion=FORGOTTEN,
        exported=("public_id", "kind", "relation", "powers", "made_at", "status"),
    ),
    Held(
        table="organisation",
        column="registered_by_id",
        what="您登记的组织",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis="组织的登记信息属于组织，不随登记人的账号删除；登记人一栏指向的账号里不再有您的信息",
        exported=("public_id", "name", "credit_code", "kind", "status", "registered_at"),
    ),
    Held(
        table="organisation_member",
        what="您在组织里的角色",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "role", "joined_at", "left_at"),
    ),
    Held(
        table="organisation_invitation",
        column="invited_by_id",
        what="您代表组织发出的邀请",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("public_id", "role", "made_at", "status"),
    ),
    Held(
        table="organisation_invitation",
        column="accepted_by_id",
        what="您接受的组织邀请",
        on_merge=MOVES,
        on_deletion=FORGOTTEN,
        exported=("public_id", "role", "made_at", "status"),
    ),
    Held(
        table="message",
        what="站内消息",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "template", "values", "about_no", "told_at", "read_at"),
        parts=(Part(table="message_sending", column="message_id"),),
    ),
    Held(
        table="message_sending",
        column="recipient_id",
        what="站外通知的发送记录",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("way", "status", "finished_at"),
    ),
    Held(
        table="subscribe_quota",
        what="订阅消息的次数",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("template", "left_count", "asked_at", "refused_at"),
    ),
    Held(
        table="message_choice",
        what="通知方式的选择",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("kind", "way", "is_wanted", "chosen_at"),
    ),
    Held(
        table="rating",
        what="评价",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=(
            "public_id",
            "stars",
            "words",
            "rated_at",
            "answer",
            "answered_at",
            "hidden_at",
            "hidden_reason",
        ),
    ),
    Held(
        table="complaint",
        what="咨询、建议和投诉",
        on_merge=OWN,
        on_deletion=OnDeletion.OWN,  # the words go, the count of what was answered in time stays
        basis="用来核对是否按时答复：只留编号、种类、场馆、地区、订单号、日期和办理状态，没有您写的内容",
        exported=("public_no", "kind", "order_no", "status", "received_at", "due_on", "answered_at", "closed_at"),
        parts=(
            Part(
                table="complaint_step",
                column="complaint_id",
                what="经过",
                exported=("number", "kind", "sealed_text", "happened_at"),
            ),
        ),
    ),
    Held(
        table="voucher",
        what="消费券",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=(
            *("public_id", "state", "face_fen", "minimum_spend_fen", "claimed_at", "claim_region"),
            *("valid_until", "ended_at"),
        ),
        parts=(Part(table="claim_age", column="voucher_id", what="用于统计的年龄段", exported=("from_age",)),),
    ),
    Held(
        table="voucher_use",
        what="消费券的核销",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=("use_no", "way", "state", "bill_fen", "used_fen", "used_at", "confirmed_at", "undone_at"),
    ),
    Held(
        table="wechat_risk_rank",
        what="微信给出的风险等级（用于防止虚假核销）",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("rank", "outcome", "asked_at"),
    ),
    Held(
        table="orders",
        what="订单",
        on_merge=OWN,
        on_deletion=KEPT,
        basis=TRADE,
        exported=(
            "order_no",
            "status",
            "total_fen",
            "voucher_fen",
            "placed_at",
            "paid_at",
            "closed_at",
            "close_reason",
            "member_province",
        ),
        parts=(
            Part(
                table="order_line",
                column="order_id",
                what="明细",
                exported=(
                    "title",
                    "starts_at",
                    "ends_at",
                    "people",
                    "price_fen",
                    "concession_fen",
                    "concession_kind",
                    "cancelled_at",
                ),
            ),
            Part(
                table="payment",
                column="order_id",
                of="share_id IS NULL",
                what="支付",
                exported=("payment_no", "channel", "payer", "amount_fen", "refunded_fen", "status", "paid_at"),
            ),
            Part(
                table="refund",
                column="order_id",
                of="payment_id IN (SELECT id FROM payment WHERE share_id IS NULL)",
                what="退款",
                exported=("refund_no", "amount_fen", "reason_text", "status", "created_at", "finished_at"),
            ),
        ),
    ),
    Held(
        table="orders",
        column="placed_by_id",
        what="您替别人下的订单",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=("order_no", "placed_at"),
    ),
    Held(
        table="payment_share",
        what="您分摊的份额",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=("share_no", "amount_fen", "state", "asked_at", "ended_at"),
        parts=(
            Part(
                table="payment",
                column="share_id",
                what="支付",
                exported=("payment_no", "channel", "payer", "amount_fen", "refunded_fen", "status", "paid_at"),
            ),
        ),
    ),
    Held(
        table="draw_entry",
        what="抽签报名",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("public_id", "people", "wishes", "state", "place", "entered_at"),
    ),
    Held(
        table="draw_entry",
        column="placed_by_id",
        what="您替别人报的抽签",
        on_merge=MOVES,
        on_deletion=FORGOTTEN,
        exported=("public_id", "entered_at"),
    ),
    Held(
        table="booking_series",
        what="每周固定场",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "weekday", "first_day", "last_day", "people", "state", "asked_at", "ended_at"),
        parts=(
            Part(
                table="series_date",
                column="series_id",
                what="固定场的日期",
                exported=("business_day", "state", "reason"),
            ),
            Part(table="series_companion", column="series_id"),
        ),
    ),
    Held(
        table="series_companion",
        what="您作为球友的固定场",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("named_at",),
    ),
    Held(
        table="booking_series",
        column="placed_by_id",
        what="您替别人订的固定场",
        on_merge=MOVES,
        on_deletion=FORGOTTEN,
        exported=("public_id", "asked_at"),
    ),
    Held(
        table="group_request",
        what="团体预订申请",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=(
            "public_id",
            "people",
            "purpose",
            "lines",
            "state",
            "note",
            "asked_at",
            "answer_by",
            "decided_at",
        ),
    ),
    Held(
        table="waiting_entry",
        what="候补",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("public_id", "sport_code", "business_day", "people", "state", "asked_at", "ended_at"),
    ),
    Held(
        table="waiting_entry",
        column="placed_by_id",
        what="您替别人登记的候补",
        on_merge=MOVES,
        on_deletion=FORGOTTEN,
        exported=("public_id", "asked_at"),
    ),
    Held(
        table="admission",
        what="入场凭证",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=("public_id", "title", "starts_at", "ends_at", "first_entered_at", "revoked_at"),
        parts=(
            Part(table="passage", column="admission_id", what="进出", exported=("direction", "passed_at", "door")),
        ),
    ),
    Held(
        table="line_companion",
        what="您作为球友的预订",
        on_merge=OWN,
        on_deletion=ERASED,
        exported=("named_at",),
    ),
    Held(
        table="attendance",
        what="到场情况",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("business_day", "late_at", "state", "decided_at"),
    ),
    Held(
        table="booking_pause",
        what="暂停预订",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=(
            "public_id",
            "no_shows",
            "starts_at",
            "ends_at",
            "freed_at",
            "appealed_at",
            "appeal_words",
            "decided_at",
            "is_granted",
            "answer",
        ),
    ),
    Held(
        table="export_link",
        what="导出记录",
        on_merge=STAYS,
        on_deletion=ERASED,
        exported=("asked_at", "fetched_at"),
    ),
    Held(
        table="deletion",
        what="注销申请",
        on_merge=STAYS,
        on_deletion=KEPT,
        basis=PROOF,
        exported=("public_id", "asked_at", "due_at", "cancelled_at", "done_at"),
    ),
)
"""What people may demand of us: all that we hold about them, and that it goes (PIPL 45, 47)."""

WORDS: Mapping[str, str] = {
    "about_no": "相关编号",
    "address": "网络地址",
    "amount_fen": "金额（分）",
    "answer": "场馆回复",
    "answer_by": "答复期限",
    "answered_at": "答复时间",
    "appeal_words": "申诉",
    "appealed_at": "申诉时间",
    "appid": "应用编号",
    "asked_at": "申请时间",
    "at_desk": "在前台办理",
    "bill_fen": "消费金额（分）",
    "bound_at": "绑定时间",
    "business_day": "日期",
    "cancelled_at": "取消时间",
    "channel": "支付渠道",
    "chosen_at": "选择时间",
    "claim_region": "领取时所在地区（代码）",
    "claimed_at": "领取时间",
    "close_reason": "关闭原因",
    "closed_at": "关闭时间",
    "concession_fen": "优待减免（分）",
    "concession_kind": "优待类别",
    "confirmed_at": "确认时间",
    "created_at": "建立时间",
    "credit_code": "统一社会信用代码",
    "decided_at": "处理时间",
    "device_id": "设备编号",
    "direction": "方向",
    "done_at": "完成时间",
    "door": "入口",
    "due_at": "到期时间",
    "due_on": "应答复日期",
    "end_reason": "结束原因",
    "ended_at": "结束时间",
    "ended_by": "由谁结束",
    "ends_at": "结束",
    "ends_on": "失效日期",
    "entered_at": "报名时间",
    "expires_at": "到期时间",
    "face_fen": "面额（分）",
    "fetched_at": "下载时间",
    "finished_at": "完成时间",
    "first_day": "第一天",
    "first_entered_at": "首次入场时间",
    "freed_at": "解除时间",
    "from_age": "年龄段（从几岁起）",
    "given_at": "同意时间",
    "guessed_at": "输入时间",
    "happened_at": "发生时间",
    "hidden_at": "隐藏时间",
    "hidden_reason": "隐藏原因",
    "home_province": "您说的来自哪个省市（代码）",
    "is_granted": "申诉通过",
    "is_wanted": "需要",
    "joined_at": "加入时间",
    "kind": "种类",
    "last_day": "最后一天",
    "late_at": "最晚到场时间",
    "left_at": "离开时间",
    "left_count": "剩余次数",
    "level": "认证级别",
    "lines": "申请的时段",
    "made_at": "生成时间",
    "member_province": "下单时您说的来自哪个省市（代码）",
    "merged_at": "合并时间",
    "minimum_spend_fen": "使用门槛（分）",
    "name": "名称",
    "named_at": "写明时间",
    "no_shows": "未到场次数",
    "note": "场馆的答复",
    "number": "序号",
    "openid": "在该应用内的编号",
    "order_no": "订单号",
    "origin": "由谁建立",
    "outcome": "结果",
    "paid_at": "支付时间",
    "passed_at": "通过时间",
    "payer": "付款人在渠道的编号",
    "payment_no": "支付单号",
    "people": "人数",
    "place": "抽签名次",
    "placed_at": "下单时间",
    "powers": "权限",
    "price_fen": "价格（分）",
    "proved_at": "最近验证时间",
    "public_id": "编号",
    "public_no": "编号",
    "purpose": "用途",
    "rank": "等级",
    "rated_at": "评价时间",
    "read_at": "阅读时间",
    "reason": "原因",
    "reason_text": "原因",
    "received_at": "收到时间",
    "refund_no": "退款单号",
    "refunded_fen": "已退（分）",
    "refused_at": "拒绝时间",
    "registered_at": "登记时间",
    "relation": "关系",
    "request_no": "核验编号",
    "revoked_at": "撤销时间",
    "role": "角色",
    "sealed": "号码",
    "sealed_name": "姓名",
    "sealed_number": "证件号码（遮盖）",
    "sealed_text": "内容",
    "sent_at": "发送时间",
    "share_no": "份额序号",
    "sport_code": "项目",
    "stars": "星级",
    "started_at": "开始时间",
    "starts_at": "开始",
    "state": "状态",
    "status": "状态",
    "template": "种类",
    "title": "项目",
    "told_at": "通知时间",
    "total_fen": "总额（分）",
    "voucher_fen": "消费券抵扣（分）",
    "unbound_at": "解绑时间",
    "undone_at": "撤销合并时间",
    "unionid": "在微信开放平台的编号",
    "use_no": "核销编号",
    "used_at": "使用时间",
    "used_fen": "抵扣（分）",
    "valid_until": "有效期至",
    "values": "内容",
    "verified_at": "核验时间",
    "version": "版本",
    "way": "方式",
    "weekday": "星期几",
    "wishes": "想要的时段",
    "words": "评语",
}
"""What the columns of an export are called there."""
