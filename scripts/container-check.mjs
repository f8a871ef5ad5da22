// Builds in a scratch folder what the Dockerfile would build, from its own COPY and RUN lines and through .dockerignore, and starts it
// as its ENTRYPOINT and HEALTHCHECK say: as another user, with sources that it cannot write to. For machines without Docker.
// What only Docker can do is left out and named: the packages of the distribution, and tini where this machine has none.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, matchesGlob, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const context = dirname(dirname(fileURLToPath(import.meta.url)))
/** `node` in the image. */
const USER = 1000
const isRoot = process.getuid() === 0
const scratch = mkdtempSync(join(tmpdir(), 'flynn-container-'))
chmodSync(scratch, 0o755)
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

const say = (text) => process.stdout.write(`${text}\n`)
const lines = readFileSync(join(context, 'Dockerfile'), 'utf8')
  .replace(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter(Boolean)
  .map((line) => /^(\w+) +(.*)$/.exec(line).slice(1))

const ignored = readFileSync(join(context, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'))

/** The last line that fits decides. */
function isSent(path) {
  return ignored.reduce((sent, line) => {
    const pattern = line.replace(/^!/, '')
    const parents = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))
    return parents.some((parent) => matchesGlob(parent, pattern)) ? line.startsWith('!') : sent
  }, true)
}

const stages = []
const find = (name) => stages.find((stage) => stage.name === name).root

/** A path of the image, in the folder of its stage. */
const inside = (stage, path) => join(stage.root, path.startsWith('/') ? path : join(stage.workdir, path))

const instructions = {
  FROM(_, value) {
    const [, name = `stage${stages.length}`] = / as (\w+)$/i.exec(value) ?? []
    const root = join(scratch, name)
    mkdirSync(root)
    stages.push({ name, root, workdir: '/', env: {}, user: 'root' })
  },
  WORKDIR(stage, path) {
    stage.workdir = path
    mkdirSync(inside(stage, path), { recursive: true })
  },
  COPY(stage, value) {
    const [, from, files] = /^(?:--from=(\w+) )?(.*)$/.exec(value)
    const sources = files.split(' ')
    const target = sources.pop()
    for (const source of sources) {
      const file = join(from ? find(from) : context, source)
      assert(existsSync(file), `COPY ${source}: there is no such file`)
      if (!from) assert(isSent(source), `COPY ${source}: .dockerignore leaves it out`)
      const to = inside(stage, target.endsWith('/') ? join(target, basename(source)) : target)
      cpSync(file, to, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (path) => Boolean(from) || isSent(relative(context, path))
      })
    }
  },
  RUN(stage, value) {
    const left = value.split(' && ').filter((command) => {
      const isDistribution = /^apt-get |\/var\/lib\/apt/.test(command)
      if (isDistribution) say(`left out: ${command}`)
      return !isDistribution
    })
    for (const command of left) {
      // Absolute paths are those of the image, and its user has a number here.
      const here = command
        .replace(/ (\/[\w/.-]+)/g, (_, path) => ` ${inside(stage, path)}`)
        .replace('-o node -g node', isRoot ? `-o ${USER} -g ${USER}` : '')
      say(`RUN ${command}`)
      execFileSync('sh', ['-c', here], {
        cwd: inside(stage, stage.workdir),
        stdio: ['ignore', 2, 2],
        env: machineEnv()
      })
    }
  },
  ENV(stage, value) {
    for (const [, name, text] of value.matchAll(/(\w+)=(\S+)/g))
      stage.env[name] = text.startsWith('/') ? inside(stage, text) : text
  },
  USER: (stage, name) => Object.assign(stage, { user: name }),
  HEALTHCHECK: (stage, value) => Object.assign(stage, { health: JSON.parse(/CMD (\[.*\])$/.exec(value)[1]) }),
  ENTRYPOINT: (stage, value) => Object.assign(stage, { entrypoint: JSON.parse(value) }),
  CMD: (stage, value) => Object.assign(stage, { cmd: JSON.parse(value) }),
  VOLUME: (stage, path) => Object.assign(stage, { volume: path }),
  ARG() {},
  EXPOSE() {},
  STOPSIGNAL() {},
  LABEL() {}
}

/** Environment that a build may see: npm's access to its registry. */
function machineEnv() {
  return { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) }
}

for (const [name, value] of lines) {
  assert(Object.hasOwn(instructions, name), `${name} is not known here`)
  instructions[name](stages.at(-1), value)
}

const image = stages.at(-1)
assert.equal(image.user, 'node')
const app = inside(image, '/app')
for (const secret of ['.env', 'flynn.yaml', 'flynn_token', '.git', 'test', 'server.ts']) {
  assert(!existsSync(join(app, secret)), `${secret} is in the image`)
}
assert(!existsSync(join(app, 'node_modules/typescript')), 'packages for development are in the image')

// As compose.yaml mounts it: read by the user of the container, without a newline less or more than an editor leaves.
const secret = join(scratch, 'flynn_token')
const token = randomBytes(32).toString('base64url')
writeFileSync(secret, `${token}\n`, { mode: 0o400 })
if (isRoot) chownSync(secret, USER, USER)
else execFileSync('chmod', ['-R', 'a-w', app])

const before = listing()
const port = await freePort()
const env = { PATH: machineEnv().PATH, ...image.env, HOME: '/nonexistent', FLYNN_PORT: String(port) }
const withToken = { ...env, FLYNN_TOKEN_FILE: secret }
const hasTini = spawnSync('tini', ['--version']).error === undefined
if (!hasTini) say('left out: tini, which this machine does not have')
/** In the image `node` is in the PATH, and the program where the image has it. */
const commandOf = (words) =>
  words
    .slice(words[0] === 'tini' && !hasTini ? 2 : 0)
    .map((word) => (word === 'node' ? process.execPath : word.startsWith('/') ? inside(image, word) : word))
const options = { cwd: inside(image, image.workdir), ...(isRoot ? { uid: USER, gid: USER } : {}) }
const run = (words, vars) => {
  const [program, ...args] = commandOf(words)
  return spawnSync(program, args, { ...options, env: vars, encoding: 'utf8' })
}

const open = run([...image.entrypoint, ...image.cmd], env)
assert.equal(open.status, 78, `without a token it must not start: ${open.stderr}`)
say('without a token it does not start')

const [program, ...args] = commandOf([...image.entrypoint, ...image.cmd])
const gateway = spawn(program, args, { ...options, env: withToken, stdio: ['ignore', 'pipe', 'inherit'] })
const ended = once(gateway, 'exit')
const log = []
const listening = Promise.withResolvers()
gateway.stdout.on('data', (chunk) => {
  log.push(String(chunk))
  if (log.join('').includes('Flynn gateway on')) listening.resolve()
})
ended.then(([code]) => listening.reject(new Error(`it ended with ${code}: ${log.join('')}`)))
try {
  await listening.promise
  assert.equal(run(image.health, withToken).status, 0, 'HEALTHCHECK')
  say('it starts as another user, and its health check passes')
  assert.match(run([...image.entrypoint, 'call', 'system.info'], withToken).stdout, /"version"/)
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200, 'the page')
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/health`)).status, 401, 'the token')
  const doctor = run([...image.entrypoint, 'doctor'], withToken)
  assert.equal(doctor.status, 0, doctor.stdout)
  say(doctor.stdout.trimEnd())
} finally {
  gateway.kill('SIGTERM')
}
assert.deepEqual(await ended, [0, null], 'SIGTERM')
assert.notEqual(run(image.health, withToken).status, 0, 'HEALTHCHECK of nobody')
assert(!log.join('').includes(token), 'the token is in the log')
assert.deepEqual(listing(), before, 'something was written outside of the volume')
assert(existsSync(inside(image, join(image.volume, 'flynn.db'))))
say('it ends with 0, and has written to /data alone')

/** Everything but the volume, with when it was changed. */
function listing() {
  return globSync('**', { cwd: image.root, exclude: (name) => name === 'data' })
    .map((path) => `${path} ${statSync(join(image.root, path), { throwIfNoEntry: false })?.mtimeMs}`)
    .sort()
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}
