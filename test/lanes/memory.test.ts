import { MemoryDriver } from '../../lanes/memory.ts'
import { driverContract } from '../contract/driver.ts'

driverContract(
  'memory',
  () => {
    const driver = new MemoryDriver<{ readonly text: string }, string>()
    // The next process is played by the same object: there is nothing that outlives this one.
    return { driver, reopen: async () => driver, body: (_laneId, id) => driver.body(id) }
  },
  { payload: { text: 'hello' }, value: 'done' }
)
