from models.money import yuan_text


def test_yuan_are_written_exactly() -> None:
    assert [yuan_text(fen) for fen in (0, 5, 29, 1234, -1, -250)] == [
        "0.00元", "0.05元", "0.29元", "12.34元", "-0.01元", "-2.50元"
    ]  # fmt: skip
