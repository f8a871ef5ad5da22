import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { scratch } from '../../helper.ts'

/**
 * Programs in a folder for PATH, each a shell script of this body. `$LOG` in a body is the file that `log` reads: without a body a
 * program writes its name and its arguments there, one a line, and what stdin has.
 */
export async function stubPrograms(t: TestContext, programs: Readonly<Record<string, string | undefined>>) {
  const folder = path.join(await scratch(t), 'bin')
  await mkdir(folder)
  const logFile = path.join(folder, 'log')
  const RECORD = `printf '%s\\n' "\${0##*/}" "$@" >> "$LOG"; cat >> "$LOG"`
  for (const [name, body = RECORD] of Object.entries(programs)) {
    const file = path.join(folder, name)
    await writeFile(file, `#!/bin/sh\nPATH=/usr/bin:/bin\nLOG='${logFile}'\n${body}\n`)
    await chmod(file, 0o755)
  }
  return { folder, log: () => readFile(logFile, 'utf8') }
}
