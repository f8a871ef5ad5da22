// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is what a variable in the file looks like
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rename, rm, symlink, writeFile } from 'node:fs/promises'
import { Agent, type ClientRequest, get, request } from 'node:http'
import { get as getTls } from 'node:https'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import type { TLSSocket } from 'node:tls'
import packageJson from '#package.json' with { type: 'json' }
import { scratch } from './helper.ts'
import { finish, type Running, SERVER, start, stop, up } from './program.ts'

test('--help and --version answer and exit 0', async (t) => {
  const cwd = await scratch(t)
  const help = await finish(start(t, cwd, ['--help']))
  assert.equal(help.code, 0)
  assert.match(help.stdout, /^Usage: flynn-gateway/)
  for (const option of ['--config', '--host', '--port', '--version']) assert(help.stdout.includes(option), option)
  for (const option of ['--version', '-v']) {
    const version = await finish(start(t, cwd, [option]))
    assert.deepEqual(version, { code: 0, stdout: `${packageJson.version}\n`, stderr: '' })
  }
})

test('a link to the program is the program', async (t) => {
  const cwd = await scratch(t)
  await symlink(SERVER, join(cwd, 'flynn-gateway'))
  assert.equal((await finish(start(t, cwd, ['--version'], {}, join(cwd, 'flynn-gateway')))).stdout, `${packageJson.version}\n`)
})

test('what cannot be understood on the command line exits 2 and names what was probably meant', async (t) => {
  const cwd = await scratch(t)
  for (const [args, message] of [
    [['--prot', '1'], 'unknown option --prot; did you mean --port?'],
    [['--prot=1'], 'unknown option --prot; did you mean --port?'],
    [['-x'], 'unknown option -x'],
    [['--toString'], 'unknown option --toString'],
    [['--port'], '--port needs a value'],
    [['--help=yes'], '--help takes no value'],
    [['start', 'more'], 'too many arguments for start']
  ] as const) {
    const { code, stderr, stdout } = await finish(start(t, cwd, [...args]))
    assert.equal(code, 2, message)
    assert.equal(stdout, '')
    assert.equal(stderr, `flynn-gateway: ${message}\nSee flynn-gateway --help.\n`)
  }
})

test('a wrong configuration exits 78 and lists everything with its place on stderr', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'my.yaml'), 'server:\n  prot: 1\n  token: ${TOKEN}\n  tokens: canary-9d1f\n')
  const { code, stderr, stdout } = await finish(
    start(t, cwd, ['--config', 'my.yaml', '--port', 'x'], { FLYNN_LOG__LEVEL: 'loud' })
  )
  assert.equal(code, 78)
  assert.equal(stdout, '')
  assert.deepEqual(stderr.split('\n'), [
    'flynn-gateway: the configuration is not valid:',
    '  my.yaml:2:3 server.prot is not known; did you mean port?',
    '  my.yaml:3:10 server.token uses ${TOKEN}, but the environment variable TOKEN is not set',
    '  my.yaml:4:11 server.tokens must be an array, got a string',
    '  FLYNN_LOG__LEVEL: log.level must be one of "fatal", "error", "warn", "info", "debug", "trace", "silent", got "loud"',
    '  --port: server.port must be an integer between 0 and 65535, got "x"',
    ''
  ])
})

test('what only a parser or the whole can find wrong exits 78 with its place too', async (t) => {
  const cwd = await scratch(t)
  const wrong = {
    'server:\n  allowed_origins: ["https://a:99999"]\n': '2:21 server.allowed_origins[0] must be an origin ',
    'models:\n  default:\n    ollama: { model: m, base_url: "http://host/v1?key=x" }\n':
      '3:35 models.default.ollama.base_url must be a URL ',
    'models:\n  default:\n    acme: {}\n': '3:11 models.default.acme is not known; '
  }
  for (const [yaml, expected] of Object.entries(wrong)) {
    await writeFile(join(cwd, 'flynn.yaml'), yaml)
    const { code, stderr } = await finish(start(t, cwd, ['--port', '0']))
    assert.equal(code, 78)
    assert(stderr.includes(`\n  flynn.yaml:${expected}`), stderr)
  }
})

test('an address that others can reach needs a token', async (t) => {
  const { code, stderr } = await finish(start(t, await scratch(t), ['--host', '0.0.0.0']))
  assert.equal(code, 78)
  assert.match(stderr, /--host: server\.host is 0\.0\.0\.0, .* set server\.token \(or FLYNN_TOKEN\)/)
})

test('TLS files that cannot be used exit 78', async (t) => {
  const cwd = await scratch(t)
  for (const cert of ['none.pem', 'bad.pem']) {
    await writeFile(join(cwd, 'bad.pem'), 'not a certificate')
    await writeFile(join(cwd, 'flynn.yaml'), `server: { tls: { cert: ${cert}, key: bad.pem } }`)
    const { code, stderr } = await finish(start(t, cwd, ['--port', '0']))
    assert.equal(code, 78)
    assert.match(stderr, /server\.tls cannot be used: /)
  }
})

test('a port that is taken exits 69 and says what to do', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const { code, stderr } = await finish(start(t, await scratch(t), [], { FLYNN_PORT: `${port}` }))
  assert.equal(code, 69)
  assert.match(
    stderr,
    new RegExp(`^flynn-gateway: cannot listen on 127\\.0\\.0\\.1, port ${port}: the port is in use\\. .*--port`)
  )
})

test('a second gateway on the same data exits 69 and says what to do', async (t) => {
  const cwd = await scratch(t)
  await up(t, cwd)
  const { code, stderr } = await finish(start(t, cwd, ['--port', '0']))
  assert.equal(code, 69)
  assert.match(stderr, /another gateway is using it\. Stop that one, or give this one a data_dir of its own/)
})

test('an address of another machine exits 69', async (t) => {
  const { code, stderr } = await finish(start(t, await scratch(t), ['--host', '192.0.2.1', '--port', '0'], { FLYNN_TOKEN: 'x' }))
  assert.equal(code, 69)
  assert.match(stderr, /cannot listen on 192\.0\.2\.1, port 0: EADDRNOTAVAIL\./)
})

test('the gateway starts without any configuration, says where it is and who answers, and ends well', async (t) => {
  const running = await up(t, await scratch(t))
  assert.match(
    await running.line('Flynn gateway on'),
    /"level":30.*"msg":"Flynn gateway on http:\/\/127\.0\.0\.1:\d+, answered by the offline model"/
  )
  const response = await fetch(`${running.url}/health`)
  assert.equal(response.status, 200)
  assert.equal(((await response.json()) as { status: string }).status, 'ok')
  assert.equal(await stop(running), 0)
})

test('the start names the model that answers', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { port: 0 }\nmodels: { default: { ollama: { model: llama3 } } }')
  const running = await up(t, cwd, [])
  assert.match(await running.line('Flynn gateway on'), /answered by ollama llama3"/)
  assert.equal(await stop(running, 'SIGINT'), 0)
})

test('what the configuration says reaches the gateway', async (t) => {
  const running = await up(t, await scratch(t), ['--port', '0'], { FLYNN_TOKEN: 'secret' })
  assert.equal((await fetch(`${running.url}/api/health`)).status, 401)
  assert.equal((await fetch(`${running.url}/api/health`, { headers: { authorization: 'Bearer secret' } })).status, 200)
  assert.equal(await stop(running), 0)
})

test('the log has a line for each request only where it is asked for, and never a query string or a credential', async (t) => {
  const headers = { authorization: 'Bearer canary-9d1f', cookie: 'flynn=canary-9d1f' }
  const ask = async (running: Running) => {
    await fetch(`${running.url}/health?token=canary-9d1f`, { headers })
    await fetch(`${running.url}/nowhere?token=canary-9d1f`, { headers })
  }
  const close = async (running: Running) => {
    const closed = once(running.child.stdout, 'close')
    assert.equal(await stop(running), 0)
    await closed
    assert.doesNotMatch(running.log.join('\n'), /canary/)
  }

  const loud = await up(t, await scratch(t), ['--port', '0'], { FLYNN_LOG__LEVEL: 'debug' })
  await ask(loud)
  const line = JSON.parse(await loud.line('"/nowhere"')) as object
  assert.partialDeepStrictEqual(line, {
    level: 20,
    req: { method: 'GET', path: '/nowhere', remoteAddress: '127.0.0.1' },
    res: { statusCode: 404 }
  })
  assert.match(await loud.line('"/health"'), /"statusCode":200/)
  const { error } = (await (await fetch(`${loud.url}/nowhere?token=canary-9d1f`, { method: 'PUT' })).json()) as {
    error: { code: number; message: string }
  }
  assert.deepEqual([error.code, error.message], [-3, 'Nothing here: PUT /nowhere'])
  await close(loud)

  const quiet = await up(t, await scratch(t))
  await ask(quiet)
  await close(quiet)
  assert(!quiet.log.some((entry) => entry.includes('/nowhere') || entry.includes('/health')), quiet.log.join('\n'))
})

test('the first signal lets a request finish, a second one does not', async (t) => {
  // Keeps its connection alive, which must not hold up the shutdown.
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  /** A request of which the gateway has the head and waits for the body. */
  const begin = async (running: Running): Promise<ClientRequest> => {
    const upload = request(`${running.url}/rpc/system.info`, {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 2, expect: '100-continue' }
    })
    upload.flushHeaders()
    await once(upload, 'continue')
    return upload
  }

  const patient = await up(t, await scratch(t), ['--port', '0'], { FLYNN_SERVER__SHUTDOWN_GRACE_SECONDS: '0' })
  const upload = await begin(patient)
  const exit = once(patient.child, 'exit')
  patient.child.kill('SIGTERM')
  await patient.line('"closing"')
  upload.end('{}')
  const [response] = await once(upload, 'response')
  assert.equal(response.statusCode, 200)
  response.resume()
  assert.deepEqual(await exit, [0, null])

  const hurried = await up(t, await scratch(t))
  const lost = await begin(hurried)
  lost.on('error', () => {})
  hurried.child.kill('SIGTERM')
  await hurried.line('"closing"')
  assert.equal(await stop(hurried), 1)
})

test('a connection that asks for nothing, and a socket that was turned away, do not hold up the end', async (t) => {
  const running = await up(t, await scratch(t), ['--port', '0'], {
    FLYNN_TOKEN: 'the only token',
    FLYNN_SERVER__SHUTDOWN_GRACE_SECONDS: '0'
  })
  const { port } = new URL(running.url)
  const silent = connect(Number(port), '127.0.0.1')
  const halfway = connect(Number(port), '127.0.0.1')
  halfway.write('GET /health HT')
  const refused = connect(Number(port), '127.0.0.1')
  refused.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'
  )
  for (const socket of [silent, halfway, refused]) {
    t.after(() => socket.destroy())
    socket.on('error', () => {})
  }
  await once(refused, 'data')
  assert.equal(await stop(running), 0)
})

test('with a certificate the gateway speaks TLS', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'key.pem'), KEY)
  await writeFile(join(cwd, 'cert.pem'), CERT)
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { port: 0, tls: { cert: cert.pem, key: key.pem } }')
  const running = await up(t, cwd, [])
  assert.match(running.url, /^https:/)
  // On any day, with any issuer: the name identifies it.
  const call = getTls(`${running.url}/health`, { rejectUnauthorized: false, agent: false })
  const [response] = await once(call, 'response')
  assert.equal(response.statusCode, 200)
  assert.equal((response.socket as TLSSocket).getPeerCertificate().subject.CN, 'flynn.test')
  response.resume()
  await once(response, 'end')
  const plain = get(running.url.replace('https', 'http'), { agent: false })
  await assert.rejects(once(plain, 'response'))
  assert.equal(await stop(running), 0)
})

/** Made for this test; nothing trusts them. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgq3cNhmAEhDh/LRYl
pAM7iogl555lShMdp+/cWF6669ahRANCAAQppoWljCi2pxucabsTEqBF7l/VQdzH
O54PLPBY4CZZLP003tCHH8VFSiCqj5P5BXUid1fySOmASfnCNoVsNYQm
-----END PRIVATE KEY-----
`
const CERT = `-----BEGIN CERTIFICATE-----
MIIBgDCCASegAwIBAgIULWNuLv/nq1Lgprb/d+c9Bq29/b4wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKZmx5bm4udGVzdDAgFw0yNjExMjIxNTUyNThaGA8yMTI2MTAy
OTE1NTI1OFowFTETMBEGA1UEAwwKZmx5bm4udGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABCmmhaWMKLanG5xpuxMSoEXuX9VB3Mc7ng8s8FjgJlks/TTe0Icf
xUVKIKqPk/kFdSJ3V/JI6YBJ+cI2hWw1hCajUzBRMB0GA1UdDgQWBBT3V1wAjBdc
W7QAj2VbQlWTIouICjAfBgNVHSMEGDAWgBT3V1wAjBdcW7QAj2VbQlWTIouICjAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIGQ6rzthOhhmMOAdZ/tn
lDvDqYiiqHPsJO6+KU5oZGmDAiAU8QtDA9wgIN+USu8/pBQwqHVG0IxYMhh474Io
sDf+jQ==
-----END CERTIFICATE-----
`

const asked = async (url: string, token: string) =>
  (await fetch(`${url}/api/health`, { headers: { authorization: `Bearer ${token}` } })).status

test('SIGHUP and a change of the file reload the configuration, errors are logged', async (t) => {
  const cwd = await scratch(t)
  const file = join(cwd, 'flynn.yaml')
  await writeFile(file, 'server: { token: one }\n')
  const running = await up(t, cwd)
  assert.equal(await asked(running.url, 'one'), 200)

  // The way of an editor.
  await writeFile(join(cwd, 'new'), 'server: { token: two, send_buffer_bytes: 2048, port: 5 }\nlog: { level: debug }\n')
  await rename(join(cwd, 'new'), file)
  const changed = JSON.parse(await running.line('configuration reloaded'))
  assert.deepEqual([changed.actor, changed.changed], ['file', ['server.token', 'server.send_buffer_bytes', 'log.level']])
  assert.deepEqual([await asked(running.url, 'one'), await asked(running.url, 'two')], [401, 200])
  await running.line('request completed')

  await writeFile(file, 'server: { tokn: canary-9d1f }\n')
  running.child.kill('SIGHUP')
  const refused = JSON.parse(await running.line('"actor":"SIGHUP"'))
  assert.match(refused.msg, /flynn\.yaml:1:11 server\.tokn is not known; did you mean token\?/)
  assert.equal(await asked(running.url, 'two'), 200)
  assert.equal(await stop(running), 0)
  assert.ok(running.log.every((line) => !line.includes('canary')))
})

test('a file that appears later is read, one that is emptied or removed changes nothing', async (t) => {
  const cwd = await scratch(t)
  const file = join(cwd, 'flynn.yaml')
  const running = await up(t, cwd)
  await writeFile(file, 'server: { token: one }\n')
  await running.line('configuration reloaded')
  assert.equal(await asked(running.url, 'wrong'), 401)
  await writeFile(file, '')
  await running.line('the configuration file is empty')
  await rm(file)
  running.child.kill('SIGHUP')
  await running.line('flynn.yaml: cannot be read: the file does not exist')
  assert.deepEqual([await asked(running.url, 'wrong'), await asked(running.url, 'one')], [401, 200])
})

test('SIGHUP during the start neither ends the gateway nor is lost', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { host: localhost, port: 0 }')
  const child = start(t, cwd, [], { FLYNN_LOG__LEVEL: 'debug' })
  const lines = createInterface(child.stdout)
  const log: string[] = []
  // With the very first line, which may be any.
  lines.once('line', () => child.kill('SIGHUP'))
  const reloaded = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      log.push(line)
      if (line.includes('"actor":"SIGHUP"')) resolve()
    })
    lines.once('close', () => reject(new Error(log.join('\n'))))
  })
  await reloaded
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
})

test('SIGTERM during the start ends a gateway in order', async (t) => {
  const child = start(t, await scratch(t), ['--port', '0'], { FLYNN_LOG__LEVEL: 'debug' })
  const exit = once(child, 'exit')
  child.stdout.once('data', () => child.kill('SIGTERM'))
  assert.deepEqual(await exit, [0, null])
})

test('a reload never turns the login off', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { token: one }\n')
  const running = await up(t, cwd)
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { auth_http: true }\n')
  running.child.kill('SIGHUP')
  const { restartRequired } = JSON.parse(await running.line('changed settings need a restart'))
  assert.deepEqual(restartRequired, ['server.token'])
  assert.equal(await asked(running.url, 'wrong'), 401)
})

test('SIGUSR1 does not open the inspector', async (t) => {
  const running = await up(t, await scratch(t))
  let errors = ''
  running.child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  running.child.kill('SIGUSR1')
  assert.equal((await fetch(`${running.url}/health`)).status, 200)
  assert.equal(await stop(running), 0)
  assert.equal(errors, '')
})
