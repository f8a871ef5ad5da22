/** Where a platform is reached. Only on this machine may it be without TLS: what is sent there are credentials. */
export const endpoint = {
  url: true,
  pattern: '^(https://[^\\s/?#@]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:\\d{1,5})?)(/[^\\s?#]*)?$',
  expected: 'a URL such as https://example.com/v1, with https unless it is on this machine'
} as const
