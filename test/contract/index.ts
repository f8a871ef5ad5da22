// The entry `flynn-gateway/testing`.
export { FakeError, FakeGateway, type ScriptedAgent, type ScriptedEvent, type ScriptedMessage } from '../../rpc/client/testing.ts'
export * from './channel.ts'
export { startGateway, type TestGateway, type TestGatewayOptions } from './gateway.ts'
export { providerContract, type Subject as ProviderRig } from './provider.ts'
export { ScriptedModel } from './scripted-model.ts'
