import { battery } from 'systeminformation'
import type { NodeStatus } from '../companion.ts'

/** Charge and power source. Empty on a machine without a battery. */
export async function powerStatus(): Promise<Pick<NodeStatus, 'batteryPct' | 'powerSource'>> {
  const { hasBattery, percent, acConnected } = await battery()
  if (!hasBattery) return {}
  return { batteryPct: Math.min(Math.max(percent, 0), 100), powerSource: acConnected ? 'ac' : 'battery' }
}
