"""Phone numbers: one spelling for each phone, and what people see of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput
from models.ids import checked_device_id
from models.members import rules


@pytest.mark.parametrize(
    "text",
    ["13800000000", "+8613800000000", "8613800000000", "008613800000000", "+86 138-0000-0000", " 138 0000 0000"],
)
def test_every_spelling_of_a_mainland_number_is_one_number(text: str) -> None:
    assert rules.canonical_phone(text) == "+8613800000000"


@pytest.mark.parametrize("text", ["+85251234567", "+14155550123", "+82 10-1234-5678"])
def test_numbers_of_other_countries_are_kept_with_their_code(text: str) -> None:
    assert rules.canonical_phone(text) == text.replace(" ", "").replace("-", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1380000000",  # ten digits
        "138000000000",  # twelve
        "12800000000",  # no such prefix
        "+861280000000",
        "+8602888888888",  # a landline
        "+86138000000001",
        "+0123456789",
        "+12345",
        "+1234567890123456",
        "51234567",  # another country without its code
        "\uff11\uff13\uff18" + "\uff10" * 8,  # full-width digits
        "\u0661\u0663\u0668" + "\u0660" * 8,  # Arabic ones
        "13800000000\n",
        "13800000000' OR 1=1",
        "\ud800",
    ],
)
def test_what_is_no_phone_number_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        rules.canonical_phone(text)
    assert refused.value.field == "phone"
    assert refused.value.next_step
    assert not text.strip() or text not in refused.value.sentence()


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_a_mainland_number_shows_three_and_four_digits(text: str) -> None:
    assert rules.masked(rules.canonical_phone(text)) == f"{text[:3]}****{text[-4:]}"


def test_a_number_of_another_country_hides_its_middle() -> None:
    assert rules.masked("+85251234567") == "+852****67"


@pytest.mark.parametrize("device_id", ["", "x" * 65, "设备", "a b", "a\n", "\x00", "\ud800"])
def test_a_device_id_is_short_visible_ascii(device_id: str) -> None:
    with pytest.raises(BadInput):
        checked_device_id(device_id)
    assert checked_device_id("a-1_B") == "a-1_B"
