"""Documents that are too much, in every shape, refused by their code before validation sees them."""

from __future__ import annotations

import pytest
from graphql import get_introspection_query

from coop.schema.documents import Documents, RequestRefused
from coop.schema.root import schema as real
from tests.schema.edge.demo import schema


def codes_of(text: str) -> list[str]:
    """The codes that refuse `text`; none when it is fine."""
    try:
        Documents(schema).prepared(text)
    except RequestRefused as no:
        return [str((error.extensions or {})["code"]) for error in no.errors]
    return []


def chained(n: int, spread: str) -> str:
    """n fragments, each spreading the next as `spread` says, the last selecting a field."""
    links = " ".join(f"fragment F{i} on Query {{ {spread.format(i + 1)} }}" for i in range(n))
    return f"{links} fragment F{n} on Query {{ hello }}"


@pytest.mark.parametrize("n", [16, 20, 40, 49])
def test_a_fragment_bomb_is_refused_however_often_it_doubles(n: int) -> None:
    bomb = chained(n, "...F{0} ...F{0}")
    assert codes_of(bomb + "{ ...F0 }") == ["TOO_MANY_FIELDS"]
    assert codes_of(bomb + "{ hello }") == ["TOO_MANY_FIELDS"], "even if nothing uses it"


def test_a_bomb_of_empty_spreads_is_refused() -> None:
    bomb = chained(30, "...F{0} ...F{0}").replace("hello", "...Nowhere ...Nowhere")
    assert codes_of(bomb + "{ ...F0 }") == ["TOO_MANY_FIELDS"]


def test_a_bomb_of_inline_fragments_is_refused() -> None:
    bomb = chained(30, "... {{ ...F{0} }} ... on Query {{ ...F{0} }}")
    assert codes_of(bomb + "{ ...F0 }") == ["TOO_MANY_FIELDS"]


def test_a_nested_bomb_is_refused_with_its_fields_counted_at_every_level() -> None:
    links = " ".join(
        f"fragment R{i} on Row {{ friend {{ ...R{i + 1} ...R{i + 1} }} }}" for i in range(10)
    )
    bomb = f"{links} fragment R10 on Row {{ number }} {{ row(number: 1) {{ ...R0 }} }}"
    assert codes_of(bomb) == ["TOO_MANY_FIELDS"]


def test_a_long_chain_of_fragments_is_refused() -> None:
    assert codes_of(chained(49, "...F{0}") + "{ ...F0 }") == []
    assert codes_of(chained(50, "...F{0}") + "{ ...F0 }") == ["TOO_DEEP"]
    assert codes_of(chained(180, "...F{0}") + "{ ...F0 }") == ["TOO_DEEP"]


@pytest.mark.parametrize(
    "text",
    [
        "fragment A on Query { ...A } { ...A }",
        "fragment A on Query { ...B } fragment B on Query { ...A } { ...A }",
        "fragment A on Query { ...B ...B } fragment B on Query { ...A ...A hello } { hello }",
        "fragment A on Row { friend { ...A } } { row(number: 1) { ...A } }",
        "fragment A on Query { hello } fragment A on Query { viewer } { ...A }",
    ],
)
def test_cycles_and_twins_are_invalid(text: str) -> None:
    assert codes_of(text) == ["GRAPHQL_VALIDATION_FAILED"]


def test_every_fragment_spreading_every_other_is_invalid_at_once() -> None:
    names = [f"F{i}" for i in range(25)]
    spreads = " ".join(f"...{name}" for name in names)
    text = " ".join(f"fragment {name} on Query {{ {spreads} }}" for name in names)
    assert codes_of(text + "{ ...F0 }") == ["GRAPHQL_VALIDATION_FAILED"]


def test_an_undefined_fragment_is_invalid_and_named() -> None:
    with pytest.raises(RequestRefused, match="Unknown fragment 'Nope'"):
        Documents(schema).prepared("{ ...Nope }")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{" + " ".join(f"a{i}: hello" for i in range(3_000)) + "}", "TOO_MANY_TOKENS"),
        ("{ row(number: 1) {" + " ".join(f"a{i}: number" for i in range(31)) + "} }", "TOO_MANY_ALIASES"),
        ("{" + "hello " * 21 + "}", "TOO_MANY_ROOT_FIELDS"),
        ("{ row(number: 1) {" + "number " * 51 + "} }", "TOO_MANY_REPEATS"),
        ("{ row(number: 1) {" + "friend { friend { number } } " * 51 + "} }", "TOO_MANY_REPEATS"),
        ("{ row(number: 1) {" + "friend { number number } " * 26 + "} }", "TOO_MANY_REPEATS"),
        ("{ row(number: 1) {" + "friend {" * 11 + "number" + "}" * 13, "TOO_DEEP"),
        ("{ row(number: 1) {" + "friend {" * 190 + "number" + "}" * 192, "TOO_DEEP"),
        ("{ row(number: 1) {" + "friend {" * 400 + "number" + "}" * 402, "GRAPHQL_PARSE_FAILED"),
        ("{ rows(first: 200) { nodes { rows(first: 50) { nodes { number } } } } }", "TOO_COSTLY"),
        ("mutation { post(text: 1) { posted } b: post(text: 2) { posted } }", "TOO_MANY_MUTATIONS"),
        ("mutation { ...M } fragment M on Mutation { a: importRows(csv: 1) b: importRows(csv: 2) }", "TOO_MANY_MUTATIONS"),
        ('{ echo(json: "' + "x" * 70_000 + '") { json } }', "DOCUMENT_TOO_LONG"),
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("fragment F on Query { hello }", "GRAPHQL_VALIDATION_FAILED"),
        ("type T { a: Int }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)  # fmt: skip
def test_each_limit_says_its_code(text: str, code: str) -> None:
    assert set(codes_of(text)) == {code}


def test_the_largest_documents_within_the_limits_are_served() -> None:
    assert codes_of("{" + " ".join(f"a{i}: hello" for i in range(20)) + "}") == []
    assert codes_of("{ row(number: 1) {" + "number " * 50 + "} }") == []
    assert codes_of("{ row(number: 1) {" + "friend {" * 10 + "number" + "}" * 12) == []
    assert codes_of('mutation { __typename post(text: "x") { posted } }') == []
    assert (
        codes_of(
            'mutation A { post(text: "x") { posted } } mutation B { post(text: "y") { posted } }'
        )
        == []
    )


def test_errors_are_capped_at_five() -> None:
    assert codes_of("{ hello " + "@x " * 300 + "}") == ["GRAPHQL_VALIDATION_FAILED"] * 5
    assert (
        codes_of("{" + " ".join(f"nothing{i}" for i in range(15)) + "}")
        == ["GRAPHQL_VALIDATION_FAILED"] * 5
    )


def test_the_introspection_of_tools_is_within_the_limits_and_free() -> None:
    prepared = Documents(schema).prepared(get_introspection_query(input_value_deprecation=True))
    assert prepared.operation(None).cost_max == 0
    turning = "{ __schema { types { " + "fields { type { " * 10 + "name" + " } }" * 10 + " } } }"
    assert codes_of(turning) != []


COSTS = [
    ("{ hello viewer }", {}, 0, 0),
    ("{ row(number: 1) { number friend { number } } }", {}, 2, 2),
    ("{ rows { pageInfo { endCursor } totalCount } }", {}, 2, 2),
    ("{ rows { nodes { number } } }", {}, 51, 51),
    ("{ rows { edges { cursor node { number } } } }", {}, 51, 51),
    ("{ rows(first: 10) { nodes { friend { number } } } }", {}, 21, 21),
    ("{ rows(last: 3) { edges { node { number } } } }", {}, 4, 4),
    ("{ rows(first: -5) { nodes { number } } }", {}, 1, 1),
    ("{ rows(first: null) { nodes { number } } }", {}, 51, 51),
    ("{ rows(first: 100000) { nodes { number } } }", {}, 201, 201),
    ("query($n: Int) { rows(first: $n) { nodes { number } } }", {"n": 7}, 201, 8),
    ("query($n: Int) { rows(first: $n) { nodes { number } } }", {"n": 100_000}, 201, 201),
    ("query($n: Int) { rows(first: $n) { nodes { number } } }", {}, 201, 51),
    ("query($n: Int = 20) { rows(first: $n) { nodes { number } } }", {}, 201, 21),
    ("query($n: Int = 20) { rows(first: $n) { nodes { number } } }", {"n": "x"}, 201, 51),
    ("query($n: Int) { ...P } fragment P on Query { rows(first: $n) { nodes { number } } }", {"n": 4}, 201, 5),
    ("{ rows(first: 10) { nodes { rows(first: 20) { nodes { number } } } } }", {}, 221, 221),
    ("{ rows(first: 10) { ...A ...A } } fragment A on RowConnection { nodes { number } }", {}, 21, 21),
    ('{ nodes(ids: ["a", "b", "c"]) { number } }', {}, 3, 3),
    ("query($i: [ID!]!) { nodes(ids: $i) { number } }", {"i": ["a"] * 7}, 100, 7),
    ("query($i: [ID!]!) { nodes(ids: $i) { number } }", {"i": ["a"] * 7000}, 100, 7000),
    ('mutation { post(text: "x") { errors { code } } }', {}, 15, 15),
    ("subscription { ticks { number } }", {}, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "variables", "most", "cost"), COSTS)
def test_what_a_query_costs(text: str, variables: dict[str, object], most: int, cost: int) -> None:
    operation = Documents(schema).prepared(text).operation(None)
    assert (operation.cost_max, operation.cost(variables)) == (most, cost)
    assert operation.cost(variables) == cost, "and again, remembered"


def test_documents_are_prepared_once_and_forgotten_in_turn() -> None:
    documents = Documents(schema)
    for _ in range(3):
        documents.prepared("{ hello }")
        with pytest.raises(RequestRefused):
            documents.prepared("{ hell }")
    assert (documents.hits, documents.misses) == (4, 2)
    for i in range(512):
        documents.prepared(f"query q{i} {{ hello }}")
    documents.prepared("{ hello }")
    assert documents.misses == 2 + 512 + 1
    long = "{ hello } #" + "x" * 20_000
    documents.prepared(long)
    documents.prepared(long)
    assert documents.misses == 2 + 512 + 1 + 2


def test_which_operation_runs_is_never_guessed() -> None:
    prepared = Documents(schema).prepared("query A { hello } query B { viewer }")
    assert prepared.operation("B").root_fields == ("viewer",)
    for name, code in ((None, "AMBIGUOUS_OPERATION"), ("C", "UNKNOWN_OPERATION")):
        with pytest.raises(RequestRefused) as refused:
            prepared.operation(name)
        assert (refused.value.errors[0].extensions or {})["code"] == code


def test_what_is_computed_for_each_row_costs_what_it_is() -> None:
    preview = 'costSharingPreview(month: "2026-01-01", method: "KWH") { month }'
    query = '{ cooperative(slug: "s") { hubs(first: %d) { nodes { ' + preview + " } } } }"
    assert Documents(real).prepared(query % 10).operation(None).cost_max == 2 + 10 * 201
    with pytest.raises(RequestRefused):
        Documents(real).prepared(query % 50)


def test_a_members_last_invoice_down_to_its_sessions_is_within_the_limits() -> None:
    query = """query($id: ID!) { node(id: $id) { ... on Member { invoices(first: 1) { nodes {
        number net { amount } tax { amount } gross { amount } open { amount } taxes { tax { amount } }
        lines { net { amount } taxes { percent } hub { name } item { kind } sessions { nodes {
            startedAt energy hub { name } charge { amount } charges { net { amount } rule }
        } } } documents { url } creditNotes { number } } } } } }"""
    assert Documents(real).prepared(query).operation(None).cost_max < 5_000
