import { computed, signal } from '@preact/signals'
import { type ConnectionState, GatewayClient } from '../../rpc/client/index.ts'
import { Access } from './access.ts'
import { WatchedSocket } from './frames.ts'

/** Scopes of a credential, as the protocol names them. */
export type Scope = 'read' | 'write' | 'node' | 'operate' | 'admin'

/** Address of the gateway: one level above the pages. */
export const base = new URL('../', location.href)
export const access = new Access(base)

/** The one client of the pages. */
export const client = new GatewayClient({
  url: base,
  token: () => access.token ?? '',
  admit: () => access.admit(),
  WebSocket: WatchedSocket
})

/** State of the connection, as the pill shows it. */
export const connection = signal<ConnectionState>(client.state)
client.onState((state) => {
  connection.value = state
})

/** Version and scopes that the gateway told this page; undefined before the first connection. It stays while the connection is away. */
export const hello = signal<{ readonly version: string; readonly scopes: readonly string[] } | undefined>(undefined)
client.onConnected((said) => {
  hello.value = said
})

/** The gateway has said that it is closing; until it is connected again. */
export const draining = signal(false)
client.on('shutdown', () => {
  draining.value = true
})
client.onConnected(() => {
  draining.value = false
})

const scopes = computed(() => new Set(hello.value?.scopes))

/** The credential of this page may do what needs `scope`. `admin` includes all. */
export function may(scope: Scope): boolean {
  return scopes.value.has('admin') || scopes.value.has(scope)
}

/** Ends the login, here and on the gateway, and asks for a token anew. */
export async function logOut(): Promise<void> {
  await access.logOut()
  await client.close()
  client.connect()
}
