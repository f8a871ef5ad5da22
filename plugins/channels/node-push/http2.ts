import { connect, type IncomingHttpHeaders } from 'node:http2'

/** Characters of an answer. */
const MAX_BYTES = 16 * 1024

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Post {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal: AbortSignal
}

/**
 * One POST over HTTP/2, on a connection of its own.
 * @throws Error when there is no answer
 */
export async function postHttp2(origin: string, { path, headers, body, signal }: Post): Promise<Answered> {
  signal.throwIfAborted()
  const session = connect(origin)
  const { promise, resolve, reject } = Promise.withResolvers<Answered>()
  const aborted = (): void => reject(signal.reason)
  signal.addEventListener('abort', aborted, { once: true })
  // Only the first of these ends counts.
  session.on('error', reject)
  session.on('close', () => reject(new Error('the connection was closed')))
  try {
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers })
    // Of a connection that failed it says only that it was cancelled.
    stream.on('error', (error) => reject(error.cause ?? error))
    stream.on('response', (answer) => {
      let text = ''
      stream.setEncoding('utf8')
      stream.on('data', (chunk: string) => {
        if (text.length < MAX_BYTES) text += chunk
        else reject(new Error('the answer is too large'))
      })
      stream.on('end', () => resolve({ status: Number(answer[':status']), headers: answer, text }))
    })
    stream.end(body)
    return await promise
  } finally {
    signal.removeEventListener('abort', aborted)
    session.destroy()
  }
}
