import { constants } from 'node:fs'
import { lstat, mkdir, opendir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Type } from '@sinclair/typebox'
import { type AnyTool, defineTool, ToolError } from './define.ts'
import { assertRoom, locate, openFile, openWorkspace } from './workspace.ts'

/** Bytes of one read or write: a model can read them, and one frame of the protocol can carry them. */
export const MAX_FILE_BYTES = 1024 * 1024
/** Entries of one listing. A folder of a million files must not become one answer. */
export const MAX_ENTRIES = 1000

const PATH = {
  minLength: 1,
  maxLength: 1024,
  description: "Relative to the workspace, with '/' between folders: notes/today.md"
}

/** `file.read`, `file.write` and `file.list`: text files of the session's workspace, and nothing outside it. */
export function fileTools({ workspaceBytes }: { readonly workspaceBytes: () => number }): AnyTool[] {
  return [read, writeTool(workspaceBytes), list]
}

const read = defineTool({
  name: 'file.read',
  description: 'Read a text file of the workspace. At most 1 MiB at once; the rest is read with offset.',
  input: Type.Object(
    {
      path: Type.String(PATH),
      offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'The first byte to read' }))
    },
    { additionalProperties: false }
  ),
  run: ({ path, offset = 0 }, { session }) =>
    explained(path, async () => {
      const root = await openWorkspace(session.workspace)
      const { existing, missing } = await locate(root, path)
      const file = await openFile(root, join(existing, ...missing), constants.O_RDONLY)
      try {
        const { size } = await file.stat()
        const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE_BYTES), 0, MAX_FILE_BYTES, offset)
        const text = textOf(buffer.subarray(0, bytesRead), offset + bytesRead < size, path)
        const next = offset + Buffer.byteLength(text)
        return next < size ? `${text}\n[cut: bytes ${offset} to ${next} of ${size}; read on with offset ${next}]` : text
      } finally {
        await file.close()
      }
    })
})

const writeTool = (workspaceBytes: () => number) =>
  defineTool({
    name: 'file.write',
    description: 'Create or replace a text file of the workspace. Missing folders are created. At most 1 MiB.',
    input: Type.Object(
      { path: Type.String(PATH), content: Type.String({ maxLength: MAX_FILE_BYTES, description: 'The whole new content' }) },
      { additionalProperties: false }
    ),
    run: ({ path, content }, { session, signal }) =>
      explained(path, async () => {
        const size = Buffer.byteLength(content)
        if (size > MAX_FILE_BYTES) throw new ToolError(`the content is ${size} bytes long; at most ${MAX_FILE_BYTES} are allowed`)
        const root = await openWorkspace(session.workspace)
        const { existing, missing } = await locate(root, path)
        const target = join(existing, ...missing)
        const replaced = missing.length > 0 ? 0 : ((await lstat(target)).size ?? 0)
        await assertRoom(root, Math.max(0, size - replaced), workspaceBytes(), signal)
        if (missing.length > 1) await mkdir(dirname(target), { recursive: true, mode: 0o700 })
        // Emptied only after the checks of `openFile`, hence no O_TRUNC.
        const file = await openFile(root, target, constants.O_WRONLY | constants.O_CREAT)
        try {
          await file.truncate(0)
          await file.writeFile(content)
        } finally {
          await file.close()
        }
        return `wrote ${size} bytes to ${path}`
      })
  })

const list = defineTool({
  name: 'file.list',
  description:
    "List one folder of the workspace, its top when no path is given: folders end with '/', links with '@', files come with their size in bytes.",
  input: Type.Object({ path: Type.Optional(Type.String(PATH)) }, { additionalProperties: false }),
  run: ({ path = '.' }, { session, signal }) =>
    explained(path, async () => {
      const root = await openWorkspace(session.workspace)
      const { existing, missing } = await locate(root, path)
      const names: string[] = []
      let more = false
      for await (const entry of await opendir(join(existing, ...missing))) {
        signal.throwIfAborted()
        more = names.length === MAX_ENTRIES
        if (more) break
        names.push(entry.name)
      }
      const lines = await Promise.all(names.sort().map((name) => lineOf(existing, name)))
      if (more) lines.push(`[cut: only ${MAX_ENTRIES} entries are shown]`)
      return lines.length > 0 ? lines.join('\n') : '(empty)'
    })
})

/** One entry of a listing. A name may hold a line break, which must not pass for another entry. */
async function lineOf(folder: string, name: string): Promise<string> {
  const shown = name.replace(/[\u0000-\u001f\u007f]/g, '?')
  const found = await lstat(join(folder, name)).catch(() => undefined)
  if (found?.isDirectory()) return `${shown}/`
  if (found?.isSymbolicLink()) return `${shown}@`
  return found?.isFile() ? `${shown} ${found.size}` : shown
}

/** Strictly UTF-8, and no NUL, which no text holds; a character cut in two at the end is left for the next read. */
function textOf(bytes: Buffer, cut: boolean, path: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut })
    if (!text.includes('\0')) return text
  } catch {
    // Not UTF-8: the same answer as for a NUL.
  }
  throw new ToolError(`${quoted(path)} is not a text file`)
}

const REASONS: ReadonlyMap<string | undefined, string> = new Map([
  ['ENOENT', 'does not exist'],
  ['ENOTDIR', 'is not a folder, or leads through a file'],
  ['EISDIR', 'is a folder'],
  ['ENXIO', 'is not a regular file'],
  ['ELOOP', 'holds a link that may not be followed'],
  ['EACCES', 'may not be opened'],
  ['EPERM', 'may not be opened'],
  ['ENAMETOOLONG', 'is too long for the file system'],
  ['ENOSPC', 'could not be written: the disk is full'],
  ['EDQUOT', 'could not be written: the disk is full'],
  ['EROFS', 'could not be written: the file system is read-only']
])

/** Errors of the file system in plain words. The originals hold paths of the server. */
async function explained(path: string, act: () => Promise<string>): Promise<string> {
  try {
    return await act()
  } catch (cause) {
    const reason = REASONS.get((cause as NodeJS.ErrnoException).code)
    throw reason ? new ToolError(`${quoted(path)} ${reason}`, { cause }) : cause
  }
}

function quoted(path: string): string {
  return `'${path}'`
}
