"""Jumping to a platform that is not connected: the search comes along, escaped, and nothing that was not said."""

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.jump import JumpOnly, faults, fill
from federation.port import Search

THEIRS = JumpOnly(
    appid="wx0123456789abcdef",
    path="pages/venue/index?id={venue}&sport={sport}&date={day}&time={time}",
    web="https://across.example.cn/venue/{venue}?sport={sport}&date={day}&lon={lon}&lat={lat}",
)
SEARCH = Search(venue="羽毛球馆 7", sport="BADMINTON", day=date(2026, 11, 21), minute=570, lon=106.55, lat=29.56)


def test_everything_that_was_searched_for_is_carried_along() -> None:
    jump = THEIRS.jump(SEARCH)
    assert jump.appid == "wx0123456789abcdef"
    path, _, query = jump.path.partition("?")
    assert path == "pages/venue/index"
    assert parse_qs(query) == {
        "id": ["羽毛球馆 7"],
        "sport": ["BADMINTON"],
        "date": ["2026-11-21"],
        "time": ["09:30"],
    }
    url = urlsplit(jump.url)
    assert (url.scheme, url.netloc) == ("https", "across.example.cn")
    assert parse_qs(url.query) == {
        "sport": ["BADMINTON"],
        "date": ["2026-11-21"],
        "lon": ["106.550000"],
        "lat": ["29.560000"],
    }


def test_what_nobody_said_is_not_in_the_address() -> None:
    jump = THEIRS.jump(Search(venue="7"))
    assert (jump.path, jump.url) == ("pages/venue/index?id=7", "https://across.example.cn/venue/7")


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_word_of_a_search_can_leave_its_place(venue: str, sport: str) -> None:
    """Not with &, #, /, braces or a line's end: what arrives is what was said."""
    filled = fill(THEIRS.path, {"venue": venue, "sport": sport})
    said = parse_qs(filled.partition("?")[2], strict_parsing=bool(venue or sport))
    assert said == {name: [value] for name, value in (("id", venue), ("sport", sport)) if value}


@pytest.mark.parametrize(
    ("platform", "fault"),
    [
        (JumpOnly(appid="", path="", web=""), "nowhere"),
        (JumpOnly(appid="wx0123456789abcdef", path="", web=THEIRS.web), "belong together"),
        (JumpOnly(appid="", path=THEIRS.path, web=""), "belong together"),
        (JumpOnly(appid="gh_0123456789ab", path=THEIRS.path, web=""), "no appid"),
        (JumpOnly(appid="", path="", web="http://across.example.cn/{venue}"), "no address"),
        (JumpOnly(appid="", path="", web="javascript:alert({venue})"), "no address"),
        (JumpOnly(appid="", path="", web="https://across.example.cn/{venue}?who={phone}"), "phone"),
        (JumpOnly(appid="", path="", web="https://across.example.cn/"), "which venue"),
    ],
)
def test_an_address_that_leads_nowhere_is_named_when_it_is_brought_in(platform: JumpOnly, fault: str) -> None:
    assert any(fault in each for each in faults(platform)), faults(platform)


def test_a_good_one_has_no_fault() -> None:
    assert faults(THEIRS) == []
