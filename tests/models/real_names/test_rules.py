"""Names, ID numbers (GB 11643), ages and masks: what is right, and what is forgiven."""

from datetime import date

import pytest

from models.errors import BadInput
from models.real_names import rules
from models.real_names.rules import AgeBand, ConcessionKind, IdNumberWrong, NamedPerson
from tests.factories.names import GRANDMOTHER, TODAY, id_number

PUBLISHED = "11010519491231002X"  # GB 11643-1999, annex


def test_the_numbers_of_the_standard_are_right() -> None:
    assert rules.canonical_number(PUBLISHED, today=TODAY) == PUBLISHED
    assert rules.canonical_number("440524188001010014", today=date(1999, 7, 1)) == "440524188001010014"


@pytest.mark.parametrize(
    "written",
    [
        " 11010519491231002x",
        "110105 19491231 002X",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105-19491231-002X",
    ],
)
def test_a_small_x_full_width_digits_and_blanks_are_forgiven(written: str) -> None:
    assert rules.canonical_number(written, today=TODAY) == PUBLISHED


@pytest.mark.parametrize(
    "division", ["500105", "500112", "510124", "510132", "519001", "132903", "000000", "999999"]
)
def test_no_table_of_divisions_refuses_anybody(division: str) -> None:
    """江北区 and 渝北区 ended in 2025, 郫县 and 新津 were renumbered, others were never in anybody's table."""
    number = id_number("19720229", division=division)
    assert rules.canonical_number(number, today=TODAY) == number


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "110105194912310021",
        "11010519491231002",
        "1101051949123100200",
        "11010519491231002Y",
        "一二三四五六七八九十一二三四五六七八",
    ],
)
def test_a_wrong_number_is_refused(wrong: str) -> None:
    with pytest.raises(IdNumberWrong) as refused:
        rules.canonical_number(wrong, today=TODAY)
    assert refused.value.next_step
    assert not wrong or wrong not in refused.value.sentence()


def test_every_single_wrong_digit_is_found() -> None:
    for place in range(17):
        for digit in "0123456789":
            changed = PUBLISHED[:place] + digit + PUBLISHED[place + 1 :]
            if changed != PUBLISHED:
                with pytest.raises(IdNumberWrong):
                    rules.canonical_number(changed, today=TODAY)


def test_an_old_number_of_15_digits_is_refused_with_a_sentence_of_its_own() -> None:
    with pytest.raises(IdNumberWrong, match="15位"):
        rules.canonical_number("110105491231002", today=TODAY)


@pytest.mark.parametrize("born_on", ["20261121", "18900101", "20230229", "19850230", "20261301", "00000000"])
def test_an_impossible_day_of_birth_is_refused(born_on: str) -> None:
    with pytest.raises(IdNumberWrong):
        rules.canonical_number(id_number(born_on), today=TODAY)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" 张三 ", "张三"),
        ("张 三", "张三"),
        ("阿依古丽•买买提", "阿依古丽·买买提"),
        ("阿依古丽．买买提", "阿依古丽·买买提"),
        ("𠮷野家", "𠮷野家"),
        ("Ｌｉ Ｍｉｎｇ", "Li Ming"),
    ],
)
def test_a_name_has_one_spelling(written: str, kept: str) -> None:
    assert rules.canonical_name(written) == kept


@pytest.mark.parametrize(
    "wrong", ["", "张", "张三1", "张\u0000三", "张三\u202e", "·张三", "张" * 41, "<b>张</b>", "张_三"]
)
def test_what_is_no_name_is_refused(wrong: str) -> None:
    with pytest.raises(BadInput):
        rules.canonical_name(wrong)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三", "张*"),
        ("李小雨", "李**"),
        ("欧阳娜娜", "欧阳**"),
        ("欧阳修", "欧阳*"),
        ("欧阳", "欧*"),
        ("阿依古丽·买买提", "阿**"),
        ("Li Ming", "L**"),
        ("张一二三四", "张**"),
    ],
)
def test_a_name_is_masked_and_its_length_with_it(name: str, masked: str) -> None:
    assert rules.masked_name(name) == masked


@pytest.mark.parametrize(
    ("born_on", "day", "age"),
    [
        (date(2012, 11, 20), date(2026, 11, 19), 13),
        (date(2012, 11, 20), date(2026, 11, 20), 14),
        (date(2012, 2, 29), date(2026, 2, 28), 13),
        (date(2012, 2, 29), date(2026, 3, 1), 14),
        (date(2008, 2, 29), date(2024, 2, 29), 16),
    ],
)
def test_somebody_is_a_year_older_on_their_birthday(born_on: date, day: date, age: int) -> None:
    assert rules.age_on(day, born_on) == age


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "CHILD"),
        (13, "CHILD"),
        (14, "MINOR"),
        (17, "MINOR"),
        (18, "ADULT"),
        (59, "ADULT"),
        (60, "ELDER"),
        (99, "ELDER"),
    ],
)
def test_each_age_is_in_one_band(age: int, band: str) -> None:
    assert rules.age_band(TODAY, date(2026 - age, 11, 20)) is AgeBand(band)


def test_a_person_is_never_printed() -> None:
    assert repr(GRANDMOTHER) == "NamedPerson()"
    assert GRANDMOTHER.masked == "王**"
    assert GRANDMOTHER.born_on == date(1952, 3, 15)


@pytest.mark.parametrize("ends_on", [TODAY, date(2026, 11, 1), date(2031, 11, 21), date(9999, 12, 31)])
def test_a_concession_ends_within_five_years_and_not_before_tomorrow(ends_on: date) -> None:
    with pytest.raises(BadInput):
        rules.check_concession(ConcessionKind.STUDENT, ends_on, today=TODAY)
    rules.check_concession(ConcessionKind.STUDENT, date(2031, 11, 20), today=TODAY)


def test_nobody_grants_an_age() -> None:
    with pytest.raises(BadInput, match="老年人"):
        rules.check_concession(ConcessionKind.SENIOR, date(2027, 1, 1), today=TODAY)


def test_a_person_is_made_of_a_right_name_and_a_right_number() -> None:
    with pytest.raises(BadInput):
        NamedPerson.of("x", PUBLISHED, today=TODAY)
    with pytest.raises(IdNumberWrong):
        NamedPerson.of("张三", "1", today=TODAY)
