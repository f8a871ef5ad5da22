import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import path from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { type Frame, scratch } from '../../helper.ts'

const PROGRAMS = path.join(import.meta.dirname, '../../programs')
const OWN = ['-m', '--propagation', 'private', '--fork', '--pid', '--mount-proc', '--kill-child']

/** Namespaces need privileges, and not every machine has systemd. */
function able(): boolean {
  const wanted = 'command -v systemctl dbus-daemon && test -x /lib/systemd/systemd && mount -t tmpfs none /run'
  return spawnSync('unshare', [...OWN, 'sh', '-c', wanted]).status === 0
}

test('a real systemd is understood and obeyed, where the machine can start one', async (t) => {
  if (!able()) return t.diagnostic('this machine cannot start one')
  const inside = [path.join(PROGRAMS, 'real-systemd.sh'), process.execPath, path.join(PROGRAMS, 'real-systemd.ts')]
  const { stdout } = await promisify(execFile)('unshare', [...OWN, ...inside, await scratch(t)], { timeout: 60_000 })
  const [before, started, running, restarted, stopped, died, after] = JSON.parse(stdout) as Frame[]
  const [ollama, llamacpp] = before!.backends
  assert.deepEqual(
    [ollama.scope, ollama.loadState, ollama.statusText, ollama.description, ollama.pid, ollama.availableActions],
    ['user', 'loaded', 'inactive (dead)', 'Ollama Service', null, ['start']]
  )
  assert.deepEqual([llamacpp.scope, llamacpp.availableActions], ['user', ['start']])
  assert.deepEqual([started!.status.statusText, started!.message], ['active (running)', 'Started ollama.service.'])
  assert.ok(running!.backends[0].pid > 0)
  assert.deepEqual(running!.backends[0].availableActions, ['restart', 'stop'])
  assert.deepEqual([restarted!.status.activeState, stopped!.status.activeState], ['active', 'inactive'])
  // Its start was a success for systemd.
  assert.deepEqual(
    [died!.status.activeState, died!.message],
    ['failed', 'Asked systemd to start llama-server.service, which is failed (failed) now: exit-code.']
  )
  assert.deepEqual(after!.backends[1].result, 'exit-code')
})
