/**
 * Hours of ordinary load on one gateway: `npm run prove:soak -- [--minutes 60]`. Sends, tools, reconnects, resumes, webhooks and followers
 * at a steady rate. Memory, descriptors and disk are measured all the time; the soak fails when one of them keeps rising, and when
 * anything is answered in another way than expected. Figures are those of Linux; elsewhere descriptors are not counted.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { scratch } from '../helper.ts'
import { SERVER } from '../program.ts'
import type { Memory } from './gauge.ts'
import { judge, type Level } from './levels.ts'
import { Resources } from './resources.ts'
import { follow, newCounts, post, startModel, type Target, talk, watch } from './traffic.ts'

const PEOPLE = 12
const PAUSE_MS = 600
const SAMPLES = 60
/** Part of the time after which levels count. Replays are kept for ten minutes: that long, memory has a reason to grow. */
const WARM_UP = 0.4
const MiB = 1024 * 1024

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes must be a positive number, got '${values.minutes}'`)

interface Sample extends Memory {
  readonly descriptors: number
  readonly disk: number
  readonly messages: number
}

const resources = new Resources()
const ended = new AbortController()
/** Newest lines of the gateway's log from `warn` on. */
const warnings: string[] = []
try {
  const folder = await scratch(resources)
  const model = await startModel(resources)
  const token = 'soak-token-of-this-run-alone'
  const secret = 'a secret of the webhook of this soak'
  const config = {
    server: { port: 0, token },
    data_dir: join(folder, 'data'),
    models: { default: { openai_compatible: { base_url: model.baseUrl, model: 'soak', context_window: 32_768 } } },
    lanes: { default: { debounce_ms: 10 } },
    webhooks: { soak: { secret, session: 'webhook:{{body.n}}', template: '{{body.text}}' } }
  }
  // JSON is YAML.
  await writeFile(join(folder, 'flynn.yaml'), JSON.stringify(config))
  const { child, url } = await start(folder)
  const target: Target = { url, token, secret, signal: ended.signal }
  const counts = newCounts()
  const load = Promise.all([
    ...Array.from({ length: PEOPLE }, (_, person) => talk(target, person, counts, PAUSE_MS)),
    ...Array.from({ length: 3 }, () => follow(target, PEOPLE, counts)),
    post(target, counts, 1_000),
    watch(target, 2_000)
  ])
  const samples: Sample[] = []
  const measure = async (): Promise<void> => {
    for (let n = 0; n < SAMPLES; n++) {
      await setTimeout((minutes * 60_000) / SAMPLES)
      const messages = counts.answered + counts.refused + counts.webhooks
      samples.push({ ...(await memoryOf(child)), ...(await descriptorsOf(child)), disk: await bytesOf(folder), messages })
      if (n % 6 === 5) say(line(samples.at(-1)!))
    }
  }
  const died = once(child, 'exit').then(() => assert.fail('the gateway ended'))
  await Promise.race([measure(), load, died])
  assert.equal(samples.length, SAMPLES, 'the load ended early')
  ended.abort()
  await load
  child.kill('SIGTERM')
  await assert.rejects(died)
  assert.equal(child.exitCode, 0)
  report(samples, counts)
} catch (error) {
  process.stderr.write(`${warnings.join('\n')}\n`)
  throw error
} finally {
  ended.abort()
  await resources.end()
}

async function start(cwd: string): Promise<{ child: ChildProcess; url: string }> {
  const gauge = new URL('./gauge.ts', import.meta.url).href
  // With the nursery of `npm start`.
  const child = spawn(process.execPath, ['--max-semi-space-size=4', '--expose-gc', '--import', gauge, SERVER], {
    cwd,
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc']
  })
  resources.after(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout!)
  lines.on('line', (text) => {
    if (/"level":[456]0/.test(text) && warnings.push(text) > 20) warnings.shift()
  })
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (text) => {
      const found = /Flynn gateway on (https?:\/\/[\w.:]+)/.exec(text)?.[1]
      if (found) resolve(found)
    })
    lines.once('close', () => reject(new Error('the gateway ended before it listened')))
  })
  return { child, url }
}

async function memoryOf(child: ChildProcess): Promise<Memory> {
  const answer = once(child, 'message')
  child.send('measure')
  return (await answer)[0] as Memory
}

/** Open files and sockets of the process; 0 where the system does not list them. */
async function descriptorsOf({ pid }: ChildProcess): Promise<{ descriptors: number }> {
  return {
    descriptors: await readdir(`/proc/${pid}/fd`).then(
      (all) => all.length,
      () => 0
    )
  }
}

async function bytesOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        // Deleted since it was listed.
        () => 0
      )
    )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

function report(samples: readonly Sample[], counts: object): void {
  const judged = samples.slice(Math.floor(samples.length * WARM_UP))
  const levels: Level[] = [
    { name: 'RSS', unit: 'MB', samples: judged.map(({ rss }) => rss / MiB), noise: 16 },
    { name: 'heap after collection', unit: 'MB', samples: judged.map(({ heap }) => heap / MiB), noise: 4 },
    { name: 'buffers', unit: 'MB', samples: judged.map(({ buffers }) => buffers / MiB), noise: 4 },
    { name: 'descriptors', unit: '', samples: judged.map(({ descriptors }) => descriptors), noise: 4 },
    { name: 'disk per message', unit: 'B', samples: judged.map(({ disk, messages }) => disk / messages), noise: 64 }
  ]
  say(`${minutes} minutes: ${JSON.stringify(counts)}`)
  const verdicts = levels.map((level) => ({ ...level, ...judge(level) }))
  for (const { name, unit, medians, keepsRising } of verdicts) {
    say(`${name}: ${medians.map((value) => value.toFixed(1)).join(' → ')} ${unit}${keepsRising ? ', keeps rising' : ''}`)
  }
  if (verdicts.some(({ keepsRising }) => keepsRising)) process.exitCode = 1
}

function line({ rss, heap, descriptors, disk, messages }: Sample): string {
  const [inMemory, onHeap, onDisk] = [rss, heap, disk].map((bytes) => (bytes / MiB).toFixed(1))
  return `${messages} messages: RSS ${inMemory} MB, heap ${onHeap} MB, ${descriptors} descriptors, disk ${onDisk} MB`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
