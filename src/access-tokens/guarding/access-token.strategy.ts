import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-jwt';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import type { AddressedRequest } from '../../common/net/client-address';
import { AccessTokenKeyring } from '../issuing/access-token.keyring';
import { ShortKeyring } from '../issuing/short-key.keyring';
import { AccessTokenVerifier } from '../verification/access-token.verifier';
import { ratesOf } from '../verification/caller';
import { stateOf } from '../verification/request-state';
import { addHeaders, addRates } from './transport-errors';
import type { VerifiedAccessToken } from '../verification/verified-access-token';

/** The name for `AuthGuard('latchkey')`. */
export const LATCHKEY_STRATEGY = 'latchkey';

/**
 * A thin adapter for hosts that compose their guards with passport. In all other cases use `AccessTokenGuard`: passport's
 * registry belongs to the process, so the last application to start answers for all of them.
 */
@Injectable()
export class AccessTokenStrategy extends PassportStrategy(Strategy, LATCHKEY_STRATEGY) {
  /** The token of each request, read once, so that the verifier decides on the token that passport-jwt has checked. */
  private readonly tokens = new WeakMap<AddressedRequest, string>();

  constructor(
    keyring: AccessTokenKeyring,
    private readonly verifier: AccessTokenVerifier,
    private readonly shortKeys: ShortKeyring,
  ) {
    super({
      // passport-jwt asks for null, and takes nothing else for a request without a token.
      jwtFromRequest: (request: AddressedRequest) => this.tokens.get(request) ?? null,
      algorithms: ['HS256'],
      passReqToCallback: true,
      secretOrKeyProvider: (_request: unknown, token: string, done: (error: unknown, key?: string) => void) => {
        const { key, refusal } = keyOrRefusal(keyring, token);
        done(refusal, key);
      },
    });
  }

  override authenticate(request: AddressedRequest, options?: unknown): void {
    let token: string | undefined;
    try {
      token = this.read(request);
    } catch (error) {
      return this.error(error as Error);
    }
    // Short keys are no JWTs, and nothing for passport-jwt to read.
    if (token === undefined || !this.shortKeys.isKey(token)) return super.authenticate(request as never, options);
    void this.validate(request).then(
      (caller) => this.success(caller),
      (error: Error) => this.error(error),
    );
  }

  private read(request: AddressedRequest): string | undefined {
    try {
      const token = this.verifier.tokenOf(request);
      if (token !== undefined) this.tokens.set(request, token);
      return token;
    } catch (error) {
      return tell(request, error);
    }
  }

  /** Keeps the caller as the guard does, so that `@Caller()` injects the object that passport has on `request.user`. */
  async validate(request: AddressedRequest): Promise<VerifiedAccessToken> {
    try {
      const caller = await this.verifier.verificationOfToken(request, this.tokens.get(request));
      stateOf(request).caller = caller;
      const { res } = request as HeldRequest;
      const rates = ratesOf(caller);
      if (res !== undefined && rates !== undefined) addRates(res, rates);
      return caller;
    } catch (error) {
      return tell(request, error);
    }
  }
}

/** Express keeps the response on the request. Fastify does not, and passport gives a strategy only the request. */
type HeldRequest = AddressedRequest & { readonly res?: object };

function tell({ res }: HeldRequest, error: unknown): never {
  if (res !== undefined && error instanceof LatchkeyError) addHeaders(res, error);
  throw error;
}

/** The keyring checks first, so that the strategy accepts nothing that the guard would refuse. */
function keyOrRefusal(keyring: AccessTokenKeyring, token: string): { key?: string; refusal: unknown } {
  try {
    keyring.verify(token);
    // A KeyObject, although the typings allow only text: jsonwebtoken would parse text again on every request.
    return { key: keyring.keyFor(token) as unknown as string, refusal: null };
  } catch (refusal) {
    return { refusal };
  }
}
