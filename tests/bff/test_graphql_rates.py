"""Rates at the doors: who is counted for what, what a refusal says, and each limit with Valkey there, away and back."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType

from bff import metrics
from bff.graphql.budgets import BUDGET_OF, BUDGETS, CHECKING, HASTE, Budget, Rate
from bff.graphql.rates import CannotCount, Rates, TooOften, Who, network, who
from bff.rates.meters import Charge, Counting
from bff.rates.valkey import AWAY_SECONDS
from resolvers.schema import build_schema
from tests.bff.conftest import Valkey
from tests.docs import documents as docs
from tests.factories.third_parties import a_third_party
from tests.house import HERE, Citizen, House, house, nothing_changes, shared_valkey
from tests.outside import outside, stage
from tests.resolvers import documents

__all__ = ["house", "outside", "shared_valkey", "stage"]

VENUE = {"venuesNear": 1}


# ---- what is counted as what


def test_every_root_field_belongs_to_exactly_one_budget() -> None:
    schema = build_schema()._schema
    roots = [schema.query_type, schema.mutation_type, schema.subscription_type]
    fields = {name for root in roots if isinstance(root, GraphQLObjectType) for name in root.fields}
    assert set(BUDGET_OF) == fields | {"__typename", "__schema", "__type"}
    assert sum(len(budget.fields) for budget in BUDGETS) == len(BUDGET_OF)


def test_the_table_in_the_documents_is_the_budgets() -> None:
    told = [[cell.strip("`") for cell in row] for row in docs.rows(docs.text("docs/security.md"), "Rates")]
    assert [row[:6] for row in told] == [_told(budget) for budget in (*BUDGETS, CHECKING)]


def _told(budget: Budget) -> list[str]:
    rates = (budget.address, budget.third_party, budget.device, budget.member)
    away = {
        Counting.SHARED: "alone",
        Counting.EXACT_ELSE_ALONE: "alone (exact)",
        Counting.EXACT_ELSE_NOT: "refused (exact)",
    }
    unit = " ms" if budget is CHECKING else ""
    return [budget.name, *(_rate(rate, unit) for rate in rates), away[budget.counting]]


def _rate(rate: Rate | None, unit: str) -> str:
    if rate is None:
        return "–"
    return f"{rate[0]:,}{unit} / " + {60: "min", 600: "10 min", 3600: "h"}[rate[1]]


# ---- by what somebody is counted


def test_an_ipv6_subscriber_is_one_address_and_ipv4_inside_ipv6_is_ipv4() -> None:
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::9") != network("2001:db8:1:2::9")
    assert network("fe80::1%eth0") == "fe80::/64"
    assert network("::ffff:203.0.113.7") == network("203.0.113.7") == "203.0.113.7"
    assert network("not:an:address") == "not:an:address"


def test_a_credential_is_one_device_however_it_is_written_and_is_not_kept() -> None:
    spelled = ["Bearer s3cret", "bearer   s3cret ", "BEARER s3cret"]
    assert len({who("203.0.113.7", authorization=text).device for text in spelled}) == 1
    assert (
        who("203.0.113.7", authorization="Bearer other").device
        != who("203.0.113.7", authorization=spelled[0]).device
    )
    assert "s3cret" not in repr(who("203.0.113.7", authorization=spelled[0]))
    assert who("203.0.113.7", authorization="Bearer ").device == ""


# ---- counting operations; a fresh process for each test


@asynccontextmanager
async def processes(valkey: Valkey, count: int = 1, **how: Any) -> AsyncIterator[list[Rates]]:
    made = [Rates(valkey.url, **how) for _ in range(count)]
    for rates in made:
        rates.counter.meters.clock = lambda: 1000.0  # nothing leaks away meanwhile: `House.counts_without_leaking`
    yield made
    for rates in made:
        await rates.counter.valkey.close()


@pytest.fixture
async def rates(valkey: Valkey) -> AsyncIterator[Rates]:
    async with processes(valkey) as [one]:
        yield one


async def passed(
    rates: Rates, fields: Mapping[str, int], callers: Sequence[Who], members: Sequence[str] = ()
) -> int:
    """How many operations get through, one for each caller in turn, as members if so many are named."""
    count = 0
    for number, caller in enumerate(callers):
        allowance = await rates.count(fields, caller)
        if not allowance.refusal and members:
            with suppress(TooOften, CannotCount):
                await allowance.member(members[number % len(members)])
        count += allowance.refusal is None
    return count


PER = {
    "address": lambda number: (who("203.0.113.7", device_id=f"phone-{number}"), f"mem_{number}"),
    "third-party": lambda number: (who(f"2001:db8:{number:x}::1", third_party="tp_1"), f"mem_{number}"),
    "device": lambda number: (who(f"2001:db8:{number:x}::1", device_id="phone"), f"mem_{number}"),
    "member": lambda number: (who(f"2001:db8:{number:x}::1", device_id=f"phone-{number}"), "mem_1"),
}
"""Callers who differ in everything but one thing, by which they are counted."""


def every_limit() -> list[Any]:
    limits = []
    for budget in BUDGETS:
        rates = {
            "address": budget.address,
            "third-party": budget.third_party,
            "device": budget.device,
            "member": budget.member,
        }
        limits += [
            pytest.param(budget, per, rate[0], id=f"{budget.name}-{per}") for per, rate in rates.items() if rate
        ]
    return limits


@pytest.mark.parametrize(("budget", "per", "quantity"), every_limit())
async def test_each_limit_holds_with_valkey_does_what_is_written_without_it_and_holds_again(
    valkey: Valkey, budget: Budget, per: str, quantity: int
) -> None:
    """Many at once where the limits are wide, so that almost nothing leaks away meanwhile."""
    others = [rate[0] for rate in (budget.device, budget.member) if rate]
    step = min(max(quantity // 20, 1), *others)
    fields = {sorted(budget.fields)[0]: step}

    async def rush(rates: Rates) -> int:
        callers = [PER[per](number) for number in range(quantity // step + 4)]
        return step * sum([await passed(rates, fields, [caller], [member]) for caller, member in callers])

    async with processes(valkey, 2) as [one, other]:
        assert await rush(one) == quantity
        if budget.counting is not Counting.SHARED:
            assert await rush(other) == 0
        valkey.stop()
    async with processes(valkey, 2) as pair:
        alone = 0 if budget.counting is Counting.EXACT_ELSE_NOT else quantity
        assert [await rush(rates) for rates in pair] == [alone, alone]
    valkey.start()
    async with processes(valkey) as [fresh]:
        assert await rush(fresh) == quantity


@pytest.mark.parametrize("per", HASTE)
async def test_claims_from_one_device_or_one_address_become_hasty_and_those_of_others_do_not(
    rates: Rates, per: str
) -> None:
    most, _ = HASTE[per]

    async def is_hasty(number: int, *, like_the_first: bool) -> bool:
        same_address, same_device = (like_the_first and per == each for each in ("address", "device"))
        address = "203.0.113.7" if same_address else f"2001:db8:{number:x}::1"
        allowance = await rates.count({"claimVoucher": 1}, who(address, device_id=f"phone-{number}"))
        return await allowance.claims_hastily("phone" if same_device else f"phone-{number}")

    said = [await is_hasty(number, like_the_first=True) for number in range(most + 2)]
    assert said == [False] * most + [True] * 2
    assert not await is_hasty(most + 3, like_the_first=False)


async def test_a_hundred_aliased_sign_ins_are_a_hundred(rates: Rates) -> None:
    caller = who("203.0.113.7")
    [limit] = [budget.address[0] for budget in BUDGETS if budget.name == "sign-in"]
    assert await passed(rates, {"signInWithMiniProgram": 100}, [caller] * 50) == limit // 100


async def test_a_mixed_operation_is_counted_in_each_budget_or_in_none(rates: Rates) -> None:
    caller = who("203.0.113.7", device_id="phone")
    assert await passed(rates, {"placeOrder": 30, "redeem": 1}, [caller] * 3) == 1
    assert await passed(rates, {"redeem": 1}, [caller] * 400) == 299


async def test_a_school_of_a_thousand_phones_behind_one_address_is_never_refused(rates: Rates) -> None:
    """All sign in at once, and all ask what a busy phone asks in a minute."""
    phones = [who("203.0.113.7", authorization=f"Bearer {number}") for number in range(1000)]
    assert await passed(rates, {"signInWithMiniProgram": 1}, [who("203.0.113.7")] * 1000) == 1000
    for number, phone in enumerate(phones):
        assert await passed(rates, VENUE, [phone] * 60, [f"mem_{number}"]) == 60


async def test_a_named_device_is_never_better_off_than_its_address(rates: Rates) -> None:
    callers = [who("203.0.113.7", device_id=f"phone-{number}") for number in range(70)]
    assert await passed(rates, {"staffSignIn": 1}, callers) == 60
    assert await passed(rates, {"staffSignIn": 1}, [who("203.0.113.8", device_id="phone-0")] * 20) == 9


async def test_a_credential_that_was_found_good_is_not_locked_out_by_its_neighbours(rates: Rates) -> None:
    """And one that was not, though it may look like one, is."""
    clerk = who("203.0.113.7", authorization="Staff one")
    allowance = await rates.count({"redeem": 1}, clerk)
    allowance.good()
    strangers = [who("203.0.113.7", authorization=f"Staff {number}") for number in range(31)]
    assert await passed(rates, {"redeem": 100}, strangers) == 29
    assert await passed(rates, {"redeem": 1}, [who("203.0.113.7", authorization="Staff two")] * 100) == 99
    assert await passed(rates, {"redeem": 1}, [who("203.0.113.7", authorization="Staff three")]) == 0
    assert await passed(rates, {"redeem": 1}, [clerk] * 200) == 200


async def test_a_clerk_with_a_queue_is_never_refused(rates: Rates) -> None:
    """Five a second for two minutes, behind an address that is full; the meters' clock runs ahead."""
    clerk = who("203.0.113.7", authorization="Staff one")
    now = 0.0
    rates.counter.meters.clock = lambda: now
    (await rates.count({"redeem": 1}, clerk)).good()
    await passed(rates, {"redeem": 100}, [who("203.0.113.7")] * 31)
    for _ in range(5 * 120):
        now += 0.2
        assert await passed(rates, {"redeem": 1}, [clerk]) == 1


async def test_a_member_is_one_on_all_devices_and_is_counted_once_an_operation(rates: Rates) -> None:
    phones = [who("203.0.113.7", authorization=f"Bearer {number}") for number in range(4)]
    assert await passed(rates, {"placeOrder": 10}, phones * 2, ["mem_1"]) == 4
    allowance = await rates.count({"me": 1}, phones[0])
    before = rates.counter.meters.harvest()
    for _ in range(3):
        await allowance.member("mem_1")
    counted = {key: round(seconds, 3) for key, (_, seconds) in rates.counter.meters.harvest().items()}
    assert counted == {"rates:reading-member:mem_1": 0.2}, before


async def test_a_scale_widens_every_limit(valkey: Valkey) -> None:
    async with processes(valkey, scale=3) as [rates]:
        assert await passed(rates, {"staffSignIn": 1}, [who("203.0.113.7", device_id="desk")] * 100) == 30
    async with processes(valkey, scale=0.1) as [rates]:  # but one at a time there always is
        assert await passed(rates, {"bindPhone": 1}, [who("203.0.113.8", device_id="phone")] * 100) == 1


async def test_valkey_holds_no_credential_and_no_device_name(rates: Rates, valkey: Valkey) -> None:
    caller = who("203.0.113.7", authorization="Bearer s3cret")
    await passed(rates, {"refreshSignIn": 1, "me": 1}, [caller, who("203.0.113.7", device_id="named")], ["mem_1"])
    await rates.counter.valkey.share()
    keys = [key.decode() for key in await rates.counter.valkey._redis.keys()]
    assert "rates:refresh-address:203.0.113.7" in keys
    assert not [key for key in keys if "s3cret" in key or "named" in key]


async def test_refusals_are_counted_by_their_limit(rates: Rates) -> None:
    before = _refusals("binding-device")
    await passed(rates, {"bindPhone": 1}, [who("203.0.113.7", device_id="phone")] * 7)
    assert _refusals("binding-device") == before + 2


def _refusals(limit: str) -> float:
    return metrics.RATE_REFUSALS.labels(limit)._value.get()


# ---- through the doors of the real house


async def post(house: House, said: Mapping[str, Any], **headers: str) -> httpx.Response:
    return await house.http.post(
        "/graphql", json=said, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def left(answer: httpx.Response) -> tuple[str, int, int]:
    """(limit, what is left, seconds until all is back), as the answer says it; its policy must be of the same limit."""
    name, *parameters = answer.headers["ratelimit"].split(";")
    told = dict(parameter.split("=") for parameter in parameters)
    assert answer.headers["ratelimit-policy"].startswith(name + ";q=")
    return name.strip('"'), int(told["r"]), int(told["t"])


async def test_every_answer_says_what_is_left(house: House) -> None:
    house.counts_without_leaking()
    answer = await post(house, {"query": "{ a: __typename b: __typename }"})
    assert answer.headers["ratelimit-policy"] == '"reading-address";q=6000;w=60'
    assert left(answer) == ("reading-address", 5998, 1)
    device = await post(house, {"query": "{ a: __typename b: __typename }"}, X_Device_Id="phone-1")
    assert left(device) == ("reading-device", 238, 1)
    await post(house, {"query": "{ a: __typename b: __typename c: __typename }"}, X_Device_Id="phone-1")
    device = await post(house, {"query": "{ __typename }"}, X_Device_Id="phone-1")
    assert left(device)[1] == 234
    for refused in (
        await post(house, {"query": "{ nothing }"}),
        await post(house, {"documentId": "0" * 64}),
        await house.http.post("/graphql", content=b"{", headers={"content-type": "application/json"}),
        await house.http.put("/graphql"),
    ):
        assert refused.status_code in (200, 400, 404, 405)
        assert left(refused)[0] == "checking-address"


async def test_the_tightest_is_told_once_the_member_is_known(house: House) -> None:
    house.counts_without_leaking()
    citizen = await house.citizen()
    document = "mutation { signOut { userErrors { code } } }"
    answer = await post(house, {"query": documents.ME}, Authorization=citizen.authorization)
    assert left(answer)[:2] == ("reading-device", 239)
    other = Citizen(house, citizen.openid, citizen.phone, "phone-2")
    await other.sign_in()
    for _ in range(5):
        await post(
            house, {"query": documents.ORDER, "variables": {"orderNo": "x"}}, Authorization=other.authorization
        )
    await post(house, {"query": document}, Authorization=other.authorization)
    answer = await post(house, {"query": document}, Authorization=citizen.authorization)
    assert left(answer)[:2] == ("acting-member", 38)


async def test_who_asks_too_often_reads_when_to_come_again_and_nothing_was_run(house: House) -> None:
    sign_in = 'staffSignIn(username: "x", password: "y") { userErrors { code } }'
    aliased = " ".join(f"a{number}: {sign_in}" for number in range(5))
    assert await passed(house.wired.rates, {"staffSignIn": 56}, [who("203.0.113.7")]) == 1
    assert (await post(house, {"query": f"mutation {{ {aliased} }}"})).status_code == 429
    assert await passed(house.wired.rates, {"staffSignIn": 4}, [who("203.0.113.7")]) == 1
    async with nothing_changes():
        answer = await post(house, {"query": f"mutation {{ {sign_in} }}"})
    assert answer.status_code == 429
    assert answer.headers["content-type"].startswith("application/json")
    [error] = answer.json()["errors"]
    assert "data" not in answer.json()
    wait = int(answer.headers["retry-after"])
    assert 1 <= wait <= 10
    assert error["message"] == f"请求太频繁了。请{wait}秒后再试。"
    assert error["extensions"] == {
        "code": "TOO_MANY_ATTEMPTS",
        "nextStep": f"请{wait}秒后再试。",
        "retryAfterSeconds": wait,
    }
    assert left(answer)[:2] == ("staff-sign-in-address", 0)


async def test_more_at_once_than_ever_is_told_to_split(house: House) -> None:
    aliases = " ".join(f'a{number}: bindPhone(code: "x") {{ userErrors {{ code }} }}' for number in range(6))
    answer = await post(house, {"query": f"mutation {{ {aliases} }}"}, X_Device_Id="phone-1")
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
    assert answer.json()["errors"][0]["message"] == "一次请求里的操作太多。请分几次发送，每次最多5个。"


async def test_a_member_on_too_many_phones_is_refused_inside_the_answer(house: House) -> None:
    """Members are known only once somebody asks who they are: in `userErrors` of an act, in `errors` of a query."""
    citizen = await house.citizen()
    member = (await citizen.ask(documents.ME)).value["id"]
    for field in ("cancelOrder", "me"):
        limit = house.wired.rates._of_field[field].member
        assert limit
        house.wired.rates.counter.meters.add([Charge(limit, limit.key(member), limit.quantity * 1.5)])
    async with nothing_changes():
        refused = await citizen.ask(documents.CANCEL_ORDER, orderNo="O")
        assert (refused.status, refused.refusal.code) == (200, "TOO_MANY_ATTEMPTS")
        refused = await citizen.ask(documents.ME)
        assert (refused.status, refused.refusal.code) == (200, "TOO_MANY_ATTEMPTS")
        assert 1 <= refused.said["errors"][0]["extensions"]["retryAfterSeconds"] <= 60


async def test_what_may_not_happen_uncounted_is_refused_as_busy_and_the_rest_goes_on(
    house: House, valkey: Valkey
) -> None:
    citizen = await house.citizen()
    code = await citizen.phone_code()
    house.wired.rates.counter.valkey = Rates("redis://127.0.0.1:9/0").counter.valkey  # where nobody listens
    answer = await post(
        house, {"query": documents.BIND_PHONE, "variables": {"code": code}}, Authorization=citizen.authorization
    )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, str(int(AWAY_SECONDS) + 1))
    [error] = answer.json()["errors"]
    assert (error["extensions"]["code"], error["message"]) == ("BUSY", "这项服务暂时无法使用。请稍后再试。")
    assert (await citizen.ask(documents.ME)).value["maskedPhone"] is None
    await citizen.sign_in()


async def test_a_flood_of_fresh_documents_is_stopped_before_it_is_read(house: House) -> None:
    """Each is new, so each is parsed and checked; what was spent on them is what counts."""
    statuses = []
    house.counts_without_leaking()
    house.wired.rates.charge_for_checking(who("203.0.113.7"), 1800)
    region = "{ " + "key code name level parentKey " * 10 + "}"
    for _ in range(300):
        regions = " ".join(f"r{secrets.token_hex(3)}: regions {region}" for _ in range(15))
        answer = await post(house, {"query": f"{{ {regions} nothing }}"})
        statuses.append(answer.status_code)
        if answer.status_code == 429:
            break
    assert statuses[-1] == 429, len(statuses)
    assert len(statuses) > 3
    assert left(answer)[:2] == ("checking-address", 0)
    assert int(answer.headers["retry-after"]) >= 1
    # keys are not looked up from there either; our own clients' documents need no checking
    house.wired.rates.charge_for_checking(who("203.0.113.7"), 500)
    key = await a_third_party(now=house.now())
    assert (await post(house, {"query": "{ sports { code } }"}, X_Api_Key=key.key)).status_code == 429


async def test_unknown_keys_are_looked_up_only_so_often(house: House) -> None:
    house.counts_without_leaking()
    statuses = [
        (await post(house, {"query": "{ __typename }"}, X_Api_Key=f"tpk_{number}")).status_code
        for number in range(420)
    ]
    assert statuses == [401] * 400 + [429] * 20
    assert (await post(house, {"query": "{ __typename }"})).status_code == 429


async def test_a_third_party_is_counted_by_its_key_and_not_by_its_address(house: House) -> None:
    house.counts_without_leaking()
    key = await a_third_party(now=house.now())
    answer = await post(house, {"query": "{ __typename }"}, X_Api_Key=key.key)
    assert left(answer)[:2] == ("reading-third-party", 2999)
    assert left(await post(house, {"query": "{ __typename }"}))[:2] == ("reading-address", 5999)
    broken = await post(house, {"query": "{ nothing }"}, X_Api_Key=key.key)
    assert left(broken)[0] == "checking-third-party"


async def test_guessing_passwords_through_both_doors_is_no_faster(house: House) -> None:
    caller = who("203.0.113.7")
    assert await passed(house.wired.rates, {"staffSignIn": 1}, [caller] * 58) == 58
    form = {"username": "x", "password": "y"}
    pages = [(await house.http.post("/desk/sign-in", data=form, headers={"origin": HERE})).text for _ in range(3)]
    assert ["请求太频繁了" in page for page in pages] == [False, False, True]
    answer = await post(house, {"query": documents.STAFF_SIGN_IN, "variables": {**form, "deviceId": "d"}})
    assert answer.status_code == 429
