CREATE TABLE `deliveries` (
	`source` text NOT NULL,
	`key` text NOT NULL,
	`message_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`source`, `key`)
);
--> statement-breakpoint
CREATE INDEX `deliveries_recent` ON `deliveries` (`source`,`created_at`);--> statement-breakpoint
ALTER TABLE `paired_senders` ADD `access` text DEFAULT 'guest' NOT NULL;