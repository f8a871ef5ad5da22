import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'

/** RFC 5321. */
const MAX_ADDRESS = 320
/** What a sender is called whose address is only claimed: somebody else than the owner of the address. */
const UNVERIFIED = 'unverified:'

const Part = Type.Recursive((Self) =>
  Type.Object({
    mimeType: Type.Optional(Type.String()),
    headers: Type.Optional(Type.Array(Type.Object({ name: Type.String(), value: Type.String() }))),
    body: Type.Optional(Type.Object({ data: Type.Optional(Type.String()) })),
    parts: Type.Optional(Type.Array(Self))
  })
)
const Message = Type.Object({
  id: Type.String(),
  threadId: Type.String(),
  labelIds: Type.Optional(Type.Array(Type.String())),
  snippet: Type.Optional(Type.String()),
  payload: Type.Optional(Part)
})

const check = compile<Static<typeof Message>>(Message, 'message')

/** A mail from somebody. */
export interface Mail {
  readonly id: string
  readonly thread: string
  /** The address, or `unverified:` and the address that is claimed. */
  readonly from: string
  readonly fromName: string | undefined
  readonly text: string
  readonly context: MailContext
}

/** What an answer in the same thread needs. */
export interface MailContext {
  readonly thread: string
  readonly to: string
  readonly subject: string
  readonly messageId: string | undefined
  readonly references: string
}

/** Of a mail as the API shows it; undefined when it is the agent's own, a machine's, or empty: machines would answer the answer. */
export async function mailOf(json: unknown): Promise<Mail | undefined> {
  const checked = check(json)
  if ('issues' in checked) return undefined
  const { id, threadId: thread, labelIds = [], snippet = '', payload } = checked.value
  if (labelIds.includes('SENT') || labelIds.includes('DRAFT')) return undefined
  const header = (name: string): string | undefined =>
    payload?.headers?.find((it) => it.name.toLowerCase() === name)?.value.trim()
  const sender = await addressOf(header('from') ?? '')
  if (sender === undefined || isAutomatic(header)) return undefined
  const subject = header('subject') ?? ''
  const text = (plainTextOf(payload) ?? snippet).trim()
  if (text === '' && subject === '') return undefined
  const messageId = header('message-id')
  const to = (await addressOf(header('reply-to') ?? ''))?.address ?? sender.address
  const references = [header('references'), messageId].filter(Boolean).join(' ')
  return {
    id,
    thread,
    from: isVouchedFor(sender.address, header('authentication-results')) ? sender.address : `${UNVERIFIED}${sender.address}`,
    fromName: sender.name,
    text: subject === '' ? text : `Subject: ${subject}\n\n${text}`,
    context: { thread, to, subject, messageId, references }
  }
}

/** An answer as the API takes it: RFC 5322 in base64url. */
export async function rawAnswer(
  { to, subject, messageId, references }: MailContext,
  from: string,
  text: string
): Promise<string> {
  // Loaded with the first answer: a gateway without Gmail starts without it.
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const mail = new MailComposer({
    from,
    to,
    subject: /^re:/i.test(subject) ? subject : `Re: ${subject}`,
    text,
    ...(messageId === undefined ? {} : { inReplyTo: messageId, references }),
    // So that other machines do not answer.
    headers: { 'Auto-Submitted': 'auto-replied' }
  })
  return (await mail.compile().build()).toString('base64url')
}

/** The first mailbox of a header. */
async function addressOf(header: string): Promise<{ address: string; name: string | undefined } | undefined> {
  // Loaded with the first mail: a gateway without Gmail starts without it.
  const { default: addressparser } = await import('nodemailer/lib/addressparser')
  const [mailbox] = addressparser(header, { flatten: true })
  const address = mailbox?.address?.toLowerCase() ?? ''
  if (!address.includes('@') || address.length > MAX_ADDRESS) return undefined
  return { address, name: mailbox?.name || undefined }
}

/**
 * Whether Google says that whoever may send for the domain of an address has sent the mail: anybody can write any address into one. Its word is
 * the first header of that name; what a sender has put there comes after.
 */
function isVouchedFor(address: string, results = ''): boolean {
  const [by, ...found] = results
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  if (by !== 'mx.google.com') return false
  const domain = address.slice(address.lastIndexOf('@') + 1)
  return found.some((result) => {
    const [, method, name] = /^(dmarc|dkim)=pass\b.*?\bheader\.(?:from|i|d)=(?:[^\s;@]*@)?([^\s;]+)/.exec(result) ?? []
    return method !== undefined && name === domain
  })
}

/** RFC 3834, and what lists and senders of many mails say of themselves. */
function isAutomatic(header: (name: string) => string | undefined): boolean {
  const submitted = header('auto-submitted')?.toLowerCase() ?? 'no'
  const isBulk = /^(bulk|list|junk|auto_reply)$/i.test(header('precedence') ?? '')
  return submitted !== 'no' || isBulk || header('list-id') !== undefined || /^<>$/.test(header('return-path') ?? '')
}

function plainTextOf(part: Static<typeof Part> | undefined): string | undefined {
  if (part?.mimeType === 'text/plain' && part.body?.data !== undefined) return Buffer.from(part.body.data, 'base64url').toString()
  for (const inner of part?.parts ?? []) {
    const text = plainTextOf(inner as Static<typeof Part>)
    if (text !== undefined) return text
  }
  return undefined
}
