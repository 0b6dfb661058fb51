"""What has an id: the Node interface, and what an id names under the viewer's own rights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import strawberry

from coop.schema.context import Context
from coop.schema.node_id import NodeId, node_id_of

Finder = Callable[[Context, NodeId], Awaitable["Node | None"]]
_FINDERS: dict[str, tuple[Finder, bool]] = {}


@strawberry.interface(description="Anything that has an id.")
class Node:
    """Anything that has an id."""

    id: strawberry.ID = strawberry.field(description="Opaque; unique among everything.")


def found_by(type_name: str, *, numbered: bool = False) -> Callable[[Finder], Finder]:
    """Register how a thing of that type is found: None when it is absent or not the viewer's.

    `numbered` things are a part of another: their ids, and no others, end in a number.
    """

    def register(finder: Finder) -> Finder:
        _FINDERS[type_name] = finder, numbered
        return finder

    return register


async def node_of(context: Context, text: str) -> Node | None:
    """What the id names, or None: nonsense, absent and not for this viewer are all the same."""
    named = node_id_of(text)
    if named is None or named.type not in _FINDERS:
        return None
    finder, numbered = _FINDERS[named.type]
    return await finder(context, named) if numbered is (named.part is not None) else None
