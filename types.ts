/** Imports of plugin authors, augmented with `declare module 'flynn-gateway/types'`. */
export * from './plugins/define.ts'
export type {} from './plugins/index.ts'
