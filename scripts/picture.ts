// Writes docs/page.png, the picture of the page in README.md: node scripts/picture.ts
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import gateway from '../app.ts'
import { launch } from '../test/browser.ts'

const FILE = fileURLToPath(new URL('./docs/page.png', import.meta.resolve('#package.json')))
const cleanups: (() => unknown)[] = []
const scope = { after: (fn: () => unknown) => void cleanups.unshift(fn) } as unknown as Parameters<typeof launch>[0]

const folder = await mkdtemp(path.join(tmpdir(), 'flynn-picture-'))
scope.after(() => rm(folder, { recursive: true, force: true }))
try {
  const host = Fastify()
  scope.after(() => host.close())
  await host.register(gateway, { config: { data_dir: folder, tools: { confirm: ['file.write'] } } })
  await host.listen({ port: 0, host: '127.0.0.1' })
  const page = await launch(scope)
  await page.setViewportSize({ width: 960, height: 640 })
  await page.goto(`http://127.0.0.1:${(host.server.address() as AddressInfo).port}/`)
  const say = async (text: string): Promise<void> => {
    await page.getByRole('textbox').fill(text)
    await page.keyboard.press('Enter')
  }
  await say('What can you do?')
  await page.waitForLoadState('networkidle')
  await say('/tool file.write {"path":"report.md","content":"# Nightly backup\\n\\nAll good."}')
  await page.getByRole('button', { name: /allow/i }).waitFor()
  await page.screenshot({ path: FILE })
} finally {
  for (const clean of cleanups) await clean()
}
