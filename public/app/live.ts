import type { GatewayEvents } from '../../rpc/client/index.ts'
import { client, connection, type Scope } from './gateway.ts'

/** Kinds of events of the whole gateway, with the scope that each needs. */
export const KINDS = {
  session: 'read',
  lane: 'read',
  run: 'read',
  confirm: 'read',
  presence: 'read',
  node: 'operate',
  pairing: 'operate',
  job: 'operate',
  audit: 'operate',
  config: 'admin'
} as const satisfies Readonly<Record<string, Scope>>

export type Kind = keyof typeof KINDS

type Listener = (data: unknown) => void

const listeners = new Map<Kind, Set<Listener>>()

/**
 * Hears every event of a kind, over all reconnects. `lost` from the gateway (this page was too slow) is heard as an event with
 * undefined, so that pages ask for their data anew.
 * @returns the function that ends it
 */
export function listen<K extends Kind>(
  kind: K,
  listener: (data: K extends keyof GatewayEvents ? GatewayEvents[K] : unknown) => void
) {
  const heard = listener as Listener
  let set = listeners.get(kind)
  if (!set) {
    set = new Set()
    listeners.set(kind, set)
    const all = set
    client.on(kind as keyof GatewayEvents & string, (data) => {
      for (const one of [...all]) one(data)
    })
  }
  const first = set.size === 0
  set.add(heard)
  if (first) subscribe([kind])
  return () => {
    set.delete(heard)
    if (set.size === 0 && connection.peek().name === 'connected')
      void client.call('events.unsubscribe', { kinds: [kind] }).catch(() => {})
  }
}

function subscribe(kinds: Kind[]): void {
  // Without a connection the next one subscribes.
  if (kinds.length === 0 || connection.peek().name !== 'connected') return
  void client.call('events.subscribe', { kinds }).catch(() => {})
}

client.onConnected(() => subscribe([...listeners].filter(([, set]) => set.size > 0).map(([kind]) => kind)))
client.on('lost', () => {
  for (const set of listeners.values()) for (const one of [...set]) one(undefined)
})
