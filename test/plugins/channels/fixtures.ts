import type { TestContext } from 'node:test'
import type { GatewayOptions } from '../../../app.ts'
import type { Channel, Delivery } from '../../../plugins/channels/define.ts'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { build, type TestGateway } from '../../helper.ts'

/** A gateway with a channel `test` that is open to everyone, with all tools, and its deliveries. */
export async function withChannel(
  t: TestContext,
  { config = {}, plugins = [], ...channel }: Partial<Channel> & Pick<GatewayOptions, 'config' | 'plugins'> = {}
): Promise<TestGateway & { readonly delivered: Delivery[]; said(text: string): Promise<Delivery> }> {
  const delivered: Delivery[] = []
  const waiting = new Set<() => void>()
  const plugin = gatewayPlugin({ name: 'test-channel', dependencies: ['channels'] }, async (app) => {
    app.channels.add({
      name: 'test',
      limit: 1000,
      async deliver(delivery) {
        delivered.push(delivery)
        for (const wake of waiting) wake()
      },
      ...channel
    })
  })
  const gateway = await build(t, {
    config: { pairing: { default: 'open' }, tools: { guests: ['*'] }, ...config },
    plugins: [...plugins, plugin]
  })
  const said = async (text: string): Promise<Delivery> => {
    for (;;) {
      const found = delivered.find((delivery) => delivery.text.includes(text))
      if (found) return found
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      await promise
      waiting.delete(resolve)
    }
  }
  return { ...gateway, delivered, said }
}
