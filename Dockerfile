# The image of compose.yaml's init and processors.
FROM node:24-bookworm AS build
WORKDIR /marquee
COPY package.json package-lock.json .npmrc ./
COPY sdk/package.json sdk/
# node-rdkafka alone is built; a parallel make loses a race in its librdkafka.
RUN npm ci --omit=dev --ignore-scripts && npm rebuild node-rdkafka --foreground-scripts \
  && rm -rf node_modules/node-rdkafka/deps

FROM node:24-bookworm-slim
WORKDIR /marquee
# The same two as in ./marquee: memory. compose.yaml gives the archive more, as that does.
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=8 MALLOC_ARENA_MAX=1
COPY --from=build /marquee/node_modules node_modules
COPY . .
USER node
CMD ["node", "cli/main.ts", "run"]
