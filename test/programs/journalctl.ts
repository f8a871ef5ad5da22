import { Stub } from './machine.ts'

/** `journalctl`, which prints what the test wants. */
const stub: Stub = new Stub()
await stub.begin()
const { stdout = '', stderr = '', code = 0 } = stub.machine.journalctl ?? {}
stub.end(code, stderr, stdout)
