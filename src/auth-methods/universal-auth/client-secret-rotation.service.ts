import { Injectable } from '@nestjs/common';
import { isEndedByUse, type Replacement, rotateOnce, type RotationTerms } from '../../access-tokens/issuing/rotation';
import { Clock } from '../../common/clock/clock';
import type { ClientSecret } from '../../database/entities/client-secret.entity';
import type { SqlRunner } from '../../database/sql-runner';
import { ClientSecretHasher } from './client-secret.hasher';
import { ClientSecretStore, type ReplacedSecret, type SecretPlace, type SecretSuccession } from './client-secret.store';
import { ClientSecretNotRotatableError, ClientSecretRotatedBeforeError } from './universal-auth.errors';

/** How a client secret is replaced. */
export type SecretRotation = SecretPlace & RotationTerms;

/** The client secret in place of another one. */
export interface RotatedSecret {
  readonly text: string;
  readonly secret: ClientSecret;
  readonly organizationId: string;
  /** When the old secret ends at the latest. Tokens obtained with it go on. */
  readonly oldEndsAt: Date;
  /** Whether an earlier call with the same key has made it. */
  readonly isRepeated: boolean;
}

/**
 * Replaces a client secret by a new one, for a host's code and for the wire. For a repeated call, the secret is derived again
 * from the idempotency key.
 */
@Injectable()
export class ClientSecretRotationService {
  constructor(
    private readonly store: ClientSecretStore,
    private readonly hasher: ClientSecretHasher,
    private readonly clock: Clock,
  ) {}

  /**
   * Undefined where there is no such secret.
   *
   * @param run runs SQL in the transaction.
   * @throws ClientSecretNotRotatableError, ClientSecretRotatedBeforeError, TooManyClientSecretsError
   */
  rotate(run: SqlRunner, rotation: SecretRotation): Promise<RotatedSecret | undefined> {
    const { clientSecretId } = rotation;
    const secret = {
      replace: (by: Replacement) => this.store.replace(run, rotation, by),
      succeed: (replaced: ReplacedSecret, by: Replacement) => this.succeed(run, { replaced, rotation, by }),
      find: () => this.store.findSuccession(run, rotation),
      repeat: (found: SecretSuccession) => this.repeat(rotation, found),
      notRotatable: () => new ClientSecretNotRotatableError(clientSecretId),
      rotatedBefore: () => new ClientSecretRotatedBeforeError(clientSecretId),
    };
    return rotateOnce(secret, rotation, this.clock.now());
  }

  private async succeed(run: SqlRunner, { replaced, rotation, by }: Succeeding): Promise<RotatedSecret> {
    const { organizationId, ...settings } = replaced;
    const { by: id, at: createdAt, endsAt: oldEndsAt } = by;
    await this.store.requireRoom(run, replaced.authMethodId, createdAt);
    const { text, ...stored } = this.hasher.make(seedOf(id, rotation));
    const endsSecretId = isEndedByUse(rotation) ? rotation.clientSecretId : null;
    const secret = await this.store.insert(run, { ...settings, ...stored, id, createdAt, endsSecretId });
    return { text, secret, organizationId, oldEndsAt, isRepeated: false };
  }

  private repeat(rotation: SecretRotation, found: SecretSuccession): RotatedSecret | undefined {
    const { successor: secret, organizationId, endsAt: oldEndsAt } = found;
    if (secret === null) return undefined;
    const made = this.hasher.makeAgain(seedOf(secret.id, rotation) ?? '', secret.hash);
    return made && { text: made.text, secret, organizationId, oldEndsAt, isRepeated: true };
  }
}

interface Succeeding {
  readonly replaced: ReplacedSecret;
  readonly rotation: SecretRotation;
  readonly by: Replacement;
}

/** Undefined for a call that cannot be repeated: its secret is random. */
function seedOf(id: string, { idempotencyKey }: RotationTerms): string | undefined {
  return idempotencyKey === undefined ? undefined : `${id} ${idempotencyKey}`;
}
