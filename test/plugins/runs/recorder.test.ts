import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_STEPS, MAX_TEXTS, RunRecorder } from '../../../plugins/runs/recorder.ts'
import { Masker } from '../../../security/masking/masker.ts'

function recorder() {
  let time = 0
  const masker = new Masker(['canary-of-this-test'])
  return new RunRecorder({ masker: () => masker, now: () => time++, ended() {} })
}

test('secrets are masked in arguments, output and errors', () => {
  const recording = recorder()
  recording.toolStarted({ tool: 'shell.exec', args: { env: 'canary-of-this-test' }, callId: 'c' })
  recording.toolEnded({ success: false, output: 'x canary-of-this-test', error: 'canary-of-this-test!' })
  recording.asked({ provider: 'p', model: 'm' })
  recording.failed('key canary-of-this-test refused')
  const { steps } = recording.end()
  assert.deepEqual(
    steps!.list.map(({ args, output, error }) => [args, output, error]),
    [
      ['{"env":"***"}', 'x ***', '***!'],
      [undefined, undefined, 'key *** refused']
    ]
  )
})

test('the tokens of all model calls count, and a call under way at the end is cancelled', () => {
  const recording = recorder()
  for (let n = 0; n < 2; n++) {
    recording.asked({ provider: 'p', model: `m${n}` })
    recording.answered({ reason: 'stop', usage: { inputTokens: 10, outputTokens: 1 } })
  }
  recording.toolStarted({ tool: 't', args: {}, callId: 'c' })
  assert.equal(recording.steps.pending?.name, 't')
  const { steps, ...rest } = recording.end()
  assert.deepEqual(rest, { provider: 'p', model: 'm1', inputTokens: 20, outputTokens: 2 })
  assert.deepEqual(
    steps!.list.map(({ name, status, startedAt, endedAt }) => [name, status, startedAt, endedAt]),
    [
      ['m0', 'completed', 0, 1],
      ['m1', 'completed', 2, 3],
      ['t', 'cancelled', 4, 5]
    ]
  )
})

test('a run of any length is recorded within its bounds', () => {
  const recording = recorder()
  for (let n = 0; n < MAX_STEPS + 7; n++) {
    recording.toolStarted({ tool: 't', args: { text: 'x'.repeat(10_000) }, callId: 'c' })
    recording.toolEnded({ success: true, output: 'y'.repeat(10_000), error: null })
  }
  const { steps } = recording.end()
  assert.equal(steps!.list.length, MAX_STEPS)
  assert.equal(steps!.omitted, 7)
  const characters = JSON.stringify(steps).length
  assert.ok(characters > MAX_TEXTS / 2 && characters < MAX_TEXTS * 1.5 + MAX_STEPS * 150, `${characters}`)
})
