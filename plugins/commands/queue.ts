import type { QueueMode } from '../../lanes/message.ts'
import { QUEUE_MODES } from '../../rpc/schemas/queue.ts'
import type { Command, CommandContext } from './define.ts'
import { laneInWords } from './format.ts'
import { parseSettings, written } from './settings.ts'

const USAGE = [
  '/queue',
  '/queue set mode=collect cap=8 overflow=drop_new debounce=500ms summarize=off',
  `/queue <mode>, one of ${QUEUE_MODES.join(', ')}`,
  '/queue reset'
].join('\n')

const ORIGINS = { session: 'set here', channel: 'for this channel', default: 'for all' } as const

/** Shows and sets the queue policy of this session. */
export const queue: Command = {
  name: 'queue',
  summary: 'Show or set the handling of messages that arrive while the agent is busy',
  usage: USAGE,
  // Showing needs only `read`.
  scope: (args) => (args === '' ? 'read' : 'write'),
  async run(args, context) {
    const { app, sessionId } = context
    if (args === '') return await shown(context)
    const [, verb = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(args) ?? []
    const { policies } = app.lanes
    const word = verb.toLowerCase()
    if (word === 'set') {
      const settings = parseSettings(rest)
      if ('problem' in settings) return `${settings.problem}\nNothing was changed.`
      await policies.override(sessionId, settings.fields)
      return `Set: ${texts(settings.fields)}. It applies to messages from now on.`
    }
    if (rest === '' && word === 'reset') {
      await policies.reset(sessionId)
      const { policy } = await policies.describe(sessionId)
      return `Reset. Messages from now on: ${texts(policy)}`
    }
    if (rest === '' && isMode(word)) {
      await policies.override(sessionId, { mode: word })
      return `Set: ${texts({ mode: word })}. It applies to messages from now on.`
    }
    return `Unknown arguments. Nothing was changed. Usage:\n${USAGE}`
  }
}

async function shown({ app, sessionId }: CommandContext): Promise<string> {
  const { policy, origin } = await app.lanes.policies.describe(sessionId)
  const lines = written(policy).map(({ field, text }) => `${text} (${ORIGINS[origin[field]]})`)
  return [laneInWords(app.lanes.snapshot(sessionId)), ...lines].join('\n')
}

function texts(fields: Parameters<typeof written>[0]): string {
  return written(fields)
    .map(({ text }) => text)
    .join(' ')
}

function isMode(word: string): word is QueueMode {
  return QUEUE_MODES.some((mode) => mode === word)
}
