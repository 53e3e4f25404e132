-- H2 keeps an ENUM as a number and its names with the open table. After a crash in the middle of a transaction it rolls back
-- before it opens the tables, keeps that reading for the whole run, and writes the numbers back as numbers: every third start
-- after a kill -9 failed, and some left the queue unreadable for good (tried with 2.4.240). These are all that Kestra's
-- schema has; text says the same and is read by nothing else. PostgreSQL, in production, is not concerned.
ALTER TABLE queues ALTER COLUMN "type" SET DATA TYPE VARCHAR(250);
ALTER TABLE queues ALTER COLUMN "consumers" SET DATA TYPE VARCHAR(50) ARRAY;
ALTER TABLE executions ALTER COLUMN "state_current" VARCHAR(50) GENERATED ALWAYS AS (JQ_STRING("value", '.state.current')) NOT NULL;
ALTER TABLE logs ALTER COLUMN "level" VARCHAR(50) GENERATED ALWAYS AS (JQ_STRING("value", '.level')) NOT NULL;
