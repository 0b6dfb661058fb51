-- What the bank says, what members allow it to collect, and what they paid.

CREATE TABLE bank_account (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    iban text NOT NULL,
    bic text,
    name text NOT NULL,
    account_code text NOT NULL,
    creditor_id text,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    CONSTRAINT pk_bank_account PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_bank_account_cooperative_id_iban UNIQUE (cooperative_id, iban),
    CONSTRAINT ck_bank_account_iban CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}$'),
    CONSTRAINT fk_bank_account_cooperative_cooperative_id FOREIGN KEY (cooperative_id)
    REFERENCES cooperative (cooperative_id)
);

CREATE TABLE bank_file (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    bank_account_id uuid NOT NULL,
    kind text NOT NULL,
    file_name text NOT NULL,
    sha256 bytea NOT NULL,
    lines bigint NOT NULL,
    known bigint NOT NULL,
    imported_by text NOT NULL,
    imported_at timestamptz NOT NULL,
    CONSTRAINT pk_bank_file PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_bank_file_cooperative_id_bank_account_id_sha256 UNIQUE (cooperative_id, bank_account_id, sha256),
    CONSTRAINT ck_bank_file_kind CHECK (kind IN ('camt.053', 'mt940')),
    CONSTRAINT ck_bank_file_sha256 CHECK (octet_length(sha256) = 32),
    CONSTRAINT ck_bank_file_known CHECK (known BETWEEN 0 AND lines),
    CONSTRAINT fk_bank_file_bank_account_cooperative_id_bank_account_id FOREIGN KEY (cooperative_id, bank_account_id)
    REFERENCES bank_account (cooperative_id, id)
);

CREATE TABLE bank_statement (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    bank_file_id uuid NOT NULL,
    bank_account_id uuid NOT NULL,
    statement text NOT NULL,
    opened_on date NOT NULL,
    closed_on date NOT NULL,
    opening_minor bigint NOT NULL,
    closing_minor bigint NOT NULL,
    lines bigint NOT NULL,
    CONSTRAINT pk_bank_statement PRIMARY KEY (cooperative_id, id),
    CONSTRAINT fk_bank_statement_bank_file_cooperative_id_bank_file_id FOREIGN KEY (cooperative_id, bank_file_id)
    REFERENCES bank_file (cooperative_id, id),
    CONSTRAINT fk_bank_statement_bank_account_cooperative_id_bank_account_id FOREIGN KEY
    (cooperative_id, bank_account_id)
    REFERENCES bank_account (cooperative_id, id)
);
CREATE INDEX ix_bank_statement_account ON bank_statement (cooperative_id, bank_account_id, closed_on, id);

CREATE TABLE bank_line (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    bank_account_id uuid NOT NULL,
    statement_id uuid NOT NULL,
    number integer NOT NULL,
    facts_sha256 bytea NOT NULL,
    occurrence integer NOT NULL,
    booked_on date NOT NULL,
    value_on date,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    bank_reference text,
    end_to_end_id text,
    mandate_reference text,
    creditor_reference text,
    batch_reference text,
    content text NOT NULL,
    counterparty_name text,
    counterparty_iban text,
    return_code text,
    original_minor bigint,
    raw bytea NOT NULL,
    state text NOT NULL,
    why text NOT NULL,
    candidates jsonb NOT NULL,
    member_id uuid,
    entry_id uuid,
    settled_by text,
    settled_at timestamptz,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_bank_line PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_bank_line_facts UNIQUE (cooperative_id, bank_account_id, facts_sha256, occurrence),
    CONSTRAINT ck_bank_line_amount_minor CHECK (amount_minor <> 0),
    CONSTRAINT ck_bank_line_occurrence CHECK (occurrence > 0),
    CONSTRAINT ck_bank_line_facts_sha256 CHECK (octet_length(facts_sha256) = 32),
    CONSTRAINT ck_bank_line_state CHECK (state IN ('unmatched', 'posted', 'linked')),
    CONSTRAINT ck_bank_line_posted CHECK (state <> 'posted' OR entry_id IS NOT NULL),
    CONSTRAINT ck_bank_line_unmatched CHECK (state <> 'unmatched' OR entry_id IS NULL),
    CONSTRAINT fk_bank_line_bank_account_cooperative_id_bank_account_id FOREIGN KEY (cooperative_id, bank_account_id)
    REFERENCES bank_account (cooperative_id, id),
    CONSTRAINT fk_bank_line_bank_statement_cooperative_id_statement_id FOREIGN KEY (cooperative_id, statement_id)
    REFERENCES bank_statement (cooperative_id, id),
    CONSTRAINT fk_bank_line_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_bank_line_journal_entry_cooperative_id_entry_id FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id)
);
CREATE INDEX ix_bank_line_account ON bank_line (cooperative_id, bank_account_id, booked_on);
CREATE INDEX ix_bank_line_day ON bank_line (cooperative_id, booked_on, id);
CREATE INDEX ix_bank_line_unmatched ON bank_line (cooperative_id, booked_on, id)
WHERE state = 'unmatched';

CREATE TABLE bank_rule (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    contains text,
    iban text,
    member_id uuid,
    account_code text,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    ended_by text,
    ended_at timestamptz,
    CONSTRAINT pk_bank_rule PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_bank_rule_condition CHECK (num_nonnulls(contains, iban) > 0),
    CONSTRAINT ck_bank_rule_target CHECK (num_nonnulls(member_id, account_code) = 1),
    CONSTRAINT ck_bank_rule_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT fk_bank_rule_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE UNIQUE INDEX uq_bank_rule_name ON bank_rule (cooperative_id, name)
WHERE ended_at IS NULL;

CREATE TABLE mandate (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    reference text NOT NULL,
    signed_on date NOT NULL,
    scheme text NOT NULL,
    iban text NOT NULL,
    bic text,
    holder text NOT NULL,
    sequence text NOT NULL,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    revoked_on date,
    revoked_by text,
    CONSTRAINT pk_mandate PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_mandate_cooperative_id_reference UNIQUE (cooperative_id, reference),
    CONSTRAINT ck_mandate_scheme CHECK (scheme IN ('CORE', 'B2B')),
    CONSTRAINT ck_mandate_sequence CHECK (sequence IN ('FRST', 'RCUR')),
    CONSTRAINT ck_mandate_revoked CHECK ((revoked_on IS NULL) = (revoked_by IS NULL)),
    CONSTRAINT fk_mandate_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE INDEX ix_mandate_iban ON mandate (cooperative_id, iban);
CREATE INDEX ix_mandate_member ON mandate (cooperative_id, member_id, signed_on);

CREATE TABLE collection (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    bank_account_id uuid NOT NULL,
    message_id text NOT NULL,
    collect_on date NOT NULL,
    scheme text NOT NULL,
    file_schema text NOT NULL,
    file bytea NOT NULL,
    file_sha256 bytea NOT NULL,
    items bigint NOT NULL,
    amount_minor bigint NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    cancelled_by text,
    cancelled_at timestamptz,
    CONSTRAINT pk_collection PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_collection_cooperative_id_message_id UNIQUE (cooperative_id, message_id),
    CONSTRAINT ck_collection_scheme CHECK (scheme IN ('CORE', 'B2B')),
    CONSTRAINT ck_collection_file_sha256 CHECK (octet_length(file_sha256) = 32),
    CONSTRAINT ck_collection_items CHECK (items > 0 AND amount_minor > 0),
    CONSTRAINT ck_collection_cancelled CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
    CONSTRAINT fk_collection_bank_account_cooperative_id_bank_account_id FOREIGN KEY (cooperative_id, bank_account_id)
    REFERENCES bank_account (cooperative_id, id)
);

CREATE TABLE collection_item (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    collection_id uuid NOT NULL,
    number integer NOT NULL,
    invoice_id uuid NOT NULL,
    member_id uuid NOT NULL,
    mandate_id uuid NOT NULL,
    end_to_end_id text NOT NULL,
    sequence text NOT NULL,
    amount_minor bigint NOT NULL,
    state text NOT NULL,
    settled_line_id uuid,
    CONSTRAINT pk_collection_item PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_collection_item_cooperative_id_collection_id_number UNIQUE (cooperative_id, collection_id, number),
    CONSTRAINT uq_collection_item_cooperative_id_end_to_end_id UNIQUE (cooperative_id, end_to_end_id),
    CONSTRAINT ck_collection_item_sequence CHECK (sequence IN ('FRST', 'RCUR')),
    CONSTRAINT ck_collection_item_amount_minor CHECK (amount_minor > 0),
    CONSTRAINT ck_collection_item_state CHECK (state IN ('pending', 'settled', 'returned', 'cancelled')),
    CONSTRAINT ck_collection_item_settled CHECK (state <> 'settled' OR settled_line_id IS NOT NULL),
    CONSTRAINT fk_collection_item_collection_cooperative_id_collection_id FOREIGN KEY (cooperative_id, collection_id)
    REFERENCES collection (cooperative_id, id),
    CONSTRAINT fk_collection_item_invoice_cooperative_id_invoice_id FOREIGN KEY (cooperative_id, invoice_id)
    REFERENCES invoice (cooperative_id, id),
    CONSTRAINT fk_collection_item_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_collection_item_mandate_cooperative_id_mandate_id FOREIGN KEY (cooperative_id, mandate_id)
    REFERENCES mandate (cooperative_id, id),
    CONSTRAINT fk_collection_item_bank_line_cooperative_id_settled_line_id FOREIGN KEY
    (cooperative_id, settled_line_id)
    REFERENCES bank_line (cooperative_id, id)
);
CREATE UNIQUE INDEX uq_collection_item_pending ON collection_item (cooperative_id, invoice_id)
WHERE state = 'pending';

CREATE TABLE payment (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    received_on date NOT NULL,
    amount_minor bigint NOT NULL,
    method text NOT NULL,
    reference text NOT NULL,
    bank_line_id uuid,
    collection_item_id uuid,
    entry_id uuid NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    returned_on date,
    return_reason text,
    return_code_account text,
    return_entry_id uuid,
    return_line_id uuid,
    return_charge_minor bigint DEFAULT 0 NOT NULL,
    returned_by text,
    CONSTRAINT pk_payment PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_payment_cooperative_id_bank_line_id UNIQUE (cooperative_id, bank_line_id),
    CONSTRAINT uq_payment_cooperative_id_collection_item_id UNIQUE (cooperative_id, collection_item_id),
    CONSTRAINT uq_payment_cooperative_id_return_line_id UNIQUE (cooperative_id, return_line_id),
    CONSTRAINT ck_payment_method CHECK (method IN ('transfer', 'direct_debit', 'cash', 'card', 'other', 'refund')),
    CONSTRAINT ck_payment_amount_minor CHECK (
        CASE method WHEN 'refund' THEN amount_minor < 0 ELSE amount_minor > 0 END
    ),
    CONSTRAINT ck_payment_returned CHECK (
        num_nulls(returned_on, return_reason, return_code_account, return_entry_id, returned_by) IN (0, 5)
    ),
    CONSTRAINT ck_payment_return_line_id CHECK (return_line_id IS NULL OR returned_on IS NOT NULL),
    CONSTRAINT ck_payment_return_charge_minor CHECK (return_charge_minor >= 0),
    CONSTRAINT fk_payment_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_payment_bank_line FOREIGN KEY (cooperative_id, bank_line_id)
    REFERENCES bank_line (cooperative_id, id),
    CONSTRAINT fk_payment_return_line FOREIGN KEY (cooperative_id, return_line_id)
    REFERENCES bank_line (cooperative_id, id),
    CONSTRAINT fk_payment_collection_item_cooperative_id_collection_item_id FOREIGN KEY
    (cooperative_id, collection_item_id)
    REFERENCES collection_item (cooperative_id, id),
    CONSTRAINT fk_payment_entry FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id),
    CONSTRAINT fk_payment_return_entry FOREIGN KEY (cooperative_id, return_entry_id)
    REFERENCES journal_entry (cooperative_id, id)
);
CREATE INDEX ix_payment_member ON payment (cooperative_id, member_id, received_on, id);

COMMENT ON TABLE bank_account IS
'Accounts of the cooperative at banks.';
COMMENT ON COLUMN bank_account.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN bank_account.id IS
'UUID version 7.';
COMMENT ON COLUMN bank_account.iban IS
'Its IBAN without blanks.';
COMMENT ON COLUMN bank_account.bic IS
'The bank''s BIC, if it is known.';
COMMENT ON COLUMN bank_account.name IS
'The holder, as direct debits name who collects.';
COMMENT ON COLUMN bank_account.account_code IS
'The account of the chart that holds its money.';
COMMENT ON COLUMN bank_account.creditor_id IS
'Our SEPA creditor identifier, where we collect.';
COMMENT ON COLUMN bank_account.opened_by IS
'Subject who entered it.';
COMMENT ON COLUMN bank_account.opened_at IS
'When it was entered.';
COMMENT ON TABLE bank_file IS
'Files of the bank that were read.';
COMMENT ON COLUMN bank_file.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN bank_file.id IS
'UUID version 7.';
COMMENT ON COLUMN bank_file.bank_account_id IS
'The account; a file of several has a row for each.';
COMMENT ON COLUMN bank_file.kind IS
'camt.053 or mt940.';
COMMENT ON COLUMN bank_file.file_name IS
'What the file was called.';
COMMENT ON COLUMN bank_file.sha256 IS
'SHA-256 of the file: it is read once.';
COMMENT ON COLUMN bank_file.lines IS
'How many lines of the account it has.';
COMMENT ON COLUMN bank_file.known IS
'How many of them were here already.';
COMMENT ON COLUMN bank_file.imported_by IS
'Subject who imported it.';
COMMENT ON COLUMN bank_file.imported_at IS
'When it was imported.';
COMMENT ON TABLE bank_statement IS
'Statements in those files, each with balances that its lines explain.';
COMMENT ON COLUMN bank_statement.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN bank_statement.id IS
'UUID version 7.';
COMMENT ON COLUMN bank_statement.bank_file_id IS
'The file it stands in.';
COMMENT ON COLUMN bank_statement.bank_account_id IS
'The account.';
COMMENT ON COLUMN bank_statement.statement IS
'What the bank calls it.';
COMMENT ON COLUMN bank_statement.opened_on IS
'Day of its opening balance.';
COMMENT ON COLUMN bank_statement.closed_on IS
'Day of its closing balance.';
COMMENT ON COLUMN bank_statement.opening_minor IS
'What was there before its lines.';
COMMENT ON COLUMN bank_statement.closing_minor IS
'What was there after them: opening and lines, tried.';
COMMENT ON COLUMN bank_statement.lines IS
'How many lines it has.';
COMMENT ON TABLE bank_line IS
'What moved on our accounts, each line once however often files bring it.';
COMMENT ON COLUMN bank_line.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN bank_line.id IS
'UUID version 7.';
COMMENT ON COLUMN bank_line.bank_account_id IS
'The account it moved.';
COMMENT ON COLUMN bank_line.statement_id IS
'The statement that brought it first.';
COMMENT ON COLUMN bank_line.number IS
'Its place on that statement, from 1.';
COMMENT ON COLUMN bank_line.facts_sha256 IS
'SHA-256 of what makes it the same line in another file.';
COMMENT ON COLUMN bank_line.occurrence IS
'Which of lines alike in everything on that day, from 1.';
COMMENT ON COLUMN bank_line.booked_on IS
'The day the bank booked it: the day it is posted on.';
COMMENT ON COLUMN bank_line.value_on IS
'The day from which the bank counts it, if said.';
COMMENT ON COLUMN bank_line.amount_minor IS
'Money in is positive.';
COMMENT ON COLUMN bank_line.currency IS
'ISO 4217 code of its amount.';
COMMENT ON COLUMN bank_line.bank_reference IS
'The bank''s own name of it.';
COMMENT ON COLUMN bank_line.end_to_end_id IS
'The payer''s or our name of the payment.';
COMMENT ON COLUMN bank_line.mandate_reference IS
'The mandate it names.';
COMMENT ON COLUMN bank_line.creditor_reference IS
'The structured reference it carries.';
COMMENT ON COLUMN bank_line.batch_reference IS
'The batches it settles, one a line.';
COMMENT ON COLUMN bank_line.content IS
'What the payer and the bank wrote, in one line.';
COMMENT ON COLUMN bank_line.counterparty_name IS
'Who is on the other side.';
COMMENT ON COLUMN bank_line.counterparty_iban IS
'From or to which account.';
COMMENT ON COLUMN bank_line.return_code IS
'Why it gives back what was collected or paid.';
COMMENT ON COLUMN bank_line.original_minor IS
'What was collected, where it is given back.';
COMMENT ON COLUMN bank_line.raw IS
'The line as it came.';
COMMENT ON COLUMN bank_line.state IS
'unmatched until somebody knows; posted; linked to what was posted.';
COMMENT ON COLUMN bank_line.why IS
'Why it is what it is, or why nobody can tell.';
COMMENT ON COLUMN bank_line.candidates IS
'What it might be while it is unmatched: kind, id and why.';
COMMENT ON COLUMN bank_line.member_id IS
'Whose money it is, if a member''s.';
COMMENT ON COLUMN bank_line.entry_id IS
'Its entry, once it is posted.';
COMMENT ON COLUMN bank_line.settled_by IS
'Subject who had it matched or assigned it.';
COMMENT ON COLUMN bank_line.settled_at IS
'When.';
COMMENT ON COLUMN bank_line.recorded_at IS
'When it was read.';
COMMENT ON TABLE bank_rule IS
'What the cooperative decided about lines that no reference explains.';
COMMENT ON COLUMN bank_rule.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN bank_rule.id IS
'UUID version 7.';
COMMENT ON COLUMN bank_rule.name IS
'What it is called.';
COMMENT ON COLUMN bank_rule.contains IS
'What the line''s text or sender must contain.';
COMMENT ON COLUMN bank_rule.iban IS
'From or to which account the line must be.';
COMMENT ON COLUMN bank_rule.member_id IS
'The member whose payment it is then,';
COMMENT ON COLUMN bank_rule.account_code IS
'or the account it is posted to.';
COMMENT ON COLUMN bank_rule.set_by IS
'Subject who set it.';
COMMENT ON COLUMN bank_rule.set_at IS
'When it was set.';
COMMENT ON COLUMN bank_rule.ended_by IS
'Subject who ended it.';
COMMENT ON COLUMN bank_rule.ended_at IS
'When it was ended; null while it is in force.';
COMMENT ON TABLE mandate IS
'Leave of members to collect from their accounts by SEPA direct debit.';
COMMENT ON COLUMN mandate.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN mandate.id IS
'UUID version 7.';
COMMENT ON COLUMN mandate.member_id IS
'Whose invoices it pays.';
COMMENT ON COLUMN mandate.reference IS
'What the mandate is called towards the bank.';
COMMENT ON COLUMN mandate.signed_on IS
'The day it was signed.';
COMMENT ON COLUMN mandate.scheme IS
'CORE or B2B.';
COMMENT ON COLUMN mandate.iban IS
'The account it allows to collect from.';
COMMENT ON COLUMN mandate.bic IS
'That bank''s BIC, if it is known.';
COMMENT ON COLUMN mandate.holder IS
'Whose account it is.';
COMMENT ON COLUMN mandate.sequence IS
'FRST until something was collected with it, then RCUR.';
COMMENT ON COLUMN mandate.registered_by IS
'Subject who entered it.';
COMMENT ON COLUMN mandate.registered_at IS
'When it was entered.';
COMMENT ON COLUMN mandate.revoked_on IS
'First day it no longer holds.';
COMMENT ON COLUMN mandate.revoked_by IS
'Subject who recorded that.';
COMMENT ON TABLE collection IS
'Direct debits sent to the bank together.';
COMMENT ON COLUMN collection.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN collection.id IS
'UUID version 7.';
COMMENT ON COLUMN collection.bank_account_id IS
'The account it is collected to.';
COMMENT ON COLUMN collection.message_id IS
'What the file is called towards the bank.';
COMMENT ON COLUMN collection.collect_on IS
'The day the bank is asked to collect.';
COMMENT ON COLUMN collection.scheme IS
'CORE or B2B.';
COMMENT ON COLUMN collection.file_schema IS
'Which pain.008 it is.';
COMMENT ON COLUMN collection.file IS
'The file for the bank.';
COMMENT ON COLUMN collection.file_sha256 IS
'SHA-256 of the file.';
COMMENT ON COLUMN collection.items IS
'How many amounts it collects.';
COMMENT ON COLUMN collection.amount_minor IS
'Their sum.';
COMMENT ON COLUMN collection.made_by IS
'Subject who had it made.';
COMMENT ON COLUMN collection.made_at IS
'When it was made.';
COMMENT ON COLUMN collection.cancelled_by IS
'Subject who cancelled it.';
COMMENT ON COLUMN collection.cancelled_at IS
'When, if the bank never had it.';
COMMENT ON TABLE collection_item IS
'What was asked of one member''s bank for one invoice.';
COMMENT ON COLUMN collection_item.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN collection_item.id IS
'UUID version 7.';
COMMENT ON COLUMN collection_item.collection_id IS
'The collection.';
COMMENT ON COLUMN collection_item.number IS
'Its place in the file, from 1.';
COMMENT ON COLUMN collection_item.invoice_id IS
'The invoice it collects.';
COMMENT ON COLUMN collection_item.member_id IS
'Whose invoice.';
COMMENT ON COLUMN collection_item.mandate_id IS
'Under which mandate.';
COMMENT ON COLUMN collection_item.end_to_end_id IS
'What it is called at every bank on its way.';
COMMENT ON COLUMN collection_item.sequence IS
'FRST or RCUR, as it was sent.';
COMMENT ON COLUMN collection_item.amount_minor IS
'How much.';
COMMENT ON COLUMN collection_item.state IS
'pending; settled when the bank credits it; returned; cancelled.';
COMMENT ON COLUMN collection_item.settled_line_id IS
'The bank''s line that credits it.';
COMMENT ON TABLE payment IS
'Money members paid and were paid back; what no invoice takes is on account.';
COMMENT ON COLUMN payment.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN payment.id IS
'UUID version 7.';
COMMENT ON COLUMN payment.member_id IS
'Who paid, or was paid back.';
COMMENT ON COLUMN payment.received_on IS
'The day it counts.';
COMMENT ON COLUMN payment.amount_minor IS
'How much; negative was paid back.';
COMMENT ON COLUMN payment.method IS
'transfer, direct_debit, cash, card, other or refund.';
COMMENT ON COLUMN payment.reference IS
'What the payer wrote; may be empty.';
COMMENT ON COLUMN payment.bank_line_id IS
'The bank''s line of it.';
COMMENT ON COLUMN payment.collection_item_id IS
'The direct debit it came by.';
COMMENT ON COLUMN payment.entry_id IS
'Its entry.';
COMMENT ON COLUMN payment.recorded_by IS
'Subject who had it recorded.';
COMMENT ON COLUMN payment.recorded_at IS
'When it was recorded.';
COMMENT ON COLUMN payment.returned_on IS
'The day it was taken back.';
COMMENT ON COLUMN payment.return_reason IS
'Why: a code of the bank or words.';
COMMENT ON COLUMN payment.return_code_account IS
'The account its money left from.';
COMMENT ON COLUMN payment.return_entry_id IS
'The entry that takes it back.';
COMMENT ON COLUMN payment.return_line_id IS
'The bank''s line of that.';
COMMENT ON COLUMN payment.return_charge_minor IS
'What the bank charged for it.';
COMMENT ON COLUMN payment.returned_by IS
'Subject who had that recorded.';

-- Everything is seen in one cooperative at a time; only what becomes of it is changed, nothing is deleted.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'bank_account', 'bank_file', 'bank_statement', 'bank_line', 'bank_rule', 'mandate', 'collection',
        'collection_item', 'payment'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I USING (cooperative_id = (SELECT coop_current())) '
            'WITH CHECK (cooperative_id = (SELECT coop_current()))', v_table
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO coop_app', v_table);
    END LOOP;
END $$;
GRANT UPDATE (state, why, candidates, member_id, entry_id, settled_by, settled_at) ON bank_line TO coop_app;
GRANT UPDATE (ended_by, ended_at) ON bank_rule TO coop_app;
GRANT UPDATE (sequence, revoked_on, revoked_by) ON mandate TO coop_app;
GRANT UPDATE (cancelled_by, cancelled_at) ON collection TO coop_app;
GRANT UPDATE (state, settled_line_id) ON collection_item TO coop_app;
GRANT UPDATE (
    bank_line_id, returned_on, return_reason, return_code_account, return_entry_id, return_line_id,
    return_charge_minor, returned_by
) ON payment TO coop_app;
