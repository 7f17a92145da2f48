import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Environment } from './environment';

/** @throws the error of `listen` when the server could not listen where it is told to. */
export async function requireFreePort({ HOST: host, PORT: port }: Environment): Promise<void> {
  const probe = createServer();
  probe.listen({ host, port });
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}
