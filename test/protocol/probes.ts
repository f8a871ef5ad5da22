import type { EventEmitter } from 'node:events'
import { Type } from '@sinclair/typebox'
import { defineMethod, gatewayPlugin } from '../../plugins/define.ts'
import { defineTool } from '../../plugins/tools/define.ts'

/** Eight bytes that every PNG starts with, and some more. */
export const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(56)]).toString('base64')
/** What a JPEG starts with, and some more. */
export const JPEG = Buffer.concat([Buffer.from('ffd8ffe000104a46494600010100', 'hex'), Buffer.alloc(50)]).toString('base64')

const Nothing = Type.Object({}, { additionalProperties: false })

/** What a failure that nobody foresaw says. None of it may reach a client. */
export const SECRET_FAILURE = 'ENOENT: /srv/secret/place, key sk-live-0123456789'

interface ProbeOptions {
  /** Emits `waiting` each time `probe.wait` has begun. */
  readonly bell?: EventEmitter
}

/** A third party's plugin, with what the built-in tools and methods do not do of themselves. */
export const probes = gatewayPlugin<ProbeOptions>({ name: 'probes', dependencies: ['rpc', 'tools'] }, async (app, { bell }) => {
  app.tools.add(
    defineTool({
      name: 'probe.picture',
      description: 'Answers with a picture',
      input: Nothing,
      run: async () => ({ output: 'a picture', attachments: [{ mimeType: 'image/png', data: PNG, filename: 'output.png' }] })
    })
  )
  app.tools.add(
    defineTool({
      name: 'probe.wait',
      description: 'Works until it is stopped',
      input: Nothing,
      run: (_args, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
          bell?.emit('waiting')
        })
    })
  )
  app.rpc.method(
    defineMethod({
      name: 'probe.fail',
      summary: 'Fails in a way nobody foresaw',
      scope: 'read',
      params: Nothing,
      result: Nothing,
      handler: async () => {
        throw new Error(SECRET_FAILURE)
      }
    })
  )
  app.rpc.method(
    defineMethod({
      name: 'probe.breakOff',
      summary: 'Sends one event, then fails in a way nobody foresaw',
      scope: 'read',
      params: Nothing,
      result: Nothing,
      events: { begun: Nothing },
      async handler(_params, { emit }) {
        emit('begun', {}, { sessionId: 'probe:1', runId: 'probe', seq: 1 })
        throw new Error(SECRET_FAILURE)
      }
    })
  )
})
