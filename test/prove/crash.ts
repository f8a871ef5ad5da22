/**
 * Kills the gateway under load: `npm run prove:crash -- [--rounds 1000] [--fresh]`. A series is some kills on one database and the check
 * of everything that was accepted. Each finished series is kept in a file, so that a run goes on where an earlier one was stopped;
 * `--fresh` forgets them.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Killed, killUnderLoad, type Recovery } from './kills.ts'
import { Resources } from './resources.ts'

interface Series extends Killed {
  readonly recovery: Recovery
  readonly kills: number
  readonly seed: number
}

const KILLS_PER_SERIES = 20
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '1000' }, fresh: { type: 'boolean', default: false } }
})
const wanted = Number(values.rounds)
if (!Number.isInteger(wanted) || wanted < 1) throw new Error(`--rounds must be a positive whole number, got '${values.rounds}'`)

const file = fileURLToPath(new URL('./node_modules/.cache/prove-crash.jsonl', import.meta.resolve('#package.json')))
if (values.fresh) rmSync(file, { force: true })
mkdirSync(dirname(file), { recursive: true })
const series = existsSync(file)
  ? readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Series)
  : []
const total = (of: (one: Series) => number): number => series.reduce((sum, one) => sum + of(one), 0)

while (total(({ kills }) => kills) < wanted) {
  const seed = series.length + 1
  const recovery = seed % 3 === 0 ? 'retry' : 'abandon'
  const kills = Math.min(KILLS_PER_SERIES, wanted - total((one) => one.kills))
  const resources = new Resources()
  try {
    const killed = await killUnderLoad(resources, recovery, kills, seed)
    series.push({ recovery, kills, seed, ...killed })
    appendFileSync(file, `${JSON.stringify(series.at(-1))}\n`)
  } catch (error) {
    process.stderr.write(`failed with recovery ${recovery}, ${kills} kills, seed ${seed}\n`)
    throw error
  } finally {
    await resources.end()
  }
  process.stdout.write(`${summary()}\n`)
}

function summary(): string {
  const [kills, accepted, completed] = [total((one) => one.kills), total((one) => one.accepted), total((one) => one.completed)]
  return `${kills} kills: ${accepted} messages accepted, ${completed} answered, ${accepted - completed} reported as interrupted, none lost`
}
