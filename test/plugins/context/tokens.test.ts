import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { tokensOf, tokensOfAll } from '../../../plugins/context/tokens.ts'
import type { ChatMessage } from '../../../plugins/providers/define.ts'

const exactly = (chat: readonly ChatMessage[]) => chat.reduce((sum, message) => sum + tokensOf(message), 0)

test('a sample stands for the older messages of a long conversation, within a tenth', () => {
  const arg = fc.integer({ min: 1, max: 400 })
  const kind = fc.constantFrom('Question about it? ', '日本語の文です。', '{"key": [1, 2]}, ')
  fc.assert(
    fc.property(fc.array(fc.tuple(kind, arg), { minLength: 3, maxLength: 20 }), (parts) => {
      const chat = Array.from({ length: 2000 }, (_, n): ChatMessage => {
        const [text, size] = parts[n % parts.length]!
        return n % 2 ? { role: 'assistant', text: text.repeat(size / 10) } : { role: 'user', text: `${n} ${text}`.repeat(3) }
      })
      const exact = exactly(chat)
      assert.ok(Math.abs(tokensOfAll(chat) - exact) <= exact / 10, `${tokensOfAll(chat)} of ${exact}`)
    }),
    { numRuns: 10, seed: 7 }
  )
})

test('a short conversation is estimated message by message', () => {
  const chat = Array.from({ length: 800 }, (_, n): ChatMessage => ({ role: 'user', text: 'x '.repeat(n % 50) }))
  assert.equal(tokensOfAll(chat), exactly(chat))
})
