import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import test, { type TestContext } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { MAX_BODY_BYTES, type WebFetchOptions, webFetchTool } from '../../../plugins/tools/web-fetch.ts'
import type { Resolve } from '../../../security/public-address.ts'
import { bench } from './context.ts'

interface Site {
  readonly port: number
  /** `127.0.0.1:port`. */
  readonly host: string
  /** Number of connections made to it. */
  connections(): number
}

async function site(t: TestContext, answer: RequestListener, at: { host?: string; port?: number } = {}): Promise<Site> {
  const { host = '127.0.0.1', port = 0 } = at
  const server = createServer(answer)
  let connections = 0
  server.on('connection', () => connections++)
  server.listen(port, host)
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address() as AddressInfo
  return { port: address.port, host: `${host}:${address.port}`, connections: () => connections }
}

/** Answers with a text. */
function text(body: string, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => response.writeHead(200, { 'content-type': 'text/plain', ...headers }).end(body)
}

function redirect(location: string, status = 302): RequestListener {
  return (_request, response) => response.writeHead(status, { location }).end('moved')
}

/** Result of the tool for a URL. */
async function fetching(t: TestContext, url: string, options: WebFetchOptions = {}): Promise<string> {
  const { run } = await bench(t)
  return await run(webFetchTool(options), { url })
}

function refused(message: RegExp): { name: string; message: RegExp } {
  return { name: 'ToolError', message }
}

/** The second loopback address plays the public internet, the first one the inside. */
const isPublic = (address: string): boolean => address === '127.0.0.2'

test('a text is fetched as it is, from a host that the configuration allows', async (t) => {
  const { host } = await site(t, text('Grüße'))
  assert.equal(await fetching(t, `http://${host}/x?y=1#z`, { allowHosts: [host] }), 'Grüße')
})

test('loopback, private and other addresses of the inside are refused before anything is sent', async (t) => {
  const here = await site(t, text('the inside'))
  const names: Resolve = async () => [{ address: '127.0.0.1', family: 4 }]
  const urls = [
    `http://127.0.0.1:${here.port}/`,
    `http://localhost:${here.port}/`,
    `http://2130706433:${here.port}/`,
    `http://0x7f.1:${here.port}/`,
    `http://0177.0.0.1:${here.port}/`,
    `http://127.1:${here.port}/`,
    `http://0.0.0.0:${here.port}/`,
    `http://[::1]:${here.port}/`,
    `http://[::]:${here.port}/`,
    `http://[::ffff:127.0.0.1]:${here.port}/`,
    `http://[::127.0.0.1]:${here.port}/`,
    `http://innocent.example:${here.port}/`,
    `http://localhost.:${here.port}/`,
    `https://127.0.0.1:${here.port}/`,
    'http://10.0.0.1/',
    'http://192.168.1.1/',
    'http://172.16.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://100.100.100.100/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[64:ff9b::7f00:1]/'
  ]
  for (const url of urls) await assert.rejects(fetching(t, url, { resolve: names }), refused(/is not a public address/), url)
  assert.equal(here.connections(), 0)
})

test('the real resolver is asked when no other is given: localhost is refused', async (t) => {
  const here = await site(t, text('the inside'))
  await assert.rejects(fetching(t, `http://localhost:${here.port}/`), refused(/localhost is not a public address/))
  assert.equal(here.connections(), 0)
})

test('a name with one private address among public ones is refused', async (t) => {
  const here = await site(t, text('the inside'))
  const resolve: Resolve = async () => [
    { address: '127.0.0.2', family: 4 },
    { address: '127.0.0.1', family: 4 }
  ]
  await assert.rejects(
    fetching(t, `http://mixed.example:${here.port}/`, { resolve, isPublic }),
    refused(/is not a public address/)
  )
  assert.equal(here.connections(), 0)
})

test('a name that answers with a public address first and a private one later (DNS rebinding) is dialled at the one that was checked', async (t) => {
  const inside = await site(t, text('the inside'))
  const outside = await site(t, text('the outside'), { host: '127.0.0.2', port: inside.port })
  const answers = ['127.0.0.2', '127.0.0.1']
  const asked: string[] = []
  const resolve: Resolve = async (hostname) => {
    asked.push(hostname)
    return [{ address: answers.shift() ?? '127.0.0.1', family: 4 }]
  }
  assert.equal(await fetching(t, `http://rebind.example:${inside.port}/`, { resolve, isPublic }), 'the outside')
  assert.deepEqual(asked, ['rebind.example'])
  assert.equal(outside.connections(), 1)
  assert.equal(inside.connections(), 0)
})

test('a name that has turned private by the time of a redirect to itself is refused', async (t) => {
  const inside = await site(t, text('the inside'))
  const close =
    (location: string): RequestListener =>
    (_request, response) =>
      response.writeHead(302, { location, connection: 'close' }).end()
  await site(t, close('/again'), { host: '127.0.0.2', port: inside.port })
  const answers = ['127.0.0.2', '127.0.0.1']
  const resolve: Resolve = async () => [{ address: answers.shift() ?? '127.0.0.1', family: 4 }]
  await assert.rejects(
    fetching(t, `http://rebind.example:${inside.port}/`, { resolve, isPublic }),
    refused(/is not a public address/)
  )
  assert.equal(inside.connections(), 0)
})

test('a redirect to the inside is refused, by address and by name', async (t) => {
  const inside = await site(t, text('the inside'))
  const resolve: Resolve = async (name) => [{ address: name === 'public.example' ? '127.0.0.2' : '127.0.0.1', family: 4 }]
  for (const target of [
    `http://127.0.0.1:${inside.port}/`,
    `http://private.example:${inside.port}/`,
    `//127.1:${inside.port}/`
  ]) {
    const outside = await site(t, redirect(target), { host: '127.0.0.2' })
    const url = `http://public.example:${outside.port}/`
    await assert.rejects(fetching(t, url, { resolve, isPublic }), refused(/is not a public address/), target)
    assert.equal(outside.connections(), 1)
  }
  assert.equal(inside.connections(), 0)
})

test('a redirect to another scheme or with credentials is refused', async (t) => {
  for (const target of ['file:///etc/passwd', 'ftp://example.com/', 'data:text/plain,x', 'http://user:secret@example.com/']) {
    const { host } = await site(t, redirect(target))
    const failure = await fetching(t, `http://${host}/`, { allowHosts: [host] }).catch((cause: Error) => cause.message)
    assert.match(failure, /only http and https|must not hold a user name/)
    assert.ok(!failure.includes('secret'))
  }
})

test('a URL that is none, of another scheme or with credentials is refused', async (t) => {
  for (const url of [
    '',
    'example.com',
    'file:///etc/passwd',
    'ftp://x/',
    'gopher://x/',
    'http://',
    'http://a:b@example.com/',
    'http://a@example.com/'
  ]) {
    await assert.rejects(fetching(t, url), { name: 'ToolError' }, url)
  }
})

test('an allowed host with a port is allowed on that port only, in any case', async (t) => {
  const one = await site(t, text('allowed'))
  const other = await site(t, text('not allowed'))
  const resolve: Resolve = async () => [{ address: '127.0.0.1', family: 4 }]
  const options = { allowHosts: [`Intern.Example:${one.port}`], resolve }
  assert.equal(await fetching(t, `http://intern.EXAMPLE:${one.port}/`, options), 'allowed')
  await assert.rejects(fetching(t, `http://intern.example:${other.port}/`, options), refused(/is not a public address/))
  assert.equal(other.connections(), 0)
  assert.equal(
    await fetching(t, `http://intern.example:${other.port}/`, { allowHosts: ['intern.example'], resolve }),
    'not allowed'
  )
})

test('redirects are followed up to the limit, and every request carries the same few headers', async (t) => {
  const seen: string[] = []
  let hops = 0
  let limit = 5
  const { host } = await site(t, (request, response) => {
    seen.push(Object.keys(request.headers).sort().join())
    if (hops++ < limit) response.writeHead(307, { location: `/${hops}`, 'set-cookie': 'a=b' }).end()
    else text('arrived')(request, response)
  })
  assert.equal(await fetching(t, `http://${host}/`, { allowHosts: [host] }), 'arrived')
  assert.deepEqual([...new Set(seen)], ['accept,accept-encoding,connection,host,user-agent'])
  hops = 0
  limit = 6
  await assert.rejects(fetching(t, `http://${host}/`, { allowHosts: [host] }), refused(/more than 5 redirects/))
})

test('HTML comes as readable text', async (t) => {
  const { host } = await site(t, text('<h1>Hello</h1><script>no</script><p>you', { 'content-type': 'Text/HTML; charset=utf-8' }))
  assert.equal(await fetching(t, `http://${host}/`, { allowHosts: [host] }), 'Hello\n\nyou')
})

test('a text in another character set is decoded', async (t) => {
  const { host } = await site(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; charset="ISO-8859-1"' }).end(Buffer.from([0x47, 0x72, 0xfc, 0xdf]))
  })
  assert.equal(await fetching(t, `http://${host}/`, { allowHosts: [host] }), 'Grüß')
})

test('a character set that does not exist is taken for UTF-8', async (t) => {
  const { host } = await site(t, text('Grüße', { 'content-type': 'text/plain; charset=no-such' }))
  assert.equal(await fetching(t, `http://${host}/`, { allowHosts: [host] }), 'Grüße')
})

test('an answer that is not text is refused', async (t) => {
  for (const type of ['image/png', 'application/octet-stream', 'application/pdf', '']) {
    const { host } = await site(t, text('x', { 'content-type': type }))
    await assert.rejects(fetching(t, `http://${host}/`, { allowHosts: [host] }), refused(/which is not text/))
  }
  for (const type of ['application/json', 'application/ld+json; charset=utf-8', 'application/atom+xml', 'image/svg+xml']) {
    const { host } = await site(t, text('{}', { 'content-type': type }))
    assert.equal(await fetching(t, `http://${host}/`, { allowHosts: [host] }), '{}')
  }
})

test('a body over the limit is cut with a note, and the rest of it is never fetched', async (t) => {
  const gone = Promise.withResolvers<void>()
  const { host } = await site(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.on('close', gone.resolve)
    // Endless: this only ends because the other side goes away.
    const more = (): void => {
      while (!response.destroyed && response.write('é'.repeat(50_001)));
    }
    response.on('drain', more)
    more()
  })
  const output = await fetching(t, `http://${host}/`, { allowHosts: [host] })
  const [body, note] = output.split('\n[cut: ')
  assert.equal(Buffer.byteLength(body!), MAX_BODY_BYTES)
  assert.match(body!, /^é+$/)
  assert.equal(note, `only the first ${MAX_BODY_BYTES} bytes were read]`)
  await gone.promise
})

test('a packed body is unpacked, and a small one that would become huge is cut like any other', async (t) => {
  const bomb = gzipSync(Buffer.alloc(64 * MAX_BODY_BYTES, 'a'))
  const bodies: [string, Buffer][] = [
    ['gzip', gzipSync('packed')],
    ['br', brotliCompressSync('packed')],
    ['gzip', bomb]
  ]
  const outputs: string[] = []
  for (const [encoding, body] of bodies) {
    const { host } = await site(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': encoding }).end(body)
    })
    outputs.push(await fetching(t, `http://${host}/`, { allowHosts: [host] }))
  }
  assert.deepEqual(outputs.slice(0, 2), ['packed', 'packed'])
  assert.equal(outputs[2], `${'a'.repeat(MAX_BODY_BYTES)}\n[cut: only the first ${MAX_BODY_BYTES} bytes were read]`)
})

test('an encoding that was not asked for, or a broken one, is a failure in words', async (t) => {
  const cases: [string, RegExp][] = [
    ['constructor', /unsupported content encoding/],
    ['zstd', /unsupported content encoding/],
    ['gzip', /could not be read/]
  ]
  for (const [encoding, message] of cases) {
    const { host } = await site(t, text('not packed at all', { 'content-encoding': encoding }))
    await assert.rejects(fetching(t, `http://${host}/`, { allowHosts: [host] }), refused(message), encoding)
  }
})

test('an error status is a failure that keeps the text', async (t) => {
  const { host } = await site(t, (_request, response) =>
    response.writeHead(404, { 'content-type': 'text/plain' }).end('no such page')
  )
  await assert.rejects(fetching(t, `http://${host}/`, { allowHosts: [host] }), {
    name: 'ToolError',
    message: `${host} answered 404`,
    output: 'no such page'
  })
})

test('a host, a name server and a TLS handshake that never answer end in a timeout', async (t) => {
  const { host, port } = await site(t, () => {})
  const mute = createTcpServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.after(() => mute.close())
  const late = refused(/no complete answer within 0.05 seconds/)
  await assert.rejects(fetching(t, `http://${host}/`, { allowHosts: [host], timeoutMs: 50 }), late)
  const resolve: Resolve = () => new Promise(() => {})
  await assert.rejects(fetching(t, `http://silent.example:${port}/`, { resolve, timeoutMs: 50 }), late)
  const secure = `https://127.0.0.1:${(mute.address() as AddressInfo).port}/`
  await assert.rejects(fetching(t, secure, { allowHosts: ['127.0.0.1'], timeoutMs: 50 }), late)
})

test('cancel breaks off a fetch in the middle of the body', async (t) => {
  const gone = Promise.withResolvers<void>()
  const { abort, run } = await bench(t)
  const { host } = await site(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.on('close', gone.resolve)
    response.write('the beginning', () => abort.abort())
  })
  await assert.rejects(run(webFetchTool({ allowHosts: [host] }), { url: `http://${host}/` }), { name: 'AbortError' })
  await gone.promise
})

test('failures of the network have plain words without addresses', async (t) => {
  const { port } = await site(t, (request) => request.socket.destroy())
  const closed = await site(t, text(''))
  const resolve: Resolve = async (name) => {
    if (name === 'unknown.example') throw Object.assign(new Error('queryA ENOTFOUND unknown.example'), { code: 'ENOTFOUND' })
    return name === 'empty.example' ? [] : [{ address: '127.0.0.2', family: 4 }]
  }
  const cases: [string, RegExp][] = [
    ['http://unknown.example/', /^the host name is not known$/],
    ['http://empty.example/', /^empty.example has no address$/],
    [`http://refusing.example:${closed.port}/`, /^the host refused the connection$/],
    [`http://127.0.0.1:${port}/`, /^the host broke off the connection$/],
    [`https://127.0.0.1:${closed.port}/`, /^the TLS certificate or connection of the host is invalid$/]
  ]
  for (const [url, message] of cases) {
    await assert.rejects(fetching(t, url, { resolve, isPublic: () => true }), refused(message), url)
  }
})
