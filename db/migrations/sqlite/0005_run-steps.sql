DROP TABLE `run_steps`;--> statement-breakpoint
DROP INDEX `runs_recent`;--> statement-breakpoint
ALTER TABLE `runs` ADD `steps` text;--> statement-breakpoint
CREATE INDEX `runs_recent` ON `runs` (`created_at`,`id`,`session_id`);