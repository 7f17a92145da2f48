import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { pollUntil } from '../src/embedded-postgres/polling';
import { serverProcess } from './support/server-process';
import {
  details,
  postgres,
  start,
  untilPostgresEnds,
  untilStatus,
  useStandAloneServers,
} from './support/stand-alone-server';

jest.setTimeout(60_000);

describe('the stand-alone server', () => {
  useStandAloneServers({ isUsed: true });

  describe('whose own PostgreSQL is killed', () => {
    /** The shells that watch over the server: its parent, and the one that reads the pipe. */
    const watchdogs = () => {
      const list = execFileSync('ps', ['-eww', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
      const found = list
        .filter((line) => line.includes('latchkey-postgres') && line.includes(` -D ${postgres()}/data `))
        .map((line) => line.trim().split(/\s+/).slice(0, 2).map(Number) as [number, number]);
      const main = found.find(([, parent]) => !found.some(([pid]) => pid === parent))?.[0];
      return { main: main!, reader: found.find(([pid]) => pid !== main)![0] };
    };
    const kill = (...pids: (number | undefined)[]) => pids.forEach((pid) => process.kill(pid!, 'SIGKILL'));

    // Seen red: the database never came back, and lived on after the server that had taken a minute to end.
    it.each([
      ['its watchdog', () => kill(watchdogs().main)],
      ['the reader of the pipe', () => kill(watchdogs().reader)],
      ['both of them', () => kill(watchdogs().main, watchdogs().reader)],
      ['its watchdog, and it', () => kill(watchdogs().main, serverProcess(postgres()))],
      ['all of them', () => kill(watchdogs().main, watchdogs().reader, serverProcess(postgres()))],
    ])(
      '%s killed: it is there again within seconds, and ends with the last process that uses it',
      async (_, strike) => {
        const server = start();
        const url = await server.url();
        strike();
        await pause(1_000);
        expect((await untilStatus(url, 200, [503])).status).toBe(200);
        const killed = serverProcess(postgres());
        kill(killed);
        // It may be back before anything that is remembered has to be asked about.
        const isBack = () => ([undefined, killed].includes(serverProcess(postgres())) ? undefined : true);
        expect(await pollUntil(Date.now() + 30_000, isBack)).toBe(true);
        expect((await untilStatus(url, 200, [503])).status).toBe(200);
        expect((await server.signal('SIGTERM')).code).toBe(0);
        await untilPostgresEnds();
      },
    );

    it.each([
      ['its watchdog', () => kill(watchdogs().main)],
      ['the reader of the pipe', () => kill(watchdogs().reader)],
      ['both of them', () => kill(watchdogs().main, watchdogs().reader)],
    ])(
      '%s killed, and the server right after: nothing of it is left, or in the way of the next start',
      async (_, strike) => {
        const server = start();
        await server.url();
        strike();
        await server.signal('SIGKILL');
        const next = start();
        expect(await details(await next.url())).toBe(200);
        expect((await next.signal('SIGTERM')).code).toBe(0);
        await untilPostgresEnds();
      },
    );
  });
});
