-- What was billed, allocated and given up stays written, whoever comes. A correction is another row.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'bill_item', 'invoice', 'invoice_line', 'invoice_tax', 'invoice_charge', 'invoice_item', 'allocation',
        'write_off'
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
