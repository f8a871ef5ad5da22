import { ConfigError } from '../plugins/config/parse/problems.ts'
import type { Config } from '../plugins/config/schema.ts'
import { ConfigSource } from '../plugins/config/source.ts'
import { checkData, checkDatabase } from './doctor/data.ts'
import { type Finding, fail, pass } from './doctor/finding.ts'
import { checkClock, checkDocker, checkSystemd } from './doctor/machine.ts'
import { checkPairing } from './doctor/pairing.ts'
import { checkPlugins } from './doctor/plugins.ts'
import { checkPort } from './doctor/port.ts'
import { checkNative, checkNode } from './doctor/program.ts'
import { checkPushKeys, checkTokens } from './doctor/token.ts'
import { EXIT } from './exit.ts'
import { fileExists } from './files.ts'
import { coloured, print } from './output.ts'

const COLOURS = { pass: 'green', warn: 'yellow', fail: 'red' } as const

/** Runs all checks, with or without a running gateway, and changes nothing. Exit code 1 when one fails. */
export async function doctor(flags: { readonly config?: string; readonly json?: true }, env: NodeJS.ProcessEnv): Promise<number> {
  const findings = await findingsOf(flags, env)
  if (flags.json) print(JSON.stringify(findings, null, 2))
  else for (const finding of findings) print(lineOf(finding))
  return findings.some(({ status }) => status === 'fail') ? EXIT.failed : EXIT.ok
}

async function findingsOf({ config: file }: { readonly config?: string }, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const program = [checkNode(), await checkNative()]
  const source = new ConfigSource({ file, env })
  let config: Config
  try {
    config = await source.load()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const fix = 'correct it and run doctor again: the other checks depend on it'
    return [...program, ...error.problems.map((problem) => fail('config', problem, fix))]
  }
  const where = (await fileExists(source.file)) ? source.file : 'no file: defaults and environment'
  return [
    ...program,
    pass('config', where),
    ...checkTokens(config),
    ...checkPairing(config),
    await checkData(config),
    await checkDatabase(config),
    await checkPort(config),
    await checkPushKeys(config),
    await checkSystemd(env),
    await checkDocker(config, env),
    await checkClock(config, env),
    ...(await checkPlugins(config))
  ]
}

function lineOf({ check, status, message, fix }: Finding): string {
  return `${coloured(COLOURS[status], status)}  ${check.padEnd(9)} ${message}${fix ? `. To do: ${fix}` : ''}`
}
