"""Tells people outside the inbox what they were told there (issue 4, item 7).

Each run plans what is new, then claims what is due and asks those outside, in batches that are sent at once, so that
none waits for another until its lease is over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from jobs.job import Tools
from jobs.messengers import Messengers
from models.ids import letters
from models.messages import sending, templates
from models.messages.rules import MessageWay
from models.messages.sending import ClaimedSending, Outcome
from verification.port import SmsTemplate, VerificationError
from wechat.calls import WeChatError, WeChatUnavailable
from wechat.messages import MessageRefused, MiniProgramPage, Why

log = logging.getLogger(__name__)

PLANNED_AT_ONCE = 100
SENT_AT_ONCE = 20
LONGEST_RUN = timedelta(seconds=30)  # a last batch takes at most another 25 s: two calls and a new token


async def tell_people(tools: Tools) -> int:
    """Plan and send until nothing is due or the run has lasted long enough. Gives how many sendings were tried. Any
    number of workers may do this at once."""
    messengers, tried = tools.messengers, 0
    run_ends_at = tools.clock() + LONGEST_RUN
    while tools.clock() < run_ends_at:
        planned = await sending.plan(limit=PLANNED_AT_ONCE, open_ways=messengers.open_ways(), now=tools.clock())
        claimed = await sending.claim(limit=SENT_AT_ONCE, keys=messengers.phone_keys, now=tools.clock())
        await asyncio.gather(*(_send(messengers, each, tools) for each in claimed))
        tried += len(claimed)
        if not planned and not claimed:
            break
    return tried


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    outcome: Outcome
    outside_id: str = ""
    problem: str = ""


async def _send(messengers: Messengers, claimed: ClaimedSending, tools: Tools) -> None:
    """Ask outside, and write down what came of it. Should this process die between the two, the lease ends."""
    answer = await _answer(lambda: _WAYS[claimed.way](messengers, claimed), claimed)
    await sending.record(
        sending=claimed,
        outcome=answer.outcome,
        outside_id=answer.outside_id,
        problem=answer.problem,
        now=tools.clock(),
    )


async def _subscribe(messengers: Messengers, claimed: ClaimedSending) -> str:
    assert messengers.subscribe is not None
    template = claimed.template
    await messengers.subscribe.send(
        openid=claimed.address,
        template_id=messengers.subscribe_ids[template.form],
        data=_form(claimed),
        page=template.where(claimed.values),
    )
    return ""


async def _official_account(messengers: Messengers, claimed: ClaimedSending) -> str:
    assert messengers.official is not None
    template = claimed.template
    page = MiniProgramPage(appid=messengers.mini_program_appid, path=template.where(claimed.values))
    await messengers.official.send(
        openid=claimed.address,
        template_id=messengers.official_ids[template.form],
        data=_form(claimed),
        client_msg_id=f"{claimed.message_id[:24]}_{claimed.id}"[:32],
        page=page,
    )
    return ""


async def _sms(messengers: Messengers, claimed: ClaimedSending) -> str:
    assert messengers.sms is not None
    return await messengers.sms.send(
        phone=claimed.address, template=SmsTemplate.NOTICE, values=claimed.template.notice()
    )


_WAYS: Mapping[MessageWay, Callable[[Messengers, ClaimedSending], Awaitable[str]]] = {
    MessageWay.SUBSCRIBE: _subscribe,
    MessageWay.OFFICIAL_ACCOUNT: _official_account,
    MessageWay.SMS: _sms,
}


def _form(claimed: ClaimedSending) -> Mapping[str, str]:
    form = templates.shelf().forms[claimed.template.form]
    return form.fill(claimed.template, claimed.values, claimed.way)


async def _answer(ask: Callable[[], Awaitable[str]], claimed: ClaimedSending) -> _Answer:
    """What those outside say, in our words. Their own sentences may repeat what we said; only codes are kept."""
    try:
        return _Answer(outcome=Outcome.SENT, outside_id=await ask())
    except MessageRefused as refusal:
        return _refused(refusal, claimed)
    except WeChatUnavailable as error:  # with a number of theirs they say that they did not take it
        surely_not = bool(error.errcode) or error.never_left
        problem = f"WeChat {error.errcode}" if error.errcode else "WeChat is away"
        return _Answer(outcome=Outcome.LATER if surely_not else Outcome.NOBODY_KNOWS, problem=problem)
    except WeChatError as error:
        return _ours(claimed, f"WeChat {error.errcode}")
    except VerificationError as error:
        if error.may_have_happened:
            return _Answer(outcome=Outcome.NOBODY_KNOWS, problem=error.code)
        if error.retryable or error.too_often:
            return _Answer(outcome=Outcome.LATER, problem=error.code)
        return _ours(claimed, error.code)
    except Exception:  # one message that nobody understands must not keep the others of its batch waiting
        log.exception("sending %s could not be carried out", claimed.id, extra={"reference": letters(6)})
        return _Answer(outcome=Outcome.NOBODY_KNOWS, problem="unexpected error")


def _refused(refusal: MessageRefused, claimed: ClaimedSending) -> _Answer:
    problem = f"WeChat {refusal.errcode}"
    if refusal.reason is Why.NO_QUOTA:
        return _Answer(outcome=Outcome.NO_CONSENT, problem=problem)
    if refusal.reason is Why.UNKNOWN_RECIPIENT:
        log.warning("sending %s: WeChat knows nobody of that openid", claimed.id)
        return _Answer(outcome=Outcome.NEVER, problem=problem)
    return _ours(claimed, problem)


def _ours(claimed: ClaimedSending, problem: str) -> _Answer:
    """A template, a value, a setting: somebody here must mend it."""
    reference = letters(6)
    log.error(
        "sending %s: %s was refused by %s, and ours is the fault: %s",
        *(claimed.id, claimed.template.name, claimed.way, problem),
        extra={"reference": reference},
    )
    return _Answer(outcome=Outcome.NEVER, problem=f"{problem} {reference}")
