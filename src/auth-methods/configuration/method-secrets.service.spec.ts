import { LatchkeySettings } from '../../latchkey.options';
import { MethodSecretsService } from './method-secrets.service';

const OLD = 'p7Hq2Zr9Wm4Kx8Ls3Nv6Bt1Yc5Dj0Gf-old';
const NEW = 'a1Sd9Fg4Hj7Kl2Zx6Cv3Bn8Mq5We0Rt-new';
const OWNER = { identityId: 'c1f9a4e2-40a0-4a7e-8a53-6f0f0f6c2d10', method: 'badge-auth' };
const SECRETS = { password: 'correct horse' };

const under = (authSecret: string, ...previousAuthSecrets: string[]) =>
  new MethodSecretsService(
    new LatchkeySettings({ database: { url: 'postgres://localhost/x' }, authSecret, previousAuthSecrets }),
  );

describe('the secrets of a method', () => {
  const sealed = under(OLD).seal(OWNER, SECRETS)!;

  it('open again, and cannot be read meanwhile', () => {
    expect(sealed.includes('correct')).toBe(false);
    expect(under(OLD).open({ ...OWNER, sealedSecrets: sealed })).toEqual(SECRETS);
  });

  it('are another text each time', () => {
    expect(under(OLD).seal(OWNER, SECRETS)).not.toEqual(sealed);
  });

  it('open under the secret of before as long as it is kept, and not afterwards', () => {
    expect(under(NEW, OLD).open({ ...OWNER, sealedSecrets: sealed })).toEqual(SECRETS);
    expect(() => under(NEW).open({ ...OWNER, sealedSecrets: sealed })).toThrow('open under no auth secret');
  });

  it('are sealed under the present secret', () => {
    const anew = under(NEW, OLD).seal(OWNER, SECRETS);
    expect(under(NEW).open({ ...OWNER, sealedSecrets: anew })).toEqual(SECRETS);
  });

  it('open for no other identity and no other method, and not when a byte was touched', () => {
    const elsewhere = { ...OWNER, identityId: '0b8f4b1c-3a44-4a5e-9d0e-7a0f4f7f8a02', sealedSecrets: sealed };
    expect(() => under(OLD).open(elsewhere)).toThrow();
    expect(() => under(OLD).open({ ...OWNER, method: 'other-auth', sealedSecrets: sealed })).toThrow();
    const touched = Buffer.from(sealed);
    touched[touched.length - 1]! ^= 1;
    expect(() => under(OLD).open({ ...OWNER, sealedSecrets: touched })).toThrow();
  });

  it('that are none are nothing', () => {
    expect(under(OLD).seal(OWNER, {})).toBeNull();
    expect(under(OLD).open({ ...OWNER, sealedSecrets: null })).toEqual({});
  });
});
