import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { ToolError } from './define.ts'

/** Characters of the id in the name of the folder, for people who look into it. */
const READABLE = 32

/**
 * The folder of a session: `<dataDir>/workspaces/<readable part>-<sha256 of the id>`. Whatever an id holds, the name is
 * 65 to 97 characters of `[a-z0-9-]`, and two ids never share a folder, on file systems that ignore case neither.
 * Hashed as UTF-16: in UTF-8 all lone surrogates are one character.
 */
export function workspacePath(dataDir: string, sessionId: string): string {
  const readable = sessionId
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, READABLE)
  const digest = createHash('sha256').update(Buffer.from(sessionId, 'utf16le')).digest('hex')
  return join(dataDir, 'workspaces', `${readable}-${digest}`)
}

/** Deletes the folder of a session. Does nothing when there is none. A link is removed, and not followed. */
export async function removeWorkspace(dataDir: string, sessionId: string): Promise<void> {
  await rm(workspacePath(dataDir, sessionId), { recursive: true, force: true })
}

/** Makes the workspace on first use, readable by the gateway's user only. Returns its real path. */
export async function openWorkspace(workspace: string): Promise<string> {
  await mkdir(workspace, { recursive: true, mode: 0o700 })
  const found = await lstat(workspace)
  // A command could have put a link in its place, which would confine the next one to another folder.
  if (!found.isDirectory()) throw new ToolError('the workspace of this session is no longer a folder')
  return await realpath(workspace)
}

/** Target of a path: `existing` is real, without links, and inside the workspace; `missing` does not exist yet. */
export interface Place {
  readonly existing: string
  readonly missing: readonly string[]
}

/**
 * Follows a path of a client through the workspace, folder by folder, and refuses every way out: absolute paths, `..`,
 * links that lead outside, links to nothing (a write through them appears at their target).
 * @throws ToolError
 */
export async function locate(root: string, path: string): Promise<Place> {
  const parts = partsOf(path)
  let existing = root
  for (const [index, part] of parts.entries()) {
    const next = join(existing, part)
    const found = await lstat(next).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw cause
    })
    if (!found) return { existing, missing: parts.slice(index) }
    existing = found.isSymbolicLink() ? await targetOf(next, root) : next
  }
  return { existing, missing: [] }
}

function partsOf(path: string): string[] {
  if (/[\u0000-\u001f\u007f]/.test(path)) throw new ToolError('the path must not hold control characters')
  if (path.includes('\\')) throw new ToolError('the path must be written with /, not with \\')
  if (path.startsWith('/')) throw new ToolError('the path must be relative to the workspace, without a leading /')
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw new ToolError("the path must stay in the workspace: '..' is not allowed")
  return parts
}

async function targetOf(link: string, root: string): Promise<string> {
  const target = await realpath(link).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ELOOP') throw new ToolError('the path holds a link that leads nowhere')
    throw cause
  })
  if (!inside(root, target)) throw new ToolError('the path holds a link that leads out of the workspace')
  return target
}

function inside(root: string, path: string): boolean {
  return path === root || path.startsWith(root + sep)
}

/**
 * Opens a regular file at a place that `locate` has found. O_NOFOLLOW and the look afterwards close the gap between
 * the check and the opening; O_NONBLOCK keeps a named pipe from holding a thread for ever.
 */
export async function openFile(root: string, path: string, flags: number): Promise<FileHandle> {
  const handle = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  try {
    const opened = await handle.stat()
    if (!opened.isFile()) throw new ToolError('the path is not a regular file')
    const named = await stat(path)
    const moved = named.ino !== opened.ino || named.dev !== opened.dev || !inside(root, await realpath(path))
    if (moved) throw new ToolError('the path changed while it was being opened')
    return handle
  } catch (cause) {
    await handle.close()
    throw cause
  }
}

/** Files and folders of a workspace. Measuring it takes time with each of them. */
const MAX_ENTRIES = 100_000

/**
 * Checks that `more` bytes fit into a workspace.
 * @throws ToolError with the key of the bound
 */
export async function assertRoom(root: string, more: number, limit: number, signal: AbortSignal): Promise<void> {
  let bytes = more
  let entries = 0
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // A folder that a command has locked cannot be measured.
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      signal.throwIfAborted()
      const path = join(folder, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else bytes += (await lstat(path).catch(() => undefined))?.size ?? 0
      if (bytes > limit || ++entries > MAX_ENTRIES) {
        throw new ToolError(`the workspace is full: limits.workspace_bytes allows ${limit} bytes in ${MAX_ENTRIES} files at most`)
      }
    }
  }
  if (bytes > limit) throw new ToolError(`the workspace has no room for ${more} bytes: limits.workspace_bytes allows ${limit}`)
}
