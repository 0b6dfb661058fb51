-- What the bank sent stays as it came, whoever comes.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON bank_file
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON bank_file
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON bank_statement
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON bank_statement
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
