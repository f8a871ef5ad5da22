import { signal } from '@preact/signals'
import { client } from './gateway.ts'
import { startWorker, worker } from './worker.ts'

/** The page itself comes first on a slow line. */
const WORKER_AFTER_MS = 1500
const EVERY_MS = 3_600_000
/** Pause between two checks when the page is looked at again. */
const PAUSE_MS = 60_000
/** Time that the next service worker has to take over before the page reloads anyway. */
const TAKE_OVER_MS = 3000

const own = document.querySelector<HTMLMetaElement>('meta[name=build]')?.content

/** The gateway serves another build of the pages than this one. */
export const updateReady = signal(false)

let checkedAt = Date.now()

/** Registers the service worker, and watches for another build: at each connect, when the page is looked at, and every hour. */
export function watchForUpdates(): void {
  setTimeout(() => void register(), WORKER_AFTER_MS)
  client.onConnected(({ build }) => compare(build))
  setInterval(() => void check(), EVERY_MS)
  addEventListener('focus', () => {
    if (Date.now() - checkedAt > PAUSE_MS) void check()
  })
}

/** Loads the new build. */
export async function reload(): Promise<void> {
  if (worker?.waiting) {
    const over = new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }))
    worker.waiting.postMessage('activate')
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, TAKE_OVER_MS))])
  }
  location.reload()
}

async function register(): Promise<void> {
  const registration = await startWorker()
  registration?.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', adopt))
  adopt()
}

async function check(): Promise<void> {
  if (client.state.name !== 'connected') return
  checkedAt = Date.now()
  await client.call('system.info').then(
    ({ build }) => compare(build),
    () => {}
  )
}

function compare(build: string | undefined): void {
  updateReady.value = !!own && !!build && own !== build
  if (updateReady.value) void worker?.update().catch(() => {})
  else adopt()
}

/** The page came from the network and is newer than the service worker: the one that waits is its own. Files of older tabs stay. */
function adopt(): void {
  if (!updateReady.value && client.state.name === 'connected') worker?.waiting?.postMessage('activate')
}
