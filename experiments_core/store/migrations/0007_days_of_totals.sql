-- When a row of totals is from: a day as text, or a number of time units since the start.
ALTER TABLE totals ADD COLUMN row_time JSON;
