# comfyui-api on Node.js. For an image around the single binary: Dockerfile.binary.
#
#   docker build --tag comfyui-api .
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# The image has a Node.js, so those that npm brings stay behind.
RUN npm run build && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/node-*-x64 node_modules/node-*-arm64

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    COMFYUI_API_DATA_DIR=/data \
    COMFYUI_API_LOG_FORMAT=json \
    WORKFLOW_DIR=/workflows
RUN mkdir /data /workflows && chown node:node /data
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/bin/comfyui-api.js /app/bin/package.json bin/
COPY --from=build /app/dist dist
COPY --from=build /app/prompts prompts
COPY --from=build /app/workflows workflows
COPY --from=build /app/workflow_templates workflow_templates
USER node
VOLUME ["/data"]
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["node", "/app/bin/comfyui-api.js", "health"]
ENTRYPOINT ["node", "/app/bin/comfyui-api.js"]
CMD ["serve"]
