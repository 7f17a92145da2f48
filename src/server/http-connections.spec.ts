import { mostOutbound } from '../common/net/descriptors';
import { mostConnections } from './http-connections';

describe('how many connections clients can have', () => {
  it.each([256, 1_024, 65_536])('of %d descriptors, enough are left for everything else', (descriptors) => {
    const most = mostConnections(20, descriptors);
    expect(descriptors - most).toBeGreaterThanOrEqual(2 * 20 + 2 * mostOutbound(descriptors) + 64);
    expect(most).toBeGreaterThan(descriptors / 4);
  });

  it('is never none', () => {
    expect(mostConnections(1_000, 256)).toBeGreaterThan(0);
  });

  it('is asked of the system', () => {
    expect(mostConnections(20)).toBeGreaterThan(16);
  });
});
