/** Types for the parts of the package that are used; it has none of its own. */
declare module 'web-push' {
  interface VapidKeys {
    readonly publicKey: string
    readonly privateKey: string
  }

  interface RequestDetails {
    readonly headers: Readonly<Record<string, string | number>>
    readonly body: Buffer
  }

  const webPush: {
    generateVAPIDKeys(): VapidKeys
    generateRequestDetails(
      subscription: { readonly endpoint: string; readonly keys: { readonly p256dh: string; readonly auth: string } },
      payload: Buffer,
      options: {
        readonly vapidDetails: VapidKeys & { readonly subject: string }
        /** Seconds. */
        readonly TTL: number
        readonly topic: string
      }
    ): RequestDetails
  }
  export default webPush
}
