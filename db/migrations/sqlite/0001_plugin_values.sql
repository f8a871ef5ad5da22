CREATE TABLE `plugin_values` (
	`namespace` text NOT NULL,
	`key` text NOT NULL,
	`revision` text NOT NULL,
	`updated_at` integer NOT NULL,
	`value` text NOT NULL,
	PRIMARY KEY(`namespace`, `key`)
);
