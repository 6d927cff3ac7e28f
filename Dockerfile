# The image of doublezerod. The README says how to run it; `npm run image:check` builds it and tries it out.

# The Node.js release of the image, the current LTS, is named here and nowhere else.
FROM node:26-bookworm-slim AS base
WORKDIR /opt/doublezerod

# What the daemon needs at run time. The native addon of `netlink` comes prebuilt in its package: no compiler is needed.
FROM base AS packages
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --omit=dev

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit
COPY . .
RUN npm run build

FROM base

# The daemon runs as an ordinary user, and such a user gets no effective capability from `--cap-add` alone: the program
# that runs has to bring it as a file capability. So the daemon has a copy of node to itself, which only its group may
# run; the plain node beside it has no capability. What follows from this:
# - The container must be allowed NET_ADMIN and NET_RAW (`--cap-add=NET_ADMIN`; engines allow NET_RAW by themselves), or
#   the kernel refuses to start the copy: "operation not permitted".
# - Under no-new-privileges (`allowPrivilegeEscalation: false` in Kubernetes) file capabilities count for nothing: the
#   daemon then starts, finds that it has no CAP_NET_ADMIN, says so and ends with exit code 2.
# - The kernel treats the copy like a set-user-ID program, so Node.js takes no NODE_OPTIONS from the environment.
# In the final stage, since not every builder carries file capabilities over a COPY.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libcap2-bin \
 && groupadd --gid 7300 doublezerod \
 && useradd --uid 7300 --gid doublezerod --home-dir /opt/doublezerod --no-create-home --shell /usr/sbin/nologin doublezerod \
 && install --owner=root --group=doublezerod --mode=0750 "$(command -v node)" /usr/local/bin/doublezerod-node \
 && setcap cap_net_admin,cap_net_raw+ep /usr/local/bin/doublezerod-node \
 && install --directory --owner=doublezerod --group=doublezerod --mode=0755 /run/doublezerod \
 && install --directory --owner=doublezerod --group=doublezerod --mode=0700 /var/lib/doublezerod \
 && apt-get purge --yes --auto-remove libcap2-bin \
 && rm -rf /var/lib/apt/lists/*

COPY LICENSE package.json ./
COPY --from=packages /opt/doublezerod/node_modules node_modules
COPY --from=build /opt/doublezerod/dist/descriptor-set.binpb dist/
COPY --from=build /opt/doublezerod/dist/src dist/src

# By number, so that Kubernetes can see that it is not root (`runAsNonRoot`).
USER 7300:7300
STOPSIGNAL SIGTERM
# With another --socket: `docker run --health-cmd=…`, with the same --socket.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "/opt/doublezerod/dist/src/health-check.js"]
ENTRYPOINT ["/usr/local/bin/doublezerod-node", "--enable-source-maps", "/opt/doublezerod/dist/src/main.js"]
