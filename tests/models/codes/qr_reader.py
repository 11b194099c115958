"""Reads a clean QR of version 1, or of version 6 at level M, with digits in it: an independent judge, written from
ISO/IEC 18004.

No error correction, because a picture that we drew ourselves must have no errors.
"""

SIZE, SIZE_6 = 21, 41
BLOCKS = {SIZE: 1, SIZE_6: 4}
"""Into which the data are dealt out, a byte to each in turn: ISO/IEC 18004, table 9."""
DATA_BYTES_6M = 108
MASKS = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, column: row % 2 == 0,
    lambda row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)
LEVELS = {0b01: "L", 0b00: "M", 0b11: "Q", 0b10: "H"}
FINDER_RING = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]


def read(dark: list[list[bool]]) -> tuple[str, str]:
    """The error level and the digits of a symbol, given its modules without the quiet zone."""
    size = len(dark)
    assert size in BLOCKS
    assert all(len(row) == size for row in dark)
    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):  # a Micro QR would have one finder only
        ring = [[str(int(dark[top + row][left + column])) for column in range(7)] for row in range(7)]
        assert ["".join(row) for row in ring] == FINDER_RING
    places = [(8, column) for column in (0, 1, 2, 3, 4, 5, 7, 8)] + [(row, 8) for row in (7, 5, 4, 3, 2, 1, 0)]
    form = _number([dark[row][column] for row, column in places]) ^ 0b101010000010010
    level, mask = LEVELS[form >> 13], MASKS[form >> 10 & 0b111]
    bits = [dark[row][column] != mask(row, column) for row, column in _data_places(size)]
    if size == SIZE_6:
        bits = _gathered(bits[: 8 * DATA_BYTES_6M], BLOCKS[size])
    mode, count = _number(bits[:4]), _number(bits[4:14])
    assert mode == 0b0001, "not in numeric mode"
    digits, at = "", 14
    while count:
        taken = min(count, 3)
        length = (0, 4, 7, 10)[taken]
        digits += f"{_number(bits[at : at + length]):0{taken}d}"
        at, count = at + length, count - taken
    return level, digits


def _gathered(bits: list[bool], blocks: int) -> list[bool]:
    """The bytes of the first block, then of the second, as they were before they were dealt out."""
    dealt = [bits[at : at + 8] for at in range(0, len(bits), 8)]
    return [bit for block in range(blocks) for byte in dealt[block::blocks] for bit in byte]


def _data_places(size: int) -> list[tuple[int, int]]:
    """The modules that carry data, in their order: pairs of columns from the right, up and down in turn."""
    places = []
    pairs = [*range(size - 1, 6, -2), 5, 3, 1]  # column 6 is the timing pattern
    for number, right in enumerate(pairs):
        rows = range(size) if number % 2 else range(size - 1, -1, -1)
        places += [(row, column) for row in rows for column in (right, right - 1) if _is_data(row, column, size)]
    return places


def _is_data(row: int, column: int, size: int) -> bool:
    if row == 6 or column == 6:
        return False
    if size == SIZE_6 and 32 <= row <= 36 and 32 <= column <= 36:  # the alignment pattern
        return False
    far = size - 9
    return not (row < 9 and column < 9) and not (row < 9 and column > far) and not (row > far and column < 9)


def _number(bits: list[bool]) -> int:
    return int("".join(str(int(bit)) for bit in bits), 2)
