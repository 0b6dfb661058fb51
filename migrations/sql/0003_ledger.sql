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
GRANT UPDATE (name) ON account TO coop_app;
