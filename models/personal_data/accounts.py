"""Accounts and ways into them, and what people asked about their data."""

from models.personal_data.columns import ERASED, KEPT, MOVES, OWN, PROOF, STAYS, Held, OnDeletion, Part

ACCOUNTS: tuple[Held, ...] = (
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
)

WISHES: tuple[Held, ...] = (
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
