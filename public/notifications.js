/** @import { Access } from './access.js' */

const TIMEOUT_MS = 15_000

/**
 * Push notifications for answers that arrive while no page is open: asks for permission, subscribes at the browser's push service,
 * and registers the subscription with the gateway. The button is visible only if both the browser and the gateway support it.
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
   * @param {(message: string) => void} options.onNotice shows an error message to the user
   */
  constructor({ base, access, button, onNotice }) {
    this.#base = base
    this.#access = access
    this.#button = button
    this.#tell = onNotice
    button.onclick = () => this.#attempt(() => (this.#on ? this.#turnOff() : this.#turnOn()))
  }

  /** Shows the button, and renews the registration of this browser for the current login. */
  async offer() {
    // Without TLS only localhost has service workers.
    if (!('serviceWorker' in navigator) || !('PushManager' in globalThis) || !('Notification' in globalThis)) return
    await this.#attempt(async () => {
      const key = await this.#publicKey()
      this.#button.hidden = key === null
      if (key === null) return
      const subscription = await (await this.#registration())?.pushManager.getSubscription()
      // Without permission no subscription exists. One made for another gateway's keys, or for earlier keys, delivers nothing.
      const current = subscription && sameKey(subscription, key)
      if (current) await this.#register(subscription)
      this.#show(!!current)
    })
  }

  /** Removes this browser from the gateway's list, if the gateway can be reached. */
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
    // Unsubscribes here first: a gateway that cannot be reached now learns it later from the push service.
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
   * Runs one action at a time, and shows its error to the user.
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
