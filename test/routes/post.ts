import type { Frame } from '../helper.ts'

export interface PostOptions {
  readonly token?: string
  readonly accept?: string
  /** Sent as it is, with `contentType`; wins over params. */
  readonly body?: string
  /** `null`: none at all. */
  readonly contentType?: string | null
}

export interface Posted {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, parsed. */
  readonly json: Frame
}

/** `POST <url>/rpc/<method>` as a program without a library would send it. */
export async function post(
  url: string,
  method: string,
  params?: unknown,
  {
    token,
    accept,
    body = params === undefined ? undefined : JSON.stringify(params),
    contentType = 'application/json'
  }: PostOptions = {}
): Promise<Posted> {
  const response = await fetch(`${url}/rpc/${method}`, {
    method: 'POST',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(accept === undefined ? {} : { accept }),
      ...(contentType === null || body === undefined ? {} : { 'content-type': contentType })
    },
    // As bytes: for a string, fetch would name a content type of its own.
    ...(body === undefined ? {} : { body: new TextEncoder().encode(body) })
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    get json() {
      return JSON.parse(text) as Frame
    }
  }
}
