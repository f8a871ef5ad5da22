/** URL of a platform. It gets credentials, so only one on this machine may be without TLS. */
export const endpoint = {
  url: true,
  shows: 'path',
  pattern: '^(https://[^\\s/?#@]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:\\d{1,5})?)(/[^\\s?#]*)?$',
  expected: 'a URL such as https://example.com/v1, with https unless it is on this machine'
} as const
