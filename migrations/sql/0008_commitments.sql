-- Pledges to take energy: their terms, the months settled, what may be made up, deposits.

CREATE TABLE commitment (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    pledged_by text NOT NULL,
    pledged_at timestamptz NOT NULL,
    CONSTRAINT pk_commitment PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_commitment_months CHECK (
        to_on >= from_on
        AND extract(DAY FROM from_on) = 1
        AND extract(DAY FROM to_on) = 1
    ),
    CONSTRAINT fk_commitment_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE INDEX ix_commitment_member ON commitment (cooperative_id, member_id, from_on, id);

CREATE TABLE commitment_hub (
    cooperative_id uuid NOT NULL,
    commitment_id uuid NOT NULL,
    hub_id uuid NOT NULL,
    CONSTRAINT pk_commitment_hub PRIMARY KEY (cooperative_id, commitment_id, hub_id),
    CONSTRAINT fk_commitment_hub_commitment_cooperative_id_commitment_id FOREIGN KEY (cooperative_id, commitment_id)
    REFERENCES commitment (cooperative_id, id),
    CONSTRAINT fk_commitment_hub_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id)
);

CREATE TABLE commitment_terms (
    cooperative_id uuid NOT NULL,
    commitment_id uuid NOT NULL,
    version integer NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    minimum_wh bigint NOT NULL,
    shortfall_per_kwh numeric NOT NULL,
    overage_per_kwh numeric,
    ramp jsonb NOT NULL,
    make_up_months integer NOT NULL,
    bank_cap_wh bigint NOT NULL,
    outage_relief boolean NOT NULL,
    deposit_minor bigint NOT NULL,
    taxes jsonb NOT NULL,
    resolution text,
    pledged_wh bigint NOT NULL,
    entry_id uuid,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_commitment_terms PRIMARY KEY (cooperative_id, commitment_id, version),
    CONSTRAINT ck_commitment_terms_version CHECK (version > 0),
    CONSTRAINT ck_commitment_terms_minimum_wh CHECK (minimum_wh > 0),
    CONSTRAINT ck_commitment_terms_prices CHECK (shortfall_per_kwh >= 0 AND overage_per_kwh >= 0),
    CONSTRAINT ck_commitment_terms_make_up_months CHECK (make_up_months BETWEEN 0 AND 240),
    CONSTRAINT ck_commitment_terms_bank_cap_wh CHECK (bank_cap_wh >= 0),
    CONSTRAINT ck_commitment_terms_deposit_minor CHECK (deposit_minor >= 0),
    CONSTRAINT ck_commitment_terms_lists CHECK (jsonb_typeof(ramp) = 'array' AND jsonb_typeof(taxes) = 'array'),
    CONSTRAINT fk_commitment_terms_commitment_cooperative_id_commitment_id FOREIGN KEY (cooperative_id, commitment_id)
    REFERENCES commitment (cooperative_id, id),
    CONSTRAINT fk_commitment_terms_journal_entry_cooperative_id_entry_id FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id)
);

CREATE TABLE commitment_settlement (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    commitment_id uuid NOT NULL,
    number integer NOT NULL,
    month date NOT NULL,
    adjusts_id uuid,
    terms_version integer NOT NULL,
    effective_on date NOT NULL,
    inputs jsonb NOT NULL,
    inputs_sha256 bytea NOT NULL,
    metered_wh bigint NOT NULL,
    pledged_wh bigint NOT NULL,
    excused_wh bigint NOT NULL,
    minimum_wh bigint NOT NULL,
    met_wh bigint NOT NULL,
    bank_used_wh bigint NOT NULL,
    shortfall_wh bigint NOT NULL,
    shortfall_minor bigint NOT NULL,
    banked_wh bigint NOT NULL,
    overage_wh bigint NOT NULL,
    overage_minor bigint NOT NULL,
    entry_id uuid,
    shortfall_item_id uuid,
    overage_item_id uuid,
    settled_by text NOT NULL,
    settled_at timestamptz NOT NULL,
    CONSTRAINT pk_commitment_settlement PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_commitment_settlement_cooperative_id_adjusts_id UNIQUE (cooperative_id, adjusts_id),
    CONSTRAINT uq_commitment_settlement_cooperative_id_commitment_id_number UNIQUE
    (cooperative_id, commitment_id, number),
    CONSTRAINT ck_commitment_settlement_number CHECK (number > 0),
    CONSTRAINT ck_commitment_settlement_month CHECK (extract(DAY FROM month) = 1),
    CONSTRAINT ck_commitment_settlement_inputs_sha256 CHECK (octet_length(inputs_sha256) = 32),
    CONSTRAINT ck_commitment_settlement_adds_up CHECK (
        pledged_wh = excused_wh + minimum_wh
        AND minimum_wh = met_wh + bank_used_wh + shortfall_wh
    ),
    CONSTRAINT fk_commitment_settlement_commitment FOREIGN KEY (cooperative_id, commitment_id)
    REFERENCES commitment (cooperative_id, id),
    CONSTRAINT fk_commitment_settlement_adjusts FOREIGN KEY (cooperative_id, adjusts_id)
    REFERENCES commitment_settlement (cooperative_id, id),
    CONSTRAINT fk_commitment_settlement_journal_entry_cooperative_id_entry_id FOREIGN KEY
    (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id),
    CONSTRAINT fk_commitment_settlement_shortfall FOREIGN KEY (cooperative_id, shortfall_item_id)
    REFERENCES bill_item (cooperative_id, id),
    CONSTRAINT fk_commitment_settlement_overage FOREIGN KEY (cooperative_id, overage_item_id)
    REFERENCES bill_item (cooperative_id, id)
);
CREATE UNIQUE INDEX uq_commitment_settlement_month ON commitment_settlement (cooperative_id, commitment_id, month)
WHERE adjusts_id IS NULL;

CREATE TABLE make_up_credit (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    commitment_id uuid NOT NULL,
    issued_on date NOT NULL,
    expires_on date NOT NULL,
    per_kwh numeric NOT NULL,
    taxes jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_make_up_credit PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_make_up_credit_cooperative_id_commitment_id_issued_on UNIQUE
    (cooperative_id, commitment_id, issued_on),
    CONSTRAINT ck_make_up_credit_expires_on CHECK (expires_on > issued_on),
    CONSTRAINT fk_make_up_credit_commitment_cooperative_id_commitment_id FOREIGN KEY (cooperative_id, commitment_id)
    REFERENCES commitment (cooperative_id, id)
);

CREATE TABLE make_up_movement (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    credit_id uuid NOT NULL,
    kind text NOT NULL,
    month date NOT NULL,
    effective_on date NOT NULL,
    wh bigint NOT NULL,
    amount_minor bigint NOT NULL,
    settlement_id uuid,
    item_id uuid,
    entry_id uuid,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_make_up_movement PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_make_up_movement_kind CHECK (kind IN ('issued', 'used', 'expired', 'released')),
    CONSTRAINT fk_make_up_movement_make_up_credit_cooperative_id_credit_id FOREIGN KEY (cooperative_id, credit_id)
    REFERENCES make_up_credit (cooperative_id, id),
    CONSTRAINT fk_make_up_movement_commitment_settlement_cooperative_i_e7ae FOREIGN KEY (cooperative_id, settlement_id)
    REFERENCES commitment_settlement (cooperative_id, id),
    CONSTRAINT fk_make_up_movement_bill_item_cooperative_id_item_id FOREIGN KEY (cooperative_id, item_id)
    REFERENCES bill_item (cooperative_id, id),
    CONSTRAINT fk_make_up_movement_journal_entry_cooperative_id_entry_id FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id)
);
CREATE INDEX ix_make_up_movement_credit ON make_up_movement (cooperative_id, credit_id, month);
CREATE INDEX ix_make_up_movement_settlement ON make_up_movement (cooperative_id, settlement_id);

CREATE TABLE commitment_deposit (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    commitment_id uuid NOT NULL,
    kind text NOT NULL,
    amount_minor bigint NOT NULL,
    effective_on date NOT NULL,
    resolution text,
    entry_id uuid NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_commitment_deposit PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_commitment_deposit_kind CHECK (kind IN ('taken', 'returned', 'forfeited')),
    CONSTRAINT ck_commitment_deposit_amount_minor CHECK (amount_minor > 0),
    CONSTRAINT ck_commitment_deposit_resolution CHECK (kind <> 'forfeited' OR resolution IS NOT NULL),
    CONSTRAINT fk_commitment_deposit_commitment_cooperative_id_commitment_id FOREIGN KEY (cooperative_id, commitment_id)
    REFERENCES commitment (cooperative_id, id),
    CONSTRAINT fk_commitment_deposit_journal_entry_cooperative_id_entry_id FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id)
);
CREATE INDEX ix_commitment_deposit_commitment ON commitment_deposit (cooperative_id, commitment_id);

COMMENT ON TABLE commitment IS
'Pledges to take energy every month; never two of a member at a hub at once.';
COMMENT ON COLUMN commitment.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN commitment.id IS
'UUID version 7.';
COMMENT ON COLUMN commitment.member_id IS
'Who pledged.';
COMMENT ON COLUMN commitment.from_on IS
'First day of its first month.';
COMMENT ON COLUMN commitment.to_on IS
'First day after its last month; an amendment may move it.';
COMMENT ON COLUMN commitment.pledged_by IS
'Subject who pledged.';
COMMENT ON COLUMN commitment.pledged_at IS
'When it was pledged.';

COMMENT ON TABLE commitment_hub IS
'The hubs of each commitment; several are a pool.';
COMMENT ON COLUMN commitment_hub.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN commitment_hub.commitment_id IS
'The commitment.';
COMMENT ON COLUMN commitment_hub.hub_id IS
'A hub whose sessions count for it.';

COMMENT ON TABLE commitment_terms IS
'The terms of each commitment, version by version; each says everything anew.';
COMMENT ON COLUMN commitment_terms.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN commitment_terms.commitment_id IS
'The commitment.';
COMMENT ON COLUMN commitment_terms.version IS
'1, 2, 3 …; in a month the last one begun is in force.';
COMMENT ON COLUMN commitment_terms.from_on IS
'First day of the first month it is in force.';
COMMENT ON COLUMN commitment_terms.to_on IS
'First day after the commitment''s last month, as this version says.';
COMMENT ON COLUMN commitment_terms.minimum_wh IS
'Energy pledged a month, before the ramp.';
COMMENT ON COLUMN commitment_terms.shortfall_per_kwh IS
'Price of what is missing, in whole currency per kWh.';
COMMENT ON COLUMN commitment_terms.overage_per_kwh IS
'Price of what is above; null for none.';
COMMENT ON COLUMN commitment_terms.ramp IS
'Factors of the version''s first months, as decimal text.';
COMMENT ON COLUMN commitment_terms.make_up_months IS
'Months in which a paid shortfall may be made up; 0 for none.';
COMMENT ON COLUMN commitment_terms.bank_cap_wh IS
'Over-use that may be kept for later minimums.';
COMMENT ON COLUMN commitment_terms.outage_relief IS
'Whether outages lower the minimum.';
COMMENT ON COLUMN commitment_terms.deposit_minor IS
'Deposit that is agreed.';
COMMENT ON COLUMN commitment_terms.taxes IS
'Taxes on shortfall and overage, as bill items carry them.';
COMMENT ON COLUMN commitment_terms.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN commitment_terms.pledged_wh IS
'Energy it adds to what is pledged (−: takes off).';
COMMENT ON COLUMN commitment_terms.entry_id IS
'The entry that says so in kWh; null if nothing.';
COMMENT ON COLUMN commitment_terms.set_by IS
'Subject who set it.';
COMMENT ON COLUMN commitment_terms.set_at IS
'When it was set.';

COMMENT ON TABLE commitment_settlement IS
'Months settled, once each; what came late is an adjusting settlement beside it.';
COMMENT ON COLUMN commitment_settlement.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN commitment_settlement.id IS
'UUID version 7.';
COMMENT ON COLUMN commitment_settlement.commitment_id IS
'What was settled.';
COMMENT ON COLUMN commitment_settlement.number IS
'1, 2, 3 … of the commitment, without gaps.';
COMMENT ON COLUMN commitment_settlement.month IS
'First day of the month that was settled.';
COMMENT ON COLUMN commitment_settlement.adjusts_id IS
'The settlement it adjusts, if it is an adjusting one.';
COMMENT ON COLUMN commitment_settlement.terms_version IS
'The version of the terms that was in force.';
COMMENT ON COLUMN commitment_settlement.effective_on IS
'The day its entries and items count for.';
COMMENT ON COLUMN commitment_settlement.inputs IS
'What it was settled from: metered, down, where the commitment stood.';
COMMENT ON COLUMN commitment_settlement.inputs_sha256 IS
'SHA-256 of the inputs in canonical form.';
COMMENT ON COLUMN commitment_settlement.metered_wh IS
'Energy taken at the hubs (an adjusting one: the difference).';
COMMENT ON COLUMN commitment_settlement.pledged_wh IS
'Pledged for the month; differences likewise from here on.';
COMMENT ON COLUMN commitment_settlement.excused_wh IS
'Excused for port-time down.';
COMMENT ON COLUMN commitment_settlement.minimum_wh IS
'Pledged less excused.';
COMMENT ON COLUMN commitment_settlement.met_wh IS
'Of the minimum, taken in the month.';
COMMENT ON COLUMN commitment_settlement.bank_used_wh IS
'Of the minimum, covered by banked over-use.';
COMMENT ON COLUMN commitment_settlement.shortfall_wh IS
'Of the minimum, missing.';
COMMENT ON COLUMN commitment_settlement.shortfall_minor IS
'What is charged for that, before tax.';
COMMENT ON COLUMN commitment_settlement.banked_wh IS
'Over-use kept for later minimums.';
COMMENT ON COLUMN commitment_settlement.overage_wh IS
'Over-use that is neither made up nor banked.';
COMMENT ON COLUMN commitment_settlement.overage_minor IS
'What is charged for that beside its tariff, before tax.';
COMMENT ON COLUMN commitment_settlement.entry_id IS
'The entry in kWh, and of what expired; null if none.';
COMMENT ON COLUMN commitment_settlement.shortfall_item_id IS
'The bill item of the shortfall, if any.';
COMMENT ON COLUMN commitment_settlement.overage_item_id IS
'The bill item of the overage, if any.';
COMMENT ON COLUMN commitment_settlement.settled_by IS
'Subject who had it settled.';
COMMENT ON COLUMN commitment_settlement.settled_at IS
'When it was settled.';

COMMENT ON TABLE make_up_credit IS
'Rights to make up a paid shortfall; what is left of one is the sum of its movements.';
COMMENT ON COLUMN make_up_credit.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN make_up_credit.id IS
'UUID version 7.';
COMMENT ON COLUMN make_up_credit.commitment_id IS
'The commitment whose shortfall it is.';
COMMENT ON COLUMN make_up_credit.issued_on IS
'First day of the month of the shortfall.';
COMMENT ON COLUMN make_up_credit.expires_on IS
'First day it can no longer be used.';
COMMENT ON COLUMN make_up_credit.per_kwh IS
'Price that was charged, in whole currency per kWh.';
COMMENT ON COLUMN make_up_credit.taxes IS
'Taxes that were charged on it.';
COMMENT ON COLUMN make_up_credit.recorded_at IS
'When it was recorded.';

COMMENT ON TABLE make_up_movement IS
'What happened to make-up credits, line by line.';
COMMENT ON COLUMN make_up_movement.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN make_up_movement.id IS
'UUID version 7.';
COMMENT ON COLUMN make_up_movement.credit_id IS
'The credit.';
COMMENT ON COLUMN make_up_movement.kind IS
'issued, used, expired or released.';
COMMENT ON COLUMN make_up_movement.month IS
'First day of the month whose settlement it belongs to.';
COMMENT ON COLUMN make_up_movement.effective_on IS
'The day it counts for in the books.';
COMMENT ON COLUMN make_up_movement.wh IS
'Energy it adds to the credit (−: takes off).';
COMMENT ON COLUMN make_up_movement.amount_minor IS
'Money it adds to the credit and to 2420 (−: takes off).';
COMMENT ON COLUMN make_up_movement.settlement_id IS
'The settlement that made it; null if terms did.';
COMMENT ON COLUMN make_up_movement.item_id IS
'The bill item of what was used, if any.';
COMMENT ON COLUMN make_up_movement.entry_id IS
'The entry that moved its money, if any.';
COMMENT ON COLUMN make_up_movement.recorded_at IS
'When it was recorded.';

COMMENT ON TABLE commitment_deposit IS
'Deposits of commitments: taken, returned, forfeited; never more than is there.';
COMMENT ON COLUMN commitment_deposit.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN commitment_deposit.id IS
'UUID version 7.';
COMMENT ON COLUMN commitment_deposit.commitment_id IS
'The commitment it secures.';
COMMENT ON COLUMN commitment_deposit.kind IS
'taken, returned or forfeited.';
COMMENT ON COLUMN commitment_deposit.amount_minor IS
'How much.';
COMMENT ON COLUMN commitment_deposit.effective_on IS
'The day it counts for.';
COMMENT ON COLUMN commitment_deposit.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN commitment_deposit.entry_id IS
'Its entry.';
COMMENT ON COLUMN commitment_deposit.recorded_by IS
'Subject who recorded it.';
COMMENT ON COLUMN commitment_deposit.recorded_at IS
'When it was recorded.';

-- Everything is seen in one cooperative at a time. Only the end of a commitment moves; the rest grows.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'commitment', 'commitment_hub', 'commitment_terms', 'commitment_settlement', 'make_up_credit',
        'make_up_movement', 'commitment_deposit'
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
GRANT UPDATE (to_on) ON commitment TO coop_app;
