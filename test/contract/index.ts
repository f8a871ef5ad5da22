// The entry `flynn-gateway/testing`.
export { FakeError, FakeGateway, type ScriptedAgent, type ScriptedEvent, type ScriptedMessage } from '../../rpc/client/testing.ts'
export * from './channel.ts'
