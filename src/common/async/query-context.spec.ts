import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { currentQueryContext, keepingContext, onBehalfOf, type Party, takingAway } from './query-context';

const run = promisify(execFile);

const ALICE: Party = { group: 'acme', member: 'alice', isCrowd: false };
const BOB: Party = { group: 'acme', member: 'bob', isCrowd: false };

/**
 * Node gives promises ids only while something follows asynchronous work, which costs time on every promise. Asked in a process
 * of its own, because jest follows it too.
 */
const IS_FOLLOWED_AFTERWARDS = `
  const { executionAsyncId } = require('node:async_hooks');
  const { onBehalfOf } = require('./src/common/async/query-context.ts');
  const idOfPromise = () => Promise.resolve().then(executionAsyncId);
  const fails = () => onBehalfOf({}, () => Promise.reject(new Error('away')));
  const isFollowed = async () => (await idOfPromise()) !== (await idOfPromise());
  Promise.allSettled([onBehalfOf({}, isFollowed), onBehalfOf({}, idOfPromise), fails()])
    .then(async ([during]) => console.log(during.value, await isFollowed()));`;

describe('a query context', () => {
  it('is known to everything that it waits for, also beside another context', async () => {
    const partyAfterAWait = async () => {
      await pause(1);
      return currentQueryContext()?.party;
    };
    const seen = await Promise.all([onBehalfOf(ALICE, partyAfterAWait), onBehalfOf(BOB, partyAfterAWait)]);
    expect(seen).toEqual([ALICE, BOB]);
  });

  it('that takes rights away keeps its party', async () => {
    const seen = await onBehalfOf(ALICE, () => takingAway(() => Promise.resolve(currentQueryContext())));
    expect(seen).toEqual({ party: ALICE, isRevoking: true });
  });

  it('makes no promise of the process slower once it is over, however it ended', async () => {
    const args = ['-r', '@swc-node/register', '-e', IS_FOLLOWED_AFTERWARDS];
    const { stdout } = await run(process.execPath, args, { cwd: join(__dirname, '../../..') });
    // From Node 24 on, following it costs nothing.
    expect(stdout.trim()).toMatch(/^(true|false) false$/);
  });

  it('that begins while another one ends is not lost', async () => {
    const slow = onBehalfOf(ALICE, async () => {
      await pause(5);
      return currentQueryContext()?.party;
    });
    await onBehalfOf(BOB, () => Promise.resolve());
    expect(await slow).toEqual(ALICE);
  });

  it('that is kept goes on after its end', async () => {
    const later = await onBehalfOf(ALICE, () =>
      Promise.resolve(keepingContext(() => Promise.resolve(currentQueryContext()?.party))),
    );
    await onBehalfOf(BOB, () => Promise.resolve());
    expect(currentQueryContext()).toBeUndefined();
    expect(await later()).toEqual(ALICE);
  });
});
