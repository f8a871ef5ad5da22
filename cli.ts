import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { EXIT, Failure, UsageError } from './cli/exit.ts'
import { unknownCommand, usageErrorOf } from './cli/usage.ts'
import { ConfigError } from './plugins/config/parse/problems.ts'

const CONFIG = 'configuration file (default: FLYNN_CONFIG, else flynn.yaml if it exists)'
const URL_OPTION = 'address of the gateway (default: that of the configuration); its token is read from FLYNN_TOKEN'

const EXAMPLES = `
Examples:
  flynn-gateway                              start with flynn.yaml, or with the defaults
  flynn-gateway --config FILE --host 127.0.0.1 --port 8080
  flynn-gateway init                         write a first flynn.yaml
  flynn-gateway doctor                       find problems, and how to fix them
  flynn-gateway call system.info
  flynn-gateway call agent.send '{"message":"Hello","sessionId":"cli:me"}' --events
  flynn-gateway tail cli:me                  follow a session

Every key of the configuration is an environment variable too: FLYNN_SERVER__PORT is server.port.
Exit codes: 0 ok, 1 failed, 2 usage, 69 unavailable, 78 invalid configuration, 130 interrupted.`

/** The command that runs when none is named. */
const DEFAULT = 'start'

/**
 * Runs a command. Each is in a file of its own, loaded when it is called. Resolves with the exit code, or with undefined while a
 * gateway runs.
 */
async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number | undefined> {
  let code: number | undefined = EXIT.ok
  const program = new Command('flynn-gateway')
    .description('Gateway between people and an AI agent')
    .usage('[command] [options]')
    .version(createRequire(import.meta.url)('#package.json').version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this text')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES)
  hush(program)

  /** Adds a command; its function resolves with the exit code. */
  const command = (name: string, summary: string, act: (...given: never[]) => Promise<number | undefined>) =>
    hush(
      program
        .command(name, { isDefault: name === DEFAULT })
        .description(summary)
        .helpOption('-h, --help', 'print this text')
        .action(async (...given) => {
          code = await act(...(given as never[]))
        })
    )

  command(DEFAULT, 'start the gateway (the default command)', async (flags: Flags) =>
    (await import('./cli/start.ts')).start(flags, env)
  )
    .option('--config <file>', CONFIG, filled)
    .option('--host <host>', 'address to listen on (default: 127.0.0.1)', filled)
    .option('--port <port>', 'port to listen on (default: 18800; 0 takes a free one)', filled)

  command('init', 'write flynn.yaml and .env.example; never overwrites', async () => (await import('./cli/init.ts')).init())

  command('doctor', 'find problems, and how to fix them', async (flags: Flags & { json?: true }) =>
    (await import('./cli/doctor.ts')).doctor(flags, env)
  )
    .option('--config <file>', CONFIG, filled)
    .option('--json', 'print JSON')

  command('health', 'exit 0 if the gateway is alive, else 1', async (flags: Flags) =>
    (await import('./cli/health.ts')).health(flags, env)
  )
    .option('--config <file>', CONFIG, filled)
    .option('--url <url>', URL_OPTION, filled)

  command('call', 'call a method of a running gateway', async (method: string, params: string, flags: Flags) =>
    (await import('./cli/call.ts')).call(method, params, flags, env)
  )
    .argument('<method>', 'such as system.info')
    .argument('[params]', 'JSON object; - reads it from stdin')
    .option('--config <file>', CONFIG, filled)
    .option('--url <url>', URL_OPTION, filled)
    .option('--events', 'print events too, one JSON object per line, the result last')

  command('tail', 'follow a session, or all of them', async (sessionId: string | undefined, flags: Flags) =>
    (await import('./cli/tail.ts')).tail(sessionId, flags, env)
  )
    .argument('[sessionId]', 'such as cli:me (default: all sessions)')
    .option('--config <file>', CONFIG, filled)
    .option('--url <url>', URL_OPTION, filled)
    .option('--json', 'print one JSON object per line, on a terminal too')

  command('pair', 'make a code that pairs a sender of a channel', async (channel: string, flags: Flags) =>
    (await import('./cli/pair.ts')).pair(channel, flags, env)
  )
    .argument('<channel>', 'such as telegram')
    .option('--owner', "share the operator's memory and tools with the sender; default: a guest")
    .option('--config <file>', CONFIG, filled)
    .option('--url <url>', URL_OPTION, filled)
    .option('--json', 'print JSON')

  command('companion', 'turn this machine into a node of a gateway', async (flags: Flags) =>
    (await import('./cli/companion.ts')).companion(flags, env)
  )
    .option('--name <name>', 'id of the node (default: name of this machine)', filled)
    .option('--allow <capabilities>', 'what it may do without a question, such as notifications,clipboard', filled)
    .option('--config <file>', CONFIG, filled)
    .option('--url <url>', URL_OPTION, filled)

  command('backup', 'copy the database, also while the gateway runs', async (target: string | undefined, flags: Flags) =>
    (await import('./cli/backup.ts')).backup(target, flags, env)
  )
    .argument('[target]', 'file or folder (default: data_dir/backups)')
    .option('--config <file>', CONFIG, filled)

  command('config', 'check or print the configuration', async (what: string, flags: Flags & { json?: true }) =>
    (await import('./cli/config.ts')).config(what, flags, env)
  )
    .argument('<what>', 'check: validate it; print: all of it without secrets; diff: differences from the defaults')
    .option('--config <file>', CONFIG, filled)
    .option('--json', 'print JSON, in the names of config.get')

  try {
    const [first = DEFAULT] = args
    const names = program.commands.map((known) => known.name())
    if (!first.startsWith('-') && !names.includes(first)) throw unknownCommand(first, names)
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok
    const text = error instanceof Error ? error.message : String(error)
    process.stderr.write(`flynn-gateway: ${text}${error instanceof UsageError ? '\nSee flynn-gateway --help.' : ''}\n`)
    if (error instanceof Failure) return error.exitCode
    return error instanceof ConfigError ? EXIT.config : EXIT.failed
  }
}

interface Flags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
  readonly url?: string
}

function filled(value: string): string {
  if (value === '') throw new InvalidArgumentError('needs a value')
  return value
}

/** Turns commander's messages into errors with our own texts. */
function hush(command: Command): Command {
  return command.configureOutput({ writeErr: () => {} }).exitOverride((error) => {
    throw error.exitCode === 0 ? error : usageErrorOf(error, command)
  })
}

const code = await main(process.argv.slice(2), process.env)
if (code !== undefined) process.exit(code)
