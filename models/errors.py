"""Expected refusals: a code for programs, a Chinese sentence for people, and the way out."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Every way in which we say no. A code never changes its meaning; new ones are added."""

    # the request itself
    BAD_INPUT = "BAD_INPUT"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    BUSY = "BUSY"
    DOCUMENT_UNKNOWN = "DOCUMENT_UNKNOWN"
    OUTSIDE_UNAVAILABLE = "OUTSIDE_UNAVAILABLE"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    # who is asking
    NOT_SIGNED_IN = "NOT_SIGNED_IN"
    NOT_ALLOWED = "NOT_ALLOWED"
    SIGN_IN_CODE_INVALID = "SIGN_IN_CODE_INVALID"
    REFRESH_TOKEN_INVALID = "REFRESH_TOKEN_INVALID"  # noqa: S105 - a name, not a secret
    REFRESH_TOKEN_REUSED = "REFRESH_TOKEN_REUSED"  # noqa: S105
    PHONE_CODE_INVALID = "PHONE_CODE_INVALID"
    PHONE_BOUND_ELSEWHERE = "PHONE_BOUND_ELSEWHERE"
    STAFF_CREDENTIALS_WRONG = "STAFF_CREDENTIALS_WRONG"
    STAFF_LOCKED = "STAFF_LOCKED"
    PASSWORD_TOO_WEAK = "PASSWORD_TOO_WEAK"  # noqa: S105
    USERNAME_TAKEN = "USERNAME_TAKEN"
    # people: doors, phones, merging
    SMS_CODE_WRONG = "SMS_CODE_WRONG"
    SMS_TOO_MANY = "SMS_TOO_MANY"
    PHONE_MAY_HAVE_CHANGED_HANDS = "PHONE_MAY_HAVE_CHANGED_HANDS"
    IDENTITY_BOUND_ELSEWHERE = "IDENTITY_BOUND_ELSEWHERE"
    STATE_INVALID = "STATE_INVALID"
    MERGE_CODE_INVALID = "MERGE_CODE_INVALID"
    MERGE_REFUSED = "MERGE_REFUSED"
    MERGE_NOT_UNDOABLE = "MERGE_NOT_UNDOABLE"
    MERGE_UNKNOWN = "MERGE_UNKNOWN"
    LAST_WAY_IN = "LAST_WAY_IN"
    # who somebody is, and who acts for whom
    ID_NUMBER_WRONG = "ID_NUMBER_WRONG"
    NAME_DIFFERS = "NAME_DIFFERS"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    NAME_CHECK_TOO_MANY = "NAME_CHECK_TOO_MANY"
    ID_BOUND_ELSEWHERE = "ID_BOUND_ELSEWHERE"
    REAL_NAME_NEEDED = "REAL_NAME_NEEDED"
    REAL_NAME_BOUND_ALREADY = "REAL_NAME_BOUND_ALREADY"
    CONSENT_NEEDED = "CONSENT_NEEDED"
    CONSENT_OUTDATED = "CONSENT_OUTDATED"
    GUARDIAN_NEEDED = "GUARDIAN_NEEDED"
    NOT_A_CHILD = "NOT_A_CHILD"
    WARD_WOULD_BE_ALONE = "WARD_WOULD_BE_ALONE"
    MEMBER_UNKNOWN = "MEMBER_UNKNOWN"
    POWER_NOT_GIVEN = "POWER_NOT_GIVEN"
    INVITATION_UNKNOWN = "INVITATION_UNKNOWN"
    RELATION_EXISTS = "RELATION_EXISTS"
    RELATION_UNKNOWN = "RELATION_UNKNOWN"
    CONCESSION_UNKNOWN = "CONCESSION_UNKNOWN"
    ORGANISATION_UNKNOWN = "ORGANISATION_UNKNOWN"
    ORGANISATION_CODE_WRONG = "ORGANISATION_CODE_WRONG"
    ORGANISATION_REGISTERED = "ORGANISATION_REGISTERED"
    ORGANISATION_STATE = "ORGANISATION_STATE"
    # staff
    SECOND_FACTOR_WRONG = "SECOND_FACTOR_WRONG"
    PASSWORD_USED_BEFORE = "PASSWORD_USED_BEFORE"  # noqa: S105
    STAFF_UNKNOWN = "STAFF_UNKNOWN"
    ROLE_REFUSED = "ROLE_REFUSED"
    # privacy, messages, feedback
    DELETION_UNKNOWN = "DELETION_UNKNOWN"
    DELETION_NOT_YET = "DELETION_NOT_YET"
    EXPORT_UNKNOWN = "EXPORT_UNKNOWN"
    COMPLAINT_UNKNOWN = "COMPLAINT_UNKNOWN"
    COMPLAINT_STATE = "COMPLAINT_STATE"
    RATING_REFUSED = "RATING_REFUSED"
    RATING_UNKNOWN = "RATING_UNKNOWN"
    # finding and booking
    COORDINATE_OUTSIDE = "COORDINATE_OUTSIDE"
    VENUE_UNKNOWN = "VENUE_UNKNOWN"
    VENUE_CLOSED = "VENUE_CLOSED"
    COURT_UNKNOWN = "COURT_UNKNOWN"
    SPORT_UNKNOWN = "SPORT_UNKNOWN"
    SLOT_UNKNOWN = "SLOT_UNKNOWN"
    SLOT_PAST = "SLOT_PAST"
    SLOT_TAKEN = "SLOT_TAKEN"
    SLOT_NOT_RELEASED = "SLOT_NOT_RELEASED"
    TOO_MANY_COURTS = "TOO_MANY_COURTS"
    TOO_MANY_PEOPLE = "TOO_MANY_PEOPLE"
    PRICE_CHANGED = "PRICE_CHANGED"
    # orders and money
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    ORDER_CLOSED = "ORDER_CLOSED"
    ORDER_ALREADY_PAID = "ORDER_ALREADY_PAID"
    ORDER_FREE = "ORDER_FREE"
    ORDER_STARTED = "ORDER_STARTED"
    PAYMENT_MISMATCH = "PAYMENT_MISMATCH"
    PAYMENT_UNKNOWN = "PAYMENT_UNKNOWN"
    REFUND_TOO_LARGE = "REFUND_TOO_LARGE"
    REFUND_CHANGED = "REFUND_CHANGED"
    REFUND_UNKNOWN = "REFUND_UNKNOWN"
    REFUND_IN_HAND = "REFUND_IN_HAND"
    NOT_REFUNDABLE = "NOT_REFUNDABLE"
    # reconciliation
    DISCREPANCY_UNKNOWN = "DISCREPANCY_UNKNOWN"
    DISCREPANCY_RESOLVED = "DISCREPANCY_RESOLVED"
    # at the drawer
    SHIFT_NEEDED = "SHIFT_NEEDED"
    SHIFT_OPEN_ALREADY = "SHIFT_OPEN_ALREADY"
    SHIFT_UNKNOWN = "SHIFT_UNKNOWN"
    SHIFT_CLOSED = "SHIFT_CLOSED"
    DRAWER_DIFFERS = "DRAWER_DIFFERS"
    TOO_LITTLE_GIVEN = "TOO_LITTLE_GIVEN"
    PAYER_CODE_UNKNOWN = "PAYER_CODE_UNKNOWN"
    PAYER_CODE_REFUSED = "PAYER_CODE_REFUSED"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    REFUND_NOT_AT_DESK = "REFUND_NOT_AT_DESK"
    REFUND_HANDED_OUT = "REFUND_HANDED_OUT"
    # at the desk and the gate
    UNKNOWN_CODE = "UNKNOWN_CODE"
    CODE_STALE = "CODE_STALE"
    CODE_REVOKED = "CODE_REVOKED"
    WRONG_VENUE = "WRONG_VENUE"
    TOO_EARLY = "TOO_EARLY"
    EXPIRED = "EXPIRED"
    ALREADY_INSIDE = "ALREADY_INSIDE"
    NOT_INSIDE = "NOT_INSIDE"
    REFUNDED = "REFUNDED"
    ID_CHECK_NEEDED = "ID_CHECK_NEEDED"
    DESK_ONLY = "DESK_ONLY"
    DEVICE_UNKNOWN = "DEVICE_UNKNOWN"
    ADMISSION_UNKNOWN = "ADMISSION_UNKNOWN"


class DomainError(Exception):
    """A refusal that we expected and that the person can understand.

    Raise a subclass where the name says more than the code, else this class with its code.
    `message` is shown to people as it is; `next_step` says what they can do now; `field` names the input;
    `retry_after` is in how many seconds the same may be tried again, where that is known.
    """

    code: ErrorCode

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode | None = None,
        next_step: str | None = None,
        field: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        self.next_step = next_step
        self.field = field
        self.retry_after = retry_after

    def sentence(self) -> str:
        """Message and way out as one text, for places that show only one line."""
        return self.message + (self.next_step or "")


class BadInput(DomainError):
    code = ErrorCode.BAD_INPUT


class NotSignedIn(DomainError):
    code = ErrorCode.NOT_SIGNED_IN

    def __init__(self) -> None:
        super().__init__("您还没有登录，或登录已过期。", next_step="请重新登录后再试。")


class Busy(DomainError):
    """The row stayed locked longer than we wait (lessons 2: order the locks and bound the wait)."""

    code = ErrorCode.BUSY

    def __init__(self) -> None:
        super().__init__("现在使用的人较多。", next_step="请稍等几秒再试，不会重复下单。")
