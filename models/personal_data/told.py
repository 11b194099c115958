"""What they were told, and what they said: messages, ratings, complaints."""

from models.personal_data.columns import ERASED, MOVES, OWN, Held, OnDeletion, Part

TOLD: tuple[Held, ...] = (
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
)
