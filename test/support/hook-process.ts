import { startHookNode } from './hook-nodes';

// Issues a token, and dies when the event of it is delivered: after the commit, and before the delivery is noted.
async function main(): Promise<void> {
  const { DATABASE_URL, AUTH_SECRET, IDENTITY_ID } = process.env;
  const { heard, tokens } = await startHookNode(DATABASE_URL!, AUTH_SECRET!);
  heard.fault = () => process.kill(process.pid, 'SIGKILL');
  await tokens.issue({ identityId: IDENTITY_ID!, name: 'survives' });
  setInterval(() => undefined, 1_000);
}

void main();
