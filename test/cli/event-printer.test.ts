import assert from 'node:assert/strict'
import test from 'node:test'
import { EventPrinter } from '../../cli/event-printer.ts'

/** Output for a terminal, without colours. */
function written(...frames: Parameters<EventPrinter['take']>[0][]): string {
  let text = ''
  const told = new EventPrinter((part) => {
    text += part
  })
  for (const frame of frames) told.take(frame)
  return text
}

const of = (event: string, data: unknown, sessionId = 'cli:me') => ({ event, data, sessionId, runId: 'r' })

test('text streams, everything else has lines of its own', () => {
  const text = written(
    of('content', { text: 'He' }),
    of('content', { text: 'llo' }),
    of('tool_start', { tool: 'file.list', args: {} }),
    of('tool_end', { tool: 'file.list', result: { success: false, output: '', error: 'no' } }),
    of('content', { text: 'mine' }),
    of('content', { text: 'yours' }, 'cli:you'),
    of('done', { content: '' }, 'cli:you')
  )
  assert.equal(
    text,
    'cli:me Hello\ncli:me file.list {} …\ncli:me file.list failed: no\ncli:me mine\ncli:you yours\ncli:you done\n'
  )
})

test('nothing that comes from a gateway drives the terminal or writes over a line', () => {
  const evil = '\u001b[2J\u001b]0;title\u0007safe\r\u009b1mwords'
  const text = written(of('content', { text: evil }), of('error', { code: 5, message: evil }), of('canvas', { [evil]: evil }))
  assert.doesNotMatch(text, /[\u001b\u0007\r\u009b]/)
  assert.match(text, /safewords/)
})
