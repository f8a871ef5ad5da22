import { cachesOf, outdated, type ShellBuild, sourceOf } from './shell.ts'

declare const self: ServiceWorkerGlobalScope
/** Put in by scripts/pages.ts. */
declare const SHELL: ShellBuild

/** Time that the network has for the page. The kept one is better than a line that hangs. */
const PAGE_MS = 5000

/** The gateway's answers vary by encoding, which a kept one no longer has. */
const MATCH = { ignoreVary: true }

const { build, files } = SHELL
const { scope } = self.registration
const cacheName = cachesOf(scope) + build
const page = new URL('./', scope).href

self.addEventListener('install', (event) => event.waitUntil(install()))
self.addEventListener('activate', (event) => event.waitUntil(activate()))
self.addEventListener('message', (event) => {
  // From a page that is about to reload, or that runs this build already.
  if (event.data === 'activate') event.waitUntil(self.skipWaiting())
})
self.addEventListener('fetch', (event) => {
  const source = sourceOf(event.request, scope, files)
  if (source === 'page') event.respondWith(pageOf(event.request))
  else if (source === 'file') event.respondWith(fileOf(event.request))
})

/** Keeps all files of this build, or fails. */
async function install(): Promise<void> {
  const cache = await caches.open(cacheName)
  // Others than those with a hash in their names change.
  const asked = (file: string): RequestInit => ({ cache: file.startsWith('assets/') ? 'default' : 'no-cache' })
  await cache.addAll(files.map((file) => new Request(new URL(file, scope), asked(file))))
  // The gateway may have got another build since it sent this worker, whose files this page would not find.
  const kept = await keptPage()
  if (!(await kept?.text())?.includes(`"${build}"`)) {
    await caches.delete(cacheName)
    throw new Error('The gateway has another build now')
  }
}

async function activate(): Promise<void> {
  for (const name of outdated(await caches.keys(), scope, cacheName)) await caches.delete(name)
  // The page that registered this worker has loaded without it.
  await self.clients.claim()
}

async function pageOf(request: Request): Promise<Response> {
  let answer: Response | undefined
  try {
    answer = await fetch(request, { signal: AbortSignal.timeout(PAGE_MS) })
    // A proxy says so when the gateway is away.
    if (answer.status < 500) return answer
  } catch {}
  return (await keptPage()) ?? answer ?? Response.error()
}

async function keptPage(): Promise<Response | undefined> {
  return (await caches.open(cacheName)).match(page, MATCH)
}

async function fileOf(request: Request): Promise<Response> {
  return (await caches.match(request.url, MATCH)) ?? fetch(request)
}
