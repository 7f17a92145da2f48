import type { AccessTokenEventName, AccessTokenEvents } from './access-token-events';

const HOOKS = Symbol('latchkey.hooks');

/** How events are delivered to a handler. */
export interface OnAccessTokenOptions {
  /**
   * Whether every event is delivered at least once, also after a crash, and for changes in a transaction of the host. Each event
   * is then a row that is written with the change. Not for `refused`.
   *
   * @default false
   */
  readonly atLeastOnce?: boolean;
}

/** An event that a handler listens to, and how. */
export interface Listening extends Required<OnAccessTokenOptions> {
  readonly type: AccessTokenEventName;
}

type Handler<Name extends AccessTokenEventName> = (event: AccessTokenEvents[Name]) => unknown;

/**
 * Calls the method of a provider or controller after each such event of a token that was issued by hand. Latchkey calls it after
 * the commit and after the answer. An error is logged and counted, and changes nothing else; after ten seconds the call counts as
 * failed. Tokens from logins have `SecurityEvents` instead.
 *
 * @throws TypeError for an unknown event or option, and for `refused` with `atLeastOnce`.
 */
export function OnAccessToken<Name extends AccessTokenEventName>(
  name: Name,
  options: OnAccessTokenOptions = {},
): <Method extends Handler<Name>>(
  target: object,
  key: string | symbol,
  method: TypedPropertyDescriptor<Method>,
) => void {
  const listening = checked(name, options);
  return (_target, _key, { value }) => {
    Reflect.defineMetadata(HOOKS, [...listeningOf(value!), listening], value!);
  };
}

/** The events that a method listens to. */
export function listeningOf(method: object): readonly Listening[] {
  return (Reflect.getOwnMetadata(HOOKS, method) as Listening[] | undefined) ?? [];
}

const NAMES: Record<AccessTokenEventName, true> = {
  issued: true,
  rotated: true,
  revoked: true,
  expired: true,
  refused: true,
  firstUsed: true,
};

function checked(type: AccessTokenEventName, options: OnAccessTokenOptions): Listening {
  const { atLeastOnce = false, ...rest } = options;
  if (!Object.hasOwn(NAMES, type)) throw new TypeError(`OnAccessToken takes one of ${Object.keys(NAMES).join(', ')}`);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new TypeError(`${unknown} is not an option of OnAccessToken`);
  if (typeof atLeastOnce !== 'boolean') throw new TypeError('atLeastOnce must be true or false');
  if (atLeastOnce && type === 'refused') throw new TypeError('refused cannot be delivered at least once');
  return { type, atLeastOnce };
}
