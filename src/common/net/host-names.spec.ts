import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DnsPeer } from '../../../test/support/dns-peer';
import { hostNames } from './host-names';

const HOSTS = `127.0.0.1 localhost
# 10.0.0.1 peer.test
10.0.0.2 other Peer.Test # an alias
fd00::2  peer.test
not-an-address peer.test
`;
const RESOLVER = `search wrong.test
options ndots:5
search ns.svc.test  svc.test
`;

let peer: DnsPeer;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'host-names-'));
  await writeFile(join(directory, 'hosts'), HOSTS);
  await writeFile(join(directory, 'resolv.conf'), RESOLVER);
});
beforeEach(async () => {
  peer = await DnsPeer.start();
});
afterEach(() => peer.stop());
afterAll(() => rm(directory, { recursive: true }));

const within = (milliseconds: number) => AbortSignal.timeout(milliseconds);
const resolve = (name: string, signal = within(20_000)) => {
  const [hostsFile, resolverFile] = [join(directory, 'hosts'), join(directory, 'resolv.conf')];
  return hostNames({ servers: [peer.address], hostsFile, resolverFile })(name, signal);
};

describe('a host name', () => {
  it('is looked up in the hosts file first', async () => {
    expect(await resolve('peer.test')).toEqual(['10.0.0.2', 'fd00::2']);
    expect(await resolve('localhost.')).toEqual(['127.0.0.1']);
    expect(peer.asked).toEqual([]);
  });

  it('is asked for as it is written, then with the domains of the search list in turn', async () => {
    peer.names.set('api.svc.test', ['10.0.0.3', '10.0.0.4']);
    expect(await resolve('api')).toEqual(['10.0.0.3', '10.0.0.4']);
    expect([...new Set(peer.asked)]).toEqual(['api', 'api.ns.svc.test', 'api.svc.test']);
    peer.names.set('api', ['10.0.0.5']);
    expect(await resolve('api')).toEqual(['10.0.0.5']);
  });

  it('that ends with a dot is whole', async () => {
    peer.names.set('api.svc.test', ['10.0.0.3']);
    await expect(resolve('api.')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(new Set(peer.asked)).toEqual(new Set(['api']));
  });

  it('that exists nowhere, or has no address, is an error with a code', async () => {
    await expect(resolve('nowhere.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    peer.names.set('empty.test', []);
    await expect(resolve('empty.test')).rejects.toMatchObject({ code: 'ENODATA' });
  });

  it('whose name servers say nothing is given up with its signal, and keeps no other waiting', async () => {
    peer.isMute = (name) => name.startsWith('slow');
    peer.names.set('quick.test', ['10.0.0.6']);
    const slow = Array.from({ length: 100 }, (_, n) => resolve(`slow${n}.test`, within(1_000)));
    const outcomes = Promise.allSettled(slow);
    expect(await resolve('quick.test')).toEqual(['10.0.0.6']);
    for (const { status } of await outcomes) expect(status).toBe('rejected');
    await expect(resolve('slow.test', AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  });
});
