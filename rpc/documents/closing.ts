/** Why the gateway closes a socket, for those who write a client. RFC 6455 section 7.4.1; 4000 and up are the gateway's own. */
export const CLOSE_CODES = [
  { code: 1000, when: 'after `system.disconnect`', do: 'connect again whenever you like' },
  { code: 1001, when: 'the gateway shuts down', do: 'connect again, and resume what was under way' },
  {
    code: 1008,
    when: 'another connection has registered the node of this one, or the credential of this one no longer counts',
    do: 'look at the reason; do not connect again by yourself'
  },
  { code: 1009, when: 'a frame was larger than `maxPayloadBytes`', do: 'send less' },
  { code: 1013, when: 'the peer did not read what it was sent', do: 'connect again, and resume' },
  { code: 4401, when: 'no accepted credential; one error frame with the id null says why', do: 'ask for a token' },
  { code: 4404, when: 'there is no socket at this path', do: 'look at the path' }
] as const
