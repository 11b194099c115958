"""Which cells of a table are hidden, so that nothing is told about a few people. Pure.

A table has rows and columns, and a total of each and of all. A cell with fewer than `k` people is hidden; one that could
be had by subtracting what is shown would be shown in effect, so further cells are hidden beside it.

How that is found: rows and columns, with the rows of totals and of all, are the nodes of a graph, and each hidden cell
joins its row and its column. Each row and each column is an equation, so a hidden cell is determined by what is shown
exactly if it is a bridge: if nothing else connects its two ends. For each cell with too few people the cheapest detour
around it is looked for, where what is hidden already costs nothing and any other cell the people that would be hidden.
(Complementary cell suppression by shortest paths, as in the handbooks of statistical disclosure control.)
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count

Key = int | str | None
Cell = tuple[Key, Key]
"""A row and a column; ALL in the place of either is their total."""
ALL = None
_Node = tuple[str, Key]
_Doors = Mapping[_Node, Sequence[tuple[_Node, Cell, int]]]


def hidden_cells(people: Mapping[Cell, int], k: int) -> frozenset[Cell]:
    """The cells to hide, of a table with all its totals; what is not in it holds nobody, which everybody may know.

    No cell with fewer than `k` people follows from the cells that are shown, and in no row or column do the hidden
    cells hold fewer than `k` together, unless its total is hidden too.
    """
    standing = {cell: many for cell, many in people.items() if many}
    doors = _doors(standing)
    hidden = {cell for cell, many in standing.items() if many < k}
    alone = hidden
    while alone:
        hidden = hidden | alone
        for cell in sorted(alone, key=lambda each: (standing[each], str(each))):
            hidden |= _detour(cell, doors, hidden)
        alone = _too_little_together(standing, hidden, k)
    return frozenset(hidden)


def _ends(cell: Cell) -> tuple[_Node, _Node]:
    return ("row", cell[0]), ("column", cell[1])


def _doors(standing: Mapping[Cell, int]) -> _Doors:
    """From each node: whereto, by which cell, for how many people."""
    doors: dict[_Node, list[tuple[_Node, Cell, int]]] = defaultdict(list)
    for cell, many in standing.items():
        one, other = _ends(cell)
        doors[one].append((other, cell, many))
        doors[other].append((one, cell, many))
    return doors


def _detour(around: Cell, doors: _Doors, hidden: set[Cell]) -> set[Cell]:
    """The cells of the cheapest way from one end of a cell to its other that is not the cell. There always is one: over
    the totals of its row, of its column, and of all."""
    start, goal = _ends(around)
    came: dict[_Node, tuple[_Node, Cell]] = {}
    cheapest, done = {start: 0}, set[_Node]()
    number = count()  # nodes are not compared
    queue = [(0, next(number), start)]
    while queue and goal not in done:
        cost, _, node = heapq.heappop(queue)
        if node in done:
            continue
        done.add(node)
        for other, cell, many in doors[node]:
            if other in done or cell == around:
                continue
            reached = cost if cell in hidden else cost + many
            if other not in cheapest or reached < cheapest[other]:
                cheapest[other], came[other] = reached, (node, cell)
                heapq.heappush(queue, (reached, next(number), other))
    way, node = set[Cell](), goal
    while node != start:
        node, cell = came[node]
        way.add(cell)
    return way


def _too_little_together(standing: Mapping[Cell, int], hidden: set[Cell], k: int) -> set[Cell]:
    """Of each row and column whose total is shown and whose hidden cells hold fewer than `k`: its smallest cell that is
    shown, which goes too."""
    lines: dict[tuple[_Node, Cell], list[Cell]] = defaultdict(list)  # with their totals
    for row, column in standing:
        if column is not ALL:
            lines[("row", row), (row, ALL)].append((row, column))
        if row is not ALL:
            lines[("column", column), (ALL, column)].append((row, column))
    found = set()
    for (_, total), parts in lines.items():
        gone = sum(standing[cell] for cell in parts if cell in hidden)
        if 0 < gone < k and total not in hidden:
            shown = [cell for cell in parts if cell not in hidden]
            found.add(min(shown, key=lambda each: (standing[each], str(each)), default=total))
    return found


def hidden_venues(people: Mapping[str, tuple[Sequence[str], int]], k: int) -> frozenset[str]:
    """Of venues with the regions in which each lies, from the smallest to the whole, and how many people it had: which to
    hide. In no region with `k` people or more is a single venue hidden, nor several that had fewer than `k` together, so
    that a figure of the region less the venues that are shown is nobody's."""
    hidden = {venue for venue, (_, many) in people.items() if many < k}
    regions: dict[str, list[str]] = defaultdict(list)
    for venue, (path, _) in people.items():
        for region in path:
            regions[region].append(venue)
    changed = True
    while changed:
        changed = False
        for region in sorted(regions):
            inside = regions[region]
            gone = [venue for venue in inside if venue in hidden]
            enough = len(gone) > 1 and sum(people[venue][1] for venue in gone) >= k
            shown = [venue for venue in inside if venue not in hidden]
            if gone and shown and not enough:
                hidden.add(min(shown, key=lambda each: (people[each][1], each)))
                changed = True
    return frozenset(hidden)
