"""What happened to a complaint, step by step. Texts are sealed to the step's own row.

Plain functions: they run in the transaction of an act that has locked the complaint's row, which deals the numbers.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from models import database
from models.feedback.rules import KeyReused, StepKind
from models.feedback.tables import ComplaintStep
from models.keys import Sealed, SealingKeys


async def add_step(
    complaint_id: int,
    kind: StepKind,
    *,
    text: str,
    keys: SealingKeys,
    now: datetime,
    staff_id: int | None = None,
    request_key: str = "",
) -> int:
    """Writes the next step, its text sealed, and gives its number."""
    last = await database.row(
        "SELECT MAX(number) AS number FROM complaint_step WHERE complaint_id = $1", complaint_id
    )
    number = 1 if last is None or last["number"] is None else int(last["number"]) + 1
    step = await ComplaintStep.create(
        complaint_id=complaint_id,
        number=number,
        kind=kind,
        staff_id=staff_id,
        request_key=request_key,
        happened_at=now,
    )
    await seal(step, text, keys)  # its place is its row, which is known only now
    return number


async def seal(step: ComplaintStep, text: str, keys: SealingKeys) -> None:
    """Under the current key."""
    sealed = keys.seal(text, table="complaint_step", column="sealed_text", row=step.id)
    step.sealed_text, step.seal_key_id = sealed.value, sealed.key_id
    await step.save(update_fields=["sealed_text", "seal_key_id"])


def text_of(step: Any, keys: SealingKeys) -> str:
    """A step's text again, from its row; empty when it was erased."""
    if step["sealed_text"] is None:
        return ""
    sealed = Sealed(step["seal_key_id"], bytes(step["sealed_text"]))
    return keys.open(sealed, table="complaint_step", column="sealed_text", row=step["id"])


async def steps_of(complaint_ids: Collection[int]) -> list[Any]:
    """In their order, with the name of the staff person, if it was one."""
    if not complaint_ids:
        return []
    found = await database.rows(
        f"""SELECT step.id, step.complaint_id, step.number, step.kind, step.sealed_text, step.seal_key_id,
                   step.request_key, step.staff_id, step.happened_at, staff_member.display_name
              FROM complaint_step step LEFT JOIN staff_member ON staff_member.id = step.staff_id
             WHERE step.complaint_id IN ({database.parameters(len(complaint_ids))})
             ORDER BY step.complaint_id, step.number""",
        *complaint_ids,
    )
    return [database.with_instants(step, "happened_at") for step in found]


async def done_before(
    complaint_id: int, kind: StepKind, *, request_key: str, text: str, staff_id: int | None, keys: SealingKeys
) -> bool:
    """Whether this very act was done already. Raises IDEMPOTENCY_KEY_REUSED when its key was another act's."""
    for step in await steps_of([complaint_id]):
        if step["request_key"] == request_key:
            if (step["kind"], step["staff_id"], text_of(step, keys)) != (kind, staff_id, text):
                raise KeyReused
            return True
    return False


@database.operation
async def _reseal_some(keys: SealingKeys, limit: int) -> int:
    outdated = (
        await ComplaintStep.filter(sealed_text__isnull=False)
        .exclude(seal_key_id=keys.current_id)
        .order_by("id")
        .limit(limit)
        .select_for_update()
    )
    for step in outdated:
        text = keys.open(
            Sealed(step.seal_key_id, bytes(step.sealed_text or b"")),
            table="complaint_step",
            column="sealed_text",
            row=step.id,
        )
        await seal(step, text, keys)
    return len(outdated)


async def reseal_complaints(*, keys: SealingKeys, batch: int = 200) -> int:
    """Brings every text under the current key and tells how many it moved; then the old keys can go.

    Batches are short transactions, so people write and read meanwhile. May be stopped and run again.
    """
    moved = 0
    while just_moved := await _reseal_some(keys, batch):
        moved += just_moved
    return moved
