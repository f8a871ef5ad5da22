import assert from 'node:assert/strict'
import test from 'node:test'
import { elapsed, kindOf, spelled, statusOf, subject, summary, timesOf, worst } from '../../public/chat/call-words.ts'
import { announcedBy, announcement, answerOf, secondsLeft, timeLeft } from '../../public/chat/confirm-words.ts'
import { isImage, savedName, shownName } from '../../public/chat/file-words.ts'
import { highlight, MAX_HIGHLIGHTED } from '../../public/chat/highlight.ts'
import { sectionsOf } from '../../public/chat/turn-sections.ts'
import { answerText, articleName, failureDetails, failureOf, stateOf, usageOf } from '../../public/chat/turn-words.ts'
import type { CallPart, ChatTurn, MessagePart, TurnPart } from '../../rpc/client/model/turn.ts'

const call = (callId: string, tool: string, state: CallPart['state'] = 'ok'): CallPart => ({
  kind: 'call',
  callId,
  tool,
  args: {},
  state
})
const message = (text: string): MessagePart => ({ kind: 'message', text, files: [], partial: false })
const turn = (rest: Partial<ChatTurn>): ChatTurn => ({
  key: 'k',
  at: 0,
  messageIds: [],
  state: 'done',
  parts: [],
  complete: true,
  ...rest
})

test('calls are summed up by kind, in the order in which the kinds came', () => {
  const calls = [
    'file.read',
    'shell.exec',
    'file.read',
    'github__get_file_contents',
    'memory.put',
    'canvas.put',
    'searchIssues',
    'frobnicate'
  ]
  assert.equal(summary(calls.map((tool) => ({ tool }))), '3 reads, 1 command, 2 changes, 1 search, 1 call')
  assert.equal(kindOf('web.fetch').one, 'page')
  assert.equal(kindOf('file.list').many, 'listings')
  assert.equal(kindOf('notes__delete_note').one, 'deletion')
  assert.equal(summary([]), '')
})

test('the subject of a call is its path, command or query, on one line', () => {
  assert.equal(subject({ content: 'x', path: 'report.md' }), 'report.md')
  assert.equal(subject({ command: 'df -h\n  | sort' }), 'df -h | sort')
  assert.equal(subject({ other: 'some', more: 'x' }), 'some')
  assert.equal(subject({ path: 'a\u202Eb' }), 'a⟨202e⟩b')
  assert.equal(subject({ path: 'x'.repeat(500) }).length, 161)
  assert.equal(subject({ path: 7, list: [] }), '')
  assert.equal(subject(JSON.parse('{"__proto__": {"path": "x"}}')), '')
})

test('a call that a stop cut off is cancelled, one without an end has an unknown outcome', () => {
  assert.equal(statusOf(call('a', 't', 'unknown'), 'stopped', undefined), 'cancelled')
  assert.equal(statusOf(call('a', 't', 'unknown'), 'failed', { from: 1, to: 2, cancelled: true }), 'cancelled')
  assert.equal(statusOf(call('a', 't', 'unknown'), 'failed', undefined), 'unknown')
  assert.equal(statusOf(call('a', 't', 'failed'), 'stopped', undefined), 'failed')
  assert.equal(worst(['ok', 'failed', 'running']), 'running')
  assert.equal(worst(['ok', 'cancelled', 'unknown']), 'unknown')
  assert.equal(worst(['ok']), 'ok')
})

test('the time of calls reaches from the first start to the last end, once all are known', () => {
  const step = { kind: 'tool', status: 'completed' } as const
  const times = timesOf({
    steps: [
      { kind: 'model', startedAt: 0, endedAt: 900 },
      { ...step, callId: 'a', startedAt: 1000, endedAt: 1500 },
      { ...step, callId: 'b', startedAt: 1100, endedAt: 4200 },
      { ...step, callId: 'c', startedAt: 5000, endedAt: null }
    ]
  })
  assert.equal(elapsed([call('a', 't'), call('b', 't')], times), '3.2 s')
  assert.equal(elapsed([call('a', 't'), call('c', 't')], times), undefined)
  assert.equal(elapsed([call('a', 't'), call('x', 't')], times), undefined)
  assert.equal(elapsed([call('a', 't')], undefined), undefined)
})

test('arguments are spelled out', () => {
  assert.equal(spelled({ a: 'x\u202Ey\u{E0041}' }), '{\n  "a": "x⟨202e⟩y⟨e0041⟩"\n}')
})

test('a question is announced when it appears and when little time is left', () => {
  assert.equal(secondsLeft(10_500, 0), 11)
  assert.equal(secondsLeft(0, 5), 0)
  assert.equal(timeLeft(103), '1:43 left')
  assert.equal(announcedBy(100, 500), 'none')
  assert.equal(announcedBy(100, 1000), 'asked')
  assert.equal(announcedBy(30, 1000), 'urgent')
  assert.equal(announcedBy(0, 9000), 'none')
  assert.equal(
    announcement('memory.put', 'none', 61),
    'The agent wants to run memory.put. Allow or refuse it: 1 minute 1 second left.'
  )
  assert.equal(announcement('memory.put', 'asked', 30), 'memory.put still waits. Allow or refuse it: 30 seconds left.')
})

test('keys answer a question only with both modifiers', () => {
  const key = { key: 'Enter', ctrlKey: true, metaKey: false, altKey: true, repeat: false }
  assert.equal(answerOf(key), true)
  assert.equal(answerOf({ ...key, ctrlKey: false, metaKey: true, key: 'Backspace' }), false)
  for (const other of [{ altKey: false }, { ctrlKey: false }, { repeat: true }, { key: 'a' }]) {
    assert.equal(answerOf({ ...key, ...other }), undefined)
  }
})

test('names of files hide nothing', () => {
  assert.equal(shownName({ mimeType: 'text/html', filename: 'a\u202Egnp.html' }), 'a⟨202e⟩gnp.html')
  assert.equal(savedName({ mimeType: 'text/html', filename: '../a\u202Egnp\u200B:x.html' }), '.._a_gnp__x.html')
  assert.equal(savedName({ mimeType: 'image/svg+xml' }), 'file.svg')
  assert.equal(shownName({ mimeType: 'application/pdf' }), 'application/pdf')
  assert.ok(isImage({ mimeType: 'image/png' }) && !isImage({ mimeType: 'image/x-icon' }) && !isImage({ mimeType: 'text/html' }))
})

test('sections split at messages; calls and thoughts that follow each other are one piece', () => {
  const parts: TurnPart[] = [
    message('a'),
    message('b'),
    { kind: 'reasoning', text: 'r' },
    call('1', 't'),
    { kind: 'text', text: 'x' },
    call('2', 't'),
    message('steered'),
    { kind: 'text', text: 'y' }
  ]
  const sections = sectionsOf(parts)
  assert.deepEqual(
    sections.map(({ kind, at }) => `${kind} ${at}`),
    ['message 0', 'message 1', 'answer 2', 'message 6', 'answer 7']
  )
  const answer = sections[2]!
  assert.ok(answer.kind === 'answer')
  assert.deepEqual(
    answer.pieces.map((piece) => (piece.kind === 'work' ? piece.parts.length : piece.part.kind)),
    [2, 'text', 1]
  )
  assert.equal(answerText(parts), 'x\n\ny')
  assert.deepEqual(sectionsOf([]), [])
})

test('states, failures and tokens have words', () => {
  assert.equal(stateOf(turn({})), undefined)
  assert.equal(stateOf(turn({ stopReason: 'length' }))?.text, 'Cut off at the token limit')
  assert.equal(stateOf(turn({ stopReason: 'empty' }))?.text, 'The model gave no answer')
  assert.equal(stateOf(turn({ state: 'working', parts: [message('a')] }))?.text, 'Thinking')
  assert.equal(stateOf(turn({ state: 'working', parts: [message('a'), call('1', 't')] }))?.text, 'Working')
  assert.match(stateOf(turn({ state: 'uncertain' }))?.hint ?? '', /runs once/)
  assert.match(failureOf({ code: 3, message: 'dropped', cause: 'overflow' }).reason, /too many were waiting/)
  assert.deepEqual(failureOf({ message: 'odd' }), { reason: 'odd', advice: 'Try again.' })
  assert.equal(failureDetails(turn({ runId: 'r', error: { code: 5, message: 'HTTP 500' } })), 'HTTP 500\nCode: 5\nRun: r')
  assert.equal(failureDetails(turn({ error: { message: 'no', cause: 'offline' } })), 'no\nCause: offline\nMessage: k')
  assert.match(usageOf(turn({ usage: { inputTokens: 7, outputTokens: 2 } }))!, /^7 tokens in, 2 out$/)
  assert.equal(articleName('You', 'what\n went'), 'You: what went')
  assert.equal(articleName('Agent', 'x'.repeat(99)), `Agent: ${'x'.repeat(60)}…`)
  assert.equal(articleName('Agent', ' '), 'Agent')
})

test('code is split into pieces that together are the code', async () => {
  for (const [language, code] of [
    ['typescript', 'const a: number = 1 // x\n<b>`b`'],
    ['html', '<script>let x = "</b>"</script><style>a{}</style>'],
    ['sh', 'echo "$HOME" | grep x'],
    ['JSON', '{"a": [1, null]}']
  ] as const) {
    const pieces = await highlight(code, language)
    assert.equal(pieces?.map(({ text }) => text).join(''), code)
    assert.ok(
      pieces.some(({ kind }) => kind !== undefined),
      language
    )
    for (const { kind = 'str' } of pieces) assert.match(kind, /^[a-z]+$/)
  }
  assert.equal(await highlight('x', 'klingon'), undefined)
  assert.equal(await highlight('x', 'constructor'), undefined)
  assert.equal(await highlight('x'.repeat(MAX_HIGHLIGHTED + 1), 'js'), undefined)
})
