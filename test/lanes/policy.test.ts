import assert from 'node:assert/strict'
import test from 'node:test'
import type { QueueMode } from '../../lanes/message.ts'
import { makeRoom, type WaitingMessage } from '../../lanes/overflow.ts'
import {
  type Admission,
  admit,
  afterCrash,
  type LaneState,
  MAX_ATTEMPTS,
  MAX_WINDOWS,
  nextTurn,
  type Situation
} from '../../lanes/policy.ts'
import { type MessageOptions, message } from './fixtures.ts'

/** A waiting message: `steering` is offered to the running turn, `backlog` was taken by one and waits for its second. */
function waiting(
  id: string,
  { steering = false, backlog = false, ...options }: MessageOptions & Partial<WaitingMessage> = {}
): WaitingMessage {
  return { message: message(undefined, { id, ...options }), steering, backlog }
}

/** A lane whose active turn, where it has one, is ann's. */
function situation(state: LaneState, queued: readonly WaitingMessage[], times: Partial<Situation> = {}): Situation {
  const activeOwner = LIVE.includes(state) || state === 'stopping' ? 'ann' : undefined
  return { state, activeOwner, activePinned: false, queued, now: 1000, lastArrivalAt: 1000, freeSince: 1000, ...times }
}

const names = (list: readonly WaitingMessage[]): string[] => list.map(({ message: { id } }) => id)

function verdict(admission: Admission): unknown {
  if (admission.act === 'reject') return 'reject'
  const { act, drop, because, fallback } = admission
  return [act, ...(drop.length > 0 ? [because, ...names(drop)] : []), ...(fallback ? ['fallback'] : [])].join(' ')
}

const STATES: LaneState[] = ['idle', 'held', 'quiet', 'ready', 'running', 'paused', 'resuming', 'stopping']
const MODES: QueueMode[] = ['collect', 'followup', 'steer', 'steer_backlog', 'interrupt']
const LIVE: LaneState[] = ['running', 'paused', 'resuming']

/** What becomes of a message where `full` or not: the whole table, said once more and in other words. */
function expected(mode: QueueMode, state: LaneState, overflow: 'drop_old' | 'drop_new', full: boolean): string {
  if (mode === 'interrupt') return `${LIVE.includes(state) ? 'interrupt' : 'queue'}${full ? ' superseded 1 2' : ''}`
  if (full && overflow === 'drop_new') return 'reject'
  const victims = full ? ' overflow 1' : ''
  if (mode !== 'steer' && mode !== 'steer_backlog') return `queue${victims}`
  if (LIVE.includes(state)) return `steer${victims}`
  return `queue${victims}${state === 'idle' ? '' : ' fallback'}`
}

for (const mode of MODES) {
  for (const overflow of ['drop_old', 'drop_new'] as const) {
    for (const full of [false, true]) {
      test(`${mode}, ${overflow}, ${full ? 'as many waiting as may' : 'nothing waiting'}: what becomes of the message in each state`, () => {
        // An idle lane has nothing waiting, and so is never full.
        const states = full ? STATES.slice(1) : STATES
        const queued = full ? [waiting('1'), waiting('2')] : []
        const actual = states.map((state) => [
          state,
          verdict(admit(situation(state, queued), message(undefined, { mode, overflow, cap: 2 })))
        ])
        assert.deepEqual(
          actual,
          states.map((state) => [state, expected(mode, state, overflow, full)])
        )
      })
    }
  }
}

for (const mode of MODES) {
  test(`${mode} of another owner than the running turn: nothing is steered into a run that has another one's rights`, () => {
    for (const state of STATES) {
      for (const full of [false, state !== 'idle']) {
        const queued = full ? [waiting('1', { owner: 'bob' }), waiting('2')] : []
        const said = verdict(admit(situation(state, queued), message(undefined, { mode, owner: 'bob', cap: 2 })))
        const ofOwner = expected(mode, state, 'drop_old', full)
        assert.equal(said, ofOwner.startsWith('steer') ? `${ofOwner.replace('steer', 'queue')} fallback` : ofOwner, state)
      }
    }
  })
}

test('a cap says how many may wait, and on an idle lane nobody does', () => {
  assert.equal(verdict(admit(situation('idle', []), message(undefined, { cap: 0 }))), 'queue')
})

test.describe('steering', () => {
  const steer = (owner = 'ann') => message(undefined, { mode: 'steer', owner })

  test('a followup that waits does not keep what comes later from being steered (#148731)', () => {
    assert.equal(verdict(admit(situation('running', [waiting('f')]), steer())), 'steer')
  })

  test('a later message does not overtake a steer of the same owner that no turn has seen (#119794)', () => {
    const missed = waiting('s', { mode: 'steer' })
    assert.equal(verdict(admit(situation('running', [missed]), steer())), 'queue fallback')
    const ofBob = waiting('s', { mode: 'steer', owner: 'bob' })
    assert.equal(verdict(admit(situation('running', [ofBob]), steer())), 'steer')
  })

  test('where overflow drops the one that was missed, it is steered', () => {
    const missed = waiting('s', { mode: 'steer' })
    const newcomer = message(undefined, { mode: 'steer', cap: 1 })
    assert.equal(verdict(admit(situation('running', [missed]), newcomer)), 'steer overflow s')
  })

  test('behind one that is being steered, or that a turn has seen, it is steered', () => {
    const offered = waiting('s', { mode: 'steer', steering: true })
    const seen = waiting('b', { mode: 'steer_backlog', backlog: true })
    assert.equal(verdict(admit(situation('running', [offered, seen]), steer())), 'steer')
  })
})

test.describe('overflow', () => {
  const room = (queued: WaitingMessage[], options: MessageOptions) => {
    const victims = makeRoom(queued, message(undefined, options))
    return victims && names(victims)
  }

  test('drop_old drops the oldest, whoever sent it and whatever its mode', () => {
    const queued = [waiting('1', { owner: 'bob', mode: 'collect' }), waiting('2', { mode: 'steer', steering: true })]
    assert.deepEqual(room(queued, { cap: 2 }), ['1'])
    assert.deepEqual(room(queued.slice(1), { cap: 1 }), ['2'])
  })

  test('a smaller cap than what waits already drops as many as it takes, once (#119312: it dropped for ever)', () => {
    const queued = ['1', '2', '3', '4'].map((id) => waiting(id))
    assert.deepEqual(room(queued, { cap: 2 }), ['1', '2', '3'])
    assert.equal(room(queued, { cap: 2, overflow: 'drop_new' }), undefined)
    assert.deepEqual(room(queued, { cap: 5 }), [])
  })

  test('a message that a turn has answered already is not reported as dropped (#103246, #103284)', () => {
    const answered = waiting('1', { mode: 'steer_backlog', backlog: true })
    assert.deepEqual(room([answered, waiting('2')], { cap: 2 }), ['2'])
    assert.equal(room([answered], { cap: 1 }), undefined)
  })

  test('the oldest of a machine goes before the oldest of a person, and no person makes room for a machine', () => {
    const queued = [waiting('p'), waiting('s1', { priority: 'system' }), waiting('s2', { priority: 'system' })]
    assert.deepEqual(room(queued, { cap: 3 }), ['s1'])
    assert.deepEqual(room(queued, { cap: 1 }), ['s1', 's2', 'p'])
    assert.deepEqual(room(queued, { cap: 3, priority: 'system' }), ['s1'])
    assert.equal(room(queued, { cap: 1, priority: 'system' }), undefined)
  })

  test('a cap of nothing lets nothing wait', () => assert.equal(room([], { cap: 0 }), undefined))
})

test.describe('the next turn', () => {
  const next = (lane: Situation) => {
    const turn = nextTurn(lane)
    return 'until' in turn ? turn.until : names(turn.messages).join(' ')
  }
  const collect = (id: string, options: MessageOptions = {}) => waiting(id, { mode: 'collect', ...options })

  test('every mode but collect has turns of one message, the oldest first', () => {
    for (const mode of MODES.filter((mode) => mode !== 'collect')) {
      assert.equal(next(situation('stopping', [waiting('1', { mode }), waiting('2', { mode })])), '1')
    }
  })

  const grouped: [string, WaitingMessage[], string][] = [
    ['all of one owner', [collect('1'), collect('2'), collect('3')], '1 2 3'],
    ['not what another owner sent', [collect('1'), collect('2', { owner: 'bob' }), collect('3')], '1 3'],
    ["past another owner's followup", [collect('1'), waiting('2', { owner: 'bob' }), collect('3')], '1 3'],
    ['not past a message of the same owner that stands for itself', [collect('1'), waiting('2'), collect('3')], '1'],
    ['not what a machine sent in the name of the same owner', [collect('1'), collect('2', { priority: 'system' })], '1']
  ]
  for (const [what, queued, turn] of grouped) {
    test(`collects ${what}`, () => assert.equal(next(situation('ready', queued)), turn))
  }

  const d = 20
  const windows: [string, Partial<Situation>, number | string][] = [
    ['waits until the lane has been quiet', { now: 1005, lastArrivalAt: 1000, freeSince: 1003 }, 1000 + d],
    ['starts when it has', { now: 1000 + d, lastArrivalAt: 1000, freeSince: 1003 }, '1'],
    ['starts at once when it was quiet long before the run ended', { now: 1000, lastArrivalAt: 500, freeSince: 1000 }, '1'],
    ['is put off by whoever goes on', { now: 1100, lastArrivalAt: 1099, freeSince: 1000 }, 1099 + d],
    ['but not beyond the longest wait', { now: 1195, lastArrivalAt: 1190, freeSince: 1000 }, 1000 + MAX_WINDOWS * d],
    ['and starts then', { now: 1000 + MAX_WINDOWS * d, lastArrivalAt: 1199, freeSince: 1000 }, '1'],
    [
      'waits no longer than that either when the clock was set back',
      { now: 10, lastArrivalAt: 1000, freeSince: 1000 },
      10 + MAX_WINDOWS * d
    ]
  ]
  for (const [what, times, result] of windows) {
    test(`of what is collected ${what}`, () => {
      for (const state of ['quiet', 'running', 'stopping'] as const) {
        assert.equal(next(situation(state, [collect('1', { debounceMs: d })], times)), result)
      }
    })
  }

  test('a window of nothing starts at once', () => {
    assert.equal(next(situation('running', [collect('1', { debounceMs: 0 })])), '1')
  })

  test('the window is that of the newest message collected: a change of policy holds from then on', () => {
    assert.equal(next(situation('running', [collect('1', { debounceMs: 100 }), collect('2', { debounceMs: 5 })])), 1005)
  })
})

test.describe('after a crash', () => {
  const table: ['queued' | 'running', number, 'retry' | 'abandon', string][] = [
    ['queued', 0, 'abandon', 'queue'],
    ['queued', 0, 'retry', 'queue'],
    // It was put back by an earlier restart, and had not begun again.
    ['queued', 1, 'abandon', 'queue'],
    ['queued', MAX_ATTEMPTS - 1, 'retry', 'queue'],
    ['running', 1, 'abandon', 'interrupted'],
    ['running', MAX_ATTEMPTS, 'abandon', 'interrupted'],
    ['running', 1, 'retry', 'queue'],
    ['running', MAX_ATTEMPTS - 1, 'retry', 'queue'],
    ['running', MAX_ATTEMPTS, 'retry', 'failed'],
    ['running', MAX_ATTEMPTS + 1, 'retry', 'failed']
  ]
  for (const [state, attempts, recovery, fate] of table) {
    test(`a message that was ${state} after ${attempts} attempts, with ${recovery}: ${fate}`, () => {
      assert.equal(afterCrash({ state, attempts }, recovery), fate)
    })
  }
})
