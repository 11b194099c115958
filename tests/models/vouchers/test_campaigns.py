"""A campaign's states, with who moved it: nobody reviews their own, and each act is done once."""

import asyncio
from datetime import timedelta

import pytest

from models.errors import DomainError, ErrorCode
from models.vouchers.campaigns import campaign_step, save_draft
from models.vouchers.rules import STEPS, CampaignState, VoucherState
from models.vouchers.tables import CampaignStep, VoucherCampaign
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.campaigns import Office, a_draft, an_office, drafted, opened, step
from tests.factories.feedback import a_manager, a_regulator, a_venue_in
from tests.factories.people import a_member
from tests.factories.places import a_venue
from tests.factories.vouchers import a_campaign, a_use, a_voucher

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
State = CampaignState


async def _state(campaign_id: str) -> str:
    return (await VoucherCampaign.get(public_id=campaign_id)).state


async def _refusal(clerk: object, campaign_id: str, to_state: CampaignState, **asked: object) -> DomainError:
    before = await _state(campaign_id)
    steps = await CampaignStep.all().count()
    with pytest.raises(DomainError) as refused:
        await step(clerk, campaign_id, to_state, **asked)  # type: ignore[arg-type]
    assert await _state(campaign_id) == before
    assert await CampaignStep.all().count() == steps
    return refused.value


async def test_a_campaign_goes_its_way_and_each_step_says_who_and_why(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)
    for who, to_state in (
        (office.reviewer, State.REVIEWED),
        (office.reviewer, State.DRAFT),
        (office.reviewer, State.REVIEWED),
        (office.planner, State.OPEN),
        (office.planner, State.PAUSED),
        (office.planner, State.OPEN),
        (office.planner, State.CLOSED),
        (office.planner, State.SETTLED),
    ):
        number = await CampaignStep.all().count()
        await step(who, campaign_id, to_state, reason=f"第{number}步", key=f"key-{number}")
        assert await _state(campaign_id) == to_state
        last = await CampaignStep.all().order_by("-id").first()
        assert last is not None
        assert (last.to_state, last.staff_id, last.reason) == (to_state, who.staff_id, f"第{number}步")
        assert last.terms_version == 1
    assert await CampaignStep.all().count() == 9  # with the draft


async def test_no_step_skips_another(db: Database) -> None:
    office = await an_office()
    first = await a_campaign(region_key="510100")
    for from_state in State:
        for to_state in set(State) - STEPS[from_state]:
            await VoucherCampaign.filter(id=first.id).update(state=from_state)
            refused = await _refusal(office.reviewer, first.public_id, to_state)
            assert refused.code is ErrorCode.CAMPAIGN_STATE, (from_state, to_state)


async def test_who_drafted_or_edited_it_never_reviews_it(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)
    assert (await _refusal(office.planner, campaign_id, State.REVIEWED)).code is ErrorCode.NOT_ALLOWED
    await save_draft(
        clerk=office.reviewer,
        campaign_id=campaign_id,
        draft=a_draft(title="由第二个人改过"),
        expected_version=1,
        idempotency_key="save-1",
        now=NOW,
    )
    assert (await _refusal(office.planner, campaign_id, State.REVIEWED)).code is ErrorCode.NOT_ALLOWED
    assert (await _refusal(office.reviewer, campaign_id, State.REVIEWED)).code is ErrorCode.NOT_ALLOWED
    third = await a_regulator("510000")  # whoever is above them in the tree may
    await step(third, campaign_id, State.REVIEWED)
    assert await _state(campaign_id) == State.REVIEWED


async def test_what_was_edited_after_the_reviewer_looked_is_not_reviewed(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)
    await save_draft(
        clerk=office.planner,
        campaign_id=campaign_id,
        draft=a_draft(title="换了内容"),
        expected_version=1,
        idempotency_key="save-1",
        now=NOW,
    )
    assert (await _refusal(office.reviewer, campaign_id, State.REVIEWED, version=1)).code is (
        ErrorCode.CAMPAIGN_CHANGED
    )


async def test_a_campaign_of_another_region_is_as_unknown_as_none(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)
    across = await a_regulator("500000")
    below = await a_regulator("510107")
    for stranger in (across, below):
        assert (await _refusal(stranger, campaign_id, State.REVIEWED)).code is ErrorCode.CAMPAIGN_UNKNOWN
    with pytest.raises(DomainError) as refused:
        await campaign_step(
            clerk=office.reviewer,
            campaign_id="cam_NOBODY",
            to_state=State.REVIEWED,
            expected_version=1,
            idempotency_key="k",
            now=NOW,
        )
    assert refused.value.code is ErrorCode.CAMPAIGN_UNKNOWN
    manager = await a_manager(await a_venue_in("510107", "武侯馆"))
    assert (await _refusal(manager, campaign_id, State.REVIEWED)).code is ErrorCode.NOT_ALLOWED


async def test_the_same_step_again_changes_nothing_and_another_under_its_key_is_refused(db: Database) -> None:
    office = await an_office()
    campaign_id = await opened(office)
    for _ in range(3):
        await step(office.planner, campaign_id, State.PAUSED, key="once")
        assert await _state(campaign_id) == State.PAUSED
    assert await CampaignStep.filter(to_state=State.PAUSED).count() == 1
    await step(office.planner, campaign_id, State.OPEN, key="open-again")
    await step(office.planner, campaign_id, State.PAUSED, key="once")  # a late repeat does not pause it again
    assert await _state(campaign_id) == State.OPEN
    for clerk, to_state in ((office.planner, State.CLOSED), (office.reviewer, State.PAUSED)):
        assert (await _refusal(clerk, campaign_id, to_state, key="once")).code is ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_stopping_it_and_sending_it_back_want_a_reason(db: Database) -> None:
    office = await an_office()
    campaign_id = await opened(office)
    for reason in ("", " ", "无", "字" * 201):
        assert (await _refusal(office.planner, campaign_id, State.PAUSED, reason=reason)).code is (
            ErrorCode.BAD_INPUT
        )


async def test_a_campaign_whose_rounds_are_all_over_is_not_opened(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)
    await step(office.reviewer, campaign_id, State.REVIEWED)
    assert (await _refusal(office.planner, campaign_id, State.OPEN, now=NOW + 5 * DAY)).code is (
        ErrorCode.CAMPAIGN_STATE
    )


async def test_it_is_not_settled_while_something_can_still_move(db: Database) -> None:
    office = await an_office()
    venue = await a_venue()
    campaign = await a_campaign(state=State.CLOSED, region_key="510100")
    member_id, _ = await a_member()
    voucher = await a_voucher(member_id, campaign)
    refused = await _refusal(office.planner, campaign.public_id, State.SETTLED)
    assert "1张券" in refused.message
    voucher.state = VoucherState.USED
    await voucher.save()
    use = await a_use(voucher, venue, state="HELD")
    refused = await _refusal(office.planner, campaign.public_id, State.SETTLED)
    assert "1笔核销" in refused.message
    use.state = "DONE"
    await use.save()
    refused = await _refusal(office.planner, campaign.public_id, State.SETTLED)
    assert "1笔没有结算" in refused.message  # models/settlement/closing.py
    assert await _state(campaign.public_id) == State.CLOSED


@pytest.mark.postgres
async def test_of_two_reviewers_at_once_one_reviews_it(db: Database) -> None:
    office = await an_office()
    reviewers = [office.reviewer, *[await a_regulator("510100") for _ in range(7)]]
    campaign_id = await drafted(office)
    answers = await asyncio.gather(
        *(
            step(reviewer, campaign_id, State.REVIEWED, key=f"review-{number}")
            for number, reviewer in enumerate(reviewers)
        ),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["CampaignStateRefused"] * 7 + ["NoneType"]
    assert await CampaignStep.filter(to_state=State.REVIEWED).count() == 1


@pytest.mark.postgres
async def test_one_request_sent_many_times_at_once_is_one_draft(db: Database) -> None:
    office = await an_office()
    ids = await asyncio.gather(*(drafted(office) for _ in range(8)))
    assert len({*ids}) == 1
    assert await VoucherCampaign.all().count() == 1
    assert await CampaignStep.all().count() == 1


@pytest.mark.postgres
async def test_an_edit_and_a_review_at_once_never_leave_an_unseen_text_reviewed(db: Database) -> None:
    office: Office = await an_office()
    for turn in range(6):
        campaign_id = await drafted(office, key=f"turn-{turn}")
        answers = await asyncio.gather(
            step(office.reviewer, campaign_id, State.REVIEWED, version=1),
            save_draft(
                clerk=office.planner,
                campaign_id=campaign_id,
                draft=a_draft(title="换了内容"),
                expected_version=1,
                idempotency_key="save",
                now=NOW,
            ),
            return_exceptions=True,
        )
        campaign = await VoucherCampaign.get(public_id=campaign_id)
        assert [answer is None for answer in answers].count(True) == 1
        assert (campaign.state, campaign.terms_version) in {("REVIEWED", 1), ("DRAFT", 2)}
