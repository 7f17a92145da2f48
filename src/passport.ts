export { AccessTokenStrategy, LATCHKEY_STRATEGY } from './access-tokens/guarding/access-token.strategy';
