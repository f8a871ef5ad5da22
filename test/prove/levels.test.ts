import assert from 'node:assert/strict'
import test from 'node:test'
import { judge } from './levels.ts'

const samples = (level: (n: number) => number): number[] => Array.from({ length: 40 }, (_, n) => level(n))

for (const [title, level, keepsRising] of [
  ['a steady leak keeps rising', (n: number) => 100 + n, true],
  ['a leak under swings of the collector keeps rising', (n: number) => 100 + 2 * n + (n % 5) * 3, true],
  ['a rise within the noise does not count', (n: number) => 100 + n / 10, false],
  ['a level that settles does not keep rising', (n: number) => 100 + Math.min(n, 10) * 10, false],
  ['a single jump does not keep rising', (n: number) => (n > 20 ? 200 : 100), false],
  ['swings do not keep rising', (n: number) => 100 + 50 * (n % 7), false]
] as const) {
  test(title, () => assert.equal(judge({ samples: samples(level), noise: 10 }).keepsRising, keepsRising))
}
