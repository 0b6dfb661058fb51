-- What was set, billed and shared stays written, whoever comes. What follows it is another row.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'utility_schedule', 'cost_sharing_rule', 'utility_bill', 'cost_sharing_run', 'cost_sharing_share', 'plan',
        'demand_response_event'
    ] LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION append_only()', v_table
        );
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION append_only()', v_table
        );
    END LOOP;
END $$;
