import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import type { GatewayOptions } from '../../app.ts'
import type { GatewayInstance } from '../../plugins/define.ts'
import type { ScriptedModel } from './scripted-model.ts'

export interface TestGatewayOptions extends GatewayOptions {
  /** Answers as the tier `default`. Without it the offline model answers, which needs no network either. */
  readonly model?: ScriptedModel
}

/** A gateway that listens on a free port of the loopback. */
export interface TestGateway {
  readonly host: FastifyInstance
  /** The gateway's own instance: `app.db`, `app.rpc` and the other decorators. */
  readonly app: GatewayInstance
  /** `http://127.0.0.1:<port><prefix>` */
  readonly url: string
  readonly dataDir: string
}

/**
 * Starts a real gateway for a test, with a database of its own. It is closed, and its folder removed, after the test; with `data_dir` in the
 * configuration the folder is the test's own.
 */
export async function startGateway(
  t: Pick<TestContext, 'after'>,
  { config = {}, model, ...options }: TestGatewayOptions = {}
): Promise<TestGateway> {
  const { default: gateway } = await import('../../app.ts')
  const { dataDir: camel, data_dir: given = camel, ...settings } = config as { dataDir?: string; data_dir?: string }
  const dataDir = given ?? (await mkdtemp(path.join(tmpdir(), 'flynn-')))
  const host = Fastify({ forceCloseConnections: true })
  t.after(async () => {
    await host.close()
    if (given === undefined) await rm(dataDir, { recursive: true, force: true })
  })
  await host.register(gateway, {
    ...options,
    ...(model && { plugins: [model.plugin, ...(options.plugins ?? [])] }),
    config: { ...(model && { models: { default: { scripted: {} } } }), ...settings, dataDir }
  })
  await host.listen({ port: 0, host: '127.0.0.1' })
  const { port } = host.server.address() as AddressInfo
  const app = host[(options.decorator ?? 'gateway') as 'gateway']
  return { host, app, url: `http://127.0.0.1:${port}${options.prefix ?? ''}`, dataDir }
}
