import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { cutAt } from '../../../plugins/context/cut.ts'
import { shorten, shortenAll, shortenText } from '../../../plugins/context/shorten.ts'
import { tokensIn, tokensOf } from '../../../plugins/context/tokens.ts'
import type { ChatMessage } from '../../../plugins/providers/define.ts'

const text = fc.oneof(fc.constant('word '.repeat(200)), fc.string(), fc.constant('漢字'.repeat(100)))
const user = text.map((text): ChatMessage[] => [{ role: 'user', text }])
const step = fc.tuple(text, fc.array(text, { maxLength: 3 })).map(([text, outputs]): ChatMessage[] => {
  const calls = outputs.map((_, n) => ({ callId: `c${n}`, tool: 'file.read', args: {} }))
  return [
    { role: 'assistant', text, ...(calls.length > 0 ? { toolCalls: calls } : {}) },
    ...outputs.map((output, n): ChatMessage => ({ role: 'tool', callId: `c${n}`, tool: 'file.read', output, failed: false }))
  ]
})
/** Any chat that a model may be shown. */
const chat = fc.array(fc.oneof(user, step), { maxLength: 20 }).map((parts) => parts.flat())

/** Each call has its results right after it, and no result is without one. */
function assertValid(messages: readonly ChatMessage[]): void {
  const open: string[] = []
  for (const message of messages) {
    if (message.role === 'tool') assert.equal(message.callId, open.shift())
    else assert.deepEqual(open, [])
    if (message.role === 'assistant') open.push(...(message.toolCalls ?? []).map(({ callId }) => callId))
  }
  assert.deepEqual(open, [])
}

test('whatever is cut, what stays is a chat: it begins with no result, and every call has its own', () => {
  fc.assert(
    fc.property(chat, fc.nat(3000), fc.boolean(), (messages, budget, force) => {
      const cut = cutAt(messages, { budget, force })
      assert.ok(cut >= 0 && cut <= messages.length)
      assertValid(messages.slice(cut))
    })
  )
})

test('what has not been answered is never cut', () => {
  fc.assert(
    fc.property(chat, fc.nat(3000), fc.boolean(), (messages, budget, force) => {
      const cut = cutAt(messages, { budget, force })
      const last = messages.findLastIndex(({ role }) => role === 'assistant')
      const calling = messages[last + 1]?.role === 'tool'
      assert.ok(cut <= (calling ? last : last + 1))
    })
  )
})

test('the rest fits its budget and six messages, unless it is unanswered', () => {
  fc.assert(
    fc.property(chat, fc.nat(3000), (messages, budget) => {
      const answered: ChatMessage[] = [...messages, { role: 'assistant', text: 'Done.' }]
      const kept = answered.slice(cutAt(answered, { budget, force: true }))
      assert.ok(kept.length <= 6 && kept.length < answered.length)
      assert.ok(kept.reduce((sum, message) => sum + tokensOf(message), 0) <= budget)
    })
  )
})

test('what stays begins with a message of the user where one is near', () => {
  const say = (role: 'user' | 'assistant') => ({ role, text: 'hello' }) as const
  const four = [say('user'), say('assistant'), say('user'), say('assistant')]
  assert.equal(cutAt(four, { budget: 1000, force: false }), 0)
  assert.equal(cutAt(four, { budget: 1000, force: true }), 2)
  assert.equal(cutAt([...four, ...four], { budget: 1000, force: false }), 2)
  assert.equal(cutAt(four.slice(0, 2), { budget: 1000, force: true }), 1)
  assert.equal(cutAt([], { budget: 1000, force: true }), 0)
})

test('a text that is cut is as short as it must be, keeps both its ends, and has no half of a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.integer({ min: 60, max: 500 }), (part, limit) => {
      const long = `BEGIN${part.repeat(20)}END`
      const short = shortenText(long, limit)
      if (tokensIn(long) <= limit) return assert.equal(short, long)
      assert.ok(tokensIn(short) <= limit)
      assert.ok(short.isWellFormed() || !long.isWellFormed())
      assert.match(short, /^BEGIN[\s\S]*\[… \d+ characters were left out here[\s\S]*D$/)
    })
  )
})

test('messages that are cut together fit together, and the short ones stay as they are', () => {
  const short: ChatMessage = { role: 'user', text: 'hello' }
  const long = (n: number): ChatMessage => ({
    role: 'tool',
    callId: `${n}`,
    tool: 'x',
    output: `word${n} `.repeat(3000),
    failed: false
  })
  const cut = shortenAll([short, long(1), long(2), short], 2000)
  assert.ok(cut.reduce((sum, message) => sum + tokensOf(message), 0) <= 2000)
  assert.deepEqual([cut[0], cut[3]], [short, short])
  assert.ok(tokensOf(cut[1]!) > 700)
})

test('a text file counts as its text and is cut like it; another file stays', () => {
  const file = (mimeType: string, text: string) => ({ mimeType, data: Buffer.from(text).toString('base64') })
  const picture = file('image/png', 'x'.repeat(100_000))
  const message: ChatMessage = { role: 'user', text: 'read', attachments: [picture, file('text/plain', 'word '.repeat(50_000))] }
  assert.ok(tokensOf(message) > 50_000)
  const cut = shorten(message, 5000)
  assert.ok(tokensOf(cut) <= 5000)
  assert.equal(cut.role === 'user' && cut.attachments?.[0], picture)
})

test('however long a text is, only some of it is looked at, and what was estimated stays near', () => {
  const words = 'some words of a text '.repeat(100_000)
  const exact = tokensIn(words.slice(0, 16_384)) * (words.length / 16_384)
  assert.ok(Math.abs(tokensIn(words) - exact) < exact / 10)
  assert.ok(tokensIn(' '.repeat(1_000_000)) >= 62_500)
})

test('letters and digits without end are not taken for long words, whatever the length', () => {
  const base64 = (bytes: number) =>
    Buffer.from(Uint8Array.from({ length: bytes }, (_, n) => (n * 97 + (n >> 3)) % 256)).toString('base64')
  for (const bytes of [300, 3000, 300_000]) {
    const text = base64(bytes)
    assert.ok(tokensIn(text) >= text.length / 2.1, `${tokensIn(text)} of ${text.length}`)
    assert.ok(tokensIn(`An image: ${text} and some words.`) >= text.length / 2.1)
  }
  assert.ok(tokensIn('words of everyday length '.repeat(100)) < 600)
})
