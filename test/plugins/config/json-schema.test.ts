// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is what a variable in the file looks like
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { ConfigError } from '../../../plugins/config/index.ts'
import { editorSchema } from '../../../plugins/config/json-schema.ts'
import { loadConfig } from '../../../plugins/config/parse/load.ts'
import { readText } from '../../self/tables.ts'
import { folder } from './folder.ts'

const accepts = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, strictTypes: false }).compile(
  editorSchema()
)

function problemsOf(yaml: string): string[] {
  accepts(parse(yaml))
  return (accepts.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

test('flynn.schema.json is current: if not, `npm run docs:config`', () => {
  const file = new URL('./flynn.schema.json', import.meta.resolve('#package.json'))
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(editorSchema())))
})

/** Files in the manner of the decisions about the names, with the keys that there are. */
const GOOD = [
  '',
  'server:\n  # port: 1\nmodels:\n',
  `
server:
  host: 127.0.0.1
  port: \${PORT}
  token: \${GATEWAY_TOKEN}
  tokens:
    - { name: dashboard, token: "\${DASH_TOKEN}", scopes: [read, write] }
  auth_http: \${AUTH}
  tailscale_allowed_logins: [me@example.com]
  allowed_origins: [https://flynn.example.com]
  max_payload_bytes: 16777216
  shutdown_grace_seconds: 0.5
  secret_key: \${SECRET_KEY}
  tls: { cert: ./cert.pem, key: ./key.pem }
  nodes: { enabled: true, allowed_roles: [companion], feature_gates: { ui.canvas: true }, location: { enabled: true } }
data_dir: ./data
models:
  default:
    anthropic: { api_key: "\${KEY}", model: claude, base_url: "https://\${HOST}/v1", context_window: 200000 }
    offline:
  fast:
    openai_compatible: { base_url: "http://127.0.0.1:8080/v1", model: local, context_window: 8192 }
agent: { system_prompt: Hello, run_timeout_seconds: 600, max_steps: 40 }
lanes:
  max_concurrent_runs: 32
  recovery: abandon
  default: { mode: followup, cap: 20, overflow: drop_old, debounce_ms: 250, summarize_overflow: true }
  channels: { telegram: { mode: collect } }
tools: { shell: { enabled: false }, web: { allow_hosts: [] } }
presence: { offline_after_seconds: 300 }
pairing: { default: open, channels: { telegram: required } }
log: { level: "\${LEVEL}" }
`
]

test('what the gateway takes is in order for an editor too', async (t) => {
  for (const yaml of GOOD) {
    assert.deepEqual(problemsOf(yaml || '{}'), [], yaml)
    const env = { PORT: '1', GATEWAY_TOKEN: 'a', DASH_TOKEN: 'b', AUTH: 'true', KEY: 'k', HOST: 'host', LEVEL: 'warn' }
    const SECRET_KEY = `${'A'.repeat(43)}=`
    await loadConfig({ cwd: await folder(t, { 'flynn.yaml': yaml }), env: { ...env, SECRET_KEY } })
  }
})

test('the examples of a configuration in the documents are in order', () => {
  const examples = ['README.md', 'docs/configuration.md'].flatMap((file) =>
    [...readText(file).matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml]) => yaml!)
  )
  assert.ok(examples.length > 0)
  for (const yaml of examples) assert.deepEqual(problemsOf(yaml), [], yaml)
})

/** Each is refused by the gateway as well, but for the last. */
const SLIPS: ReadonlyArray<readonly [yaml: string, path: string]> = [
  ['server: { prot: 1 }', '/server'],
  ['server: { port: yes }', '/server/port'],
  ['server: { port: 70000 }', '/server/port'],
  ['server: { token: 12345 }', '/server/token'],
  ['server: { token: " " }', '/server/token'],
  ['server: { tokens: [{ name: a, token: b, scopes: [all] }] }', '/server/tokens/0/scopes/0'],
  ['server: { tokens: [{ name: a, scopes: [read] }] }', '/server/tokens/0'],
  ['server: { allowed_origins: [example.com] }', '/server/allowed_origins/0'],
  ['server: { tls: { cert: a } }', '/server/tls'],
  ['models: { default: { antropic: { model: a } } }', '/models/default'],
  ['models: { default: {} }', '/models/default'],
  ['lanes: { default: { mode: colect } }', '/lanes/default/mode'],
  ['lanes: { channels: { "a b": { mode: collect } } }', '/lanes/channels'],
  ['log: debug', '/log'],
  ['serve: {}', ''],
  ['server: { authHttp: true }', '/server']
]

for (const [index, [yaml, path]] of SLIPS.entries()) {
  test(`an editor marks the slip in ${yaml}`, async (t) => {
    assert.ok(
      problemsOf(yaml).some((problem) => problem.startsWith(`${path} `)),
      problemsOf(yaml).join('\n')
    )
    if (index === SLIPS.length - 1) return
    await assert.rejects(loadConfig({ cwd: await folder(t, { 'flynn.yaml': yaml }), env: {} }), ConfigError)
  })
}
