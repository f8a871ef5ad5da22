import type { CallPart, TurnState } from '../../rpc/client/model/turn.ts'
import { duration, revealed } from '../ui/format.ts'
import type { Tone } from '../ui/tone.ts'
import type { RunDetail } from './turn-actions.ts'

/** Kinds of tools, by the verb in their name, with the words for one and for several calls and a drawing on a grid of 24. */
const KINDS = [
  {
    verbs: ['exec', 'run', 'shell', 'bash', 'command', 'eval', 'terminal'],
    one: 'command',
    many: 'commands',
    icon: 'M5 7l5 5-5 5M12 17h7'
  },
  {
    verbs: ['fetch', 'http', 'browse', 'download', 'url', 'web', 'page'],
    one: 'page',
    many: 'pages',
    icon: 'M12 4a8 8 0 1 0 .01 0M4 12h16M12 4c-3 4-3 12 0 16M12 4c3 4 3 12 0 16'
  },
  {
    verbs: ['search', 'grep', 'find', 'query', 'recall'],
    one: 'search',
    many: 'searches',
    icon: 'M11 5a6 6 0 1 0 .01 0M16 16l4 4'
  },
  {
    verbs: ['list', 'ls', 'glob', 'tree', 'dir'],
    one: 'listing',
    many: 'listings',
    icon: 'M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01'
  },
  {
    verbs: ['delete', 'remove', 'rm', 'clear', 'forget', 'purge'],
    one: 'deletion',
    many: 'deletions',
    icon: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13'
  },
  {
    verbs: [
      'write',
      'put',
      'create',
      'edit',
      'patch',
      'append',
      'save',
      'set',
      'update',
      'insert',
      'add',
      'move',
      'rename',
      'copy'
    ],
    one: 'change',
    many: 'changes',
    icon: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4'
  },
  {
    verbs: ['send', 'notify', 'mail', 'email', 'message', 'post', 'reply', 'push'],
    one: 'message',
    many: 'messages',
    icon: 'M4 12l16-8-6 16-3-7z'
  },
  {
    verbs: ['read', 'get', 'cat', 'open', 'view', 'load', 'head', 'show', 'status', 'stat'],
    one: 'read',
    many: 'reads',
    icon: 'M7 4h7l4 4v12H7zM14 4v4h4M10 12h5M10 16h5'
  }
] as const
const OTHER = {
  verbs: [],
  one: 'call',
  many: 'calls',
  icon: 'M14 4a5 5 0 0 0-4 7l-6 6 3 3 6-6a5 5 0 0 0 7-6l-3 3-3-1-1-3 3-3z'
} as const

export type CallKind = (typeof KINDS)[number] | typeof OTHER

/** Kind of a tool. The last word of the name counts most: `file.read`, `files__read_text_file`, `searchIssues`. */
export function kindOf(tool: string): CallKind {
  const words = tool
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
  const last = tool.split(/\.|__|:|\//).at(-1) ?? tool
  const own = new Set(
    last
      .replace(/([a-z\d])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .split(/[^a-z\d]+/)
  )
  const among = (names: Iterable<string>) => {
    for (const word of names) {
      const kind = KINDS.find(({ verbs }) => (verbs as readonly string[]).includes(word))
      if (kind) return kind
    }
    return undefined
  }
  return among(own) ?? among(words) ?? OTHER
}

/** "6 reads, 1 command": calls by kind, in the order in which the kinds came first. */
export function summary(calls: readonly Pick<CallPart, 'tool'>[]): string {
  const counts = new Map<CallKind, number>()
  for (const { tool } of calls) {
    const kind = kindOf(tool)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].map(([kind, count]) => `${count} ${count === 1 ? kind.one : kind.many}`).join(', ')
}

/** Arguments that say what a call is about, best first. */
const SUBJECTS = [
  'path',
  'file',
  'filename',
  'command',
  'cmd',
  'query',
  'pattern',
  'url',
  'key',
  'name',
  'title',
  'artifactId',
  'id',
  'to',
  'text'
]
const MAX_SUBJECT = 160

/** Subject of a call from its arguments, on one line with hidden characters spelled out: `report.md`. Empty where none is known. */
export function subject(args: Readonly<Record<string, unknown>>): string {
  const named = SUBJECTS.map((name) => (Object.hasOwn(args, name) ? args[name] : undefined))
  const found = [...named, ...Object.values(args)].find((value) => typeof value === 'string' && value.trim() !== '')
  if (typeof found !== 'string') return ''
  const line = found
    .slice(0, MAX_SUBJECT + 1)
    .trim()
    .replace(/\s+/g, ' ')
  return revealed(line.length > MAX_SUBJECT ? `${line.slice(0, MAX_SUBJECT)}…` : line)
}

export type CallStatus = 'running' | 'asking' | 'ok' | 'failed' | 'cancelled' | 'unknown'

export const STATUS: Readonly<Record<CallStatus, { readonly tone: Tone; readonly word: string }>> = {
  running: { tone: 'wait', word: 'running' },
  asking: { tone: 'wait', word: 'waits for confirmation' },
  ok: { tone: 'good', word: 'ok' },
  failed: { tone: 'bad', word: 'failed' },
  cancelled: { tone: 'idle', word: 'cancelled' },
  unknown: { tone: 'idle', word: 'outcome unknown' }
}

/** Status of a call. One that a stop cut off is cancelled. */
export function statusOf({ state }: Pick<CallPart, 'state'>, turn: TurnState, time: CallTime | undefined): CallStatus {
  if (state !== 'unknown') return state
  return turn === 'stopped' || time?.cancelled ? 'cancelled' : 'unknown'
}

/** Status of several calls together: the one that a person has to know. */
export function worst(all: readonly CallStatus[]): CallStatus {
  const order: readonly CallStatus[] = ['asking', 'running', 'failed', 'unknown', 'cancelled']
  return order.find((status) => all.includes(status)) ?? 'ok'
}

/** Time of a tool call, epoch milliseconds. `to` is undefined while it runs. */
export interface CallTime {
  readonly from: number
  readonly to: number | undefined
  readonly cancelled: boolean
}

/** Times of tool calls, by their `callId`. */
export type CallTimes = ReadonlyMap<string, CallTime>

export function timesOf({ steps }: Pick<RunDetail, 'steps'>): CallTimes {
  return new Map(
    steps.flatMap(({ callId, startedAt, endedAt, status }) =>
      callId === undefined
        ? []
        : [[callId, { from: startedAt, to: endedAt ?? undefined, cancelled: status === 'cancelled' }] as const]
    )
  )
}

/** "3.2 s": from the start of the first of these calls to the end of the last; undefined until all of it is known. */
export function elapsed(calls: readonly Pick<CallPart, 'callId'>[], times: CallTimes | undefined): string | undefined {
  let from = Number.POSITIVE_INFINITY
  let to = 0
  for (const { callId } of calls) {
    const time = times?.get(callId)
    if (time?.to === undefined) return undefined
    from = Math.min(from, time.from)
    to = Math.max(to, time.to)
  }
  return calls.length === 0 ? undefined : duration(to - from)
}

/** Arguments as text, with hidden characters spelled out: exactly what the tool gets. */
export function spelled(args: unknown): string {
  return revealed(JSON.stringify(args, null, 2) ?? '')
}
