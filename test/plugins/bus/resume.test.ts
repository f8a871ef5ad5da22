import assert from 'node:assert/strict'
import test from 'node:test'
import { KEEP_MS } from '../../../plugins/bus/replay-retention.ts'
import { FAILURE, listener, NOTHING, result, rig, SESSION } from './fixtures.ts'

const MiB = 1024 * 1024

/** A message, stored and claimed, whose run has said so much. */
function running({ bus, db }: ReturnType<typeof rig>, id: string, said: number) {
  if (!db.rows.some((row) => row.id === id)) db.accept(id)
  db.claim(id, id)
  bus.joined(SESSION, id, id)
  const stream = bus.stream(SESSION, id)
  for (let seq = 1; seq <= said; seq++) stream.emit('content', { text: String(seq) })
  const end = (): void => {
    db.settle(id, result(id, 'whole'))
    stream.emit('done', { content: 'whole' })
    stream.end(result(id, 'whole'))
    bus.settled(SESSION, id, result(id, 'whole'))
  }
  return { stream, end }
}

test('a run under way is replayed, followed and answered', async () => {
  const it = rig()
  const { listen, seqs } = listener()
  const { stream, end } = running(it, 'm1', 3)
  const answer = it.bus.resume({ sessionId: SESSION, runId: 'm1', afterSeq: 1 }, listen)
  stream.emit('content', { text: '4' })
  end()
  assert.equal((await answer)?.content, 'whole')
  assert.deepEqual(seqs(), [2, 3, 4, 5])
  assert.equal(it.bus.held.followers, 0)
})

test('without a run it is the one under way, then the one that ended last, then what the database knows', async () => {
  const it = rig()
  const { end } = running(it, 'm1', 2)
  const live = listener()
  const answer = it.bus.resume({ sessionId: SESSION, afterSeq: 0 }, live.listen)
  end()
  assert.equal((await answer)?.runId, 'm1')
  const ended = listener()
  assert.equal((await it.bus.resume({ sessionId: SESSION, afterSeq: 1 }, ended.listen))?.runId, 'm1')
  assert.deepEqual(
    [live.seqs(), ended.seqs()],
    [
      [1, 2, 3],
      [2, 3]
    ]
  )
  await it.clock.advance(KEEP_MS)
  const stored = listener()
  assert.equal((await it.bus.resume({ sessionId: SESSION, afterSeq: 0 }, stored.listen))?.runId, 'm1')
  assert.deepEqual(stored.told, [])
  assert.deepEqual(it.bus.held, NOTHING)
})

test('a run that failed ends the call with its error, after its error event', async () => {
  const { bus } = rig()
  const { listen, told } = listener()
  const stream = bus.stream(SESSION, 'r1')
  stream.emit('error', { code: 5, message: 'it broke' })
  stream.end(FAILURE)
  await assert.rejects(bus.resume({ sessionId: SESSION, runId: 'r1', afterSeq: 0 }, listen), { code: 5, message: 'it broke' })
  assert.deepEqual(
    told.map(({ event }) => event),
    ['error']
  )
})

test('beyond what was said it goes on live', async () => {
  const it = rig()
  const { listen, seqs } = listener()
  const { stream, end } = running(it, 'm1', 2)
  const answer = it.bus.resume({ sessionId: SESSION, runId: 'm1', afterSeq: 99 }, listen)
  stream.emit('content', { text: '3' })
  end()
  await answer
  assert.deepEqual(seqs(), [3, 4])
})

test('what is no longer kept is refused, with the number from which it is', async () => {
  const it = rig()
  const { stream } = running(it, 'm1', 0)
  for (let seq = 1; seq <= 20; seq++) stream.emit('content', { text: 'x'.repeat(MiB) })
  const refused = {
    code: -2,
    message: /^params\.afterSeq .*seq 6 on.*sessions\.get/,
    data: { retryable: false, runId: 'm1', firstSeq: 6, issues: [{ path: 'params.afterSeq', message: /seq 6 on/ }] }
  }
  const resume = (afterSeq: number) => it.bus.resume({ sessionId: SESSION, runId: 'm1', afterSeq }, () => {})
  await assert.rejects(resume(4), (error: typeof refused & { data: { issues: { message: string }[] } }) => {
    assert.equal(error.code, refused.code)
    assert.match(String(error.message), refused.message)
    assert.deepEqual({ ...error.data, issues: error.data.issues.length }, { ...refused.data, issues: 1 })
    return true
  })
  assert.equal(it.bus.held.followers, 0)
  const answer = resume(5)
  it.bus.close()
  await assert.rejects(answer, { code: 3 })
})

test('a message that waits is followed until it is settled, though it joins another run', async () => {
  const it = rig()
  const { listen, seqs } = listener()
  const { stream, end } = running(it, 'm1', 2)
  it.db.accept('m2')
  const answer = it.bus.resume({ sessionId: SESSION, runId: 'm2', afterSeq: 0 }, listen)
  while (it.bus.held.followers === 0) await new Promise(setImmediate)
  stream.emit('content', { text: '3' })
  it.db.claim('m2', 'm1')
  it.bus.joined(SESSION, 'm1', 'm2')
  stream.emit('content', { text: '4' })
  end()
  it.bus.settled(SESSION, 'm2', result('m1', 'both'))
  assert.equal((await answer)?.content, 'both')
  assert.deepEqual(seqs(), [4, 5])
})

test('a message that became part of another run is replayed from where it did', async () => {
  const it = rig()
  const { stream, end } = running(it, 'm1', 2)
  it.db.accept('m2')
  it.db.claim('m2', 'm1')
  it.bus.joined(SESSION, 'm1', 'm2')
  stream.emit('content', { text: '3' })
  stream.emit('content', { text: '4' })
  const [all, rest] = [listener(), listener()]
  const answers = [
    it.bus.resume({ sessionId: SESSION, runId: 'm2', afterSeq: 0 }, all.listen),
    it.bus.resume({ sessionId: SESSION, runId: 'm2', afterSeq: 3 }, rest.listen)
  ]
  while (it.bus.held.followers < 2) await new Promise(setImmediate)
  end()
  it.bus.settled(SESSION, 'm2', result('m1', 'both'))
  for (const answer of answers) assert.equal((await answer)?.content, 'both')
  assert.deepEqual(
    [all.seqs(), rest.seqs()],
    [
      [3, 4, 5],
      [4, 5]
    ]
  )
})

test('a message that was run before a restart is told all that its new run says', async () => {
  const it = rig()
  const { listen, seqs } = listener()
  it.db.accept('m1')
  it.db.claim('m1', 'm1')
  it.db.claim('m1', 'r2')
  it.bus.joined(SESSION, 'r2', 'm1')
  const stream = it.bus.stream(SESSION, 'r2')
  stream.emit('content', { text: '1' })
  // The numbers are those of the run that the client saw: they mean nothing in this one.
  const answer = it.bus.resume({ sessionId: SESSION, runId: 'm1', afterSeq: 7 }, listen)
  while (it.bus.held.followers === 0) await new Promise(setImmediate)
  stream.emit('content', { text: '2' })
  it.bus.settled(SESSION, 'm1', result('r2', '12'))
  assert.equal((await answer)?.content, '12')
  assert.deepEqual(seqs(), [1, 2])
})

test('after a restart the database answers for a run, for a message, and for one of several of a run', async () => {
  const it = rig()
  for (const id of ['m1', 'm2', 'm3']) it.db.accept(id)
  it.db.claim('m1', 'm1')
  it.db.settle('m1', result('m1', 'one'))
  it.db.claim('m2', 'r2')
  it.db.settle('m2', result('r2', 'two'))
  it.db.settle('m3', FAILURE)
  const resume = (runId: string) =>
    it.bus.resume({ sessionId: SESSION, runId, afterSeq: 9 }, () => assert.fail('told of nothing'))
  assert.equal((await resume('m1'))?.content, 'one')
  assert.equal((await resume('m2'))?.content, 'two')
  assert.equal((await resume('r2'))?.content, 'two')
  await assert.rejects(resume('m3'), { code: 5 })
  assert.deepEqual(it.bus.held, NOTHING)
})

test('a run that is unknown, or of another session, is refused by its name', async () => {
  const it = rig()
  it.bus.stream('test:2', 'r2')
  it.db.accept('m2', 'test:2')
  it.db.known.add('test:2')
  for (const runId of ['r2', 'm2', 'no-such']) {
    await assert.rejects(
      it.bus.resume({ sessionId: SESSION, runId, afterSeq: 0 }, () => assert.fail('another session is heard')),
      { code: -2, message: 'params.runId names no run and no message of this session' }
    )
  }
})

test('a session without a run has nothing to resume, one that is not there is error 1', async () => {
  const { bus } = rig()
  assert.equal(await bus.resume({ sessionId: SESSION, afterSeq: 0 }, () => {}), undefined)
  await assert.rejects(
    bus.resume({ sessionId: 'no:such', afterSeq: 0 }, () => {}),
    { code: 1 }
  )
  await assert.rejects(
    bus.resume({ sessionId: 'no:such', runId: 'r1', afterSeq: 0 }, () => {}),
    { code: -2 }
  )
  assert.deepEqual(bus.held, NOTHING)
})

test('who sends a message a second time is told what the first was, and answered with it', async () => {
  const it = rig()
  const { stream, end } = running(it, 'm1', 2)
  const [live, late, last] = [listener(), listener(), listener()]
  const answer = it.bus.attend(SESSION, 'm1', live.listen)
  stream.emit('content', { text: '3' })
  end()
  assert.equal((await answer).content, 'whole')
  assert.equal((await it.bus.attend(SESSION, 'm1', late.listen)).content, 'whole')
  assert.deepEqual(
    [live.seqs(), late.seqs()],
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4]
    ]
  )
  await it.clock.advance(KEEP_MS)
  assert.equal((await it.bus.attend(SESSION, 'm1', last.listen)).content, 'whole')
  assert.deepEqual([last.told, it.bus.held], [[], NOTHING])
})

test('who sends a message a second time that waits is told from its beginning on', async () => {
  const it = rig()
  it.db.accept('m1')
  const { listen, seqs } = listener()
  const answer = it.bus.attend(SESSION, 'm1', listen)
  running(it, 'm1', 2).end()
  assert.equal((await answer).content, 'whole')
  assert.deepEqual(seqs(), [1, 2, 3])
})

test('no end is missed between listening and looking', async () => {
  // It ends, without ever being run, before the look, during it, and after it.
  for (const moment of ['before', 'during', 'after']) {
    const it = rig()
    it.db.accept('m1')
    const drop = (): void => {
      it.db.settle('m1', FAILURE)
      it.bus.settled(SESSION, 'm1', FAILURE)
    }
    if (moment === 'before') drop()
    if (moment === 'during') it.db.meanwhile = drop
    const answer = it.bus.attend(SESSION, 'm1', () => {})
    if (moment === 'after') {
      await new Promise(setImmediate)
      drop()
    }
    await assert.rejects(answer, { message: 'it broke' }, moment)
    assert.deepEqual(it.bus.held, NOTHING, moment)
  }
})

test('a run whose end is stored but not told yet says all it has to say before its second requester is answered', async () => {
  const it = rig()
  it.db.accept('m1')
  const { listen, seqs } = listener()
  let end = (): void => {}
  it.db.meanwhile = () => {
    it.db.meanwhile = () => {}
    it.db.claim('m1', 'm1')
    it.bus.joined(SESSION, 'm1', 'm1')
    const stream = it.bus.stream(SESSION, 'm1')
    stream.emit('content', { text: '1' })
    it.db.settle('m1', result('m1', 'whole'))
    end = () => {
      stream.emit('done', {})
      stream.end(result('m1', 'whole'))
      it.bus.settled(SESSION, 'm1', result('m1', 'whole'))
    }
  }
  const answer = it.bus.attend(SESSION, 'm1', listen)
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
  end()
  await answer
  assert.deepEqual(seqs(), [1, 2])
})

test('a message that is gone with its session cannot be waited for', async () => {
  const it = rig()
  await assert.rejects(
    it.bus.attend(SESSION, 'm1', () => {}),
    { code: 4 }
  )
  assert.deepEqual(it.bus.held, NOTHING)
})

test('a client that goes away while the database is asked leaves nothing behind', async () => {
  const it = rig()
  it.db.accept('m1')
  const gone = new AbortController()
  it.db.meanwhile = () => gone.abort()
  await assert.rejects(
    it.bus.resume({ sessionId: SESSION, runId: 'm1', afterSeq: 0, signal: gone.signal }, () => {}),
    { code: 4 }
  )
  await assert.rejects(
    it.bus.attend(SESSION, 'm1', () => {}, { signal: gone.signal }),
    { code: 4 }
  )
  assert.deepEqual(it.bus.held, NOTHING)
})
