import { scriptUrl } from './script-url.ts'

/** Registration of the service worker; undefined where there is none: without TLS, in a private window, in development. */
export let worker: ServiceWorkerRegistration | undefined

/** Registers the service worker. A page without one works, but not offline and without notifications. */
export async function startWorker(): Promise<ServiceWorkerRegistration | undefined> {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return undefined
  const options = { scope: './', updateViaCache: 'none' } as const
  worker = await navigator.serviceWorker.register(scriptUrl('./worker.js'), options).catch(() => undefined)
  return worker
}
