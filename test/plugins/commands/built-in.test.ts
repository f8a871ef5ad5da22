import assert from 'node:assert/strict'
import test from 'node:test'
import { QUEUE_MODES } from '../../../rpc/schemas/queue.ts'
import { ANN, BOB, failure, OPERATOR, rig } from './fixtures.ts'

const SESSION = 'telegram:1'

test('/queue shows what holds, where each part comes from, and what waits', async (t) => {
  const { give, say, later } = await rig(t, { channels: { telegram: { mode: 'collect', cap: 8 } } })
  assert.equal(
    await give('/queue'),
    [
      'Nothing is running; nothing waits.',
      'mode=collect (for this channel)',
      'cap=8 (for this channel)',
      'overflow=drop_old (for all)',
      'debounce=250ms (for all)',
      'summarize=on (for all)'
    ].join('\n')
  )
  await say(SESSION, ANN)
  await say(SESSION, ANN)
  await say(SESSION, BOB)
  later(3000)
  await give('/queue set cap=9 debounce=2s')
  assert.equal(
    await give('/queue'),
    [
      'The agent is working; 2 messages wait, the oldest for 3 s.',
      'mode=collect (for this channel)',
      'cap=9 (set here)',
      'overflow=drop_old (for all)',
      'debounce=2000ms (set here)',
      'summarize=on (for all)'
    ].join('\n')
  )
})

test('/queue set changes what it names, in its session, from the next message on', async (t) => {
  const { give, policies } = await rig(t)
  assert.equal(
    await give('/queue set mode=collect cap=8 overflow=drop_new debounce=500ms summarize=off'),
    'Set: mode=collect cap=8 overflow=drop_new debounce=500ms summarize=off. It applies to messages from now on.'
  )
  const set = { mode: 'collect', cap: 8, overflow: 'drop_new', debounceMs: 500, summarizeOverflow: false }
  assert.deepEqual(await policies.resolve(SESSION), set)
  assert.equal(await give('/queue SET Mode=Steer'), 'Set: mode=steer. It applies to messages from now on.')
  assert.deepEqual(await policies.resolve(SESSION), { ...set, mode: 'steer' })
  assert.equal((await policies.resolve('telegram:2')).mode, 'followup')
})

test('/queue with a mode sets the mode alone', async (t) => {
  const { give, policies } = await rig(t)
  await give('/queue set cap=3')
  for (const mode of QUEUE_MODES) {
    assert.equal(await give(`/queue ${mode}`), `Set: mode=${mode}. It applies to messages from now on.`)
    const { mode: now, cap } = await policies.resolve(SESSION)
    assert.deepEqual({ mode: now, cap }, { mode, cap: 3 })
  }
})

test('/queue reset takes back what was set here', async (t) => {
  const { give, policies } = await rig(t)
  await give('/queue set mode=steer cap=1')
  assert.equal(
    await give('/queue reset'),
    'Reset. Messages from now on: mode=followup cap=20 overflow=drop_old debounce=250ms summarize=on'
  )
  assert.equal((await policies.describe(SESSION)).origin.mode, 'default')
})

test('what /queue does not understand is answered with what it does, and changes nothing', async (t) => {
  const { give, policies, db } = await rig(t)
  assert.equal(
    await give('/queue set cap=3 mode=colect'),
    '"mode=colect" is not valid: mode must be one of collect, followup, steer, steer_backlog, interrupt.\nNothing was changed.'
  )
  assert.match(await give('/queue set'), /^Nothing to set\..*\nNothing was changed\.$/)
  for (const message of ['/queue colect', '/queue collect now', '/queue reset all', '/queue mode=collect', '/queue settings']) {
    assert.match(await give(message), /^Unknown arguments\. Nothing was changed\. Usage:\n\/queue\n/, message)
  }
  assert.deepEqual((await policies.describe(SESSION)).origin.cap, 'default')
  assert.equal(await db.sessions.get(SESSION), undefined, 'looking makes no session')
})

for (const name of ['/stop', '/cancel']) {
  test(`${name} stops what runs and what waits of the caller, and says so`, async (t) => {
    const { give, say, lanes, finish } = await rig(t)
    assert.equal(await give(name), 'There was nothing of yours to stop.')
    const first = await say(SESSION, ANN)
    assert.equal(await give(name), 'Stopped: the active run.')
    assert.equal(await failure(first.settled), 'cancelled')

    const running = await say(SESSION, ANN)
    const waiting = [await say(SESSION, ANN), await say(SESSION, ANN)]
    const others = await say(SESSION, BOB)
    const elsewhere = await say('telegram:2', ANN)
    assert.equal(await give(name), 'Stopped: the active run and 2 waiting messages.')
    for (const { settled } of [running, ...waiting]) assert.equal(await failure(settled), 'cancelled')

    const mine = await say(SESSION, ANN)
    if (name === '/cancel') {
      assert.match(await give('/cancel my subscription'), /^\/cancel takes no arguments. Nothing was stopped/)
    }
    assert.equal(await give(name === '/stop' ? '/stop please' : name), 'Stopped: 1 waiting message.')
    assert.equal(await failure(mine.settled), 'cancelled')
    finish()
    assert.equal((await others.settled).how, 'completed')
    assert.equal((await elsewhere.settled).how, 'completed')
    assert.equal(lanes.has(SESSION), false)
  })
}

test('/stop of somebody with the scope operate stops everything there is in the session', async (t) => {
  const { give, say } = await rig(t)
  const all = [await say(SESSION, ANN), await say(SESSION, BOB)]
  assert.equal(await give('/stop', OPERATOR), 'Stopped: the active run and 1 waiting message.')
  for (const { settled } of all) assert.equal(await failure(settled), 'cancelled')
})

test('/new stops the own work, and begins the new conversation when it is its turn', async (t) => {
  const { give, say, db, finish } = await rig(t)
  await db.sessions.open(SESSION, 0)
  const append = (content: string) => db.messages.append({ sessionId: SESSION, runId: 'r', role: 'user', content, createdAt: 1 })
  const history = async () => (await db.messages.history(SESSION)).map(({ content }) => content)
  await append('before')
  const own = await say(SESSION, ANN)
  const others = await say(SESSION, BOB)
  const renewed = give('/new')
  assert.equal(await failure(own.settled), 'cancelled')
  assert.deepEqual(await history(), ['before'], 'the run of somebody else is still in the old one')
  const after = await say(SESSION, ANN)
  finish()
  assert.equal((await others.settled).how, 'completed')
  assert.equal(await renewed, 'A new conversation begins.')
  assert.equal((await after.settled).how, 'completed')
  assert.deepEqual(await history(), [])
  assert.equal((await db.messages.page(SESSION, { limit: 10, bytes: 1000 })).length, 1, 'nothing is deleted')
  await append('after')
  assert.deepEqual(await history(), ['after'])
})

test('/new leaves the work of others alone, whatever the caller may do', async (t) => {
  const { give, say, finish } = await rig(t)
  const others = await say(SESSION, BOB)
  const renewed = give('/new', OPERATOR)
  finish()
  assert.equal((await others.settled).how, 'completed')
  assert.equal(await renewed, 'A new conversation begins.')
})

test('/new with a message after it does nothing and says so, for the message would be lost', async (t) => {
  const { give, say, finish } = await rig(t)
  const own = await say(SESSION, ANN)
  assert.match(await give('/new York is where?'), /^\/new takes no arguments\. Nothing was done/)
  finish()
  assert.equal((await own.settled).how, 'completed')
})

test('/status says what is going on', async (t) => {
  const { app, give, say, db } = await rig(t)
  assert.equal(
    await give('/status'),
    [
      'Session: telegram:1, 0 messages',
      'Nothing is running; nothing waits.',
      'Queue mode: followup',
      'Model: claude (anthropic)',
      'Tier: default',
      'Context: about 0 of 1000 tokens, 0%'
    ].join('\n')
  )
  await db.sessions.open(SESSION, 0)
  await db.messages.append({ sessionId: SESSION, runId: 'r', role: 'user', content: 'hello', createdAt: 1 })
  await say(SESSION, ANN)
  await say(SESSION, ANN)
  await give('/queue steer')
  await db.sessions.configure(SESSION, { modelTier: 'fast' }, 0)
  await db.contexts.count({ sessionId: SESSION, tokens: 765, contextWindow: 1000 })
  const offline = { provider: 'offline', model: 'offline', contextWindow: 1000, offline: true }
  Object.assign(app, { providers: { tiers: () => ['default', 'fast'], describe: () => offline } })
  assert.equal(
    await give('/status'),
    [
      'Session: telegram:1, 1 message',
      'The agent is working; 1 message waits, the oldest for 0 s.',
      'Queue mode: steer',
      'Model: none is configured, the offline one answers',
      'Tier: fast',
      'Context: about 765 of 1000 tokens, 76.5%'
    ].join('\n')
  )
})

test('commands.list has the commands that the caller may use, with the ways to write them', async (t) => {
  const { call } = await rig(t)
  const { commands } = await call('commands.list', {}, { id: 'x', scopes: new Set(['read']) })
  assert.deepEqual(
    commands.map(({ name }: { name: string }) => name),
    ['queue', 'model', 'status', 'help']
  )
  assert.deepEqual(commands.at(-2), { name: 'status', summary: 'Show the state of this session', usage: ['/status'] })
  assert.deepEqual(commands.at(-1).usage, ['/help', '/help <command>'])
})

test('/help lists what the caller may use, a line each, and shows how one is written', async (t) => {
  const { give } = await rig(t)
  const names = async (scopes: Parameters<typeof ANN.scopes.has>[0][]) =>
    [...(await give('/help', { id: 'x', scopes: new Set(scopes) })).matchAll(/^\/(\w+): \S.*$/gm)].map(([, name]) => name)
  assert.deepEqual(await names(['read', 'write']), ['queue', 'stop', 'cancel', 'new', 'compact', 'model', 'status', 'help'])
  assert.deepEqual(await names(['read']), ['queue', 'model', 'status', 'help'])
  assert.deepEqual(await names(['node']), ['help'])
  assert.match(
    await give('/help queue'),
    /\n\/queue\n\/queue set mode=collect cap=8 .*\n\/queue <mode>, one of .*\n\/queue reset$/
  )
  assert.equal(await give('/help /Status'), 'Show the state of this session\n/status')
  const none = 'There is no such command, or you may not use it. /help lists the commands you may use.'
  assert.equal(await give('/help nothing'), none)
  assert.equal(await give('/help stop', { id: 'x', scopes: new Set(['read']) }), none)
})
