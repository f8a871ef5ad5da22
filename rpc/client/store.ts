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
interface IdbTransaction {
  error: unknown
  oncomplete: (() => void) | null
  onabort: (() => void) | null
  objectStore(name: string): IdbStore
  commit?(): void
}
interface IdbDatabase {
  onversionchange: (() => void) | null
  onclose: (() => void) | null
  close(): void
  createObjectStore(name: string): unknown
  transaction(name: string, mode: 'readonly' | 'readwrite'): IdbTransaction
}
interface IdbFactory {
  open(name: string, version: number): IdbRequest<IdbDatabase> & { onupgradeneeded: (() => void) | null }
}

const TABLE = 'values'

/** Keeps texts in a database of the page. The database may be deleted at any time: the next write makes a new one. */
export function indexedDbStore(name = 'flynn-gateway'): Store {
  let opening: Promise<IdbDatabase> | undefined
  const forget = (): void => {
    opening = undefined
  }
  const open = async (): Promise<IdbDatabase> => {
    const request = (globalThis as unknown as { indexedDB: IdbFactory }).indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE)
    const database = await answerOf(request)
    database.onclose = forget
    // It is deleted, by this page or another one, which waits until it is closed everywhere.
    database.onversionchange = () => {
      forget()
      database.close()
    }
    return database
  }
  const begin = async (mode: 'readonly' | 'readwrite'): Promise<IdbTransaction> => {
    opening ??= open()
    // One that failed is tried again with the next call.
    opening.catch(forget)
    return (await opening).transaction(TABLE, mode)
  }
  const read = async <T>(act: (table: IdbStore) => IdbRequest<T>): Promise<T> =>
    answerOf(act((await begin('readonly')).objectStore(TABLE)))
  const write = async (act: (table: IdbStore) => unknown): Promise<void> => {
    const transaction = await begin('readwrite')
    act(transaction.objectStore(TABLE))
    const done = endOf(transaction)
    // At once: a tab that crashes takes what was not committed with it.
    transaction.commit?.()
    await done
  }
  return {
    get: (key) => read((table) => table.get(key)),
    set: (key, value) => write((table) => table.put(value, key)),
    delete: (key) => write((table) => table.delete(key)),
    keys: async (prefix) => (await read((table) => table.getAllKeys())).filter((key) => key.startsWith(prefix))
  }
}

function endOf(transaction: IdbTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
}

function answerOf<T>(request: IdbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
