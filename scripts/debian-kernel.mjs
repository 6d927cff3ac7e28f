// Unpacks Debian's stock kernel into .lab/debian-kernel, where the laboratory boots it in QEMU. It is not installed, which
// would build a boot image that nobody needs.
import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';

const folder = '.lab/debian-kernel';

// Into a folder of its own that is renamed when all is there, so that half of it is never found.
const unpack = `
  set -e
  metapackage=linux-image-amd64 # the cloud variant has no 9p, over which the guest sees the host's files
  package() { apt-cache depends $metapackage | sed -n 's/^ *Depends: \\(linux-image-[^ ]*\\)$/\\1/p' | head -n 1; }
  if [ -z "$(package)" ]; then apt-get -qq update; fi
  mkdir -p .lab
  scratch=$(mktemp -d "$PWD/.lab/debian-kernel.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 130' INT TERM
  (cd "$scratch" && apt-get -qq -o APT::Sandbox::User=root download "$(package)" && dpkg -x *.deb unpacked)
  depmod -b "$scratch/unpacked" "$(ls "$scratch/unpacked/lib/modules")"
  mv -T "$scratch/unpacked" ${folder}
`;

/** Where it cannot be had the laboratory goes without QEMU, and says so, or fails where that is not allowed. */
export function unpackDebianKernel() {
  if (existsSync(folder)) return;
  const {stdout, error} = spawnSync('dpkg', ['--print-architecture'], {encoding: 'utf8'});
  if (error || stdout.trim() !== 'amd64') {
    console.error('setup: no kernel for QEMU is unpacked, since this is no Debian on amd64');
    return;
  }
  console.log('setup: unpacking Debian’s kernel');
  const {status} = spawnSync('sh', ['-c', unpack], {stdio: 'inherit'});
  if (status !== 0) console.error('setup: the kernel for QEMU could not be unpacked; what needs it says so');
}
