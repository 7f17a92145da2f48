import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import type { AddressedRequest } from '../../common/net/client-address';
import { AccessTokenKeyring } from '../issuing/access-token.keyring';
import { AccessTokenVerifier } from '../verification/access-token.verifier';
import { stateOf } from '../verification/request-state';
import { addHeaders } from './transport-errors';
import type { VerifiedAccessToken } from '../verification/verified-access-token';

/** The name hosts compose with: `AuthGuard('latchkey')`. */
export const LATCHKEY_STRATEGY = 'latchkey';

/**
 * A thin adapter for hosts that compose their guards with passport. Everywhere else use `AccessTokenGuard`: passport's
 * registry belongs to the process, so the last application to start answers for all of them.
 */
@Injectable()
export class AccessTokenStrategy extends PassportStrategy(Strategy, LATCHKEY_STRATEGY) {
  constructor(
    keyring: AccessTokenKeyring,
    private readonly verifier: AccessTokenVerifier,
  ) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      algorithms: ['HS256'],
      passReqToCallback: true,
      secretOrKeyProvider: (_request: unknown, token: string, done: (error: unknown, key?: string) => void) => {
        const { key, refusal } = keyOrRefusal(keyring, token);
        done(refusal, key);
      },
    });
  }

  /** Notes the caller as the guard does, so that `@Caller()` injects what passport has on `request.user`. */
  async validate(request: AddressedRequest): Promise<VerifiedAccessToken> {
    const caller = await this.verifier.verifyRequest(request).catch((error: unknown) => tell(request, error));
    stateOf(request).caller = caller;
    return caller;
  }
}

/** Express keeps the response on the request. Fastify does not, and passport hands a strategy nothing but the request. */
function tell({ res }: AddressedRequest & { readonly res?: object }, error: unknown): never {
  if (res !== undefined && error instanceof LatchkeyError) addHeaders(res, error);
  throw error;
}

/** The keyring judges first, so that nothing is let through here that the guard would refuse. */
function keyOrRefusal(keyring: AccessTokenKeyring, token: string): { key?: string; refusal: unknown } {
  try {
    keyring.verify(token);
    // A KeyObject: the typings know only text, which jsonwebtoken would parse anew on every request.
    return { key: keyring.keyFor(token) as unknown as string, refusal: null };
  } catch (refusal) {
    return { refusal };
  }
}
