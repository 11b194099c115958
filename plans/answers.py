"""Whole answers that serve more than one who asks: public operations, kept as the bytes that go over the wire.

An operation is *shared* when it is a trusted query, each of its root fields says `@public(maxAge: …)` with more than 0,
and nothing else in it is live without saying so. Its answer is made for nobody: the context that resolvers get is
stripped of who is asking, so a member's data cannot get in, whatever a resolver does.

A *live* field (see `live`) is left out of what is kept and laid over it at every giving:

    @strawberry.field(metadata=live("row_id", load))    # async def load(keys, context) -> values, one for each key
    async def occupancy(self, info) -> Occupancy | None: …

What has errors is given to those who wait for it and not kept.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLField

from plans.compiling import MARK
from plans.engine import Operation
from plans.holes import Hole, Holes, has_live_fields
from plans.keeping import Keeper
from plans.leaves import Complete
from plans.planning import MOST_VARIANTS
from plans.public import max_age_of
from plans.shapes import DEFINITION, LIVE

LIVE_SECONDS = 1.0
"""For so long a live figure that was read may be given again."""
FIGURES_KEPT = 20_000
LOAD = "plans.load"

Load = Callable[[list[Any], Any], Awaitable[Sequence[Any]]]
"""(keys, context) → the field's value for each parent, in their order."""

_MARK = orjson.dumps(MARK)


def live(key: str, load: Load) -> dict[str, Any]:
    """Metadata of a field that must never be older than a second. `key`: the parent's attribute that `load` is given."""
    return {LIVE: key, LOAD: load}


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer in pieces, between which live figures go. `variant`: which `@include` and `@skip` it was made with."""

    pieces: tuple[bytes, ...]
    holes: tuple[Hole, ...]
    variant: tuple[Any, ...]

    def with_figures(self, figures: Sequence[bytes]) -> bytes:
        woven = [b""] * (2 * len(figures) + 1)
        woven[::2] = self.pieces
        woven[1::2] = figures
        return b"".join(woven)

    def dumped(self) -> bytes:
        return orjson.dumps([[piece.decode() for piece in self.pieces], self.holes, self.variant])

    @classmethod
    def loaded(cls, text: bytes) -> "Kept":
        pieces, holes, variant = orjson.loads(text)
        return cls(
            tuple(piece.encode() for piece in pieces),
            tuple((number, key) for number, key in holes),
            tuple(variant),
        )


class NotKept(Exception):
    """`result` is right, but only for those who are waiting for it now; None: it has to be asked for in full."""

    def __init__(self, result: ExecutionResult | None) -> None:
        super().__init__()
        self.result = result


class Answers:
    """`anonymous` takes out of a context who is asking. `scope` names what an answer depends on besides its variables:
    the business day, for instance. There is one role, nobody's, since answers are made for nobody."""

    def __init__(
        self,
        keeper: Keeper,
        *,
        anonymous: Callable[[Any], Any],
        scope: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keeper = keeper
        self._anonymous = anonymous
        self._scope = scope
        self._clock = clock
        self._sharing: dict[tuple[str, str | None], _Sharing | None] = {}

    def name_of(self, operation: Operation, variables: Mapping[str, Any]) -> str | None:
        """Under which the answer is kept; None when it is never shared."""
        sharing = self._sharing_of(operation)
        if sharing is None:
            return None
        try:
            said = sharing.said(variables)
        except orjson.JSONEncodeError:  # deeper than it writes; what is wrong with them, the run says
            return None
        return f"answer:{operation.document_id}:{operation.name}:{self._scope()}:{said}"

    def at_hand(self, name: str, operation: Operation) -> bytes | None:
        """The whole body, when this process has all of it."""
        kept: Kept | None = self._keeper.at_hand(name)
        if kept is None:
            return None
        if not kept.holes:
            return kept.pieces[0]
        figures = self._shared(operation).figures_at_hand(kept)
        return None if figures is None else kept.with_figures(figures)

    async def answer(
        self,
        name: str,
        operation: Operation,
        variables: Mapping[str, Any],
        context: Any,
        run: Callable[[], Awaitable[ExecutionResult]],
    ) -> bytes | ExecutionResult:
        """The whole body; or what `run` gave, or the result of a run that may not be kept."""
        sharing, nobody = self._shared(operation), self._anonymous(context)
        try:
            kept = await self._keeper.get(
                name,
                sharing.max_age,
                lambda: sharing.make(variables, nobody),
                dump=Kept.dumped,
                load=Kept.loaded,
            )
        except NotKept as answered:
            return await run() if answered.result is None else answered.result
        if not kept.holes:
            return kept.pieces[0]
        figures = await sharing.figures(kept, variables, nobody)
        return await run() if figures is None else kept.with_figures(figures)

    def _shared(self, operation: Operation) -> "_Sharing":
        sharing = self._sharing_of(operation)
        assert sharing is not None  # it has a name
        return sharing

    def _sharing_of(self, operation: Operation) -> "_Sharing | None":
        """Decided once for each trusted operation. Free ones are never shared."""
        if operation.document_id is None:
            return None
        known = (operation.document_id, operation.name)
        if known not in self._sharing:
            self._sharing[known] = _Sharing.of(operation, self._clock)
        return self._sharing[known]


class _Sharing:
    """How one operation is shared."""

    def __init__(self, operation: Operation, max_age: float, clock: Callable[[], float]) -> None:
        self.max_age = max_age
        self._plan = operation.plan
        self._holes = Holes(operation.plan) if has_live_fields(operation.plan) else None
        self._clock = clock
        self._figures: dict[tuple[Any, ...], _Figures] = {}
        declared = operation.checked.node.variable_definitions or ()
        self._names = tuple(node.variable.name.value for node in declared)

    @classmethod
    def of(cls, operation: Operation, clock: Callable[[], float]) -> "_Sharing | None":
        fields = operation.plan.root.fields
        ages = [max_age_of(fields[name]) if name in fields else None for name in operation.root_fields]
        if operation.kind != "query" or not ages or not all(ages):
            return None
        if 2 ** len(operation.plan.switches) > MOST_VARIANTS:  # each would be made and kept for itself
            return None
        return cls(operation, float(min(age for age in ages if age)), clock)

    def said(self, variables: Mapping[str, Any]) -> str:
        """The variables in one way of writing them. What else a caller sends makes no difference to the answer."""
        given = {name: variables[name] for name in self._names if name in variables}
        return orjson.dumps(given, option=orjson.OPT_SORT_KEYS).decode()

    async def make(self, variables: Mapping[str, Any], context: Any) -> Kept:
        """Raises NotKept."""
        holes: list[Hole] | None = []
        if self._holes is None:
            result = self._plan.run(variables, context)
            result = await result if isawaitable(result) else result
        else:
            result, holes = await self._holes.run(variables, context)
        if result.errors or holes is None:
            raise NotKept(result)
        pieces = tuple(orjson.dumps({"data": result.data}).split(_MARK))
        if len(pieces) != len(holes) + 1:  # a text in the data looks like the mark
            raise NotKept(None)
        values = self._plan.coerced(variables)
        assert not isinstance(values, list)  # they have just been through a run
        return Kept(pieces, tuple(holes), self._plan.chosen(values))

    def figures_at_hand(self, kept: Kept) -> list[bytes] | None:
        figures = self._figures.get(kept.variant)
        return None if figures is None else figures.at_hand(kept.holes)

    async def figures(self, kept: Kept, variables: Mapping[str, Any], context: Any) -> list[bytes] | None:
        """A text for each hole; None when a value is not as its type says, which is graphql-core's to tell."""
        if kept.variant not in self._figures:
            values = self._plan.coerced(variables)
            assert not isinstance(values, list)  # they have been through a run
            holed = self._holes.of(values) if self._holes else None
            assert holed is not None  # else there would be no holes
            self._figures[kept.variant] = _Figures(
                [(_load_of(each), how) for each, how in holed.live], self._clock
            )
        return await self._figures[kept.variant].of(kept.holes, context)


class _Figures:
    """The live fields of one variant: their texts, each kept for a second."""

    def __init__(self, fields: Sequence[tuple[Load, Complete]], clock: Callable[[], float]) -> None:
        self._fields = fields
        self._texts: dict[Hole, tuple[float, bytes]] = {}
        self._clock = clock
        self._reading = asyncio.Lock()

    async def of(self, holes: Sequence[Hole], context: Any) -> list[bytes] | None:
        found = self.at_hand(holes)
        if found is not None:
            return found
        async with self._reading:  # who comes while others read most often finds it read
            found = self.at_hand(holes)
            if found is not None:
                return found
            try:
                return await self._read(holes, context)
            except Exception:
                return None

    def at_hand(self, holes: Sequence[Hole]) -> list[bytes] | None:
        now, texts = self._clock(), self._texts
        found = []
        for hole in holes:
            text = texts.get(hole)
            if text is None or text[0] <= now:
                return None
            found.append(text[1])
        return found

    async def _read(self, holes: Sequence[Hole], context: Any) -> list[bytes]:
        """All figures of this answer anew, by one call for each live field."""
        if len(self._texts) > FIGURES_KEPT:
            self._texts.clear()
        for number, (load, complete) in enumerate(self._fields):
            keys = list(dict.fromkeys(key for which, key in holes if which == number))
            if keys:
                values = await load(keys, context)
                until = self._clock() + LIVE_SECONDS
                for key, value in zip(keys, values, strict=True):
                    self._texts[number, key] = (until, orjson.dumps(complete(value)))
        return [self._texts[hole][1] for hole in holes]


def _load_of(field: GraphQLField) -> Load:
    load: Load = field.extensions[DEFINITION].metadata[LOAD]
    return load
