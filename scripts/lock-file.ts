/** The part of `package-lock.json` that names packages. */
export interface LockFile {
  readonly packages: Record<string, LockEntry>
}

interface LockEntry {
  readonly version: string
  readonly name?: string
  readonly integrity?: string
  readonly link?: boolean
}

/** One package of the lock file: its place in `node_modules`, and the version locked there. */
export interface LockedPackage {
  readonly path: string
  readonly name: string
  readonly version: string
  readonly integrity: string | undefined
}

/** Packages that come from a registry: all but the project itself and folders of it that are linked. */
export function lockedPackages(lock: LockFile): LockedPackage[] {
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.link)
    .map(([path, { name, version, integrity }]) => {
      const folder = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      return { path, name: name ?? folder, version, integrity }
    })
}
