import assert from 'node:assert/strict'
import test from 'node:test'
import { killUnderLoad } from './prove/kills.ts'
import { rounds } from './rounds.ts'

for (const [recovery, kills] of [
  ['abandon', rounds(2)],
  ['retry', rounds(1)]
] as const) {
  test(`recovery ${recovery}: ${kills} kills under load lose and repeat no accepted message`, {
    timeout: 60_000 + kills * 15_000
  }, async (t) => {
    const { accepted, completed } = await killUnderLoad(t, recovery, kills, 20_261_122)
    t.diagnostic(`${accepted} messages accepted, ${completed} completed, the others were interrupted`)
    // A machine's load decides how many are cut off, never that all are.
    assert.ok(completed > 0)
  })
}
