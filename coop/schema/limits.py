"""How large a document may be, decided before validation, whose rules are not all linear.

Fragments are measured once each, those they spread first, so a document takes time in proportion
to its tokens, whatever its fragments do. What that pass lets through expands to at most a thousand
fields, so the second pass, which merges fields by response key, may expand them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
)

from coop.schema.cost import Cost, Sizes, cost_of_field, field_of, sizes_in
from coop.schema.errors import Code

TOKENS_MAX: Final = 2_000
DEPTH_MAX: Final = 12
INTROSPECTION_DEPTH_MAX: Final = 20  # what tools ask of __schema goes through chains of ofType
COST_MAX: Final = 5_000
ALIASES_MAX: Final = 30
ROOT_FIELDS_MAX: Final = 20
FIELDS_MAX: Final = 1_000
SPREADS_DEEP_MAX: Final = 50
REPEATS_MAX: Final = 50
ERRORS_MAX: Final = 5
_COSTS_KEPT_MAX: Final = 256

_Fragments: TypeAlias = dict[str, FragmentDefinitionNode]
_Level: TypeAlias = dict[str, list[FieldNode]]  # the fields that merge into each response key


class OverLimit(Exception):
    """A document that is refused unread, with the errors that say why."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors[:ERRORS_MAX]


def over_limit(code: Code, message: str, node: Node | None = None) -> GraphQLError:
    """The error of one limit."""
    return GraphQLError(message, node, extensions={"code": code})


class Measure(NamedTuple):
    """A selection set with its fragments expanded."""

    depth: int = 0
    fields: int = 0
    spreads: int = 0
    cost: Cost = Cost()

    def beside(self, other: Measure) -> Measure:
        """Both, one after the other, in the same selection set."""
        return Measure(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.spreads + other.spreads,
            Cost(self.cost.flat + other.cost.flat, self.cost.per_row + other.cost.per_row),
        )


@dataclass(slots=True)
class MeasuredOperation:
    """An operation within its limits; `cost_max` are its points if every page is full."""

    node: OperationDefinitionNode
    document: MeasuredDocument
    cost_max: int
    root_fields: tuple[str, ...]
    sized_by: tuple[str, ...]
    _costs: dict[tuple[int | None, ...], int] = field(default_factory=dict)

    @property
    def kind(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation

    @property
    def name(self) -> str | None:
        """As the document names it."""
        return self.node.name.value if self.node.name else None

    def cost(self, variables: Mapping[str, Any]) -> int:
        """Its points with `variables`, kept by the sizes that these ask for."""
        if not self.sized_by:
            return self.cost_max
        sizes = sizes_in(self.node, variables)
        key = tuple(sizes.get(name) for name in self.sized_by)
        found = self._costs.get(key)
        if found is None:
            meter = _Meter(self.document.schema, self.document.fragments, Sizes(sizes))
            found = meter.measured(self.node.selection_set, meter.root(self.node)).cost.flat
            if len(self._costs) < _COSTS_KEPT_MAX:
                self._costs[key] = found
        return found


@dataclass(slots=True)
class MeasuredDocument:
    """A document within its limits; its fragments stand each after those it spreads."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    operations: list[MeasuredOperation]


def measured(schema: GraphQLSchema, document: DocumentNode) -> MeasuredDocument:
    """`document`, if it keeps to the limits. Raises OverLimit before anything expands."""
    fragments = _in_order(_fragments(document))
    operations = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    meter = _Meter(schema, fragments, Sizes())
    measures = [meter.measured(node.selection_set, meter.root(node)) for node in operations]
    unused = _unused(fragments, operations)
    whole = Measure()
    for measure in (*measures, *(meter.of_fragment[name] for name in unused)):
        whole = whole.beside(measure)
    if whole.fields > FIELDS_MAX or whole.spreads > FIELDS_MAX:
        message = f"A document has at most {FIELDS_MAX} fields once its fragments are spread."
        raise OverLimit([over_limit(Code.TOO_MANY_FIELDS, message)])

    # From here on expanding is bounded by what has just been checked.
    tops = [node.selection_set for node in (*operations, *(fragments[name] for name in unused))]
    levels = [_merged([top], fragments) for top in tops]
    _refuse([*_oversize(operations, measures, meter), *_many_roots(operations, levels)])
    _refuse([error for level in levels for error in _repeats(level, fragments)])
    found = MeasuredDocument(schema, fragments, [])
    sized_by = tuple(sorted(meter.sizes.variables))
    for node, measure, level in zip(operations, measures, levels, strict=False):
        names = tuple(nodes[0].name.value for nodes in level.values())
        operation = MeasuredOperation(node, found, measure.cost.flat, names, sized_by)
        found.operations.append(operation)
    return found


def _refuse(errors: list[GraphQLError]) -> None:
    if errors:
        raise OverLimit(errors)


def _oversize(
    operations: list[OperationDefinitionNode], measures: list[Measure], meter: _Meter
) -> Iterator[GraphQLError]:
    yield from meter.errors
    for node, measure in zip(operations, measures, strict=True):
        if measure.depth > DEPTH_MAX:
            message = f"A query goes at most {DEPTH_MAX} levels deep, not {measure.depth}."
            yield over_limit(Code.TOO_DEEP, message, node)
        if measure.cost.flat > COST_MAX:
            message = f"A query costs at most {COST_MAX} points, not {measure.cost.flat}."
            yield over_limit(Code.TOO_COSTLY, message, node)
    if any(m.depth > INTROSPECTION_DEPTH_MAX for m in meter.of_fragment.values()):
        yield over_limit(Code.TOO_DEEP, "A fragment goes too deep.")
    if meter.aliases > ALIASES_MAX:
        message = f"A document has at most {ALIASES_MAX} aliases, not {meter.aliases}."
        yield over_limit(Code.TOO_MANY_ALIASES, message)


def _many_roots(
    operations: list[OperationDefinitionNode], levels: list[_Level]
) -> Iterator[GraphQLError]:
    for node, level in zip(operations, levels, strict=False):
        roots = [n for nodes in level.values() for n in nodes if n.name.value != "__typename"]
        if len(roots) > ROOT_FIELDS_MAX:
            message = f"An operation has at most {ROOT_FIELDS_MAX} fields, not {len(roots)}."
            yield over_limit(Code.TOO_MANY_ROOT_FIELDS, message, node)
        elif node.operation is OperationType.MUTATION and len(roots) > 1:
            message = "A mutation does one thing: send its fields one by one."
            yield over_limit(Code.TOO_MANY_MUTATIONS, message, node)


def _merged(tops: Iterable[SelectionSetNode], fragments: _Fragments) -> _Level:
    """The fields of selection sets that merge into one object, by response key."""
    level: _Level = defaultdict(list)
    pending = [selection for top in tops for selection in top.selections]
    while pending:
        selection = pending.pop()
        if isinstance(selection, FieldNode):
            level[(selection.alias or selection.name).value].append(selection)
        elif isinstance(selection, InlineFragmentNode):
            pending += selection.selection_set.selections
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value in fragments:
            pending += fragments[selection.name.value].selection_set.selections
    return level


def _repeats(level: _Level, fragments: _Fragments) -> Iterator[GraphQLError]:
    """An error for each response key that too many fields merge into: validation pairs them."""
    for key, nodes in level.items():
        if len(nodes) > REPEATS_MAX:
            message = f'At most {REPEATS_MAX} fields merge into one "{key}", not {len(nodes)}.'
            yield over_limit(Code.TOO_MANY_REPEATS, message, nodes[0])
        inner = [node.selection_set for node in nodes if node.selection_set]
        yield from _repeats(_merged(inner, fragments), fragments)


def _fragments(document: DocumentNode) -> _Fragments:
    found: _Fragments = {}
    for node in document.definitions:
        if isinstance(node, FragmentDefinitionNode):
            name = node.name.value
            if name in found:
                raise OverLimit([_invalid(f"There can be only one fragment named '{name}'.", node)])
            found[name] = node
    return found


def _invalid(message: str, node: Node) -> GraphQLError:
    return GraphQLError(message, node, extensions={"code": Code.VALIDATION_FAILED})


def _spreads(top: SelectionSetNode) -> list[FragmentSpreadNode]:
    """The spreads written anywhere in `top`, not those of its fragments."""
    found: list[FragmentSpreadNode] = []
    pending = list(top.selections)
    while pending:
        selection = pending.pop()
        if isinstance(selection, FragmentSpreadNode):
            found.append(selection)
        elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
            pending += selection.selection_set.selections
    return found


def _in_order(fragments: _Fragments) -> _Fragments:
    """`fragments`, each after those it spreads. Raises OverLimit on a cycle or a long chain."""
    uses = {
        name: {s.name.value for s in _spreads(node.selection_set)} & fragments.keys()
        for name, node in fragments.items()
    }
    users = defaultdict(list)
    for name, used in uses.items():
        for other in used:
            users[other].append(name)
    missing = {name: len(used) for name, used in uses.items()}
    ready = [name for name, count in missing.items() if count == 0]
    chain = dict.fromkeys(ready, 1)
    ordered: _Fragments = {}
    while ready:
        name = ready.pop()
        ordered[name] = fragments[name]
        for user in users[name]:
            chain[user] = max(chain.get(user, 0), chain[name] + 1)
            missing[user] -= 1
            if missing[user] == 0:
                ready.append(user)
    if len(ordered) < len(fragments):
        name = next(name for name in fragments if name not in ordered)
        message = f"Cannot spread fragment '{name}' within itself."
        raise OverLimit([_invalid(message, fragments[name])])
    if max(chain.values(), default=0) > SPREADS_DEEP_MAX:
        message = f"Fragments spread one another at most {SPREADS_DEEP_MAX} deep."
        raise OverLimit([over_limit(Code.TOO_DEEP, message)])
    return ordered


def _unused(fragments: _Fragments, operations: list[OperationDefinitionNode]) -> list[str]:
    """Fragments that no operation reaches: invalid, but validation reads them all the same."""
    reached: set[str] = set()
    pending = [node.selection_set for node in operations]
    while pending:
        for spread in _spreads(pending.pop()):
            name = spread.name.value
            if name in fragments and name not in reached:
                reached.add(name)
                pending.append(fragments[name].selection_set)
    return [name for name in fragments if name not in reached]


class _Meter:
    """Measures selection sets of one document; `errors` and `aliases` gather as it goes."""

    def __init__(self, schema: GraphQLSchema, fragments: _Fragments, sizes: Sizes) -> None:
        self.schema = schema
        self.sizes = sizes
        self.errors: list[GraphQLError] = []
        self.aliases = 0
        self.of_fragment: dict[str, Measure] = {}
        for name, node in fragments.items():
            parent = schema.get_type(node.type_condition.name.value)
            self.of_fragment[name] = self.measured(node.selection_set, parent)

    def root(self, node: OperationDefinitionNode) -> GraphQLNamedType | None:
        """The type an operation starts from."""
        return self.schema.get_root_type(node.operation)

    def measured(self, top: SelectionSetNode, parent: GraphQLNamedType | None) -> Measure:
        """`top`, selected of a `parent`."""
        found = Measure()
        for selection in top.selections:
            if isinstance(selection, FieldNode):
                part = self._field(selection, parent)
            elif isinstance(selection, FragmentSpreadNode):
                part = self._spread(self.of_fragment.get(selection.name.value, Measure()))
            elif isinstance(selection, InlineFragmentNode):
                part = self._spread(
                    self.measured(selection.selection_set, self._narrowed(selection, parent))
                )
            found = found.beside(part)
        return found

    def _narrowed(
        self, node: InlineFragmentNode, parent: GraphQLNamedType | None
    ) -> GraphQLNamedType | None:
        condition = node.type_condition
        return self.schema.get_type(condition.name.value) if condition else parent

    def _spread(self, inner: Measure) -> Measure:
        return inner._replace(spreads=inner.spreads + 1)

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Measure:
        if node.alias:
            self.aliases += 1
        if node.selection_set is None:
            return Measure(1, 1)
        name = node.name.value
        if name in {"__schema", "__type"}:
            return self._introspection(node, node.selection_set)
        definition = field_of(parent, name)
        child = get_named_type(definition.type) if definition else None
        inner = self.measured(node.selection_set, child)
        cost = cost_of_field(node, parent, inner.cost, self.sizes, self.schema)
        return Measure(inner.depth + 1, inner.fields + 1, inner.spreads, cost)

    def _introspection(self, node: FieldNode, top: SelectionSetNode) -> Measure:
        inner = self.measured(top, None)
        if inner.depth > INTROSPECTION_DEPTH_MAX:
            message = f"Introspection goes at most {INTROSPECTION_DEPTH_MAX} levels deep."
            self.errors.append(over_limit(Code.TOO_DEEP, message, node))
        return Measure(1, inner.fields + 1, inner.spreads)
