import {findDebianKernel, makeInitramfs} from './debian-kernel.js';
import {runGuest, type Start} from './guest.js';
import {copyInit, tiedIfPermitted} from './own-kernel.js';
import type {Outcome, Place, RunOptions} from './place.js';
import {missingPrograms} from './programs.js';

const missingKernel =
  'Debian’s kernel is not unpacked in .lab/debian-kernel (on Debian, node scripts/setup.mjs --lab does it)';

async function start(folder: string): Promise<Start> {
  const kernel = findDebianKernel();
  if (!kernel) throw new Error(missingKernel);
  await copyInit(folder);
  const initramfs = await makeInitramfs(kernel, folder);
  const commandLine = [
    ...['console=ttyS0', 'quiet', 'panic=-1'],
    // Unknown to the kernel, and therefore in init's environment.
    ...[`LAB_FOLDER=${folder}`, `LAB_MODULES=${kernel.modules}`, 'LAB_OUTPUT=ttyS1'],
  ].join(' ');
  const command = [
    ...tiedIfPermitted(),
    'qemu-system-x86_64',
    // By software: nobody is to depend on what a machine lets through of its own processor.
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2048'],
    ...['-kernel', kernel.image, '-initrd', initramfs, '-append', commandLine],
    ...['-display', 'none', '-monitor', 'none', '-no-reboot', '-nic', 'none'],
    ...['-serial', 'stdio', '-chardev', 'socket,id=output,fd=3', '-serial', 'chardev:output'],
    ...['-fsdev', 'local,id=root,path=/,security_model=passthrough,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=root,mount_tag=rootfs'],
  ];
  return {command};
}

/** Debian's stock kernel in QEMU: slow, but it has GRE and socket abort both, and two processors. */
export class QemuPlace implements Place {
  readonly name = 'qemu';
  readonly ownsKernel = true;
  readonly abortsSockets = true;
  readonly patience = 3;

  missing(): string | undefined {
    const needed = ['qemu-system-x86_64', 'busybox', 'cpio', 'modprobe', 'ip', 'ping', 'tcpdump'];
    return missingPrograms(needed) ?? (findDebianKernel() ? undefined : missingKernel);
  }

  run(command: readonly string[], options: RunOptions): Promise<Outcome> {
    return runGuest(start, command, options);
  }
}
