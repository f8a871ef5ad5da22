CREATE TABLE "read_marks" (
	"session_id" text collate "C" NOT NULL,
	"principal" text collate "C" NOT NULL,
	"message_id" bigint NOT NULL,
	CONSTRAINT "read_marks_session_id_principal_pk" PRIMARY KEY("session_id","principal")
);
--> statement-breakpoint
DROP INDEX "messages_session";--> statement-breakpoint
DROP INDEX "sessions_recent";--> statement-breakpoint
DROP INDEX "sessions_frontend_recent";--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "title" text collate "C";--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "titled_by" text collate "C";--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "pinned" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "archived" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "input_tokens" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "output_tokens" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "read_marks" ADD CONSTRAINT "read_marks_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "sessions_archived" ON "sessions" USING btree ("last_message_at","created_at","id") WHERE "sessions"."archived";--> statement-breakpoint
CREATE INDEX "sessions_pinned" ON "sessions" USING btree ("last_message_at","created_at","id") WHERE "sessions"."pinned";--> statement-breakpoint
CREATE INDEX "messages_session" ON "messages" USING btree ("session_id","id","role");--> statement-breakpoint
CREATE INDEX "sessions_recent" ON "sessions" USING btree ("last_message_at","created_at","id","message_count","archived");--> statement-breakpoint
CREATE INDEX "sessions_frontend_recent" ON "sessions" USING btree ("frontend","last_message_at","created_at","id","archived");