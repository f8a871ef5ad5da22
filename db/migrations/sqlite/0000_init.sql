CREATE TABLE `artifacts` (
	`session_id` text NOT NULL,
	`artifact_id` text NOT NULL,
	`type` text NOT NULL,
	`title` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`revision` integer NOT NULL,
	`metadata` text,
	`content` text NOT NULL,
	PRIMARY KEY(`session_id`, `artifact_id`),
	FOREIGN KEY (`session_id`) REFERENCES `sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `attachments` (
	`message_id` integer NOT NULL,
	`position` integer NOT NULL,
	`mime_type` text NOT NULL,
	`filename` text,
	`bytes` integer NOT NULL,
	`data` blob NOT NULL,
	PRIMARY KEY(`message_id`, `position`),
	FOREIGN KEY (`message_id`) REFERENCES `messages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `audit` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`at` integer NOT NULL,
	`event` text NOT NULL,
	`actor` text NOT NULL,
	`detail` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_at` ON `audit` (`at`);--> statement-breakpoint
CREATE INDEX `audit_event` ON `audit` (`event`,`id`);--> statement-breakpoint
CREATE INDEX `audit_actor` ON `audit` (`actor`,`id`);--> statement-breakpoint
CREATE TABLE `contexts` (
	`session_id` text PRIMARY KEY NOT NULL,
	`tokens` integer NOT NULL,
	`counted_to` integer NOT NULL,
	`context_window` integer NOT NULL,
	`summary` text,
	FOREIGN KEY (`session_id`) REFERENCES `sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `cursors` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `days` (
	`day` integer PRIMARY KEY NOT NULL,
	`sessions` integer NOT NULL,
	`messages` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `memory` (
	`namespace` text NOT NULL,
	`key` text NOT NULL,
	`value` text NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`namespace`, `key`)
);
--> statement-breakpoint
CREATE TABLE `messages` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`session_id` text NOT NULL,
	`run_id` text NOT NULL,
	`role` text NOT NULL,
	`content` text NOT NULL,
	`parts` text,
	`status` text NOT NULL,
	`created_at` integer NOT NULL,
	`tallied` text,
	FOREIGN KEY (`session_id`) REFERENCES `sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `messages_session` ON `messages` (`session_id`,`id`);--> statement-breakpoint
CREATE TABLE `nodes` (
	`id` text PRIMARY KEY NOT NULL,
	`owner` text NOT NULL,
	`role` text NOT NULL,
	`seen_at` integer NOT NULL,
	`location` text,
	`status` text,
	`push` text,
	`push_digest` text
);
--> statement-breakpoint
CREATE INDEX `nodes_seen` ON `nodes` (`seen_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `nodes_push` ON `nodes` (`push_digest`);--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`channel` text NOT NULL,
	`conversation` text NOT NULL,
	`context` text,
	`text` text NOT NULL,
	`created_at` integer NOT NULL,
	`due_at` integer NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`sent` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE INDEX `outbox_conversation` ON `outbox` (`channel`,`conversation`,`id`);--> statement-breakpoint
CREATE INDEX `outbox_due` ON `outbox` (`due_at`);--> statement-breakpoint
CREATE TABLE `paired_senders` (
	`channel` text NOT NULL,
	`sender_id` text NOT NULL,
	`paired_at` integer NOT NULL,
	PRIMARY KEY(`channel`, `sender_id`)
);
--> statement-breakpoint
CREATE TABLE `presence` (
	`channel` text NOT NULL,
	`sender_id` text NOT NULL,
	`sender_name` text,
	`first_seen_at` integer NOT NULL,
	`last_seen_at` integer NOT NULL,
	`message_count` integer NOT NULL,
	PRIMARY KEY(`channel`, `sender_id`)
);
--> statement-breakpoint
CREATE INDEX `presence_recent` ON `presence` (`last_seen_at`,`channel`,`sender_id`);--> statement-breakpoint
CREATE TABLE `push_subscriptions` (
	`id` text PRIMARY KEY NOT NULL,
	`owner` text NOT NULL,
	`endpoint` text NOT NULL,
	`p256dh` text NOT NULL,
	`auth` text NOT NULL,
	`label` text,
	`updated_at` integer NOT NULL,
	`revision` integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE INDEX `push_subscriptions_owner` ON `push_subscriptions` (`owner`);--> statement-breakpoint
CREATE TABLE `queue` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`session_id` text NOT NULL,
	`run_id` text,
	`owner` text NOT NULL,
	`priority` text NOT NULL,
	`policy` text NOT NULL,
	`preview` text NOT NULL,
	`state` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`accepted_at` integer NOT NULL,
	`ended_at` integer,
	`idempotency_key` text,
	`reply` text,
	`outcome` text,
	`body` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `queue_id` ON `queue` (`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `queue_key` ON `queue` (`session_id`,`owner`,`idempotency_key`);--> statement-breakpoint
CREATE INDEX `queue_session` ON `queue` (`session_id`,`seq`);--> statement-breakpoint
CREATE INDEX `queue_run` ON `queue` (`run_id`) WHERE "queue"."run_id" is not null;--> statement-breakpoint
CREATE INDEX `queue_unended` ON `queue` (`seq`) WHERE "queue"."ended_at" is null;--> statement-breakpoint
CREATE INDEX `queue_ended` ON `queue` (`ended_at`) WHERE "queue"."ended_at" is not null;--> statement-breakpoint
CREATE TABLE `runs` (
	`id` text PRIMARY KEY NOT NULL,
	`session_id` text NOT NULL,
	`principal` text NOT NULL,
	`status` text NOT NULL,
	`created_at` integer NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`input_tokens` integer DEFAULT 0 NOT NULL,
	`output_tokens` integer DEFAULT 0 NOT NULL,
	`provider` text,
	`model` text,
	`error_code` integer,
	`error_message` text,
	FOREIGN KEY (`session_id`) REFERENCES `sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `runs_status` ON `runs` (`status`);--> statement-breakpoint
CREATE INDEX `runs_session` ON `runs` (`session_id`);--> statement-breakpoint
CREATE TABLE `session_days` (
	`session_id` text NOT NULL,
	`day` integer NOT NULL,
	`before` integer NOT NULL,
	PRIMARY KEY(`session_id`, `day`),
	FOREIGN KEY (`session_id`) REFERENCES `sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `session_days_before` ON `session_days` (`session_id`,`day`,`before`);--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`frontend` text NOT NULL,
	`user_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_message_at` integer,
	`message_count` integer DEFAULT 0 NOT NULL,
	`config` text DEFAULT '{}' NOT NULL,
	`history_from` integer
);
--> statement-breakpoint
CREATE INDEX `sessions_recent` ON `sessions` (`last_message_at`,`created_at`,`id`,`message_count`);--> statement-breakpoint
CREATE INDEX `sessions_frontend_recent` ON `sessions` (`frontend`,`last_message_at`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `tallies` (
	`kind` text NOT NULL,
	`day` integer NOT NULL,
	`name` text NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`kind`, `day`, `name`)
);
--> statement-breakpoint
CREATE INDEX `tallies_spent` ON `tallies` (`count`) WHERE "tallies"."count" <= 0;