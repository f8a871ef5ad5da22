import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test, { type TestContext } from 'node:test'
import { Window } from 'happy-dom'
import { GatewayClient } from '../../../../rpc/client/index.ts'
import { type UsedSession, useSession } from '../../../../rpc/client/react/index.ts'
import { FakeGateway } from '../../../../rpc/client/testing.ts'
import { hold } from '../../../helper.ts'

// Their types bring names of the DOM into every test: this is the part that is used.
interface React {
  createElement(type: unknown, props: object | null, ...children: unknown[]): unknown
  readonly StrictMode: unknown
  act(work: () => unknown): Promise<void>
}
interface Root {
  render(element: unknown): void
  unmount(): void
}
const require = createRequire(import.meta.url)
const { createElement, StrictMode, act } = require('react') as React

function play(t: TestContext) {
  hold(t)
  const fake = new FakeGateway()
  fake.method('sessions.get', () => ({ id: 'cli:me', history: [], runs: [], older: false }) as never)
  fake.method('queue.get', () => ({ messages: [], state: 'idle' }) as never)
  fake.method('agent.setToolUseCallback', () => ({ success: true }))
  const client = new GatewayClient({ url: 'ws://fake', WebSocket: fake.WebSocket })
  t.after(() => client.close())
  const subscribed = (): number => fake.requests.filter(({ method }) => method === 'sessions.subscribe').length
  const left = (): number => fake.requests.filter(({ method }) => method === 'sessions.unsubscribe').length
  return { fake, client, subscribed, left }
}

/** A small DOM in the globals of this process until the test ends, and a root in it. */
function mount(t: TestContext): { root: Root; text: () => string } {
  const window = new Window()
  const names = { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true }
  const before = Object.getOwnPropertyDescriptors(globalThis)
  for (const [name, value] of Object.entries(names)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
  const container = window.document.createElement('div')
  const { createRoot } = require('react-dom/client') as { createRoot(container: unknown): Root }
  const root = createRoot(container)
  t.after(async () => {
    await act(() => root.unmount())
    for (const name of Object.keys(names)) {
      const known = before[name as keyof typeof before]
      if (known) Object.defineProperty(globalThis, name, known)
      else Reflect.deleteProperty(globalThis, name)
    }
    await window.happyDOM.close()
  })
  return { root, text: () => container.textContent ?? '' }
}

/** Draws the session as text and counts how often. */
function chat(client: GatewayClient) {
  const drawn: UsedSession[] = []
  function Chat({ id }: { id: string }): unknown {
    const used = useSession(client, id)
    drawn.push(used)
    const parts = used.turns.flatMap((turn) => turn.parts.map((part) => ('text' in part ? part.text : part.kind)))
    return createElement('p', null, `${used.sessionId} ${used.connection.name}: ${parts.join(' / ')}`)
  }
  return { Chat, drawn }
}

test('on a server the session is empty and nothing is opened', (t) => {
  const { client, subscribed } = play(t)
  const { renderToString } = require('react-dom/server') as { renderToString(element: unknown): string }
  client.connect()
  const { Chat } = chat(client)
  assert.equal(renderToString(createElement(Chat, { id: 'cli:me' })), '<p>cli:me stopped: </p>')
  assert.equal(subscribed(), 0)
})

test('a component draws the answer as it comes, follows once in StrictMode, and leaves when it is unmounted', async (t) => {
  const { root, text } = mount(t)
  const { fake, client, subscribed, left } = play(t)
  const { Chat, drawn } = chat(client)
  const more = Promise.withResolvers<void>()
  fake.agent = async function* () {
    yield 'One, '
    await more.promise
    yield 'two'
  }
  client.connect()
  await act(async () => {
    root.render(createElement(StrictMode, null, createElement(Chat, { id: 'cli:me' }), createElement(Chat, { id: 'cli:me' })))
    await client.ready
    await settled()
  })
  assert.equal(subscribed(), 1)
  const { session } = drawn.at(-1)!
  await act(async () => {
    session.send('Count')
    await settled()
  })
  assert.equal(text(), 'cli:me connected: Count / One, '.repeat(2))
  await act(async () => {
    more.resolve()
    await Promise.all(client.session('cli:me').unsettled())
    await settled()
  })
  assert.equal(text(), 'cli:me connected: Count / One, two'.repeat(2))
  const before = drawn.length
  await act(async () => root.render(createElement(StrictMode, null, createElement(Chat, { id: 'cli:other' }))))
  await act(settled)
  assert.match(text(), /^cli:other connected: $/)
  assert.ok(drawn.length > before)
  assert.deepEqual([subscribed(), left(), session.followed], [2, 1, false])
})

test('a component that shows a session again sees it at once', async (t) => {
  const { root, text } = mount(t)
  const { client } = play(t)
  const { Chat, drawn } = chat(client)
  client.connect()
  const show = (id: string) =>
    act(async () => {
      root.render(createElement(Chat, { id }))
      await settled()
    })
  await show('cli:one')
  await act(async () => {
    drawn.at(-1)!.session.send('hello')
    await Promise.all(client.session('cli:one').unsettled())
    await settled()
  })
  const said = text()
  await show('cli:two')
  await show('cli:one')
  assert.equal(text(), said)
  const { session } = drawn.at(-1)!
  for (let index = 0; index < 30; index++) await show(`cli:many ${index}`)
  await show('cli:one')
  assert.notEqual(drawn.at(-1)!.session, session, 'models of sessions that are not shown are bounded')
})

/** Everything that the gateway in this process has to say was heard. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve))
}
