"""Money as people read it."""


def yuan_text(fen: int) -> str:
    """4000 → 40.00元"""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}元"
