import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { build, connect, type Frame, scratch } from '../helper.ts'
import { start, stop, up } from '../program.ts'
import { cli, listen, spawned } from './fixtures.ts'

const TOKEN = 'canary-9d1f-a-token-of-this-test'

test('call prints the result as JSON, the gateway and its token known from the same configuration', async (t) => {
  const cwd = await scratch(t)
  const running = await up(t, cwd, ['--port', '0'], { FLYNN_TOKEN: TOKEN })
  const { port } = new URL(running.url)
  await writeFile(join(cwd, 'flynn.yaml'), `server: { port: ${port}, token: ${TOKEN} }\n`)
  const { code, stdout, stderr } = await cli(t, ['call', 'system.info'], { cwd })
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(JSON.parse(stdout).version, '0.1.0')
  assert.equal((await cli(t, ['health'], { cwd })).stderr, '')
  assert.equal(await stop(running), 0)

  const gone = await cli(t, ['call', 'system.info'], { cwd })
  assert.deepEqual([gone.code, gone.stdout], [69, ''])
  assert.match(
    gone.stderr,
    /no gateway at http:\/\/127\.0\.0\.1:\d+: nothing listens there\. Start one with: flynn-gateway start\n$/
  )
  const dead = await cli(t, ['health'], { cwd })
  assert.equal(dead.code, 1)
  assert.match(dead.stderr, /ECONNREFUSED/)
})

test('call with --events prints them as they come, one a line, the result last; the params may come over stdin', async (t) => {
  const { url } = await build(t)
  const { code, stdout } = await cli(t, ['call', 'agent.send', '-', '--events', '--url', url], {
    cwd: await scratch(t),
    input: '{"message":"say hello","sessionId":"cli:me"}'
  })
  assert.equal(code, 0)
  const frames = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame)
  assert.deepEqual(
    frames.map(({ event }) => event),
    ['accepted', 'content', 'done', undefined]
  )
  assert.equal(frames.at(-1)!.result.content, 'hello')
})

test('an error of the gateway goes to stderr with its code, and exits 1', async (t) => {
  const { url } = await build(t)
  const { code, stdout, stderr } = await cli(t, ['call', 'no.such', '--url', url], { cwd: await scratch(t) })
  assert.deepEqual([code, stdout, stderr], [1, '', 'flynn-gateway: error -3: Unknown method: "no.such"\n'])
})

test('with --url the token is that of the environment, or of the file that it names, and never that of the configuration', async (t) => {
  const { url } = await build(t, { config: { server: { token: TOKEN } } })
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), `server: { token: ${TOKEN} }\n`)
  await writeFile(join(cwd, 'token'), `${TOKEN}\n`)
  const ask = async (env: Record<string, string>) => await cli(t, ['call', 'system.info', '--url', url], { cwd, env })
  assert.equal((await ask({ FLYNN_TOKEN: TOKEN })).code, 0)
  assert.equal((await ask({ FLYNN_TOKEN_FILE: 'token' })).code, 0)
  const none = await ask({})
  assert.deepEqual([none.code, none.stderr.includes('error -4')], [1, true], none.stderr)
  const wrong = await ask({ FLYNN_TOKEN: 'canary-wrong' })
  assert.deepEqual([wrong.code, wrong.stderr.includes('error -5')], [1, true], wrong.stderr)
  assert.ok(!wrong.stderr.includes('canary'))
})

test('pair prints a code and its end', async (t) => {
  const { url, app } = await build(t)
  const cwd = await scratch(t)
  const { code, stdout, stderr } = await cli(t, ['pair', 'telegram', '--url', url], { cwd })
  assert.equal(code, 0)
  assert.match(stderr, /^Pairs one guest on telegram, until \d{4}-.*Z/)
  assert.ok(
    app.pairing.codes('telegram').some((known) => known.code === stdout.trim()),
    stdout
  )
  const made = JSON.parse((await cli(t, ['pair', 'telegram', '--json', '--url', url], { cwd })).stdout)
  assert.deepEqual(Object.keys(made).sort(), ['code', 'expiresAt'])
  await cli(t, ['pair', 'telegram', '--owner', '--url', url], { cwd })
  assert.deepEqual(
    app.pairing.codes('telegram').map(({ access }) => access),
    ['guest', 'guest', 'owner']
  )
})

test('tail follows a session line by line, and ends with 130 when it is interrupted', async (t) => {
  const { url } = await build(t)
  const child = spawned(t, ['tail', 'cli:me', '--url', url], { cwd: await scratch(t) })
  const [out, err] = [listen(child, 'stdout'), listen(child, 'stderr')]
  await err.until('Following cli:me')
  const client = await connect(t, url)
  await client.call('agent.send', { message: 'say hello', sessionId: 'cli:other' })
  await client.call('agent.send', { message: 'say "the answer"', sessionId: 'cli:me' })
  await out.until('"done"')
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  assert.deepEqual(await exit, [130, null])
  const frames = out.said
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame)
  assert.ok(frames.every(({ sessionId }) => sessionId === 'cli:me'))
  assert.deepEqual(
    frames.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq),
    frames.filter(({ seq }) => seq !== undefined).map((_, index) => index + 1)
  )
})

test('tail without a session follows all, also one that begins later', async (t) => {
  const { url } = await build(t)
  const child = spawned(t, ['tail', '--url', url], { cwd: await scratch(t) })
  const [out, err] = [listen(child, 'stdout'), listen(child, 'stderr')]
  await err.until('Following every session')
  const client = await connect(t, url)
  await client.call('agent.send', { message: 'say early words', sessionId: 'cli:late' })
  await out.until('"done"')
  assert.match(out.said, /"sessionId":"cli:late"/)
})

test('tail finds a gateway that is started again, and goes on', async (t) => {
  const cwd = await scratch(t)
  await mkdir(join(cwd, 'data'))
  const first = await up(t, cwd)
  const { port } = new URL(first.url)
  const child = spawned(t, ['tail', 'cli:me', '--url', first.url], { cwd })
  const [out, err] = [listen(child, 'stdout'), listen(child, 'stderr')]
  await err.until('Following cli:me')
  const ask = async (message: string) => {
    const client = await connect(t, `http://127.0.0.1:${port}`)
    await client.call('agent.send', { message, sessionId: 'cli:me' })
    client.socket.close()
  }
  await ask('say one')
  await out.until('"done"')
  assert.equal(await stop(first), 0)
  await err.until('Lost the gateway')
  const second = await up(t, cwd, ['--port', port])
  await err.until('Connected again')
  await ask('say two')
  await out.until('"content":"two"')
  assert.equal(out.said.split('"content":"one"').length, 2)
  assert.equal(await stop(second), 0)
})

test('a refused login and a missing gateway fail at once', async (t) => {
  const { url } = await build(t, { config: { server: { token: TOKEN } } })
  const cwd = await scratch(t)
  assert.equal((await cli(t, ['tail', '--url', url], { cwd })).code, 1)
  assert.equal((await cli(t, ['tail', '--url', 'http://127.0.0.1:1'], { cwd })).code, 69)
})

test('node server.ts is the program too', async (t) => {
  const child = start(t, await scratch(t), ['--version'])
  const out = listen(child, 'stdout')
  await once(child, 'exit')
  assert.equal(out.said, '0.1.0\n')
})
