import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Environment } from './environment-table';
import { StartError } from './start-error';

/** @throws the error of `listen`, or StartError, when the server cannot listen on its address. */
export async function requireFreePort({ HOST: host, PORT: port }: Environment): Promise<void> {
  const probe = createServer();
  probe.listen({ host, port });
  await once(probe, 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.syscall !== 'getaddrinfo') throw error;
    throw new StartError(`HOST is a name that cannot be found (${error.code}): set it to an address of this machine.`);
  });
  probe.close();
  await once(probe, 'close');
}
