import { Injectable } from '@nestjs/common';
import { type FirstUsedEvent, OnAccessToken, type RevokedEvent } from 'latchkey';

/** Tells customers what happens to their keys. An application would send mail here. */
@Injectable()
export class KeyNotices {
  readonly sent = new Map<string, string>();

  @OnAccessToken('firstUsed')
  used({ id, organizationExternalId, name }: FirstUsedEvent) {
    this.sent.set(id, `${organizationExternalId}: your key ${name} is in use`);
  }

  /** A notice that must not be missed. It may come twice, and then with the same id. */
  @OnAccessToken('revoked', { atLeastOnce: true })
  revoked({ id, organizationExternalId, name }: RevokedEvent) {
    this.sent.set(id, `${organizationExternalId}: your key ${name ?? '(all)'} was revoked`);
  }
}
