import { Header } from '@nestjs/common';

/** For answers that carry a token: no cache on the way may keep them (decision 10, RFC 6749 section 5.1). */
export function NoStore(): MethodDecorator {
  return Header('Cache-Control', 'no-store');
}
