/**
 * Loaded into a gateway with `--import`: lets `spawn`, `open` or `accept` fail as the system does, fills the disk of its database, and sets
 * its clock. A message of the parent says what, `{ fault: { call: 'spawn', code: 'EMFILE', nth: 2 } }`; the answer says whether the fault
 * before it has happened.
 */
import { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import { constants } from 'node:os'
import Sqlite from 'better-sqlite3'

export type Call = 'spawn' | 'open' | 'accept'
export type Code = 'EMFILE' | 'ENOMEM' | 'EAGAIN'

export interface Fault {
  readonly call: Call
  readonly code: Code
  /** Counted from 1 on, from now. */
  readonly nth: number
}

/** A message of the parent: each member that is given holds from now on. */
export interface Order {
  readonly fault?: Fault | null
  /** The database gets no further pages, as on a full disk. */
  readonly full?: boolean
  /** Added to the time of day. */
  readonly clockMs?: number
}

let armed: Fault | undefined
let count = 0
let clockMs = 0

process.on('message', (order: Order) => {
  process.send?.({ happened: armed === undefined })
  if (order.fault !== undefined) {
    armed = order.fault ?? undefined
    count = 0
  }
  if (order.full !== undefined) {
    database!.pragma(`max_page_count = ${order.full ? 1 : MOST_PAGES}`)
  }
  clockMs = order.clockMs ?? clockMs
})
process.channel?.unref()

const now = Date.now
Date.now = () => now() + clockMs

/** SQLite's own limit. A smaller one than the present number of pages means that number. */
const MOST_PAGES = 0xfffffffe
let database: Sqlite.Database | undefined
const pragma = Sqlite.prototype.pragma
Sqlite.prototype.pragma = function (this: Sqlite.Database, source, options) {
  // The gateway sets up its database by pragmas; the file that claims it has none.
  database ??= this
  return pragma.call(this, source, options)
}

/** The fault of this call, which is then used up. */
function take(call: Call): Code | undefined {
  if (armed?.call !== call || ++count < armed.nth) return undefined
  const { code } = armed
  armed = undefined
  return code
}

function failure(syscall: string, code: Code, path?: unknown): Error {
  const errno = -constants.errno[code]
  return Object.assign(new Error(`${code}: injected, ${syscall}`), { code, errno, syscall, path })
}

// The kernel's answer to the handle is replaced; what Node.js makes of it (an event, or an exception for ENOMEM) is its own.
type Handle = { spawn(options: unknown): number }
const prototype = ChildProcess.prototype as unknown as { _handle: Handle; spawn(options: unknown): number }
const spawn = prototype.spawn
prototype.spawn = function (options) {
  const code = take('spawn')
  if (code) this._handle.spawn = () => -constants.errno[code]
  return spawn.call(this, options)
}

type Opening = (path: unknown, ...rest: unknown[]) => unknown
const promised = fs.promises as unknown as Record<string, Opening>
for (const name of ['open', 'readFile', 'writeFile', 'readdir', 'opendir']) {
  const original = promised[name]!
  promised[name] = async (path, ...rest) => {
    const code = take('open')
    if (code) throw failure('open', code, path)
    return original(path, ...rest)
  }
}
const direct = fs as unknown as Record<string, Opening>
for (const name of ['openSync', 'readFileSync', 'readdirSync']) {
  const original = direct[name]!
  direct[name] = (path, ...rest) => {
    const code = take('open')
    if (code) throw failure('open', code, path)
    return original(path, ...rest)
  }
}
syncBuiltinESMExports()

// libuv reports a failed accept to the listener of the handle, which makes an 'error' event of the server of it.
type Listening = net.Server & { _handle: { onconnection(status: number, socket?: { close(): void }): void } }
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (this: Listening, ...args: unknown[]) {
  this.once('listening', () => {
    const accepted = this._handle.onconnection
    this._handle.onconnection = function (status, socket) {
      const code = take('accept')
      if (!code) return accepted.call(this, status, socket)
      socket?.close()
      accepted.call(this, -constants.errno[code])
    }
  })
  return Reflect.apply(listen, this, args)
} as typeof listen
