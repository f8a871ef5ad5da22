import assert from 'node:assert/strict'
import test from 'node:test'
import Fastify from 'fastify'
import gateway from '../../../app.ts'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { defineProvider, type ModelSettings } from '../../../plugins/providers/define.ts'
import { build, connect, scratch } from '../../helper.ts'

/** Answers with what it was configured with. */
const acme = gatewayPlugin({ name: 'acme', dependencies: ['providers'] }, async (app) => {
  app.providers.add(
    defineProvider({
      name: 'acme',
      open({ apiKey, model = 'anvil' }: ModelSettings) {
        if (apiKey === undefined) throw new Error('api_key must be set')
        return {
          provider: 'acme',
          model,
          contextWindow: 4096,
          async *stream() {
            yield { type: 'text', text: `${model} with ${apiKey}` }
            yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } }
          }
        }
      }
    })
  )
})

test('a provider of a third party is named in a tier like those of the gateway, and answers', async (t) => {
  const models = { default: { acme: { api_key: 'its key' } }, heavy: { acme: { api_key: 'its key', model: 'boulder' } } }
  const { url, app } = await build(t, { config: { models }, plugins: [acme] })
  assert.deepEqual(app.providers.describe('default'), { provider: 'acme', model: 'anvil', contextWindow: 4096, offline: false })
  assert.equal(app.providers.describe('heavy').model, 'boulder')
  const client = await connect(t, url)
  assert.equal((await client.call('agent.send', { message: 'Hello' })).content, 'anvil with its key')
})

test('a provider that no plugin brings, or that lacks what it needs, stops the start with its path', async (t) => {
  const start = async (settings: object, plugins = [acme]) => {
    const host = Fastify()
    t.after(() => host.close())
    await host.register(gateway, { config: { dataDir: await scratch(t), models: { default: { acme: settings } } }, plugins })
    await host.ready()
  }
  await assert.rejects(start({}, []), /models\.default\.acme: unknown provider, expected one of anthropic, .*offline/)
  await assert.rejects(start({}), /models\.default\.acme\.api_key must be set/)
})
