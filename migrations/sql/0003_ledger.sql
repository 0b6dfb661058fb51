-- The tables of the ledger. What each is for stands in its comment; how entries come in, in post_entries.sql.

CREATE TABLE commodity (
    cooperative_id uuid NOT NULL REFERENCES cooperative (cooperative_id),
    code text NOT NULL,
    kind text NOT NULL,
    scale smallint NOT NULL,
    CONSTRAINT pk_commodity PRIMARY KEY (cooperative_id, code),
    CONSTRAINT ck_commodity_kind CHECK (kind IN ('currency', 'energy', 'share')),
    CONSTRAINT ck_commodity_scale CHECK (scale BETWEEN 0 AND 9)
);

CREATE TABLE account (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    normal_side smallint NOT NULL,
    commodity text NOT NULL,
    member_id uuid,
    hub_id uuid,
    vintage smallint,
    is_summary boolean NOT NULL DEFAULT FALSE,
    floor_minor bigint,
    ceiling_minor bigint,
    opened_on date NOT NULL,
    closed_on date,
    CONSTRAINT pk_account PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_account_code UNIQUE NULLS NOT DISTINCT
    (cooperative_id, code, commodity, member_id, hub_id, vintage),
    CONSTRAINT fk_account_commodity FOREIGN KEY (cooperative_id, commodity)
    REFERENCES commodity (cooperative_id, code),
    CONSTRAINT fk_account_member FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT ck_account_type CHECK (
        type IN ('asset', 'liability', 'equity', 'revenue', 'expense', 'memorandum')
    ),
    CONSTRAINT ck_account_normal_side CHECK (normal_side IN (1, -1)),
    CONSTRAINT ck_account_limits CHECK (floor_minor <= ceiling_minor),
    CONSTRAINT ck_account_open CHECK (closed_on >= opened_on)
);
CREATE INDEX ix_account_member ON account (cooperative_id, member_id) WHERE member_id IS NOT NULL;

CREATE TABLE fund (
    cooperative_id uuid NOT NULL REFERENCES cooperative (cooperative_id),
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    restriction text NOT NULL DEFAULT 'none',
    grant_reference text,
    CONSTRAINT pk_fund PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_fund_code UNIQUE (cooperative_id, code),
    CONSTRAINT ck_fund_restriction CHECK (restriction IN ('none', 'purpose', 'time'))
);

CREATE TABLE journal_entry (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    effective_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    memo text NOT NULL,
    actor text NOT NULL,
    source_kind text,
    source_id text,
    resolution_id uuid,
    reverses_id uuid,
    metadata jsonb NOT NULL DEFAULT '{}',
    xact_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT pk_journal_entry PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_journal_entry_source CHECK ((source_kind IS NULL) = (source_id IS NULL)),
    CONSTRAINT fk_journal_entry_reverses FOREIGN KEY (cooperative_id, reverses_id)
    REFERENCES journal_entry (cooperative_id, id) NOT ENFORCED
);
CREATE UNIQUE INDEX uq_journal_entry_reverses ON journal_entry (cooperative_id, reverses_id)
WHERE reverses_id IS NOT NULL;
-- For sealing, in order of database transaction; not led by the cooperative, so that it is never mistaken for the key.
CREATE INDEX ix_journal_entry_xact ON journal_entry (xact_id);

CREATE TABLE posting (
    cooperative_id uuid NOT NULL,
    account_id uuid NOT NULL,
    fund_id uuid NOT NULL,
    version bigint NOT NULL,
    entry_id uuid NOT NULL,
    line smallint NOT NULL,
    commodity text NOT NULL,
    amount_minor bigint NOT NULL,
    balance_after bigint NOT NULL,
    effective_on date NOT NULL,
    CONSTRAINT pk_posting PRIMARY KEY (cooperative_id, account_id, fund_id, version),
    CONSTRAINT ck_posting_amount CHECK (amount_minor <> 0),
    CONSTRAINT fk_posting_entry FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id) NOT ENFORCED,
    CONSTRAINT fk_posting_account FOREIGN KEY (cooperative_id, account_id)
    REFERENCES account (cooperative_id, id) NOT ENFORCED,
    CONSTRAINT fk_posting_fund FOREIGN KEY (cooperative_id, fund_id)
    REFERENCES fund (cooperative_id, id) NOT ENFORCED
);
CREATE INDEX ix_posting_entry ON posting (cooperative_id, entry_id);

CREATE TABLE balance (
    cooperative_id uuid NOT NULL,
    account_id uuid NOT NULL,
    fund_id uuid NOT NULL,
    debit_minor bigint NOT NULL DEFAULT 0,
    credit_minor bigint NOT NULL DEFAULT 0,
    pending_debit_minor bigint NOT NULL DEFAULT 0,
    pending_credit_minor bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    recorded_at timestamptz NOT NULL DEFAULT '-infinity',
    commodity text NOT NULL,
    normal_side smallint NOT NULL,
    floor_minor bigint,
    ceiling_minor bigint,
    CONSTRAINT pk_balance PRIMARY KEY (cooperative_id, account_id, fund_id),
    CONSTRAINT fk_balance_account FOREIGN KEY (cooperative_id, account_id)
    REFERENCES account (cooperative_id, id),
    CONSTRAINT fk_balance_fund FOREIGN KEY (cooperative_id, fund_id)
    REFERENCES fund (cooperative_id, id),
    CONSTRAINT ck_balance_pending CHECK (pending_debit_minor >= 0 AND pending_credit_minor >= 0),
    CONSTRAINT ck_balance_floor CHECK (
        normal_side * (debit_minor - credit_minor)
        - CASE normal_side WHEN 1 THEN pending_credit_minor ELSE pending_debit_minor END
        >= floor_minor
    ),
    CONSTRAINT ck_balance_ceiling CHECK (
        normal_side * (debit_minor - credit_minor)
        + CASE normal_side WHEN 1 THEN pending_debit_minor ELSE pending_credit_minor END
        <= ceiling_minor
    )
) WITH (fillfactor = 50);

CREATE TABLE balance_day (
    cooperative_id uuid NOT NULL,
    account_id uuid NOT NULL,
    fund_id uuid NOT NULL,
    day date NOT NULL,
    debit_minor bigint NOT NULL,
    credit_minor bigint NOT NULL,
    first_version bigint NOT NULL,
    last_version bigint NOT NULL,
    CONSTRAINT pk_balance_day PRIMARY KEY (cooperative_id, account_id, fund_id, day)
) WITH (fillfactor = 70);

CREATE TABLE hold (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    fund_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    memo text NOT NULL,
    actor text NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    placed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    settled_at timestamptz,
    captured_minor bigint NOT NULL DEFAULT 0,
    entry_id uuid,
    CONSTRAINT pk_hold PRIMARY KEY (cooperative_id, id),
    CONSTRAINT fk_hold_debit_account FOREIGN KEY (cooperative_id, debit_account_id)
    REFERENCES account (cooperative_id, id),
    CONSTRAINT fk_hold_credit_account FOREIGN KEY (cooperative_id, credit_account_id)
    REFERENCES account (cooperative_id, id),
    CONSTRAINT fk_hold_fund FOREIGN KEY (cooperative_id, fund_id)
    REFERENCES fund (cooperative_id, id),
    CONSTRAINT ck_hold_amount CHECK (amount_minor > 0 AND captured_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT ck_hold_accounts CHECK (debit_account_id <> credit_account_id),
    CONSTRAINT ck_hold_state CHECK (
        CASE state
            WHEN 'pending' THEN settled_at IS NULL AND entry_id IS NULL AND captured_minor = 0
            WHEN 'captured' THEN settled_at IS NOT NULL AND entry_id IS NOT NULL AND captured_minor > 0
            WHEN 'released' THEN settled_at IS NOT NULL AND entry_id IS NULL AND captured_minor = 0
            WHEN 'expired' THEN settled_at IS NOT NULL AND entry_id IS NULL AND captured_minor = 0
            ELSE FALSE
        END
    )
);
CREATE INDEX ix_hold_pending ON hold (cooperative_id, expires_at) WHERE state = 'pending';

CREATE TABLE idempotency (
    cooperative_id uuid NOT NULL,
    actor text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    entry_id uuid,
    outcome jsonb,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_idempotency PRIMARY KEY (cooperative_id, actor, key)
);

CREATE TABLE period (
    cooperative_id uuid NOT NULL REFERENCES cooperative (cooperative_id),
    id uuid NOT NULL DEFAULT uuidv7(),
    from_on date NOT NULL,
    to_on date NOT NULL,
    state text NOT NULL DEFAULT 'open',
    closing_at timestamptz,
    closed_at timestamptz,
    closed_by text,
    seal_number bigint,
    resolution_id uuid,
    CONSTRAINT pk_period PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_period_from UNIQUE (cooperative_id, from_on),
    CONSTRAINT ck_period_month CHECK (
        extract(DAY FROM from_on) = 1 AND to_on = (from_on + interval '1 month')::date
    ),
    CONSTRAINT ck_period_state CHECK (
        CASE state
            WHEN 'open' THEN closed_at IS NULL
            WHEN 'closing' THEN closing_at IS NOT NULL AND closed_at IS NULL
            WHEN 'closed' THEN closed_at IS NOT NULL AND seal_number IS NOT NULL
            ELSE FALSE
        END
    )
);

CREATE TABLE period_close (
    cooperative_id uuid NOT NULL,
    period_id uuid NOT NULL,
    closed_at timestamptz NOT NULL,
    closed_by text NOT NULL,
    seal_number bigint NOT NULL,
    CONSTRAINT pk_period_close PRIMARY KEY (cooperative_id, period_id, closed_at),
    CONSTRAINT fk_period_close_period FOREIGN KEY (cooperative_id, period_id)
    REFERENCES period (cooperative_id, id)
);

CREATE TABLE period_balance (
    cooperative_id uuid NOT NULL,
    period_id uuid NOT NULL,
    closed_at timestamptz NOT NULL,
    account_id uuid NOT NULL,
    fund_id uuid NOT NULL,
    debit_minor bigint NOT NULL,
    credit_minor bigint NOT NULL,
    CONSTRAINT pk_period_balance PRIMARY KEY
    (cooperative_id, period_id, closed_at, account_id, fund_id),
    CONSTRAINT fk_period_balance_close FOREIGN KEY (cooperative_id, period_id, closed_at)
    REFERENCES period_close (cooperative_id, period_id, closed_at)
);

CREATE TABLE seal (
    cooperative_id uuid NOT NULL REFERENCES cooperative (cooperative_id),
    number bigint NOT NULL,
    previous_hash bytea NOT NULL,
    root bytea NOT NULL,
    hash bytea NOT NULL,
    entry_count bigint NOT NULL,
    watermark xid8 NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT pk_seal PRIMARY KEY (cooperative_id, number),
    CONSTRAINT ck_seal_number CHECK (number >= 1 AND entry_count >= 1),
    CONSTRAINT ck_seal_hashes CHECK (
        octet_length(previous_hash) = 32 AND octet_length(root) = 32 AND octet_length(hash) = 32
    )
);

CREATE TABLE seal_cursor (
    cooperative_id uuid NOT NULL REFERENCES cooperative (cooperative_id),
    xact_id xid8 NOT NULL,
    CONSTRAINT pk_seal_cursor PRIMARY KEY (cooperative_id)
);

CREATE TABLE entry_seal (
    cooperative_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    seal_number bigint NOT NULL,
    position integer NOT NULL,
    content_hash bytea NOT NULL,
    CONSTRAINT pk_entry_seal PRIMARY KEY (cooperative_id, entry_id),
    CONSTRAINT uq_entry_seal_position UNIQUE (cooperative_id, seal_number, position),
    CONSTRAINT fk_entry_seal_seal FOREIGN KEY (cooperative_id, seal_number)
    REFERENCES seal (cooperative_id, number),
    CONSTRAINT ck_entry_seal_hash CHECK (octet_length(content_hash) = 32 AND position >= 0)
);

CREATE TABLE outbox (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    topic text NOT NULL,
    payload jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT pk_outbox PRIMARY KEY (cooperative_id, id)
);

-- What each table and column means.
COMMENT ON TABLE commodity IS
'What amounts are counted in: a currency, energy, shares.';
COMMENT ON COLUMN commodity.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN commodity.code IS
'ISO 4217 for a currency; kWh for energy.';
COMMENT ON COLUMN commodity.kind IS
'currency, energy or share.';
COMMENT ON COLUMN commodity.scale IS
'Decimals: amounts are stored in the smallest unit.';

COMMENT ON TABLE account IS
'An account of the chart, opened once or for a member, a hub or a year.';
COMMENT ON COLUMN account.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN account.id IS
'UUID version 7.';
COMMENT ON COLUMN account.code IS
'Its number in the chart of accounts.';
COMMENT ON COLUMN account.name IS
'What it is called.';
COMMENT ON COLUMN account.type IS
'asset, liability, equity, revenue, expense or memorandum (energy).';
COMMENT ON COLUMN account.normal_side IS
'Side on which it grows: 1 debit, -1 credit.';
COMMENT ON COLUMN account.commodity IS
'The one commodity its postings are in.';
COMMENT ON COLUMN account.member_id IS
'The member it is opened for, if any.';
COMMENT ON COLUMN account.hub_id IS
'The hub it is opened for, if any; the ledger knows hubs by id only.';
COMMENT ON COLUMN account.vintage IS
'The year it is opened for, if any.';
COMMENT ON COLUMN account.is_summary IS
'Whether it is a heading of the chart, which takes no postings.';
COMMENT ON COLUMN account.floor_minor IS
'Least it may hold on its normal side, with holds; null: no limit.';
COMMENT ON COLUMN account.ceiling_minor IS
'Most it may hold on its normal side, with holds; null: no limit.';
COMMENT ON COLUMN account.opened_on IS
'First day it takes postings of.';
COMMENT ON COLUMN account.closed_on IS
'Last day it takes postings of; null while it is open.';

COMMENT ON TABLE fund IS
'What money is bound to. The unrestricted fund has the cooperative''s own id.';
COMMENT ON COLUMN fund.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN fund.id IS
'UUID version 7; the cooperative''s id for the unrestricted fund.';
COMMENT ON COLUMN fund.code IS
'Its short name, unique in the cooperative.';
COMMENT ON COLUMN fund.name IS
'What it is called.';
COMMENT ON COLUMN fund.restriction IS
'none, purpose or time.';
COMMENT ON COLUMN fund.grant_reference IS
'The grant it came from, if any.';

COMMENT ON TABLE journal_entry IS
'The journal: what happened, written once. A correction is a new entry.';
COMMENT ON COLUMN journal_entry.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN journal_entry.id IS
'UUID version 7.';
COMMENT ON COLUMN journal_entry.kind IS
'What kind of event it books.';
COMMENT ON COLUMN journal_entry.effective_on IS
'The day it counts for.';
COMMENT ON COLUMN journal_entry.recorded_at IS
'When it was written; later on an account means later here.';
COMMENT ON COLUMN journal_entry.memo IS
'What it says to a reader.';
COMMENT ON COLUMN journal_entry.actor IS
'Who had it posted.';
COMMENT ON COLUMN journal_entry.source_kind IS
'What it was made from: a kind of thing,';
COMMENT ON COLUMN journal_entry.source_id IS
'and which one.';
COMMENT ON COLUMN journal_entry.resolution_id IS
'The vote that authorised it, where one did.';
COMMENT ON COLUMN journal_entry.reverses_id IS
'The entry it takes back; an entry is taken back once.';
COMMENT ON COLUMN journal_entry.metadata IS
'Further facts, as JSON; hashed like the rest.';
COMMENT ON COLUMN journal_entry.xact_id IS
'Database transaction that wrote it: the order of sealing.';

COMMENT ON TABLE posting IS
'One line of an entry; a statement page is one range of its key.';
COMMENT ON COLUMN posting.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN posting.account_id IS
'The account it moves.';
COMMENT ON COLUMN posting.fund_id IS
'The fund it moves.';
COMMENT ON COLUMN posting.version IS
'Running number of the account''s postings in this fund, from 1, without a gap.';
COMMENT ON COLUMN posting.entry_id IS
'The entry it belongs to.';
COMMENT ON COLUMN posting.line IS
'Its place in the entry, from 0.';
COMMENT ON COLUMN posting.commodity IS
'The account''s commodity.';
COMMENT ON COLUMN posting.amount_minor IS
'Amount in the commodity''s smallest unit; debit positive, never 0.';
COMMENT ON COLUMN posting.balance_after IS
'Debits less credits of the account in this fund after it.';
COMMENT ON COLUMN posting.effective_on IS
'The entry''s effective day.';

COMMENT ON TABLE balance IS
'Where each account stands in each fund now: one row, whatever its history.';
COMMENT ON COLUMN balance.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN balance.account_id IS
'The account.';
COMMENT ON COLUMN balance.fund_id IS
'The fund.';
COMMENT ON COLUMN balance.debit_minor IS
'Sum of all debits.';
COMMENT ON COLUMN balance.credit_minor IS
'Sum of all credits.';
COMMENT ON COLUMN balance.pending_debit_minor IS
'What pending holds would debit.';
COMMENT ON COLUMN balance.pending_credit_minor IS
'What pending holds would credit.';
COMMENT ON COLUMN balance.version IS
'Running number of the last posting.';
COMMENT ON COLUMN balance.recorded_at IS
'When it was last moved; the next posting is recorded later.';
COMMENT ON COLUMN balance.commodity IS
'The account''s commodity.';
COMMENT ON COLUMN balance.normal_side IS
'The account''s normal side: 1 debit, -1 credit.';
COMMENT ON COLUMN balance.floor_minor IS
'The account''s floor.';
COMMENT ON COLUMN balance.ceiling_minor IS
'The account''s ceiling.';

COMMENT ON TABLE balance_day IS
'What one effective day moved on an account in a fund: sums, never running totals.';
COMMENT ON COLUMN balance_day.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN balance_day.account_id IS
'The account.';
COMMENT ON COLUMN balance_day.fund_id IS
'The fund.';
COMMENT ON COLUMN balance_day.day IS
'The effective day.';
COMMENT ON COLUMN balance_day.debit_minor IS
'Debits of that day.';
COMMENT ON COLUMN balance_day.credit_minor IS
'Credits of that day.';
COMMENT ON COLUMN balance_day.first_version IS
'Running number of the first posting of that day.';
COMMENT ON COLUMN balance_day.last_version IS
'Running number of the last posting of that day.';

COMMENT ON TABLE hold IS
'Money set aside between two accounts until it is captured, released or expires.';
COMMENT ON COLUMN hold.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN hold.id IS
'UUID version 7.';
COMMENT ON COLUMN hold.debit_account_id IS
'Account that a capture debits.';
COMMENT ON COLUMN hold.credit_account_id IS
'Account that a capture credits.';
COMMENT ON COLUMN hold.fund_id IS
'The fund.';
COMMENT ON COLUMN hold.amount_minor IS
'How much is set aside.';
COMMENT ON COLUMN hold.memo IS
'What for.';
COMMENT ON COLUMN hold.actor IS
'Who set it aside.';
COMMENT ON COLUMN hold.state IS
'pending, captured, released or expired.';
COMMENT ON COLUMN hold.placed_at IS
'When it was set aside.';
COMMENT ON COLUMN hold.expires_at IS
'From when it can no longer be captured.';
COMMENT ON COLUMN hold.settled_at IS
'When it was captured, released or expired.';
COMMENT ON COLUMN hold.captured_minor IS
'How much of it was moved.';
COMMENT ON COLUMN hold.entry_id IS
'The entry that moved it.';

COMMENT ON TABLE idempotency IS
'What became of a request, by its key; a retry is told the same, for ever.';
COMMENT ON COLUMN idempotency.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN idempotency.actor IS
'Whose key it is.';
COMMENT ON COLUMN idempotency.key IS
'The key, as sent.';
COMMENT ON COLUMN idempotency.request_hash IS
'SHA-256 of everything the request asked for.';
COMMENT ON COLUMN idempotency.entry_id IS
'The entry it made, or would have made.';
COMMENT ON COLUMN idempotency.outcome IS
'The refusal, or the outcome of a request that is no posting; null for an entry.';
COMMENT ON COLUMN idempotency.recorded_at IS
'When.';

COMMENT ON TABLE period IS
'A month of the books: open, closing or closed. Months have no gaps.';
COMMENT ON COLUMN period.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN period.id IS
'UUID version 7.';
COMMENT ON COLUMN period.from_on IS
'Its first day.';
COMMENT ON COLUMN period.to_on IS
'The first day after it.';
COMMENT ON COLUMN period.state IS
'open, closing or closed.';
COMMENT ON COLUMN period.closing_at IS
'When its close began.';
COMMENT ON COLUMN period.closed_at IS
'When it was closed; names the close that counts.';
COMMENT ON COLUMN period.closed_by IS
'Who closed it.';
COMMENT ON COLUMN period.seal_number IS
'The seal that covers it.';
COMMENT ON COLUMN period.resolution_id IS
'The vote that last reopened it, if any.';

COMMENT ON TABLE period_close IS
'Each close of a month, also those that a vote undid later.';
COMMENT ON COLUMN period_close.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN period_close.period_id IS
'The month.';
COMMENT ON COLUMN period_close.closed_at IS
'When it was closed.';
COMMENT ON COLUMN period_close.closed_by IS
'Who closed it.';
COMMENT ON COLUMN period_close.seal_number IS
'The seal that covered it.';

COMMENT ON TABLE period_balance IS
'Where each account stood at the end of a closed month.';
COMMENT ON COLUMN period_balance.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN period_balance.period_id IS
'The month.';
COMMENT ON COLUMN period_balance.closed_at IS
'The close that kept it.';
COMMENT ON COLUMN period_balance.account_id IS
'The account.';
COMMENT ON COLUMN period_balance.fund_id IS
'The fund.';
COMMENT ON COLUMN period_balance.debit_minor IS
'Debits of all days up to its end.';
COMMENT ON COLUMN period_balance.credit_minor IS
'Credits of all days up to its end.';

COMMENT ON TABLE seal IS
'A link of the chain: it fixes a batch of entries and all links before it.';
COMMENT ON COLUMN seal.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN seal.number IS
'Place in the chain, from 1.';
COMMENT ON COLUMN seal.previous_hash IS
'Hash of the link before it; zeros for the first.';
COMMENT ON COLUMN seal.root IS
'Merkle root over the content hashes of its entries.';
COMMENT ON COLUMN seal.hash IS
'SHA-256 of this link''s facts: what people print and keep.';
COMMENT ON COLUMN seal.entry_count IS
'How many entries it holds.';
COMMENT ON COLUMN seal.watermark IS
'Every database transaction below it is sealed.';
COMMENT ON COLUMN seal.sealed_at IS
'When it was made.';

COMMENT ON TABLE seal_cursor IS
'How far sealing is: where the next seal starts to look.';
COMMENT ON COLUMN seal_cursor.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN seal_cursor.xact_id IS
'The last seal''s watermark.';

COMMENT ON TABLE entry_seal IS
'In which seal an entry stands, and what it said then.';
COMMENT ON COLUMN entry_seal.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN entry_seal.entry_id IS
'The entry.';
COMMENT ON COLUMN entry_seal.seal_number IS
'The seal.';
COMMENT ON COLUMN entry_seal.position IS
'Place among the seal''s entries, from 0.';
COMMENT ON COLUMN entry_seal.content_hash IS
'SHA-256 of the entry''s canonical form when it was sealed.';

COMMENT ON TABLE outbox IS
'What happened, for whoever subscribes, in the commit that did it.';
COMMENT ON COLUMN outbox.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN outbox.id IS
'UUID version 7: the order of telling.';
COMMENT ON COLUMN outbox.topic IS
'What kind of fact.';
COMMENT ON COLUMN outbox.payload IS
'The fact.';
COMMENT ON COLUMN outbox.recorded_at IS
'When.';
COMMENT ON COLUMN outbox.xact_id IS
'Database transaction that told it.';
-- Whoever serves reads everything of its own cooperative, and writes only what is said here. Entries, postings and
-- balances come in through functions alone.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'commodity', 'account', 'fund', 'journal_entry', 'posting', 'balance', 'balance_day', 'hold',
        'idempotency', 'period', 'period_close', 'period_balance', 'seal', 'seal_cursor', 'entry_seal', 'outbox'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I USING (cooperative_id = (SELECT coop_current())) '
            'WITH CHECK (cooperative_id = (SELECT coop_current()))', v_table
        );
        EXECUTE format('GRANT SELECT ON %I TO coop_app', v_table);
    END LOOP;
END $$;
GRANT INSERT ON commodity, account, fund, idempotency, seal, entry_seal, seal_cursor TO coop_app;
GRANT UPDATE (xact_id) ON seal_cursor TO coop_app;
GRANT UPDATE (name) ON account TO coop_app; -- noqa: CP01
