"""What a query may cost, told from its text: the points that limits and rate limits count in.

A leaf costs 0, an object 1 and what is selected in it, a mutation 10, a month's costs shared anew
to compare methods 200. A connection costs its page size times what is selected of a row; a list
without pages counts as five rows, a list fetched by `ids` as so many. The sizes of pages asked by a
variable are known only when it is: until then they count as the largest.

The cost of a selection is linear in the page size around it, `flat + size * per_row`, so a
fragment is measured once, wherever and however often it is spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from coop.schema.pagination import PAGE_DEFAULT, PAGE_MAX

MUTATION_POINTS: Final = 10
UNPAGED_ROWS: Final = 5
IDS_MAX: Final = 100
# What is computed anew for each row instead of being read for all of them at once.
_COMPUTED_POINTS: Final = {"Hub.costSharingPreview": 200}
_CONNECTION: Final = "Connection"
_ROW_POINTS: Final = {"edges": 0, "nodes": 1}  # of a connection; the node of an edge counts itself


class Cost(NamedTuple):
    """Points of a selection: `flat` once, `per_row` for each row of the connection around it."""

    flat: int = 0
    per_row: int = 0


class Sizes:
    """Page sizes as a document asks for them; `known` are the variables, once there are any."""

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        self._known = known
        self.variables: set[str] = set()

    def page(self, field: FieldNode) -> int:
        """Rows of the connection `field`: `first` or `last`, 0..200, by default 50."""
        asked = [
            self._size(argument.value, PAGE_DEFAULT, PAGE_MAX)
            for argument in field.arguments or ()
            if argument.name.value in {"first", "last"}
        ]
        return max(asked, default=PAGE_DEFAULT)

    def rows(self, field: FieldNode) -> int:
        """Rows of the plain list `field`."""
        for argument in field.arguments or ():
            if argument.name.value == "ids":
                return self._size(argument.value, 1, IDS_MAX)
        return UNPAGED_ROWS

    def _size(self, value: ValueNode, default: int, unknown: int) -> int:
        if isinstance(value, IntValueNode):
            return clamped(int(value.value)) if len(value.value) < len("10000") else PAGE_MAX
        if isinstance(value, ListValueNode):
            return len(value.values)
        if not isinstance(value, VariableNode):
            return default
        name = value.name.value
        self.variables.add(name)
        return unknown if self._known is None else self._known.get(name, default)


def clamped(size: int) -> int:
    """A page size as it is charged: what is below 0 or above 200 will be refused anyway."""
    return max(0, min(size, PAGE_MAX))


def sizes_in(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, int]:
    """The variables of `operation` that can be a size: integers, and lists by their length."""
    values: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        if isinstance(definition.default_value, IntValueNode):
            values[definition.variable.name.value] = int(definition.default_value.value)
    values.update(variables)
    return {
        name: len(value) if isinstance(value, list) else clamped(value)
        for name, value in values.items()
        if isinstance(value, list) or type(value) is int
    }


def field_of(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    """The definition of the field `name`; None where there is none (validation will say so)."""
    fields: dict[str, GraphQLField] = getattr(parent, "fields", {})
    return fields.get(name)


def cost_of_field(
    field: FieldNode,
    parent: GraphQLNamedType | None,
    inner: Cost,
    sizes: Sizes,
    schema: GraphQLSchema,
) -> Cost:
    """Points of `field` on `parent`, `inner` being those of what is selected in it."""
    definition = field_of(parent, field.name.value)
    named = get_named_type(definition.type) if definition else None
    if parent is None or definition is None or named is None or is_leaf_type(named):
        return Cost()
    if parent.name.endswith(_CONNECTION) and field.name.value in _ROW_POINTS:
        return Cost(per_row=_ROW_POINTS[field.name.value] + inner.flat)
    own = MUTATION_POINTS if parent is schema.mutation_type else 1
    own = _COMPUTED_POINTS.get(f"{parent.name}.{field.name.value}", own)
    if named.name.endswith(_CONNECTION):
        return Cost(own + inner.flat + sizes.page(field) * inner.per_row)
    plain = definition.type.of_type if is_non_null_type(definition.type) else definition.type
    rows = sizes.rows(field) if is_list_type(plain) else 1
    return Cost(rows * (own + inner.flat))
