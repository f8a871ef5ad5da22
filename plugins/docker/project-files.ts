import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'

/** Names that Docker looks for, in its order. */
const NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']
const MAX_ENV = 64 * 1024

/**
 * Files of a compose project, found as Docker finds them when it is called without `-f`: `COMPOSE_FILE` of the environment or of the
 * `.env` beside the configured file; else that file, or another name that Docker knows, with its override. An update with fewer files
 * than the project was started with would drop what an override adds. Empty when there is no file.
 * @param configured absolute path of `docker.compose_file`
 */
export async function projectFiles(configured: string, env: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const folder = path.dirname(configured)
  const written = { ...(await dotEnv(folder)), ...defined(env) }
  if (written.COMPOSE_FILE) {
    const files = written.COMPOSE_FILE.split(written.COMPOSE_PATH_SEPARATOR || path.delimiter).filter((file) => file !== '')
    const listed = files.map((file) => path.resolve(folder, file))
    // A list for another project says nothing about this one.
    if (listed.includes(configured) || !(await exists(configured))) return listed
  }
  const candidates = [configured, ...NAMES.map((name) => path.join(folder, name))]
  for (const file of candidates) {
    if (!(await exists(file))) continue
    const { dir, name } = path.parse(file)
    for (const extension of ['.yml', '.yaml']) {
      const override = path.join(dir, `${name}.override${extension}`)
      if (await exists(override)) return [file, override]
    }
    return [file]
  }
  return []
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** Plain assignments of the project's `.env`. */
async function dotEnv(folder: string): Promise<Record<string, string>> {
  const file = path.join(folder, '.env')
  try {
    if ((await stat(file)).size > MAX_ENV) return {}
    const lines = (await readFile(file, 'utf8')).matchAll(/^\s*(?:export\s+)?(COMPOSE_\w+)\s*=\s*(["']?)(.*?)\2\s*$/gm)
    return Object.fromEntries(Array.from(lines, ([, name, , value]) => [name, value]))
  } catch {
    return {}
  }
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    (found) => found.isFile(),
    () => false
  )
}
