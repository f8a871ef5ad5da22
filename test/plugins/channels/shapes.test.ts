import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { incomingOf as fromMac } from '../../../plugins/channels/bluebubbles/event.ts'
import { parseEvent } from '../../../plugins/channels/event.ts'
import { eventOf, saidIn } from '../../../plugins/channels/google-chat/event.ts'
import { activityOf, extrasOf, isAddressed, isGroup, textOf } from '../../../plugins/channels/teams/activity.ts'
import { incomingOf } from '../../../plugins/channels/telegram/message.ts'

const parsed = (json: unknown) => parseEvent(Buffer.from(JSON.stringify(json)))
const BOT = { id: 1, username: 'flynn_bot' }

test('null is absent, in objects and a mark before them is no part of them', () => {
  assert.deepEqual(parsed({ a: null, b: { c: null, d: 1 }, e: [{ f: null }] }), { b: { d: 1 }, e: [{}] })
  assert.deepEqual(parseEvent(Buffer.from('\ufeff{"a":1}')), { a: 1 })
})

test('Teams: unknown and malformed parts cost themselves alone', () => {
  const activity = activityOf(
    parsed({
      type: 'message',
      id: '1',
      text: null,
      locale: 5,
      from: { id: '29:a', name: null, aadObjectId: null },
      recipient: { id: '28:b' },
      conversation: { id: 'c', conversationType: null, isGroup: null },
      entities: [{ type: 'mention', text: 7 }, 'x', { type: 'mention', text: '<at>F</at>', mentioned: { id: '28:b' } }],
      attachments: [
        5,
        { contentType: 'text/html', content: '<p>' },
        {
          contentType: 'application/vnd.microsoft.teams.file.download.info',
          name: 'a.pdf',
          content: { downloadUrl: 'https://x.example/a' }
        },
        { contentType: 'image/*', contentUrl: 'https://smba.trafficmanager.net/v3/1' },
        { contentType: 'application/vnd.microsoft.card.adaptive', content: {} },
        { contentType: 'messageReference', content: '{"messagePreview":"before","messageSender":{"user":{"displayName":"Bob"}}}' }
      ]
    })
  )
  assert.equal(textOf(activity), '')
  assert.equal(isAddressed(activity), true)
  assert.equal(isGroup(activity), false)
  assert.deepEqual(extrasOf(activity), {
    files: [
      { url: 'https://x.example/a', filename: 'a.pdf', mimeType: 'application/octet-stream' },
      { url: 'https://smba.trafficmanager.net/v3/1', filename: undefined, mimeType: 'image/png' }
    ],
    untaken: ['a card'],
    quote: { name: 'Bob', text: 'before' },
    forwardedFrom: undefined,
    forwarded: undefined
  })
  for (const wrong of [5, [], {}, { type: 5 }, { type: 'message', text: 5 }, { type: 'message', conversation: 5 }]) {
    assert.throws(() => activityOf(parsed(wrong)), { status: 400 }, JSON.stringify(wrong))
  }
})

test('Google Chat: what of an event is a message', () => {
  const space = { name: 'spaces/A', spaceType: 'SPACE' }
  const sender = { name: 'users/1', displayName: null, type: 'HUMAN' }
  const message = (changes: object) => ({
    name: 'spaces/A/messages/1',
    text: '@Flynn hi',
    argumentText: ' hi',
    sender,
    ...changes
  })
  const mention = { type: 'USER_MENTION', userMention: { user: { name: 'users/app', type: 'BOT' } } }
  const said = (event: object) => {
    const read = eventOf(parsed({ space, ...event }))
    return read && saidIn(read)
  }
  for (const [event, expected] of [
    [
      { type: 'MESSAGE', message: message({ thread: null, annotations: null }) },
      { text: 'hi', thread: undefined, addressed: true }
    ],
    [
      { type: 'MESSAGE', message: message({ annotations: [mention] }) },
      { text: 'hi', addressed: true, group: true }
    ],
    [{ type: 'MESSAGE', message: message({ annotations: [] }) }, { addressed: false }],
    [
      { type: 'MESSAGE', message: message({ text: '/stop now', argumentText: ' now', slashCommand: { commandId: '1' } }) },
      { text: '/stop now' }
    ],
    [
      { type: 'APP_COMMAND', message: message({ text: '/help', argumentText: null }) },
      { text: '/help', addressed: true }
    ],
    [
      { type: 'APP_COMMAND', user: sender },
      { text: '', untaken: ['a command without text'] }
    ],
    [{ type: 'ADDED_TO_SPACE', message: message({}) }, { text: 'hi' }],
    [
      {
        type: 'MESSAGE',
        message: message({
          text: null,
          argumentText: null,
          attachment: [{ contentName: 'a.png', contentType: 'image/png', attachmentDataRef: { resourceName: 'r' } }, 5]
        })
      },
      { text: '', files: [{ filename: 'a.png', mimeType: 'image/png', resource: 'r' }] }
    ],
    [{ type: 'MESSAGE', message: message({ attachedGifs: [{}] }) }, { untaken: ['a GIF'] }],
    [
      {
        type: 'MESSAGE',
        message: message({ quotedMessageMetadata: { quotedMessageSnapshot: { text: 'before', sender: 'Bob' } } })
      },
      { quote: { name: 'Bob', text: 'before' } }
    ],
    [{ type: 'MESSAGE', message: message({ sender: { ...sender, type: 'BOT' } }) }, undefined],
    [{ type: 'ADDED_TO_SPACE', user: sender }, undefined],
    [{ type: 'REMOVED_FROM_SPACE', user: sender }, undefined],
    [{ type: 'CARD_CLICKED', user: sender }, undefined]
  ] as const) {
    const found = said(event)
    if (expected === undefined) assert.equal(found, undefined, JSON.stringify(event))
    else assert.partialDeepStrictEqual(found, expected, JSON.stringify(event))
  }
  const addOn = {
    chat: { user: sender, appCommandPayload: { space, message: message({ text: '/status', argumentText: null }) } }
  }
  assert.equal(saidIn(eventOf(parsed(addOn))!)?.text, '/status')
})

test('Telegram: messages of every kind', () => {
  const ann = { id: 7, is_bot: false, first_name: 'Ann', last_name: 'Lee' }
  const group = { id: -5, type: 'group', title: 'G' }
  const message = (changes: object) => ({ message_id: 1, date: 1, from: ann, chat: { id: 42, type: 'private' }, ...changes })
  const bot = { id: 1, is_bot: true, first_name: 'Flynn' }
  for (const [parts, expected] of [
    [[{ sticker: { emoji: '\u{1f44d}' } }], { text: '[Sticker \u{1f44d}]' }],
    [[{ sticker: {} }], { text: '[Sticker]' }],
    [[{ location: { latitude: 1.5, longitude: 2 } }], { text: '[Location: 1.5, 2]' }],
    [
      [{ venue: { title: 'Bar', address: 'Street 1', location: { latitude: 1, longitude: 2 } } }],
      { text: '[Place: Bar, Street 1 (1, 2)]' }
    ],
    [[{ contact: { first_name: 'Bob', phone_number: '+1' } }], { text: '[Contact: Bob, +1]' }],
    [[{ poll: { question: 'When?', options: [{ text: 'now' }, { text: 'later' }] } }], { text: '[Poll: When? now / later]' }],
    [[{ dice: { emoji: '\u{1f3b2}', value: 4 } }], { text: '[\u{1f3b2} 4]' }],
    [[{ game: {} }], { text: '', untaken: ['a game'] }],
    [[{ story: {} }], { untaken: ['a story'] }],
    [
      [{ video_note: { file_id: 'v' } }],
      { files: [{ id: 'v', mimeType: 'application/octet-stream', filename: undefined, size: undefined }] }
    ],
    [
      [
        { photo: [{ file_id: 's' }, { file_id: 'l' }], caption: 'two' },
        { photo: [{ file_id: 'm' }], message_id: 2 }
      ],
      { text: 'two', messageId: '42:1' }
    ],
    [
      [{ text: 'yes', reply_to_message: message({ text: 'Shall we?', from: { ...ann, first_name: 'Bob' } }) }],
      { quote: { name: 'Bob', text: 'Shall we?' } }
    ],
    [
      [{ text: 'yes', quote: { text: 'part' }, reply_to_message: message({ text: 'all of it, part' }) }],
      { quote: { name: 'Ann', text: 'part' } }
    ],
    [
      [{ text: 'can you read this?', reply_to_message: message({ photo: [{ file_id: 'p' }] }) }],
      { files: [{ id: 'p', mimeType: 'image/jpeg', filename: undefined, size: undefined }] }
    ],
    [[{ text: 'see', forward_origin: { type: 'hidden_user', sender_user_name: 'Eve' } }], { forwardedFrom: 'Eve' }],
    [[{ text: 'see', forward_origin: { type: 'channel', chat: { title: 'News' } } }], { forwardedFrom: 'News' }],
    [[{ chat: group, text: 'hello all' }], { group: true, addressed: false, senderName: 'Ann Lee' }],
    [[{ chat: group, text: 'hello @Flynn_Bot' }], { addressed: true, text: 'hello' }],
    [[{ chat: group, text: '/stop' }], { addressed: true }],
    [[{ chat: group, text: '/stop@flynn_bot' }], { addressed: true, text: '/stop' }],
    [[{ chat: group, text: '/stop@other_bot' }], undefined],
    [[{ chat: group, text: 'and you?', reply_to_message: message({ text: 'I think', from: bot }) }], { addressed: true }],
    [
      [{ chat: group, text: 'Flynn!', entities: [{ type: 'text_mention', offset: 0, length: 5, user: bot }] }],
      { addressed: true }
    ],
    [[{ chat: group, new_chat_members: [ann] }], undefined],
    [[{ chat: group, pinned_message: {} }], undefined]
  ] as const) {
    const found = incomingOf(parts.map((part) => message(part)) as never, BOT)
    if (expected === undefined) assert.equal(found, undefined, JSON.stringify(parts))
    else assert.partialDeepStrictEqual(found, expected, JSON.stringify(parts))
  }
})

test('BlueBubbles: pictures, apps and groups', () => {
  const data = (changes: object) => ({
    guid: 'g',
    text: 'hi',
    isFromMe: false,
    handle: { address: '+1' },
    chats: [{ guid: 'iMessage;-;+1' }],
    dateCreated: null,
    ...changes
  })
  const attachments = [
    { guid: 'a', mimeType: 'image/heic', transferName: 'IMG.heic', totalBytes: 5 },
    7,
    { guid: 'b', hideAttachment: true }
  ]
  for (const [changes, expected] of [
    [
      { text: '\ufffc', attachments },
      { text: '', files: [{ guid: 'a', mimeType: 'image/heic', filename: 'IMG.heic', size: 5 }], untaken: [] }
    ],
    [{ text: '\ufffclook', attachments }, { text: 'look' }],
    [
      { text: '\ufffc', attachments: null },
      { text: '', untaken: ['a file'] }
    ],
    [{ text: null, balloonBundleId: 'com.apple.poll' }, { untaken: ['a message of an app'] }],
    [{ chats: [{ guid: 'iMessage;+;chat1' }] }, { group: true }],
    [{ text: null }, undefined],
    [{ isFromMe: null }, undefined]
  ] as const) {
    const found = fromMac(parsed({ type: 'new-message', data: data(changes) }))
    if (expected === undefined) assert.equal(found, undefined, JSON.stringify(changes))
    else assert.partialDeepStrictEqual(found, expected, JSON.stringify(changes))
  }
})

test('no JSON of any shape makes a reader throw anything but a refusal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      let json: ReturnType<typeof parsed>
      try {
        json = parsed(value)
      } catch (error) {
        // A reserved key, such as `prototype`.
        assert.equal((error as { statusCode?: number }).statusCode, 400)
        return
      }
      const event = eventOf(json)
      if (event) saidIn(event)
      fromMac({ type: 'new-message', data: json })
      try {
        const activity = activityOf(json)
        extrasOf(activity)
        textOf(activity)
      } catch (error) {
        assert.equal((error as { status?: number }).status, 400)
      }
    })
  )
})
