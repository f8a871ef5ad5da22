import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseShow, Systemd } from '../../../plugins/backends/systemd.ts'

/** As systemd 252 prints it. */
const REAL = `MainPID=23
StatusText=
Result=success
Description=Ollama = Service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
`

test('what systemd prints is read by name, in whatever order, and split at the first equals sign', () => {
  assert.deepEqual(parseShow(REAL), [
    {
      loadState: 'loaded',
      activeState: 'active',
      subState: 'running',
      unitFileState: 'enabled',
      description: 'Ollama = Service',
      pid: 23,
      result: 'success',
      statusText: 'active (running)',
      restartCount: undefined
    }
  ])
})

test('units are told apart by the blank line, one that is not there has its block, and a process of number 0 is none', () => {
  const [one, other] = parseShow(
    `${REAL}\nMainPID=0\nNRestarts=3\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n`
  )
  assert.equal(one!.pid, 23)
  assert.deepEqual([other!.pid, other!.restartCount, other!.loadState], [null, 3, 'not-found'])
})

test('what a service says of itself is preferred to its state', () => {
  assert.equal(
    parseShow('StatusText=Listening on 11434\nActiveState=active\nSubState=running')[0]!.statusText,
    'Listening on 11434'
  )
})

test('whatever the order of the lines, the same is read; whatever the text, nothing is thrown', () => {
  const lines = REAL.trim().split('\n')
  const expected = parseShow(REAL)
  fc.assert(
    fc.property(fc.shuffledSubarray(lines, { minLength: lines.length }), (shuffled) => {
      assert.deepEqual(parseShow(shuffled.join('\n')), expected)
    })
  )
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('=', '\n', 'a', 'MainPID=', 'ActiveState=', '9', ' ') }), (text) => {
      for (const { pid, activeState } of parseShow(text)) {
        assert.ok(pid === null || Number.isSafeInteger(pid))
        assert.notEqual(activeState, '')
      }
    })
  )
})

test('a manager that is not running does not hide why the other one gave no answer', async () => {
  const outcome = { code: 1, stdout: '', stderr: '', missing: false, timedOut: false, truncated: false }
  const slow = { ...outcome, timedOut: true }
  const absent = { ...outcome, stderr: 'Failed to connect to bus: No such file or directory' }
  const problem = async (user: object, system: object) => {
    const run = async (_program: string, args: readonly string[]) => ({
      ...outcome,
      ...(args.includes('--user') ? user : system)
    })
    return (await new Systemd({ run }).find(['ollama.service'], 100)).problem
  }
  assert.equal(await problem(slow, absent), 'systemctl did not answer in time')
  assert.equal(await problem(absent, slow), 'systemctl did not answer in time')
  assert.equal(await problem(absent, absent), 'systemd is not running on this machine')
})
