"""Pages by key: together they are the list, whatever is written between them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import chain, repeat
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.schema.errors import InvalidCursor, InvalidPage
from coop.schema.pagination import Order, Page
from tests.schema.edge.conftest import Client
from tests.schema.edge.demo import ROWS, World, app_of

pytestmark = pytest.mark.anyio

PAGE = """query($first: Int, $after: String, $last: Int, $before: String) {
  rows(first: $first, after: $after, last: $last, before: $before) {
    nodes { number }
    edges { cursor node { number } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

numbers = st.lists(st.integers(-1000, 1000), max_size=30, unique=True)


async def page(world: World, **asked: Any) -> dict[str, Any]:
    client = Client(app_of(world))
    rows = (await client.data(PAGE, **asked))["rows"]
    await client.http.aclose()
    shown = [node["number"] for node in rows["nodes"]]
    assert shown == [edge["node"]["number"] for edge in rows["edges"]]
    cursors = [edge["cursor"] for edge in rows["edges"]] or [None]
    assert (rows["pageInfo"]["startCursor"], rows["pageInfo"]["endCursor"]) == (
        cursors[0],
        cursors[-1],
    )
    return {"rows": shown, "cursors": cursors, **rows["pageInfo"]}


@given(numbers, st.integers(1, 31))
async def test_pages_forward_are_the_list(rows: list[int], size: int) -> None:
    world = World(rows=rows)
    seen: list[int] = []
    after = None
    while True:
        found = await page(world, first=size, after=after)
        seen += found["rows"]
        assert found["hasNextPage"] == (len(seen) < len(rows))
        assert found["hasPreviousPage"] == (after is not None)
        if not found["hasNextPage"]:
            break
        after = found["endCursor"]
    assert seen == sorted(rows)


@given(numbers, st.integers(1, 31))
async def test_pages_backward_are_the_list(rows: list[int], size: int) -> None:
    world = World(rows=rows)
    seen: list[int] = []
    before = None
    while True:
        found = await page(world, last=size, before=before)
        seen = found["rows"] + seen
        assert found["hasPreviousPage"] == (len(seen) < len(rows))
        assert found["hasNextPage"] == (before is not None)
        if not found["hasPreviousPage"]:
            break
        before = found["startCursor"]
    assert seen == sorted(rows)


@given(numbers, st.lists(numbers, min_size=1, max_size=4), st.integers(3, 12))
async def test_what_is_written_between_pages_neither_repeats_nor_skips(
    rows: list[int], written: list[list[int]], size: int
) -> None:
    world = World(rows=list(rows))
    seen: list[int] = []
    after = None
    for more in chain(written, repeat([])):
        found = await page(world, first=size, after=after)
        seen += found["rows"]
        world.rows = sorted({*world.rows, *more})
        if not found["hasNextPage"]:
            break
        after = found["endCursor"]
    assert seen == sorted(set(seen))
    assert set(rows) <= set(seen)


@given(numbers, st.integers(0, 29), st.integers(0, 29))
async def test_a_stretch_between_two_cursors(rows: list[int], low: int, high: int) -> None:
    world = World(rows=rows)
    ordered = sorted(rows)
    if max(low, high) >= len(ordered):
        return
    after, before = ROWS.cursor((ordered[low],)), ROWS.cursor((ordered[high],))
    found = await page(world, first=200, after=after, before=before)
    assert found["rows"] == ordered[low + 1 : high]


async def test_a_page_has_fifty_rows_unless_asked_and_two_hundred_at_most() -> None:
    world = World(rows=list(range(300)))
    assert (await page(world))["rows"] == list(range(50))
    assert (await page(world, first=200))["rows"] == list(range(200))
    assert (await page(world, before=ROWS.cursor((300,))))["rows"] == list(range(250, 300))
    empty = await page(world, first=0)
    assert (empty["rows"], empty["hasNextPage"], empty["startCursor"]) == ([], True, None)


@pytest.mark.parametrize(
    "asked",
    [{"first": -1}, {"first": 201}, {"last": -1}, {"last": 2**31 - 1}, {"first": 1, "last": 1}],
)
async def test_pages_nobody_may_ask_for(client: Client, asked: dict[str, int]) -> None:
    assert await client.code(PAGE, **asked) == "INVALID_PAGE"


BAD_CURSORS = [
    "", "=", "x", "Å", "💥", "MQ", "bnVsbA", "W10", "e30", "WyJkZW1vLnJvd3MiXQ", "A" * 5000,
    Order("another.list", int).cursor((1,)),
    Order("demo.rows", str).cursor(("1",)),
    Order("demo.rows", int, int).cursor((1, 2)),
    ROWS.cursor((1,)) + "=",
    ROWS.cursor((1,))[:-1],
    ROWS.cursor((True,)),
    ROWS.cursor((2**63,)),
]  # fmt: skip


@pytest.mark.parametrize("cursor", BAD_CURSORS)
async def test_cursors_this_list_never_gave(client: Client, cursor: str) -> None:
    assert await client.code(PAGE, after=cursor) == "INVALID_CURSOR"
    assert await client.code(PAGE, before=cursor) == "INVALID_CURSOR"


async def test_the_total_is_counted_only_when_asked(client: Client, world: World) -> None:
    await client.data("{ rows { nodes { number } pageInfo { hasNextPage } } }")
    assert world.counted == 0
    assert await client.data("{ rows(first: 1) { totalCount } }") == {"rows": {"totalCount": 10}}
    assert world.counted == 1


KINDS: dict[type, st.SearchStrategy[Any]] = {
    str: st.text().filter(lambda text: "\0" not in text),
    int: st.integers(-(2**63), 2**63 - 1),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    UUID: st.uuids(),
}


@given(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=4).flatmap(
    lambda kinds: st.tuples(st.just(kinds), st.tuples(*(KINDS[kind] for kind in kinds)))
))  # fmt: skip
def test_a_cursor_is_read_back_as_it_was_written(made: tuple[list[type], tuple[Any, ...]]) -> None:
    kinds, key = made
    order = Order("list", *kinds)
    assert order.key(order.cursor(key)) == key


@given(st.text(max_size=200))
def test_nonsense_is_an_invalid_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Order("list", datetime, UUID).key(text)


def test_a_naive_time_is_no_key() -> None:
    order = Order("list", datetime, UUID)
    key = (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1))), uuid4())
    assert order.key(order.cursor(key)) == key
    with pytest.raises(InvalidCursor):
        order.key(order.cursor((datetime(2026, 1, 1), key[1])))


def test_both_ends_at_once_are_refused_before_any_cursor_is_read() -> None:
    with pytest.raises(InvalidPage):
        Page(first=1, last=1, after="nonsense").window(ROWS)
