import assert from 'node:assert/strict'
import test from 'node:test'
import { type LoopOptions, runLoop } from '../../../plugins/agent/loop.ts'
import type { ChatMessage, ModelPart, ToolCall } from '../../../plugins/providers/define.ts'
import type { ToolResult } from '../../../plugins/tools/define.ts'

const text = (text: string): ModelPart => ({ type: 'text', text })
const call = (callId: string, tool = 'memory.get'): ModelPart & { type: 'tool_call' } => ({
  type: 'tool_call',
  call: { callId, tool, args: { key: callId } }
})
const finish = (inputTokens = 1, outputTokens = 1): ModelPart => ({
  type: 'finish',
  reason: 'stop',
  usage: { inputTokens, outputTokens }
})
const answered = (output: string): ToolResult => ({ success: true, output, error: null, attachments: [] })

/** A model that says what each step lists, and a record of everything that came out, in order. */
function scripted(
  steps: readonly (readonly ModelPart[])[],
  {
    runTool = async ({ callId }) => answered(`result of ${callId}`),
    ...options
  }: Partial<LoopOptions> & { runTool?: (call: ToolCall) => Promise<ToolResult> } = {}
) {
  const seen: (readonly ChatMessage[])[] = []
  const log: string[] = []
  const rest = [...steps]
  const loop = runLoop({
    history: [{ role: 'user', text: 'hello' }],
    maxCallsPerStep: 32,
    maxAnswerBytes: 1_000_000,
    maxSteps: 5,
    signal: new AbortController().signal,
    async *stream(messages) {
      seen.push([...messages])
      yield* rest.shift() ?? [finish()]
    },
    ready: async (call) => ({ start: call, run: () => runTool(call) }),
    steered: async () => [],
    output: {
      text: (text) => log.push(`text ${text}`),
      attachment: ({ mimeType }) => log.push(`attachment ${mimeType}`),
      toolStart: ({ callId }) => log.push(`start ${callId}`),
      toolEnd: ({ callId }, { success }) => log.push(`end ${callId} ${success}`),
      reasoning: (text, step) => void log.push(`thought ${step} ${text}`),
      said: async ({ text }) => void log.push(`said ${text}`),
      heard: async ({ callId, output }) => void log.push(`heard ${callId} ${output}`),
      asked: async ({ text }) => void log.push(`asked ${text}`)
    },
    ...options
  })
  return { loop, seen, log }
}

test('an answer without tools is one model call', async () => {
  const { loop, seen, log } = scripted([[text('Hi '), text('there'), finish(25, 30)]])
  assert.deepEqual(await loop, { content: 'Hi there', usage: { inputTokens: 25, outputTokens: 30 } })
  assert.deepEqual(log, ['text Hi ', 'text there', 'said Hi there'])
  assert.equal(seen.length, 1)
})

test('tools run one after the other, each paired with its result, before the model is asked again', async () => {
  const { loop, seen, log } = scripted([
    [text('Looking.'), call('a'), call('b'), finish(10, 1)],
    [text('Found.'), finish(20, 2)]
  ])
  assert.deepEqual(await loop, { content: 'Looking.\n\nFound.', usage: { inputTokens: 30, outputTokens: 3 } })
  assert.deepEqual(log, [
    'text Looking.',
    'said Looking.',
    'start a',
    'end a true',
    'heard a result of a',
    'start b',
    'end b true',
    'heard b result of b',
    'text \n\n',
    'text Found.',
    'said Found.'
  ])
  assert.deepEqual(
    seen[1]!.slice(2).map((message) => message.role === 'tool' && message.callId),
    ['a', 'b']
  )
})

test('calls beyond limits.tool_calls_per_step are refused and paired with a result', async () => {
  const { loop, seen, log } = scripted([[call('a'), call('b'), call('c'), finish()]], { maxCallsPerStep: 2 })
  await loop
  assert.ok(log.includes('end b true') && !log.includes('start c'))
  const output = 'Not run: limits.tool_calls_per_step allows 2 in one answer.'
  assert.deepEqual(seen[1]!.at(-1), { role: 'tool', callId: 'c', tool: 'memory.get', output, failed: true })
})

test('what was streamed, joined, is the answer', async () => {
  const { loop, log } = scripted([
    [text('One'), call('a'), finish()],
    [call('b'), finish()],
    [text('Two'), finish()]
  ])
  const { content } = await loop
  const streamed = log.flatMap((line) => (line.startsWith('text ') ? [line.slice(5)] : []))
  assert.equal(streamed.join(''), content)
})

test('a tool that fails is told to the model, with its output', async () => {
  const { loop, seen } = scripted([[call('a'), finish()]], {
    runTool: async () => ({ success: false, output: 'half', error: 'exit code 1', attachments: [] })
  })
  await loop
  assert.deepEqual(seen[1]!.at(-1), { role: 'tool', callId: 'a', tool: 'memory.get', output: 'exit code 1\nhalf', failed: true })
})

test('files of the model and of a tool come out as attachments', async () => {
  const file = { mimeType: 'image/png', data: 'AAAA' }
  const { loop, log } = scripted([[{ type: 'file', file: { ...file, mimeType: 'image/webp' } }, call('a'), finish()]], {
    runTool: async () => ({ ...answered(''), attachments: [file] })
  })
  await loop
  assert.deepEqual(
    log.filter((line) => line.startsWith('attachment')),
    ['attachment image/webp', 'attachment image/png']
  )
})

test('a model that never stops calling tools is stopped, and says so', async () => {
  const { loop, seen, log } = scripted(
    Array.from({ length: 10 }, (_, n) => [call(`c${n}`), finish()]),
    { maxSteps: 3 }
  )
  const { content } = await loop
  assert.equal(seen.length, 3)
  assert.match(content, /Stopped after 3 steps/)
  assert.equal(log.at(-1), `said ${content}`)
})

test('aborted between two tools, the second one is not started', async () => {
  const controller = new AbortController()
  const { loop, log } = scripted([[call('a'), call('b'), finish()]], {
    signal: controller.signal,
    runTool: async () => {
      controller.abort()
      return answered('done')
    }
  })
  await assert.rejects(loop, { name: 'AbortError' })
  assert.ok(!log.includes('start b'))
})

test('what somebody says while a tool waits to be confirmed keeps it, and what was to come after it, from starting', async () => {
  const { say, steered } = steering()
  const { loop, seen, log } = scripted([[call('a'), call('b'), finish()]], {
    steered,
    async ready(call) {
      return {
        start: call,
        async refusal() {
          say('rather not')
          return undefined
        },
        run: () => assert.fail('it ran')
      }
    }
  })
  await loop
  const skipped = 'Not run: the user said something else first.'
  assert.deepEqual(log.slice(1), [
    'start a',
    'end a false',
    `heard a ${skipped}`,
    `heard b ${skipped}`,
    'asked rather not',
    'said '
  ])
  assert.deepEqual(seen[1]!.at(-1), { role: 'user', text: 'rather not' })
})

test('aborted while a tool is made ready, it is neither told nor started', async () => {
  const controller = new AbortController()
  const { loop, log } = scripted([[call('a'), finish()]], {
    signal: controller.signal,
    async ready(call) {
      controller.abort()
      return { start: call, run: () => assert.fail('it ran') }
    }
  })
  await assert.rejects(loop, { name: 'AbortError' })
  assert.deepEqual(log, ['said '])
})

test('aborted while the model speaks, nothing more is said', async () => {
  const controller = new AbortController()
  const { loop, log } = scripted([], {
    signal: controller.signal,
    async *stream() {
      yield text('one')
      controller.abort()
      yield text('two')
    }
  })
  await assert.rejects(loop, { name: 'AbortError' })
  assert.deepEqual(log, ['text one'])
})

/** Says something to a run: `said` is what it takes up at its next look. */
function steering() {
  const said: string[] = []
  return {
    say: (text: string) => said.push(text),
    steered: async () => said.splice(0).map((text) => ({ role: 'user', text }) as const)
  }
}

test('what is said during a tool call is seen by the next model call, and keeps the next tool from starting', async () => {
  const { say, steered } = steering()
  const { loop, seen, log } = scripted(
    [
      [call('a'), call('b'), call('c'), finish()],
      [text('All right.'), finish()]
    ],
    {
      steered,
      async runTool({ callId }) {
        say('Leave it')
        return answered(callId)
      }
    }
  )
  assert.equal((await loop).content, 'All right.')
  const skipped = 'Not run: the user said something else first.'
  assert.deepEqual(log, [
    'said ',
    'start a',
    'end a true',
    'heard a a',
    `heard b ${skipped}`,
    `heard c ${skipped}`,
    'asked Leave it',
    'text All right.',
    'said All right.'
  ])
  assert.deepEqual(
    seen[1]?.slice(-3).map(({ role }) => role),
    ['tool', 'tool', 'user']
  )
})

test('what is said while the model speaks is seen after the tools it asked for before are called off', async () => {
  const { say, steered } = steering()
  const { loop, seen } = scripted([], {
    steered,
    async *stream(messages) {
      seen.push([...messages])
      if (seen.length > 1) return yield finish()
      say('Wait')
      yield call('a')
      yield finish()
    }
  })
  await loop
  assert.deepEqual(
    seen[1]?.slice(1).map((message) => [message.role, 'text' in message ? message.text : message.failed]),
    [
      ['assistant', ''],
      ['tool', true],
      ['user', 'Wait']
    ]
  )
})

test('what is said before the first model call is part of it', async () => {
  const { say, steered } = steering()
  say('And be brief')
  const { loop, seen } = scripted([[text('Hi'), finish()]], { steered })
  await loop
  assert.deepEqual(
    seen[0]?.map((message) => 'text' in message && message.text),
    ['hello', 'And be brief']
  )
})

test('what comes while the last answer is given is left for a turn of its own', async () => {
  const { say, steered } = steering()
  const { loop } = scripted([], {
    steered,
    async *stream() {
      yield text('Bye')
      say('One more thing')
      yield finish()
    }
  })
  assert.equal((await loop).content, 'Bye')
  assert.deepEqual(await steered(), [{ role: 'user', text: 'One more thing' }])
})

test('at the last step nothing is taken any more: nobody would see it', async () => {
  const { say, steered } = steering()
  const { loop, log } = scripted([], {
    steered,
    maxSteps: 1,
    async *stream() {
      say('Wait')
      yield call('a')
      yield finish()
    }
  })
  await loop
  assert.ok(log.includes('end a true'))
  assert.deepEqual(await steered(), [{ role: 'user', text: 'Wait' }])
})

test('an endless answer ends at its limit of bytes, as cut, and its model is stopped', async () => {
  let stopped = false
  const { loop, log } = scripted([], {
    maxAnswerBytes: 10,
    async *stream() {
      try {
        for (;;) yield text('äöü')
      } finally {
        stopped = true
      }
    }
  })
  assert.deepEqual(await loop, { content: 'äöüäö', usage: { inputTokens: 0, outputTokens: 0 }, stopReason: 'length' })
  assert.ok(stopped)
  assert.deepEqual(log, ['text äöü', 'text äö', 'said äöüäö'])
})

test('thoughts count towards the limit of an answer', async () => {
  const { loop } = scripted([[{ type: 'reasoning', text: 'thought' }, text('answer'), finish()]], { maxAnswerBytes: 10 })
  assert.equal((await loop).content, 'ans')
})
