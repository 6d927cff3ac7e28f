// Makes a checkout ready to run: npm packages, Debian packages of the groups asked for (`--lab --python`), build.
// Needs nothing but Node.js, and does only what is missing.
import {spawnSync} from 'node:child_process';
import {existsSync, statSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {unpackDebianKernel} from './debian-kernel.mjs';

/** Debian packages by what they are for. */
const debianPackages = {
  lab: [
    ...['user-mode-linux', 'kmod', 'iproute2', 'iputils-ping', 'tcpdump', 'frr', 'python3'],
    ...['qemu-system-x86', 'busybox-static', 'cpio'],
  ],
  peers: ['frr', 'bird2', 'gobgpd'],
  python: ['python3', 'python3-venv'],
  documents: ['openssl'],
  bench: ['iproute2', 'bird2'],
  image: ['buildah', 'debootstrap', 'iproute2', 'libcap2-bin'],
};

// Packages with services in them enable and start those when installed. The laboratory starts what it needs itself, in
// namespaces of its own; policy-rc.d is Debian's way to say so, and is only there while apt-get runs.
const install = `
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\\nexit 101\\n' >$policy && chmod 755 $policy
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update && apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
`;

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

function run(command, ...args) {
  const {status, error} = spawnSync(command, args, {stdio: 'inherit'});
  if (status !== 0) fail(`${command} failed${error ? `: ${error.message}` : ''}`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const supported = major > 20 || (major === 20 && minor >= 19);
  if (!supported) fail(`Node.js 20.19 or newer is needed, this is ${process.versions.node}`);
}

function installNpmPackages() {
  const installed = 'node_modules/.package-lock.json';
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  console.log('setup: installing npm packages');
  run('npm', 'ci', '--no-audit');
}

/** `undefined` where this is no Debian. */
function missingDebianPackages(names) {
  const {stdout, error} = spawnSync('dpkg-query', ['--status', ...names], {encoding: 'utf8'});
  if (error) return undefined;
  const installed = new Set(
    Array.from(stdout.matchAll(/^Package: (.*)\nStatus: install ok installed$/gm), ([, name]) => name),
  );
  return names.filter(name => !installed.has(name));
}

/** What needs the packages decides whether it can do without them, so only a failing installation stops here. */
function installDebianPackages(names) {
  const missing = missingDebianPackages(names);
  if (missing === undefined) {
    console.error(
      `setup: this is no Debian; the programs of these packages are used where they exist: ${names.join(' ')}`,
    );
  } else if (missing.length > 0 && process.getuid?.() !== 0) {
    console.error(`setup: not root, so these packages are not installed: apt-get install ${missing.join(' ')}`);
  } else if (missing.length > 0) {
    console.log(`setup: installing ${missing.join(' ')}`);
    run('sh', '-c', install, 'sh', ...missing);
  }
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const groups = process.argv.slice(2).map(flag => flag.replace(/^--/, ''));
const unknown = groups.find(group => !Object.hasOwn(debianPackages, group));
if (unknown !== undefined) fail(`no group of packages called ${unknown}; there are ${Object.keys(debianPackages)}`);

checkNode();
installNpmPackages();
installDebianPackages(groups.flatMap(group => debianPackages[group]));
if (groups.includes('lab')) unpackDebianKernel();
await import('./build.mjs');
