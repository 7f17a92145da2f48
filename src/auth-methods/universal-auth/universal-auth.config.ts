import { requireIps } from '../../access-tokens/issuing/access-token-policy';
import type { TrustedIpInputDto } from '../../access-tokens/issuing/dto/access-token-policy.dto';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { EVERY_ADDRESS, readTrustedIps, type TrustedIp } from '../../common/net/trusted-ips';
import type { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';
import { isLockoutPolicy, type LockoutPolicy } from '../pipeline/lockouts.service';

/** The settings of Universal Auth beyond the policy of its tokens. */
export interface UniversalAuthConfig extends LockoutPolicy {
  readonly clientSecretTrustedIps: TrustedIp[];
  readonly lockoutEnabled: boolean;
}

type ConfigInput = Partial<Omit<UniversalAuthConfig, 'clientSecretTrustedIps'>> & {
  readonly clientSecretTrustedIps?: TrustedIpInputDto[];
};

export const DEFAULT_CONFIG: UniversalAuthConfig = {
  clientSecretTrustedIps: [...EVERY_ADDRESS],
  lockoutEnabled: true,
  lockoutThreshold: 3,
  lockoutDurationSeconds: 300,
  lockoutCounterResetSeconds: 30,
};

export function configOf({ config }: Pick<IdentityAuthMethod, 'config'>): UniversalAuthConfig {
  return readConfig(config);
}

/** The settings in the database. @throws UnreadableValueError if one is missing or of another type. */
export function readConfig(config: unknown): UniversalAuthConfig {
  if (typeof config !== 'object' || config === null) throw new UnreadableValueError('settings of Universal Auth');
  const read = config as Record<keyof UniversalAuthConfig, unknown>;
  if (typeof read.lockoutEnabled !== 'boolean' || !isLockoutPolicy(read)) {
    throw new UnreadableValueError('settings of Universal Auth');
  }
  readTrustedIps(read.clientSecretTrustedIps);
  return config as UniversalAuthConfig;
}

/** The settings with the fields of an input replaced. @throws InvalidIpError */
export function mergeConfig(input: ConfigInput, present: UniversalAuthConfig = DEFAULT_CONFIG): UniversalAuthConfig {
  const { clientSecretTrustedIps: ips } = input;
  return {
    clientSecretTrustedIps: ips ? requireIps(ips) : present.clientSecretTrustedIps,
    lockoutEnabled: input.lockoutEnabled ?? present.lockoutEnabled,
    lockoutThreshold: input.lockoutThreshold ?? present.lockoutThreshold,
    lockoutDurationSeconds: input.lockoutDurationSeconds ?? present.lockoutDurationSeconds,
    lockoutCounterResetSeconds: input.lockoutCounterResetSeconds ?? present.lockoutCounterResetSeconds,
  };
}
