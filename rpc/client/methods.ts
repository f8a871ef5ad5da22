// Generated from the definitions of the gateway by `npm run docs`. Do not edit.

/** Methods of the gateway: params, result and events. A plugin adds its own by augmentation. */
export interface GatewayMethods {
  /** Cancel the active run and the waiting messages of a session */
  'agent.cancel': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** Cancels only if this run is active, otherwise nothing. The id of a message that is part of the run names it too. Default: any run */
      runId?: string | undefined
      /** Leaves the waiting messages, which then run */
      keepQueue?: boolean | undefined
      /** Part of the error that requesters of cancelled messages get */
      reason?: string | undefined
    }
    result: {
      /** False when there was nothing to cancel */
      cancelled: boolean
    }
    events: Record<never, never>
  }
  /** Approve or refuse a tool call that waits for confirmation (extension) */
  'agent.confirmTool': {
    params: {
      /** confirm.callId of its tool_start, or callId of confirmations.list */
      callId: string
      approve: boolean
      /** Reason of a refusal, for the model */
      reason?: string | undefined
    }
    result: {
      success: true
    }
    events: Record<never, never>
  }
  /** Send the message of a run again, with its files, and stream the answer (extension) */
  'agent.retry': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** A run of your own message. Default: the newest of the conversation */
      runId?: string | undefined
    }
    result: {
      sessionId: string
      runId: string
      /** The whole answer: the texts of all content events but transient ones, joined */
      content: string
      /** The same as content */
      response: string
      usage: {
        /** Of all model calls of the run together */
        inputTokens: number
        outputTokens: number
      }
      /** Absent for a complete answer. length: cut off at the limit of tokens of the model; empty: the model gave no answer */
      stopReason?: 'length' | 'empty'
      queue?: {
        /** Names this message in queue.get, queue.cancel and sessions.resume */
        messageId: string
        /** Handling of a message that arrives while the agent is busy */
        mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
        /** completed: by a run of its own; collected: by one it shares with others; steered: by a run that was under way; followup: it could not be steered and got a run of its own */
        outcome: 'completed' | 'collected' | 'steered' | 'followup'
        /** Number of messages that the run answers; only for collected ones */
        collected?: number
        /** An earlier run has taken this message into account already */
        backlog?: boolean
      }
    }
    events: RunEvents
  }
  /** Send a message to the agent and stream its answer */
  'agent.send': {
    params: {
      /** May be empty when there are attachments */
      message: string
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      attachments?: {
        mimeType: string
        /** base64 */
        data: string
        filename?: string | undefined
      }[] | undefined
      /** Files uploaded with `POST /attachments` within the last hour (extension) */
      attachmentIds?: string[] | undefined
      /** Queue mode of this message */
      queueMode?: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt' | undefined
      /** The same key in the same session within 24 hours answers with the outcome of the first call, and starts nothing */
      idempotencyKey?: string | undefined
    }
    result: {
      sessionId: string
      runId: string
      /** The whole answer: the texts of all content events but transient ones, joined */
      content: string
      /** The same as content */
      response: string
      usage: {
        /** Of all model calls of the run together */
        inputTokens: number
        outputTokens: number
      }
      /** Absent for a complete answer. length: cut off at the limit of tokens of the model; empty: the model gave no answer */
      stopReason?: 'length' | 'empty'
      queue?: {
        /** Names this message in queue.get, queue.cancel and sessions.resume */
        messageId: string
        /** Handling of a message that arrives while the agent is busy */
        mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
        /** completed: by a run of its own; collected: by one it shares with others; steered: by a run that was under way; followup: it could not be steered and got a run of its own */
        outcome: 'completed' | 'collected' | 'steered' | 'followup'
        /** Number of messages that the run answers; only for collected ones */
        collected?: number
        /** An earlier run has taken this message into account already */
        backlog?: boolean
      }
    }
    events: RunEvents
  }
  /** Receive the tool events of a session, and confirm its tool calls */
  'agent.setToolUseCallback': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** True to receive the events under the id of this call, which replaces an earlier one */
      enabled: boolean
    }
    result: {
      success: true
    }
    events: {
      tool_start: {
        tool: string
        args: Record<string, unknown>
        /** The same in the tool_end of this call */
        callId: string
        /** Only when the tool waits to be confirmed: args are exactly what it would get */
        confirm?: {
          /** To be answered with agent.confirmTool, once; not the callId of the model */
          callId: string
          /** When the tool counts as refused, epoch milliseconds */
          expiresAt: number
        }
      }
      tool_end: {
        tool: string
        result: {
          success: boolean
          output: string
          error: string | null
        }
        callId: string
      }
    }
  }
  /** Make a code that logs a further device in as you: once, within five minutes (extension) */
  'auth.createCode': {
    params: Record<never, never>
    result: {
      /** For `POST /auth/code`. It acts as you: show it as a QR code, and send it to no one */
      code: string
      /** Epoch milliseconds */
      expiresAt: number
    }
    events: Record<never, never>
  }
  /** List the signed-in browsers of your own token, or of all with the scope admin (extension) */
  'auth.logins': {
    params: Record<never, never>
    result: {
      /** Used last first; at most 100 */
      logins: {
        loginId: string
        /** Name of the token it signed in with */
        token: string
        /** Epoch milliseconds */
        issuedAt: number
        /** Epoch milliseconds */
        lastSeenAt: number
        /** Address it was used from last */
        address: string
        /** Program it was used from last, in its own words */
        userAgent: string
        /** True for the login of this connection */
        current: boolean
      }[]
      total: number
    }
    events: Record<never, never>
  }
  /** Sign a browser out, and close its connections: of your own token, or any with the scope admin (extension) */
  'auth.revokeLogin': {
    params: {
      /** loginId of auth.logins */
      loginId: string
    }
    result: {
      /** False when there is no such login, or it is not yours */
      revoked: boolean
    }
    events: Record<never, never>
  }
  /** Sign out every browser of your own token, this one included, and close their connections (extension) */
  'auth.revokeLogins': {
    params: {
      /** Every login, this one included */
      all: true
    }
    result: {
      /** Number of logins that were listed */
      revoked: number
    }
    events: Record<never, never>
  }
  /** Delete all artifacts of a session */
  'canvas.clear': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      /** Number of deleted artifacts */
      cleared: number
    }
    events: Record<never, never>
  }
  /** Delete one artifact */
  'canvas.delete': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** Id of the artifact in its session. Putting the same id again replaces it */
      artifactId: string
    }
    result: {
      /** False when the session has no artifact of that id */
      deleted: boolean
    }
    events: Record<never, never>
  }
  /** Show one artifact */
  'canvas.get': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** Id of the artifact in its session. Putting the same id again replaces it */
      artifactId: string
    }
    result: {
      artifact: {
        /** Id of a conversation: its frontend, a colon, and a key */
        sessionId: string
        artifactId: string
        type: string
        /** Null when it has none */
        title: string | null
        /** Epoch milliseconds */
        createdAt: number
        /** Time of the latest change in epoch milliseconds */
        updatedAt: number
        /** 1 at creation, one more with each change */
        revision: number
        content: Record<string, unknown>
        /** Null when it has none */
        metadata: Record<string, unknown> | null
      }
    }
    events: Record<never, never>
  }
  /** List the artifacts of a session, newest change first */
  'canvas.list': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** Maximum number of artifacts on a page. The page ends earlier at 4 MiB of content, but holds at least one artifact */
      limit?: number | undefined
      offset?: number | undefined
    }
    result: {
      artifacts: {
        /** Id of a conversation: its frontend, a colon, and a key */
        sessionId: string
        artifactId: string
        type: string
        /** Null when it has none */
        title: string | null
        /** Epoch milliseconds */
        createdAt: number
        /** Time of the latest change in epoch milliseconds */
        updatedAt: number
        /** 1 at creation, one more with each change */
        revision: number
        content: Record<string, unknown>
        /** Null when it has none */
        metadata: Record<string, unknown> | null
      }[]
      /** Number of artifacts on all pages */
      total: number
    }
    events: Record<never, never>
  }
  /** Create or replace an artifact on the canvas of a session */
  'canvas.put': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** Id of the artifact in its session. Putting the same id again replaces it */
      artifactId: string
      /** Kind of the artifact: note, table, … */
      type: string
      title?: string | undefined
      /** Content. At most 1 MiB as JSON, together with the metadata */
      content: Record<string, unknown>
      metadata?: Record<string, unknown> | undefined
    }
    result: {
      artifact: {
        /** Id of a conversation: its frontend, a colon, and a key */
        sessionId: string
        artifactId: string
        type: string
        /** Null when it has none */
        title: string | null
        /** Epoch milliseconds */
        createdAt: number
        /** Time of the latest change in epoch milliseconds */
        updatedAt: number
        /** 1 at creation, one more with each change */
        revision: number
        content: Record<string, unknown>
        /** Null when it has none */
        metadata: Record<string, unknown> | null
      }
      /** False when it replaced an artifact of that id */
      created: boolean
    }
    events: Record<never, never>
  }
  /** List the channels with their pairing policy and their traffic, and the platforms that are not configured (extension) */
  'channels.list': {
    params: Record<never, never>
    result: {
      channels: {
        /** Frontend of its sessions */
        name: string
        /** Policy for unknown senders */
        pairing: 'open' | 'required' | 'allowlist'
        /** Messages since the gateway started */
        received: number
        /** Those that could not be stored; their platform sends them again */
        failed: number
        /** Epoch milliseconds; null before the first */
        lastReceivedAt: number | null
      }[]
      missing: {
        /** Route of the platform; it answers 503 */
        route: string
        /** Keys of the configuration that are not set */
        keys: string[]
      }[]
    }
    events: Record<never, never>
  }
  /** List the slash commands that the caller may use, for completion (extension) */
  'commands.list': {
    params: Record<never, never>
    result: {
      commands: {
        /** Name after the slash */
        name: string
        /** One line for people */
        summary: string
        /** Ways to write it */
        usage: string[]
      }[]
    }
    events: Record<never, never>
  }
  /** List every setting with its value, its default, the place it comes from, and what a change needs (extension) */
  'config.describe': {
    params: Record<never, never>
    result: {
      settings: {
        /** As the file writes it: `server.port` */
        path: string
        description: string
        /** Value in force, secrets as `***`; null: not set */
        value: unknown
        /** null: there is none */
        default: unknown
        /** host: a value of the program that embeds the gateway */
        origin: 'default' | 'file' | 'environment' | 'flag' | 'host'
        /** `flynn.yaml:4:9`, `FLYNN_SERVER__PORT` or `--port` */
        place?: string
        secret: boolean
        /** A reload does not put a new value in force */
        needsRestart: boolean
      }[]
    }
    events: Record<never, never>
  }
  /** Show the configuration in force without its secrets */
  'config.get': {
    params: Record<never, never>
    result: Record<string, unknown>
    events: Record<never, never>
  }
  /** Read the configuration again and put it in force */
  'config.reload': {
    params: {
      /** Only show what would change, with a hash for `baseHash` (extension) */
      dryRun?: boolean | undefined
      /** Refuse if the configuration changed since that dry run (extension) */
      baseHash?: string | undefined
    }
    result: {
      success: boolean
      /** Paths of the settings that changed, as the file writes them (extension) */
      changed?: string[]
      /** Paths of the settings whose new value takes effect after a restart (extension) */
      restartRequired?: string[]
      /** With `dryRun`: what a reload would change (extension) */
      changes?: {
        path: string
        /** Value in force, without secrets; null: not set */
        before: unknown
        /** Value that was read, without secrets; null: not set */
        after: unknown
        needsRestart: boolean
      }[]
      /** With `dryRun`: `baseHash` of the reload (extension) */
      hash?: string
    }
    events: Record<never, never>
  }
  /** List the tool calls of all sessions that wait for a person, those that expire first at the front (extension) */
  'confirmations.list': {
    params: {
      /** Maximum number of calls. An answer also ends at 4 MiB of arguments, but has at least one call */
      limit?: number | undefined
    }
    result: {
      confirmations: {
        /** To be answered with agent.confirmTool, once */
        callId: string
        sessionId: string
        runId: string
        /** Id of the caller that the tool would run for */
        owner: string
        tool: string
        /** Exactly what the tool would get. Absent in an event when longer than 64 KiB: confirmations.list has it */
        args?: Record<string, unknown>
        /** Epoch milliseconds */
        openedAt: number
        /** When the tool counts as refused, epoch milliseconds */
        expiresAt: number
      }[]
      /** Number of all waiting calls */
      total: number
    }
    events: Record<never, never>
  }
  /** Receive events of the whole gateway, with the id null, as far as the scopes of this connection allow (extension) */
  'events.subscribe': {
    params: {
      /** Kinds of events: session, lane, run, confirm, node, presence, pairing, job, config, audit, and those of plugins */
      kinds: string[]
    }
    result: {
      /** Kinds that this connection is subscribed to from now on */
      kinds: string[]
    }
    events: Record<never, never>
  }
  /** Stop receiving events of the whole gateway (extension) */
  'events.unsubscribe': {
    params: {
      /** Kinds of events: session, lane, run, confirm, node, presence, pairing, job, config, audit, and those of plugins */
      kinds?: string[] | undefined
    }
    result: {
      /** Kinds that this connection is subscribed to from now on */
      kinds: string[]
    }
    events: Record<never, never>
  }
  /** List the MCP servers with their condition. Starts none of them (extension) */
  'mcp.list': {
    params: Record<never, never>
    result: {
      servers: {
        /** Key in `tools.mcp`, and first part of the names of its tools */
        name: string
        /** idle: not needed yet. down: it failed, and is tried again when it is needed */
        state: 'idle' | 'starting' | 'up' | 'down'
        /** Why it is down */
        reason?: string
        /** Source of system.serviceLogs */
        sourceId: string
        /** Starts after the first one, since the gateway started */
        restarts: number
        /** Last lines of its stderr, without secrets */
        log: string[]
      }[]
    }
    events: Record<never, never>
  }
  /** List the tiers of models, each in the order in which its models are tried (extension) */
  'models.list': {
    params: Record<never, never>
    result: {
      tiers: {
        /** Name for `/model` and sessions.configure */
        tier: string
        models: {
          provider: string
          model: string
          /** Tokens; lower than configured where the provider has refused more */
          contextWindow: number
          /** The built-in model, which needs no network */
          offline: boolean
        }[]
      }[]
    }
    events: Record<never, never>
  }
  /** Show the negotiated terms of the node of this connection */
  'node.capabilities.get': {
    params: Record<never, never>
    result: {
      node: {
        id: string
        role: string
      }
      protocol: {
        serverVersion: number
        clientVersion: number
        /** The lower one of both */
        negotiatedVersion: number
      }
      capabilities: {
        declared: string[]
        /** Those declared whose feature gate is open */
        enabled: string[]
        /** Those declared with a description or a schema of the arguments */
        details?: {
          name: string
          /** Effect of the capability, for people and models */
          description?: string
          /** JSON Schema of its arguments, an object. node.invoke checks them before it asks the node */
          params?: Record<string, unknown>
        }[]
      }
    }
    events: Record<never, never>
  }
  /** Forget a node: its owner, location, status and push token; a connected one is disconnected (extension) */
  'node.forget': {
    params: {
      /** Names a device, and stays the same when it comes back */
      nodeId: string
    }
    result: {
      nodeId: string
      forgotten: true
      /** It was connected: its connection is closed with 1008 */
      disconnected: boolean
    }
    events: Record<never, never>
  }
  /** Use a capability of a connected node, and wait for its answer (extension) */
  'node.invoke': {
    params: {
      /** Names a device, and stays the same when it comes back */
      nodeId: string
      capability: string
      /** Arguments of the capability; at most 1 MiB as JSON */
      args?: Record<string, unknown> | undefined
      timeoutMs?: number | undefined
    }
    result: {
      nodeId: string
      capability: string
      callId: string
      ok: boolean
      output?: unknown
      error?: string
    }
    events: Record<never, never>
  }
  /** Show the last known location of the node of this connection */
  'node.location.get': {
    params: Record<never, never>
    result: {
      node: {
        id: string
        role: string
      }
      /** null: none was ever set */
      location: {
        /** Degrees */
        latitude: number
        /** Degrees */
        longitude: number
        accuracyMeters?: number
        /** Source of the position: gps, wifi, … */
        source?: string
        /** Epoch milliseconds, by the node's clock */
        capturedAt: number
        /** Epoch milliseconds */
        receivedAt: number
      } | null
    }
    events: Record<never, never>
  }
  /** Report the location of the node of this connection */
  'node.location.set': {
    params: {
      /** Degrees */
      latitude: number
      /** Degrees */
      longitude: number
      accuracyMeters?: number | undefined
      /** Source of the position: gps, wifi, … */
      source?: string | undefined
      /** Epoch milliseconds. Default: when it is received */
      capturedAt?: number | undefined
    }
    result: {
      updated: true
      node: {
        id: string
        role: string
      }
      location: {
        /** Degrees */
        latitude: number
        /** Degrees */
        longitude: number
        accuracyMeters?: number
        /** Source of the position: gps, wifi, … */
        source?: string
        /** Epoch milliseconds, by the node's clock */
        capturedAt: number
        /** Epoch milliseconds */
        receivedAt: number
      }
    }
    events: Record<never, never>
  }
  /** Send a push notification to a node, connected or not (extension) */
  'node.push': {
    params: {
      /** Names a device, and stays the same when it comes back */
      nodeId: string
      title?: string | undefined
      body?: string | undefined
      /** For the app; without title and body it is woken in the background */
      data?: Record<string, string> | undefined
    }
    result: {
      nodeId: string
      provider: 'apns' | 'fcm'
      /** The service has accepted it */
      delivered: boolean
      /** Id that the service gave it */
      messageId?: string
      /** Why it was not delivered, in the service's words */
      reason?: string
      /** The service has no such device any more */
      tokenRemoved?: boolean
      retryable?: boolean
      retryAfterMs?: number
    }
    events: Record<never, never>
  }
  /** Register the push token of APNs or FCM of the node of this connection */
  'node.push_token.set': {
    params: {
      provider: 'apns' | 'fcm'
      /** As the device got it from APNs (in hex) or FCM */
      token: string
      /** Which of the two services of APNs the token belongs to */
      environment?: 'production' | 'sandbox' | undefined
      /** Bundle id of the app; APNs only */
      topic?: string | undefined
    }
    result: {
      updated: true
      node: {
        id: string
        role: string
      }
      push: {
        provider: 'apns' | 'fcm'
        /** Its first and last four characters; *** when it cannot be read */
        tokenPreview: string
        /** Which of the two services of APNs the token belongs to */
        environment?: 'production' | 'sandbox'
        /** Bundle id of the app; APNs only */
        topic?: string
        /** False: it was encrypted with another server.secret_key, or was tampered with; the node has to set it again */
        readable: boolean
        /** Epoch milliseconds */
        updatedAt: number
      }
    }
    events: Record<never, never>
  }
  /** Register role and capabilities of a companion node for this connection */
  'node.register': {
    params: {
      /** Names a device, and stays the same when it comes back */
      nodeId: string
      /** One of server.nodes.allowed_roles */
      role: string
      /** The newest that the node speaks */
      protocolVersion: number
      /** Capabilities of the node, as names or with a description and a schema of the arguments (extension). Descriptions and schemas have at most 32768 characters together */
      capabilities: (string | {
        name: string
        /** Effect of the capability, for people and models */
        description?: string | undefined
        /** JSON Schema of its arguments, an object. node.invoke checks them before it asks the node */
        params?: Record<string, unknown> | undefined
      })[]
    }
    result: {
      registered: true
      node: {
        id: string
        role: string
      }
      protocol: {
        serverVersion: number
        clientVersion: number
        /** The lower one of both */
        negotiatedVersion: number
      }
      capabilities: {
        declared: string[]
        /** Those declared whose feature gate is open */
        enabled: string[]
        /** Those declared with a description or a schema of the arguments */
        details?: {
          name: string
          /** Effect of the capability, for people and models */
          description?: string
          /** JSON Schema of its arguments, an object. node.invoke checks them before it asks the node */
          params?: Record<string, unknown>
        }[]
      }
    }
    events: {
      invoke: {
        /** To be answered once with node.result */
        callId: string
        capability: string
        /** Arguments of the capability; at most 1 MiB as JSON */
        args: Record<string, unknown>
      }
    }
  }
  /** Answer an invoke event, once (extension) */
  'node.result': {
    params: {
      /** As the invoke event says it */
      callId: string
      ok: boolean
      /** Any JSON, at most 1 MiB; only when ok */
      output?: unknown | undefined
      /** Why not; only when not ok */
      error?: string | undefined
    }
    result: {
      accepted: true
    }
    events: Record<never, never>
  }
  /** Publish the status of the node of this connection; it replaces the one before */
  'node.status.set': {
    params: {
      /** macos, ios, android, … */
      platform?: string | undefined
      /** Of the companion app */
      appVersion?: string | undefined
      /** Name that the owner gave the device */
      deviceName?: string | undefined
      /** Current activity, for people */
      statusText?: string | undefined
      batteryPct?: number | undefined
      /** battery, ac, … */
      powerSource?: string | undefined
    }
    result: {
      updated: true
      node: {
        id: string
        role: string
      }
      status: {
        /** macos, ios, android, … */
        platform?: string
        /** Of the companion app */
        appVersion?: string
        /** Name that the owner gave the device */
        deviceName?: string
        /** Current activity, for people */
        statusText?: string
        batteryPct?: number
        /** battery, ac, … */
        powerSource?: string
        /** Epoch milliseconds */
        updatedAt: number
      }
    }
    events: Record<never, never>
  }
  /** Pair a sender without a code, such as one of pairing.requests (extension) */
  'pairing.approve': {
    params: {
      /** Name of the channel: the part of a session id before its colon */
      channel: string
      /** Id of the sender on its channel */
      senderId: string
      /** owner: shares memory and tools with the operator. guest: has memory of its own and the tools of tools.guests */
      access?: 'guest' | 'owner' | undefined
    }
    result: {
      channel: string
      senderId: string
      /** owner: shares memory and tools with the operator. guest: has memory of its own and the tools of tools.guests */
      access: 'guest' | 'owner'
      /** Pairing; ISO 8601, UTC */
      pairedAt: string
    }
    events: Record<never, never>
  }
  /** Forget the request of an unknown sender, until it writes again (extension) */
  'pairing.dismiss': {
    params: {
      /** Name of the channel: the part of a session id before its colon */
      channel: string
      /** Id of the sender on its channel */
      senderId: string
    }
    result: {
      /** False: there was no such request */
      dismissed: boolean
    }
    events: Record<never, never>
  }
  /** Generate a pairing code for unknown senders */
  'pairing.generate': {
    params: {
      /** Name of the channel: the part of a session id before its colon */
      channel: string
      /** owner: shares memory and tools with the operator. guest: has memory of its own and the tools of tools.guests */
      access?: 'guest' | 'owner' | undefined
    }
    result: {
      /** Six letters and digits that are hard to confuse. Pairs one sender */
      code: string
      /** End of its validity; ISO 8601, UTC */
      expiresAt: string
    }
    events: Record<never, never>
  }
  /** List open pairing codes and paired senders */
  'pairing.list': {
    params: {
      /** Name of the channel: the part of a session id before its colon */
      channel?: string | undefined
    }
    result: {
      /** Oldest first */
      codes: {
        code: string
        channel: string
        /** owner: shares memory and tools with the operator. guest: has memory of its own and the tools of tools.guests */
        access: 'guest' | 'owner'
        /** Creation; ISO 8601, UTC */
        createdAt: string
        /** End of its validity; ISO 8601, UTC */
        expiresAt: string
      }[]
      /** Newest first; at most 500 */
      senders?: {
        channel: string
        senderId: string
        /** owner: shares memory and tools with the operator. guest: has memory of its own and the tools of tools.guests */
        access: 'guest' | 'owner'
        /** Pairing; ISO 8601, UTC */
        pairedAt: string
      }[]
    }
    events: Record<never, never>
  }
  /** Pair a sender with a pairing code (extension) */
  'pairing.redeem': {
    params: {
      code: string
      /** Id of the sender on its channel */
      senderId: string
      /** Channel of the sender. A code counts on its own channel only. Default: the channel of the code */
      channel?: string | undefined
    }
    result: {
      channel: string
      senderId: string
      /** owner: shares memory and tools with the operator. guest: has memory of its own and the tools of tools.guests */
      access: 'guest' | 'owner'
      /** Pairing; ISO 8601, UTC */
      pairedAt: string
    }
    events: Record<never, never>
  }
  /** List unknown senders who have written, newest first. None of their messages reached the agent (extension) */
  'pairing.requests': {
    params: {
      /** Name of the channel: the part of a session id before its colon */
      channel?: string | undefined
      limit?: number | undefined
    }
    result: {
      requests: {
        channel: string
        senderId: string
        /** Name on the channel, in its own words */
        senderName: string | null
        /** Messages */
        count: number
        /** First message; ISO 8601, UTC */
        firstAt: string
        /** Last message; ISO 8601, UTC */
        lastAt: string
      }[]
      /** Number of all remembered ones; they are forgotten with the process */
      total: number
    }
    events: Record<never, never>
  }
  /** Remove an open pairing code or a paired sender (extension) */
  'pairing.revoke': {
    params: {
      /** An open code */
      code?: string | undefined
      /** Name of the channel: the part of a session id before its colon */
      channel?: string | undefined
      /** Id of the sender on its channel */
      senderId?: string | undefined
    }
    result: {
      /** False: the code was not open, or the sender was not paired */
      revoked: boolean
    }
    events: Record<never, never>
  }
  /** List the pages that plugins add to the dashboard, as far as the scopes of the caller allow (extension) */
  'panels.list': {
    params: Record<never, never>
    result: {
      panels: {
        /** Part of its address: `#/panel/<id>` */
        id: string
        /** Name in the navigation */
        title: string
        /** JavaScript module that shows it, as a path below the gateway */
        module: string
        /** Scope that it needs */
        scope: string
      }[]
    }
    events: Record<never, never>
  }
  /** Cancel one waiting message: your own, or any with the scope operate (extension) */
  'queue.cancel': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** messageId of queue.get */
      messageId: string
    }
    result: {
      /** False when the message does not wait any more, or is not yours */
      cancelled: boolean
    }
    events: Record<never, never>
  }
  /** Cancel the waiting messages: your own, or all with the scope operate. The active run goes on (extension) */
  'queue.clear': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      /** Number of cancelled messages */
      cleared: number
    }
    events: Record<never, never>
  }
  /** Show the state of a session's lane and its waiting messages (extension) */
  'queue.get': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      sessionId: string
      /** State of the lane. `held`: it is paused, and messages wait */
      state: 'idle' | 'held' | 'quiet' | 'ready' | 'running' | 'paused' | 'resuming' | 'stopping'
      /** True: it begins no run until queue.resume */
      paused: boolean
      /** Number of waiting messages */
      depth: number
      /** Waiting time of the oldest one; null without any */
      oldestAgeMs: number | null
      /** The run under way; null when there is none */
      running: {
        runId: string
        /** Sender of the message that it answers */
        owner: string
        /** When it began, epoch milliseconds */
        sinceMs: number
        /** Milliseconds since then, by the clock of the gateway */
        ageMs: number
      } | null
      policy: {
        /** Handling of a message that arrives while the agent is busy */
        mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
        /** Message to drop when `cap` messages wait */
        overflow: 'drop_old' | 'drop_new'
        /** Maximum number of waiting messages */
        cap: number
        /** Quiet time before collected messages are answered */
        debounceMs: number
        /** Adds a note about dropped messages to the next run */
        summarizeOverflow: boolean
      }
      /** Source of each field: set for the session, `lanes.channels.<frontend>`, or `lanes.default` */
      origin: {
        mode: 'session' | 'channel' | 'default'
        overflow: 'session' | 'channel' | 'default'
        cap: 'session' | 'channel' | 'default'
        debounceMs: 'session' | 'channel' | 'default'
        summarizeOverflow: 'session' | 'channel' | 'default'
      }
      /** Those that wait, in the order in which they will be taken */
      messages: {
        messageId: string
        /** Handling of a message that arrives while the agent is busy */
        mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
        /** Sender */
        owner: string
        priority: 'person' | 'system'
        /** Beginning of its text. Empty for work that is not a message, such as a queued tool */
        preview: string
        /** Epoch milliseconds */
        acceptedAt: number
        /** Milliseconds since then, by the clock of the gateway */
        ageMs: number
        /** Number of messages ahead of it. A running one counts */
        position: number
      }[]
    }
    events: Record<never, never>
  }
  /** List the lanes that have anything to do, and paused ones, longest wait first (extension) */
  'queue.list': {
    params: {
      /** Maximum number of lanes on a page */
      limit?: number | undefined
      offset?: number | undefined
    }
    result: {
      lanes: {
        sessionId: string
        /** State of the lane. `held`: it is paused, and messages wait */
        state: 'idle' | 'held' | 'quiet' | 'ready' | 'running' | 'paused' | 'resuming' | 'stopping'
        /** True: it begins no run until queue.resume */
        paused: boolean
        /** Number of waiting messages */
        depth: number
        /** Waiting time of the oldest one; null without any */
        oldestAgeMs: number | null
        /** The run under way; null when there is none */
        running: {
          runId: string
          /** Sender of the message that it answers */
          owner: string
          /** When it began, epoch milliseconds */
          sinceMs: number
          /** Milliseconds since then, by the clock of the gateway */
          ageMs: number
        } | null
        policy: {
          /** Handling of a message that arrives while the agent is busy */
          mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
          /** Message to drop when `cap` messages wait */
          overflow: 'drop_old' | 'drop_new'
          /** Maximum number of waiting messages */
          cap: number
          /** Quiet time before collected messages are answered */
          debounceMs: number
          /** Adds a note about dropped messages to the next run */
          summarizeOverflow: boolean
        }
        /** Source of each field: set for the session, `lanes.channels.<frontend>`, or `lanes.default` */
        origin: {
          mode: 'session' | 'channel' | 'default'
          overflow: 'session' | 'channel' | 'default'
          cap: 'session' | 'channel' | 'default'
          debounceMs: 'session' | 'channel' | 'default'
          summarizeOverflow: 'session' | 'channel' | 'default'
        }
        /** The first 20 of those that wait, in the order in which they will be taken; `depth` is the number of all */
        messages: {
          messageId: string
          /** Handling of a message that arrives while the agent is busy */
          mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
          /** Sender */
          owner: string
          priority: 'person' | 'system'
          /** Beginning of its text. Empty for work that is not a message, such as a queued tool */
          preview: string
          /** Epoch milliseconds */
          acceptedAt: number
          /** Milliseconds since then, by the clock of the gateway */
          ageMs: number
          /** Number of messages ahead of it. A running one counts */
          position: number
        }[]
        /** Messages that overflow dropped within the last hour */
        droppedCount: number
        /** The newest 5 of them, newest first */
        dropped: {
          messageId: string
          /** Sender */
          owner: string
          /** Beginning of its text */
          preview: string
          /** Epoch milliseconds */
          droppedAt: number
        }[]
      }[]
      /** Number of lanes on all pages */
      total: number
      /** Over all pages */
      summary: {
        /** Lanes with a run */
        running: number
        /** Runs that all lanes together may have */
        maxConcurrentRuns: number
        /** Waiting messages */
        waiting: number
        /** Paused lanes */
        paused: number
        /** Waiting time of the oldest message; null without any */
        oldestAgeMs: number | null
        /** Messages that overflow dropped within the last hour */
        dropped: number
      }
    }
    events: Record<never, never>
  }
  /** Keep a lane from beginning runs, also after a restart. The active run goes on (extension) */
  'queue.pause': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      success: boolean
    }
    events: Record<never, never>
  }
  /** Let a paused lane begin runs again (extension) */
  'queue.resume': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      success: boolean
    }
    events: Record<never, never>
  }
  /** Replace the text of a message of your own that still waits (extension) */
  'queue.update': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** messageId of queue.get */
      messageId: string
      /** May be empty when the message has attachments */
      message: string
    }
    result: {
      /** False when the message does not wait any more, or is not yours */
      updated: boolean
    }
    events: Record<never, never>
  }
  /** The OpenRPC document of this gateway (extension) */
  'rpc.discover': {
    params: Record<never, never>
    result: Record<string, unknown>
    events: Record<never, never>
  }
  /** Show a run with its steps, also while it runs (extension) */
  'runs.get': {
    params: {
      runId: string
    }
    result: {
      runId: string
      sessionId: string
      /** Sender of the message that it answers */
      owner: string
      /** interrupted: the gateway ended while it ran */
      status: 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted'
      /** Epoch milliseconds; the message waited until `startedAt` */
      acceptedAt: number
      /** Epoch milliseconds */
      startedAt: number
      /** Epoch milliseconds; null while it runs */
      endedAt: number | null
      usage: {
        /** Of all model calls of the run together */
        inputTokens: number
        outputTokens: number
      }
      /** Provider of the model that answered or failed; null: no model was asked */
      provider: string | null
      /** Model that answered or failed */
      model: string | null
      /** Error that its requester got; null without */
      error: {
        code: number
        message: string
      } | null
      /** Why it was stopped, in the words of the requester, or the cause: timeout, shutdown, … */
      reason: string | null
      /** In order. A run that was interrupted has lost its calls */
      steps: {
        /** model: one call of a model; tool: one call of a tool; the others are moments */
        kind: 'accepted' | 'started' | 'model' | 'tool' | 'ended'
        /** Epoch milliseconds */
        startedAt: number
        /** Epoch milliseconds; null while it runs */
        endedAt: number | null
        /** Of a call */
        status?: 'running' | 'completed' | 'failed' | 'cancelled'
        /** Model or tool */
        name?: string
        /** Of a model */
        provider?: string
        /** Of a tool call */
        callId?: string
        inputTokens?: number
        outputTokens?: number
        /** Why the model ended its answer */
        reason?: string
        error?: string
        /** Beginning of the arguments as JSON, secrets masked */
        args?: string
        /** Beginning of the output, secrets masked */
        output?: string
      }[]
      /** Calls that are not kept because there were too many */
      omittedSteps: number
    }
    events: Record<never, never>
  }
  /** List runs of the agent, newest message first (extension) */
  'runs.list': {
    params: {
      sessionId?: string | undefined
      frontend?: string | undefined
      /** interrupted: the gateway ended while it ran */
      status?: 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted' | undefined
      /** Only messages accepted at this time or later. Epoch milliseconds */
      since?: number | undefined
      /** Only messages accepted before this time. Epoch milliseconds */
      until?: number | undefined
      /** Maximum number of runs on a page */
      limit?: number | undefined
      /** `nextCursor` of the previous page */
      cursor?: string | undefined
    }
    result: {
      runs: {
        runId: string
        sessionId: string
        /** Sender of the message that it answers */
        owner: string
        /** interrupted: the gateway ended while it ran */
        status: 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted'
        /** Epoch milliseconds; the message waited until `startedAt` */
        acceptedAt: number
        /** Epoch milliseconds */
        startedAt: number
        /** Epoch milliseconds; null while it runs */
        endedAt: number | null
        usage: {
          /** Of all model calls of the run together */
          inputTokens: number
          outputTokens: number
        }
        /** Provider of the model that answered or failed; null: no model was asked */
        provider: string | null
        /** Model that answered or failed */
        model: string | null
        /** Error that its requester got; null without */
        error: {
          code: number
          message: string
        } | null
        /** Why it was stopped, in the words of the requester, or the cause: timeout, shutdown, … */
        reason: string | null
      }[]
      /** Number of runs on all pages, counted up to 10,000 */
      total: number
      /** `cursor` for the next page; null: this is the last */
      nextCursor: string | null
    }
    events: Record<never, never>
  }
  /** Set or reset the queue policy and the model tier of a session, and show the values in force (extension) */
  'sessions.configure': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      /** Fields of the policy to set for this session; null removes all that were set */
      queue?: {
        /** Handling of a message that arrives while the agent is busy */
        mode?: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt' | undefined
        /** Message to drop when `cap` messages wait */
        overflow?: 'drop_old' | 'drop_new' | undefined
        /** Maximum number of waiting messages */
        cap?: number | undefined
        /** Quiet time before collected messages are answered */
        debounceMs?: number | undefined
        /** Adds a note about dropped messages to the next run */
        summarizeOverflow?: boolean | undefined
      } | null | undefined
      /** Tier of models that answers here; null for the default */
      modelTier?: string | null | undefined
    }
    result: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      /** Policy of the next message */
      queue: {
        policy: {
          /** Handling of a message that arrives while the agent is busy */
          mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
          /** Message to drop when `cap` messages wait */
          overflow: 'drop_old' | 'drop_new'
          /** Maximum number of waiting messages */
          cap: number
          /** Quiet time before collected messages are answered */
          debounceMs: number
          /** Adds a note about dropped messages to the next run */
          summarizeOverflow: boolean
        }
        /** Source of each field: set for the session, `lanes.channels.<frontend>`, or `lanes.default` */
        origin: {
          mode: 'session' | 'channel' | 'default'
          overflow: 'session' | 'channel' | 'default'
          cap: 'session' | 'channel' | 'default'
          debounceMs: 'session' | 'channel' | 'default'
          summarizeOverflow: 'session' | 'channel' | 'default'
        }
      }
      modelTier: {
        value: string
        origin: 'session' | 'default'
      }
    }
    events: Record<never, never>
  }
  /** Create or resume a session, and attach this connection to it */
  'sessions.create': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      created: boolean
    }
    events: Record<never, never>
  }
  /** Stop the work of a session and delete all its data */
  'sessions.delete': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
    }
    result: {
      success: boolean
    }
    events: Record<never, never>
  }
  /** Write a session as Markdown or JSON, in pages (extension) */
  'sessions.export': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      format?: 'markdown' | 'json' | undefined
      /** `nextCursor` of the previous page */
      cursor?: string | undefined
    }
    result: {
      filename: string
      mimeType: string
      /** The contents of all pages, joined, are the document. Long outputs of tools are cut */
      content: string
      /** `cursor` for the next page; null: this is the last */
      nextCursor: string | null
    }
    events: Record<never, never>
  }
  /** Make a new session with the conversation up to a message (extension) */
  'sessions.fork': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      /** The `id` of a message of the current conversation */
      messageId: number
      /** False: without that message, to send another in its place */
      inclusive?: boolean | undefined
      /** Default: `ws:` and a new key */
      newSessionId?: string | undefined
    }
    result: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      /** Messages of users and the agent, the newest 1000 of the conversation */
      copied: number
    }
    events: Record<never, never>
  }
  /** Show a session with its newest messages */
  'sessions.get': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** Maximum number of messages. The page has fewer when they exceed 4 MiB of text, but at least one */
      limit?: number | undefined
      /** The `id` of a message: only older messages */
      before?: number | undefined
      /** The `id` of a message: only newer messages, the oldest of them */
      after?: number | undefined
      /** The `id` of a message: it, half a page of older and half a page of newer messages */
      around?: number | undefined
    }
    result: {
      /** Id of a conversation: its frontend, a colon, and a key */
      id: string
      /** ISO 8601, UTC */
      createdAt: string
      /** ISO 8601, UTC */
      lastActiveAt: string
      /** Oldest first; may be fewer than `limit`, but none only when nothing is older than `before` */
      history: {
        role: 'user' | 'assistant'
        content: string
        /** Rises with each message; give the oldest one as `before` to get the page before it */
        id: number
        runId: string
        status: 'complete' | 'partial' | 'interrupted'
        /** ISO 8601, UTC */
        createdAt: string
        toolCalls?: {
          callId: string
          tool: string
          args: Record<string, unknown>
          /** Absent when the tool never answered */
          result?: {
            success: boolean
            output: string
            error: string | null
            /** True when a long output was cut */
            truncated?: boolean
          }
        }[]
        /** Thoughts of the model before this answer; up to 256 KiB are kept */
        reasoning?: string
        attachments?: {
          /** Of `GET /attachments/<id>` */
          id: string
          mimeType: string
          filename?: string
          /** Size of the file */
          bytes: number
        }[]
      }[]
      title: string | null
      pinned: boolean
      archived: boolean
      /** Runs of these messages, with outcome, usage and reason, as long as they are kept (`retention.runs_days`) */
      runs: {
        runId: string
        sessionId: string
        /** Sender of the message that it answers */
        owner: string
        /** interrupted: the gateway ended while it ran */
        status: 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted'
        /** Epoch milliseconds; the message waited until `startedAt` */
        acceptedAt: number
        /** Epoch milliseconds */
        startedAt: number
        /** Epoch milliseconds; null while it runs */
        endedAt: number | null
        usage: {
          /** Of all model calls of the run together */
          inputTokens: number
          outputTokens: number
        }
        /** Provider of the model that answered or failed; null: no model was asked */
        provider: string | null
        /** Model that answered or failed */
        model: string | null
        /** Error that its requester got; null without */
        error: {
          code: number
          message: string
        } | null
        /** Why it was stopped, in the words of the requester, or the cause: timeout, shutdown, … */
        reason: string | null
      }[]
      /** The session has older messages */
      older: boolean
      /** The session has newer messages */
      newer: boolean
    }
    events: Record<never, never>
  }
  /** List sessions, latest message first */
  'sessions.list': {
    params: {
      /** False: only sessions with a live connection or with work in their lane */
      includePersisted?: boolean | undefined
      /** Only these sessions */
      sessionIds?: string[] | undefined
      frontend?: string | undefined
      /** running: with an active run; waiting: messages wait, and no run is active; idle: neither */
      status?: 'running' | 'waiting' | 'idle' | undefined
      /** Only archived sessions, or only the others. Default: all */
      archived?: boolean | undefined
      /** Only pinned sessions, or only the others. Default: all */
      pinned?: boolean | undefined
      /** Only sessions with a message at this time or later. Epoch milliseconds */
      updatedAfter?: number | undefined
      /** Only sessions whose last message is before this time. Epoch milliseconds */
      updatedBefore?: number | undefined
      /** Only sessions with this text in their title */
      text?: string | undefined
      /** tokens: of all model calls. Default: lastMessageAt */
      sort?: 'lastMessageAt' | 'createdAt' | 'title' | 'messageCount' | 'tokens' | undefined
      /** Highest or lowest value first */
      order?: 'desc' | 'asc' | undefined
      /** Maximum number of sessions on a page */
      limit?: number | undefined
      offset?: number | undefined
    }
    result: {
      sessions: {
        /** Id of a conversation: its frontend, a colon, and a key */
        id: string
        frontend: string
        userId: string
        /** Messages of users and of the agent */
        messageCount: number
        /** Epoch milliseconds; null before the first message */
        lastMessageAt: number | null
        /** Policy for the next message, from any source */
        config: {
          /** The tier of models that answers */
          modelTier: string
          queue: {
            /** Handling of a message that arrives while the agent is busy */
            mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
            /** Message to drop when `cap` messages wait */
            overflow: 'drop_old' | 'drop_new'
            /** Maximum number of waiting messages */
            cap: number
            /** Quiet time before collected messages are answered */
            debounceMs: number
            /** Adds a note about dropped messages to the next run */
            summarizeOverflow: boolean
          }
          elevation: {
            active: boolean
            /** Epoch milliseconds, also after it has ended. 0: never elevated */
            untilMs: number
          }
        }
        /** Set by a person, or made from the first messages; null before the first message */
        title: string | null
        /** Beginning of the newest text; null before the first */
        preview: string | null
        /** Epoch milliseconds */
        createdAt: number
        /** A run is active */
        running: boolean
        /** Number of waiting messages */
        depth: number
        /** Messages of the agent that the caller has not marked as read (`sessions.markRead`); 100: that many or more */
        unread: number
        pinned: boolean
        archived: boolean
        usage: {
          /** Of all model calls of the run together */
          inputTokens: number
          outputTokens: number
        }
        /** Null before the first answer */
        context: {
          /** Estimated tokens of the conversation */
          tokens: number
          /** Tokens that the model takes */
          contextWindow: number
        } | null
      }[]
      /** Number of sessions on all pages */
      total: number
    }
    events: Record<never, never>
  }
  /** Record how far the caller has read a session (extension) */
  'sessions.markRead': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      /** The `id` of the newest message that was read. A mark never moves back. Default: the newest of all */
      messageId?: number | undefined
    }
    result: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      /** As in sessions.list */
      unread: number
    }
    events: Record<never, never>
  }
  /** Replay the missed events of a run, then follow it to its end (extension) */
  'sessions.resume': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** A run, or a message. Default: the active or latest run of the session */
      runId?: string | undefined
      /** Number of the newest event that the client has */
      afterSeq?: number | undefined
    }
    result: {
      sessionId: string
      runId: string
      /** The whole answer: the texts of all content events but transient ones, joined */
      content: string
      /** The same as content */
      response: string
      usage: {
        /** Of all model calls of the run together */
        inputTokens: number
        outputTokens: number
      }
      /** Absent for a complete answer. length: cut off at the limit of tokens of the model; empty: the model gave no answer */
      stopReason?: 'length' | 'empty'
      queue?: {
        /** Names this message in queue.get, queue.cancel and sessions.resume */
        messageId: string
        /** Handling of a message that arrives while the agent is busy */
        mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
        /** completed: by a run of its own; collected: by one it shares with others; steered: by a run that was under way; followup: it could not be steered and got a run of its own */
        outcome: 'completed' | 'collected' | 'steered' | 'followup'
        /** Number of messages that the run answers; only for collected ones */
        collected?: number
        /** An earlier run has taken this message into account already */
        backlog?: boolean
      }
    } | {
      sessionId: string
      /** There is nothing to resume */
      runId: null
    }
    events: RunEvents
  }
  /** Find messages by the beginnings of their words, newest first (extension) */
  'sessions.search': {
    params: {
      /** Any text. Each of its first ten words has to begin a word of the message, whatever its case */
      text: string
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      frontend?: string | undefined
      /** Maximum number of messages on a page */
      limit?: number | undefined
      /** `nextCursor` of the previous page */
      cursor?: string | undefined
    }
    result: {
      /** Of users and the agent. The first 32,768 characters of a message are searched */
      messages: {
        /** `around` of sessions.get shows it */
        id: number
        /** Id of a conversation: its frontend, a colon, and a key */
        sessionId: string
        /** Title of its session */
        title: string | null
        runId: string
        role: 'user' | 'assistant'
        /** Epoch milliseconds */
        createdAt: number
        /** Text around the first match */
        snippet: string
        /** Beginning and end of each match in the snippet, in UTF-16 code units */
        matches: unknown[][]
      }[]
      /** `cursor` for the next page; null: this is the last */
      nextCursor: string | null
    }
    events: Record<never, never>
  }
  /** Follow every run of a session from now on (extension) */
  'sessions.subscribe': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      sessionId: string
      subscribed: true
      /** Active runs */
      runs: {
        runId: string
        /** Number of its newest event. sessions.resume replays earlier ones */
        seq: number
      }[]
    }
    events: RunEvents
  }
  /** Stop following a session (extension) */
  'sessions.unsubscribe': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      sessionId: string
      subscribed: false
    }
    events: Record<never, never>
  }
  /** Set the title of a session, pin it, or archive it (extension) */
  'sessions.update': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      /** A title that stays; null: one that is made from the next message */
      title?: string | null | undefined
      pinned?: boolean | undefined
      /** A message of a user ends it */
      archived?: boolean | undefined
    }
    result: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      title: string | null
      pinned: boolean
      archived: boolean
    }
    events: Record<never, never>
  }
  /** List recorded actions and their actors, newest first (extension) */
  'system.audit': {
    params: {
      /** Maximum number of entries. An answer also ends at 4 MiB of details, but has at least one entry */
      limit?: number | undefined
      /** Id of an entry: only older ones are returned */
      before?: number | undefined
      /** Only entries of this event; `tool.*` for all that begin so */
      event?: string | undefined
      /** Only entries of this actor */
      actor?: string | undefined
      /** Only entries about this session */
      sessionId?: string | undefined
      /** Only entries from this time on, epoch milliseconds */
      since?: number | undefined
      /** Only entries before this time, epoch milliseconds */
      until?: number | undefined
    }
    result: {
      /** Only an empty list means that no older entry exists */
      entries: {
        /** Rises with each entry. Pass the last one as `before` to get the next page */
        id: number
        /** Epoch milliseconds */
        at: number
        /** `<group>.<action>`, such as tool.run */
        event: string
        /** Id of the caller, or address of an unknown one */
        actor: string
        detail: Record<string, unknown>
      }[]
      /** Number of entries that match, on all pages */
      total?: number
    }
    events: Record<never, never>
  }
  /** Protocol version, node policy, feature gates and limits */
  'system.capabilities': {
    params: Record<never, never>
    result: {
      protocol: {
        version: number
      }
      nodes: {
        enabled: boolean
        locationEnabled: boolean
        pushEnabled: boolean
        allowedRoles: string[]
        /** This connection is a node */
        registered: boolean
        role?: string
        nodeId?: string
      }
      /** By capability: whether nodes may use it */
      featureGates: Record<string, boolean>
      limits?: {
        /** A larger frame closes the connection with 1009 */
        maxPayloadBytes: number
        /** Levels of nesting in the JSON of one frame */
        maxNesting: number
        /** Members of objects and elements of arrays in one frame */
        maxValues: number
        /** Requests under way on one connection; past it a request gets error 3. The most a batch holds, too */
        maxInFlight: number
        /** Characters of one message. Send longer texts as an attachment */
        maxMessageCharacters: number
        /** Attachments of one message */
        maxAttachments: number
        /** All attachments of one message together, decoded */
        maxAttachmentBytes: number
        /** A peer that misses two pings is terminated */
        heartbeatSeconds: number
        /** Unread bytes past which content events are merged; past four times that, close 1013 */
        sendBufferBytes: number
        /** A longer run is aborted with error 5 */
        runTimeoutSeconds: number
        /** Files of one session, from limits.workspace_bytes */
        workspaceBytes: number
        /** Texts of one memory namespace, from limits.memory_bytes */
        memoryBytes: number
        /** Answer of one run, from limits.answer_bytes */
        answerBytes: number
        /** Arguments of one tool call as JSON, from limits.tool_args_bytes */
        toolArgsBytes: number
        /** Text of one tool result, from limits.tool_result_bytes */
        toolResultBytes: number
        /** Tool calls of one answer of the model, from limits.tool_calls_per_step */
        toolCallsPerStep: number
        /** Open connections, from limits.connections */
        connections: number
        /** Open connections of one client address, from limits.connections_per_address */
        connectionsPerAddress: number
        /** Open connections without a login, from limits.unauthenticated_connections */
        unauthenticatedConnections: number
      }
    }
    events: Record<never, never>
  }
  /** Close a live connection with 1008. Its runs go on (extension) */
  'system.closeConnection': {
    params: {
      connectionId: string
    }
    result: {
      success: boolean
    }
    events: Record<never, never>
  }
  /** List the live connections, oldest first (extension) */
  'system.connections': {
    params: {
      limit?: number | undefined
      offset?: number | undefined
    }
    result: {
      connections: {
        connectionId: string
        /** Id of the caller */
        caller: string
        /** The session it is attached to */
        sessionId: string
        /** Epoch milliseconds */
        connectedAt: number
        address: string
        /** Program of the client, in its own words */
        userAgent: string
        /** Login whose cookie opened it */
        loginId?: string
        /** Bytes that wait to be read by the client */
        owedBytes: number
        /** True for this connection */
        current: boolean
      }[]
      /** Number of connections on all pages */
      total: number
    }
    events: Record<never, never>
  }
  /** Used share of the context window by session, latest message first */
  'system.contextUsage': {
    params: {
      /** Limit on the sessions */
      limit?: number | undefined
    }
    result: {
      /** Only those whose conversation has been answered by a model */
      sessions: {
        sessionId: string
        budget: {
          estimatedTokens: number
          contextWindow: number
          remainingTokens: number
          /** To one decimal place; may be more than 100 */
          usagePct: number
          /** agent.context_threshold_pct */
          thresholdPct: number
          thresholdTokens: number
          /** The threshold is reached */
          shouldCompact: boolean
        }
      }[]
    }
    events: Record<never, never>
  }
  /** Close the connection gracefully */
  'system.disconnect': {
    params: Record<never, never>
    result: {
      success: boolean
    }
    events: Record<never, never>
  }
  /** Show the services of the compose file that run beside the gateway, those of all profiles */
  'system.dockerDependencies': {
    params: Record<never, never>
    result: {
      dependencies: {
        id: string
        name: string
        /** Its name in the compose file */
        service: string
        configured: boolean
        /** That of its container; `not_created` without one, `unknown` where Docker cannot be asked */
        state: string
        health: 'none' | 'starting' | 'healthy' | 'unhealthy'
        statusText: string
        /** That of its container, or that it would have */
        containerName: string
        /** Actions that are possible now; none while an update runs */
        availableActions: ('start' | 'restart' | 'stop' | 'update')[]
        /** Why it cannot be seen or controlled (extension) */
        problem?: string
        /** The update that runs, or the last one (extension) */
        job?: {
          action: string
          state: 'running' | 'done' | 'failed'
          /** Epoch milliseconds */
          startedAt: number
          /** Epoch milliseconds */
          endedAt?: number
          /** Current step, or the outcome */
          text: string
        }
      }[]
      /** Why it cannot be seen or controlled (extension) */
      problem?: string
    }
    events: Record<never, never>
  }
  /** Start, restart, stop or update a service of the compose file */
  'system.dockerDependencyControl': {
    params: {
      /** An id of system.dockerDependencies */
      dependency: string
      /** One of the availableActions. `update` pulls the image and lets compose reconcile the service with it */
      action: 'start' | 'restart' | 'stop' | 'update'
    }
    result: {
      dependency: string
      /** One of the availableActions. `update` pulls the image and lets compose reconcile the service with it */
      action: 'start' | 'restart' | 'stop' | 'update'
      status: {
        id: string
        /** That of its container; `not_created` without one, `unknown` where Docker cannot be asked */
        state: string
        health: 'none' | 'starting' | 'healthy' | 'unhealthy'
        statusText: string
        /** The update that runs, or the last one (extension) */
        job?: {
          action: string
          state: 'running' | 'done' | 'failed'
          /** Epoch milliseconds */
          startedAt: number
          /** Epoch milliseconds */
          endedAt?: number
          /** Current step, or the outcome */
          text: string
        }
      }
      /** Summary of the action, for people */
      message: string
    }
    events: Record<never, never>
  }
  /** Run the health checks of the gateway and its plugins (extension) */
  'system.doctor': {
    params: Record<never, never>
    result: {
      /** One for each check, in the order of registration */
      findings: {
        /** Name of the check */
        check: string
        status: 'pass' | 'warn' | 'fail'
        /** Result of the check, in one line */
        message: string
        /** Suggested action. Absent when the check passes */
        fix?: string
      }[]
    }
    events: Record<never, never>
  }
  /** Ask for extension events and learn who this connection is (extension) */
  'system.hello': {
    params: {
      /** Extension events this connection wants */
      events?: string[] | undefined
    }
    result: {
      protocol: {
        version: number
      }
      /** The gateway's version */
      version: string
      connectionId: string
      /** The session this connection is attached to */
      sessionId: string
      /** Id of the build of the pages: it changes with any of their files */
      build?: string
      /** Identity behind the credential: `token:<name>`, `tailscale:<login>`, or `local` without a token */
      principal: string
      /** Scopes of the credential of this connection */
      scopes: string[]
      /** The extension events this connection now gets: those asked for that exist */
      events: string[]
    }
    events: Record<never, never>
  }
  /** Version, uptime and load of the gateway */
  'system.info': {
    params: Record<never, never>
    result: {
      version: string
      /** Id of the build of the pages: it changes with any of their files (extension) */
      build?: string
      /** Seconds since the gateway started */
      uptime: number
      /** Live sockets */
      connections: number
      /** Default model */
      model?: {
        provider: string
        model: string
        /** No model is configured: the built-in one answers, without a network */
        offline: boolean
      }
    }
    events: Record<never, never>
  }
  /** Start, restart, stop or update a server of local models */
  'system.localBackendControl': {
    params: {
      /** An id of system.localBackends */
      backend: string
      /** One of the availableActions. `update`: Ollama pulls the configured models, llama.cpp is restarted */
      action: 'start' | 'restart' | 'stop' | 'update'
    }
    result: {
      backend: string
      /** One of the availableActions. `update`: Ollama pulls the configured models, llama.cpp is restarted */
      action: 'start' | 'restart' | 'stop' | 'update'
      status: {
        id: string
        /** As systemd says it; `unknown` where it cannot be asked */
        activeState: string
        subState: string
        /** Status text of the service, else its state */
        statusText: string
        /** The update that runs, or the last one (extension) */
        job?: {
          action: string
          state: 'running' | 'done' | 'failed'
          /** Epoch milliseconds */
          startedAt: number
          /** Epoch milliseconds */
          endedAt?: number
          /** Current step, or the outcome */
          text: string
        }
      }
      /** Summary of the action, for people (extension) */
      message?: string
    }
    events: Record<never, never>
  }
  /** Show the servers of local models that systemd runs on this machine */
  'system.localBackends': {
    params: Record<never, never>
    result: {
      backends: {
        id: string
        /** The kind of provider under `models` that speaks to it */
        provider: string
        name: string
        unit: string
        /** Manager of the unit, null when no manager has a unit of that name (extension) */
        scope?: 'user' | 'system' | null
        /** The configuration has a model of it, or the machine has its unit */
        configured: boolean
        loadState: string
        /** As systemd says it; `unknown` where it cannot be asked */
        activeState: string
        subState: string
        /** Status text of the service, else its state */
        statusText: string
        unitFileState: string
        description: string
        pid: number | null
        result: string
        /** Actions that are possible now; none while an update runs */
        availableActions: ('start' | 'restart' | 'stop' | 'update')[]
        /** Number of automatic restarts by systemd (extension) */
        restartCount?: number
        /** Why it cannot be seen or controlled (extension) */
        problem?: string
        /** The update that runs, or the last one (extension) */
        job?: {
          action: string
          state: 'running' | 'done' | 'failed'
          /** Epoch milliseconds */
          startedAt: number
          /** Epoch milliseconds */
          endedAt?: number
          /** Current step, or the outcome */
          text: string
        }
      }[]
    }
    events: Record<never, never>
  }
  /** List the last known locations of nodes, newest first */
  'system.location': {
    params: Record<never, never>
    result: {
      /** Newest first */
      locations: {
        node: {
          id: string
          role: string
        }
        /** It is registered now */
        connected: boolean
        location: {
          /** Degrees */
          latitude: number
          /** Degrees */
          longitude: number
          accuracyMeters?: number
          /** Source of the position: gps, wifi, … */
          source?: string
          /** Epoch milliseconds, by the node's clock */
          capturedAt: number
          /** Epoch milliseconds */
          receivedAt: number
        }
      }[]
    }
    events: Record<never, never>
  }
  /** Show calls, errors, model calls, tokens and load over the last hours, from memory (extension) */
  'system.metricsSeries': {
    params: {
      windowMinutes?: number | undefined
      bucketSeconds?: number | undefined
    }
    result: {
      /** Epoch milliseconds */
      generatedAt: number
      windowMinutes: number
      bucketSeconds: number
      /** Oldest first. Nothing is known of the time before the start */
      points: {
        /** Begin of the bucket, epoch milliseconds. A bucket without a sample is missing */
        ts: number
        /** Calls of methods */
        calls: number
        /** Those that failed */
        errors: number
        /** 95 of 100 calls took no longer; agent.send takes as long as its run. Null without calls */
        p95Ms: number | null
        /** Calls of models */
        modelCalls: number
        /** Those that broke off */
        modelErrors: number
        /** 95 of 100 model calls took no longer; null without any */
        modelP95Ms: number | null
        /** Tokens sent to models */
        inputTokens: number
        /** Tokens of their answers */
        outputTokens: number
        /** Most lanes with a run */
        running: number
        /** Most waiting messages */
        waiting: number
        /** Longest delay of the event loop */
        loopMs: number
      }[]
    }
    events: Record<never, never>
  }
  /** List the registered nodes: identity, capabilities, location and status */
  'system.nodes': {
    params: {
      /** Also nodes that are not connected (extension) */
      includeOffline?: boolean | undefined
    }
    result: {
      /** By id */
      nodes: {
        id: string
        role: string
        /** It is registered now */
        connected: boolean
        /** Principal whose credential registered it first */
        owner: string
        /** Time of its last registration or report, epoch milliseconds */
        seenAt: number
        /** Absent, as the next two, unless it is connected */
        connectionId?: string
        /** Epoch milliseconds */
        registeredAt?: number
        protocol?: {
          serverVersion: number
          clientVersion: number
          /** The lower one of both */
          negotiatedVersion: number
        }
        capabilities?: {
          declared: string[]
          /** Those declared whose feature gate is open */
          enabled: string[]
          /** Those declared with a description or a schema of the arguments */
          details?: {
            name: string
            /** Effect of the capability, for people and models */
            description?: string
            /** JSON Schema of its arguments, an object. node.invoke checks them before it asks the node */
            params?: Record<string, unknown>
          }[]
        }
        location: {
          /** Degrees */
          latitude: number
          /** Degrees */
          longitude: number
          accuracyMeters?: number
          /** Source of the position: gps, wifi, … */
          source?: string
          /** Epoch milliseconds, by the node's clock */
          capturedAt: number
          /** Epoch milliseconds */
          receivedAt: number
        } | null
        status: {
          /** macos, ios, android, … */
          platform?: string
          /** Of the companion app */
          appVersion?: string
          /** Name that the owner gave the device */
          deviceName?: string
          /** Current activity, for people */
          statusText?: string
          batteryPct?: number
          /** battery, ac, … */
          powerSource?: string
          /** Epoch milliseconds */
          updatedAt: number
        } | null
        push: {
          provider: 'apns' | 'fcm'
          /** Its first and last four characters; *** when it cannot be read */
          tokenPreview: string
          /** Which of the two services of APNs the token belongs to */
          environment?: 'production' | 'sandbox'
          /** Bundle id of the app; APNs only */
          topic?: string
          /** False: it was encrypted with another server.secret_key, or was tampered with; the node has to set it again */
          readable: boolean
          /** Epoch milliseconds */
          updatedAt: number
        } | null
      }[]
    }
    events: Record<never, never>
  }
  /** Show how sources were in the last minutes or hours, a point for each bucket of time */
  'system.observabilitySeries': {
    params: {
      windowMinutes?: number | undefined
      bucketSeconds?: number | undefined
      /** Ids of system.observabilitySources; absent: all of them */
      sourceIds?: string[] | undefined
    }
    result: {
      /** Epoch milliseconds */
      generatedAt: number
      windowMinutes: number
      bucketSeconds: number
      series: {
        sourceId: string
        /** None for a bucket without a sample */
        points: {
          /** Start of the bucket; epoch milliseconds */
          ts: number
          /** 0 unknown, 1 stopped, 2 starting, 3 running, 4 failed: the worst in the bucket (4, 1, 2, 3, 0) */
          stateCode: number
          /** 0 none, 1 unhealthy, 2 healthy: the worst in the bucket (1, 2, 0) */
          healthCode: number
          /** Of the gateway: errors in its log; of others: how often it failed or became unhealthy */
          errorCount: number
          /** Number of restarts, manual ones included */
          restartCount: number
        }[]
      }[]
    }
    events: Record<never, never>
  }
  /** List what has series and logs: the gateway, local backends, docker dependencies */
  'system.observabilitySources': {
    params: Record<never, never>
    result: {
      sources: {
        id: string
        name: string
        /** `systemd_system`, `systemd_user`, `docker_dependency`; `process`: a gateway without a manager */
        kind: string
        /** Supervisor: `systemd_system`, `systemd_user`, `docker_compose`, `process` */
        runtime: string
        /** `unknown`, `stopped`, `starting`, `running` or `failed` */
        status: string
        /** It has series */
        graphCapable: boolean
        /** It has a log that can be read */
        logCapable: boolean
        /** Why it cannot be seen, or its log not be read (extension) */
        problem?: string
      }[]
    }
    events: Record<never, never>
  }
  /** List senders and whether they are online, seen last first */
  'system.presence': {
    params: {
      /** ws, http, or the name of a channel */
      channel?: string | undefined
      /** Online: seen within `presence.offline_after_seconds` */
      status?: 'online' | 'offline' | undefined
      /** Senders in the answer */
      limit?: number | undefined
    }
    result: {
      presence: {
        channel: string
        /** Over a socket or HTTP: who the credential says is calling */
        senderId: string
        /** Null: the channel has not told a name */
        senderName: string | null
        /** Epoch milliseconds */
        firstSeenAt: number
        /** Epoch milliseconds */
        lastSeenAt: number
        messageCount: number
        /** Online: seen within `presence.offline_after_seconds` */
        status: 'online' | 'offline'
      }[]
      /** Of all that fit the filters, before the limit */
      summary: {
        /** All that fit */
        total: number
        /** Of those */
        online: number
        /** Of those */
        offline: number
      }
    }
    events: Record<never, never>
  }
  /** Show the newest lines of the log of a source, without secrets */
  'system.serviceLogs': {
    params: {
      /** An id of system.observabilitySources */
      sourceId: string
      /** Maximum number of lines */
      lines?: number | undefined
      /** No older lines than that */
      sinceSeconds?: number | undefined
    }
    result: {
      sourceId: string
      /** Epoch milliseconds */
      fetchedAt: number
      /** A secret was taken out of a line */
      redacted: boolean
      /** There are older lines than these, or a line was cut */
      truncated: boolean
      /** Oldest first */
      lines: {
        /** Epoch milliseconds */
        ts: number
        level: 'error' | 'warn' | 'info' | 'debug'
        /** Without secrets, colours and control characters */
        text: string
      }[]
      /** Why it cannot be seen, or its log not be read (extension) */
      problem?: string
    }
    events: Record<never, never>
  }
  /** Sessions, messages, tools and topics of the last days */
  'system.sessionAnalytics': {
    params: {
      /** Number of days, in UTC, including today */
      days: number
      /** Maximum length of each top list */
      topLimit: number
    }
    result: {
      /** Days with messages, oldest first */
      daily: {
        /** 2026-02-16, in UTC */
        day: string
        /** Sessions with a message that day */
        sessions: number
        messages: number
      }[]
      /** Runs and their tokens by day and model, oldest first. A run counts a few seconds after its end, also once its session is deleted */
      models: {
        /** Day on which the runs ended, in UTC */
        day: string
        /** Empty: no model was asked */
        provider: string
        model: string
        runs: number
        /** Runs that failed or were interrupted */
        failed: number
        cancelled: number
        inputTokens: number
        outputTokens: number
      }[]
      /** Most messages first */
      topSessions: {
        sessionId: string
        messages: number
        /** Epoch seconds */
        lastActivity: number
      }[]
      topTools: {
        toolName: string
        /** Calls by the agent */
        executions: number
      }[]
      /** Words of users. Rare words of past days are not kept */
      topTopics: {
        topic: string
        /** Messages of users with this word */
        occurrences: number
      }[]
      /** To two decimal places; 0 when there are no sessions */
      averageMessagesPerSession: number
      /** Sessions with a message in these days */
      totalSessions: number
      totalMessages: number
    }
    events: Record<never, never>
  }
  /** Run one tool directly, without the agent */
  'tools.execute': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
      /** Name as in tools.list: shell.exec */
      tool: string
      /** By the inputSchema of the tool */
      args?: Record<string, unknown> | undefined
    }
    result: {
      success: boolean
      output: string
      error?: string
      attachments?: {
        mimeType: string
        /** base64 */
        data: string
        filename?: string
      }[]
    }
    events: Record<never, never>
  }
  /** List the available tools */
  'tools.list': {
    params: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId?: string | undefined
    }
    result: {
      tools: {
        name: string
        /** Read by the model */
        description: string
        /** JSON Schema of args */
        inputSchema: Record<string, unknown>
        /** The agent needs a confirmation for each call (extension) */
        confirm?: boolean
        /** Runs in elevated sessions only (extension) */
        elevated?: boolean
        /** MCP server or other source; absent for tools of the gateway (extension) */
        source?: string
      }[]
      /** Size of the tools in every model call (extension) */
      cost?: {
        /** Tools that a model is given; past tools.max fewer than are listed */
        tools: number
        /** Estimate of the tokens they take in every model call */
        tokens: number
      }
      /** MCP servers and other sources of tools (extension) */
      sources?: {
        /** First part of the names of its tools */
        name: string
        /** idle: not needed yet. down: it failed, and is tried again when it is needed */
        state: 'idle' | 'starting' | 'up' | 'down'
        /** Why it is down */
        reason?: string
        /** Tools of it that are listed */
        tools: number
        /** Last lines of its stderr, without secrets */
        log: string[]
      }[]
    }
    events: Record<never, never>
  }
}

/** Events of a run, by name. */
export interface RunEvents {
  content: {
    text: string
    /** Of the gateway and not of the agent: no part of the answer */
    transient?: boolean
  }
  tool_start: {
    tool: string
    args: Record<string, unknown>
    /** The same in the tool_end of this call */
    callId: string
    /** Only when the tool waits to be confirmed: args are exactly what it would get */
    confirm?: {
      /** To be answered with agent.confirmTool, once; not the callId of the model */
      callId: string
      /** When the tool counts as refused, epoch milliseconds */
      expiresAt: number
    }
  }
  tool_end: {
    tool: string
    result: {
      success: boolean
      output: string
      error: string | null
    }
    callId: string
  }
  attachment: {
    mimeType: string
    /** base64 */
    data: string
    filename?: string
  }
  context_warning: {
    level: 'warning' | 'checkpoint'
    message: string
    budget: {
      estimatedTokens: number
      contextWindow: number
      remainingTokens: number
      /** To one decimal place; may be more than 100 */
      usagePct: number
      /** agent.context_threshold_pct */
      thresholdPct: number
      thresholdTokens: number
      /** The threshold is reached */
      shouldCompact: boolean
    }
    actions: {
      checkpointSaved: boolean
      /** The model sees a summary in place of earlier messages from now on */
      autoCompacted: boolean
      /** Memory namespace; only when one was saved */
      checkpointNamespace?: string
    }
  }
  done: {
    content: string
  }
  error: {
    code: number
    message: string
    /** Only when the lane, and not the run, ended the message */
    queue?: {
      code: 'overflow' | 'superseded' | 'cancelled' | 'shutdown'
      laneId: string
      /** Handling of a message that arrives while the agent is busy */
      mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
      /** Message to drop when `cap` messages wait */
      overflow: 'drop_old' | 'drop_new'
      /** Messages this lane has dropped since its last run began */
      droppedCount: number
      /** The message is stored and will be answered after the next start */
      kept?: boolean
    }
  }
}

/** Extension events, which a client asks for by listening to them. A plugin adds its own by augmentation. */
export interface GatewayEvents {
  accepted: {
    /** Names this message in queue.get, queue.cancel and sessions.resume */
    messageId: string
    /** Number of messages ahead of it. A running one counts */
    position: number
    /** Handling of a message that arrives while the agent is busy */
    mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
    /** Beginning of its text */
    preview: string
  }
  audit: {
    /** Epoch milliseconds */
    at: number
    /** `<group>.<action>` */
    event: string
    actor: string
    detail: Record<string, unknown>
  }
  canvas: {
    action: 'put'
    artifactId: string
    /** False when it replaced an earlier revision */
    created: boolean
    /** The artifact without its content; canvas.get returns that */
    artifact: {
      /** Id of a conversation: its frontend, a colon, and a key */
      sessionId: string
      artifactId: string
      type: string
      /** Null when it has none */
      title: string | null
      /** Epoch milliseconds */
      createdAt: number
      /** Time of the latest change in epoch milliseconds */
      updatedAt: number
      /** 1 at creation, one more with each change */
      revision: number
    }
  } | {
    action: 'delete'
    artifactId: string
  } | {
    action: 'clear'
    /** Number of deleted artifacts */
    cleared: number
  }
  config: {
    /** Id of the caller, or source of the reload */
    actor: string
    /** False: the new configuration was refused, the old one stays in force */
    success: boolean
    /** Keys that changed */
    changed: string[]
    /** Those that count after a restart only */
    restartRequired: string[]
  }
  confirm: {
    change: 'opened' | 'closed'
    /** With `closed`: the tool runs */
    approved?: boolean
    confirmation: {
      /** To be answered with agent.confirmTool, once */
      callId: string
      sessionId: string
      runId: string
      /** Id of the caller that the tool would run for */
      owner: string
      tool: string
      /** Exactly what the tool would get. Absent in an event when longer than 64 KiB: confirmations.list has it */
      args?: Record<string, unknown>
      /** Epoch milliseconds */
      openedAt: number
      /** When the tool counts as refused, epoch milliseconds */
      expiresAt: number
    }
  }
  job: {
    /** Id of the backend or dependency */
    target: string
    action: string
    state: 'running' | 'done' | 'failed'
    /** Current step, result, or reason of the failure */
    text: string
    /** Epoch milliseconds */
    startedAt: number
    /** Epoch milliseconds */
    endedAt?: number
  }
  lane: {
    sessionId: string
    /** State of the lane. `held`: it is paused, and messages wait */
    state: 'idle' | 'held' | 'quiet' | 'ready' | 'running' | 'paused' | 'resuming' | 'stopping'
    /** True: it begins no run until queue.resume */
    paused: boolean
    /** Number of waiting messages */
    depth: number
    /** Waiting time of the oldest one; null without any */
    oldestAgeMs: number | null
    /** The run under way; null when there is none */
    running: {
      runId: string
      /** Sender of the message that it answers */
      owner: string
      /** When it began, epoch milliseconds */
      sinceMs: number
      /** Milliseconds since then, by the clock of the gateway */
      ageMs: number
    } | null
    policy: {
      /** Handling of a message that arrives while the agent is busy */
      mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
      /** Message to drop when `cap` messages wait */
      overflow: 'drop_old' | 'drop_new'
      /** Maximum number of waiting messages */
      cap: number
      /** Quiet time before collected messages are answered */
      debounceMs: number
      /** Adds a note about dropped messages to the next run */
      summarizeOverflow: boolean
    }
    /** Source of each field: set for the session, `lanes.channels.<frontend>`, or `lanes.default` */
    origin: {
      mode: 'session' | 'channel' | 'default'
      overflow: 'session' | 'channel' | 'default'
      cap: 'session' | 'channel' | 'default'
      debounceMs: 'session' | 'channel' | 'default'
      summarizeOverflow: 'session' | 'channel' | 'default'
    }
    /** The first 20 of those that wait, in the order in which they will be taken; `depth` is the number of all */
    messages: {
      messageId: string
      /** Handling of a message that arrives while the agent is busy */
      mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
      /** Sender */
      owner: string
      priority: 'person' | 'system'
      /** Beginning of its text. Empty for work that is not a message, such as a queued tool */
      preview: string
      /** Epoch milliseconds */
      acceptedAt: number
      /** Milliseconds since then, by the clock of the gateway */
      ageMs: number
      /** Number of messages ahead of it. A running one counts */
      position: number
    }[]
    /** Messages that overflow dropped within the last hour */
    droppedCount: number
    /** The newest 5 of them, newest first */
    dropped: {
      messageId: string
      /** Sender */
      owner: string
      /** Beginning of its text */
      preview: string
      /** Epoch milliseconds */
      droppedAt: number
    }[]
  }
  lost: {
    /** Kinds of which events were left out: load their lists again */
    kinds: string[]
  }
  node: {
    nodeId: string
    change: 'registered' | 'updated' | 'left' | 'forgotten'
  }
  pairing: {
    /** `request`: an unknown sender has written; else the action of the audit log without its group: `generate`, `redeem`, `approve`, `revoke` */
    change: string
    channel: string
    senderId?: string
  }
  presence: {
    channel: string
    senderId: string
    senderName: string | null
    /** Epoch milliseconds */
    lastSeenAt: number
  }
  reasoning: {
    runId: string
    /** Number of the model call in its run */
    step: number
    /** More of the thoughts of the model. sessions.get has all of them */
    text: string
  }
  run: {
    sessionId: string
    runId: string
    /** `running` comes again when a message is steered into the run */
    state: 'running' | 'completed' | 'failed' | 'cancelled'
    /** Epoch milliseconds */
    at: number
  }
  session: {
    sessionId: string
    /** An unknown session that is `updated` is new: its first message came */
    change: 'created' | 'updated' | 'deleted'
  }
  shutdown: {
    /** Milliseconds that runs have left to finish. Then the socket closes with 1001 */
    graceMs: number
  }
}
