import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import { Draft } from '../../../plugins/channels/telegram/draft.ts'
import { incomingOf } from '../../../plugins/channels/telegram/message.ts'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { type GatewayInstance, gatewayPlugin } from '../../../plugins/define.ts'
import { defineTool } from '../../../plugins/tools/define.ts'
import { type ChannelRig, channelContract } from '../../contract/channel.ts'
import { build, scratch } from '../../helper.ts'
import { FakeClock, settle } from '../../lanes/fixtures.ts'
import { startModelServer } from '../../model-server.ts'
import { slowTool } from '../agent/fixtures.ts'
import { Heard, type PlatformRequest, startPlatform } from './platform.ts'

const TOKEN = '123456:secret-token-of-the-bot'
const SECRET = 'webhook-secret'
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const BOT = { id: 1, username: 'flynn_bot' }
const partsOf = ({ message }: { message?: unknown }) => (message === undefined ? [] : [message]) as never

const message = (id: number, text: string, changes: object = {}) => ({
  message_id: id,
  date: 1,
  from: { id: 7, is_bot: false, first_name: 'Ann' },
  chat: { id: 42, type: 'private', first_name: 'Ann' },
  text,
  ...changes
})

const imageTool = gatewayPlugin({ name: 'image-tool', dependencies: ['tools'] }, async (app: GatewayInstance) => {
  app.tools.add(
    defineTool({
      name: 'test.image',
      description: 'Draws',
      input: Type.Object({}, { additionalProperties: false }),
      run: async () => ({ output: 'drawn', attachments: [{ mimeType: 'image/png', data: PNG, filename: 'dot.png' }] })
    })
  )
})

/** A gateway with a bot, and a server that plays Telegram. */
async function rig(
  t: TestContext,
  { webhook = true, plugins = [] as ReturnType<typeof gatewayPlugin>[], others = {} as ConfigInput } = {}
) {
  const heard = new Heard()
  const state = { overloaded: false, gone: false, file: 200 }
  const updates: object[] = []
  let wake = () => {}
  const calls: (PlatformRequest & { readonly call: string })[] = []
  const platform = await startPlatform(t, async (request) => {
    const { path, json } = request
    const call = path.replace(`/bot${TOKEN}/`, '')
    calls.push({ ...request, call })
    if (call === 'getMe')
      return { json: { ok: true, result: { id: 1, is_bot: true, first_name: 'Flynn', username: 'flynn_bot' } } }
    if (call === 'getUpdates') {
      const due = () => updates.filter((update) => (update as { update_id: number }).update_id >= (json.offset ?? 0))
      if (due().length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      return { json: { ok: true, result: due() } }
    }
    if (call === 'getFile' && state.file !== 200) {
      return { status: 400, json: { ok: false, error_code: 400, description: 'Bad Request: file is too big' } }
    }
    if (call === 'editMessageText' && state.gone) {
      return { status: 400, json: { ok: false, error_code: 400, description: 'Bad Request: message to edit not found' } }
    }
    if (call === 'getFile') return { json: { ok: true, result: { file_id: 'f', file_path: 'docs/f.txt' } } }
    if (call === 'sendMessage' || call === 'editMessageText') {
      if (state.overloaded)
        return {
          status: 429,
          json: { ok: false, error_code: 429, description: 'Too Many Requests', parameters: { retry_after: 1 } }
        }
      heard.add(json.text)
      return { json: { ok: true, result: { message_id: 100 + heard.texts.length } } }
    }
    return { json: { ok: true, result: true } }
  })
  const config: ConfigInput = {
    pairing: { default: 'open' },
    tools: { guests: ['*'] },
    ...others,
    dataDir: await scratch(t),
    telegram: { token: TOKEN, apiRoot: platform.url, ...(webhook ? { webhookSecret: SECRET } : {}) }
  }
  let gateway = await build(t, { config, plugins })
  t.after(() => wake())
  const post = async (update: unknown, secret = SECRET) =>
    await fetch(`${gateway.url}/telegram/events`, {
      method: 'POST',
      body: JSON.stringify(update),
      headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret }
    })
  let ids = 0
  const numbers = new Map<string, number>()
  const contract: ChannelRig = {
    get app() {
      return gateway.app
    },
    sessionId: 'telegram:42',
    heard: heard.texts,
    arrived: (count) => heard.arrived(count),
    send: ({ id, text }, { wrong = false } = {}) => {
      if (!numbers.has(id)) numbers.set(id, ++ids)
      return post({ update_id: numbers.get(id), message: message(numbers.get(id)!, text) }, wrong ? 'other' : SECRET)
    },
    overload(on) {
      state.overloaded = on
    },
    async restart() {
      await gateway.host.close()
      gateway = await build(t, { config, plugins })
    }
  }
  const tell = (update: object) => {
    updates.push(update)
    wake()
  }
  return { contract, heard, post, calls, state, tell }
}

channelContract('Telegram', async (t) => (await rig(t)).contract)

test('a bot without a webhook asks for its messages, and confirms what it has taken', async (t) => {
  const { tell, heard, calls, contract } = await rig(t, { webhook: false })
  tell({ update_id: 5, message: message(1, 'Hello') })
  await heard.arrived(1)
  assert.match(heard.texts[0]!, /Hello/)
  while (!calls.some(({ call, json }) => call === 'getUpdates' && json.offset === 6)) await new Promise(setImmediate)
  assert.equal((await contract.app.db.messages.history('telegram:42')).length, 2)
})

test('a topic of a group is a conversation of its own, and is answered there', async (t) => {
  const { post, heard, calls, contract } = await rig(t)
  const chat = { id: -100, type: 'supergroup', title: 'Group' }
  await post({
    update_id: 1,
    message: message(1, '@flynn_bot What now?', { chat, message_thread_id: 9, is_topic_message: true })
  })
  await heard.arrived(1)
  assert.match(heard.texts[0]!, /"Ann: What now\?"/)
  const { json } = calls.find(({ call }) => call === 'sendMessage')!
  assert.deepEqual([json.chat_id, json.message_thread_id], [-100, 9])
  assert.ok(await contract.app.db.sessions.get('telegram:-100/9'))
})

test('/stop stops the answer that is under way', async (t) => {
  const slow = slowTool()
  const { post, heard } = await rig(t, { plugins: [slow.plugin] })
  await post({ update_id: 1, message: message(1, '/tool test.slow {}') })
  const signal = await slow.called
  await post({ update_id: 2, message: message(2, '/stop@flynn_bot') })
  await heard.arrived(1)
  assert.ok(signal.aborted)
  slow.answer('late')
})

test('a file that is sent is an attachment, and a file of the agent is sent', async (t) => {
  const { post, heard, calls, contract } = await rig(t, { plugins: [imageTool] })
  const document = { file_id: 'f', file_unique_id: 'u', mime_type: 'text/plain', file_name: 'notes.txt', file_size: 14 }
  await post({ update_id: 1, message: message(1, '', { text: undefined, caption: 'Read this', document }) })
  await heard.arrived(1)
  assert.match(heard.texts[0]!, /notes\.txt \(text\/plain\)/)
  const [asked] = await contract.app.db.messages.history('telegram:42')
  assert.equal(asked?.attachments.length, 1)
  await post({ update_id: 2, message: message(2, '/tool test.image {}') })
  await heard.arrived(2)
  while (!calls.some(({ call }) => call === 'sendPhoto')) await new Promise(setImmediate)
})

test('a file that is too large is named and not fetched', async (t) => {
  const { post, heard, calls } = await rig(t)
  const document = {
    file_id: 'f',
    file_unique_id: 'u',
    mime_type: 'video/mp4',
    file_name: 'film.mp4',
    file_size: 15 * 1024 * 1024
  }
  await post({ update_id: 1, message: message(1, '', { text: undefined, document }) })
  await heard.arrived(1)
  assert.ok(!calls.some(({ call }) => call === 'getFile'))
})

test('other updates are ignored, malformed ones are 400', async (t) => {
  const { post, contract } = await rig(t)
  const silent = [
    { update_id: 1 },
    { update_id: 2, edited_message: message(1, 'x') },
    { update_id: 3, message: message(1, 'x', { from: { id: 8, is_bot: true, first_name: 'Bot' } }) },
    { update_id: 4, message: message(1, ' ') },
    { update_id: 5, message: { chat: null } }
  ]
  for (const update of silent) {
    assert.equal(incomingOf(partsOf(update), BOT), undefined)
    assert.equal((await post(update)).status, 200)
  }
  assert.equal((await post(5)).status, 400)
  assert.equal(await contract.app.db.sessions.get('telegram:42'), undefined)
})

test('an answer is shown while it is written, not more often than Telegram takes it, and then stands in its place', async () => {
  const clock = new FakeClock()
  const written: string[] = []
  const pen = {
    send: async (text: string) => {
      written.push(`send ${text}`)
      return 5
    },
    edit: async (id: number, text: string) => void written.push(`edit ${id} ${text}`)
  }
  const draft = new Draft(pen, { clock, limit: 20 })
  for (const text of ['One', ' two']) draft.add(text)
  await clock.advance(1200)
  draft.add(' three')
  await clock.advance(1199)
  assert.deepEqual(written, ['send One two'])
  await clock.advance(1)
  draft.add(' and more than fits')
  await clock.advance(5000)
  await settle()
  assert.deepEqual(written, ['send One two', 'edit 5 One two three'])
  assert.equal(await draft.end(), 5)
  draft.add('late')
  await clock.advance(5000)
  assert.equal(written.length, 2)
})

test('a draft that cannot be shown is left, and the answer comes without it', async () => {
  const clock = new FakeClock()
  let tries = 0
  const fail = async (): Promise<never> => {
    tries++
    throw new Error('429')
  }
  const draft = new Draft({ send: fail, edit: fail }, { clock, limit: 20 })
  draft.add('One')
  await clock.advance(1200)
  draft.add(' two')
  await clock.advance(9000)
  assert.equal(tries, 1)
  assert.equal(await draft.end(), undefined)
})

test('a file labelled as something else is read as what it is', async (t) => {
  const { tell, heard } = await rig(t, { webhook: false })
  const document = { file_id: 'f', file_unique_id: 'u', mime_type: 'image/png', file_name: 'no-picture.png', file_size: 14 }
  tell({ update_id: 5, message: message(1, '', { text: undefined, document }) })
  tell({ update_id: 6, message: message(2, 'And now?') })
  await heard.arrived(2)
  assert.ok(
    heard.texts.some((text) => /no-picture\.png/.test(text)),
    String(heard.texts)
  )
  assert.ok(heard.texts.some((text) => /And now\?/.test(text)))
})

test('a file that Telegram does not give is said to the agent, and a stranger has nothing fetched', async (t) => {
  const document = { file_id: 'f', file_unique_id: 'u', mime_type: 'text/plain', file_name: 'notes.txt' }
  const { post, heard, state } = await rig(t)
  state.file = 400
  assert.equal((await post({ update_id: 1, message: message(1, '', { text: undefined, document }) })).status, 200)
  await heard.arrived(1)
  const closed = await rig(t, { others: { pairing: { default: 'required' } } })
  await closed.post({ update_id: 1, message: message(1, '', { text: undefined, caption: 'Look', document }) })
  await closed.heard.arrived(1)
  assert.match(closed.heard.texts[0]!, /pairing code/)
  assert.ok(!closed.calls.some(({ call }) => call === 'getFile'))
})

test('messages that are answered together have one draft and one file, and the answer takes the place of the draft', async (t) => {
  const slow = slowTool()
  const others = { lanes: { channels: { telegram: { mode: 'collect' as const, debounceMs: 0 } } } }
  const { post, heard, calls } = await rig(t, { plugins: [slow.plugin, imageTool], others })
  await post({ update_id: 1, message: message(1, '/tool test.slow {}') })
  await slow.called
  for (const [index, text] of ['/tool test.image {}', 'and', 'so on'].entries()) {
    await post({ update_id: 2 + index, message: message(2 + index, text) })
  }
  slow.answer('done')
  await heard.arrived(2)
  await post({ update_id: 9, message: message(9, 'say the end') })
  await heard.arrived(3)
  assert.equal(heard.texts[2], 'the end')
  while (!calls.some(({ call }) => call === 'sendPhoto')) await new Promise(setImmediate)
  assert.equal(calls.filter(({ call }) => call === 'sendPhoto').length, 1)
})

test('a deleted draft loses no answer', async (t) => {
  const model = await startModelServer(t)
  const models = { default: { anthropic: { apiKey: 'key', model: 'test', baseUrl: model.baseUrl } } }
  const { post, heard, calls, state } = await rig(t, { others: { models } })
  const rest = Promise.withResolvers<void>()
  model.reply({ text: ['Half of it'], until: rest.promise })
  await post({ update_id: 1, message: message(1, 'Go on') })
  await heard.arrived(1)
  state.gone = true
  rest.resolve()
  await heard.arrived(2)
  assert.deepEqual(heard.texts, ['Half of it', 'Half of it'])
  assert.ok(calls.some(({ call }) => call === 'editMessageText'))
})

test('typing is shown while the agent works, and spaces of a text stay', async (t) => {
  const slow = slowTool()
  const { post, heard, calls } = await rig(t, { plugins: [slow.plugin] })
  await post({ update_id: 1, message: message(1, '/tool test.slow {}') })
  await slow.called
  while (!calls.some(({ call }) => call === 'sendChatAction')) await new Promise(setImmediate)
  slow.answer('done')
  await heard.arrived(1)
  const code = 'if x:\n    return  1'
  assert.equal(incomingOf([message(1, `@flynn_bot ${code}`)] as never, BOT)?.text, code)
  assert.equal(incomingOf([message(1, '/stop@flynn_bot now')] as never, BOT)?.text, '/stop now')
})

const PHOTO = [{ file_id: 'f', file_unique_id: 'u', width: 1, height: 1 }]

test('an album is one message, also after a restart', async (t) => {
  const { post, heard, contract } = await rig(t)
  const part = (id: number, caption?: string) => message(id, '', { text: undefined, photo: PHOTO, media_group_id: 'g', caption })
  for (const [id, caption] of [[1, 'Our trip'], [2], [3]] as [number, string?][]) {
    assert.equal((await post({ update_id: id, message: part(id, caption) })).status, 200)
  }
  await heard.arrived(1)
  const questions = (await contract.app.db.messages.history('telegram:42')).filter(({ role }) => role === 'user')
  assert.deepEqual(
    questions.map(({ content }) => content.split('\n')[0]),
    ['Our trip']
  )
  for (const id of [4, 5]) await post({ update_id: id, message: { ...part(id), media_group_id: 'h', caption: 'Second' } })
  await contract.restart()
  await heard.arrived(2)
  assert.match(heard.texts[1]!, /Second/)
})

test('a group that becomes a supergroup keeps its conversation', async (t) => {
  const { post, heard, calls, contract } = await rig(t)
  const old = { id: -5, type: 'group', title: 'G' }
  const grown = { id: -1005, type: 'supergroup', title: 'G' }
  await post({ update_id: 1, message: message(1, '@flynn_bot one', { chat: old }) })
  await heard.arrived(1)
  await post({ update_id: 2, message: message(2, '', { chat: old, text: undefined, migrate_to_chat_id: -1005 }) })
  await post({ update_id: 3, message: message(1, '', { chat: grown, text: undefined, migrate_from_chat_id: -5 }) })
  await contract.restart()
  await post({ update_id: 4, message: message(2, '@flynn_bot two', { chat: grown }) })
  await heard.arrived(2)
  assert.equal(calls.findLast(({ call }) => call === 'sendMessage')!.json.chat_id, -1005)
  const said = (await contract.app.db.messages.history('telegram:-5')).filter(({ role }) => role === 'user')
  assert.deepEqual(
    said.map(({ content }) => content),
    ['Ann: one', 'Ann: two']
  )
})

test('in a group the bot answers when it is addressed', async (t) => {
  const chat = { id: -5, type: 'group', title: 'G' }
  const { post, heard, contract } = await rig(t)
  await post({ update_id: 1, message: message(1, 'hello all', { chat }) })
  await post({ update_id: 2, message: message(2, 'hello @flynn_bot', { chat }) })
  await heard.arrived(1)
  assert.equal((await contract.app.db.messages.history('telegram:-5')).filter(({ role }) => role === 'user').length, 1)
})

test('nothing ends in silence: a game gets one sentence, a sticker reaches the agent', async (t) => {
  const { post, heard, contract } = await rig(t)
  await post({ update_id: 1, message: message(1, '', { text: undefined, game: { title: 'x' } }) })
  await heard.arrived(1)
  assert.equal(heard.texts[0], 'I cannot read a game. Please send text, a picture or a document.')
  assert.equal(await contract.app.db.sessions.get('telegram:42'), undefined)
  await post({ update_id: 2, message: message(2, '', { text: undefined, sticker: { emoji: ':)' } }) })
  await heard.arrived(2)
  assert.match(heard.texts[1]!, /Sticker :\)/)
})
