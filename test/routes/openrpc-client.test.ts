import assert from 'node:assert/strict'
import test from 'node:test'
import { Client, HTTPTransport, RequestManager, WebSocketTransport } from '@open-rpc/client-js'
import { build, rejection } from '../helper.ts'

test('the client of OpenRPC calls over HTTP, in batches and over the socket', async (t) => {
  const { url } = await build(t)
  // Its socket opens with the transport, which waits for that from its first request on.
  for (const open of [() => new HTTPTransport(`${url}/rpc`), () => new WebSocketTransport(url.replace('http', 'ws'))]) {
    const client = new Client(new RequestManager([open()]))
    // It sends params: [] where there are none.
    assert.equal((await client.request({ method: 'system.info' })).version, '0.1.0')
    const created = await client.request({ method: 'sessions.create', params: { sessionId: 'cli:openrpc' } })
    assert.equal(created.sessionId, 'cli:openrpc')
    const refused = await rejection(client.request({ method: 'sessions.get', params: { sessionId: 'cli:none' } }))
    assert.deepEqual([refused.code, refused.data.code], [-32001, 1])
    client.startBatch()
    const both = [client.request({ method: 'system.info' }), client.request({ method: 'system.capabilities' })]
    client.stopBatch()
    const [info, capabilities] = await Promise.all(both)
    assert.deepEqual([info.version, capabilities.protocol.version], ['0.1.0', 1])
    client.close()
  }
})
