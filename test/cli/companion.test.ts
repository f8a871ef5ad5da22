import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import test from 'node:test'
import { Consent } from '../../cli/consent.ts'
import { build, connect, rejection, scratch } from '../helper.ts'
import { stop, up } from '../program.ts'
import { NODES } from '../rpc/companion/fixtures.ts'
import { stubPrograms } from '../rpc/companion/stub-programs.ts'
import { cli, listen, spawned } from './fixtures.ts'

const NOTIFY = { nodeId: 'desk', capability: 'notifications', args: { title: 'Tea is ready' } }
const NODES_YAML = `server: { nodes: { enabled: true, feature_gates: { notifications: true } } }\n`

test('companion offers allowed capabilities, survives a restart, ends with 130', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), NODES_YAML)
  const first = await up(t, cwd)
  const { port } = new URL(first.url)
  const { folder, log } = await stubPrograms(t, {
    'notify-send': undefined,
    osascript: undefined,
    'wl-copy': '',
    'wl-paste': '',
    pbcopy: '',
    pbpaste: ''
  })
  const env = { PATH: folder, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/none', WAYLAND_DISPLAY: 'none' }
  const child = spawned(t, ['companion', '--url', first.url, '--name', 'desk', '--allow', 'notifications'], { cwd, env })
  const err = listen(child, 'stderr')
  await err.until('desk is a node of')
  assert.match(err.said, /offers notifications\. Ctrl-C ends it\./)
  assert.match(err.said, /Not offered without --allow: clipboard\.read, clipboard\.write\./)
  const agent = await connect(t, first.url)
  const { content } = await agent.call('agent.send', { message: `/tool node.invoke ${JSON.stringify(NOTIFY)}` })
  assert.match(content, /shown/)
  assert.match(await log(), /\nTea is ready\n/)
  const { code } = await rejection(agent.call('node.invoke', { ...NOTIFY, capability: 'clipboard.read' }))
  assert.equal(code, -2)
  const { nodes } = await agent.call('system.nodes')
  assert.ok(nodes[0].status.platform)

  assert.equal(await stop(first), 0)
  await err.until('Lost the gateway')
  const second = await up(t, cwd, ['--port', port])
  while (err.said.split('desk is a node of').length < 3) await once(child.stderr, 'data')
  const operator = await connect(t, second.url)
  assert.equal((await operator.call('node.invoke', NOTIFY)).ok, true)
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  assert.deepEqual(await exit, [130, null])
  assert.equal(await stop(second), 0)
})

test('companion fails for a gateway without nodes, and for a capability that is not here', async (t) => {
  const { url } = await build(t)
  const cwd = await scratch(t)
  const refused = await cli(t, ['companion', '--url', url, '--name', 'desk'], { cwd, env: { PATH: '' } })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /error -2: .*server\.nodes\.enabled/)
  const unknown = await cli(t, ['companion', '--url', url, '--allow', 'teleport'], { cwd, env: { PATH: '' } })
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /--allow names a capability that this machine does not have\. It has: none/)
})

test('without --name the node has the name of the machine', async (t) => {
  const { url } = await build(t, { config: { server: { nodes: NODES } } })
  const child = spawned(t, ['companion', '--url', url], { cwd: await scratch(t), env: { PATH: '' } })
  await listen(child, 'stderr').until('is a node of')
  const { nodes } = await (await connect(t, url)).call('system.nodes')
  assert.match(nodes[0].id, /^[\w.-]+$/)
})

/** Consent with a terminal whose user is the test. */
function asked(allowed: readonly string[] = []) {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const consent = new Consent({ allowed, terminal: { input, output } })
  const { signal } = new AbortController()
  const request = (capability: string, args = {}) => consent.require({ capability, args, signal })
  const answer = async (text: string): Promise<string> => {
    const [question] = await once(output.setEncoding('utf8'), 'data')
    input.write(`${text}\n`)
    return question as string
  }
  return { consent, request, answer, input, output }
}

test('a question is asked before the first use, one at a time', async () => {
  const { request, answer } = asked()
  const both = Promise.all([request('notifications', { title: 'Tea\u001b[2J' }), request('notifications')])
  const question = await answer('y')
  assert.match(question, /notifications \{"title":"Tea\\u001b\[2J"\}\. Allow it from now on\? \[y\/N\] $/)
  await both
  await request('notifications')
  const refused = rejection(request('clipboard.read'))
  await answer('')
  assert.match((await refused).message, /did not allow clipboard\.read/)
  const again = request('clipboard.read')
  await answer('yes')
  await again
})

test('allowed names need no question, and without a terminal nothing else is offered', async () => {
  const { consent, request } = asked(['clipboard'])
  await request('clipboard.write')
  assert.ok(consent.mayOffer('notifications'))
  const headless = new Consent({ allowed: ['clipboard'], terminal: undefined })
  assert.deepEqual(
    ['clipboard.read', 'clipboard', 'clipboards', 'notifications'].map((name) => headless.mayOffer(name)),
    [true, true, false, false]
  )
  const { signal } = new AbortController()
  await assert.rejects(headless.require({ capability: 'notifications', args: {}, signal }), /did not allow/)
})

test('a question whose call has ended makes room for the next', async () => {
  const { consent, request, input, output } = asked()
  const controller = new AbortController()
  const gone = rejection(consent.require({ capability: 'notifications', args: {}, signal: controller.signal }))
  await once(output, 'readable')
  const next = request('link.open')
  controller.abort()
  assert.equal((await gone).name, 'AbortError')
  for (let shown = ''; !shown.includes('link.open'); shown += output.read() ?? '') await new Promise(setImmediate)
  input.write('y\n')
  await next
})
