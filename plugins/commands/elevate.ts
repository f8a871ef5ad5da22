import { elevationOf } from '../../rpc/schemas/session.ts'
import type { Command, CommandContext } from './define.ts'

const UNITS: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000]
])
/** An elevation must not last until the next day. */
const MAX_HOURS = 8
const USAGE = '/elevate\n/elevate <duration>, such as 90s, 10m or 2h\n/elevate off'

/** Allows the tools of `tools.elevated` in this session for some time. */
export const elevate: Command = {
  name: 'elevate',
  summary: 'Allow elevated tools in this session for some time, or end that',
  usage: USAGE,
  scope: 'operate',
  async run(args, context) {
    const { app, caller, sessionId } = context
    const word = args.toLowerCase()
    if (word === '') return await shown(context)
    const now = Date.now()
    if (word === 'off') {
      await app.db.sessions.unset(sessionId, 'elevation')
      app.audit.record('elevation', caller.id, { sessionId, untilMs: 0 })
      return 'This session is not elevated any more.'
    }
    const ms = durationOf(word)
    if (ms === undefined) return `That is not a duration. Nothing was changed. Write one of:\n${USAGE}`
    if (ms === 0 || ms > MAX_HOURS * 3_600_000) {
      return `A session is elevated for at least a second and at most ${MAX_HOURS} hours. Nothing was changed.`
    }
    const untilMs = now + ms
    await app.db.sessions.configure(sessionId, { elevation: { untilMs } }, now)
    app.audit.record('elevation', caller.id, { sessionId, untilMs })
    return `This session is elevated until ${iso(untilMs)}. /elevate off ends it earlier.`
  }
}

async function shown({ app, sessionId }: CommandContext): Promise<string> {
  const session = await app.db.sessions.get(sessionId)
  const { active, untilMs } = elevationOf(session?.config.elevation, Date.now())
  if (!active) return 'This session is not elevated. /elevate 10m elevates it for ten minutes.'
  return `This session is elevated until ${iso(untilMs)}.`
}

/** Milliseconds. */
function durationOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,6})([smh])$/.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits) * UNITS.get(unit)!
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
