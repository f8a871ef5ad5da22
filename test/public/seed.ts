import { connect } from '../../rpc/client/index.ts'

/** Amounts of seeded data; the defaults are those of the pictures. */
export interface Amounts {
  /** Sessions over all frontends. Default 60. */
  readonly sessions?: number
  /** Messages and answers in all sessions together. Default 600. */
  readonly messages?: number
}

const FRONTENDS = ['web', 'telegram', 'teams', 'gmail', 'google-chat', 'imessage', 'webhook', 'cli'] as const
/** Users by name: usual ones, and those that break a layout. */
const USERS = [
  'alice',
  'ben',
  'carol',
  'nightly-backup',
  'x'.repeat(40),
  'Donaudampfschifffahrtsgesellschaftskapitän',
  'مريم',
  'ops team · on call'
] as const
const QUESTIONS = [
  'What went wrong with the backup last night?',
  'And on Tuesday?',
  'متى يبدأ الاجتماع غدا؟',
  'Summarise this week in **three** points, with a table:\n\n| day | runs |\n|---|---:|\n| Mon | 14 |\n| Tue | 9 |',
  'Run it:\n```ts\nconst total = rows.reduce((sum, row) => sum + row.bytes, 0)\n```',
  '<img src=x onerror=alert(1)> and \u202Egnp.exe is not a picture',
  '/tool file.write {"path":"report.md","content":"# Nightly backup\\n\\nAll good."}',
  '/tool file.read {"path":"report.md"}',
  '/tool file.list {}',
  '/tool file.read {"path":"missing.md"}',
  '/tool memory.put {"key":"backup","value":"ends at 02:40"}'
] as const

/** Configuration for a gateway that is seeded: devices may connect, and the tier `broken` has a model that no request reaches. */
export const SEED_CONFIG = {
  server: { nodes: { enabled: true, location: { enabled: true } } },
  models: { default: { offline: {} }, broken: { openai_compatible: { model: 'none', base_url: 'http://127.0.0.1:9/v1' } } }
}

/**
 * Fills a gateway over its socket with conversations, tool calls, failed runs, artifacts, devices and pairing codes.
 * @param url address of a gateway with `SEED_CONFIG` that was empty before
 */
export async function seed(url: string, { sessions = 60, messages = 600 }: Amounts = {}): Promise<void> {
  const client = connect(url.replace(/^http/, 'ws'))
  try {
    const each = Math.max(1, Math.round(messages / 2 / sessions))
    const ids = Array.from({ length: sessions }, (_, at) => {
      const user = USERS[Math.floor(at / FRONTENDS.length) % USERS.length]
      return `${FRONTENDS[at % FRONTENDS.length]}:${user}${at < FRONTENDS.length * USERS.length ? '' : `-${at}`}`
    })
    await Promise.all(ids.map((id, at) => converse(client, id, at, each)))
    await client.call('canvas.put', {
      sessionId: ids[0]!,
      artifactId: 'report',
      type: 'note',
      title: 'Nightly backup',
      content: { markdown: '# Nightly backup\n\nAll good.' }
    })
    await client.call('node.register', {
      nodeId: 'macbook',
      role: 'companion',
      protocolVersion: 1,
      capabilities: ['canvas', 'notifications']
    })
    await client.call('node.location.set', {
      latitude: 52.52,
      longitude: 13.405,
      accuracyMeters: 25,
      source: 'gps',
      capturedAt: Date.now()
    })
    await client.call('pairing.generate', { channel: 'telegram' })
  } finally {
    await client.close()
  }
}

async function converse(client: ReturnType<typeof connect>, id: string, at: number, turns: number): Promise<void> {
  const session = client.session(id)
  await client.call('sessions.create', { sessionId: id })
  for (let turn = 0; turn < turns; turn++) {
    // The last run of some sessions fails.
    if (at % 10 === 7 && turn === turns - 1) await client.call('sessions.configure', { sessionId: id, modelTier: 'broken' })
    await Promise.resolve(session.send(QUESTIONS[(at + turn) % QUESTIONS.length]!)).catch(() => undefined)
  }
}
