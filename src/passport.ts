export { AccessTokenStrategy, LATCHKEY_STRATEGY } from './access-tokens/access-token.strategy';
