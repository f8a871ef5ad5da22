import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Command } from '../../../plugins/commands/define.ts'
import { Commands } from '../../../plugins/commands/registry.ts'
import type { GatewayInstance } from '../../../plugins/define.ts'
import { ANN, caller, rig } from './fixtures.ts'

const command = (name: string, more: Partial<Command> = {}): Command => ({
  name,
  summary: 'Says what it was given',
  scope: 'write',
  run: (args) => `<${args}>`,
  ...more
})

function commands(...names: string[]): Commands {
  const all = new Commands({} as GatewayInstance)
  for (const name of names) all.add(command(name))
  return all
}

test('a message is a command when it begins with a slash and its first word names one', () => {
  const all = commands('queue', 'new')
  const found = (message: string) => {
    const invocation = all.find(message)
    return invocation && [invocation.command.name, invocation.args]
  }
  assert.deepEqual(found('/queue'), ['queue', ''])
  assert.deepEqual(found('/Queue'), ['queue', ''])
  assert.deepEqual(found('/QUEUE set  mode=collect \n'), ['queue', 'set  mode=collect'])
  assert.deepEqual(found('/new\nhello\nthere'), ['new', 'hello\nthere'])
  for (const ordinary of [
    '',
    '/',
    '/ queue',
    ' /queue',
    'queue',
    '//queue',
    '/queueing',
    '/queue-',
    '/queue/new',
    '/queue=1',
    '/unknown',
    '/constructor',
    '/new_york is a city',
    '/что'
  ]) {
    assert.equal(found(ordinary), undefined, JSON.stringify(ordinary))
  }
})

test('whatever a message is, finding out never fails, and what is no command by its first word is none', () => {
  const all = commands('queue', 'q')
  const message = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.tuple(fc.constantFrom('/queue', '/q', '/QUEUE', '/'), fc.string({ unit: 'binary' })).map(([start, rest]) => start + rest)
  )
  fc.assert(
    fc.property(message, (message) => {
      const first = /^\/(\S*)/.exec(message)?.[1]?.toLowerCase()
      const invocation = all.find(message)
      assert.equal(
        invocation?.command.name,
        ['queue', 'q'].find((name) => name === first)
      )
      if (invocation) assert.equal(invocation.args, message.slice(first!.length + 1).trim())
    })
  )
})

test('a name that is taken or malformed stops the start', () => {
  const all = commands('queue')
  assert.throws(() => all.add(command('queue')), /command 'queue' is already registered/)
  for (const name of ['', '/queue', 'Queue', '1st', 'two words', 'a.b', 'a=b']) {
    assert.throws(() => all.add(command(name)), /a name has small letters/, name)
  }
  assert.deepEqual(
    all.list().map(({ name }) => name),
    ['queue']
  )
})

test('whoever lacks the scope of a command is refused as with a method, and the command does not run', async (t) => {
  const { app, give } = await rig(t)
  let runs = 0
  const run = () => `${++runs}`
  app.commands.add(command('restart', { scope: 'operate', run }))
  app.commands.add(command('light', { scope: (args) => (args === '' ? 'read' : 'operate'), run }))
  for (const message of ['/restart', '/light on', '/RESTART now']) {
    await assert.rejects(give(message), {
      code: -5,
      statusCode: 403,
      message: /^\/(restart|light)( …)? needs the scope 'operate', which this credential does not have$/
    })
  }
  assert.equal(runs, 0)
  assert.equal(await give('/light'), '1')
  assert.equal(await give('/light on', caller('token:op', 'operate')), '2')
  assert.equal(await give('/restart', caller('local', 'admin')), '3')
})

test('what needs write may not be done with read: setting the queue, stopping, beginning anew', async (t) => {
  const { give, policies, say, lanes } = await rig(t)
  const reader = caller('token:reader', 'read')
  await say('telegram:1', reader)
  for (const message of ['/queue collect', '/queue set cap=1', '/queue reset', '/queue nonsense', '/stop', '/cancel', '/new']) {
    await assert.rejects(give(message, reader), { code: -5 }, message)
  }
  assert.equal((await policies.resolve('telegram:1')).mode, 'followup')
  assert.equal(lanes.snapshot('telegram:1').state, 'running')
  for (const message of ['/queue', '/status', '/help']) assert.notEqual(await give(message, reader), '')
})

test('a command begins at once, so that a message after it finds what it did', async (t) => {
  const { give, policies, say, lanes } = await rig(t)
  const set = give('/queue steer')
  assert.equal((await policies.resolve('telegram:1')).mode, 'steer')
  const begun = give('/new')
  const message = say('telegram:1', ANN, 'after')
  assert.equal(lanes.has('telegram:1'), true)
  const order: string[] = []
  begun.then(() => order.push('new'))
  const { settled } = await message
  await begun
  assert.deepEqual(order, ['new'])
  assert.equal(lanes.snapshot('telegram:1').state, 'running', 'the message is next')
  await set
  await give('/stop')
  await settled.catch(() => {})
})

test('a command of a third party is given and listed like the built-in ones', async (t) => {
  const { app, give } = await rig(t)
  app.commands.add(command('echo', { usage: '/echo <text>' }))
  assert.equal(await give('/echo Hello  you'), '<Hello  you>')
  assert.match(await give('/help', ANN), /^\/echo: Says what it was given$/m)
  assert.equal(await give('/help echo'), 'Says what it was given\n/echo <text>')
})
