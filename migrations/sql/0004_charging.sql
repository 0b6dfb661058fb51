-- Hubs, ports and prices; badges and whose they are; sessions, each as it came, and the imports that brought them.

CREATE TABLE hub (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    ref text NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    power_w bigint,
    registered_at timestamptz NOT NULL,
    CONSTRAINT pk_hub PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_hub_cooperative_id_ref UNIQUE (cooperative_id, ref),
    CONSTRAINT ck_hub_named CHECK (ref <> '' AND name <> ''),
    CONSTRAINT ck_hub_power_w CHECK (power_w > 0)
);

CREATE TABLE port (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    ref text NOT NULL,
    power_w bigint,
    registered_at timestamptz NOT NULL,
    CONSTRAINT pk_port PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_port_cooperative_id_hub_id_ref UNIQUE (cooperative_id, hub_id, ref),
    CONSTRAINT ck_port_named CHECK (ref <> ''),
    CONSTRAINT ck_port_power_w CHECK (power_w > 0),
    CONSTRAINT fk_port_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id)
);

CREATE TABLE hub_price (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    currency text NOT NULL,
    per_kwh numeric NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_hub_price PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_hub_price_cooperative_id_hub_id_from_at UNIQUE (cooperative_id, hub_id, from_at),
    CONSTRAINT ck_hub_price_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_hub_price_per_kwh CHECK (per_kwh >= 0 AND per_kwh < 1000000),
    CONSTRAINT fk_hub_price_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id)
);

CREATE TABLE token (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    uid text NOT NULL,
    member_id uuid NOT NULL,
    from_on date NOT NULL,
    to_on date,
    assigned_by text NOT NULL,
    assigned_at timestamptz NOT NULL,
    ended_by text,
    CONSTRAINT pk_token PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_token_uid CHECK (uid <> ''),
    CONSTRAINT ck_token_to_on CHECK (to_on > from_on),
    CONSTRAINT fk_token_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE INDEX ix_token_member ON token (cooperative_id, member_id);
CREATE INDEX ix_token_uid ON token (cooperative_id, uid, from_on);

CREATE TABLE import_run (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    file_name text NOT NULL,
    file_sha256 bytea NOT NULL,
    actor text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    rows bigint NOT NULL,
    accepted bigint NOT NULL,
    rejected bigint NOT NULL,
    duplicates bigint NOT NULL,
    filtered bigint NOT NULL,
    review bigint NOT NULL,
    delivered_wh bigint NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT pk_import_run PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_import_run_kind CHECK (kind IN ('csv', 'cdr')),
    CONSTRAINT ck_import_run_file_sha256 CHECK (octet_length(file_sha256) = 32),
    CONSTRAINT ck_import_run_rows CHECK (rows = accepted + rejected + duplicates + filtered)
);

CREATE TABLE import_rejection (
    cooperative_id uuid NOT NULL,
    run_id uuid NOT NULL,
    position integer NOT NULL,
    line bigint NOT NULL,
    field text NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    implausible boolean NOT NULL,
    raw bytea NOT NULL,
    CONSTRAINT pk_import_rejection PRIMARY KEY (cooperative_id, run_id, position),
    CONSTRAINT fk_import_rejection_import_run_cooperative_id_run_id FOREIGN KEY (cooperative_id, run_id)
    REFERENCES import_run (cooperative_id, id)
);

CREATE TABLE charging_session (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    country_code text NOT NULL,
    party_id text NOT NULL,
    session_id text NOT NULL,
    hub_id uuid NOT NULL,
    port_id uuid,
    token_uid text,
    member_id uuid,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    effective_on date NOT NULL,
    delivered_wh bigint NOT NULL,
    state text NOT NULL,
    amount_minor bigint NOT NULL,
    price_id uuid,
    entry_id uuid,
    credit_of_id uuid,
    doubts text[] NOT NULL,
    reviewed_by text,
    reviewed_at timestamptz,
    run_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    raw bytea NOT NULL,
    raw_sha256 bytea NOT NULL,
    body_sha256 bytea NOT NULL,
    CONSTRAINT pk_charging_session PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_charging_session_identity UNIQUE
    (cooperative_id, country_code, party_id, session_id),
    CONSTRAINT uq_charging_session_cooperative_id_credit_of_id UNIQUE
    (cooperative_id, credit_of_id),
    CONSTRAINT ck_charging_session_ended_at CHECK (ended_at >= started_at),
    CONSTRAINT ck_charging_session_delivered_wh CHECK (delivered_wh >= 0),
    CONSTRAINT ck_charging_session_state CHECK (
        state IN ('charged', 'suspended', 'credited', 'credit')
    ),
    CONSTRAINT ck_charging_session_credit CHECK ((state = 'credit') = (credit_of_id IS NOT NULL)),
    CONSTRAINT ck_charging_session_amount_minor CHECK ((amount_minor < 0) <= (state = 'credit')),
    CONSTRAINT ck_charging_session_suspended CHECK ((state = 'suspended') <= (member_id IS NULL)),
    CONSTRAINT ck_charging_session_charged CHECK ((state = 'charged') <= (member_id IS NOT NULL)),
    CONSTRAINT ck_charging_session_entry CHECK (entry_id IS NOT NULL OR amount_minor = 0),
    CONSTRAINT ck_charging_session_hashes CHECK (
        octet_length(raw_sha256) = 32
        AND octet_length(body_sha256) = 32
    ),
    CONSTRAINT fk_charging_session_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id),
    CONSTRAINT fk_charging_session_port_cooperative_id_port_id FOREIGN KEY (cooperative_id, port_id)
    REFERENCES port (cooperative_id, id),
    CONSTRAINT fk_charging_session_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_charging_session_import_run_cooperative_id_run_id FOREIGN KEY (cooperative_id, run_id)
    REFERENCES import_run (cooperative_id, id)
);
CREATE INDEX ix_charging_session_hub ON charging_session (cooperative_id, hub_id, effective_on);
CREATE INDEX ix_charging_session_member ON charging_session (cooperative_id, member_id, started_at, id);
CREATE INDEX ix_charging_session_review ON charging_session (cooperative_id, id)
WHERE doubts <> '{}' AND reviewed_at IS NULL;
CREATE INDEX ix_charging_session_token ON charging_session (cooperative_id, token_uid, started_at);

COMMENT ON TABLE hub IS
'A place with ports that the cooperative owns.';
COMMENT ON COLUMN hub.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN hub.id IS
'UUID version 7.';
COMMENT ON COLUMN hub.ref IS
'What charging platforms call it; unique in the cooperative.';
COMMENT ON COLUMN hub.name IS
'What people call it.';
COMMENT ON COLUMN hub.time_zone IS
'IANA time zone whose clocks and days are its own.';
COMMENT ON COLUMN hub.power_w IS
'What one of its ports can deliver at most, if known.';
COMMENT ON COLUMN hub.registered_at IS
'When it was registered.';

COMMENT ON TABLE port IS
'Where one vehicle charges at a time.';
COMMENT ON COLUMN port.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN port.id IS
'UUID version 7.';
COMMENT ON COLUMN port.hub_id IS
'Where it stands.';
COMMENT ON COLUMN port.ref IS
'What charging platforms call it (an EVSE''s uid); unique at its hub.';
COMMENT ON COLUMN port.power_w IS
'What it can deliver at most, if known.';
COMMENT ON COLUMN port.registered_at IS
'When it was registered.';

COMMENT ON TABLE hub_price IS
'Flat prices per kWh; a price once set stays, the next one follows it.';
COMMENT ON COLUMN hub_price.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN hub_price.id IS
'UUID version 7.';
COMMENT ON COLUMN hub_price.hub_id IS
'Whose price it is.';
COMMENT ON COLUMN hub_price.from_at IS
'Sessions that start at or after this are charged it, until the next.';
COMMENT ON COLUMN hub_price.currency IS
'ISO 4217 code; the cooperative''s own.';
COMMENT ON COLUMN hub_price.per_kwh IS
'Exact price of one kWh in whole currency.';
COMMENT ON COLUMN hub_price.set_by IS
'Subject who set it.';
COMMENT ON COLUMN hub_price.set_at IS
'When it was set.';

COMMENT ON TABLE token IS
'Which member a badge belongs to, on which days; never two at once.';
COMMENT ON COLUMN token.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN token.id IS
'UUID version 7.';
COMMENT ON COLUMN token.uid IS
'What the badge or app shows, upper case.';
COMMENT ON COLUMN token.member_id IS
'Who charges with it.';
COMMENT ON COLUMN token.from_on IS
'First day it is the member''s, in the hub''s time zone.';
COMMENT ON COLUMN token.to_on IS
'First day it no longer is; null while no end is known.';
COMMENT ON COLUMN token.assigned_by IS
'Subject who assigned it.';
COMMENT ON COLUMN token.assigned_at IS
'When it was assigned.';
COMMENT ON COLUMN token.ended_by IS
'Subject who ended it.';

COMMENT ON TABLE import_run IS
'One reading of one file; its counts grow with every committed chunk.';
COMMENT ON COLUMN import_run.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN import_run.id IS
'UUID version 7.';
COMMENT ON COLUMN import_run.kind IS
'csv (by a mapping) or cdr (OCPI).';
COMMENT ON COLUMN import_run.file_name IS
'What the file was called.';
COMMENT ON COLUMN import_run.file_sha256 IS
'SHA-256 of the file.';
COMMENT ON COLUMN import_run.actor IS
'Subject who imported it.';
COMMENT ON COLUMN import_run.started_at IS
'When it began.';
COMMENT ON COLUMN import_run.finished_at IS
'When it was through; null if it broke off.';
COMMENT ON COLUMN import_run.rows IS
'Rows read so far: accepted + rejected + duplicates + filtered.';
COMMENT ON COLUMN import_run.accepted IS
'Stored, priced and posted.';
COMMENT ON COLUMN import_run.rejected IS
'Refused; in import_rejection.';
COMMENT ON COLUMN import_run.duplicates IS
'Here already with the same facts.';
COMMENT ON COLUMN import_run.filtered IS
'Left out by the mapping.';
COMMENT ON COLUMN import_run.review IS
'Accepted with a doubt, or refused as implausible.';
COMMENT ON COLUMN import_run.delivered_wh IS
'Energy of the accepted rows, less what they credit.';
COMMENT ON COLUMN import_run.amount_minor IS
'Price of the accepted rows, less what they credit.';

COMMENT ON TABLE import_rejection IS
'What an import refused, and why: the correction report.';
COMMENT ON COLUMN import_rejection.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN import_rejection.run_id IS
'The import that refused it.';
COMMENT ON COLUMN import_rejection.position IS
'Its number among the rows read, from 1.';
COMMENT ON COLUMN import_rejection.line IS
'Line of the file where it begins.';
COMMENT ON COLUMN import_rejection.field IS
'Column or path that is wrong; empty for the whole row.';
COMMENT ON COLUMN import_rejection.code IS
'Code of the refusal.';
COMMENT ON COLUMN import_rejection.reason IS
'One sentence for a person.';
COMMENT ON COLUMN import_rejection.implausible IS
'Whether it is on the review list.';
COMMENT ON COLUMN import_rejection.raw IS
'The row as it came, byte for byte (the beginning of one that was too long).';

COMMENT ON TABLE charging_session IS
'Metered use of a hub, as a charging platform reported it once.';
COMMENT ON COLUMN charging_session.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN charging_session.id IS
'UUID version 7.';
COMMENT ON COLUMN charging_session.country_code IS
'ISO 3166 code of who reported it.';
COMMENT ON COLUMN charging_session.party_id IS
'Who reported it, within the country.';
COMMENT ON COLUMN charging_session.session_id IS
'Its id there, upper case.';
COMMENT ON COLUMN charging_session.hub_id IS
'Where.';
COMMENT ON COLUMN charging_session.port_id IS
'At which port, if it is registered.';
COMMENT ON COLUMN charging_session.token_uid IS
'By which badge, if one was shown.';
COMMENT ON COLUMN charging_session.member_id IS
'Who used it; null while nobody is known for the badge.';
COMMENT ON COLUMN charging_session.started_at IS
'When the vehicle was plugged in.';
COMMENT ON COLUMN charging_session.ended_at IS
'When it was unplugged.';
COMMENT ON COLUMN charging_session.effective_on IS
'Day of its end at the hub: the day it counts for.';
COMMENT ON COLUMN charging_session.delivered_wh IS
'Energy delivered.';
COMMENT ON COLUMN charging_session.state IS
'charged | suspended | credited | credit; see service.py.';
COMMENT ON COLUMN charging_session.amount_minor IS
'What was charged; negative for a credit.';
COMMENT ON COLUMN charging_session.price_id IS
'The price it was charged by.';
COMMENT ON COLUMN charging_session.entry_id IS
'Its journal entry; null when nothing was delivered.';
COMMENT ON COLUMN charging_session.credit_of_id IS
'The session that this credit takes back.';
COMMENT ON COLUMN charging_session.doubts IS
'Why somebody should look at it.';
COMMENT ON COLUMN charging_session.reviewed_by IS
'Subject who looked at it.';
COMMENT ON COLUMN charging_session.reviewed_at IS
'When.';
COMMENT ON COLUMN charging_session.run_id IS
'The import that brought it.';
COMMENT ON COLUMN charging_session.recorded_at IS
'When it was stored.';
COMMENT ON COLUMN charging_session.raw IS
'What was received, byte for byte.';
COMMENT ON COLUMN charging_session.raw_sha256 IS
'SHA-256 of raw.';
COMMENT ON COLUMN charging_session.body_sha256 IS
'SHA-256 of its facts: equal for two sendings of the same.';

-- Everything is seen in one cooperative at a time; nothing is deleted.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'hub', 'port', 'hub_price', 'token', 'import_run', 'import_rejection', 'charging_session'
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

-- What came in stays as it came. What may change: names, the end of a badge, whose a suspended session turns out to
-- be, that one was credited or looked at, and how far an import is. Prices and refusals never do.
GRANT UPDATE (name, power_w) ON hub TO coop_app;
GRANT UPDATE (power_w) ON port TO coop_app;
GRANT UPDATE (to_on, ended_by) ON token TO coop_app;
GRANT UPDATE (
    finished_at, rows, accepted, rejected, duplicates, filtered, review, delivered_wh, amount_minor
) ON import_run TO coop_app;
GRANT UPDATE (state, member_id, entry_id, reviewed_by, reviewed_at) ON charging_session TO coop_app;
