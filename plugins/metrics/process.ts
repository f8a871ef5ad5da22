import { readdir } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

/** Open descriptors of this process, by Linux and, as links, by macOS. */
const DESCRIPTORS = process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd'

/** Process and build of one gateway. Gateways of one process share these figures. */
export function measureProcess(registry: Registry, version: string): void {
  const registers = [registry]
  new Gauge({
    name: 'flynn_build_info',
    help: 'Version of the gateway and of Node.js; the value is always 1',
    labelNames: ['version', 'node'],
    registers
  }).set({ version, node: process.versions.node }, 1)
  new Gauge({
    name: 'flynn_process_start_time_seconds',
    help: 'Start of the process in seconds since the epoch',
    registers
  }).set(performance.timeOrigin / 1000)
  new Counter({
    name: 'flynn_process_cpu_seconds_total',
    help: 'Processor time of the process, user and system together',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    }
  })
  new Gauge({
    name: 'flynn_process_resident_memory_bytes',
    help: 'Resident memory of the process',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    }
  })
  new Gauge({
    name: 'flynn_process_heap_bytes',
    help: 'Memory of JavaScript: used and reserved heap, and buffers outside the heap',
    labelNames: ['kind'],
    registers,
    collect() {
      const { heapUsed, heapTotal, external } = process.memoryUsage()
      this.set({ kind: 'used' }, heapUsed)
      this.set({ kind: 'reserved' }, heapTotal)
      this.set({ kind: 'external' }, external)
    }
  })
  new Gauge({
    name: 'flynn_process_open_descriptors',
    help: 'Open file descriptors of the process',
    registers,
    async collect() {
      const open = await readdir(DESCRIPTORS).catch(() => undefined)
      if (open) this.set(open.length)
    }
  })
}
