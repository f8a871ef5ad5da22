import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ThinkTags, withoutThinkTags } from '../../../plugins/providers/think-tags.ts'

/** Everything that is said of these pieces: the answer, and the thoughts. */
function split(pieces: readonly string[]): { text: string; reasoning: string } {
  const tags = new ThinkTags()
  const said = { text: '', reasoning: '' }
  for (const { type, text } of [...pieces.flatMap((piece) => tags.push(piece)), ...tags.end()]) said[type] += text
  return said
}

test('the tags count at the beginning of a line, outside of code', () => {
  for (const [written, text, reasoning] of [
    ['<think>a plan</think>\n\nThe answer.', 'The answer.', 'a plan'],
    [' \n <think>a</think><think>b</think> c', 'c', 'ab'],
    ['One.\n<think>two</think>\nThree.', 'One.\nThree.', 'two'],
    ['Write <think> first.', 'Write <think> first.', ''],
    ['```\n<think>code</think>\n```\n<think>x</think>y', '```\n<think>code</think>\n```\ny', 'x'],
    ['<think>cut off', '', 'cut off'],
    ['<think></think>', '', ''],
    ['<thin', '<thin', ''],
    ['</think>done', '</think>done', ''],
    ['<think>a </thin b</think>c', 'c', 'a </thin b'],
    ['plain', 'plain', ''],
    ['  indented', '  indented', '']
  ] as const) {
    assert.deepEqual(split([written]), { text, reasoning }, written)
  }
})

test('it does not matter where the stream is cut', () => {
  const word = fc.constantFrom('<think>', '</think>', '<thi', 'nk>', '</', '\n', ' ', '```', '``', 'a', 'text ', '<')
  fc.assert(
    fc.property(fc.array(word, { maxLength: 14 }), fc.array(fc.nat({ max: 40 }), { maxLength: 8 }), (words, cuts) => {
      const written = words.join('')
      const places = [0, ...cuts.filter((cut) => cut < written.length).sort((one, other) => one - other), written.length]
      const pieces = places.slice(1).map((end, index) => written.slice(places[index], end))
      assert.deepEqual(split(pieces), split([written]))
    }),
    { numRuns: 500 }
  )
})

test('a text without tags is passed on as it came, piece by piece', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '<', '`', '\n', ' ', '>') })), (pieces) => {
      assert.equal(split(pieces).text, pieces.join(''))
    })
  )
})

test('held back text comes before the end of the call', async () => {
  const finish = { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } } as const
  async function* call() {
    yield { type: 'text', text: '<thi' } as const
    yield finish
  }
  assert.deepEqual(await Array.fromAsync(withoutThinkTags(call())), [{ type: 'text', text: '<thi' }, finish])
})
