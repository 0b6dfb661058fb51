-- What members are billed: items, runs, invoices with their lines and taxes, what settles them, what is contested.

CREATE TABLE bill_item (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    kind text NOT NULL,
    hub_id uuid,
    effective_on date NOT NULL,
    description text NOT NULL,
    quantity numeric NOT NULL,
    unit text NOT NULL,
    unit_price numeric NOT NULL,
    net_minor bigint NOT NULL,
    taxes jsonb NOT NULL,
    tax numeric NOT NULL,
    source_kind text NOT NULL,
    source_id text NOT NULL,
    resolution text,
    contra_account_id uuid NOT NULL,
    entry_id uuid,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_bill_item PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_bill_item_cooperative_id_source_kind_source_id UNIQUE (cooperative_id, source_kind, source_id),
    CONSTRAINT ck_bill_item_kind CHECK (kind ~ '^[A-Z][A-Z_]*$'),
    CONSTRAINT ck_bill_item_taxes CHECK (jsonb_typeof(taxes) = 'array'),
    CONSTRAINT fk_bill_item_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_bill_item_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id),
    CONSTRAINT fk_bill_item_account_cooperative_id_contra_account_id FOREIGN KEY (cooperative_id, contra_account_id)
    REFERENCES account (cooperative_id, id),
    CONSTRAINT fk_bill_item_journal_entry_cooperative_id_entry_id FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id)
);
CREATE INDEX ix_bill_item_member ON bill_item (cooperative_id, member_id, effective_on, id);

CREATE TABLE invoice_series (
    cooperative_id uuid NOT NULL,
    series text NOT NULL,
    last_number bigint NOT NULL,
    CONSTRAINT pk_invoice_series PRIMARY KEY (cooperative_id, series),
    CONSTRAINT ck_invoice_series_series CHECK (series IN ('invoice', 'credit_note')),
    CONSTRAINT ck_invoice_series_last_number CHECK (last_number >= 0),
    CONSTRAINT fk_invoice_series_cooperative_cooperative_id FOREIGN KEY (cooperative_id)
    REFERENCES cooperative (cooperative_id)
);

CREATE TABLE billing_run (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    issued_on date NOT NULL,
    state text NOT NULL,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    members bigint DEFAULT 0 NOT NULL,
    invoices bigint DEFAULT 0 NOT NULL,
    credit_notes bigint DEFAULT 0 NOT NULL,
    net_minor bigint DEFAULT 0 NOT NULL,
    tax_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT pk_billing_run PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_billing_run_to_on CHECK (to_on > from_on),
    CONSTRAINT ck_billing_run_state CHECK (state IN ('issuing', 'issued')),
    CONSTRAINT ck_billing_run_finished_at CHECK ((finished_at IS NULL) = (state = 'issuing')),
    CONSTRAINT fk_billing_run_cooperative_cooperative_id FOREIGN KEY (cooperative_id)
    REFERENCES cooperative (cooperative_id)
);
CREATE INDEX ix_billing_run_month ON billing_run (cooperative_id, from_on, id);
CREATE UNIQUE INDEX uq_billing_run_issuing ON billing_run (cooperative_id, from_on)
WHERE state = 'issuing';

CREATE TABLE invoice (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    number bigint NOT NULL,
    member_id uuid NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    issued_on date NOT NULL,
    due_on date NOT NULL,
    currency text NOT NULL,
    net_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    gross_minor bigint NOT NULL,
    reference text NOT NULL,
    refers_to_id uuid,
    reason text,
    resolution text,
    entry_id uuid,
    run_id uuid,
    issued_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_invoice PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_invoice_cooperative_id_kind_number UNIQUE (cooperative_id, kind, number),
    CONSTRAINT uq_invoice_cooperative_id_reference UNIQUE (cooperative_id, reference),
    CONSTRAINT ck_invoice_kind CHECK (kind IN ('invoice', 'credit_note')),
    CONSTRAINT ck_invoice_number CHECK (number > 0),
    CONSTRAINT ck_invoice_to_on CHECK (to_on > from_on),
    CONSTRAINT ck_invoice_due_on CHECK (due_on >= issued_on),
    CONSTRAINT ck_invoice_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_invoice_gross_minor CHECK (gross_minor = net_minor + tax_minor),
    CONSTRAINT ck_invoice_side CHECK (CASE kind WHEN 'invoice' THEN gross_minor >= 0 ELSE gross_minor < 0 END),
    CONSTRAINT ck_invoice_refers_to_id CHECK (kind = 'credit_note' OR refers_to_id IS NULL),
    CONSTRAINT fk_invoice_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_invoice_refers_to FOREIGN KEY (cooperative_id, refers_to_id)
    REFERENCES invoice (cooperative_id, id),
    CONSTRAINT fk_invoice_journal_entry_cooperative_id_entry_id FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id),
    CONSTRAINT fk_invoice_billing_run_cooperative_id_run_id FOREIGN KEY (cooperative_id, run_id)
    REFERENCES billing_run (cooperative_id, id)
);
CREATE INDEX ix_invoice_issued_on ON invoice (cooperative_id, issued_on, id);
CREATE INDEX ix_invoice_member ON invoice (cooperative_id, member_id, issued_on, id);
CREATE INDEX ix_invoice_refers_to ON invoice (cooperative_id, refers_to_id)
WHERE refers_to_id IS NOT NULL;
CREATE INDEX ix_invoice_run ON invoice (cooperative_id, run_id, id);

CREATE TABLE invoice_line (
    cooperative_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    number integer NOT NULL,
    hub_id uuid,
    tariff_version_id uuid,
    kind text NOT NULL,
    element integer,
    description text NOT NULL,
    quantity numeric NOT NULL,
    unit text NOT NULL,
    unit_price numeric NOT NULL,
    net_minor bigint NOT NULL,
    taxes jsonb NOT NULL,
    tax numeric NOT NULL,
    sessions integer NOT NULL,
    refers_to_line integer,
    CONSTRAINT pk_invoice_line PRIMARY KEY (cooperative_id, invoice_id, number),
    CONSTRAINT ck_invoice_line_number CHECK (number > 0),
    CONSTRAINT ck_invoice_line_sessions CHECK (sessions >= 0),
    CONSTRAINT fk_invoice_line_invoice_cooperative_id_invoice_id FOREIGN KEY (cooperative_id, invoice_id)
    REFERENCES invoice (cooperative_id, id),
    CONSTRAINT fk_invoice_line_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id),
    CONSTRAINT fk_invoice_line_tariff_version_cooperative_id_tariff_version_id FOREIGN KEY
    (cooperative_id, tariff_version_id)
    REFERENCES tariff_version (cooperative_id, id)
);

CREATE TABLE invoice_tax (
    cooperative_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    percent numeric NOT NULL,
    base_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    CONSTRAINT pk_invoice_tax PRIMARY KEY (cooperative_id, invoice_id, number),
    CONSTRAINT uq_invoice_tax_cooperative_id_invoice_id_name_percent UNIQUE
    (cooperative_id, invoice_id, name, percent),
    CONSTRAINT fk_invoice_tax_invoice_cooperative_id_invoice_id FOREIGN KEY (cooperative_id, invoice_id)
    REFERENCES invoice (cooperative_id, id)
);

CREATE TABLE invoice_charge (
    cooperative_id uuid NOT NULL,
    charge_id uuid NOT NULL,
    charge_line integer NOT NULL,
    invoice_id uuid NOT NULL,
    line_number integer NOT NULL,
    CONSTRAINT pk_invoice_charge PRIMARY KEY (cooperative_id, charge_id, charge_line),
    CONSTRAINT fk_invoice_charge_charge_cooperative_id_charge_id FOREIGN KEY (cooperative_id, charge_id)
    REFERENCES charge (cooperative_id, id) NOT ENFORCED,
    CONSTRAINT fk_invoice_charge_line FOREIGN KEY (cooperative_id, invoice_id, line_number)
    REFERENCES invoice_line (cooperative_id, invoice_id, number) NOT ENFORCED
);
CREATE INDEX ix_invoice_charge_invoice ON invoice_charge (cooperative_id, invoice_id, line_number, charge_id);

CREATE TABLE invoice_item (
    cooperative_id uuid NOT NULL,
    item_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    line_number integer NOT NULL,
    CONSTRAINT pk_invoice_item PRIMARY KEY (cooperative_id, item_id),
    CONSTRAINT fk_invoice_item_bill_item_cooperative_id_item_id FOREIGN KEY (cooperative_id, item_id)
    REFERENCES bill_item (cooperative_id, id),
    CONSTRAINT fk_invoice_item_line FOREIGN KEY (cooperative_id, invoice_id, line_number)
    REFERENCES invoice_line (cooperative_id, invoice_id, number) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ix_invoice_item_invoice ON invoice_item (cooperative_id, invoice_id, line_number);

CREATE TABLE unbilled (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    effective_on date NOT NULL,
    is_item boolean NOT NULL,
    CONSTRAINT pk_unbilled PRIMARY KEY (cooperative_id, id),
    CONSTRAINT fk_unbilled_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE INDEX ix_unbilled_member ON unbilled (cooperative_id, member_id, effective_on);

CREATE TABLE allocation (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    source_kind text NOT NULL,
    source_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    effective_on date NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_allocation PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_allocation_source_kind CHECK (source_kind IN ('payment', 'credit_note', 'write_off')),
    CONSTRAINT ck_allocation_amount_minor CHECK (amount_minor <> 0),
    CONSTRAINT fk_allocation_invoice_cooperative_id_invoice_id FOREIGN KEY (cooperative_id, invoice_id)
    REFERENCES invoice (cooperative_id, id)
);
CREATE INDEX ix_allocation_invoice ON allocation (cooperative_id, invoice_id);
CREATE INDEX ix_allocation_source ON allocation (cooperative_id, source_kind, source_id);

CREATE TABLE write_off (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    effective_on date NOT NULL,
    resolution text NOT NULL,
    reason text NOT NULL,
    entry_id uuid NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_write_off PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_write_off_amount_minor CHECK (amount_minor > 0),
    CONSTRAINT ck_write_off_tax_minor CHECK (tax_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT ck_write_off_resolution CHECK (resolution <> ''),
    CONSTRAINT fk_write_off_invoice_cooperative_id_invoice_id FOREIGN KEY (cooperative_id, invoice_id)
    REFERENCES invoice (cooperative_id, id),
    CONSTRAINT fk_write_off_journal_entry_cooperative_id_entry_id FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id)
);
CREATE INDEX ix_write_off_invoice ON write_off (cooperative_id, invoice_id);

CREATE TABLE dispute (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    charge_id uuid,
    item_id uuid,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    reason text NOT NULL,
    held_minor bigint NOT NULL,
    decided_by text,
    decided_at timestamptz,
    decision text,
    decision_reason text,
    resolution text,
    credit_item_id uuid,
    CONSTRAINT pk_dispute PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_dispute_contested CHECK ((charge_id IS NULL) <> (item_id IS NULL)),
    CONSTRAINT ck_dispute_decision CHECK (decision IN ('credited', 'refused')),
    CONSTRAINT ck_dispute_decided_at CHECK (num_nulls(decided_by, decided_at, decision) IN (0, 3)),
    CONSTRAINT ck_dispute_credit_item_id CHECK ((credit_item_id IS NULL) OR decision = 'credited'),
    CONSTRAINT ck_dispute_decided_by CHECK (decided_by <> opened_by),
    CONSTRAINT fk_dispute_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_dispute_charge_cooperative_id_charge_id FOREIGN KEY (cooperative_id, charge_id)
    REFERENCES charge (cooperative_id, id),
    CONSTRAINT fk_dispute_item FOREIGN KEY (cooperative_id, item_id)
    REFERENCES bill_item (cooperative_id, id),
    CONSTRAINT fk_dispute_credit_item FOREIGN KEY (cooperative_id, credit_item_id)
    REFERENCES bill_item (cooperative_id, id)
);
CREATE INDEX ix_dispute_member ON dispute (cooperative_id, member_id, id);
CREATE UNIQUE INDEX uq_dispute_open_charge ON dispute (cooperative_id, charge_id)
WHERE decided_at IS NULL;
CREATE UNIQUE INDEX uq_dispute_open_item ON dispute (cooperative_id, item_id)
WHERE decided_at IS NULL;

COMMENT ON TABLE bill_item IS
'What a member is charged or credited beside sessions; an invoice gathers it.';
COMMENT ON COLUMN bill_item.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN bill_item.id IS
'UUID version 7.';
COMMENT ON COLUMN bill_item.member_id IS
'Who is charged it, or credited.';
COMMENT ON COLUMN bill_item.kind IS
'What it is for: SUBSCRIPTION, SHORTFALL, DISPUTE_CREDIT and so on.';
COMMENT ON COLUMN bill_item.hub_id IS
'Where it arose, if at one hub.';
COMMENT ON COLUMN bill_item.effective_on IS
'The day it counts for.';
COMMENT ON COLUMN bill_item.description IS
'What the invoice says of it.';
COMMENT ON COLUMN bill_item.quantity IS
'How much of the unit.';
COMMENT ON COLUMN bill_item.unit IS
'What the quantity counts: kWh, month, kW.';
COMMENT ON COLUMN bill_item.unit_price IS
'Exact price of one unit in whole currency, before tax.';
COMMENT ON COLUMN bill_item.net_minor IS
'Amount before tax in minor units; negative is a credit.';
COMMENT ON COLUMN bill_item.taxes IS
'Taxes on it, sorted by name: a list of name and percent.';
COMMENT ON COLUMN bill_item.tax IS
'Exact tax in whole currency, not rounded.';
COMMENT ON COLUMN bill_item.source_kind IS
'What it was made from: a kind of thing,';
COMMENT ON COLUMN bill_item.source_id IS
'and which one; the same source makes one item.';
COMMENT ON COLUMN bill_item.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN bill_item.contra_account_id IS
'The account on the other side of 1205 in its entry.';
COMMENT ON COLUMN bill_item.entry_id IS
'Its entry; null when it moved nothing.';
COMMENT ON COLUMN bill_item.recorded_by IS
'Subject who had it recorded.';
COMMENT ON COLUMN bill_item.recorded_at IS
'When it was recorded.';
COMMENT ON TABLE invoice_series IS
'Where the numbers stand; whoever issues holds this row until it commits.';
COMMENT ON COLUMN invoice_series.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN invoice_series.series IS
'invoice or credit_note.';
COMMENT ON COLUMN invoice_series.last_number IS
'The last number given; the next one is one more.';
COMMENT ON TABLE billing_run IS
'A month''s billing: begun once, continued by whoever comes until it is issued.';
COMMENT ON COLUMN billing_run.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN billing_run.id IS
'UUID version 7.';
COMMENT ON COLUMN billing_run.from_on IS
'First day of the month it billed.';
COMMENT ON COLUMN billing_run.to_on IS
'First day after it.';
COMMENT ON COLUMN billing_run.issued_on IS
'The day its invoices carry.';
COMMENT ON COLUMN billing_run.state IS
'issuing while members are left, then issued.';
COMMENT ON COLUMN billing_run.started_by IS
'Subject who began it.';
COMMENT ON COLUMN billing_run.started_at IS
'When it began.';
COMMENT ON COLUMN billing_run.finished_at IS
'When nobody was left.';
COMMENT ON COLUMN billing_run.members IS
'How many members it billed.';
COMMENT ON COLUMN billing_run.invoices IS
'How many invoices it issued.';
COMMENT ON COLUMN billing_run.credit_notes IS
'How many credit notes it issued.';
COMMENT ON COLUMN billing_run.net_minor IS
'Sum of them before tax.';
COMMENT ON COLUMN billing_run.tax_minor IS
'Sum of their tax.';
COMMENT ON TABLE invoice IS
'Invoices and credit notes as issued: never changed, only corrected by another.';
COMMENT ON COLUMN invoice.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN invoice.id IS
'UUID version 7.';
COMMENT ON COLUMN invoice.kind IS
'invoice or credit_note; each has numbers of its own.';
COMMENT ON COLUMN invoice.number IS
'1, 2, 3 … in its series, without gaps.';
COMMENT ON COLUMN invoice.member_id IS
'Whose it is.';
COMMENT ON COLUMN invoice.from_on IS
'First day it bills.';
COMMENT ON COLUMN invoice.to_on IS
'First day after it.';
COMMENT ON COLUMN invoice.issued_on IS
'The day it carries and is posted on.';
COMMENT ON COLUMN invoice.due_on IS
'The day by which it is to be paid.';
COMMENT ON COLUMN invoice.currency IS
'ISO 4217 code of its amounts.';
COMMENT ON COLUMN invoice.net_minor IS
'Sum of its lines; negative on a credit note.';
COMMENT ON COLUMN invoice.tax_minor IS
'Sum of its taxes, each rounded once.';
COMMENT ON COLUMN invoice.gross_minor IS
'Net and tax: what it moves on 1200.';
COMMENT ON COLUMN invoice.reference IS
'What a payer writes: an ISO 11649 creditor reference.';
COMMENT ON COLUMN invoice.refers_to_id IS
'The invoice a credit note corrects.';
COMMENT ON COLUMN invoice.reason IS
'Why a credit note was issued.';
COMMENT ON COLUMN invoice.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN invoice.entry_id IS
'Its entry; null when it comes to nothing.';
COMMENT ON COLUMN invoice.run_id IS
'The billing run that issued it, if one did.';
COMMENT ON COLUMN invoice.issued_by IS
'Subject who had it issued.';
COMMENT ON COLUMN invoice.recorded_at IS
'When it was issued.';
COMMENT ON TABLE invoice_line IS
'Lines of invoices: charges gathered by hub, tariff, price and tax; items one each.';
COMMENT ON COLUMN invoice_line.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN invoice_line.invoice_id IS
'The invoice.';
COMMENT ON COLUMN invoice_line.number IS
'Its place on the invoice, from 1.';
COMMENT ON COLUMN invoice_line.hub_id IS
'Where it arose, if at one hub.';
COMMENT ON COLUMN invoice_line.tariff_version_id IS
'The tariff it was priced by, if any.';
COMMENT ON COLUMN invoice_line.kind IS
'ENERGY, TIME and so on of a charge, or the kind of a bill item.';
COMMENT ON COLUMN invoice_line.element IS
'Element of the tariff that priced it, from 0.';
COMMENT ON COLUMN invoice_line.description IS
'What it is for, in words.';
COMMENT ON COLUMN invoice_line.quantity IS
'How much of the unit.';
COMMENT ON COLUMN invoice_line.unit IS
'What the quantity counts: kWh, h, session, month.';
COMMENT ON COLUMN invoice_line.unit_price IS
'Exact price of one unit in whole currency, before tax.';
COMMENT ON COLUMN invoice_line.net_minor IS
'Amount before tax in minor units.';
COMMENT ON COLUMN invoice_line.taxes IS
'Taxes on it, sorted by name: a list of name and percent.';
COMMENT ON COLUMN invoice_line.tax IS
'Exact tax in whole currency; rounded once per tax of the invoice.';
COMMENT ON COLUMN invoice_line.sessions IS
'How many charges it gathers.';
COMMENT ON COLUMN invoice_line.refers_to_line IS
'On a credit note: the line of the invoice it corrects.';
COMMENT ON TABLE invoice_tax IS
'Taxes of an invoice, one row for each name and rate.';
COMMENT ON COLUMN invoice_tax.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN invoice_tax.invoice_id IS
'The invoice.';
COMMENT ON COLUMN invoice_tax.number IS
'Its place on the invoice, from 1.';
COMMENT ON COLUMN invoice_tax.name IS
'Which tax.';
COMMENT ON COLUMN invoice_tax.percent IS
'Its rate in per cent.';
COMMENT ON COLUMN invoice_tax.base_minor IS
'Sum of the lines it is on, before tax.';
COMMENT ON COLUMN invoice_tax.tax_minor IS
'The tax: exact sums of the lines, rounded once.';
COMMENT ON TABLE invoice_charge IS
'Which invoice holds each line of a charge; the key lets no line on two of them.';
COMMENT ON COLUMN invoice_charge.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN invoice_charge.charge_id IS
'The charge.';
COMMENT ON COLUMN invoice_charge.charge_line IS
'The line of the charge.';
COMMENT ON COLUMN invoice_charge.invoice_id IS
'The one invoice that holds the charge.';
COMMENT ON COLUMN invoice_charge.line_number IS
'The line of the invoice that gathers it.';
COMMENT ON TABLE invoice_item IS
'Which invoice holds a bill item; the key lets none on two of them.';
COMMENT ON COLUMN invoice_item.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN invoice_item.item_id IS
'The bill item.';
COMMENT ON COLUMN invoice_item.invoice_id IS
'The one invoice that holds it.';
COMMENT ON COLUMN invoice_item.line_number IS
'The line of the invoice that shows it.';
COMMENT ON TABLE unbilled IS
'Charges and bill items no invoice holds yet: a queue that follows them by itself.';
COMMENT ON COLUMN unbilled.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN unbilled.id IS
'The charge or bill item.';
COMMENT ON COLUMN unbilled.member_id IS
'Who will be billed it.';
COMMENT ON COLUMN unbilled.effective_on IS
'The day it counts for.';
COMMENT ON COLUMN unbilled.is_item IS
'Whether it is a bill item; else it is a charge.';
COMMENT ON TABLE allocation IS
'What was set against an invoice; what is open is its gross less the sum of these.';
COMMENT ON COLUMN allocation.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN allocation.id IS
'UUID version 7.';
COMMENT ON COLUMN allocation.invoice_id IS
'The invoice it settles.';
COMMENT ON COLUMN allocation.source_kind IS
'What settles it: payment, credit_note or write_off.';
COMMENT ON COLUMN allocation.source_id IS
'Which one.';
COMMENT ON COLUMN allocation.amount_minor IS
'How much of the invoice; negative takes back an earlier one.';
COMMENT ON COLUMN allocation.effective_on IS
'The day it counts for.';
COMMENT ON COLUMN allocation.recorded_by IS
'Subject who had it recorded.';
COMMENT ON COLUMN allocation.recorded_at IS
'When it was recorded.';
COMMENT ON TABLE write_off IS
'Receivables given up, each by a resolution.';
COMMENT ON COLUMN write_off.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN write_off.id IS
'UUID version 7.';
COMMENT ON COLUMN write_off.invoice_id IS
'The invoice that will not be paid.';
COMMENT ON COLUMN write_off.amount_minor IS
'How much of it, tax and all.';
COMMENT ON COLUMN write_off.tax_minor IS
'How much of that is tax claimed back from 2200.';
COMMENT ON COLUMN write_off.effective_on IS
'The day it counts for.';
COMMENT ON COLUMN write_off.resolution IS
'The resolution that allows it.';
COMMENT ON COLUMN write_off.reason IS
'Why it will not be paid.';
COMMENT ON COLUMN write_off.entry_id IS
'Its entry.';
COMMENT ON COLUMN write_off.recorded_by IS
'Subject who had it recorded.';
COMMENT ON COLUMN write_off.recorded_at IS
'When it was recorded.';
COMMENT ON TABLE dispute IS
'A charge or item that its member contests; the amount is held until it is decided.';
COMMENT ON COLUMN dispute.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN dispute.id IS
'UUID version 7.';
COMMENT ON COLUMN dispute.member_id IS
'Who contests.';
COMMENT ON COLUMN dispute.charge_id IS
'The charge contested, if it is one.';
COMMENT ON COLUMN dispute.item_id IS
'The bill item contested, if it is one.';
COMMENT ON COLUMN dispute.opened_by IS
'Subject who opened it.';
COMMENT ON COLUMN dispute.opened_at IS
'When it was opened.';
COMMENT ON COLUMN dispute.reason IS
'Why the member contests it.';
COMMENT ON COLUMN dispute.held_minor IS
'What is held while it is open: the contested amount with tax.';
COMMENT ON COLUMN dispute.decided_by IS
'Subject who decided it; null while it is open.';
COMMENT ON COLUMN dispute.decided_at IS
'When it was decided.';
COMMENT ON COLUMN dispute.decision IS
'credited or refused; null while it is open.';
COMMENT ON COLUMN dispute.decision_reason IS
'Why it was decided so.';
COMMENT ON COLUMN dispute.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN dispute.credit_item_id IS
'The bill item that credits it, if one does.';

-- Everything is seen in one cooperative at a time. Series, runs and disputes move on; the rest only grows.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'bill_item', 'invoice_series', 'billing_run', 'invoice', 'invoice_line', 'invoice_tax', 'invoice_charge',
        'invoice_item', 'allocation', 'write_off', 'dispute'
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
GRANT UPDATE (last_number) ON invoice_series TO coop_app;
ALTER TABLE unbilled ENABLE ROW LEVEL SECURITY;
ALTER TABLE unbilled FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON unbilled USING (cooperative_id = (SELECT coop_current()))
WITH CHECK (cooperative_id = (SELECT coop_current()));
GRANT SELECT ON unbilled TO coop_app;
GRANT UPDATE (state, finished_at, members, invoices, credit_notes, net_minor, tax_minor) ON billing_run TO coop_app;
GRANT UPDATE (decided_by, decided_at, decision, decision_reason, resolution, credit_item_id) ON dispute TO coop_app;
