type Code = 'invalid_namespace' | 'invalid_key' | 'invalid_value' | 'invalid_query' | 'value_too_large' | 'too_many_values'

/** Rejection of a call that a plugin store does not accept. Nothing was changed. */
export class PluginStoreError extends Error {
  override readonly name = 'PluginStoreError'
  readonly code: Code

  constructor(code: Code, message: string) {
    super(message)
    this.code = code
  }
}
