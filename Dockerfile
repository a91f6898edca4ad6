# QIKI: `docker build -t qiki .`; compose.yaml runs one container per role. See docs/deployment.md.

FROM node:24-bookworm-slim AS build
WORKDIR /qiki
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# The console's pages; then only what runs stays.
RUN npm run prepare && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    QIKI_DATA_DIR=/data \
    QIKI_HTTP_HOST=0.0.0.0
WORKDIR /qiki
RUN install -d -o node -g node /data
COPY --from=build /qiki/package.json ./
COPY --from=build /qiki/node_modules ./node_modules
COPY --from=build /qiki/src ./src
COPY --from=build /qiki/dist ./dist
COPY --from=build /qiki/config ./config
COPY --from=build /qiki/profiles ./profiles
COPY --from=build /qiki/scenarios ./scenarios
COPY --from=build /qiki/schemas ./schemas
USER node
VOLUME /data
EXPOSE 8420
# The image's Node is the one the project needs: no launcher between the signal and the program.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "/qiki/src/cli/main.ts"]
CMD ["up", "--auth", "token"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.QIKI_HEALTH_PORT ?? 8420}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
