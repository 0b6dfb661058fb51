"""Refusals of the ledger: every code is its own, and a stored outcome can be raised again."""

import pytest

from coop.kernel.errors import NotFound, Refusal
from coop.ledger import errors
from coop.ledger.errors import refusal_of


def leaves(kind):
    below = kind.__subclasses__()
    return [kind] if not below else [leaf for child in below for leaf in leaves(child)]


def test_every_refusal_has_its_own_code_and_stands_in_the_tree():
    kinds = [kind for kind in leaves(errors.LedgerRefusal) if kind.__module__ == errors.__name__]
    codes = [kind.code for kind in kinds]
    assert len(codes) == len(set(codes)) == 33
    for kind in kinds:
        assert f" {kind.__name__} " in errors.__doc__
        assert f" {kind.code}: " in errors.__doc__


@pytest.mark.parametrize("kind", [*leaves(errors.LedgerRefusal), NotFound])
def test_a_stored_outcome_is_raised_again_as_itself(kind):
    again = refusal_of(kind.code, "why", ("postings", "0"))
    assert (type(again), again.message, again.path) == (kind, "why", ("postings", "0"))
    assert isinstance(again, Refusal)


def test_a_code_no_room_knows_is_a_bug():
    with pytest.raises(ValueError, match="NO_SUCH"):
        refusal_of("NO_SUCH", "why")
