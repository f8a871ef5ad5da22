-- Full-text index of the messages of users and assistants. The texts stay in `messages`; the triggers keep the index, whatever deletes a message.
CREATE VIRTUAL TABLE messages_fts USING fts5(content, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2');--> statement-breakpoint
INSERT INTO messages_fts(rowid, content) SELECT id, substr(content, 1, 32768) FROM messages WHERE role <> 'tool';--> statement-breakpoint
CREATE TRIGGER messages_fts_added AFTER INSERT ON messages WHEN new.role <> 'tool' BEGIN
  INSERT INTO messages_fts(rowid, content) VALUES (new.id, substr(new.content, 1, 32768));
END;--> statement-breakpoint
CREATE TRIGGER messages_fts_removed AFTER DELETE ON messages WHEN old.role <> 'tool' BEGIN
  INSERT INTO messages_fts(messages_fts, rowid, content) VALUES ('delete', old.id, substr(old.content, 1, 32768));
  INSERT INTO cursors(name, value) VALUES ('search.deleted', '1') ON CONFLICT DO NOTHING;
END;--> statement-breakpoint
CREATE TRIGGER messages_fts_changed AFTER UPDATE OF content ON messages WHEN old.role <> 'tool' AND old.content <> new.content BEGIN
  INSERT INTO messages_fts(messages_fts, rowid, content) VALUES ('delete', old.id, substr(old.content, 1, 32768));
  INSERT INTO messages_fts(rowid, content) VALUES (new.id, substr(new.content, 1, 32768));
END;
