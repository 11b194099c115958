"""The schema: every domain's queries and acts, gathered. Strawberry's types are the only schema there is."""

from functools import cache

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.utils.str_converters import to_camel_case

from resolvers.attendance import AttendanceActs, AttendanceQueries
from resolvers.audit import AuditQueries
from resolvers.auditing import audited
from resolvers.cancelling_at_desk import CancellingAtDeskActs, CancellingAtDeskQueries
from resolvers.claiming import ClaimingActs, ClaimingQueries
from resolvers.closures import ClosureActs, ClosureQueries
from resolvers.consents import ConsentActs, ConsentQueries
from resolvers.court_editing import CourtEditingActs, CourtEditingQueries
from resolvers.describing import describe
from resolvers.desk import DeskActs
from resolvers.desk_money import DeskMoneyActs, DeskMoneyQueries
from resolvers.doors import DoorActs
from resolvers.draws import DrawActs, DrawQueries
from resolvers.families import FamilyActs, FamilyQueries
from resolvers.feedback import FeedbackActs, FeedbackQueries
from resolvers.group_requests import GroupRequestActs, GroupRequestQueries
from resolvers.hours_editing import HoursEditingActs, HoursEditingQueries
from resolvers.members import MemberActs, MemberQueries
from resolvers.merging import MergingActs, MergingQueries
from resolvers.messages import MessageActs, MessageQueries
from resolvers.moving import MovingActs, MovingQueries
from resolvers.my_vouchers import MyVoucherQueries
from resolvers.offline import OfflineActs, OfflineQueries
from resolvers.orders import OrderActs, OrderQueries
from resolvers.organisations import OrganisationActs, OrganisationQueries
from resolvers.passes import PassActs
from resolvers.paying import PayingActs
from resolvers.people_at_desk import PeopleAtDeskActs
from resolvers.prices import PriceQueries
from resolvers.privacy import PrivacyActs, PrivacyQueries
from resolvers.real_names import RealNameActs, RealNameQueries
from resolvers.reconciliation import ReconciliationActs, ReconciliationQueries
from resolvers.refunds import RefundActs, RefundQueries
from resolvers.revealing import RevealingActs
from resolvers.risk import RiskActs, RiskQueries
from resolvers.scalars import FEN, Fen
from resolvers.series import SeriesActs, SeriesQueries
from resolvers.session_editing import SessionEditingActs, SessionEditingQueries
from resolvers.sessions import SessionQueries
from resolvers.settlement import SettlementActs, SettlementQueries
from resolvers.sign_ins import SignInActs, SignInQueries
from resolvers.splitting import SplittingActs, SplittingQueries
from resolvers.staff import StaffActs, StaffQueries
from resolvers.staff_sign_in import StaffSignInActs
from resolvers.statistics import StatisticsQueries
from resolvers.venue_editing import VenueEditingActs, VenueEditingQueries
from resolvers.venue_report import VenueReportQueries
from resolvers.venue_settings import VenueSettingsQueries
from resolvers.venues import VenueQueries
from resolvers.voucher_campaigns import VoucherCampaignActs, VoucherCampaignQueries
from resolvers.vouchers_at_desk import VouchersAtDeskActs, VouchersAtDeskQueries
from resolvers.waiting import WaitingActs, WaitingQueries


@strawberry.type
class Query(
    VenueQueries,
    SessionQueries,
    OrderQueries,
    AttendanceQueries,
    PriceQueries,
    WaitingQueries,
    SeriesQueries,
    GroupRequestQueries,
    ClosureQueries,
    DrawQueries,
    MovingQueries,
    SplittingQueries,
    MyVoucherQueries,
    ClaimingQueries,
    MemberQueries,
    RealNameQueries,
    FamilyQueries,
    SignInQueries,
    MessageQueries,
    ConsentQueries,
    MergingQueries,
    PrivacyQueries,
    DeskMoneyQueries,
    VouchersAtDeskQueries,
    OfflineQueries,
    CancellingAtDeskQueries,
    RefundQueries,
    ReconciliationQueries,
    AuditQueries,
    StaffQueries,
    OrganisationQueries,
    FeedbackQueries,
    VoucherCampaignQueries,
    VenueReportQueries,
    VenueSettingsQueries,
    VenueEditingQueries,
    CourtEditingQueries,
    HoursEditingQueries,
    SessionEditingQueries,
    RiskQueries,
    SettlementQueries,
    StatisticsQueries,
):
    pass


@strawberry.type
class Mutation(
    MemberActs,
    SeriesActs,
    RealNameActs,
    FamilyActs,
    PeopleAtDeskActs,
    DoorActs,
    SignInActs,
    MessageActs,
    ConsentActs,
    MergingActs,
    PrivacyActs,
    OrderActs,
    AttendanceActs,
    WaitingActs,
    GroupRequestActs,
    ClosureActs,
    DrawActs,
    MovingActs,
    ClaimingActs,
    PayingActs,
    SplittingActs,
    StaffSignInActs,
    StaffActs,
    DeskActs,
    DeskMoneyActs,
    VouchersAtDeskActs,
    PassActs,
    OfflineActs,
    CancellingAtDeskActs,
    RefundActs,
    ReconciliationActs,
    RevealingActs,
    OrganisationActs,
    FeedbackActs,
    VoucherCampaignActs,
    VenueEditingActs,
    CourtEditingActs,
    HoursEditingActs,
    SessionEditingActs,
    RiskActs,
    SettlementActs,
):
    pass


audited(queries=Query, acts=Mutation)


class Names(NameConverter):
    """Strawberry's own names, remembered: it asks for each argument's at every call."""

    def apply_naming_config(self, name: str) -> str:
        return _camel_case(name)


_camel_case = cache(to_camel_case)


def build_schema(*, suggestions: bool = True) -> strawberry.Schema:
    """`suggestions` off: errors don't spell out the schema."""
    config = StrawberryConfig(
        name_converter=Names(), scalar_map={Fen: FEN}, disable_field_suggestions=not suggestions
    )
    schema = strawberry.Schema(query=Query, mutation=Mutation, config=config)
    describe(schema._schema)
    return schema
