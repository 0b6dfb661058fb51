"""What has an id: the Node interface, and what an id names under the viewer's own rights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import strawberry

from coop.schema.context import Context
from coop.schema.node_id import NodeId, node_id_of

Finder = Callable[[Context, NodeId], Awaitable["Node | None"]]
_FINDERS: dict[str, Finder] = {}


@strawberry.interface(description="Anything that has an id.")
class Node:
    """Anything that has an id."""

    id: strawberry.ID = strawberry.field(description="Opaque; unique among everything.")


def found_by(type_name: str) -> Callable[[Finder], Finder]:
    """Register how a thing of that type is found: None when it is absent or not the viewer's."""

    def register(finder: Finder) -> Finder:
        _FINDERS[type_name] = finder
        return finder

    return register


async def node_of(context: Context, text: str) -> Node | None:
    """What the id names, or None: nonsense, absent and not for this viewer are all the same."""
    named = node_id_of(text)
    if named is None or named.type not in _FINDERS:
        return None
    return await _FINDERS[named.type](context, named)
