import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_SAMPLES, Series } from '../../../plugins/metrics/series.ts'
import { build, connect, rejection } from '../../helper.ts'

const load = { running: 1, waiting: 2, loopMs: 3 }

test('samples are joined to buckets: sums of counts, the worst of the rest, and gaps where nothing is known', () => {
  let now = load
  const series = new Series(() => now)
  for (let ms = 1; ms <= 100; ms++) series.called(ms, ms > 98)
  series.asked(50, false)
  series.used({ inputTokens: 10, outputTokens: 4 })
  series.sample(15_000)
  now = { running: 4, waiting: 0, loopMs: 1 }
  series.called(7, false)
  series.sample(30_000)
  series.sample(300_000)
  assert.deepEqual(series.points({ since: 0, bucketMs: 60_000 }), [
    {
      ts: 0,
      calls: 101,
      errors: 2,
      p95Ms: 95,
      modelCalls: 1,
      modelErrors: 0,
      modelP95Ms: 50,
      inputTokens: 10,
      outputTokens: 4,
      running: 4,
      waiting: 2,
      loopMs: 3
    },
    {
      ts: 300_000,
      calls: 0,
      errors: 0,
      p95Ms: null,
      modelCalls: 0,
      modelErrors: 0,
      modelP95Ms: null,
      inputTokens: 0,
      outputTokens: 0,
      running: 4,
      waiting: 0,
      loopMs: 1
    }
  ])
  assert.equal(series.points({ since: 30_000, bucketMs: 15_000 }).length, 1)
})

test('a day is kept, and any number of calls costs the same', () => {
  const series = new Series(() => load)
  for (let n = 0; n < 5000; n++) series.called(n < 4000 ? 1 : 9, false)
  for (let n = 1; n <= 2 * MAX_SAMPLES + 5; n++) series.sample(n * 15_000)
  const points = series.points({ since: 0, bucketMs: 15_000 })
  assert.equal(points.length, MAX_SAMPLES)
  assert.equal(points.at(-1)!.ts, (2 * MAX_SAMPLES + 5) * 15_000)
})

test('system.metricsSeries counts the calls of methods and of models', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  await client.call('agent.send', { sessionId: 'test:1', message: 'hello' })
  await rejection(client.call('sessions.get', { sessionId: 'test:none' }))
  app.metrics.series.sample(Date.now())
  const { points } = await client.call('system.metricsSeries', { windowMinutes: 5, bucketSeconds: 3600 })
  const [point] = points.slice(-1)
  assert.ok(point.calls >= 2 && point.errors >= 1 && point.modelCalls >= 1 && point.outputTokens > 0, JSON.stringify(point))
})
