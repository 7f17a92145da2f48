import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { UntrustedAddressError } from '../../access-tokens/access-tokens.errors';
import { isId } from '../../common/ids';
import { isTrusted } from '../../common/net/trusted-ips';
import { LATCHKEY_DATA_SOURCE } from '../../database/data-source-name';
import { inSchemaOf } from '../../database/schema';
import { AuthMethod, type LoginAttempt, type Proof } from '../auth-method';
import { InvalidCredentialsError } from '../auth-methods.errors';
import { IdentityAuthMethod } from '../identity-auth-method.entity';
import type { LockoutSubject } from '../lockouts.service';
import { ClientSecretHasher } from './client-secret-hasher';
import { ClientSecret } from './client-secret.entity';
import { type UniversalAuthLoginDto } from './dto/universal-auth.dtos';
import { configOf, DEFAULT_CONFIG } from './universal-auth.config';
import { UNIVERSAL_AUTH } from './universal-auth.definition';
import { ClientSecretExpiredError, ClientSecretUsedUpError } from './universal-auth.errors';

interface Found {
  readonly client: IdentityAuthMethod | null;
  readonly secret: ClientSecret | null;
}

/** No row has it, so that looking for nobody asks the database the same as looking for somebody. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/**
 * Knows a client by its id and a secret. A client that does not exist is answered like a wrong secret, after the same
 * statements, and locks like one. So is a client at an address it may not log in from, unless the secret is right: strangers
 * elsewhere neither lock it out nor learn that it is there.
 */
@Injectable()
export class UniversalAuth extends AuthMethod<UniversalAuthLoginDto> {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly hasher: ClientSecretHasher,
  ) {
    super();
  }

  /** @throws InvalidCredentialsError */
  async authenticate(attempt: LoginAttempt<UniversalAuthLoginDto>): Promise<Proof> {
    const { clientId, clientSecret } = attempt.credentials;
    const hashes = this.hasher.hashesOf(clientSecret);
    const { client, secret } = await this.find(clientId, hashes);
    const guessed = this.subjectOf(client, attempt);
    if (!client || !secret || !hashes.some((hash) => timingSafeEqual(hash, secret.hash))) {
      throw new InvalidCredentialsError(guessed);
    }
    return {
      authMethodId: client.id,
      identityId: client.identityId,
      clientSecretId: secret.id,
      guessed,
      accept: () => accept(client, secret, attempt),
      spend: (tx) => spend(tx, secret, hashes[0], attempt.now),
    };
  }

  /** One statement, whether there is such a client or not. */
  private async find(clientId: string, hashes: Buffer[]): Promise<Found> {
    const client = (await this.dataSource
      .createQueryBuilder(IdentityAuthMethod, 'a')
      .leftJoinAndMapOne(
        'a.secret',
        ClientSecret,
        's',
        's.authMethodId = a.id AND s.hash IN (:...hashes) AND s.revokedAt IS NULL',
        { hashes },
      )
      .where('a.clientId = :clientId AND a.method = :method', {
        clientId: isId(clientId) ? clientId : NOBODY,
        method: UNIVERSAL_AUTH.slug,
      })
      .getOne()) as (IdentityAuthMethod & Pick<Found, 'secret'>) | null;
    return { client, secret: client?.secret ?? null };
  }

  /** What a wrong guess is counted against; undefined for a client that does without lock-outs. */
  private subjectOf(
    client: IdentityAuthMethod | null,
    { address, credentials }: LoginAttempt<UniversalAuthLoginDto>,
  ): LockoutSubject | undefined {
    if (!client || !isTrusted(configOf(client).clientSecretTrustedIps, address)) {
      return { id: this.hasher.standInFor(credentials.clientId), authMethodId: null, policy: DEFAULT_CONFIG };
    }
    const policy = configOf(client);
    return policy.lockoutEnabled ? { id: client.id, authMethodId: client.id, policy } : undefined;
  }
}

/** @throws UntrustedAddressError, ClientSecretExpiredError, ClientSecretUsedUpError */
function accept(
  client: IdentityAuthMethod,
  secret: ClientSecret,
  { address, now }: LoginAttempt<UniversalAuthLoginDto>,
): void {
  const { expiresAt, numUses, numUsesLimit } = secret;
  if (!isTrusted(configOf(client).clientSecretTrustedIps, address)) throw new UntrustedAddressError();
  if (expiresAt !== null && expiresAt <= now) throw new ClientSecretExpiredError();
  // The guarded statement decides; this spares the database who comes again and again.
  if (numUsesLimit > 0 && numUses >= numUsesLimit) throw new ClientSecretUsedUpError();
}

/** @throws ClientSecretUsedUpError */
async function spend(tx: EntityManager, { id, numUsesLimit }: ClientSecret, hash: Buffer, now: Date): Promise<void> {
  const use = numUsesLimit === 0 ? NOTE_USE : SPEND_USE;
  const [, affected] = await tx.query<[unknown, number]>(inSchemaOf(tx.dataSource, use), [id, now, hash]);
  if (affected !== 1 && numUsesLimit > 0) throw new ClientSecretUsedUpError();
}

// Each use moves the secret on to the present pepper, so that those before it can be retired.
const SPEND_USE = `
  UPDATE latchkey.client_secrets SET num_uses = num_uses + 1, last_used_at = greatest(last_used_at, $2), hash = $3
   WHERE id = $1 AND num_uses < num_uses_limit`;

// Logins with a secret that has no limit do not wait for each other: of several at the same moment, one is counted.
const NOTE_USE = `
  UPDATE latchkey.client_secrets SET num_uses = num_uses + 1, last_used_at = greatest(last_used_at, $2), hash = $3
   WHERE id = (SELECT id FROM latchkey.client_secrets WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED)`;
