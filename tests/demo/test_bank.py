"""The demo's bank statements are what a bank would send: our own reader finds every line in them."""

from datetime import date

from coop.billing.domain.camt import camt_file
from coop.demo.bank import OWN_IBAN, BankMove, camt_statement, iban

MARCH, APRIL = date(2025, 3, 1), date(2025, 4, 1)


def test_a_statement_is_read_back_line_by_line() -> None:
    moves = (
        BankMove(date(2025, 3, 12), 12_050, "A1", "Rechnung 7", "Taxi Brandt", iban(1),
                 creditor_reference="RF18000000007"),
        BankMove(date(2025, 3, 17), -4_400, "A2", "Rücklastschrift", "Blumen Adler", iban(24),
                 end_to_end_id="WFT-7", returned="AM04"),
        BankMove(date(2025, 3, 17), 90_000, "A3", "Sammler", batch="WFT-2025-02"),
    )  # fmt: skip
    file = camt_file(camt_statement(3, MARCH, APRIL, 500, moves))
    (statement,) = file.statements
    assert (statement.iban, statement.opening_minor, statement.closing_minor) == (
        OWN_IBAN, 500, 98_150,
    )  # fmt: skip
    transfer, returned, batch = statement.lines
    assert (transfer.amount_minor, transfer.creditor_reference) == (12_050, "RF18000000007")
    assert (transfer.counterparty_name, transfer.counterparty_iban) == ("Taxi Brandt", iban(1))
    assert (returned.return_code, returned.end_to_end_id) == ("AM04", "WFT-7")
    assert returned.counterparty_iban == iban(24)
    assert (batch.amount_minor, batch.batch_references) == (90_000, ("WFT-2025-02",))
