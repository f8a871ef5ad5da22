CREATE TABLE `read_marks` (
	`session_id` text NOT NULL,
	`principal` text NOT NULL,
	`message_id` integer NOT NULL,
	PRIMARY KEY(`session_id`, `principal`),
	FOREIGN KEY (`session_id`) REFERENCES `sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
DROP INDEX `messages_session`;--> statement-breakpoint
CREATE INDEX `messages_session` ON `messages` (`session_id`,`id`,`role`);--> statement-breakpoint
DROP INDEX `sessions_recent`;--> statement-breakpoint
DROP INDEX `sessions_frontend_recent`;--> statement-breakpoint
ALTER TABLE `sessions` ADD `title` text;--> statement-breakpoint
ALTER TABLE `sessions` ADD `titled_by` text;--> statement-breakpoint
ALTER TABLE `sessions` ADD `pinned` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `sessions` ADD `archived` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `sessions` ADD `input_tokens` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `sessions` ADD `output_tokens` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `sessions_archived` ON `sessions` (`last_message_at`,`created_at`,`id`) WHERE "sessions"."archived";--> statement-breakpoint
CREATE INDEX `sessions_pinned` ON `sessions` (`last_message_at`,`created_at`,`id`) WHERE "sessions"."pinned";--> statement-breakpoint
CREATE INDEX `sessions_recent` ON `sessions` (`last_message_at`,`created_at`,`id`,`message_count`,`archived`);--> statement-breakpoint
CREATE INDEX `sessions_frontend_recent` ON `sessions` (`frontend`,`last_message_at`,`created_at`,`id`,`archived`);