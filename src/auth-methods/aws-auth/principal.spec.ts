import { mergeSettings } from './aws-auth.config';
import { principalOf, requireAllowed } from './principal';

const ACCOUNT = '123456789012';
const IAM = `arn:aws:iam::${ACCOUNT}`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/app/i-0abc`;
const GOV = `arn:aws-us-gov:sts::${ACCOUNT}:assumed-role/app/x`;

const principal = (arn: string) => principalOf({ account: ACCOUNT, arn, userId: 'AROA:x' });
const refusal = (arn: string, config: Parameters<typeof mergeSettings>[0]) => {
  try {
    requireAllowed(principal(arn), mergeSettings(config).config);
    return undefined;
  } catch (error) {
    return (error as { errorCode: string }).errorCode;
  }
};

describe('a principal', () => {
  it('is a user or the session of a role, named without path and session', () => {
    const facts = { accountId: ACCOUNT, userId: 'AROA:x', partition: 'aws' };
    const user = `${IAM}:user/team/sub/jane`;
    expect(principal(user)).toEqual({
      ...facts,
      arn: user,
      service: 'iam',
      resourceType: 'user',
      resourceName: 'jane',
    });
    const role = { service: 'sts', resourceType: 'assumed-role', resourceName: 'app' };
    expect(principal(SESSION)).toEqual({ ...facts, arn: SESSION, ...role });
    expect(principal(GOV)).toMatchObject({ partition: 'aws-us-gov', resourceName: 'app' });
  });

  it.each([
    [`${IAM}:root`, 'root_principal_not_supported'],
    [`arn:aws:sts::${ACCOUNT}:federated-user/jane`, 'principal_not_supported'],
    [`arn:aws:sts::${ACCOUNT}:assumed-role/app`, 'principal_not_supported'],
    [`arn:aws:sts::${ACCOUNT}:assumed-role/path/app/x`, 'principal_not_supported'],
    [`arn:aws:sts::${ACCOUNT}:user/jane`, 'principal_not_supported'],
    [`${IAM}:role/app`, 'principal_not_supported'],
    [`${IAM}:user/`, 'principal_not_supported'],
    ['x', 'principal_not_supported'],
  ])('is no other: %s', (arn, errorCode) => {
    expect(() => principal(arn)).toThrow(expect.objectContaining({ errorCode }));
  });

  it.each([
    [SESSION, `${IAM}:role/app`],
    [SESSION, `arn:aws:sts::${ACCOUNT}:assumed-role/app`],
    [SESSION, `${IAM}:role/other, ${IAM}:role/a*`],
    [SESSION, `${IAM}:*`],
    [SESSION, `arn:aws:sts::${ACCOUNT}:*`],
    [`${IAM}:user/team/jane`, `${IAM}:user/jane`],
    [`${IAM}:user/jane`, `${IAM}:*`],
    [GOV, `arn:aws-us-gov:iam::${ACCOUNT}:role/app`],
  ])('%s is allowed by %s', (arn, allowedPrincipalArns) => {
    expect(refusal(arn, { allowedPrincipalArns })).toBeUndefined();
    expect(refusal(arn, { allowedPrincipalArns, allowedAccountIds: ACCOUNT })).toBeUndefined();
    expect(refusal(arn, { allowedPrincipalArns, allowedAccountIds: '000000000000' })).toBe('account_id_not_allowed');
  });

  it.each([
    [SESSION, `${IAM}:role/ap`],
    [SESSION, `${IAM}:role/app2`],
    [SESSION, `${IAM}:role/App`],
    [SESSION, `${IAM}:user/app`],
    [SESSION, `arn:aws:iam::000000000000:role/app`],
    [SESSION, `arn:aws-us-gov:iam::${ACCOUNT}:role/app`],
    [SESSION, `${IAM}:role/a.p`],
    [`${IAM}:user/app`, `${IAM}:role/app`],
    [`${IAM}:user/team/jane`, `${IAM}:user/team`],
    [GOV, `${IAM}:role/app`],
  ])('%s is not allowed by %s', (arn, allowedPrincipalArns) => {
    expect(refusal(arn, { allowedPrincipalArns })).toBe('principal_arn_not_allowed');
  });

  it('may be any of an allowed account where no ARN is named', () => {
    expect(refusal(SESSION, { allowedAccountIds: `000000000000,${ACCOUNT}` })).toBeUndefined();
    expect(refusal(SESSION, { allowedAccountIds: '123456789013' })).toBe('account_id_not_allowed');
  });
});
