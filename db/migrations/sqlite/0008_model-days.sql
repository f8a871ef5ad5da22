CREATE TABLE `model_days` (
	`day` integer NOT NULL,
	`provider` text NOT NULL,
	`model` text NOT NULL,
	`runs` integer NOT NULL,
	`failed` integer NOT NULL,
	`cancelled` integer NOT NULL,
	`input_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL,
	PRIMARY KEY(`day`, `provider`, `model`)
);
