import {once} from 'node:events';
import {connect} from 'node:net';

/**
 * Whether somebody listens on a Unix socket. Only a refused connection, or no file at all, means that nobody does: a
 * full backlog, for one, says the opposite.
 */
export async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    return !['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '');
  } finally {
    socket.destroy();
  }
}
