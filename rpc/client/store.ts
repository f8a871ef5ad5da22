/** Keeps texts by key: the cursors and unsettled messages of a client. One that fails is reported and harms no message. */
export interface Store {
  get(key: string): Promise<string | undefined>
  set(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
  /** Every key that begins with `prefix`, in any order. */
  keys(prefix: string): Promise<string[]>
}

/** Keeps texts for as long as the object lives. */
export function memoryStore(): Store {
  const values = new Map<string, string>()
  return {
    get: async (key) => values.get(key),
    set: async (key, value) => void values.set(key, value),
    delete: async (key) => void values.delete(key),
    keys: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix))
  }
}

/** The part of `localStorage` and `sessionStorage` that is used. */
export interface WebStorage {
  readonly length: number
  key(index: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** Keeps texts in `localStorage`, or in another storage of the page. It holds about 5 MB: messages with attachments want `indexedDbStore`. */
export function webStore(storage: WebStorage = (globalThis as unknown as { localStorage: WebStorage }).localStorage): Store {
  return {
    get: async (key) => storage.getItem(key) ?? undefined,
    set: async (key, value) => storage.setItem(key, value),
    delete: async (key) => storage.removeItem(key),
    async keys(prefix) {
      const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '')
      return keys.filter((key) => key.startsWith(prefix))
    }
  }
}

/** The part of IndexedDB that is used. */
interface IdbRequest<T> {
  result: T
  error: unknown
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}
interface IdbStore {
  get(key: string): IdbRequest<string | undefined>
  put(value: string, key: string): IdbRequest<unknown>
  delete(key: string): IdbRequest<unknown>
  getAllKeys(): IdbRequest<string[]>
}
interface IdbDatabase {
  createObjectStore(name: string): unknown
  transaction(name: string, mode: 'readonly' | 'readwrite'): { objectStore(name: string): IdbStore }
}
interface IdbFactory {
  open(name: string, version: number): IdbRequest<IdbDatabase> & { onupgradeneeded: (() => void) | null }
}

const TABLE = 'values'

/** Keeps texts in a database of the page. */
export function indexedDbStore(name = 'flynn-gateway'): Store {
  let opening: Promise<IdbDatabase> | undefined
  const open = (): Promise<IdbDatabase> => {
    const request = (globalThis as unknown as { indexedDB: IdbFactory }).indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE)
    return answerOf(request)
  }
  const run = async <T>(mode: 'readonly' | 'readwrite', act: (table: IdbStore) => IdbRequest<T>): Promise<T> => {
    opening ??= open()
    // One that failed is tried again with the next call.
    opening.catch(() => {
      opening = undefined
    })
    return answerOf(act((await opening).transaction(TABLE, mode).objectStore(TABLE)))
  }
  return {
    get: (key) => run('readonly', (table) => table.get(key)),
    set: async (key, value) => void (await run('readwrite', (table) => table.put(value, key))),
    delete: async (key) => void (await run('readwrite', (table) => table.delete(key))),
    keys: async (prefix) => (await run('readonly', (table) => table.getAllKeys())).filter((key) => key.startsWith(prefix))
  }
}

function answerOf<T>(request: IdbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
