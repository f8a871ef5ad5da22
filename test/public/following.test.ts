import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import { connect } from '../helper.ts'
import { another, connected, open, restart, say, scripted, sessionOf, text, turn } from './fixtures.ts'

/** A page that is connected, and the model that answers it. */
async function talk(t: TestContext, config: object = {}) {
  const { options, next } = scripted(config)
  const opened = await open(t, options)
  await connected(opened.page)
  return { ...opened, options, next }
}

/** The n-th turn, once it says this. */
async function says(page: Page, n: number, words: string | RegExp): Promise<void> {
  await page.locator(`#turns > li:nth-child(${n})`).filter({ hasText: words }).waitFor()
}

/** The requests of a page, as they go out. */
function requests(page: Page): { method: string; params: Record<string, unknown> }[] {
  const sent: { method: string; params: Record<string, unknown> }[] = []
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(JSON.parse(String(payload)))))
  return sent
}

const turns = (page: Page): Promise<number> => page.locator('#turns > li').count()

test('an answer goes on where it was when the connection comes back, without a gap and without saying anything twice', async (t) => {
  const { page, cut, away, back, next } = await talk(t)
  const sent = requests(page)
  await say(page, 'Count')
  const call = await next()
  call.say('One, ')
  await says(page, 1, 'One,')
  await away()
  cut()
  assert.match(
    await text(await turn(page, 1, 'lost')),
    /One, The connection was lost\. The gateway has this message, and goes on without us$/
  )
  call.say('two, ')
  await back()
  await says(page, 1, 'One, two,')
  assert.equal(await page.getByRole('button', { name: 'Stop' }).isVisible(), true)
  call.say('three')
  call.end()
  assert.equal(await text(await turn(page, 1)), 'You: Count Agent: One, two, three')
  assert.deepEqual([await turns(page), await page.locator('.text').count()], [1, 1])
  const resumed = sent.filter(({ method }) => method === 'sessions.resume')
  assert.deepEqual(
    resumed.map(({ params }) => params.afterSeq),
    [1]
  )
  assert.equal(sent.filter(({ method }) => method === 'agent.send').length, 0, 'nothing is sent over the new connection')
})

test('an answer that was complete while the page was away is there when it is back', async (t) => {
  const { page, cut, away, back, next } = await talk(t)
  await say(page, 'Count')
  const call = await next()
  call.say('One, ')
  await says(page, 1, 'One,')
  await say(page, 'And on')
  await turn(page, 2, 'queued')
  await away()
  cut()
  await turn(page, 1, 'lost')
  call.say('two')
  call.end()
  const second = await next()
  second.say('three')
  await back()
  assert.equal(await text(await turn(page, 1)), 'You: Count Agent: One, two')
  await says(page, 2, 'three')
  second.end()
  assert.equal(await text(await turn(page, 2)), 'You: And on Agent: three')
  assert.equal(await turns(page), 2)
})

test('a gateway that ends tells what it keeps, and the next one answers it', async (t) => {
  const { page, gateway, options, next, back, away } = await talk(t)
  await say(page, 'First')
  const call = await next()
  call.say('Half of ')
  await says(page, 1, 'Half of')
  await say(page, 'Second')
  await turn(page, 2, 'queued')
  await away()
  await restart(t, gateway, options)
  assert.equal(
    await text(await turn(page, 1, 'failed')),
    'You: First Agent: Half of The gateway was shut down before this was answered'
  )
  assert.match(await text(await turn(page, 2, 'lost')), /It keeps this message, and will answer it when it is back$/)
  await back()
  const again = await next()
  again.say('Here I am')
  again.end()
  assert.equal(await text(await turn(page, 2)), 'You: Second Agent: Here I am')
  assert.match(await text(await turn(page, 1, 'failed')), /Half of/)
  assert.equal(await turns(page), 2)
})

test('after a restart that the page did not see, it says how each of its messages ended', async (t) => {
  const { page, gateway, options, next, cut, away, back } = await talk(t)
  await say(page, 'Done soon')
  const done = await next()
  done.say('Almost ')
  await says(page, 1, 'Almost')
  await say(page, 'Cut short')
  await turn(page, 2, 'queued')
  await away()
  cut()
  done.say('there')
  done.end()
  await next()
  await restart(t, gateway, options)
  await turn(page, 1, 'lost')
  await back()
  assert.equal(await text(await turn(page, 1)), 'You: Done soon Agent: Almost there')
  assert.equal(await text(await turn(page, 2, 'failed')), 'You: Cut short The gateway was shut down before this was answered')
  assert.equal(await turns(page), 2)
})

for (const arrives of [false, true]) {
  const what = arrives ? 'arrived, though nobody said so,' : 'did not arrive'
  test(`a message that ${what} is sent again with the same key, and answered once`, async (t) => {
    const { options, next } = scripted()
    const { page, gateway, away, back } = await open(t, options)
    const keys: unknown[] = []
    await page.routeWebSocket('**', (socket) => {
      const server = socket.connectToServer()
      let silent = false
      server.onMessage((message) => silent || socket.send(message))
      socket.onMessage((message) => {
        const { method, params } = JSON.parse(String(message))
        if (method === 'agent.send') keys.push(params.idempotencyKey)
        silent ||= method === 'agent.send' && keys.length === 1
        if (!silent || arrives) server.send(message)
        if (silent && !arrives) void socket.close({ code: 1011 })
        // Once the model is asked, the message has arrived.
        else if (silent) void asked.then(() => socket.close({ code: 1011 }))
      })
    })
    const asked = next()
    await page.reload()
    await connected(page)
    await away()
    await say(page, 'Once')
    assert.match(await text(await turn(page, 1, 'lost')), /This message is sent again when it is back$/)
    await back()
    const call = await asked
    call.say('Only ')
    await says(page, 1, 'Only')
    call.say('once')
    call.end()
    assert.equal(await text(await turn(page, 1)), 'You: Once Agent: Only once')
    assert.equal(await turns(page), 1)
    assert.equal(keys.length, 2)
    assert.equal(keys[0], keys[1])
    const rows = await gateway.app.db.messages.history(await sessionOf(page))
    assert.deepEqual(
      rows.map(({ role, content }) => `${role}: ${content}`),
      ['user: Once', 'assistant: Only once']
    )
  })
}

test('a reload in the middle of an answer shows all of it, once, and what waits behind it', async (t) => {
  const { page, next } = await talk(t)
  await say(page, 'Count')
  const call = await next()
  call.say('One, ')
  await says(page, 1, 'One,')
  await say(page, 'And on')
  await turn(page, 2, 'queued')
  await page.reload()
  assert.match(await text(await turn(page, 1, 'working')), /^You: Count Agent: One, Working$/)
  assert.match(await text(await turn(page, 2, 'queued')), /^You: And on Waits, 1 before it Take back$/)
  call.say('two')
  call.end()
  assert.equal(await text(await turn(page, 1)), 'You: Count Agent: One, two')
  const second = await next()
  second.say('three')
  second.end()
  assert.equal(await text(await turn(page, 2)), 'You: And on Agent: three')
  assert.equal(await turns(page), 2)
})

test('what waits says how many come before it, and can be taken back', async (t) => {
  const { page, next } = await talk(t)
  await say(page, 'First')
  const first = await next()
  for (const message of ['Second', 'Third', 'Fourth']) await say(page, message)
  const second = (await turn(page, 2, 'queued')).getByRole('button', { name: 'Take back' })
  await says(page, 2, 'Waits, 1 before it')
  await says(page, 4, 'Waits, 3 before it')
  await second.evaluate((button) => button.setAttribute('data-seen', ''))
  await (await turn(page, 3, 'queued')).getByRole('button', { name: 'Take back' }).click()
  await says(page, 3, /Fourth.*Waits, 2 before it/)
  assert.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'Third')
  assert.equal(await second.getAttribute('data-seen'), '', 'what has not changed keeps its button, and so the focus')
  first.say('one')
  first.end()
  await turn(page, 1)
  const after = await next()
  assert.deepEqual(after.asked, ['First', 'Second'])
  await says(page, 3, 'Waits, 1 before it')
  after.say('two')
  after.end()
  assert.equal(await text(await turn(page, 2)), 'You: Second Agent: two')
})

test('a command whose answer was lost is sent again with its key, and answered', async (t) => {
  const { options } = scripted()
  const { page, away, back } = await open(t, options)
  const commands: { id: number; params: { idempotencyKey: string } }[] = []
  const answered = Promise.withResolvers<void>()
  let cut = () => {}
  await page.routeWebSocket('**', (socket) => {
    const server = socket.connectToServer()
    cut = () => void socket.close({ code: 1011 })
    socket.onMessage((message) => {
      const frame = JSON.parse(String(message))
      if (frame.params?.message === '/status') commands.push(frame)
      server.send(message)
    })
    // The first answer does not come through.
    server.onMessage((message) => {
      const { id, result } = JSON.parse(String(message))
      if (commands.length !== 1 || id !== commands[0]!.id) return socket.send(message)
      if (result) answered.resolve()
    })
  })
  await page.reload()
  await connected(page)
  await say(page, '/status')
  await answered.promise
  await away()
  cut()
  await turn(page, 1, 'lost')
  await back()
  await turn(page, 1)
  assert.equal(commands.length, 2)
  assert.equal(commands[0]!.params.idempotencyKey, commands[1]!.params.idempotencyKey)
})

test('an event that comes a second time is not shown again', async (t) => {
  const { options, next } = scripted()
  const { page } = await open(t, options)
  await page.routeWebSocket('**', (socket) => {
    const server = socket.connectToServer()
    server.onMessage((message) => {
      socket.send(message)
      if (String(message).includes('"seq":')) socket.send(message)
    })
  })
  await page.reload()
  await connected(page)
  await say(page, 'Count')
  const call = await next()
  call.say('One, ')
  call.say('two')
  await says(page, 1, 'two')
  assert.equal(await text(await turn(page, 1, 'working')), 'You: Count Agent: One, two Working')
  call.end()
  await turn(page, 1)
})

test('what was dropped, and what a newer message took the place of, is said in words', async (t) => {
  const { page, next } = await talk(t, { lanes: { default: { cap: 1 } } })
  await say(page, 'First')
  const first = await next()
  first.say('I am ')
  await says(page, 1, 'I am')
  await say(page, 'Second')
  await turn(page, 2, 'queued')
  await say(page, 'Third')
  assert.equal(await text(await turn(page, 2, 'failed')), 'You: Second Dropped: too many messages were waiting Take back')
  await turn(page, 3, 'queued')
  await say(page, '/queue interrupt')
  await turn(page, 4)
  await say(page, 'Fourth')
  assert.equal(await text(await turn(page, 1, 'stopped')), 'You: First Agent: I am Stopped')
  assert.equal(await text(await turn(page, 3, 'stopped')), 'You: Third Not answered: a newer message took its place')
  const fourth = await next()
  fourth.say('four')
  fourth.end()
  const last = await turn(page, 5)
  assert.equal(await text(last), 'You: Fourth The run before was stopped for this message. Agent: four')
  assert.equal(await text(last.locator('.aside')), 'The run before was stopped for this message.')
})

test('messages that one run answers are one turn: collected above the answer, steered where they came in', async (t) => {
  const { page, next } = await talk(t, { lanes: { default: { mode: 'collect', debounce_ms: 0 } } })
  await say(page, 'First')
  const first = await next()
  await say(page, 'Second')
  await turn(page, 2, 'queued')
  await say(page, 'Third')
  await turn(page, 3, 'queued')
  first.say('one')
  first.end()
  const both = await next()
  both.say('two and ')
  both.say('three')
  both.end()
  const together = 'You: Second You: Third Agent: two and three'
  assert.equal(await text(await turn(page, 2)), together)
  await says(page, 2, 'two and three')
  await say(page, '/queue steer')
  await turn(page, 3)
  await say(page, 'More')
  const before = await next()
  before.say('Before.')
  await says(page, 4, 'Before.')
  await say(page, 'More')
  await page.locator('#turns > li:nth-child(5)[data-state=sent]').waitFor()
  // What is steered in comes before the tool is used.
  before.end('memory.list')
  const after = await next()
  after.say('After')
  after.say(' all.')
  after.end()
  const steered = 'You: More Agent: Before. You: More Agent: After all.'
  assert.equal(await text(await turn(page, 4)), steered)
  assert.equal(await turns(page), 4)
  await page.reload()
  assert.equal(await text(await turn(page, 2)), together)
  // The history has the call that was asked for as well.
  assert.equal(await text(await turn(page, 3)), steered.replace('Before.', 'Before. memory.list failed'))
})

test('two pages of a session show the same: questions, answers as they come, what waits, and how it ended', async (t) => {
  const { page: one, gateway, next } = await talk(t)
  const two = await another(one, gateway)
  const long = `A long question ${'that goes on '.repeat(20)}and ends`
  await say(one, long)
  const first = await next()
  first.say('One, ')
  await says(two, 1, 'One,')
  await say(two, 'Second')
  await turn(two, 2, 'queued')
  await says(one, 2, 'Waits, 1 before it')
  await say(one, 'Third')
  await says(two, 3, 'Waits, 2 before it')
  await (await turn(one, 3, 'queued')).getByRole('button', { name: 'Take back' }).click()
  await turn(two, 3, 'stopped')
  first.say('two')
  first.end()
  assert.equal(await text(await turn(one, 1)), `You: ${long} Agent: One, two`)
  await says(two, 1, /ends.*One, two/)
  assert.equal(await text(await turn(two, 1)), `You: ${long} Agent: One, two`)
  const second = await next()
  second.say('three')
  await says(one, 2, 'three')
  second.end()
  for (const page of [one, two]) assert.equal(await text(await turn(page, 2)), 'You: Second Agent: three')
  assert.deepEqual([await turns(one), await turns(two)], [2, 3])
  await say(one, `${long} again`)
  await next()
  await turn(two, 4, 'sent')
  await two.keyboard.press('Escape')
  await says(two, 4, /ends again/)
  for (const [page, n] of [
    [one, 3],
    [two, 4]
  ] as const) {
    assert.equal(await text(await turn(page, n, 'stopped')), `You: ${long} again Stopped`)
  }
})

test('a page that was away shows what was asked elsewhere meanwhile', async (t) => {
  const { page: one, gateway, next, cut, away, back } = await talk(t)
  await say(one, '/status')
  await turn(one, 1)
  await away()
  cut()
  await say(one, 'Later')
  await turn(one, 2, 'waiting')
  const two = await another(one, gateway)
  await say(two, 'Elsewhere')
  const call = await next()
  call.say('Here, ')
  await back()
  await says(one, 2, 'Here,')
  call.say('too')
  call.end()
  assert.equal(await text(await turn(one, 2)), 'You: Elsewhere Agent: Here, too')
  const later = await next()
  later.end()
  assert.match(await text(await turn(one, 3)), /^You: Later/)
  assert.match(await text(await turn(one, 1)), /^You: \/status Gateway:/)
})

test('a run that was not announced is followed from its first event on, and its question is there when it has ended', async (t) => {
  const { options, next } = scripted()
  const { page, gateway } = await open(t, options)
  await page.routeWebSocket('**', (socket) => {
    const server = socket.connectToServer()
    server.onMessage((message) => String(message).includes('"event":"accepted"') || socket.send(message))
  })
  await page.reload()
  await connected(page)
  const channel = await connect(t, gateway.url)
  channel.start('agent.send', { message: 'From elsewhere', sessionId: await sessionOf(page) })
  const call = await next()
  call.say('One, ')
  assert.match(await text(await turn(page, 1, 'working')), /^Agent: One, Working$/)
  call.say('two')
  call.end()
  await says(page, 1, /From elsewhere.*One, two/)
  assert.equal(await text(await turn(page, 1)), 'You: From elsewhere Agent: One, two')
  assert.equal(await turns(page), 1)
})

test('a context that is nearly full is one quiet line of the conversation, also when it is told again', async (t) => {
  const { page, gateway, next, cut, away, back } = await talk(t)
  const WARNING = 'Context usage is 78.0% (78001/100000 estimated tokens).'
  const two = await another(page, gateway)
  await say(page, `A question ${'that goes on '.repeat(20)}and ends`)
  const call = await next()
  call.say('One')
  await says(page, 1, 'One')
  await away()
  cut()
  await turn(page, 1, 'lost')
  call.end(undefined, 78_000)
  await back()
  for (const shown of [page, two]) {
    const line = (await turn(shown, 1)).locator('.aside')
    await line.waitFor()
    assert.equal(await text(line), WARNING)
    assert.equal(await shown.locator('#notice').isVisible(), false)
  }
  // What the second page replaced with the history when it had ended.
  await says(two, 1, 'and ends')
  assert.equal(await text(two.locator('.aside')), WARNING)
})

test('what a command answers keeps its lines', async (t) => {
  const { page } = await talk(t)
  const reply = async (n: number, command: string): Promise<string[]> => {
    await say(page, command)
    const said = await (await turn(page, n)).locator('.reply').innerText()
    return said.split('\n').slice(1)
  }
  const help = await reply(1, '/help')
  for (const name of ['help', 'status', 'model', 'elevate', 'compact', 'new']) {
    assert.equal(help.filter((line) => line.startsWith(`/${name}: `)).length, 1, name)
  }
  assert.deepEqual(
    (await reply(2, '/status')).map((line) => line.split(' ')[0]),
    ['Session:', 'Nothing', 'Queue', 'Model:', 'Tier:', 'Context:']
  )
  assert.deepEqual(await reply(3, '/model'), ['default: scripted (scripted), 100000 tokens (in use here)'])
  assert.equal((await reply(4, '/elevate for ever')).length, 4)
  assert.match((await reply(5, '/compact')).join('\n'), /^There is nothing to compact/)
})

test('what the gateway itself answers looks different from what the agent says, and a new conversation begins with a line', async (t) => {
  const { page, next, complaints } = await talk(t)
  await say(page, 'Hello')
  const call = await next()
  call.say('Hi')
  call.end()
  await turn(page, 1)
  await say(page, '/help')
  const help = await turn(page, 2)
  assert.match(await text(help.locator('.reply')), /^Gateway: .*\/queue/)
  assert.equal(await help.locator('.text').count(), 0)
  await say(page, '/new')
  const fresh = await turn(page, 3)
  assert.equal(await text(fresh.locator('.beginning')), 'Gateway: A new conversation begins.')
  assert.equal(await text(await turn(page, 1)), 'You: Hello Agent: Hi')
  await say(page, 'Who am I?')
  const afresh = await next()
  assert.deepEqual(afresh.asked, ['Who am I?'])
  afresh.end()
  await turn(page, 4)
  assert.deepEqual(complaints, [])
})
