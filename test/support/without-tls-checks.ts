import { runInThisContext } from 'node:vm';

/**
 * Acts while Node's switch that turns off the verification of certificates is on. Node reads it at every connection, from the
 * environment of the real process: a test has a copy.
 */
export async function withoutTlsChecks(act: () => Promise<void>): Promise<void> {
  const { env } = runInThisContext('process') as NodeJS.Process;
  env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    await act();
  } finally {
    delete env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
}
