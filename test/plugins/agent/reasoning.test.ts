import assert from 'node:assert/strict'
import test from 'node:test'
import { build, connect, type Frame } from '../../helper.ts'
import { startModelServer } from '../../model-server.ts'

const event = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`

const CHAT = [
  { choices: [{ index: 0, delta: { reasoning_content: 'a chat ' } }] },
  { choices: [{ index: 0, delta: { reasoning: 'plan' } }] },
  { choices: [{ index: 0, delta: { content: 'Chat answer.' } }] },
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
]
  .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
  .join('')

const MESSAGES =
  event('message_start', { message: { id: 'm', role: 'assistant', content: [], usage: { input_tokens: 3, output_tokens: 1 } } }) +
  event('content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '' } }) +
  event('content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking: 'a message plan' } }) +
  event('content_block_stop', { index: 0 }) +
  event('content_block_start', { index: 1, content_block: { type: 'text', text: '' } }) +
  event('content_block_delta', { index: 1, delta: { type: 'text_delta', text: 'Message answer.' } }) +
  event('content_block_stop', { index: 1 }) +
  event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } }) +
  event('message_stop', {})

test('thoughts are an event for those who ask, stand beside the answer, and are never sent again', async (t) => {
  const model = await startModelServer(t)
  const settings = { apiKey: 'key', model: 'm', baseUrl: model.baseUrl }
  const { url } = await build(t, {
    config: { models: { default: { anthropic: settings }, chat: { openai_compatible: settings } } as never }
  })
  const curious = await connect(t, url)
  const plain = await connect(t, url)
  await curious.call('system.hello', { events: ['reasoning'] })
  for (const client of [curious, plain]) await client.call('sessions.subscribe', { sessionId: 'test:1' })
  const ask = async (): Promise<Frame> => await curious.call('agent.send', { sessionId: 'test:1', message: 'why?' })
  const thoughts = (runId: string): Frame[] =>
    curious.frames.filter(({ event, data }) => event === 'reasoning' && data.runId === runId)

  model.reply({ verbatim: MESSAGES })
  const first = await ask()
  assert.equal(first.content, 'Message answer.')
  const [thought] = thoughts(first.runId)
  assert.deepEqual([thought!.data, thought!.seq], [{ runId: first.runId, step: 1, text: 'a message plan' }, undefined])

  await curious.call('sessions.configure', { sessionId: 'test:1', modelTier: 'chat' })
  model.reply({ verbatim: CHAT })
  const second = await ask()
  assert.deepEqual(
    [
      second.content,
      thoughts(second.runId)
        .map(({ data }) => data.text)
        .join('')
    ],
    ['Chat answer.', 'a chat plan']
  )

  model.reply({ text: ['<th', 'ink>tagged', ' plan</thi', 'nk>\n\nTagged', ' answer.'] })
  const third = await ask()
  assert.deepEqual(
    [
      third.content,
      thoughts(third.runId)
        .map(({ data }) => data.text)
        .join('')
    ],
    ['Tagged answer.', 'tagged plan']
  )

  const { history } = await plain.call('sessions.get', { sessionId: 'test:1' })
  const answers = history.filter(({ role }: Frame) => role === 'assistant')
  assert.deepEqual(
    answers.map(({ content, reasoning }: Frame) => [content, reasoning]),
    [
      ['Message answer.', 'a message plan'],
      ['Chat answer.', 'a chat plan'],
      ['Tagged answer.', 'tagged plan']
    ]
  )
  assert.deepEqual(
    plain.frames.filter(({ event }) => event === 'reasoning'),
    []
  )
  // The numbers of the events have no gaps for those who did not ask.
  const seqs = plain.frames.filter(({ runId }) => runId === third.runId).map(({ seq, fromSeq = seq }) => [fromSeq, seq])
  for (const [index, [from]] of seqs.entries()) assert.equal(from, (seqs[index - 1]?.[1] ?? 0) + 1)
  assert.doesNotMatch(JSON.stringify(model.requests.map(({ body }) => body)), /plan/)
})
