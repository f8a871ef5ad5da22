import { Stub, type StubUnit } from './machine.ts'

/** `systemctl` of systemd 252, as far as the gateway asks it. */
const stub: Stub = new Stub()
await stub.begin()
const scope = stub.args.includes('--user') ? 'user' : 'system'
const words = stub.args.filter((arg) => !arg.startsWith('-'))
const [verb, ...names] = words as [string, ...string[]]
const units = stub.machine.systemctl?.[scope]
if (units === undefined) {
  stub.end(
    1,
    scope === 'user'
      ? 'Failed to connect to bus: No medium found'
      : "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down"
  )
}
if (typeof units === 'string') stub.end(1, units)

if (verb === 'show') {
  const left: Record<string, StubUnit> = {}
  const blocks = names.map((name) => {
    const unit = units[name]
    // The state after an action passes on with each look.
    const [now, ...later] = unit?.steps ?? []
    if (later.length > 0) left[name] = { ...unit!, steps: later }
    return block(name, now ? { ...unit, ...now } : unit)
  })
  if (Object.keys(left).length > 0) write({ ...units, ...left })
  stub.end(0, '', `${blocks.join('\n\n')}\n`)
}

const [name = ''] = names
const unit = units[name]
if (!unit) stub.end(5, `Failed to ${verb} ${name}: Unit ${name} not found.`)
if (unit.refusal === 'denied') stub.end(4, `Failed to ${verb} ${name}: Access denied`)
if (unit.refusal === 'authentication') {
  stub.end(
    1,
    `Failed to ${verb} ${name}: Interactive authentication required.\nSee system logs and 'systemctl status ${name}' for details.`
  )
}
if (unit.refusal === 'masked') stub.end(1, `Failed to ${verb} ${name}: Unit ${name} is masked.`)
const RUNNING: StubUnit = { ActiveState: 'active', SubState: 'running', MainPID: process.pid }
const states =
  verb === 'stop' ? (unit.stopped ?? [{ ActiveState: 'inactive', SubState: 'dead', MainPID: 0 }]) : (unit.started ?? [RUNNING])
write({ ...units, [name]: { ...unit, steps: states } })
if (unit.refusal === 'job') {
  stub.end(
    1,
    `Job for ${name} failed because the control process exited with error code.\nSee "systemctl status ${name}" and "journalctl -xeu ${name}" for details.`
  )
}
stub.end(0)

function write(changed: Record<string, StubUnit>): void {
  stub.save({ ...stub.machine, systemctl: { ...stub.machine.systemctl, [scope]: changed } })
}

/** In an order of its own, a unit that is not there included. */
function block(name: string, unit: StubUnit | undefined): string {
  const values: Record<string, string | number> = {
    MainPID: unit?.MainPID ?? 0,
    NRestarts: unit?.NRestarts ?? 0,
    StatusText: unit?.StatusText ?? '',
    Result: unit?.Result ?? 'success',
    Id: name,
    Description: unit ? (unit.Description ?? name) : name,
    LoadState: unit ? (unit.LoadState ?? 'loaded') : 'not-found',
    ActiveState: unit?.ActiveState ?? 'inactive',
    SubState: unit?.SubState ?? 'dead',
    UnitFileState: unit ? 'enabled' : ''
  }
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')
}
