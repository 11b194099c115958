"""For what we ask consent, which text holds on a day, and whether an older yes still counts. Pure.

The texts are data/consents.json; the Personal Information Protection Law (PIPL) wants a yes to a stated purpose (14),
a new one when the purpose or the way changes (14), a separate one for sensitive data (29) and for children (31), and that
withdrawing is as easy as giving (15).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.errors import DomainError, ErrorCode


class Purpose(StrEnum):
    """Each is asked for when it is needed first, and withdrawn on its own (PIPL 14, 15, 29)."""

    SERVICE = "SERVICE"  # the terms, and the privacy policy they come with
    REAL_NAME = "REAL_NAME"  # name and ID number: sensitive, so a consent of its own
    CHILD = "CHILD"  # a guardian's, for a child under 14
    HELPER = "HELPER"  # that a helper sees and does what the powers name
    NOTICES = "NOTICES"  # to be told outside the inbox


ASKED_OF_EVERYBODY = (Purpose.SERVICE, Purpose.NOTICES)
"""At a sign-in (PIPL 17; docs/decisions/0026). The others are demanded by the act that needs them."""


class EndReason(StrEnum):
    """Why a consent is no longer live."""

    WITHDRAWN = "WITHDRAWN"
    REPLACED = "REPLACED"  # by a yes to a later version
    REFUSED = "REFUSED"  # it never was: a no that no yes went before
    JOINED = "JOINED"  # of an account that became one with another, which had said yes as well


@dataclass(frozen=True, kw_only=True)
class Text:
    """One version of what is agreed to."""

    purpose: Purpose
    version: str
    title: str
    effective_on: date
    asks_again: bool
    """Rights or ways changed: who agreed to an earlier version is asked again."""
    is_draft: bool
    """No lawyer has looked at it yet."""
    withdrawal: str
    """What withdrawing does, told before it is done."""
    paragraphs: tuple[str, ...]
    digest: str
    """SHA-256 of title and paragraphs, in hex: what exactly was agreed to."""


class ConsentNeeded(DomainError):
    code = ErrorCode.CONSENT_NEEDED

    def __init__(self, purpose: Purpose, title: str, version: str) -> None:
        super().__init__(
            f"需要您先同意《{title}》（{version}版）。", next_step="请阅读全文，同意后再继续。", field="consent"
        )
        self.purpose = purpose


class ConsentOutdated(DomainError):
    code = ErrorCode.CONSENT_OUTDATED

    def __init__(self, title: str, version: str) -> None:
        super().__init__(
            f"您看到的《{title}》不是现在的{version}版。",
            next_step="请重新打开页面，阅读现在的版本后再同意。",
            field="version",
        )


def current(texts: Sequence[Text], purpose: Purpose, today: date) -> Text:
    """The version that holds on this day; there is always one (`reading.read` sees to the first)."""
    return _so_far(texts, purpose, today)[-1]


def still_counts(texts: Sequence[Text], purpose: Purpose, version: str, today: date) -> bool:
    """Whether a yes to this version is still one: no version since then asks again. A version that nobody knows is
    no yes to anything."""
    so_far = _so_far(texts, purpose, today)
    places = [place for place, text in enumerate(so_far) if text.version == version]
    return bool(places) and not any(text.asks_again for text in so_far[places[0] + 1 :])


def is_asked_now(
    texts: Sequence[Text], purpose: Purpose, version: str | None, *, said_no: bool, today: date
) -> bool:
    """Whether to ask whoever last answered about this `version` (None: they never did).

    An answer holds, yes or no, until a version asks again. Without the service there is nothing to sign in to, so
    that is asked until there is a yes; a no to what one act needs is no reason to ask before that act.
    """
    if purpose not in ASKED_OF_EVERYBODY and (version is None or said_no):
        return False
    if version is None or (said_no and purpose is Purpose.SERVICE):
        return True
    return not still_counts(texts, purpose, version, today)


def _so_far(texts: Sequence[Text], purpose: Purpose, today: date) -> list[Text]:
    of_purpose = sorted((text for text in texts if text.purpose is purpose), key=lambda text: text.effective_on)
    return [text for text in of_purpose if text.effective_on <= today] or of_purpose[:1]
