# syntax=docker/dockerfile:1
# The gateway as a container: no tools to build, no packages for development, a user without rights, nothing written outside /data.
# `node scripts/container-check.mjs` builds the same layout without Docker from the lines below, and starts it.
ARG NODE=node:24-bookworm-slim

FROM ${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --include=dev
COPY tsconfig.json tsconfig.build.json vite.config.ts ./
COPY app.ts cli.ts server.ts types.ts ./
COPY cli ./cli
COPY db ./db
COPY lanes ./lanes
COPY plugins ./plugins
COPY routes ./routes
COPY rpc ./rpc
COPY security ./security
COPY server ./server
COPY scripts ./scripts
COPY public ./public
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM ${NODE}
# tini reaps the processes that MCP servers leave behind.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY db/migrations ./db/migrations
COPY public ./public
COPY LICENSE flynn.schema.json ./
RUN install -d -o node -g node -m 0700 /data /data/home && install -d -m 0755 /config

# HOME is on the volume: MCP servers started with npx keep their packages there, and the rest of the file system may be read-only.
# In a container the gateway can be reached through published ports only if it listens everywhere. It refuses to, without a token.
ENV FLYNN_HOST=0.0.0.0 \
    FLYNN_PORT=18800 \
    FLYNN_DATA_DIR=/data \
    HOME=/data/home \
    NODE_ENV=production
USER node
WORKDIR /config
VOLUME /data
EXPOSE 18800
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s --retries=3 CMD ["node", "/app/dist/cli.js", "health"]
ENTRYPOINT ["tini", "--", "node", "--disable-sigusr1", "--max-semi-space-size=4", "/app/dist/cli.js"]
CMD ["start"]

ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="flynn-gateway" \
      org.opencontainers.image.description="The server between people and an AI agent" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
