CREATE TABLE `run_steps` (
	`run_id` text NOT NULL,
	`position` integer NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`provider` text,
	`call_id` text,
	`status` text NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer NOT NULL,
	`input_tokens` integer DEFAULT 0 NOT NULL,
	`output_tokens` integer DEFAULT 0 NOT NULL,
	`reason` text,
	`error` text,
	PRIMARY KEY(`run_id`, `position`),
	FOREIGN KEY (`run_id`) REFERENCES `runs`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
DROP INDEX `runs_status`;--> statement-breakpoint
DROP INDEX `runs_session`;--> statement-breakpoint
ALTER TABLE `runs` ADD `reason` text;--> statement-breakpoint
CREATE INDEX `runs_recent` ON `runs` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `runs_ended` ON `runs` (`ended_at`) WHERE "runs"."ended_at" is not null;--> statement-breakpoint
CREATE INDEX `runs_status` ON `runs` (`status`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `runs_session` ON `runs` (`session_id`,`created_at`,`id`);