"""A small cooperative in the model, and what a database that holds it would store."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from coop.ledger.domain.canonical import StoredEntry, StoredPosting, content_hash
from coop.ledger.domain.merkle import merkle_root
from coop.ledger.domain.seal import SealFacts, next_seal
from coop.ledger.domain.verify import BalanceFact, DayFact, PostingFact, SealedEntry
from tests.ledger.model import Account, Model, Outcome
from tests.ledger.notation import drafts

COOPERATIVE = UUID("01890000-0000-7000-8000-000000000001")
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
DEBIT_NORMAL = ("1", "5", "6", "7", "91", "921")


def id_of(name: str) -> UUID:
    """The id that a name has in these tests."""
    return uuid5(COOPERATIVE, name)


@dataclass
class Books:
    """A model whose accounts open as a journal first names them."""

    model: Model

    def account(self, name: str) -> UUID:
        commodity = "kWh" if name.startswith("9") else "EUR"
        side = 1 if name.startswith(DEBIT_NORMAL) else -1
        found = Account(id_of(name), commodity, side)
        return self.model.accounts.setdefault(found.id, found).id

    def fund(self, name: str) -> UUID:
        self.model.funds.add(id_of(name))
        return id_of(name)

    def post(self, text: str, actor: str = "ada") -> list[Outcome]:
        outcomes = []
        for draft in drafts(text, self.account, self.fund, id_of):
            number = len(self.model.entries) + 1
            at = START + timedelta(seconds=number)
            outcomes.append(self.model.post(actor, draft, id_of(f"e{number}"), at))
        return outcomes


def books(text: str = "") -> Books:
    """The books that hold the journal `text`; its entries are called e1, e2, …"""
    made = Books(Model(COOPERATIVE))
    made.post(text)
    return made


@dataclass
class Stored:
    """The rows of a database that holds the books, in the order verification reads them."""

    entries: list[StoredEntry]
    postings: list[PostingFact]
    balances: list[BalanceFact]
    days: list[DayFact]
    seals: list[SealFacts]
    sealed: list[SealedEntry]


def stored(model: Model, batch: int = 2) -> Stored:
    """Store everything, sealed in batches of `batch`."""
    entries = [
        StoredEntry(
            model.cooperative,
            one.id,
            one.draft.kind,
            one.draft.effective_on,
            one.recorded_at,
            one.draft.memo,
            one.actor,
            one.draft.source,
            one.draft.resolution_id,
            one.draft.reverses_id,
            one.draft.metadata,
            tuple(
                StoredPosting(
                    line.account_id,
                    line.fund_id,
                    model.accounts[line.account_id].commodity,
                    line.amount_minor,
                )
                for line in one.draft.postings
            ),
        )
        for one in model.entries
    ]
    pairs = sorted((a, f) for a in model.accounts for f in model.funds if model.running(a, f))
    postings = [fact for pair in pairs for fact in _postings(model, *pair)]
    balances = [
        BalanceFact(*pair, *model.sides(*pair), len(model.running(*pair))) for pair in pairs
    ]
    days = [
        DayFact(*pair, day, *sides, *_versions(postings, pair, day))
        for pair in pairs
        for day, sides in sorted(model.by_day(*pair).items())
    ]
    return Stored(entries, postings, balances, days, *_seals(entries, batch))


def _versions(postings: list[PostingFact], pair: tuple[UUID, UUID], day: date) -> tuple[int, int]:
    """The first and last version of a day."""
    found = [one.version for one in postings if one[:2] == pair and one.effective_on == day]
    return min(found), max(found)


def _postings(model: Model, account_id: UUID, fund: UUID) -> Iterator[PostingFact]:
    days = {one.id: one.draft.effective_on for one in model.entries}
    for version, (entry, amount, after) in enumerate(model.running(account_id, fund), 1):
        yield PostingFact(account_id, fund, version, entry, amount, after, days[entry], days[entry])


def _seals(entries: list[StoredEntry], batch: int) -> tuple[list[SealFacts], list[SealedEntry]]:
    seals: list[SealFacts] = []
    sealed: list[SealedEntry] = []
    for start in range(0, len(entries), batch):
        held = entries[start : start + batch]
        root = merkle_root(content_hash(entry) for entry in held)
        last = seals[-1] if seals else None
        seals.append(next_seal(last, COOPERATIVE, root, len(held), 700 + start))
        sealed += [
            SealedEntry(seals[-1].number, at, content_hash(entry), entry)
            for at, entry in enumerate(held)
        ]
    return seals, sealed
