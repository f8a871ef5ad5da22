import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { build, connect, type Frame, rejection, scratch, type TestClient } from '../../helper.ts'
import { alive, program } from './fixtures.ts'

type Mcp = NonNullable<NonNullable<ConfigInput['tools']>['mcp']>

async function gateway(t: TestContext, mcp: Mcp) {
  const built = await build(t, { config: { tools: { mcp } } })
  return { ...built, client: await connect(t, built.url) }
}

/** Answer of the offline model, which calls the tool of the message and repeats its result. */
async function say(client: TestClient, message: string): Promise<string> {
  return (await client.call('agent.send', { message, sessionId: 'test:1' })).content
}

test('the agent calls the tools of MCP servers, and tools.list shows them', async (t) => {
  const { client } = await gateway(t, { example: program('stdio.ts'), broken: { command: '/nowhere' } })
  const names = (await client.call('tools.list')).tools.map(({ name }: Frame) => name)
  assert.ok(['file.read', 'example.echo', 'example.hang'].every((name) => names.includes(name)))
  assert.ok(!names.some((name: string) => name.startsWith('broken.')))
  assert.equal(await say(client, '/tool example.echo {"text": "Hello"}'), 'example.echo answered:\nHello')
  const wrong = await rejection(client.call('tools.execute', { tool: 'example.echo', args: { text: 1 } }))
  assert.deepEqual([wrong.code, wrong.message], [-2, 'params.args.text must be string'])
})

test('a server that does not start is shown with its last output wherever an operator looks', async (t) => {
  const { client } = await gateway(t, { broken: program('hostile.ts', 'crash'), example: program('stdio.ts') })
  const { sources, cost, tools } = await client.call('tools.list')
  const output = 'no configuration: canary-of-the-environment'
  const reason = 'it ended with exit code 3'
  assert.deepEqual(sources[0], { name: 'broken', state: 'down', reason, tools: 0, log: [output] })
  assert.deepEqual([sources[1].name, sources[1].state, sources[1].tools], ['example', 'up', 7])
  assert.equal(cost.tools, tools.length)
  assert.ok(cost.tokens > 100)
  const { findings } = await client.call('system.doctor')
  const found = Object.fromEntries(findings.map((finding: Frame) => [finding.check, finding]))
  assert.equal(found.mcp.status, 'fail')
  assert.equal(found.mcp.message, `not running: broken: ${reason} (${output})`)
  assert.match(found.tools.message, /^\d+ tools take about \d+ tokens in every model call$/)
  const { sources: seen } = await client.call('system.observabilitySources', {})
  const states = seen.filter(({ id }: Frame) => id.startsWith('mcp:')).map(({ id, status }: Frame) => [id, status])
  assert.deepEqual(states, [
    ['mcp:broken', 'failed'],
    ['mcp:example', 'running']
  ])
  const { lines } = await client.call('system.serviceLogs', { sourceId: 'mcp:broken' })
  assert.ok(lines.some(({ text }: Frame) => text === output))
})

test('the lists of one server decide which of its tools exist', async (t) => {
  const { client } = await gateway(t, {
    example: { ...program('stdio.ts'), allow: ['e*', 'example.pid'], deny: ['environment'] }
  })
  const names = (await client.call('tools.list')).tools.map(({ name }: Frame) => name)
  assert.deepEqual(
    names.filter((name: string) => name.startsWith('example.')),
    ['example.echo', 'example.pid']
  )
})

test('a server that is killed during a call fails the call, and answers the next one', async (t) => {
  const mark = join(await scratch(t), 'mark')
  execFileSync('mkfifo', [mark])
  const { client } = await gateway(t, { example: { ...program('stdio.ts'), env: { MARK: mark } } })
  const answer = say(client, '/tool example.hang {}')
  process.kill(Number(await readFile(mark, 'utf8')), 'SIGKILL')
  assert.equal(await answer, "example.hang failed:\nMCP server 'example' failed: it was ended by SIGKILL")
  assert.equal(await say(client, '/tool example.echo {"text": "Hello"}'), 'example.echo answered:\nHello')
})

test('a gateway that closes ends its servers', async (t) => {
  const { client, host } = await gateway(t, { example: program('stdio.ts') })
  const { output } = await client.call('tools.execute', { tool: 'example.pid', args: {} })
  assert.ok(alive(Number(output)))
  await host.close()
  assert.ok(!alive(Number(output)))
})

test('a server without a name for it, or with two, or with what belongs to the other kind, stops the start', async (t) => {
  const start = async (server: Mcp[string]): Promise<string> => {
    const failure = await rejection(build(t, { config: { tools: { mcp: { example: server } } } }))
    return failure.message
  }
  assert.match(await start({}), /tools\.mcp\.example needs a command .* or a url/)
  assert.match(await start({ command: 'a', url: 'http://b' }), /tools\.mcp\.example has both a command and a url/)
  assert.match(await start({ url: 'http://b', args: ['c'] }), /tools\.mcp\.example\.args belongs to a command/)
  assert.match(await start({ command: 'a', headers: { b: 'c' } }), /tools\.mcp\.example\.headers belong to a url/)
  assert.match(await start({ url: 'ftp://b' }), /tools\.mcp\.example\.url must be a URL such as/)
  const canary = await start({ url: 'http://b', headers: { b: 'canary\n' }, env: { b: 'canary\0' } })
  assert.match(canary, /tools\.mcp\.example\.headers\.b has white space around it/)
  assert.ok(!canary.includes('canary'))
})
