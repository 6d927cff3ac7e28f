/**
 * What to know where the system has refused something at the start: root is used to reading and writing everybody's files,
 * and to every port, by capabilities which the daemon gives up. Empty where there is nothing to add.
 */
export function permissionHint(error: unknown, uid: number | undefined = process.geteuid?.()): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const {code, syscall, port} = cause as NodeJS.ErrnoException & {readonly port?: number};
    if (code !== 'EACCES' && code !== 'EPERM') continue;
    if (syscall === 'listen' && port !== undefined) {
      return '; the daemon holds no CAP_NET_BIND_SERVICE: take a port from net.ipv4.ip_unprivileged_port_start on';
    }
    return uid === 0 ? '; the daemon has given up CAP_DAC_OVERRIDE: what it uses has to be open to root' : '';
  }
  return '';
}
