import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type PageFile, pageFiles } from '../../routes/page.ts'

const BUILT = fileURLToPath(new URL('./dist/public/', import.meta.resolve('#package.json')))

/** Files of the pages, as one build made them. */
export type Files = ReadonlyMap<string, Pick<PageFile, 'type' | 'content'>>

/** The build of this repository. */
export const built = (): Files => pageFiles(BUILT)

/** The same pages as another build would have made them: all hashes and the id differ. */
export function rebuilt(files: Files): { readonly files: Files; readonly id: string } {
  const id = 'another-build-01'
  const own = idOf(files)
  const assets = [...files.keys()].filter((name) => name.startsWith('assets/')).map((name) => name.slice('assets/'.length))
  const renamed = (text: string): string =>
    assets.reduce((all, name) => all.replaceAll(name, name.replace(/(?=\.\w+$)/, '2')), text).replaceAll(own, id)
  const changed = [...files].map(([name, { type, content }]): [string, { type: string; content: Buffer }] => {
    const isText = /javascript|css|html/.test(type)
    return [renamed(name), { type, content: isText ? Buffer.from(renamed(content.toString())) : content }]
  })
  return { files: new Map(changed), id }
}

/** Id of the build that made these files. */
export function idOf(files: Files): string {
  return /<meta name="build" content="([\w-]+)">/.exec(files.get('index.html')!.content.toString())![1]!
}

/**
 * A server in front of a gateway that serves the pages itself, under `/dashboard/`, and may serve others later. `away`: it takes no connection, as
 * when the machine is off.
 */
export async function startFront(t: TestContext, gatewayUrl: string, files: Files) {
  const gateway = new URL(gatewayUrl)
  const front = { files, away: false, url: '', cut: () => {} }
  const sockets = new Set<Socket>()
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { url = '', method, headers } = request
    const [, name] = /^\/dashboard\/([^?]*)/.exec(url) ?? []
    if (name !== undefined) {
      const file = front.files.get(name === '' ? 'index.html' : name)
      response.writeHead(file ? 200 : 404, { 'content-type': file?.type ?? 'text/plain', 'cache-control': 'no-cache' })
      response.end(file?.content)
      return
    }
    const onward = http.request(new URL(url, gateway), { method, headers }, (reply) => {
      response.writeHead(reply.statusCode!, reply.headers)
      reply.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  }
  const server = http.createServer(answer)
  server.on('connection', (socket) => {
    if (front.away) socket.destroy()
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('upgrade', ({ url, headers }, socket, head) => {
    const onward = connect(Number(gateway.port), gateway.hostname)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    onward.write(`GET ${url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    onward.write(head)
    onward.pipe(socket).pipe(onward)
    for (const end of [onward, socket]) end.on('error', () => [onward.destroy(), socket.destroy()])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dashboard/`
  front.cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.after(() => {
    front.cut()
    server.close()
  })
  return front
}
