import { randomBytes } from 'node:crypto'
import { DEFAULT_FILE } from '../plugins/config/parse/load.ts'
import { EXIT } from './exit.ts'
import { fileExists, writeNew } from './files.ts'
import { print, say } from './output.ts'

const ENVIRONMENT_FILE = '.env.example'

/**
 * Writes a configuration to begin with, and prints the token in it, this once: it is all there is on stdout. What is there already is
 * left alone.
 */
export async function init(): Promise<number> {
  const token = randomBytes(32).toString('base64url')
  const isNew = await writeNew(DEFAULT_FILE, configuration(token))
  tell(DEFAULT_FILE, isNew)
  tell(ENVIRONMENT_FILE, await writeNew(ENVIRONMENT_FILE, ENVIRONMENT))
  if (isNew) {
    say('The token, which the page and every program ask for; it stands in flynn.yaml and is not shown again:')
    print(token)
  }
  const command = (await fileExists('cli.ts')) ? 'npm start' : 'npx flynn-gateway'
  say(`Next: ${command}, then open http://127.0.0.1:18800`)
  return EXIT.ok
}

function tell(file: string, isNew: boolean): void {
  say(isNew ? `Wrote ${file}.` : `${file} is there already and was left as it is.`)
}

const configuration = (
  token: string
) => `# The configuration of the gateway. Every key has a default: what is commented out here shows it, or an example.
# A change takes effect while the gateway runs. \`flynn-gateway config check\` says what is wrong with it.

server:
  # Any other address than loopback can be reached by others. Use TLS then, or a proxy that does.
  host: 127.0.0.1
  port: 18800
  # Whoever has it may do everything. \${NAME} stands for an environment variable.
  token: ${token}
  # More tokens, which may do less:
  # tokens:
  #   - { name: dashboard, token: "\${DASHBOARD_TOKEN}", scopes: [read, write] }

# Database and workspaces.
data_dir: ./data

# Who answers. Without any of them, the built-in offline model does.
# models:
#   default:
#     anthropic:
#       api_key: \${ANTHROPIC_API_KEY}
#       model: claude-sonnet-4-5
#     ollama:
#       model: llama3.2

# What happens to a message that comes while the agent is busy: followup, collect, steer, steer_backlog, interrupt.
# lanes:
#   default: { mode: followup, cap: 20, overflow: drop_old }

# What the agent may do.
# tools:
#   shell: { enabled: false }
#   confirm: [shell.exec]

# Senders on channels need a code (\`flynn-gateway pair telegram\`).
# pairing: { default: required, channels: { telegram: allowlist }, allowlist: { telegram: ['123456'] } }

# log: { level: info }
`

const ENVIRONMENT = `# What the gateway takes from its environment; flynn.yaml has the rest. Copy it to .env, which \`docker compose\` reads by itself and
# \`node --env-file=.env\` when it is told to. Every key of flynn.yaml is a variable too: FLYNN_SERVER__PORT is server.port. Of each
# there is a form that names a file with the value in it, for secrets that are mounted: FLYNN_TOKEN_FILE=/run/secrets/flynn_token

# Wins over server.token. At least 32 random characters: openssl rand -base64 32
#FLYNN_TOKEN=

#FLYNN_HOST=127.0.0.1
#FLYNN_PORT=18800

#ANTHROPIC_API_KEY=
#OPENAI_API_KEY=
`
