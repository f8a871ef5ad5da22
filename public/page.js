/** @import { Info, State } from './client.js' */

import { Access } from './access.js'
import { Client, socketUrl, uniqueId } from './client.js'
import { Conversation } from './conversation.js'
import { Notifications } from './notifications.js'
import { keepEndInSight } from './scroll.js'

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function part(id, kind) {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`the page has no ${kind.name} #${id}`)
}

const status = part('status', HTMLElement)
const countdown = part('countdown', HTMLElement)
const facts = part('facts', HTMLElement)
const retry = part('retry', HTMLButtonElement)
const notify = part('notify', HTMLButtonElement)
const fresh = part('fresh', HTMLButtonElement)
const logOut = part('log-out', HTMLButtonElement)
const login = part('login', HTMLFormElement)
const token = part('token', HTMLInputElement)
const remember = part('remember', HTMLInputElement)
const loginMessage = part('login-message', HTMLElement)
const loginDetails = part('login-details', HTMLElement)
const chat = part('chat', HTMLElement)
const notice = part('notice', HTMLElement)
const noticeText = part('notice-text', HTMLElement)
const dismiss = part('dismiss', HTMLButtonElement)
const log = part('log', HTMLElement)
const offline = part('offline', HTMLElement)
const welcome = part('welcome', HTMLElement)
const turns = part('turns', HTMLOListElement)
const latest = part('latest', HTMLButtonElement)
const composer = part('composer', HTMLFormElement)
const draft = part('draft', HTMLTextAreaElement)
const stop = part('stop', HTMLButtonElement)
const announcer = part('announcer', HTMLElement)

/** Two gateways on one host, under different prefixes, share the storage. */
const key = (/** @type {string} */ name) => `flynn:${new URL('./', location.href).pathname}:${name}`
const SESSION = key('session')
/** Records that the user asked for a cookie. Scripts cannot see the cookie itself. */
const REMEMBERED = key('remembered')
const CHECK_MS = 30_000
/** The gateway's error code for a missing credential. Any other refusal concerns the credential that was given. */
const AUTH_REQUIRED = -4

const access = new Access(location.href)
const client = new Client({
  url: socketUrl(location.href),
  protocols: () => access.protocols(),
  admit: () => access.admit(),
  onState: showState
})
let conversation = converse(localStorage.getItem(SESSION) ?? newSession())
const notifications = new Notifications({ base: location.href, access, button: notify, onNotice: tell })
let wasConnected = false
const toLatest = keepEndInSight(log, turns, latest)

/** @param {State} state */
function showState(state) {
  const reconnected = state.name === 'connected' && !wasConnected
  document.body.dataset.state = state.name
  if (state.name === 'connected') {
    write(status, 'Connected')
    if (state.info) showInfo(state.info)
    showLogin(false)
    logOut.hidden = !access.holdsToken && !localStorage.getItem(REMEMBERED)
  } else if (state.name === 'waiting') {
    write(status, `${state.reason} Trying again`)
    if (!login.hidden) write(loginMessage, state.reason)
  } else if (state.name === 'refused') {
    const ended = localStorage.getItem(REMEMBERED) ? 'The login on this device has ended.' : ''
    access.forget()
    localStorage.removeItem(REMEMBERED)
    write(status, 'Needs a token')
    showLogin(true, state.code === AUTH_REQUIRED ? ended : state.message)
    write(loginDetails, state.message)
  } else write(status, state.name === 'connecting' ? 'Connecting' : 'Logged out')
  countDown()
  if (wasConnected && state.name !== 'connected') {
    conversation.disconnected()
    showWork()
  }
  wasConnected = state.name === 'connected'
  if (reconnected) {
    void notifications.offer()
    void conversation.sync()
    if (document.activeElement === document.body) focusDraft()
  }
}

/**
 * Writes only a changed text: screen readers would read an unchanged live region out again.
 * @param {HTMLElement} place
 * @param {string} text
 */
function write(place, text) {
  if (place.textContent !== text) place.textContent = text
}

function countDown() {
  const { state } = client
  retry.hidden = state.name !== 'waiting'
  countdown.textContent = state.name === 'waiting' ? ` in ${Math.max(0, Math.ceil((state.at - Date.now()) / 1000))} s` : ''
}

/** @param {Info} info */
function showInfo({ version, uptime, connections, model }) {
  const who = model && (model.offline ? 'the built-in offline model' : `${model.model} (${model.provider})`)
  const people = `${connections} ${connections === 1 ? 'connection' : 'connections'}`
  facts.textContent = [`Gateway ${version} is running`, `up ${duration(uptime)}`, people, who && `answered by ${who}`]
    .filter(Boolean)
    .join(' · ')
  offline.hidden = !model?.offline
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

retry.onclick = () => client.start()
addEventListener('online', () => client.start())
addEventListener('focus', () => void client.check())
setInterval(countDown, 1000)
setInterval(() => document.hidden || void client.check(), CHECK_MS)

/**
 * @param {boolean} needed
 * @param {string} [message]
 */
function showLogin(needed, message = '') {
  login.hidden = !needed
  chat.hidden = needed
  fresh.hidden = needed
  if (needed) {
    logOut.hidden = true
    notify.hidden = true
  }
  write(loginMessage, message)
  if (needed) token.select()
}

login.onsubmit = async (event) => {
  event.preventDefault()
  const given = token.value.trim()
  if (given === '') return token.focus()
  write(loginMessage, 'Checking…')
  const { refused, retry: later } = await access.logIn(given, remember.checked)
  write(loginMessage, refused?.message ?? later?.reason ?? '')
  if (refused || later) return token.select()
  if (remember.checked) localStorage.setItem(REMEMBERED, 'yes')
  token.value = ''
  // An attempt in progress uses the old credentials.
  client.stop()
  client.start()
}

logOut.onclick = async () => {
  // The next user of this browser must not receive notifications about this user's answers.
  await notifications.stop()
  const { retry: failed } = await access.logOut()
  if (failed) return tell(`You are still logged in on this device: ${failed.reason}`)
  localStorage.removeItem(REMEMBERED)
  client.stop()
  conversation.close()
  conversation = converse(conversation.options.id)
  client.start()
}

/** The page names its sessions itself, and a name must not be guessed. */
function newSession() {
  return `web:${uniqueId()}`
}

/** @param {string} id */
function converse(id) {
  localStorage.setItem(SESSION, id)
  return new Conversation({
    client,
    id,
    list: turns,
    now: () => Date.now() + access.aheadMs,
    onChange: showWork,
    onNotice: tell,
    onAnswer: (who, answer) => {
      announcer.textContent = `${who} has answered: ${answer.slice(0, 500)}`
    },
    onAsk: (words) => {
      announcer.textContent = words
    },
    onReturn: (message) => {
      draft.value = [message, draft.value].filter(Boolean).join('\n')
      grow()
      draft.focus()
    }
  })
}

function showWork() {
  const hadFocus = document.activeElement === stop
  stop.hidden = !conversation.working
  welcome.hidden = !conversation.empty
  if (hadFocus && stop.hidden) draft.focus()
}

/** @param {string} message */
function tell(message) {
  noticeText.textContent = message
  notice.hidden = message === ''
}

function grow() {
  draft.style.height = 'auto'
  draft.style.height = `${draft.scrollHeight + 2}px`
}

/** Not on a touch screen, where the focus brings up a keyboard. */
function focusDraft() {
  if (matchMedia('(pointer: fine)').matches) draft.focus()
}

composer.onsubmit = (event) => {
  event.preventDefault()
  const message = draft.value.trim()
  draft.focus()
  if (message === '') return
  draft.value = ''
  grow()
  conversation.submit(message)
  toLatest()
}
draft.oninput = grow
draft.onkeydown = (event) => {
  // An input method takes Enter to choose a word; Safari says so by the key code only.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
  event.preventDefault()
  composer.requestSubmit()
}
stop.onclick = () => void conversation.stop()
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.isComposing && conversation.working) void conversation.stop()
})
latest.onclick = () => {
  toLatest()
  focusDraft()
}
dismiss.onclick = () => {
  tell('')
  draft.focus()
}
fresh.onclick = () => {
  conversation.close()
  tell('')
  conversation = converse(newSession())
  showWork()
  if (wasConnected) void conversation.sync()
  draft.focus()
}

showWork()
client.start()
