import { databaseEndpoints } from './database-endpoints';

const at = (connectionString: string) => ({ connectionString });
const connections = (url: string, push?: string) =>
  databaseEndpoints({ connection: { typeorm: {}, pg: at(url) }, pushConnection: push === undefined ? push : at(push) });

describe('where the database listens', () => {
  it('is read from its address as node-postgres reads it, and from that for pushes', () => {
    expect(connections('postgres://u:p@pooler.test:6543/x', 'postgres://u:p@primary.test/x')).toEqual([
      { host: 'pooler.test', port: 6543 },
      { host: 'primary.test', port: 5432 },
    ]);
    const [socket] = connections('postgres://u@socket/x?host=/run/postgresql&port=5433');
    expect(socket).toEqual({ host: '/run/postgresql', port: 5433 });
  });
});
