import { Injectable } from '@nestjs/common';
import type { AccessTokenPolicy } from '../../access-tokens/issuing/access-token-policy';
import { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';
import type { SqlRunner } from '../../database/sql-runner';

/** The part of a configuration that can be changed. */
export interface AuthMethodSettings {
  readonly policy: AccessTokenPolicy;
  readonly config: object;
  readonly sealedSecrets: Buffer | null;
}

/** The method that an identity is given. */
export interface NewAuthMethod extends AuthMethodSettings {
  readonly identityId: string;
  readonly method: string;
  readonly clientId: string | null;
}

type Inserted = Pick<IdentityAuthMethod, 'id' | 'createdAt' | 'updatedAt'>;

/** The one writer of auth methods. It takes any `SqlRunner`, in a transaction of Latchkey's or of a host's. */
@Injectable()
export class AuthMethodStore {
  async insert(
    run: SqlRunner,
    { identityId, method, clientId, ...settings }: NewAuthMethod,
  ): Promise<IdentityAuthMethod> {
    const owner = { identityId, method, clientId };
    const [row] = await run<Inserted>(INSERT, [...Object.values(owner), ...columnsOf(settings)]);
    return Object.assign(new IdentityAuthMethod(), { ...row!, ...owner, ...fieldsOf(settings) });
  }

  /** Writes the row only if the settings differ, so that `updatedAt` tells when they changed. */
  async update(run: SqlRunner, row: IdentityAuthMethod, settings: AuthMethodSettings): Promise<IdentityAuthMethod> {
    const [changed] = await run<Pick<IdentityAuthMethod, 'updatedAt'>>(UPDATE, [row.id, ...columnsOf(settings)]);
    return Object.assign(row, { ...changed, ...fieldsOf(settings) });
  }

  /** Removes the method. Its tokens are unusable without this row, and no row of a token is written. */
  async delete(run: SqlRunner, authMethodId: string): Promise<void> {
    await run(DELETE, [authMethodId]);
  }
}

function fieldsOf({ policy, config, sealedSecrets }: AuthMethodSettings): Partial<IdentityAuthMethod> {
  return { ...policy, config, sealedSecrets };
}

function columnsOf({ policy, config, sealedSecrets }: AuthMethodSettings): unknown[] {
  const { accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod, accessTokenNumUsesLimit, accessTokenTrustedIps } =
    policy;
  const limits = [accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod, accessTokenNumUsesLimit];
  // As text: node-postgres sends an array as an array of PostgreSQL's, not as JSON.
  return [...limits, JSON.stringify(accessTokenTrustedIps), JSON.stringify(config), sealedSecrets];
}

const INSERT = `
  INSERT INTO latchkey.identity_auth_methods
         (identity_id, method, client_id, access_token_ttl, access_token_max_ttl, access_token_period,
          access_token_num_uses_limit, access_token_trusted_ips, config, sealed_secrets)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  RETURNING id, created_at AS "createdAt", updated_at AS "updatedAt"`;

const UPDATE = `
  UPDATE latchkey.identity_auth_methods
     SET access_token_ttl = $2, access_token_max_ttl = $3, access_token_period = $4, access_token_num_uses_limit = $5,
         access_token_trusted_ips = $6, config = $7, sealed_secrets = $8, updated_at = CURRENT_TIMESTAMP
   WHERE id = $1
     AND (access_token_ttl, access_token_max_ttl, access_token_period, access_token_num_uses_limit,
          access_token_trusted_ips, config, sealed_secrets)
         IS DISTINCT FROM ($2::integer, $3::integer, $4::integer, $5::integer, $6::jsonb, $7::jsonb, $8::bytea)
  RETURNING updated_at AS "updatedAt"`;

const DELETE = 'DELETE FROM latchkey.identity_auth_methods WHERE id = $1';
