"""Opaque ids: whatever is not one names nothing."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.kernel.errors import NotFound
from coop.schema.node_id import NodeId, node_id_of, node_id_of_type

types = st.from_regex(r"[A-Z][A-Za-z]{0,40}", fullmatch=True)
KARI = NodeId("Member", UUID(int=1), UUID(int=2))


@given(types, st.uuids(), st.uuids())
def test_an_id_names_what_it_was_made_of(type_: str, cooperative: UUID, id_: UUID) -> None:
    made = NodeId(type_, cooperative, id_)
    assert node_id_of(str(made)) == made
    assert str(made).isascii()


@given(st.text())
def test_nonsense_names_nothing(text: str) -> None:
    assert node_id_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "====",
        str(KARI) + "=",
        str(KARI) + "A",
        str(KARI)[:-1],
        str(KARI).replace("T", "t", 1),
        urlsafe_b64encode(b"Member:1:2").decode().rstrip("="),
        urlsafe_b64encode(f"member:{UUID(int=1)}:{UUID(int=2)}".encode()).decode().rstrip("="),
        urlsafe_b64encode(f"Member:{UUID(int=1)}".encode()).decode().rstrip("="),
        "A" * 100_000,
    ],
)
def test_near_ids_name_nothing(text: str) -> None:
    assert node_id_of(text) is None


def test_an_id_of_another_type_is_not_found_where_it_stood() -> None:
    assert node_id_of_type(str(KARI), "Member") == KARI
    for text in (str(KARI._replace(type="Account")), "nonsense"):
        with pytest.raises(NotFound) as refused:
            node_id_of_type(text, "Member", "input", "memberId")
        assert (refused.value.code, refused.value.path) == ("NOT_FOUND", ("input", "memberId"))
