import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { scratch } from '../helper.ts'
import type { Machine } from './machine.ts'
import { type Stubs, stubPrograms } from './stubs.ts'

const SERVICES = {
  flynn: { image: 'flynn' },
  'whisper-server': { image: 'whisper', profiles: ['voice'] },
  'brave-search': { image: 'brave', profiles: ['search'], container_name: 'brave-search' },
  searxng: { image: 'searxng', profiles: ['search'], container_name: 'searxng' }
}

/** What runs on the machine of the specification's examples. */
export const EXAMPLE: Machine = {
  systemctl: {
    user: { 'ollama.service': { ActiveState: 'active', SubState: 'running', MainPID: 12345, Description: 'Ollama Service' } },
    system: {
      'flynn.service': { ActiveState: 'active', SubState: 'running', MainPID: 12000, Description: 'Flynn daemon' }
    }
  },
  docker: {
    config: { name: 'flynn', services: SERVICES },
    containers: [
      {
        Service: 'whisper-server',
        Name: 'flynn-whisper-server-1',
        State: 'running',
        Health: 'healthy',
        Status: 'Up 4 minutes (healthy)'
      },
      { Service: 'brave-search', Name: 'brave-search', State: 'running', Health: 'healthy', Status: 'Up 2 minutes' },
      { Service: 'searxng', Name: 'searxng', State: 'running', Status: 'Up 2 minutes' }
    ],
    logs: { stderr: '2025-02-19T21:19:50.000000000Z level=warn queue depth rising\n' }
  },
  journalctl: {}
}

/** That machine: its programs, and what the configuration has to say to find its compose file. */
export async function exampleMachine(t: TestContext): Promise<Stubs & { config: { docker: { composeFile: string } } }> {
  const composeFile = path.join(await scratch(t), 'docker-compose.yml')
  await writeFile(composeFile, JSON.stringify({ name: 'flynn', services: SERVICES }))
  return { ...(await stubPrograms(t, EXAMPLE)), config: { docker: { composeFile } } }
}
