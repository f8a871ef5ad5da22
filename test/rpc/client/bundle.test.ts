import assert from 'node:assert/strict'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  bundleClient,
  bundleCompanion,
  bundleMachineCompanion,
  bundleReact,
  bundleSession
} from '../../../scripts/client/bundle.ts'

/** Download of a page, in bytes. */
const MAX_GZIPPED = 15_000
/** Beside the client. */
const MAX_SESSION_GZIPPED = 14_000
const MAX_REACT_GZIPPED = 3_000
const MAX_COMPANION_GZIPPED = 7_000

test('the client is one file without imports, small enough for a page', async () => {
  const code = await bundleClient()
  const { length } = gzipSync(code, { level: 9 })
  assert.ok(length <= MAX_GZIPPED, `${length} bytes gzipped`)
  const entry = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as Record<string, unknown>
  assert.equal(typeof entry.connect, 'function')
})

test('the companion imports the client and nothing of Node.js', async () => {
  const code = await bundleCompanion()
  const { length } = gzipSync(code, { level: 9 })
  assert.ok(length <= MAX_COMPANION_GZIPPED, `${length} bytes gzipped`)
  assert.deepEqual(Array.from(code.matchAll(/^import .*/gm), String), [
    'import { Disconnected, GatewayClient, RpcError } from "./client.js";'
  ])
  assert.match(await bundleMachineCompanion(), /^import .* from "\.\/companion\.js";$/m)
})

test('the session model imports the client, and the hook for React the session model', async () => {
  const session = await bundleSession()
  const sessionSize = gzipSync(session, { level: 9 }).length
  assert.ok(sessionSize <= MAX_SESSION_GZIPPED, `${sessionSize} bytes gzipped`)
  assert.match(session, /^import \{.*\} from "\.\/client\.js";$/m)
  const react = await bundleReact()
  const reactSize = gzipSync(react, { level: 9 }).length
  assert.ok(reactSize <= MAX_REACT_GZIPPED, `${reactSize} bytes gzipped`)
  assert.deepEqual(Array.from(react.matchAll(/^import .* from "(.*)";$/gm), ([, source]) => source).sort(), [
    './session.js',
    'react'
  ])
})
