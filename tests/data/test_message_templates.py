"""data/message_templates.json: whatever stands in the blanks, WeChat takes the message, and the house tells only this."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from models.messages.rules import AskingMoment, BlankKind, Form, MessageWay, Template, fit, is_taken
from models.messages.templates import shelf

ROOT = Path(__file__).parents[2]
LONGEST = {
    BlankKind.TEXT: "成都市武侯区体育中心\n羽毛球1号场👟" * 12,
    BlankKind.MOMENT: "2026年12月31日 23:59",
    BlankKind.MONEY: "9999999999.99元",
    BlankKind.NUMBER: "O20261120" + "Z" * 55,
}
SHORTEST = {
    BlankKind.TEXT: "",
    BlankKind.MOMENT: "1月1日",
    BlankKind.MONEY: "0.01元",
    BlankKind.NUMBER: "1",
}
PROMISED = {
    *("ORDER_CONFIRMED", "ORDER_CANCELLED", "REFUND_DONE", "REFUND_STUCK", "HELPER_INVITED", "HELPER_ACCEPTED"),
    *("HELPER_ENDED", "GUARDIAN_ADDED", "GUARDIAN_ENDED", "COMPANION_ACCEPTED", "PHONE_FREED", "PHONE_BOUND"),
    *("PHONE_CHANGED", "DOOR_ADDED", "HELPED_JOINED"),
    *("ACCOUNTS_JOINED", "ACCOUNTS_PARTED", "REAL_NAME_BOUND", "REAL_NAME_UNBOUND", "CONCESSION_GRANTED"),
    *("CONCESSION_ENDED", "DELETION_ASKED", "DELETION_CANCELLED", "COMPLAINT_ROUTED", "COMPLAINT_ANSWERED"),
    *("COMPLAINT_LATE", "RATING_ANSWERED", "RATING_HIDDEN", "ORGANISATION_DECIDED"),
    *("BILL_TO_CONFIRM", "BILL_HELD", "VOUCHER_GIVEN_BACK", "VOUCHER_EXPIRES"),
    *("VOUCHER_USED_OFFLINE", "OFFLINE_CONFLICT"),
    *("VOUCHER_FORFEITED", "VOUCHER_USE_CLEARED"),
}


def blanks_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def values_of(template: Template, texts: dict[BlankKind, str]) -> dict[str, str]:
    return {blank: texts[kind] for blank, kind in template.blanks.items()}


def form_of(template: Template) -> Form:
    return shelf().forms[template.form]


@pytest.mark.parametrize("template", shelf().templates.values(), ids=lambda template: template.name)
def test_with_the_longest_and_the_shortest_values_every_field_is_within_wechats_limits(template: Template) -> None:
    for texts in (LONGEST, SHORTEST):
        values = template.checked(values_of(template, texts))
        for way in (MessageWay.SUBSCRIBE, MessageWay.OFFICIAL_ACCOUNT):
            for field, text in form_of(template).fill(template, values, way).items():
                assert is_taken(field, text), (way, field, text)


@pytest.mark.parametrize("template", shelf().templates.values(), ids=lambda template: template.name)
def test_a_template_uses_its_own_blanks_all_of_them_and_no_others(template: Template) -> None:
    used = blanks_in(template.body) | blanks_in(template.page)
    for text in template.fields.values():
        used |= blanks_in(text)
    assert used == set(template.blanks)
    assert not blanks_in(template.title)


@pytest.mark.parametrize("template", shelf().templates.values(), ids=lambda template: template.name)
def test_every_text_of_a_form_is_filled_and_what_wechat_wants_fixed_holds_no_blank(template: Template) -> None:
    form = form_of(template)
    wanted = {part for fields in form.fields.values() for part in fields.values()}
    assert wanted == set(template.fields)
    for fields in form.fields.values():
        for field, part in fields.items():
            if field.startswith(("phrase", "const")):
                assert not blanks_in(template.fields[part]), field
                assert fit(field, template.fields[part]) == template.fields[part]


@pytest.mark.parametrize("template", shelf().templates.values(), ids=lambda template: template.name)
def test_what_an_sms_says_is_short_and_nothing_of_what_the_message_says(template: Template) -> None:
    title, where = template.notice()
    assert 1 <= len(title) <= 12
    assert 1 <= len(where) <= 12
    assert template.ways[:2] == (MessageWay.SUBSCRIBE, MessageWay.OFFICIAL_ACCOUNT)
    assert template.ways[2:] in ((), (MessageWay.SMS,))


def test_every_template_that_rooms_count_on_is_there() -> None:
    assert set(shelf().templates) >= PROMISED


def test_at_no_moment_is_anybody_asked_about_more_templates_than_wechat_allows() -> None:
    for moment in AskingMoment:
        forms = shelf().moments[moment]
        assert 1 <= len(forms) <= 3
        assert set(forms) <= set(shelf().forms)


def tells() -> Iterator[tuple[str, str, set[str]]]:
    """Every call of `tell` in the rooms that names its template, and its values there or in a line before: where,
    which, with which blanks."""
    for path in sorted((ROOT / "models").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.AsyncFunctionDef):
                continue
            named = {
                line.targets[0].id: line.value
                for line in ast.walk(function)
                if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
            }
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "tell":
                    given = {word.arg: word.value for word in call.keywords}
                    template, values = given["template"], given.get("values")
                    if isinstance(values, ast.Name):
                        values = named.get(values.id)
                    if (
                        isinstance(template, ast.Constant)
                        and isinstance(values, ast.Dict)
                        and None not in values.keys
                    ):
                        blanks = {str(key.value) for key in values.keys if isinstance(key, ast.Constant)}
                        yield f"{path.relative_to(ROOT)}:{call.lineno}", str(template.value), blanks


def test_whoever_tells_somebody_something_fills_the_blanks_of_its_template() -> None:
    found = list(tells())
    assert len(found) > 5
    for where, name, blanks in found:
        assert name in shelf().templates, where
        assert blanks == set(shelf().templates[name].blanks), where
