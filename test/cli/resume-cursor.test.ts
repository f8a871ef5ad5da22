import assert from 'node:assert/strict'
import test from 'node:test'
import { ResumeCursor } from '../../cli/resume-cursor.ts'

test('what was told is not told again, and what is of no run always is', () => {
  const seen = new ResumeCursor()
  const told = (seq: number, event = 'content') => seen.take({ runId: 'r', seq, event })
  assert.deepEqual([told(1), told(2), told(1), told(2), told(3)], [true, true, false, false, true])
  assert.equal(seen.take({ runId: 'other', seq: 1, event: 'content' }), true)
  assert.equal(seen.take({ event: 'canvas' }), true)
  assert.equal(seen.take({ event: 'canvas' }), true)
})

test('runs whose end was not seen are open, from where they were left', () => {
  const seen = new ResumeCursor()
  for (const [runId, seq, event] of [
    ['done', 1, 'done'],
    ['failed', 1, 'error'],
    ['left', 1, 'content'],
    ['left', 2, 'content']
  ] as const) {
    seen.take({ runId, seq, event })
  }
  assert.deepEqual([seen.open(), seen.after('left'), seen.after('never')], [['left'], 2, 0])
})

test('only the newest thousand runs are remembered', () => {
  const seen = new ResumeCursor()
  for (let n = 0; n < 5000; n++) seen.take({ runId: `r${n}`, seq: 1, event: 'content' })
  assert.equal(seen.open().length, 1000)
  assert.equal(seen.after('r4999'), 1)
})
