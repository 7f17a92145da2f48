import { AssertionError } from 'node:assert';
import type { INestApplicationContext } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { AccessTokenVerifier } from '../access-tokens/verification/access-token.verifier';
import type { RefusalCode } from '../access-tokens/issuing/access-tokens.errors';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { Clock } from '../common/clock/clock';
import { LatchkeyError } from '../common/errors/latchkey.error';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { inSchemaOf } from '../database/schema';
import { AccessTokens } from '../host-api/access-tokens';
import { MachineIdentities, type TokenPolicy } from '../host-api/machine-identities';
import { ChangeFeedService } from '../change-feed/change-feed.service';
import { PermissionsService } from '../permissions/permissions.service';
import { type Role, ROLES } from '../permissions/roles';

/**
 * The token that a test wants. Every field is optional. By default the token is usable from any address and holds no
 * permission.
 */
export interface TestTokenOptions {
  /** The organization of the token. By default, one that all tokens of the kit share. */
  readonly organizationId?: string;
  /** The name of its identity. */
  readonly name?: string;
  /**
   * Permissions that the token must hold, the host's own or Latchkey's. Its identity gets the least privileged role that has
   * them all.
   */
  readonly permissions?: readonly string[];
  /** The role of its identity, instead of permissions. */
  readonly role?: Role;
  /** Labels of its identity. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Addresses and CIDR blocks from which the token can be used. */
  readonly from?: readonly string[];
  /** How many times the token can be used. */
  readonly uses?: number;
  /** The state of the token. */
  readonly state?: 'good' | 'expired' | 'revoked' | 'used-up';
}

/** A token for a test. */
export interface TestToken {
  readonly accessToken: string;
  readonly tokenId: string;
  readonly identityId: string;
  readonly organizationId: string;
  /** Headers to send with a request. */
  readonly headers: { readonly authorization: string };
}

/**
 * Makes tokens of every kind in an application that embeds Latchkey, and asserts whether a token is usable.
 *
 * @param app the application, after `init` or `listen`.
 */
export class LatchkeyTestKit {
  private organization: Promise<string> | undefined;

  constructor(private readonly app: INestApplicationContext) {}

  /** Makes a new organization. @returns its id */
  async organizationId(name = 'Test Organization'): Promise<string> {
    return (await this.get(MachineIdentities).createOrganization({ name })).organizationId;
  }

  /** Makes a token, for an identity of its own. @throws Error if no role holds all permissions */
  async token(wanted: TestTokenOptions = {}): Promise<TestToken> {
    const organizationId = wanted.organizationId ?? (await (this.organization ??= this.organizationId()));
    const { name = 'test identity', metadata, role = this.leastRoleWith(wanted.permissions ?? []) } = wanted;
    const identity = { organizationId, name, role, metadata, tokenAuth: tokenAuthOf(wanted) };
    const { identityId } = await this.get(MachineIdentities).create(identity);
    const { accessToken, tokenId } = await this.get(AccessTokens).issue({ identityId, name: 'test token' });
    await this.bring(tokenId, wanted.state);
    const headers = { authorization: `Bearer ${accessToken}` };
    return { accessToken, tokenId, identityId, organizationId, headers };
  }

  /** Revokes a token that was usable until now. */
  async revoke({ tokenId }: Pick<TestToken, 'tokenId'>): Promise<void> {
    await this.get(AccessTokens).revoke(tokenId);
  }

  /** Asserts that a token is usable, and spends one use of it. @returns its caller @throws AssertionError */
  async assertGood(token: Pick<TestToken, 'accessToken'>, address = '127.0.0.1'): Promise<VerifiedAccessToken> {
    try {
      return await this.get(AccessTokenVerifier).verify(token.accessToken, address);
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error;
      throw new AssertionError({ message: 'The token is refused', actual: error.errorCode, expected: 'a good token' });
    }
  }

  /** Asserts that a token is refused with an error code, such as `access_token_revoked`. @throws AssertionError */
  async assertRefused(
    token: Pick<TestToken, 'accessToken'>,
    errorCode: RefusalCode,
    address = '127.0.0.1',
  ): Promise<void> {
    const actual = await this.get(AccessTokenVerifier)
      .verify(token.accessToken, address)
      .then(
        () => 'a good token',
        (error: unknown) => {
          if (error instanceof LatchkeyError) return error.errorCode;
          throw error;
        },
      );
    if (actual === errorCode) return;
    throw new AssertionError({ message: 'The token is not refused as expected', actual, expected: errorCode });
  }

  private async bring(tokenId: string, state: TestTokenOptions['state']): Promise<void> {
    if (state === 'revoked') await this.revoke({ tokenId });
    else if (state === 'expired') await this.write(EXPIRE, [tokenId, this.get(Clock).now()]);
    else if (state === 'used-up') await this.write(USE_UP, [tokenId]);
  }

  private leastRoleWith(permissions: readonly string[]): Role {
    const roles = this.get(PermissionsService);
    const role = [...ROLES].reverse().find((candidate) => {
      const held = roles.permissionsOf({ role: candidate, isInstanceAdmin: false });
      return permissions.every((permission) => held.includes(permission));
    });
    if (role === undefined) throw new TypeError(`No role holds all of ${permissions.join(', ')}`);
    return role;
  }

  private async write(sql: string, parameters: unknown[]): Promise<void> {
    const dataSource = this.app.get<DataSource>(getDataSourceToken(LATCHKEY_DATA_SOURCE), { strict: false });
    await dataSource.query(inSchemaOf(dataSource, sql), parameters);
    // Tests should not wait until this node applies the change by itself.
    await this.get(ChangeFeedService).catchUp();
  }

  private get<T>(type: abstract new (...args: never[]) => T): T {
    return this.app.get<T>(type, { strict: false });
  }
}

function tokenAuthOf({ state, uses, from }: TestTokenOptions): TokenPolicy {
  return {
    accessTokenNumUsesLimit: uses ?? (state === 'used-up' ? 1 : 0),
    ...(from ? { accessTokenTrustedIps: from.map((ipAddress) => ({ ipAddress })) } : {}),
  };
}

const EXPIRE = `
  UPDATE latchkey.identity_access_tokens SET expires_at = $2::timestamptz - interval '1 second' WHERE id = $1`;

const USE_UP = 'UPDATE latchkey.identity_access_tokens SET num_uses = num_uses_limit WHERE id = $1';
