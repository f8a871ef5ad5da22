import { computed, signal } from '@preact/signals'
import { type ConnectionState, GatewayClient, indexedDbStore } from '../../rpc/client/index.ts'
import { Access } from './access.ts'
import { AccountStore } from './account-store.ts'
import { databases, deleteDatabase, lastAccount, PLACE, setAccount } from './browser.ts'
import { WatchedSocket } from './frames.ts'

/** Scopes of a credential, as the protocol names them. */
export type Scope = 'read' | 'write' | 'node' | 'operate' | 'admin'

/** Address of the gateway: one level above the pages. */
export const base = new URL('../', location.href)
export const access = new Access(base)

/** Account of this page: the principal of its credential. Undefined until it is known; then it stays, and another one loads the page anew. */
export let account = lastAccount()
const store = new AccountStore((name) => indexedDbStore(databases.messages(name)))
if (account !== undefined) store.use(account)

/** The one client of the pages. Unsent messages, drafts and cursors survive reloads, for each account of each gateway apart. */
export const client = new GatewayClient({
  url: base,
  token: () => access.token ?? '',
  admit: () => access.admit(),
  store,
  WebSocket: WatchedSocket
})

// Before all else that happens at a connect: no message of one account goes out with the credential of another.
client.onConnected(({ principal }) => {
  // A token in memory ends with the page: the next person may be another one.
  const stays = access.token === undefined
  if (account !== undefined && account !== principal) {
    startAnew(stays ? principal : undefined)
    return
  }
  account = principal
  store.use(principal)
  if (stays) setAccount(principal)
})
client.onState(({ name }) => {
  if (name === 'refused' && account !== undefined) startAnew(undefined)
})

/** Other tabs of this gateway. */
const tabs = new BroadcastChannel(PLACE)
tabs.onmessage = () => startAnew(undefined)

/** Loads the page anew, so that nothing of the account before stays in memory. */
function startAnew(next: string | undefined): void {
  setAccount(next)
  void client.close()
  location.reload()
}

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

/**
 * Ends the login on the gateway, removes what can be read offline, and asks for a token anew, in all tabs. Unsent messages and drafts stay for the
 * next login of this account.
 * @throws Error when the gateway cannot be reached: the login is still valid
 */
export async function logOut(): Promise<void> {
  const remembered = access.token === undefined
  const { retry } = await access.logOut()
  if (retry && remembered) throw new Error(`The login was not ended. ${retry.reason}`)
  await client.close()
  if (account !== undefined) await deleteDatabase(databases.offline(account))
  tabs.postMessage('left')
  startAnew(undefined)
}
