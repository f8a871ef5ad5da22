import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { type AnyTool, ToolError } from '../../../plugins/tools/define.ts'
import { build, connect, scratch } from '../../helper.ts'
import { post } from '../../routes/post.ts'

/** A secret without a recognisable shape. */
const CANARY = 'walrus meadow lantern quartz'
const SESSION = 'telegram:1'

/** A tool with a lenient schema that runs the test's function. */
function tool(run: AnyTool['run']): AnyTool {
  return {
    name: 'test.tool',
    description: 'Does what the test says',
    input: Type.Object({ text: Type.Optional(Type.String()) }),
    run
  }
}

/** A gateway with that tool, a secret in its configuration, and what its next reload reads. */
async function gateway(t: TestContext, run: AnyTool['run'] = async () => 'done') {
  const dataDir = await scratch(t)
  const config: ConfigInput = { dataDir, models: { default: { anthropic: { api_key: CANARY, model: 'm' } } } }
  let next = config
  const plugin = gatewayPlugin({ name: 'test', dependencies: ['tools'] }, async (app) => app.tools.add(tool(run)))
  const built = await build(t, { config, plugins: [plugin], reload: async () => next })
  return {
    ...built,
    client: await connect(t, built.url),
    reload: async (changes: ConfigInput): Promise<void> => {
      next = { ...config, ...changes } as ConfigInput
      await built.app.configStore.reload('test')
    }
  }
}

const execute = (args: object) => ({ tool: 'test.tool', sessionId: SESSION, args })

test('the audit log and errors of tools hold no configured secret', async (t) => {
  const { client } = await gateway(t, async ({ text }) => {
    throw new ToolError(`cannot do ${text}`)
  })
  for (let before = 160; before <= 200; before += 8) {
    const { error } = await client.call('tools.execute', execute({ text: `${'x'.repeat(before)}${CANARY}` }))
    assert.match(error, /^cannot do x+\*\*\*/)
  }
  const { entries } = await client.call('system.audit', { event: 'tool.run' })
  assert.equal(entries.length, 6)
  assert.ok(!/walrus|quartz/.test(JSON.stringify(entries)))
})

test('undecodable files of a tool are left out on every transport', async (t) => {
  const files = [{ mimeType: 'text/plain', data: 'AAAA' }, { mimeType: 'Image/PNG x', data: '???' } as never]
  const { client, url } = await gateway(t, async () => ({ output: 'done', attachments: files }))
  const result = {
    success: true,
    output: 'done\n[1 file is left out: too large, too many, or not readable]',
    attachments: [files[0]]
  }
  assert.deepEqual(await client.call('tools.execute', execute({})), result)
  assert.deepEqual((await post(url, 'tools.execute', execute({}))).json.result, result)
})

test('a reload with an unknown tool name is logged once', async (t) => {
  const { app, reload } = await gateway(t)
  const told = t.mock.method(app.log, 'warn', () => {})
  const calls = () => told.mock.calls.map(({ arguments: [detail] }) => detail)
  await reload({ tools: { confirm: ['test.tool'] } })
  assert.deepEqual(calls(), [])
  await reload({ tools: { confirm: ['test.tol'] } })
  await reload({ tools: { confirm: ['test.tol'] }, agent: { max_steps: 7 } })
  assert.deepEqual(calls(), [{ tools: ['test.tol'] }])
})
