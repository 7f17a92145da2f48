import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { Clock } from '../../common/clock/clock';
import { takingAway } from '../../common/async/errand';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { DURABLE } from '../../database/durable';
import { inSchemaOf } from '../../database/schema';
import { LastAdministratorService } from '../../permissions/last-administrator.service';
import { type Receipt, ChangeReceiptsService } from '../../change-feed/change-receipts.service';
import { AccessTokenIssuer, secondsBetween, type SignedAccessToken } from '../issuing/access-token.issuer';
import { AccessTokenKeyring } from '../issuing/access-token.keyring';
import { AccessTokenRefusedError } from '../issuing/access-tokens.errors';
import { FOREVER_SECONDS, tighter } from '../issuing/lifetime';
import { TokenFactsReader } from '../verification/token-facts.reader';
import { requireUsable } from '../verification/token-rules';

/** What the holder of a token can do with it, whichever method it came from: renew it, and give it up. */
@Injectable()
export class AccessTokensService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly keyring: AccessTokenKeyring,
    private readonly issuer: AccessTokenIssuer,
    private readonly facts: TokenFactsReader,
    private readonly receipts: ChangeReceiptsService,
    private readonly clock: Clock,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /** Signs a later JWT for the same token (decisions 4). Counts no use. */
  async renew(jwt: string, address: string | undefined): Promise<SignedAccessToken & { accessTokenMaxTTL: number }> {
    const { jti } = this.keyring.verify(jwt);
    const now = this.clock.now();
    const facts = requireUsable({
      facts: await this.facts.find(jti),
      epochMs: now.getTime(),
      address,
      purpose: 'Cannot renew',
    });
    const policy = tighter(facts, facts.method);
    const expiresAt = this.issuer.renewedExpiry(policy, facts.createdAt, now);
    await this.extend(jti, now, expiresAt);
    const { tokenId: id, organization, method } = facts;
    const signed = this.issuer.sign(
      { ...facts, id, organizationId: organization.id, trustedIps: method.trustedIps },
      now,
      expiresAt,
    );
    const isPeriodic = policy.accessTokenPeriod > 0;
    return { ...signed, accessTokenMaxTTL: (!isPeriodic && policy.accessTokenMaxTTL) || FOREVER_SECONDS };
  }

  /**
   * Kills the token a JWT stands for, and with it every JWT of the chain. Once dead it stays so: again is the same.
   *
   * @throws LastAdministratorError: whoever holds the last token of an administrator makes another one first
   */
  async revoke(jwt: string): Promise<Receipt | null> {
    const { jti, identityId, orgId } = this.keyring.verify(jwt);
    const target = { identityId, organizationId: orgId, isLocking: false };
    const revoke = async (tx: EntityManager) => {
      await this.lastAdministrator.keep(tx, target, () =>
        tx.query(inSchemaOf(this.dataSource, REVOKE), [jti, this.clock.now()]),
      );
      return this.receipts.of(tx);
    };
    const receipt = await takingAway(() => this.dataSource.transaction(revoke));
    await this.receipts.applyLocally();
    return receipt;
  }

  /** One statement, with the condition in it: a token revoked since the verdict is not renewed. */
  private async extend(id: string, now: Date, expiresAt: Date | null): Promise<void> {
    const [, affected] = await this.dataSource.query<[unknown, number]>(inSchemaOf(this.dataSource, EXTEND), [
      id,
      now,
      expiresAt,
      secondsBetween(now, expiresAt),
    ]);
    if (affected !== 1) throw new AccessTokenRefusedError('revoked', 'Cannot renew');
  }
}

// The row is locked also where nothing is left to change: that is written to the log, so that the answer waits for the standby.
// The first revocation may have been given up while it waited, and then it is there for all to see, and on no other disk.
const REVOKE = `
  WITH durable AS MATERIALIZED (${DURABLE}
  ), token AS MATERIALIZED (
    SELECT t.id, t.revoked_at FROM latchkey.identity_access_tokens t, durable WHERE t.id = $1 FOR NO KEY UPDATE OF t
  )
  UPDATE latchkey.identity_access_tokens t SET revoked_at = $2, updated_at = $2
    FROM token WHERE t.id = token.id AND token.revoked_at IS NULL`;

// The row keeps the latest expiry ever signed: an earlier JWT of the chain may outlive one renewed under a shorter TTL.
const EXTEND = `
  UPDATE latchkey.identity_access_tokens
     SET last_renewed_at = $2, updated_at = $2, signed_ttl = $4,
         expires_at = CASE WHEN expires_at IS NULL OR $3::timestamptz IS NULL THEN NULL ELSE greatest(expires_at, $3) END
   WHERE id = $1 AND revoked_at IS NULL
     AND EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = auth_method_id)`;
