import { networkProviders } from '../../../plugins/providers/models.ts'
import { offlineProvider } from '../../../plugins/providers/offline.ts'
import { providerContract } from '../../contract/provider.ts'
import { startModelServer } from '../../model-server.ts'

providerContract('offline', () => ({
  model: offlineProvider.open({}),
  says: (text) => `say ${text}`,
  calls: (...calls) => calls.map(({ tool, args }) => `/tool ${tool} ${args}`).join('\n')
}))

for (const provider of networkProviders) {
  providerContract(provider.name, async (t) => {
    const server = await startModelServer(t)
    return {
      model: provider.open({ apiKey: 'test-key', baseUrl: server.baseUrl, model: 'fake-1' }),
      says(text) {
        server.reply({ text: text.match(/\S+\s*/g) ?? [] })
        return 'Say it.'
      },
      calls(...calls) {
        server.reply({ toolCalls: calls.map(({ tool, args }) => ({ name: tool.replace('.', '_'), args })) })
        return 'Do it.'
      }
    }
  })
}
