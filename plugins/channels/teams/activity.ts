import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'
import { Refusal } from '../inbound.ts'

const Account = Type.Object({
  id: Type.String(),
  name: Type.Optional(Type.String()),
  role: Type.Optional(Type.String())
})

/** What is used of an activity of the Bot Framework. Everything else in it is left alone. */
const Activity = Type.Object({
  type: Type.String(),
  id: Type.Optional(Type.String()),
  channelId: Type.Optional(Type.String()),
  serviceUrl: Type.Optional(Type.String()),
  from: Type.Optional(Account),
  recipient: Type.Optional(Account),
  conversation: Type.Optional(Type.Object({ id: Type.String(), tenantId: Type.Optional(Type.String()) })),
  text: Type.Optional(Type.String()),
  entities: Type.Optional(
    Type.Array(
      Type.Object({
        type: Type.Optional(Type.String()),
        text: Type.Optional(Type.String()),
        mentioned: Type.Optional(Type.Object({ id: Type.Optional(Type.String()) }))
      })
    )
  ),
  channelData: Type.Optional(Type.Object({ tenant: Type.Optional(Type.Object({ id: Type.Optional(Type.String()) })) }))
})

export type Activity = Static<typeof Activity>

const check = compile<Activity>(Activity, 'activity')

/** @throws Refusal 400 */
export function activityOf(json: unknown): Activity {
  const checked = check(json)
  if ('issues' in checked) throw new Refusal(400, `no activity: ${checked.issues[0]?.path} ${checked.issues[0]?.message}`)
  return checked.value
}

export function tenantOf({ channelData, conversation }: Activity): string | undefined {
  return channelData?.tenant?.id ?? conversation?.tenantId
}

/** Bots, which are named `28:…`, would answer the answer. */
export function isOfPerson({ from }: Activity): boolean {
  return from !== undefined && from.role !== 'bot' && !from.id.startsWith('28:')
}

/** What was said, without the mentions of the bot itself. */
export function textOf({ text = '', entities = [], recipient }: Activity): string {
  const mentions = entities.flatMap((entity) =>
    entity.type === 'mention' && entity.mentioned?.id === recipient?.id && entity.text ? [entity.text] : []
  )
  return mentions.reduce((rest, mention) => rest.replaceAll(mention, ''), text).trim()
}
