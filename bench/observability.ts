/**
 * Processor time to sample 50 sources every 15 seconds, of the gateway and of the programs that it runs; and the cost of masking the logs of
 * services. Run it with `node bench/observability.ts`; it needs Linux and takes half a minute.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify from 'fastify'
import gateway from '../app.ts'
import { SAMPLE_BYTES } from '../plugins/observability/ring.ts'
import { Masker } from '../security/masking/masker.ts'

const SOURCES = 50
const LOOKS = 30
const INTERVAL_MS = 15_000
const LINES = 10_000
/** Of /proc/<pid>/stat, on every Linux there is. */
const TICKS_PER_SECOND = 100

const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** Programs that cost next to nothing: the rest is the gateway's work and the start of a program. */
async function stub(folder: string, program: string, script: string): Promise<void> {
  await writeFile(path.join(folder, program), `#!/bin/sh\n${script}\n`)
  await chmod(path.join(folder, program), 0o755)
}

/** Milliseconds of processor time: of this process, and of the programs it has run to their end. */
async function spent(): Promise<{ own: number; programs: number }> {
  const fields = (await readFile('/proc/self/stat', 'utf8'))
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  const { user, system } = process.cpuUsage()
  return { own: (user + system) / 1000, programs: ((fields[13]! + fields[14]!) / TICKS_PER_SECOND) * 1000 }
}

const folder = await mkdtemp(path.join(tmpdir(), 'flynn-bench-'))
try {
  const names = Array.from({ length: SOURCES - 3 }, (_, n) => `service-${n}`)
  const services = Object.fromEntries(names.map((name) => [name, { image: name }]))
  const rows = names.map((Service) => ({
    ID: 'c0ffee',
    Service,
    Name: `flynn-${Service}-1`,
    State: 'running',
    Health: 'healthy',
    Status: 'Up 4 minutes (healthy)',
    Labels: 'com.docker.compose.oneoff=False,com.docker.compose.project=flynn'
  }))
  await writeFile(path.join(folder, 'config.json'), `${JSON.stringify({ name: 'flynn', services })}\n`)
  await writeFile(path.join(folder, 'ps.json'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const cat = (file: string): string => `while IFS= read -r line; do echo "$line"; done < '${path.join(folder, file)}'`
  await stub(folder, 'docker', `case "$*" in *" config "*) ${cat('config.json')};; *) ${cat('ps.json')};; esac`)
  const unit = 'LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=7\nNRestarts=0'
  await stub(folder, 'systemctl', `printf '${unit.replaceAll('\n', '\\n')}\\n\\n${unit.replaceAll('\n', '\\n')}\\n'`)
  const composeFile = path.join(folder, 'docker-compose.yml')
  await writeFile(composeFile, 'services: {}')

  const host = Fastify()
  await host.register(gateway, { config: { dataDir: path.join(folder, 'data'), docker: { composeFile } } })
  await host.ready()
  host.gateway.programs.environment.PATH = folder
  const { length } = await host.gateway.observability.sources()
  if (length !== SOURCES) throw new Error(`${length} sources instead of ${SOURCES}`)

  const fresh = async (): Promise<void> => {
    // What was read is kept for a second; looks are farther apart than that.
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await host.gateway.observability.sample()
  }
  // Nothing is compiled yet.
  for (let n = 0; n < 3; n++) await fresh()
  const idleFrom = await spent()
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const idle = (await spent()).own - idleFrom.own
  const before = await spent()
  for (let n = 0; n < LOOKS; n++) await fresh()
  const after = await spent()
  const own = Math.max(0, (after.own - before.own) / LOOKS - idle)
  const programs = (after.programs - before.programs) / LOOKS
  const share = (ms: number): string => `${((ms / INTERVAL_MS) * 100).toFixed(3)} %`
  print(`${SOURCES} sources every ${INTERVAL_MS / 1000} s, of one core:`)
  print(`  the gateway             ${own.toFixed(1)} ms a look, ${share(own)}`)
  print(`  starting the programs   ${programs.toFixed(1)} ms a look, ${share(programs)}`)
  const samples = (24 * 3_600_000) / INTERVAL_MS
  print(`  memory for 24 h         ${((SOURCES * samples * SAMPLE_BYTES) / 2 ** 20).toFixed(1)} MiB`)
  await host.close()
} finally {
  await rm(folder, { recursive: true, force: true })
}

const masker = new Masker(Array.from({ length: 20 }, (_, n) => `secret-${n}-${'abcdefghij'.repeat(3)}`))
for (const [name, line] of [
  ['plain lines', '2026-11-22T21:30:15.123Z INFO request completed in 12 ms status=200 path=/api/tags bytes=512 id='],
  ['JSON', '{"level":30,"time":1739999990000,"msg":"session \\"telegram:123456\\" opened","runId":"3f2504e0-4f89-11d3","n":'],
  ['colours', '\u001b[32mINFO\u001b[0m request completed in 12 ms \u001b[2mstatus\u001b[0m=200 path=/api/tags bytes=512 id=']
] as const) {
  const lines = Array.from({ length: LINES }, (_, n) => line + n)
  const before = process.cpuUsage()
  let masked = 0
  for (const shown of masker.maskLines(lines)) masked += Number(shown.masked)
  const { user, system } = process.cpuUsage(before)
  const each = (user + system) / LINES
  print(
    `masking ${name.padEnd(12)} ${each.toFixed(1)} µs a line of ${line.length + 4} characters, 20 secrets known${masked ? ' (some masked)' : ''}`
  )
}
