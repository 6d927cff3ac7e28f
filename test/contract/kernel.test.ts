import test from 'ava';
import {KernelNetlinker} from '../../src/netlink/kernel.js';
import {abortedPrograms} from './netlinker/aborted-programs.js';
import {asBuilt, foreignDevices, foreignRules, otherUsers} from './netlinker/kernel-facts.js';
import {openKernel, openKernelWithVeth, prepareHost, withPrograms} from './netlinker/kernel-world.js';
import {overrun} from './netlinker/overrun.js';
import {sockets} from './netlinker/sockets.js';
import {netlinkerContract} from './netlinker.js';

/** Says that this process is in a network namespace that may be changed at will, and is root there. */
const inLaboratory = process.env.DOUBLEZEROD_LAB === '1';

if (inLaboratory) {
  await using netlinker = await KernelNetlinker.open();
  const {gre, socketAbort} = await netlinker.capabilities();
  const subject = gre ? 'kernel with GRE' : 'kernel, veth for GRE';
  const open = gre ? openKernel : openKernelWithVeth;
  test.before('the namespace looks like a host', async t => {
    await t.notThrowsAsync(prepareHost());
  });
  netlinkerContract(subject, open, {shared: true, gre});
  sockets(subject, withPrograms(open));
  if (socketAbort) abortedPrograms(subject, withPrograms(open));
  overrun(subject, open);
  foreignRules(subject, open);
  asBuilt(subject);
  otherUsers(subject);
  if (gre) foreignDevices(subject, open);
} else {
  test.skip('kernel: runs where DOUBLEZEROD_LAB=1 says that the network namespace is a throwaway', t => t.fail());
}
