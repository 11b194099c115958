"""Staff redeem codes at their venue."""

from datetime import datetime

import strawberry

from models.admissions import desk
from models.admissions.rules import Colour, Direction, Verdict
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors

__all__ = ["Colour", "DeskActs"]

strawberry.enum(Colour, name="ScanColour")
strawberry.enum(Direction, name="PassDirection")


@strawberry.type(description="What the door says. `outcome` is ENTERED, ENTERED_AGAIN, LEFT or a refusal's code.")
class ScanVerdict:
    outcome: str
    passed: bool
    colour: Colour
    headline: str
    detail: str
    next_step: str
    court: str
    starts_at: datetime | None
    ends_at: datetime | None

    @classmethod
    def of(cls, verdict: Verdict) -> "ScanVerdict":
        return cls(
            outcome=verdict.outcome,
            passed=verdict.passed,
            colour=Colour(verdict.colour),
            headline=verdict.headline,
            detail=verdict.detail,
            next_step=verdict.next_step,
            court=verdict.court,
            starts_at=verdict.starts_at,
            ends_at=verdict.ends_at,
        )


@strawberry.type
class RedeemPayload:
    verdict: ScanVerdict | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeskActs:
    @act(RedeemPayload, "Judge one scanned code. The same nonce of the same device gets the same verdict.")
    async def redeem(
        self,
        info: Info,
        code: str,
        venue_id: strawberry.ID,
        checkpoint: str,
        nonce: str,
        direction: Direction = Direction.ENTRY,
        id_checked: bool = False,
    ) -> RedeemPayload:
        signed_in = await info.context.staff()
        verdict = await desk.scan(
            clerk=signed_in,
            venue_id=venue_id,
            checkpoint=checkpoint,
            code=code,
            nonce=nonce,
            direction=direction.value,
            id_checked=id_checked,
            keys=info.context.services.code_keys,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return RedeemPayload(verdict=ScanVerdict.of(verdict))
