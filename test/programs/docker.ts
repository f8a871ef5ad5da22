import { Stub, type StubContainer } from './machine.ts'

/** `docker` with its compose plugin, as far as the gateway asks it. */
const stub: Stub = new Stub()
await stub.begin()
const docker = stub.machine.docker ?? {}

if (stub.args[0] === 'logs') {
  process.stderr.write(docker.logs?.stderr ?? '')
  stub.end(docker.refusal === undefined ? 0 : 1, docker.refusal, docker.logs?.stdout)
}
if (stub.args[0] !== 'compose') stub.end(1, `docker: unknown command: docker ${stub.args[0]}`)

const commands = ['config', 'ps', 'up', 'restart', 'stop', 'pull', 'images']
const at = stub.args.findIndex((arg) => commands.includes(arg))
const command = stub.args[at]!
const service = stub.args.at(-1)!
const containers = docker.containers ?? []

if (command === 'config') {
  // It works without an engine, but not without the plugin.
  if (docker.refusal !== undefined && !/daemon/.test(docker.refusal)) stub.end(1, docker.refusal)
  const { config = {}, raw = config } = docker
  const printed = stub.args.includes('--no-interpolate') ? raw : config
  if (typeof printed === 'string') stub.end(15, printed)
  stub.end(0, '', `${JSON.stringify(printed, undefined, 2)}\n`)
}
if (docker.refusal !== undefined) stub.end(1, docker.refusal)

if (command === 'ps') {
  const rows = containers.map(({ next: _next, ...row }) => ({
    ID: 'c0ffee',
    Project: 'flynn',
    Health: '',
    ExitCode: 0,
    Labels: 'com.docker.compose.oneoff=False,description=a, b',
    ...row
  }))
  const lines = docker.form === 'array' ? JSON.stringify(rows) : rows.map((row) => JSON.stringify(row)).join('\n')
  const passed = containers.map((container) => {
    const [now, ...later] = container.next ?? []
    return now && later.length > 0 ? { ...container, ...later[0], next: later } : container
  })
  write(passed)
  stub.end(0, '', `${lines}\n`)
}

if (docker.fails !== undefined) stub.end(1, docker.fails)
if (command === 'pull') {
  process.stderr.write(` ${service} Pulling \n ${service} Pulled \n`)
  stub.end(0)
}
const known = containers.find(({ Service }) => Service === service)
if (!known && command !== 'up') stub.end(1, `service "${service}" has no container to ${command}`)
const recreated = command === 'up' && docker.newImage ? { ID: `new-${process.pid}` } : {}
const usual: Partial<StubContainer> =
  command === 'stop'
    ? { State: 'exited', Status: 'Exited (0) Less than a second ago', Health: '' }
    : { State: 'running', Status: 'Up Less than a second' }
const first = known?.next?.[0] ?? usual
const changed: StubContainer = {
  ...(known ?? { Service: service, Name: `flynn-${service}-1`, State: 'running', Status: '' }),
  ...recreated,
  ...first
}
write([...containers.filter((container) => container !== known), changed])
process.stderr.write(` Container ${changed.Name}  ${command}\n`)
stub.end(0)

function write(changed: readonly StubContainer[]): void {
  stub.save({ ...stub.machine, docker: { ...docker, containers: changed } })
}
