"""How large a document is, found in one pass before it is validated: a fragment is measured once, however often
it is spread. Other limiters walk it again each time, which turns 750 bytes into seconds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from plans.costs import UNSIZED, Cost, Prices, Sized
from plans.limits import Limits

INTROSPECTION = {"__schema", "__type"}
"""Neither deep nor dear: where it is allowed, tools ask 15 levels deep; where it isn't, validation refuses it."""


@dataclass(slots=True)
class Size:
    """Of a selection, its fragments written out. A fragment inside itself counts nothing; validation refuses it."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    cost: Cost = field(default_factory=Cost)
    unsized: dict[str, Cost] = field(default_factory=dict)
    """What one element costs of the lists whose size is told by the field above them."""
    fields: Counter[str] = field(default_factory=Counter)
    """How often each field stands at the top."""

    def add(self, other: "Size", times: int = 1) -> None:
        """Beside what is here already."""
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases * times
        self.directives += other.directives * times
        self.cost.add(other.cost, times)
        for name, cost in other.unsized.items():
            self.unsized.setdefault(name, Cost()).add(cost, times)
        for name, count in other.fields.items():
            self.fields[name] += count * times


class Measure:
    """One document, measured by one schema's prices."""

    def __init__(self, schema: GraphQLSchema, prices: Prices, limits: Limits, document: DocumentNode) -> None:
        self._schema = schema
        self._prices = prices
        self._limits = limits
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._measured: dict[str, Size] = {}
        self._open: set[str] = set()

    def operation(self, node: OperationDefinitionNode) -> Size:
        """Raises GraphQLError when fragments nest so deep that measuring would break."""
        root = self._schema.get_root_type(node.operation)
        size = self._selections(node.selection_set, root.name if root else None)
        size.cost = _settled(size, {})
        size.directives += _directives(node, *node.variable_definitions or ())
        return size

    def fragment(self, name: str) -> Size:
        if name in self._open or name not in self._fragments:
            return Size()
        if name not in self._measured:
            if len(self._open) >= self._limits.fragments_deep:
                raise GraphQLError(f"More than {self._limits.fragments_deep} fragments stand inside each other.")
            self._open.add(name)
            node = self._fragments[name]
            size = self._selections(node.selection_set, node.type_condition.name.value)
            size.directives += _directives(node)
            self._measured[name] = size
            self._open.discard(name)
        return self._measured[name]

    def _selections(self, selections: SelectionSetNode, parent: str | None) -> Size:
        size = Size()
        spreads: Counter[str] = Counter()
        for node in selections.selections:
            size.directives += _directives(node)
            if isinstance(node, FragmentSpreadNode):
                spreads[node.name.value] += 1
            elif isinstance(node, FieldNode):
                self._field(node, parent, size)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition.name.value if node.type_condition else parent
                size.add(self._selections(node.selection_set, condition))
        for name, times in spreads.items():
            size.add(self.fragment(name), times)
        return size

    def _field(self, node: FieldNode, parent: str | None, size: Size) -> None:
        """Adds the field with all that is below it to the selection in which it stands."""
        name = node.name.value
        price = self._prices.of(parent, name)
        size.fields[name] += 1
        size.aliases += node.alias is not None
        size.depth = max(size.depth, 1)
        size.cost.add(price.itself)
        if node.selection_set is None:
            return
        below = self._selections(node.selection_set, price.below)
        size.aliases += below.aliases
        size.directives += below.directives
        if name in INTROSPECTION:
            return
        size.depth = max(size.depth, 1 + below.depth)
        length = price.length(node.arguments or ())
        cost = _settled(below, dict.fromkeys(price.sized_fields, length))
        if not price.is_list:
            size.cost.add(cost)
        elif price.sizes_itself:
            size.cost.add(cost, length)
        else:
            size.unsized.setdefault(name, Cost()).add(cost)


def _settled(size: Size, told: Mapping[str, int | Sized]) -> Cost:
    """The cost of a whole selection, once the field above it has told the sizes of lists in it."""
    cost = Cost()
    cost.add(size.cost)
    for name, one in size.unsized.items():
        cost.add(one, told.get(name, UNSIZED))
    return cost


def _directives(*nodes: object) -> int:
    return sum(len(getattr(node, "directives", None) or ()) for node in nodes)


@dataclass(slots=True)
class Merged:
    """What validation has to compare, because fields of one name are merged."""

    selections: int = 0
    repeats: int = 0
    comparisons: int = 0


def merged(document: DocumentNode, limits: Limits) -> Merged:
    """Merges the selections of every definition as an executor would, and stops where it is too much.

    Fields of one name continue with all their selections together; the same together is merged once. So the work
    is bounded by `limits.selections`, and what is counted bounds the work of `OverlappingFieldsCanBeMerged`.
    """
    found = Merged()
    fragments = {
        node.name.value: node.selection_set
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    waiting: list[tuple[SelectionSetNode, ...]] = [
        (node.selection_set,)
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    seen: set[frozenset[int]] = set()
    while waiting:
        together = waiting.pop()
        key = frozenset(map(id, together))
        if key in seen:
            continue
        seen.add(key)
        by_name: dict[str, list[FieldNode]] = {}
        for node in _flat(together, fragments, found):
            by_name.setdefault((node.alias or node.name).value, []).append(node)
            if found.selections > limits.selections:
                return found
        for fields in by_name.values():
            found.repeats = max(found.repeats, len(fields))
            found.comparisons += len(fields) * (len(fields) - 1) // 2
            below = tuple(node.selection_set for node in fields if node.selection_set)
            if below:
                waiting.append(below)
    return found


def _flat(
    together: Iterable[SelectionSetNode], fragments: Mapping[str, SelectionSetNode], found: Merged
) -> Iterator[FieldNode]:
    """The fields of these selections, inline fragments opened and each named fragment once."""
    waiting = list(together)
    opened: set[str] = set()
    while waiting:
        for node in waiting.pop().selections:
            found.selections += 1
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif (
                isinstance(node, FragmentSpreadNode)
                and node.name.value not in opened
                and node.name.value in fragments
            ):
                opened.add(node.name.value)
                waiting.append(fragments[node.name.value])
