/** @import { Access } from './access.js' */

const TIMEOUT_MS = 15_000

/**
 * Has this browser told of answers when no page is open: asks for permission, subscribes with its push service, and registers
 * that with the gateway. The button is there only where both can do it.
 */
export class Notifications {
  #base
  #access
  #button
  #tell

  /**
   * @param {object} options
   * @param {string} options.base the page's own URL
   * @param {Access} options.access
   * @param {HTMLButtonElement} options.button
   * @param {(message: string) => void} options.onNotice is told what went wrong, in words for people
   */
  constructor({ base, access, button, onNotice }) {
    this.#base = base
    this.#access = access
    this.#button = button
    this.#tell = onNotice
    button.onclick = () => this.#attempt(() => (this.#on ? this.#turnOff() : this.#turnOn()))
  }

  /** Shows the button, and tells the gateway that this browser is still there, on behalf of whoever is logged in now. */
  async offer() {
    // Without TLS only localhost has service workers.
    if (!('serviceWorker' in navigator) || !('PushManager' in globalThis) || !('Notification' in globalThis)) return
    await this.#attempt(async () => {
      const key = await this.#publicKey()
      this.#button.hidden = key === null
      if (key === null) return
      const subscription = await (await this.#registration())?.pushManager.getSubscription()
      // There is none without permission; one for the keys of another gateway, or of earlier ones, reaches nobody.
      const current = subscription && sameKey(subscription, key)
      if (current) await this.#register(subscription)
      this.#show(!!current)
    })
  }

  /** Takes this browser off the gateway's list, as far as that can be reached. */
  async stop() {
    if (this.#on) await this.#turnOff().catch(() => {})
  }

  get #on() {
    return this.#button.ariaPressed === 'true'
  }

  /** @param {boolean} on */
  #show(on) {
    this.#button.ariaPressed = String(on)
    this.#button.textContent = on ? 'Notifications on' : 'Notify me'
  }

  async #turnOn() {
    if ((await Notification.requestPermission()) !== 'granted') {
      throw new Error('This browser does not let the page notify you. Its settings for this site can change that.')
    }
    const key = await this.#publicKey()
    if (key === null) throw new Error('The gateway has no notifications any more.')
    await navigator.serviceWorker.register(this.#url('push-worker.js'), { scope: this.#url('./').href })
    const { pushManager } = await navigator.serviceWorker.ready
    const old = await pushManager.getSubscription()
    if (old && !sameKey(old, key)) await old.unsubscribe()
    const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
    await this.#register(subscription)
    this.#show(true)
  }

  async #turnOff() {
    const subscription = await (await this.#registration())?.pushManager.getSubscription()
    this.#show(false)
    if (!subscription) return
    // First here: the push service says so to a gateway that cannot be reached now.
    await subscription.unsubscribe()
    await this.#ask('subscriptions', 'DELETE', { endpoint: subscription.endpoint })
  }

  #registration() {
    return navigator.serviceWorker.getRegistration(this.#url('./'))
  }

  /** @returns {Promise<string | null>} */
  async #publicKey() {
    const { publicKey } = await this.#ask('public-key', 'GET')
    return publicKey
  }

  /** @param {PushSubscription} subscription */
  async #register(subscription) {
    await this.#ask('subscriptions', 'POST', subscription)
  }

  /**
   * One thing at a time; what fails is told.
   * @param {() => Promise<void>} act
   */
  async #attempt(act) {
    this.#button.disabled = true
    try {
      await act()
    } catch (error) {
      this.#tell(`Notifications: ${error instanceof Error ? error.message : error}`)
    } finally {
      this.#button.disabled = false
    }
  }

  /**
   * @param {string} path
   * @param {string} method
   * @param {unknown} [body]
   */
  async #ask(path, method, body) {
    const response = await fetch(this.#url(`webchat/push/${path}`), {
      method,
      headers: { ...this.#access.headers(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    const answer = await response.json().catch(() => ({}))
    if (response.ok) return answer
    throw new Error(answer.error?.message ?? `The gateway answered with HTTP status ${response.status}.`)
  }

  /** @param {string} path */
  #url(path) {
    return new URL(path, this.#base)
  }
}

/**
 * @param {PushSubscription} subscription
 * @param {string} key in base64url
 */
function sameKey({ options }, key) {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0))
  const text = btoa(String.fromCharCode(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') === key
}
