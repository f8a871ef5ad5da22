import { randomBytes } from 'node:crypto'
import { DEFAULT_FILE } from '../plugins/config/parse/load.ts'
import { EXIT } from './exit.ts'
import { fileExists, writeNew } from './files.ts'
import { print, say } from './output.ts'

const ENVIRONMENT_FILE = '.env.example'

/** Writes a first configuration, and prints its token once: stdout has nothing else. Existing files stay. */
export async function init(): Promise<number> {
  const token = randomBytes(32).toString('base64url')
  const isNew = await writeNew(DEFAULT_FILE, configuration(token))
  report(DEFAULT_FILE, isNew)
  report(ENVIRONMENT_FILE, await writeNew(ENVIRONMENT_FILE, ENVIRONMENT))
  if (isNew) {
    say('Token for the dashboard and for programs. It is stored in flynn.yaml and not shown again:')
    print(token)
  }
  const command = (await fileExists('cli.ts')) ? 'npm start' : 'npx flynn-gateway'
  say(`Next: ${command}, then open http://127.0.0.1:18800`)
  return EXIT.ok
}

function report(file: string, isNew: boolean): void {
  say(isNew ? `Wrote ${file}.` : `${file} exists and was not changed.`)
}

const configuration = (
  token: string
) => `# Configuration of flynn-gateway. Every key has a default, shown here in comments, or an example.
# Changes take effect while the gateway runs. \`flynn-gateway config check\` validates this file.

server:
  # Others can reach any address but loopback. Use TLS then, or a proxy with TLS (docs/proxies.md).
  host: 127.0.0.1
  port: 18800
  # Gives full access. \${NAME} stands for an environment variable.
  token: ${token}
  # Further tokens with fewer rights:
  # tokens:
  #   - { name: dashboard, token: "\${DASHBOARD_TOKEN}", scopes: [read, write] }

# Database and workspaces.
data_dir: ./data

# Models. Without any, the built-in offline model answers.
# models:
#   default:
#     anthropic:
#       api_key: \${ANTHROPIC_API_KEY}
#       model: claude-sonnet-4-5
#     ollama:
#       model: llama3.2

# Queue mode of messages that arrive while the agent is busy: followup, collect, steer, steer_backlog, interrupt.
# lanes:
#   default: { mode: followup, cap: 20, overflow: drop_old }

# Tools of the agent.
# tools:
#   shell: { enabled: false }
#   confirm: [shell.exec]

# Senders on channels need a code (\`flynn-gateway pair telegram\`).
# pairing: { default: required, channels: { telegram: allowlist }, allowlist: { telegram: ['123456'] } }

# log: { level: info }
`

const ENVIRONMENT = `# Environment of the gateway. Copy this file to .env: \`docker compose\` reads it by itself, \`node --env-file=.env\` on request.
# Every key of flynn.yaml is a variable too: FLYNN_SERVER__PORT is server.port. With _FILE appended a variable names a file that holds
# the value, as containers mount secrets: FLYNN_TOKEN_FILE=/run/secrets/flynn_token

# Wins over server.token. At least 32 random characters: openssl rand -base64 32
#FLYNN_TOKEN=

#FLYNN_HOST=127.0.0.1
#FLYNN_PORT=18800

#ANTHROPIC_API_KEY=
#OPENAI_API_KEY=
`
