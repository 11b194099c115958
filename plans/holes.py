"""A run that leaves holes: live fields are not asked for, and what stands around them can be kept.

Only where all of a root field is plain but for its live fields. At the first value that is not as expected the run
becomes an ordinary one, whose answer is right but whole.
"""

from collections.abc import Mapping
from inspect import isawaitable
from typing import Any, NamedTuple

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLField,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

from plans.compiling import CompleteWithHoles, compiled_with_holes
from plans.leaves import Complete, completer
from plans.planning import Plan, PlannedExecutor
from plans.shapes import NotPlain, Reader, live_key_of

Hole = tuple[int, Any]
"""The number of a live field, and the key by which the parent in question is known."""


class Holed(NamedTuple):
    """One variant of a plan, as it is run for keeping."""

    completers: tuple[tuple[Any, CompleteWithHoles], ...]
    """Root field by root field: its details, and what completes its value."""
    live: tuple[tuple[GraphQLField, Complete], ...]
    """The live fields by their numbers, with what completes a value of each."""


class Holes:
    """How one plan is run with holes. Nothing is, where `of` gives None."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._variants: dict[tuple[Any, ...], Holed | None] = {}

    def of(self, values: VariableValues) -> Holed | None:
        """None when a live field stands where it cannot be left out."""
        chosen = self.plan.chosen(values)
        if chosen not in self._variants:
            try:
                self._variants[chosen] = self._made(values)
            except (NotPlain, GraphQLError):  # a switch that is null; the run says so
                self._variants[chosen] = None
        return self._variants[chosen]

    async def run(self, variables: Mapping[str, Any], context: Any) -> tuple[ExecutionResult, list[Hole] | None]:
        """Data with `MARK` for each live field, and the holes in the order of the answer; None for holes when the
        answer is an ordinary one after all."""
        values = self.plan.coerced(variables)
        if isinstance(values, list):
            return ExecutionResult(None, errors=values), None
        holed = self.of(values)
        executor = PlannedExecutor(self.plan, values, context, None)
        left_out = _LeftOut()
        if holed is not None:
            for details, complete in holed.completers:
                executor.completers[id(details)] = (left_out.by(complete), details)
        result = executor.run()
        if isawaitable(result):
            result = await result
        return result, None if holed is None or left_out.has_given_up else left_out.holes()

    def _made(self, values: VariableValues) -> Holed:
        plan = self.plan
        found: list[tuple[Any, Any]] = []
        reader = Reader(plan.schema, plan.fragments, plan.operation, values, live=found)
        completers = []
        for details in plan.variant(values).grouped.values():
            name = details[0].node.name.value
            if name != "__typename":
                shape = reader.value(plan.root.fields[name].type, details)
                completers.append((details, compiled_with_holes(shape)))
        plain = Reader(plan.schema, plan.fragments, plan.operation, values)
        live = []
        for parent, details in found:
            field = parent.fields[details[0].node.name.value]
            live.append((field, completer(plain.value(field.type, details))))
        return Holed(tuple(completers), tuple(live))


class _LeftOut:
    """The holes of one run. Root fields end in any order; their holes are told in the order of the answer."""

    def __init__(self) -> None:
        self._of_fields: list[list[Hole]] = []
        self.has_given_up = False

    def by(self, complete: CompleteWithHoles) -> Complete:
        own: list[Hole] = []
        self._of_fields.append(own)

        def leaving_out(value: Any) -> Any:
            try:
                return complete(value, own)
            except Exception:
                self.has_given_up = True
                raise

        return leaving_out

    def holes(self) -> list[Hole]:
        return [hole for own in self._of_fields for hole in own]


def has_live_fields(plan: Plan) -> bool:
    """Whether anything in the plan's document is live."""
    types, found = TypeInfo(plan.schema), []

    class Finder(Visitor):
        def enter_field(self, _node: FieldNode, *_: Any) -> None:
            said = types.get_field_def()
            if said is not None and live_key_of(said) is not None:
                found.append(said)

    visit(plan.document, TypeInfoVisitor(types, Finder()))
    return bool(found)
