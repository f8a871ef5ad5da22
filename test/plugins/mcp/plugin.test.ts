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

/** What the offline model makes of a message: it calls the tool, and says what that answered. */
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

test('a server that is killed during a call fails the call, and answers the next one', async (t) => {
  const mark = join(await scratch(t), 'mark')
  execFileSync('mkfifo', [mark])
  const { client } = await gateway(t, { example: { ...program('stdio.ts'), env: { MARK: mark } } })
  const answer = say(client, '/tool example.hang {}')
  process.kill(Number(await readFile(mark, 'utf8')), 'SIGKILL')
  assert.equal(await answer, "example.hang failed:\nThe MCP server 'example' did not do it: it was ended by SIGKILL")
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
  assert.match(canary, /tools\.mcp\.example\.headers\.b .*a text of one line/)
  assert.ok(!canary.includes('canary'))
})
