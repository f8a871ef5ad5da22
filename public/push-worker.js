/**
 * Shows what the gateway pushes while no page is open. It caches nothing and answers no request.
 *
 * @typedef {object} PushWorker
 * @property {ServiceWorkerRegistration} registration
 * @property {{ matchAll(options: object): Promise<OpenPage[]>, openWindow(url: string): Promise<unknown> }} clients
 * @property {(type: string, listener: (event: Pushed) => void) => void} addEventListener
 *
 * @typedef {object} OpenPage
 * @property {string} url
 * @property {() => Promise<unknown>} focus
 *
 * @typedef {object} Pushed
 * @property {{ json(): { sessionId: string, preview: string } }} data
 * @property {Notification} notification
 * @property {(work: Promise<unknown>) => void} waitUntil
 */

// TypeScript cannot load the types of a page and of a worker together.
const worker = /** @type {PushWorker} */ (/** @type {unknown} */ (self))

worker.addEventListener('push', (event) => {
  const { sessionId, preview } = event.data.json()
  // A newer answer of a conversation replaces the notification of the earlier one.
  const shown = { body: preview, tag: sessionId, renotify: true, icon: new URL('icon.svg', location.href).href }
  event.waitUntil(worker.registration.showNotification('Flynn has answered', shown))
})

worker.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(show())
})

async function show() {
  const { scope } = worker.registration
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const open = pages.find(({ url }) => url.startsWith(scope))
  await (open ? open.focus() : worker.clients.openWindow(scope))
}
