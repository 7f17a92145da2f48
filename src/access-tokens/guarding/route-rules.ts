import { SetMetadata } from '@nestjs/common';
import { ForbiddenError } from '../../common/errors/latchkey.error';

export const OPTIONAL = 'latchkey:optional-access-token';
export const METADATA = 'latchkey:required-metadata';

/** Labels an identity must carry: each key with the value it must have. */
export type RequiredMetadata = Readonly<Record<string, string>>;

/**
 * On a handler or controller guarded by `AccessTokenGuard`: a request without a token passes, and has no caller. A bad token is
 * refused as everywhere: whoever presents one means to be somebody.
 */
export function OptionalAccessToken(): MethodDecorator & ClassDecorator {
  return SetMetadata(OPTIONAL, true);
}

/** On a handler or controller guarded by `AccessTokenGuard`: only identities that carry these labels pass, others are 403. */
export function RequireMetadata(labels: RequiredMetadata): MethodDecorator & ClassDecorator {
  return SetMetadata(METADATA, labels);
}

/** The identity does not carry the labels a route asks for. The keys are named, the values are the host's. */
export class MissingMetadataError extends ForbiddenError {
  constructor(keys: readonly string[]) {
    super('metadata_missing', `The identity must have other metadata: ${keys.join(', ')}`);
  }
}
