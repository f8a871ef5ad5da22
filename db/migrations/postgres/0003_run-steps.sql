ALTER TABLE "run_steps" DISABLE ROW LEVEL SECURITY;--> statement-breakpoint
DROP TABLE "run_steps" CASCADE;--> statement-breakpoint
DROP INDEX "runs_recent";--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "steps" text;--> statement-breakpoint
CREATE INDEX "runs_recent" ON "runs" USING btree ("created_at","id","session_id");