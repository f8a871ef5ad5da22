import assert from 'node:assert/strict'
import test from 'node:test'
import { context, trace } from '@opentelemetry/api'
import { build, connect } from '../../helper.ts'
import { Spans, TRACEPARENT } from './fixtures.ts'

test('where the host has set up no SDK nothing is traced, and one that comes later is found', async (t) => {
  // The SDK that another file of this process has set up.
  trace.disable()
  context.disable()
  const { app, url } = await build(t)
  const client = await connect(t, url)
  const active: unknown[] = []
  const look = <T>(run: () => T): T => {
    active.push(trace.getActiveSpan())
    return run()
  }
  app.hooks.around('rpc.call', (_call, run) => run())
  app.hooks.around('agent.run', (_turn, run) => look(run))
  app.hooks.around('tool.run', (_tool, run) => look(run))
  client.send({ id: 100, method: 'agent.send', params: { message: '/tool file.list {}' }, traceparent: TRACEPARENT })
  assert.ok((await client.final(100)).result)
  assert.deepEqual(active, [undefined, undefined])

  const spans = new Spans()
  await client.call('system.info')
  assert.deepEqual(
    spans.all().map(({ name }) => name),
    ['system.info']
  )
})
