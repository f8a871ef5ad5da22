// Compiled and never run: each line after `@ts-expect-error` must be an error, every other must be none.
import { connect, type GatewayClient, type RunEvent } from '../../../rpc/client/index.ts'

declare module '../../../rpc/client/index.ts' {
  interface GatewayMethods {
    'weather.today': { params: { city: string }; result: { sky: string }; events: { cloud: { height: number } } }
  }
  interface GatewayEvents {
    storm: { wind: number }
  }
}

export async function right(gateway: GatewayClient): Promise<unknown[]> {
  const { sessions, total } = await gateway.call('sessions.list', { limit: 20 })
  const info = await gateway.call('system.info')
  const { sky } = await gateway.call('weather.today', { city: 'Lisbon' }, { onEvent: ({ data }) => data.height.toFixed() })
  gateway.on('storm', ({ wind }) => wind.toFixed())
  gateway.on('canvas', ({ action }) => action.length)
  const run = gateway.session('cli:me').send('hello', { queueMode: 'steer' })
  for await (const event of run) if (event.event === 'content') event.data.text.length
  for await (const event of gateway.session('cli:me').follow()) if (event.event === 'accepted') event.data.messageId.length
  return [sessions[0]?.config.queue.mode, total, info.version, sky, (await run).usage.inputTokens]
}

export async function wrong(gateway: GatewayClient, event: RunEvent): Promise<void> {
  // @ts-expect-error no such method
  await gateway.call('sessions.lists')
  // @ts-expect-error a number is expected
  await gateway.call('sessions.list', { limit: '20' })
  // @ts-expect-error no such param
  await gateway.call('sessions.list', { limits: 20 })
  // @ts-expect-error params are required
  await gateway.call('weather.today')
  // @ts-expect-error no such field in the result
  ;(await gateway.call('system.info')).versions
  // @ts-expect-error no such event
  gateway.on('hail', () => {})
  // @ts-expect-error no such field in the event
  gateway.on('storm', ({ rain }) => rain)
  // @ts-expect-error no such mode
  gateway.session('cli:me').send('hello', { queueMode: 'later' })
  // @ts-expect-error no such event of a run
  if (event.event === 'thought') event.data
  // @ts-expect-error this event has no text
  if (event.event === 'done') event.data.text
  // @ts-expect-error no such option
  connect('ws://localhost', { tokens: 'x' })
}
