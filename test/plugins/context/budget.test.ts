import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { budgetOf, checkpointOf, grouped, levelOf, warningOf } from '../../../plugins/context/budget.ts'

test('the budget is that of the examples of the specification', () => {
  assert.deepEqual(budgetOf(172_000, 200_000, 80), {
    estimatedTokens: 172000,
    contextWindow: 200000,
    remainingTokens: 28000,
    usagePct: 86,
    thresholdPct: 80,
    thresholdTokens: 160000,
    shouldCompact: true
  })
  assert.deepEqual(budgetOf(152_000, 200_000, 80), {
    estimatedTokens: 152000,
    contextWindow: 200000,
    remainingTokens: 48000,
    usagePct: 76,
    thresholdPct: 80,
    thresholdTokens: 160000,
    shouldCompact: false
  })
  assert.equal(budgetOf(153_000, 200_000, 80).usagePct, 76.5)
  assert.deepEqual([budgetOf(9, 8, 80).usagePct, budgetOf(9, 8, 80).remainingTokens], [112.5, 0])
})

test('the texts are those of the specification, word for word', () => {
  assert.equal(warningOf(budgetOf(152_000, 200_000, 80)).message, 'Context usage is 76.0% (152000/200000 estimated tokens).')
  assert.equal(
    checkpointOf(budgetOf(172_000, 200_000, 80), { namespace: 'session/checkpoints/ws/abc-123', compacted: false }).message,
    'Context usage is 86.0% (172,000/200,000 estimated tokens). Checkpoint saved to memory namespace `session/checkpoints/ws/abc-123`.'
  )
})

test('a warning begins at 75 % of the window, a checkpoint at the threshold, wherever that is', () => {
  const level = (tokens: number, threshold = 80) => levelOf(budgetOf(tokens, 1000, threshold))
  assert.deepEqual([level(749), level(750), level(799), level(800)], [undefined, 'warning', 'warning', 'checkpoint'])
  assert.deepEqual(
    [level(499, 50), level(500, 50), level(950, 100), level(1000, 100)],
    [undefined, 'checkpoint', 'warning', 'checkpoint']
  )
})

test('a percentage has one decimal, and numbers have commas in any locale', () => {
  fc.assert(
    fc.property(fc.nat(10_000_000), fc.integer({ min: 1, max: 2_000_000 }), (tokens, window) => {
      const { usagePct } = budgetOf(tokens, window, 80)
      assert.equal(usagePct, Number(usagePct.toFixed(1)))
    })
  )
  assert.deepEqual([0, 999, 1000, 172_000, 1_234_567].map(grouped), ['0', '999', '1,000', '172,000', '1,234,567'])
})
