import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import type { Locator, Page } from 'playwright-core'
import gateway, { type GatewayOptions } from '../../app.ts'
import { gatewayPlugin } from '../../plugins/define.ts'
import { defineProvider, type ModelPart, type ModelRequest } from '../../plugins/providers/define.ts'
import { defineTool } from '../../plugins/tools/define.ts'
import { launch } from '../browser.ts'
import { build, type TestGateway } from '../helper.ts'

export interface Opened {
  readonly page: Page
  readonly gateway: TestGateway
  /** What the browser complained about: errors of scripts, violations of the content security policy, failed requests. */
  readonly complaints: string[]
  /** URLs of everything the page asked for, sockets included. */
  readonly urls: string[]
  /** Pulls the cable: every connection to the gateway breaks without a goodbye. */
  cut(): void
  /** From now on the page finds no gateway. */
  away(): Promise<void>
  /** Now it does again. */
  back(): Promise<void>
}

/** A gateway, and the page of it in a browser. */
export async function open(t: TestContext, options: GatewayOptions = {}, query = ''): Promise<Opened> {
  const gateway = await build(t, options)
  const cables = new Set<Socket>()
  gateway.host.server.on('connection', (socket) => cables.add(socket))
  const page = await launch(t)
  const complaints: string[] = []
  const urls: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => urls.push(request.url()))
  page.on('websocket', (socket) => urls.push(socket.url()))
  await page.goto(`${gateway.url}/${query}`)
  const cut = () => {
    for (const socket of cables) socket.destroy()
  }
  const away = async () => {
    await page.route('**/api/health', (route) => route.abort())
  }
  const back = async () => {
    await page.unroute('**/api/health')
    // Not as a person would: the page may try by itself at this very moment, and then there is no button.
    await page.evaluate('retry.click()')
    await connected(page)
  }
  return { page, gateway, complaints, urls, cut, away, back }
}

/** The session that a page talks in. */
export async function sessionOf(page: Page): Promise<string> {
  return String(await page.evaluate('localStorage["flynn:/:session"]'))
}

/** Another browser that has the same session open, once it is connected. */
export async function another(page: Page, { url }: TestGateway, enter = connected): Promise<Page> {
  const context = await page.context().browser()?.newContext()
  if (!context) throw new Error('the page has no browser')
  const other = await context.newPage()
  const session = await sessionOf(page)
  await other.addInitScript(`localStorage["flynn:/:session"] = ${JSON.stringify(session)}`)
  await other.goto(`${url}/`)
  await enter(other)
  return other
}

export async function connected(page: Page): Promise<void> {
  await page.locator('body[data-state=connected]').waitFor()
}

export async function say(page: Page, message: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(message)
  await page.keyboard.press('Enter')
}

/** The n-th message and what came of it, once it is in that state. */
export async function turn(page: Page, n: number, state = 'done'): Promise<Locator> {
  const found = page.locator(`#turns > li:nth-child(${n})[data-state="${state}"]`)
  await found.waitFor()
  return found
}

export async function text(part: Locator): Promise<string> {
  return (await part.allInnerTexts()).join(' ').replace(/\s+/g, ' ').trim()
}

/** A tool that runs until the test lets it go. */
export function gated() {
  const started = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<string>()
  const tool = defineTool({
    name: 'test.wait',
    description: 'Waits',
    input: Type.Object({}, { additionalProperties: false }),
    run(_args, { signal }) {
      started.resolve()
      return new Promise<string>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        void gate.promise.then(resolve)
      })
    }
  })
  return {
    plugin: gatewayPlugin({ name: 'gated' }, async (app) => app.tools.add(tool)),
    started: started.promise,
    release: gate.resolve
  }
}

/** A tool that waits for a person, with what it was called with; and the options of a gateway that has it. */
export function confirmed(config: object = {}) {
  const runs: unknown[] = []
  const tool = defineTool({
    name: 'test.deed',
    description: 'Does something',
    input: Type.Object({ what: Type.String() }, { additionalProperties: false }),
    async run(args) {
      runs.push(args)
      return `did ${args.what}`
    }
  })
  const options: GatewayOptions = {
    config: { tools: { confirm: ['test.deed'] }, server: { shutdown_grace_seconds: 0 }, ...config },
    plugins: [gatewayPlugin({ name: 'deeds', dependencies: ['tools'] }, async (app) => app.tools.add(tool))]
  }
  return { options, runs }
}

/** One call of a model that says what the test tells it to. */
export interface Call {
  /** What the model sees of the user, oldest first. */
  readonly asked: string[]
  say(text: string): void
  /** Ends it, with a call of the tool where one is named; it says that it read so many tokens. */
  end(tool?: string, inputTokens?: number): void
}

/** A model that says what the test tells it to, and the options of a gateway that has it. */
export function scripted(config: object = {}) {
  const calls: Call[] = []
  let wake = () => {}
  async function* stream({ messages, signal }: ModelRequest): AsyncGenerator<ModelPart> {
    const script: (string | { readonly tool: string | undefined; readonly inputTokens: number })[] = []
    let more = Promise.withResolvers<void>()
    const tell = (line: (typeof script)[number]) => {
      script.push(line)
      more.resolve()
    }
    signal.addEventListener('abort', () => more.resolve())
    const asked = messages.flatMap((message) => (message.role === 'user' ? [message.text] : []))
    calls.push({ asked, say: tell, end: (tool, inputTokens = 1) => tell({ tool, inputTokens }) })
    wake()
    for (;;) {
      signal.throwIfAborted()
      const line = script.shift()
      if (typeof line === 'string') yield { type: 'text', text: line }
      else if (line) {
        const { tool, inputTokens } = line
        if (tool) yield { type: 'tool_call', call: { callId: `call ${calls.length}`, tool, args: {} } }
        yield { type: 'finish', reason: tool ? 'tool_calls' : 'stop', usage: { inputTokens, outputTokens: 1 } }
        return
      } else {
        await more.promise
        more = Promise.withResolvers()
      }
    }
  }
  const provider = defineProvider({
    name: 'scripted',
    open: () => ({ provider: 'scripted', model: 'scripted', contextWindow: 100_000, stream })
  })
  const options: GatewayOptions = {
    config: { models: { default: { scripted: {} } }, server: { shutdown_grace_seconds: 0 }, ...config },
    plugins: [gatewayPlugin({ name: 'scripted', dependencies: ['providers'] }, async (app) => app.providers.add(provider))]
  }
  /** The next call of the model, once it comes. */
  const next = async (): Promise<Call> => {
    for (;;) {
      const call = calls.shift()
      if (call) return call
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { options, next }
}

/** Another gateway where this one was: the same data, the same address. */
export async function restart(t: TestContext, { host, url, dataDir }: TestGateway, { config, ...options }: GatewayOptions) {
  await host.close()
  const successor = Fastify({ forceCloseConnections: true })
  await successor.register(gateway, { ...options, config: { ...config, dataDir } })
  t.after(() => successor.close())
  await successor.listen({ port: Number(new URL(url).port), host: '127.0.0.1' })
}
