import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'
import { withoutNulls } from '../event.ts'
import { parseAuthenticationResults } from './authentication-results.ts'
import { filesOf, type MailFile, Part, textOf } from './body.ts'

/** RFC 5321. */
const MAX_ADDRESS = 320
/** Before an address that a mail claims without proof: its sender is another one than the owner of the address. */
const UNVERIFIED = 'unverified:'
/** Google, which has received the mail. */
const SERVER = 'mx.google.com'
/** Names of addresses that machines write from. */
const MACHINE = /^(no[-._]?reply|do[-._]?not[-._]?reply|mailer-daemon|postmaster|bounces?|notifications?)([-+._].*)?$/i

const Message = Type.Object({
  id: Type.String(),
  threadId: Type.String(),
  labelIds: Type.Optional(Type.Array(Type.String())),
  snippet: Type.Optional(Type.String()),
  payload: Type.Optional(Part)
})

const check = compile<Static<typeof Message>>(Message, 'message')

/** A mail of a person. */
export interface Mail {
  readonly id: string
  readonly thread: string
  /** Address, or `unverified:` and the address that is claimed. */
  readonly from: string
  readonly fromName: string | undefined
  readonly text: string
  readonly files: readonly MailFile[]
  readonly context: MailContext
}

/** Data of a mail that its answer needs. */
export interface MailContext {
  readonly thread: string
  readonly to: string
  readonly subject: string
  readonly messageId: string | undefined
  readonly references: string
}

/**
 * A mail as the API shows it. Undefined for the agent's own mails, for those of machines, which would answer the answer, and for empty ones.
 * @param account address of the mailbox; a mail that its owner has sent to it is one of a person
 */
export async function mailOf(json: unknown, account: string): Promise<Mail | undefined> {
  const checked = check(withoutNulls(json))
  if ('issues' in checked) return undefined
  const { id, threadId: thread, labelIds = [], snippet = '', payload } = checked.value
  const isSent = labelIds.includes('SENT')
  if (labelIds.includes('DRAFT') || (isSent && !labelIds.includes('INBOX'))) return undefined
  const headers = (name: string): string[] =>
    payload?.headers?.flatMap((it) => (it.name.toLowerCase() === name ? [it.value.trim()] : [])) ?? []
  const header = (name: string): string | undefined => headers(name)[0]
  const [sender, ...others] = (await Promise.all(headers('from').map(addressesOf))).flat()
  if (sender === undefined || isAutomatic(header, sender.address)) return undefined
  const { decodeWords } = await import('postal-mime')
  const subject = decodeWords(header('subject') ?? '').trim()
  const text = (await textOf(payload)) || (payload?.parts === undefined ? snippet.trim() : '')
  const files = filesOf(payload)
  if (text === '' && subject === '' && files.length === 0) return undefined
  // Gmail labels a mail as sent only when its account has sent it. Of several senders none is proven.
  const isOwner = isSent && sender.address === account.toLowerCase()
  const isProven = others.length === 0 && isVouchedFor(sender.address, header('authentication-results'))
  const messageId = header('message-id')
  return {
    id,
    thread,
    from: isOwner || isProven ? sender.address : `${UNVERIFIED}${sender.address}`,
    fromName: sender.name,
    text: subject === '' ? text : `Subject: ${subject}\n\n${text}`.trim(),
    files,
    // Never to `Reply-To`: any sender could have the agent write to others.
    context: {
      thread,
      to: sender.address,
      subject,
      messageId,
      references: [header('references'), messageId].filter(Boolean).join(' ')
    }
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
    // Other machines do not answer it then, and this gateway neither.
    headers: { 'Auto-Submitted': 'auto-replied' }
  })
  return (await mail.compile().build()).toString('base64url')
}

/** Mailboxes of a header. Names are decoded after the header is parsed: an encoded name may hold anything. */
async function addressesOf(header: string): Promise<{ address: string; name: string | undefined }[]> {
  // Loaded with the first mail: a gateway without Gmail starts without it.
  const [{ default: addressparser }, { decodeWords }] = await Promise.all([
    import('nodemailer/lib/addressparser'),
    import('postal-mime')
  ])
  return addressparser(header, { flatten: true }).flatMap(({ address = '', name = '' }) => {
    const lower = address.toLowerCase()
    if (!lower.includes('@') || lower.length > MAX_ADDRESS) return []
    return [{ address: lower, name: decodeWords(name).trim() || undefined }]
  })
}

/**
 * Checks that Google has verified that the domain of an address has sent the mail: anyone can write any address into one. Google's own header comes
 * first; a sender's header of that name comes later. With two results of DMARC the header is not Google's alone.
 */
function isVouchedFor(address: string, header = ''): boolean {
  const parsed = parseAuthenticationResults(header)
  if (parsed?.server !== SERVER) return false
  const [dmarc, ...more] = parsed.results.filter(({ method }) => method === 'dmarc')
  const domain = address.slice(address.lastIndexOf('@') + 1)
  return more.length === 0 && dmarc?.result === 'pass' && dmarc.properties.get('header.from')?.toLowerCase() === domain
}

/** RFC 3834, and the marks of lists, bulk mail, bounces and auto-responders. */
function isAutomatic(header: (name: string) => string | undefined, address: string): boolean {
  const submitted = /^[^;]*/
    .exec(header('auto-submitted') ?? 'no')![0]
    .trim()
    .toLowerCase()
  const suppressed = header('x-auto-response-suppress')?.toLowerCase() ?? 'none'
  const marks = [
    'list-id',
    'list-unsubscribe',
    'list-post',
    'mailing-list',
    'x-autoreply',
    'x-autorespond',
    'x-auto-reply',
    'x-loop',
    'feedback-id'
  ]
  return (
    submitted !== 'no' ||
    suppressed !== 'none' ||
    /^(bulk|list|junk|auto[-_]?reply)$/i.test(header('precedence') ?? '') ||
    /^multipart\/report\b/i.test(header('content-type') ?? '') ||
    /^<>$/.test(header('return-path') ?? '') ||
    MACHINE.test(address.slice(0, address.lastIndexOf('@'))) ||
    marks.some((name) => header(name) !== undefined)
  )
}
