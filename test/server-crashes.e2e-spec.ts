import * as fs from 'node:fs';
import * as path from 'node:path';
import { serverProcess } from './support/server-process';
import {
  killPostgres,
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
    const events = (output: string) =>
      [...output.matchAll(/"event":"embedded_postgres\.(\w+)"/g)].map(([, event]) => event);

    it('answers 503 with Retry-After meanwhile, and has it back within seconds, as often as it happens', async () => {
      const server = start();
      const url = await server.url();
      for (let round = 0; round < 2; round += 1) {
        killPostgres();
        const meanwhile = await untilStatus(url, 503, [200]);
        expect({ status: meanwhile.status, retryAfter: meanwhile.headers.get('retry-after') }).toEqual({
          status: 503,
          retryAfter: '1',
        });
        expect(await meanwhile.json()).toMatchObject({ statusCode: 503, error: 'ServiceUnavailable' });
        expect((await fetch(`${url}/api/status`)).status).toBe(200);
        expect((await untilStatus(url, 200, [503])).status).toBe(200);
      }
      const { code, output } = await server.signal('SIGTERM');
      expect(code).toBe(0);
      expect(events(output)).toEqual(['died', 'revived', 'died', 'revived']);
      await untilPostgresEnds();
    });

    it('has it back for every process on the directory, and ends it with the last of them', async () => {
      const servers = [start(), start()];
      const urls = await Promise.all(servers.map((server) => server.url()));
      killPostgres();
      expect((await untilStatus(urls[0]!, 503, [200])).status).toBe(503);
      for (const url of urls) expect((await untilStatus(url, 200, [503])).status).toBe(200);

      await servers[0]!.signal('SIGTERM');
      expect((await untilStatus(urls[1]!, 200, [])).status).toBe(200);
      expect((await servers[1]!.signal('SIGTERM')).code).toBe(0);
      await untilPostgresEnds();
    });

    it('makes no new database in the place of one that is gone, says so once, and takes it back', async () => {
      const server = start();
      const url = await server.url();
      const data = path.join(postgres(), 'data');
      fs.renameSync(data, `${data}.moved`);
      killPostgres();
      expect((await untilStatus(url, 503, [200])).status).toBe(503);
      await server.says(/embedded_postgres\.not_revived/);
      expect(fs.existsSync(data)).toBe(false);
      fs.renameSync(`${data}.moved`, data);
      expect((await untilStatus(url, 200, [503])).status).toBe(200);
      expect(events((await server.signal('SIGTERM')).output)).toEqual(['died', 'not_revived', 'revived']);
    });

    it('frozen, it holds nobody up who asks the server to stop', async () => {
      const server = start({ LATCHKEY_SHUTDOWN_TIMEOUT_MS: '4000' });
      await server.url();
      const pid = serverProcess(postgres())!;
      process.kill(pid, 'SIGSTOP');
      const askedAt = performance.now();
      await server.signal('SIGTERM');
      expect(performance.now() - askedAt).toBeLessThan(15_000);
      process.kill(pid, 'SIGCONT');
      await untilPostgresEnds();
    });

    it('ends when it is asked to while the database is away', async () => {
      const server = start();
      const url = await server.url();
      killPostgres();
      expect((await untilStatus(url, 503, [200])).status).toBe(503);
      expect((await server.signal('SIGTERM')).code).toBe(0);
      await untilPostgresEnds();
    });
  });
});
