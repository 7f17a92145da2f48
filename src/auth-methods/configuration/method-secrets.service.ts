import { Injectable } from '@nestjs/common';
import { derivedKey } from '../../common/crypto/derived-key';
import { SealedBox } from '../../common/crypto/sealed-box';
import { LatchkeySettings } from '../../latchkey.options';
import type { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';

const PURPOSE = 'latchkey auth method secrets';

type Owner = Pick<IdentityAuthMethod, 'identityId' | 'method'>;

/**
 * Encrypts settings that a method must be able to read again, such as the password of a directory, with a key that is not in
 * the database. A ciphertext belongs to the method of one identity: moved to another row, it cannot be decrypted.
 */
@Injectable()
export class MethodSecretsService {
  private readonly box: SealedBox;

  constructor({ authSecrets: [current, ...previous] }: LatchkeySettings) {
    this.box = new SealedBox([derivedKey(current, PURPOSE), ...previous.map((secret) => derivedKey(secret, PURPOSE))]);
  }

  /** Null if there are no secrets. */
  seal(owner: Owner, secrets: object = {}): Buffer | null {
    return Object.keys(secrets).length === 0 ? null : this.box.seal(nameOf(owner), JSON.stringify(secrets));
  }

  open({ sealedSecrets, ...owner }: Owner & Pick<IdentityAuthMethod, 'sealedSecrets'>): object {
    if (sealedSecrets === null) return {};
    const text = this.box.open(nameOf(owner), sealedSecrets);
    if (text !== undefined) return JSON.parse(text) as object;
    throw new Error(`The secrets of ${owner.method} of identity ${owner.identityId} open under no auth secret`);
  }
}

function nameOf({ identityId, method }: Owner): string {
  return `${identityId} ${method}`;
}
