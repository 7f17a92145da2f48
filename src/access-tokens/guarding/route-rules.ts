import { SetMetadata } from '@nestjs/common';
import { ForbiddenError } from '../../common/errors/latchkey.error';

export const OPTIONAL = 'latchkey:optional-access-token';
export const METADATA = 'latchkey:required-metadata';

/** Labels that an identity must have: each key with its value. */
export type RequiredMetadata = Readonly<Record<string, string>>;

/**
 * On a handler or controller guarded by `AccessTokenGuard`: a request without a token passes, and has no caller. An unusable
 * token is refused as on every other route, because its sender means to be identified.
 */
export function OptionalAccessToken(): MethodDecorator & ClassDecorator {
  return SetMetadata(OPTIONAL, true);
}

/**
 * On a handler or controller guarded by `AccessTokenGuard`: only identities with these labels pass. Others get 403
 * (`MissingMetadataError`).
 */
export function RequireMetadata(labels: RequiredMetadata): MethodDecorator & ClassDecorator {
  return SetMetadata(METADATA, labels);
}

/** The identity does not have the labels that a route requires. The message names the keys and no values. */
export class MissingMetadataError extends ForbiddenError {
  constructor(keys: readonly string[]) {
    super('metadata_missing', `The identity must have other metadata: ${keys.join(', ')}`);
  }
}
