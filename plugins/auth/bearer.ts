import type { IncomingHttpHeaders } from 'node:http'

const SUBPROTOCOL = 'bearer.'

/** A token as it was sent: every text its bytes may stand for. A malformed one has no reading and matches nothing. */
export type Given = ReadonlyArray<string | Uint8Array>

/**
 * The tokens a client chose to send: `Authorization: Bearer <token>`, and on an upgrade the WebSocket subprotocol
 * `bearer.<base64url(token)>`, which is what a browser can set. Never the query string: URLs end up in logs and histories.
 */
export function givenTokens(headers: IncomingHttpHeaders, upgrade: boolean): Given[] {
  const given: Given[] = []
  if (headers.authorization !== undefined) given.push(fromAuthorization(headers.authorization))
  if (upgrade) {
    for (const offered of headers['sec-websocket-protocol']?.split(',') ?? []) {
      const name = offered.trim()
      if (name.startsWith(SUBPROTOCOL)) given.push(fromBase64url(name.slice(SUBPROTOCOL.length)))
    }
  }
  return given
}

function fromAuthorization(header: string): Given {
  const token = /^bearer +(\S.*)$/i.exec(header)?.[1]
  // Node hands headers over as latin1. A token outside ASCII was sent either so (fetch) or as UTF-8 (curl).
  return token === undefined ? [] : [token, Buffer.from(token, 'latin1')]
}

function fromBase64url(text: string): Given {
  const bytes = Buffer.from(text, 'base64url')
  // Node skips characters that are not base64url: the text must be what Node would write.
  return text !== '' && bytes.toString('base64url') === text ? [bytes] : []
}
