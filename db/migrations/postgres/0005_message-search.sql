-- Full-text index of the messages of users and assistants.
CREATE INDEX messages_fts ON messages USING gin (to_tsvector('simple'::regconfig, left(content, 32768))) WHERE role <> 'tool';
