-- What the grid charges hubs and how members share it; plans, reserved capacity, demand response.

CREATE TABLE utility_schedule (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    from_on date NOT NULL,
    name text NOT NULL,
    document jsonb NOT NULL,
    document_sha256 bytea NOT NULL,
    resolution text,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_utility_schedule PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_utility_schedule_cooperative_id_hub_id_from_on UNIQUE (cooperative_id, hub_id, from_on),
    CONSTRAINT ck_utility_schedule_name CHECK (name <> ''),
    CONSTRAINT ck_utility_schedule_document CHECK (jsonb_typeof(document) = 'object'),
    CONSTRAINT ck_utility_schedule_document_sha256 CHECK (octet_length(document_sha256) = 32),
    CONSTRAINT fk_utility_schedule_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id)
);

CREATE TABLE cost_sharing_rule (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    from_month date NOT NULL,
    method text NOT NULL,
    parameters jsonb NOT NULL,
    taxes jsonb NOT NULL,
    resolution text,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_cost_sharing_rule PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_cost_sharing_rule_cooperative_id_hub_id_from_month UNIQUE (cooperative_id, hub_id, from_month),
    CONSTRAINT ck_cost_sharing_rule_from_month CHECK (extract(DAY FROM from_month) = 1),
    CONSTRAINT ck_cost_sharing_rule_method CHECK
    (method IN ('KWH', 'COINCIDENT_PEAK', 'OWN_PEAK', 'PEAK_LAYERS', 'HIGHEST_INTERVALS', 'NONE')),
    CONSTRAINT ck_cost_sharing_rule_parameters CHECK (jsonb_typeof(parameters) = 'object'),
    CONSTRAINT ck_cost_sharing_rule_taxes CHECK (jsonb_typeof(taxes) = 'array'),
    CONSTRAINT fk_cost_sharing_rule_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id)
);

CREATE TABLE utility_bill (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    month date NOT NULL,
    revision integer NOT NULL,
    currency text NOT NULL,
    energy_wh bigint,
    energy_minor bigint NOT NULL,
    demand_minor bigint NOT NULL,
    other_minor bigint NOT NULL,
    reference text NOT NULL,
    entry_id uuid,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_utility_bill PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_utility_bill_cooperative_id_hub_id_month_revision UNIQUE
    (cooperative_id, hub_id, month, revision),
    CONSTRAINT ck_utility_bill_month CHECK (extract(DAY FROM month) = 1),
    CONSTRAINT ck_utility_bill_revision CHECK (revision > 0),
    CONSTRAINT ck_utility_bill_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_utility_bill_energy_wh CHECK (energy_wh >= 0),
    CONSTRAINT ck_utility_bill_amounts CHECK (energy_minor >= 0 AND demand_minor >= 0 AND other_minor >= 0),
    CONSTRAINT fk_utility_bill_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id),
    CONSTRAINT fk_utility_bill_journal_entry_cooperative_id_entry_id FOREIGN KEY (cooperative_id, entry_id)
    REFERENCES journal_entry (cooperative_id, id)
);

CREATE TABLE cost_sharing_run (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    month date NOT NULL,
    rule_id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    bill_id uuid NOT NULL,
    currency text NOT NULL,
    total_minor bigint NOT NULL,
    kept_minor bigint NOT NULL,
    inputs_sha256 bytea NOT NULL,
    results jsonb NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_cost_sharing_run PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_cost_sharing_run_cooperative_id_hub_id_month UNIQUE (cooperative_id, hub_id, month),
    CONSTRAINT ck_cost_sharing_run_month CHECK (extract(DAY FROM month) = 1),
    CONSTRAINT ck_cost_sharing_run_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_cost_sharing_run_kept_minor CHECK (kept_minor BETWEEN 0 AND total_minor),
    CONSTRAINT ck_cost_sharing_run_inputs_sha256 CHECK (octet_length(inputs_sha256) = 32),
    CONSTRAINT fk_cost_sharing_run_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id),
    CONSTRAINT fk_cost_sharing_run_rule FOREIGN KEY (cooperative_id, rule_id)
    REFERENCES cost_sharing_rule (cooperative_id, id),
    CONSTRAINT fk_cost_sharing_run_schedule FOREIGN KEY (cooperative_id, schedule_id)
    REFERENCES utility_schedule (cooperative_id, id),
    CONSTRAINT fk_cost_sharing_run_bill FOREIGN KEY (cooperative_id, bill_id)
    REFERENCES utility_bill (cooperative_id, id)
);

CREATE TABLE cost_sharing_share (
    cooperative_id uuid NOT NULL,
    run_id uuid NOT NULL,
    number integer NOT NULL,
    member_id uuid,
    taken_wh bigint NOT NULL,
    own_peak_w bigint NOT NULL,
    arithmetic jsonb NOT NULL,
    net_minor bigint NOT NULL,
    CONSTRAINT pk_cost_sharing_share PRIMARY KEY (cooperative_id, run_id, number),
    CONSTRAINT uq_cost_sharing_share_cooperative_id_run_id_member_id UNIQUE NULLS NOT DISTINCT
    (cooperative_id, run_id, member_id),
    CONSTRAINT ck_cost_sharing_share_number CHECK (number > 0),
    CONSTRAINT ck_cost_sharing_share_figures CHECK (taken_wh >= 0 AND own_peak_w >= 0 AND net_minor >= 0),
    CONSTRAINT fk_cost_sharing_share_run FOREIGN KEY (cooperative_id, run_id)
    REFERENCES cost_sharing_run (cooperative_id, id),
    CONSTRAINT fk_cost_sharing_share_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE INDEX ix_cost_sharing_share_member ON cost_sharing_share (cooperative_id, member_id, run_id);

CREATE TABLE plan (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    fee_minor bigint NOT NULL,
    included_wh bigint NOT NULL,
    taxes jsonb NOT NULL,
    resolution text,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_plan PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_plan_cooperative_id_code_version UNIQUE (cooperative_id, code, version),
    CONSTRAINT ck_plan_named CHECK (code <> '' AND kind <> '' AND name <> ''),
    CONSTRAINT ck_plan_version CHECK (version > 0),
    CONSTRAINT ck_plan_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_plan_terms CHECK (fee_minor >= 0 AND included_wh >= 0),
    CONSTRAINT ck_plan_taxes CHECK (jsonb_typeof(taxes) = 'array'),
    CONSTRAINT fk_plan_cooperative_cooperative_id FOREIGN KEY (cooperative_id)
    REFERENCES cooperative (cooperative_id)
);

CREATE TABLE subscription (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    plan_kind text NOT NULL,
    from_on date NOT NULL,
    to_on date,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_by text,
    CONSTRAINT pk_subscription PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_subscription_to_on CHECK (to_on > from_on),
    CONSTRAINT fk_subscription_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_subscription_plan_cooperative_id_plan_id FOREIGN KEY (cooperative_id, plan_id)
    REFERENCES plan (cooperative_id, id)
);
CREATE INDEX ix_subscription_member ON subscription (cooperative_id, member_id, from_on, id);

CREATE TABLE capacity_reservation (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    hub_id uuid NOT NULL,
    kind text NOT NULL,
    quantity bigint NOT NULL,
    unit_price numeric NOT NULL,
    currency text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    no_show_minor bigint NOT NULL,
    grace_minutes integer NOT NULL,
    cancel_minutes integer NOT NULL,
    taxes jsonb NOT NULL,
    resolution text,
    cancelled_at timestamptz,
    cancelled_by text,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_capacity_reservation PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_capacity_reservation_kind CHECK (kind IN ('POWER', 'PORT_HOURS')),
    CONSTRAINT ck_capacity_reservation_figures CHECK (quantity > 0 AND unit_price >= 0 AND no_show_minor >= 0),
    CONSTRAINT ck_capacity_reservation_minutes CHECK (grace_minutes >= 0 AND cancel_minutes >= 0),
    CONSTRAINT ck_capacity_reservation_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_capacity_reservation_to_at CHECK (to_at > from_at),
    CONSTRAINT ck_capacity_reservation_cancelled CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
    CONSTRAINT ck_capacity_reservation_taxes CHECK (jsonb_typeof(taxes) = 'array'),
    CONSTRAINT fk_capacity_reservation_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_capacity_reservation_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id)
);
CREATE INDEX ix_capacity_reservation_from_at ON capacity_reservation (cooperative_id, from_at, id);
CREATE INDEX ix_capacity_reservation_member ON capacity_reservation (cooperative_id, member_id, from_at, id);

CREATE TABLE demand_response_event (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    programme text NOT NULL,
    currency text NOT NULL,
    payment_minor bigint NOT NULL,
    fee_percent numeric NOT NULL,
    resolution text,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_demand_response_event PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_demand_response_event_cooperative_id_hub_id_from_at UNIQUE (cooperative_id, hub_id, from_at),
    CONSTRAINT ck_demand_response_event_to_at CHECK (to_at > from_at),
    CONSTRAINT ck_demand_response_event_payment_minor CHECK (payment_minor >= 0),
    CONSTRAINT ck_demand_response_event_fee_percent CHECK (fee_percent BETWEEN 0 AND 100),
    CONSTRAINT ck_demand_response_event_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT fk_demand_response_event_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id)
);

COMMENT ON TABLE utility_schedule IS
'Grid tariffs by hub: energy by time of use, demand by kW; one once set stays.';
COMMENT ON COLUMN utility_schedule.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN utility_schedule.id IS
'UUID version 7.';
COMMENT ON COLUMN utility_schedule.hub_id IS
'Whose grid connection it prices.';
COMMENT ON COLUMN utility_schedule.from_on IS
'First day it is in force, until the next one is.';
COMMENT ON COLUMN utility_schedule.name IS
'What the grid calls it.';
COMMENT ON COLUMN utility_schedule.document IS
'The schedule in our own form, every figure text.';
COMMENT ON COLUMN utility_schedule.document_sha256 IS
'SHA-256 of the document''s canonical text.';
COMMENT ON COLUMN utility_schedule.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN utility_schedule.set_by IS
'Subject who set it.';
COMMENT ON COLUMN utility_schedule.set_at IS
'When it was set.';
COMMENT ON TABLE cost_sharing_rule IS
'How a hub''s grid costs are shared from a month on; a rule once set stays.';
COMMENT ON COLUMN cost_sharing_rule.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN cost_sharing_rule.id IS
'UUID version 7.';
COMMENT ON COLUMN cost_sharing_rule.hub_id IS
'Whose costs are shared by it.';
COMMENT ON COLUMN cost_sharing_rule.from_month IS
'First day of the first month it is in force, until the next one is.';
COMMENT ON COLUMN cost_sharing_rule.method IS
'How the demand charge is shared; NONE passes no cost on.';
COMMENT ON COLUMN cost_sharing_rule.parameters IS
'Parameters of the method, as text.';
COMMENT ON COLUMN cost_sharing_rule.taxes IS
'Taxes on what is passed on: a list of name and percent.';
COMMENT ON COLUMN cost_sharing_rule.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN cost_sharing_rule.set_by IS
'Subject who set it.';
COMMENT ON COLUMN cost_sharing_rule.set_at IS
'When it was set.';
COMMENT ON TABLE utility_bill IS
'What the grid charged for a hub and month; corrected by the next revision.';
COMMENT ON COLUMN utility_bill.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN utility_bill.id IS
'UUID version 7.';
COMMENT ON COLUMN utility_bill.hub_id IS
'Whose bill it is.';
COMMENT ON COLUMN utility_bill.month IS
'First day of the month it is for.';
COMMENT ON COLUMN utility_bill.revision IS
'1, 2, 3 …: the last one counts.';
COMMENT ON COLUMN utility_bill.currency IS
'ISO 4217 code; the cooperative''s own.';
COMMENT ON COLUMN utility_bill.energy_wh IS
'Energy the grid delivered; null where it is not told.';
COMMENT ON COLUMN utility_bill.energy_minor IS
'What it costs.';
COMMENT ON COLUMN utility_bill.demand_minor IS
'Demand charge.';
COMMENT ON COLUMN utility_bill.other_minor IS
'Everything else on the bill.';
COMMENT ON COLUMN utility_bill.reference IS
'The grid''s number of the bill; empty where it is not told.';
COMMENT ON COLUMN utility_bill.entry_id IS
'Its entry, if it was posted with it.';
COMMENT ON COLUMN utility_bill.recorded_by IS
'Subject who recorded it.';
COMMENT ON COLUMN utility_bill.recorded_at IS
'When it was recorded.';
COMMENT ON TABLE cost_sharing_run IS
'A hub''s month, shared once; its shares are in cost_sharing_share.';
COMMENT ON COLUMN cost_sharing_run.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN cost_sharing_run.id IS
'UUID version 7.';
COMMENT ON COLUMN cost_sharing_run.hub_id IS
'Whose costs were shared.';
COMMENT ON COLUMN cost_sharing_run.month IS
'First day of the month.';
COMMENT ON COLUMN cost_sharing_run.rule_id IS
'By which rule.';
COMMENT ON COLUMN cost_sharing_run.schedule_id IS
'At the prices of which schedule.';
COMMENT ON COLUMN cost_sharing_run.bill_id IS
'Which bill.';
COMMENT ON COLUMN cost_sharing_run.currency IS
'ISO 4217 code of its amounts.';
COMMENT ON COLUMN cost_sharing_run.total_minor IS
'The bill: the sum of all shares.';
COMMENT ON COLUMN cost_sharing_run.kept_minor IS
'The share of guests, which the cooperative bears.';
COMMENT ON COLUMN cost_sharing_run.inputs_sha256 IS
'SHA-256 of rule, bill, prices and every load it was computed from.';
COMMENT ON COLUMN cost_sharing_run.results IS
'The arithmetic as a whole: totals, the peak, its layers.';
COMMENT ON COLUMN cost_sharing_run.made_by IS
'Subject who had it made.';
COMMENT ON COLUMN cost_sharing_run.made_at IS
'When it was made.';
COMMENT ON TABLE cost_sharing_share IS
'What each member bears of a shared bill, with its arithmetic, to be recomputed.';
COMMENT ON COLUMN cost_sharing_share.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN cost_sharing_share.run_id IS
'The run it is of.';
COMMENT ON COLUMN cost_sharing_share.number IS
'Its place in the run, from 1.';
COMMENT ON COLUMN cost_sharing_share.member_id IS
'Whose share it is; null for guests.';
COMMENT ON COLUMN cost_sharing_share.taken_wh IS
'Energy taken in the month.';
COMMENT ON COLUMN cost_sharing_share.own_peak_w IS
'Highest mean power of a quarter hour.';
COMMENT ON COLUMN cost_sharing_share.arithmetic IS
'Every step of the share, as text.';
COMMENT ON COLUMN cost_sharing_share.net_minor IS
'The share, before tax.';
COMMENT ON TABLE plan IS
'Plans members may have; a version once set stays, and with it who began under it.';
COMMENT ON COLUMN plan.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN plan.id IS
'UUID version 7.';
COMMENT ON COLUMN plan.code IS
'What it is called in commands; several versions share it.';
COMMENT ON COLUMN plan.version IS
'1, 2, 3 … for each code.';
COMMENT ON COLUMN plan.kind IS
'What it is a plan for; a member has one of each kind at a time.';
COMMENT ON COLUMN plan.name IS
'What people call it.';
COMMENT ON COLUMN plan.currency IS
'ISO 4217 code; the cooperative''s own.';
COMMENT ON COLUMN plan.fee_minor IS
'Fee of a whole month, before tax.';
COMMENT ON COLUMN plan.included_wh IS
'Energy included in a whole month.';
COMMENT ON COLUMN plan.taxes IS
'Taxes on the fee, sorted by name: a list of name and percent.';
COMMENT ON COLUMN plan.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN plan.set_by IS
'Subject who set it.';
COMMENT ON COLUMN plan.set_at IS
'When it was set.';
COMMENT ON TABLE subscription IS
'Which plan a member has on which days; never two of one kind at once.';
COMMENT ON COLUMN subscription.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN subscription.id IS
'UUID version 7.';
COMMENT ON COLUMN subscription.member_id IS
'Whose plan it is.';
COMMENT ON COLUMN subscription.plan_id IS
'The version of the plan it began with.';
COMMENT ON COLUMN subscription.plan_kind IS
'The kind of that plan.';
COMMENT ON COLUMN subscription.from_on IS
'First day of it.';
COMMENT ON COLUMN subscription.to_on IS
'First day without it; null while no end is known.';
COMMENT ON COLUMN subscription.started_by IS
'Subject who began it.';
COMMENT ON COLUMN subscription.started_at IS
'When it was recorded.';
COMMENT ON COLUMN subscription.ended_by IS
'Subject who ended it.';
COMMENT ON TABLE capacity_reservation IS
'Power or ports of a hub reserved for a member.';
COMMENT ON COLUMN capacity_reservation.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN capacity_reservation.id IS
'UUID version 7.';
COMMENT ON COLUMN capacity_reservation.member_id IS
'Who reserved.';
COMMENT ON COLUMN capacity_reservation.hub_id IS
'Where.';
COMMENT ON COLUMN capacity_reservation.kind IS
'POWER by the kW month, or PORT_HOURS.';
COMMENT ON COLUMN capacity_reservation.quantity IS
'W of power, or ports.';
COMMENT ON COLUMN capacity_reservation.unit_price IS
'Of a kW month or a port hour, in whole currency, before tax.';
COMMENT ON COLUMN capacity_reservation.currency IS
'ISO 4217 code; the cooperative''s own.';
COMMENT ON COLUMN capacity_reservation.from_at IS
'When it begins.';
COMMENT ON COLUMN capacity_reservation.to_at IS
'When it ends.';
COMMENT ON COLUMN capacity_reservation.no_show_minor IS
'Fee when nobody comes, before tax.';
COMMENT ON COLUMN capacity_reservation.grace_minutes IS
'How late somebody may come.';
COMMENT ON COLUMN capacity_reservation.cancel_minutes IS
'How long before it begins it may be cancelled for nothing.';
COMMENT ON COLUMN capacity_reservation.taxes IS
'Taxes on it, sorted by name: a list of name and percent.';
COMMENT ON COLUMN capacity_reservation.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN capacity_reservation.cancelled_at IS
'When it was cancelled, if it was.';
COMMENT ON COLUMN capacity_reservation.cancelled_by IS
'Subject who cancelled it.';
COMMENT ON COLUMN capacity_reservation.recorded_by IS
'Subject who recorded it.';
COMMENT ON COLUMN capacity_reservation.recorded_at IS
'When it was recorded.';
COMMENT ON TABLE demand_response_event IS
'When the grid asked a hub to take less, and what it pays for that.';
COMMENT ON COLUMN demand_response_event.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN demand_response_event.id IS
'UUID version 7.';
COMMENT ON COLUMN demand_response_event.hub_id IS
'Where less was to be taken.';
COMMENT ON COLUMN demand_response_event.from_at IS
'When it began.';
COMMENT ON COLUMN demand_response_event.to_at IS
'When it ended.';
COMMENT ON COLUMN demand_response_event.programme IS
'Whose programme it was.';
COMMENT ON COLUMN demand_response_event.currency IS
'ISO 4217 code; the cooperative''s own.';
COMMENT ON COLUMN demand_response_event.payment_minor IS
'What the programme pays for it.';
COMMENT ON COLUMN demand_response_event.fee_percent IS
'Per cent of it that the cooperative keeps.';
COMMENT ON COLUMN demand_response_event.resolution IS
'The resolution it rests on, if one is named.';
COMMENT ON COLUMN demand_response_event.recorded_by IS
'Subject who recorded it.';
COMMENT ON COLUMN demand_response_event.recorded_at IS
'When it was recorded.';

-- Everything is seen in one cooperative at a time. Subscriptions end, reservations are cancelled; the rest grows.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'utility_schedule', 'cost_sharing_rule', 'utility_bill', 'cost_sharing_run', 'cost_sharing_share', 'plan',
        'subscription', 'capacity_reservation', 'demand_response_event'
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
GRANT UPDATE (to_on, ended_by) ON subscription TO coop_app;
GRANT UPDATE (cancelled_at, cancelled_by) ON capacity_reservation TO coop_app;
