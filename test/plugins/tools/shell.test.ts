import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { constants, createReadStream, type ReadStream } from 'node:fs'
import { open, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { shellTool } from '../../../plugins/tools/shell.ts'
import { openWorkspace } from '../../../plugins/tools/workspace.ts'
import { type Bench, bench, folder } from './context.ts'

const shell = shellTool()

interface Lifeline {
  readonly reader: ReadStream
  /** The number of the process that holds it. */
  readonly alive: Promise<number>
  readonly dead: Promise<unknown>
}

/** A pipe that ends when the last process that has it open is gone. Who writes a line into it lives. */
async function lifeline(t: TestContext, { workspace }: Bench): Promise<Lifeline> {
  const pipe = join(await openWorkspace(workspace), 'lifeline')
  execFileSync('mkfifo', [pipe])
  const reader = createReadStream(pipe, 'utf8')
  t.after(() => reader.destroy())
  const dead = once(reader, 'end')
  const alive = once(reader, 'data').then(([pid]) => Number(pid))
  return { reader, alive, dead }
}

/** These wait for a death: without it they would wait for ever. */
const HANGS = { timeout: 60_000 }

/** Asks not to be ended, tells its number, and goes on for ever without holding the output of the command. */
const STUBBORN = stubborn(': > started')

function stubborn(act: string): string {
  return `(trap '' TERM INT HUP; exec 3>lifeline; sh -c 'echo $PPID' >&3; ${act}; while :; do sleep 1; done) >/dev/null 2>&1`
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone already, as it should be.
  }
}

test('a command runs in the workspace and answers with what it prints', async (t) => {
  const { workspace, run } = await bench(t)
  assert.equal(await run(shell, { command: "echo 'Hello'" }), 'Hello\n')
  assert.equal(await run(shell, { command: 'pwd -P; echo "$HOME"' }), `${await realpath(workspace)}\n`.repeat(2))
  await run(shell, { command: 'echo kept > file' })
  assert.equal(await readFile(join(workspace, 'file'), 'utf8'), 'kept\n')
})

test('stdout and stderr come in the order in which they were written', async (t) => {
  const { run } = await bench(t)
  assert.equal(await run(shell, { command: 'for n in 1 3 5; do echo $n; echo $((n + 1)) >&2; done' }), '1\n2\n3\n4\n5\n6\n')
})

test('the command is taken as it is: quotes, arguments and syntax are its own', async (t) => {
  const { run } = await bench(t)
  assert.equal(await run(shell, { command: `printf '%s|' "a 'b'" '"c"' $#` }), `a 'b'|"c"|0|`)
})

test('an exit code other than 0 is a failure that keeps the output', async (t) => {
  const { run } = await bench(t)
  await assert.rejects(run(shell, { command: 'echo partly; exit 3' }), {
    name: 'ToolError',
    message: 'exit code 3',
    output: 'partly\n'
  })
  await assert.rejects(run(shell, { command: 'kill -SEGV $$' }), { name: 'ToolError', message: 'killed by SIGSEGV' })
  await assert.rejects(run(shell, { command: 'if then' }), { name: 'ToolError', message: 'exit code 2' })
})

test('nothing of the environment of the gateway reaches a command', async (t) => {
  process.env.FLYNN_TOKEN = 'canary-of-the-environment'
  t.after(() => delete process.env.FLYNN_TOKEN)
  // Node itself would hand this one on.
  const coverage = process.env.NODE_V8_COVERAGE
  process.env.NODE_V8_COVERAGE = '/canary-of-the-environment'
  t.after(() => {
    if (coverage === undefined) delete process.env.NODE_V8_COVERAGE
    else process.env.NODE_V8_COVERAGE = coverage
  })
  const { run } = await bench(t)
  const output = await run(shell, { command: 'env' })
  assert.ok(!output.includes('canary-of-the-environment'))
  const names = output
    .trim()
    .split('\n')
    .map((line) => line.split('=', 1)[0]!)
  const ours = ['HOME', 'LANG', 'PATH', 'TERM']
  // What a shell sets by itself.
  const own = ['PWD', 'OLDPWD', 'SHLVL', '_']
  assert.deepEqual(names.filter((name) => !own.includes(name)).sort(), ours)
  assert.match(output, /^TERM=dumb$/m)
})

test('a command that asks for input gets none', async (t) => {
  const { run } = await bench(t)
  assert.equal(await run(shell, { command: 'cat; echo end' }), 'end\n')
})

test('no file that the gateway has open is open in a command', async (t) => {
  const { run } = await bench(t)
  const path = join(await folder(t), 'canary')
  const file = await open(path, 'w')
  t.after(() => file.close())
  assert.ok(!(await run(shell, { command: 'ls -l /proc/self/fd/' })).includes(path))
})

test('output over the limit is cut with a note, at a whole character, and the command still ends by itself', async (t) => {
  const { run } = await bench(t)
  const output = await run(shell, { command: "yes é | head -c 600000 | tr -d '\\n'; echo done > file; cat file >&2" })
  const [text, note] = output.split('\n[cut: ')
  assert.ok(Buffer.byteLength(text!) <= 256 * 1024)
  assert.match(text!, /^é+$/)
  assert.match(note!, /^the first 262144 of \d+ bytes are shown\]$/)
})

test('cancel ends a grandchild that ignores SIGTERM', HANGS, async (t) => {
  const it = await bench(t)
  const { alive, dead } = await lifeline(t, it)
  const running = it.run(shell, { command: `${STUBBORN} & wait` })
  const pid = await alive
  t.after(() => kill(pid))
  it.abort.abort()
  await assert.rejects(running, { name: 'AbortError' })
  await dead
})

test('a command that takes too long is killed with everything it started, and its output is kept', HANGS, async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const it = await bench(t)
  const { reader, alive, dead } = await lifeline(t, it)
  const path = join(it.workspace, 'poke')
  execFileSync('mkfifo', [path])
  const poke = await open(path, constants.O_RDWR)
  t.after(() => poke.close())
  const running = it.run(shell, { command: `echo begun; ${stubborn('read line < poke; echo "$line" >&3')} & wait` })
  const pid = await alive
  t.after(() => kill(pid))
  t.mock.timers.tick(59_999)
  const answer = Promise.race([once(reader, 'data'), dead])
  await poke.write('still here\n')
  assert.deepEqual(await answer, ['still here\n'])
  t.mock.timers.tick(1)
  await assert.rejects(running, { name: 'ToolError', message: 'killed: not done after 60 seconds', output: 'begun\n' })
  await dead
})

test('what a command leaves in the background does not outlive it', HANGS, async (t) => {
  const it = await bench(t)
  const { alive, dead } = await lifeline(t, it)
  const running = it.run(shell, { command: `${STUBBORN} & while [ ! -e started ]; do :; done; echo hi` })
  const pid = await alive
  t.after(() => kill(pid))
  assert.equal(await running, 'hi\n')
  await dead
})

test('a process that leaves the group and keeps the output open does not hold up the answer', HANGS, async (t) => {
  const { workspace, run } = await bench(t)
  const command = "setsid sh -c 'echo $$ > pid.new; mv pid.new pid; exec sleep 1000' & while [ ! -e pid ]; do :; done; echo hi"
  const output = await run(shellTool({ drainMs: 1 }), { command })
  kill(Number(await readFile(join(workspace, 'pid'), 'utf8')))
  assert.equal(output, 'hi\n')
})

test('a cancelled call does not start', async (t) => {
  const { workspace, abort, run } = await bench(t)
  abort.abort()
  await assert.rejects(run(shell, { command: 'echo > started' }), { name: 'AbortError' })
  await assert.rejects(readFile(join(workspace, 'started')), { code: 'ENOENT' })
})

test('a command with a NUL in it is refused', async (t) => {
  const { run } = await bench(t)
  await assert.rejects(run(shell, { command: 'echo a\0b' }), { name: 'ToolError', message: /NUL/ })
})
