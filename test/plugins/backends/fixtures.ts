import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { build, connect } from '../../helper.ts'
import type { Machine, StubUnit } from '../../programs/machine.ts'
import { stubPrograms } from '../../programs/stubs.ts'

export const RUNNING: StubUnit = { ActiveState: 'active', SubState: 'running', MainPID: 12345, Description: 'Ollama Service' }
export const DEAD: StubUnit = { ActiveState: 'inactive', SubState: 'dead', Description: 'Ollama Service' }
export const FAILED: StubUnit = { ActiveState: 'failed', SubState: 'failed', Result: 'exit-code', NRestarts: 5 }

/** A gateway on a machine of stub programs, and a client of it. */
export async function rig(t: TestContext, machine: Machine, config: ConfigInput = {}) {
  const stubs = await stubPrograms(t, machine)
  const { app, url, host } = await build(t, { plugins: [stubs.plugin], config })
  const client = await connect(t, url)
  const list = async () => (await client.call('system.localBackends')).backends
  const control = (backend: string, action: string) => client.call('system.localBackendControl', { backend, action })
  /** The units that were asked about or told something, without what only looks. */
  const told = async (): Promise<string[]> =>
    (await stubs.calls()).filter(({ call }) => !call.includes(' show ')).map(({ args }) => args.join(' '))
  return { ...stubs, app, url, host, client, list, control, told }
}

/** A server that has the API of Ollama by which models are pulled. */
export async function ollama(t: TestContext, answer: (model: string, response: ServerResponse) => void) {
  const pulled: string[] = []
  const server = createServer(async (request, response) => {
    if (request.url !== '/api/pull') return void response.writeHead(404).end()
    const { model } = JSON.parse(await text(request)) as { model: string }
    pulled.push(model)
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    answer(model, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { baseUrl: `http://127.0.0.1:${port}/v1`, pulled }
}
