import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { ChatMessage, Model, ModelPart, ModelRequest, ToolSpec } from '../../plugins/providers/define.ts'

/** A model under test, and how to make it say what a test needs. */
export interface Subject {
  readonly model: Model
  /** Lets the next call answer with this text; returns what the user has to say for it. */
  says(text: string): string
  /** Lets the next call ask for these tools, all at once. `args` is the JSON as the model writes it. */
  calls(...calls: ReadonlyArray<{ readonly tool: string; readonly args: string }>): string
}

export const TOOLS: readonly ToolSpec[] = ['clock.now', 'weather.lookup'].map((name) => ({
  name,
  description: `The tool ${name}`,
  inputSchema: { type: 'object', properties: { city: { type: 'string' } } }
}))

/** A request that never is aborted, unless `changes` says otherwise. */
export function request(messages: string | readonly ChatMessage[], changes: Partial<ModelRequest> = {}): ModelRequest {
  return {
    system: 'Be brief.',
    messages: typeof messages === 'string' ? [{ role: 'user', text: messages }] : messages,
    tools: TOOLS,
    signal: new AbortController().signal,
    ...changes
  }
}

export async function collect(parts: AsyncIterable<ModelPart>): Promise<ModelPart[]> {
  const all: ModelPart[] = []
  for await (const part of parts) all.push(part)
  return all
}

export function textOf(parts: readonly ModelPart[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

function callsOf(parts: readonly ModelPart[]) {
  return parts.flatMap((part) => (part.type === 'tool_call' ? [part.call] : []))
}

/** Why a call may be aborted: whatever it is, this very thing must come out again. */
const REASONS = {
  'an AbortError': new DOMException('stop', 'AbortError'),
  'a TimeoutError': new DOMException('late', 'TimeoutError'),
  'an Error': new Error('cancelled by the user'),
  'a string': 'cancelled'
}

/**
 * Contract of every `Model`. `open` makes a fresh one for each test. Unhandled rejections are
 * failures too: the test runner sees to that.
 */
export function providerContract(name: string, open: (t: TestContext) => Promise<Subject> | Subject): void {
  test(`${name} names its provider, its model and its context window`, async (t) => {
    const { model } = await open(t)
    assert.ok(model.provider.length > 0)
    assert.ok(model.model.length > 0)
    assert.ok(Number.isInteger(model.contextWindow) && model.contextWindow > 0)
  })

  test(`${name} streams a text in several parts and ends with one finish that has the usage`, async (t) => {
    const { model, says } = await open(t)
    const text = 'Grüße aus dem Süden, 你好 and 👩‍👩‍👧 to all of you.'
    const parts = await collect(model.stream(request(says(text))))
    assert.equal(textOf(parts), text)
    const last = parts.at(-1)
    assert.ok(last?.type === 'finish')
    assert.equal(last.reason, 'stop')
    assert.ok(Number.isInteger(last.usage.inputTokens) && last.usage.inputTokens > 0)
    assert.ok(Number.isInteger(last.usage.outputTokens) && last.usage.outputTokens > 0)
    assert.equal(parts.filter(({ type }) => type === 'finish').length, 1)
    const texts = parts.filter((part) => part.type === 'text')
    assert.ok(texts.length > 1, 'more than one part')
    assert.ok(
      texts.every(({ text }) => text !== ''),
      'no empty part'
    )
  })

  test(`${name} calls a tool by the gateway's name, with its arguments`, async (t) => {
    const { model, calls } = await open(t)
    const parts = await collect(model.stream(request(calls({ tool: 'weather.lookup', args: '{"city":"Köln"}' }))))
    const [call] = callsOf(parts)
    assert.equal(call?.tool, 'weather.lookup')
    assert.deepEqual(call?.args, { city: 'Köln' })
    assert.equal(call?.invalid, undefined)
    assert.ok(call?.callId)
    assert.deepEqual(
      parts.slice(-2).map(({ type }) => type),
      ['tool_call', 'finish']
    )
    const last = parts.at(-1)
    assert.equal(last?.type === 'finish' && last.reason, 'tool_calls')
  })

  test(`${name} calls several tools at once, in order, each with an id of its own`, async (t) => {
    const { model, calls } = await open(t)
    const asked = calls(
      { tool: 'clock.now', args: '{}' },
      { tool: 'weather.lookup', args: '{"city":"Rom"}' },
      { tool: 'clock.now', args: '' }
    )
    const made = callsOf(await collect(model.stream(request(asked))))
    assert.deepEqual(
      made.map(({ tool, args }) => [tool, args]),
      [
        ['clock.now', {}],
        ['weather.lookup', { city: 'Rom' }],
        ['clock.now', {}]
      ]
    )
    assert.equal(new Set(made.map(({ callId }) => callId)).size, 3)
  })

  for (const args of ['{"city":', '[1, 2]', '"Rom"', '{"__proto__": {"admin": true}}']) {
    test(`${name} marks a call whose arguments are ${args} as invalid`, async (t) => {
      const { model, calls } = await open(t)
      const [call] = callsOf(await collect(model.stream(request(calls({ tool: 'weather.lookup', args })))))
      assert.equal(call?.tool, 'weather.lookup')
      assert.deepEqual(call?.args, {})
      assert.match(call?.invalid ?? '', /must be a JSON object/)
    })
  }

  test(`${name} passes on a call of a tool that does not exist`, async (t) => {
    const { model, calls } = await open(t)
    const [call] = callsOf(await collect(model.stream(request(calls({ tool: 'nonsense', args: '{"a":1}' })))))
    assert.equal(call?.tool, 'nonsense')
    assert.deepEqual(call?.args, { a: 1 })
  })

  test(`${name} goes on from the results of its tools`, async (t) => {
    const { model, says } = await open(t)
    const user: ChatMessage = { role: 'user', text: 'What is the weather?' }
    const toolCalls = [
      { callId: 'a', tool: 'weather.lookup', args: { city: 'Rom' } },
      { callId: 'b', tool: 'gone.away', args: {}, invalid: 'The arguments must be a JSON object' }
    ]
    const parts = await collect(
      model.stream(
        request([
          user,
          { role: 'assistant', text: '', toolCalls },
          { role: 'tool', callId: 'a', tool: 'weather.lookup', output: 'sunny', failed: false },
          { role: 'tool', callId: 'b', tool: 'gone.away', output: 'no such tool', failed: true },
          { role: 'user', text: says('It is sunny.') }
        ])
      )
    )
    assert.match(textOf(parts), /It is sunny\./)
    assert.equal(parts.at(-1)?.type, 'finish')
  })

  test(`${name} takes attachments of any type`, async (t) => {
    const { model, says } = await open(t)
    const attachments = ['image/png', 'application/pdf', 'text/csv', 'application/zip'].map((mimeType) => ({
      mimeType,
      data: 'aGVsbG8='
    }))
    const parts = await collect(model.stream(request([{ role: 'user', text: says('Thank you.'), attachments }])))
    assert.equal(textOf(parts), 'Thank you.')
  })

  test(`${name} answers without a system text and without tools`, async (t) => {
    const { model, says } = await open(t)
    const parts = await collect(model.stream(request(says('Fine.'), { system: '', tools: [] })))
    assert.equal(textOf(parts), 'Fine.')
  })

  for (const [kind, reason] of Object.entries(REASONS)) {
    test(`${name}, aborted beforehand with ${kind}, throws it and yields nothing`, async (t) => {
      const { model, says } = await open(t)
      const parts: ModelPart[] = []
      const thrown = await caught(async () => {
        for await (const part of model.stream(request(says('Never.'), { signal: AbortSignal.abort(reason) }))) parts.push(part)
      })
      assert.equal(thrown, reason)
      assert.deepEqual(parts, [])
    })

    test(`${name}, aborted in the middle with ${kind}, throws it and stops`, async (t) => {
      const { model, says } = await open(t)
      const controller = new AbortController()
      const parts: ModelPart[] = []
      const thrown = await caught(async () => {
        for await (const part of model.stream(request(says('one two three '.repeat(50)), { signal: controller.signal }))) {
          parts.push(part)
          controller.abort(reason)
        }
      })
      assert.equal(thrown, reason)
      assert.equal(parts.length, 1)
    })
  }

  test(`${name} can be left in the middle, and asked again`, async (t) => {
    const { model, says } = await open(t)
    for await (const part of model.stream(request(says('one two three '.repeat(50))))) {
      assert.equal(part.type, 'text')
      break
    }
    assert.equal(textOf(await collect(model.stream(request(says('Again.'))))), 'Again.')
  })

  test(`${name} keeps two calls at the same time apart`, async (t) => {
    const { model, says } = await open(t)
    const answers = await Promise.all(
      ['first '.repeat(20), 'second '.repeat(20)].map((text) => collect(model.stream(request(says(text)))))
    )
    assert.deepEqual(answers.map(textOf).sort(), ['first '.repeat(20), 'second '.repeat(20)])
  })
}

async function caught(run: () => Promise<void>): Promise<unknown> {
  try {
    await run()
  } catch (thrown) {
    return thrown
  }
  return assert.fail('nothing was thrown')
}
