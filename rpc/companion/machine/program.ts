import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import path from 'node:path'

/** Output of a program beyond this is an error: a result of the node may have 1 MiB. */
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024
const MAX_ERROR_CHARACTERS = 500

export interface RunOptions {
  /** Ends the program. */
  readonly signal?: AbortSignal | undefined
  /** Written to its stdin. */
  readonly input?: string
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Path of a program of the PATH. Undefined: it is not installed. */
export async function findProgram(name: string, env: Environment): Promise<string | undefined> {
  const folders = (env.PATH ?? env.Path ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder))
  for (const folder of folders) {
    const file = path.join(folder, name)
    if (await isProgram(file)) return file
  }
  return undefined
}

function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false
  )
}

/**
 * Runs a program and returns when it has ended, without its output. Something that it leaves running, such as the owner of a clipboard,
 * is not waited for.
 * @throws Error with the end of its stderr
 */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
  await start(file, args, options, false)
}

/** Runs a program and returns what it prints. @throws Error with the end of its stderr, or when it prints more than 8 MiB */
export function read(file: string, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  return start(file, args, options, true)
}

/** Arguments are passed as a list: no shell reads them. */
function start(
  file: string,
  args: readonly string[],
  { signal, input = '', env }: RunOptions,
  wantsOutput: boolean
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const child = spawn(file, args, { signal, env: { ...process.env, ...env }, stdio: 'pipe', windowsHide: true })
  child.on('error', reject)
  // It may end without reading. Where it cannot be started, the pipes break (EAGAIN) or are missing (EMFILE).
  for (const pipe of child.stdio ?? []) pipe?.on('error', () => {})
  if (child.pid === undefined) return promise
  const output: Buffer[] = []
  let size = 0
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (!wantsOutput) return
    if (size <= MAX_OUTPUT_BYTES) output.push(chunk)
    else {
      child.kill()
      reject(new Error(`${path.basename(file)} printed more than ${MAX_OUTPUT_BYTES} bytes`))
    }
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-MAX_ERROR_CHARACTERS)
  })
  child.stdin.end(input)
  const fail = (code: number | null, ended: string | null) =>
    reject(new Error(`${path.basename(file)} failed (${ended ?? `exit code ${code}`})${errors && `: ${errors.trim()}`}`))
  child.on('exit', (code) => {
    if (wantsOutput || code !== 0) return
    // A program that it left running holds these streams.
    child.stdout.destroy()
    child.stderr.destroy()
    resolve(Buffer.alloc(0))
  })
  child.on('close', (code, ended) => (code === 0 ? resolve(Buffer.concat(output)) : fail(code, ended)))
  return promise
}
