import { randomBytes } from 'node:crypto';
import { type OutboundAnswer, OutboundHttp } from '../../common/net/outbound-http';
import { LatchkeySettings } from '../../latchkey.options';
import { SecurityTokenService } from './security-token-service';
import type { SignedRequest } from './signed-request';

const SETTINGS = new LatchkeySettings({
  database: { url: 'postgres://localhost/x' },
  authSecret: randomBytes(48).toString('base64'),
});
const arn = 'arn:aws:iam::123456789012:user/jane';
const result = { Account: '123456789012', Arn: arn, UserId: 'AIDAJANE' };
const ANSWER: OutboundAnswer = {
  ...{ status: 200, headers: {} },
  body: Buffer.from(JSON.stringify({ GetCallerIdentityResponse: { GetCallerIdentityResult: result } })),
};

const signedFor = (host: string): SignedRequest => ({
  host,
  headers: { host },
  body: '',
  signedAt: new Date(),
  signature: '',
});

/** An STS in each of some regions. No other host exists. */
function stsIn(...regions: string[]) {
  const slots: string[] = [];
  let [lookUps, most] = [0, 0];
  const resolve = async () => {
    most = Math.max(most, (lookUps += 1));
    await new Promise(setImmediate);
    lookUps -= 1;
    throw new Error('no such host');
  };
  const http = new OutboundHttp({ allow: [], timeoutMs: 5_000, resolve });
  const send: OutboundHttp['send'] = (request) => {
    slots.push(request.slots!);
    return regions.some((region) => request.url.includes(`.${region}.`)) ? Promise.resolve(ANSWER) : http.send(request);
  };
  const sts = new SecurityTokenService(SETTINGS, Object.assign(Object.create(http) as OutboundHttp, { send }), http);
  return { sts, slots, mostLookUps: () => most };
}

describe('the STS of a region', () => {
  // Seen red: as many slots and look-ups at the same time as there are made-up regions.
  it('that is made up has no slots of its own, and one that has answered has, also if it is new', async () => {
    const { sts, slots, mostLookUps } = stsIn('eu-west-1', 'zz-new-1');
    const whoSigned = (region: string) => sts.whoSigned(signedFor(`sts.${region}.amazonaws.com`), 'a party');
    for (const region of ['eu-west-1', 'zz-new-1', 'eu-west-1', 'zz-new-1']) await whoSigned(region);
    expect(slots).toEqual(['sts', 'sts', 'sts.eu-west-1.amazonaws.com', 'sts.zz-new-1.amazonaws.com']);
    const madeUp = await Promise.allSettled(Array.from({ length: 60 }, (_, n) => whoSigned(`xx-region-${n}`)));
    expect(madeUp.every(({ status }) => status === 'rejected')).toBe(true);
    expect(new Set(slots.slice(4))).toEqual(new Set(['sts']));
    expect(mostLookUps()).toBe(8);
  });
});
