import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Environment } from './environment-table';
import { StartError } from './start-error';

/** @throws the error of `listen`, or StartError, when the server cannot listen on its addresses. */
export async function requireFreePorts(environment: Environment): Promise<void> {
  const { HOST, PORT, LATCHKEY_METRICS_HOST: host, LATCHKEY_METRICS_PORT: port } = environment;
  await requireFree(HOST, PORT);
  if (port === undefined) return;
  await requireFree(host, port).catch((error: NodeJS.ErrnoException) => {
    throw new StartError(
      `Metrics cannot be served at ${host}:${port} (${error.code}): set LATCHKEY_METRICS_PORT and LATCHKEY_METRICS_HOST to others.`,
    );
  });
}

async function requireFree(host: string, port: number): Promise<void> {
  const probe = createServer();
  probe.listen({ host, port });
  await once(probe, 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.syscall !== 'getaddrinfo') throw error;
    throw new StartError(`HOST is a name that cannot be found (${error.code}): set it to an address of this machine.`);
  });
  probe.close();
  await once(probe, 'close');
}
