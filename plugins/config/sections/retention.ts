import { Type } from '@sinclair/typebox'
import { section } from './schema-helpers.ts'

const MAX_DAYS = 36_500

const days = (description: string, preset?: number) =>
  Type.Integer({ description, minimum: 1, maximum: MAX_DAYS, ...(preset === undefined ? {} : { default: preset }) })

export const RetentionSection = section('Retention of stored data. Older data is deleted at the start and every hour', {
  runs_days: days('Days for which ended runs and their steps are kept', 30),
  messages_days: Type.Optional(days('Days for which messages are kept; absent: until their session is deleted')),
  audit_days: days('Days for which entries of the audit log are kept', 30),
  presence_days: days('Days for which senders without a new message are kept', 90)
})
